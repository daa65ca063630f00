// SPDX-License-Identifier: GPL-2.0
#include "bench/report/report.h"

#include <math.h>
#include <string.h>

const struct tail_metric tail_metrics[TAIL_METRICS] = {
	{ "guest_avg_us", "avg" },
	{ "guest_p99_us", "p99" },
	{ "guest_p999_us", "p99.9" },
	{ "guest_max_us", "max" },
};

void format_us(char *text, size_t size, double us, bool tight)
{
	if (us >= 1e6)
		snprintf(text, size, "%.1fs", us / 1e6);
	else if (tight && us >= 1e4)
		snprintf(text, size, "%.0fms", us / 1e3);
	else
		snprintf(text, size, "%.0f", us);
}

void format_comparison(char *text, size_t size, const struct stats_comparison *c)
{
	const char *mark = "";

	if (c->outcome == STATS_LEVEL)
		mark = "~";
	else if (c->outcome != STATS_BELOW && c->outcome != STATS_ABOVE)
		mark = "?";
	if (isinf(c->ratio))
		snprintf(text, size, "%sinf", mark);
	else
		snprintf(text, size, c->ratio < 99.5 ? "%s%.2fx" : "%s%.0fx", mark, c->ratio);
}

void format_effect(char *text, size_t size, double ratio, const char *base)
{
	double times = ratio < 1 ? 1 / ratio : ratio;
	const char *way = ratio < 1 ? "below" : "above";

	if (isinf(times))
		snprintf(text, size, "without bound %s %s", way, base);
	else
		snprintf(text, size, times < 2 ? "%.2fx %s %s" : "%.1fx %s %s", times, way, base);
}

void format_floor(char *text, size_t size, double floor)
{
	if (floor < 0)
		snprintf(text, size, "unknown");
	else if (floor >= 9.995)
		snprintf(text, size, "above 10x");
	else
		snprintf(text, size, floor < 0.0995 ? "%.1f %%" : "%.0f %%", floor * 100);
}

void format_floors(char *text, size_t size, const struct group *g)
{
	static const struct tail_metric others[] = {
		{ SHARE_METRIC, "co-tenant share" },
		{ "messages_per_s", "throughput" },
		{ "host_p99_us", "host p99" },
	};
	size_t runs, most = 0, used = 0, i;
	char one[32];

	text[0] = '\0';
	for (i = 0; i < TAIL_METRICS + sizeof(others) / sizeof(others[0]); i++) {
		const struct tail_metric *t = i < TAIL_METRICS ? &tail_metrics[i] :
								 &others[i - TAIL_METRICS];
		double floor = group_floor(g, t->key, &runs);

		if (floor < 0 || used >= size)
			continue;
		most = runs > most ? runs : most;
		format_floor(one, sizeof(one), floor);
		used += (size_t)snprintf(text + used, size - used, "%s%s %s", used ? ", " : "",
					 t->label, one);
	}
	if (!most)
		snprintf(text, size, "unknown: needs runs of vanilla and of vanilla-aa");
	else if (used < size)
		snprintf(text + used, size - used, " (vanilla against itself, %zu run%s each)",
			 most, most == 1 ? "" : "s");
}

unsigned long long group_overflow(const struct group *g)
{
	unsigned long long n = 0;
	size_t i;

	for (i = 0; i < g->nmodes; i++) {
		const struct hist *h = mode_hist(&g->modes[i], "guest");

		n += h ? h->overflow : 0;
	}
	return n;
}

static bool has_column(const char *key)
{
	static const char *const columns[] = {
		"guest_min_us", "guest_avg_us", "guest_p50_us", "guest_p99_us", "guest_p999_us",
		"guest_max_us", "samples", "overflow", "cotenant_share_min",
		"cotenant_share_mean", "vcpu_share", "exits_per_s",
	};
	size_t i;

	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		if (!strcmp(key, columns[i]))
			return true;
	}
	return false;
}

size_t other_metrics(const struct group *g, const char **keys, size_t max)
{
	size_t n = 0, m, i, k;
	const char *key;
	json_t *value;

	for (m = 0; m < g->nmodes; m++) {
		for (i = 0; i < g->modes[m].nruns; i++) {
			json_object_foreach((json_t *)g->modes[m].runs[i].metrics, key, value) {
				for (k = 0; k < n && strcmp(keys[k], key); k++)
					;
				if (k == n && n < max && !has_column(key))
					keys[n++] = key;
			}
		}
	}
	return n;
}
