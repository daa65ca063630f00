// SPDX-License-Identifier: GPL-2.0
/*
 * cyclictest at several intervals, guest and host, idle and busy: average and maximum in four
 * tables, with a column per mode.
 */
#include "bench/report/report.h"

#include <stdlib.h>
#include <string.h>

#define GROUPS_MAX	16

static const struct part {
	const char *title;
	const char *key;
} parts[] = {
	{ "guest, average", "guest_avg_us" },
	{ "guest, maximum", "guest_max_us" },
	{ "host, average", "host_avg_us" },
	{ "host, maximum", "host_max_us" },
};

/* "busy-500": 500; 0 if it is no case of a matrix. */
static int interval_of(const struct group *g)
{
	const char *last = strrchr(g->case_name, '-');

	return strcmp(g->bench, "cyclictest") || !last ? 0 : atoi(last + 1);
}

static size_t matrix_groups(const struct result *r, const struct group **g)
{
	size_t n = 0, i;

	for (i = 0; i < r->ngroups && n < GROUPS_MAX; i++)
		if (interval_of(&r->groups[i]) > 0)
			g[n++] = &r->groups[i];
	return n;
}

static void row_name(char *text, size_t size, const struct group *g)
{
	const char *load = strncmp(g->case_name, "busy", 4) ? "idle" :
			   strncmp(g->case_name, "busy-hog", 8) ? "busy" : "busy-hog";

	snprintf(text, size, "%s, %d us", load, interval_of(g));
}

/* A guest that takes longer for a wake-up than the interval is measures itself. */
static void print_overrun(const struct result *r, const struct group *g, FILE *out)
{
	double seconds = result_parameter(r, "seconds", 0), threads = result_parameter(r, "vcpus", 1);
	double wanted = seconds * threads * 1e6 / interval_of(g);
	const struct mode *vanilla = group_mode(g, "vanilla");
	struct stats_summary s;

	if (strncmp(g->case_name, "idle", 4) || !vanilla ||
	    !mode_summary(vanilla, "samples", &s) || wanted <= 0 || s.median >= 0.9 * wanted)
		return;
	fprintf(out, "This machine does not keep up with %d us even without load: %.0f %% of the wake-ups took place.\n",
		interval_of(g), 100 * s.median / wanted);
}

bool matrix_print(const struct result *r, FILE *out)
{
	const struct group *g[GROUPS_MAX];
	size_t n = matrix_groups(r, g), i, k;
	char name[48];

	if (n < 2)
		return false;
	for (k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
		if (!groups_measured(g, n, parts[k].key))
			continue;
		fprintf(out, "cyclictest, %s, us\n", parts[k].title);
		row_print_modes(g[0], out);
		for (i = 0; i < n; i++) {
			row_name(name, sizeof(name), g[i]);
			row_print_values(name, g[i], g[0], parts[k].key, 0, out);
			row_print_ratios(g[i], g[0], parts[k].key, out);
		}
		fputc('\n', out);
	}
	for (i = 0; i < n; i++)
		print_overrun(r, g[i], out);
	return true;
}
