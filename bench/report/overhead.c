// SPDX-License-Identifier: GPL-2.0
/* What single operations cost: all cases in one table, as ratios to off. */
#include "bench/report/report.h"

#include <string.h>

#define MODE_COLUMNS 6

static const struct operation {
	const char *case_name;
	const char *key;
	const char *label;
} operations[] = {
	{ "exit", "exit_ns", "VM exit: CPUID" },
	{ "exit", "hypercall_ns", "VM exit: empty hypercall" },
	{ "irq-running", "irq_ns", "interrupt to a running vCPU" },
	{ "irq-halted", "irq_ns", "interrupt to a halted vCPU" },
	{ "boost", "signal_ns", "boost: signal the interrupt" },
	{ "boost", "irq_ns", "boost: until the guest handles it" },
	{ "boost", "hypercall_ns", "boost: yield" },
	{ "switch", "switch_ns", "context switch" },
	{ "switch", "switch_rt_ns", "context switch, one task RT" },
};

bool group_is_overhead(const struct group *g)
{
	return !strcmp(g->bench, "overhead");
}

size_t overhead_metrics(const struct group *g, struct plot_metric *t, size_t max)
{
	struct stats_summary s;
	size_t n = 0, i;

	for (i = 0; i < sizeof(operations) / sizeof(operations[0]) && n < max; i++) {
		const struct operation *op = &operations[i];

		if (group_base(g) && !strcmp(op->case_name, g->case_name) &&
		    mode_summary(group_base(g), op->key, &s))
			t[n++] = (struct plot_metric){ op->key, op->label, 1e-3 };
	}
	return n;
}

/* Two digits are too few here. */
static void print_ratio(const struct stats_comparison *c, FILE *out)
{
	const char *mark = c->outcome == STATS_LEVEL ? "~" : "?";
	char text[32];

	if (c->outcome == STATS_BELOW || c->outcome == STATS_ABOVE)
		mark = "";
	snprintf(text, sizeof(text), "%s%.3fx", mark, c->ratio);
	fprintf(out, "%10s", text);
}

static void print_operation(const struct group *g, const struct operation *op,
			    const char *const *modes, size_t n, FILE *out)
{
	const struct mode *base = group_base(g);
	struct stats_comparison c;
	struct stats_summary s;
	char floor[32];
	size_t i;

	if (!base || !mode_summary(base, op->key, &s))
		return;
	format_floor(floor, sizeof(floor), group_floor(g, op->key, NULL));
	fprintf(out, "%-34s%9.2f%10s", op->label, s.median / 1e3, floor);
	for (i = 0; i < n; i++) {
		const struct mode *m = group_mode(g, modes[i]);

		if (m && group_compare(g, m, base, op->key, &c))
			print_ratio(&c, out);
		else
			fprintf(out, "%10s", "-");
	}
	fputc('\n', out);
}

/* All that some case has, in the order of the first one that has it. */
static size_t list_modes(const struct result *r, const char **modes)
{
	size_t n = 0, i, m, k;

	for (i = 0; i < r->ngroups; i++) {
		const struct group *g = &r->groups[i];

		for (m = 0; group_is_overhead(g) && m < g->nmodes; m++) {
			for (k = 0; k < n && strcmp(modes[k], g->modes[m].name); k++)
				;
			if (k == n && n < MODE_COLUMNS && &g->modes[m] != group_base(g))
				modes[n++] = g->modes[m].name;
		}
	}
	return n;
}

static void print_boost(const struct result *r, FILE *out)
{
	const struct group *g = result_group(r, "overhead", "boost");
	const struct mode *on = g ? group_mode(g, "on") : NULL;
	struct stats_summary s;

	if (on && mode_summary(on, "boost_ratio", &s))
		fprintf(out, "boost and unboost: %.2f empty hypercalls (%.2f-%.2f)\n", s.median,
			s.min, s.max);
}

/* What it takes a guest to answer, and what is left to who waits meanwhile. */
static void print_notify(const struct result *r, FILE *out)
{
	const struct group *g = result_group(r, "overhead", "notify");
	const struct mode *on = g ? group_mode(g, "on") : NULL;
	struct stats_summary p50, p99, acked, share, base;

	if (!on || !mode_summary(on, "handshake_p50_ratio", &p50) ||
	    !mode_summary(on, "handshake_p99_ratio", &p99) ||
	    !mode_summary(on, "acked_share", &acked))
		return;
	fprintf(out, "notification until yield, in interrupts to a halted vCPU: p50 %.2f (%.2f-%.2f), p99 %.2f (%.2f-%.2f)\n",
		p50.median, p50.min, p50.max, p99.median, p99.min, p99.max);
	fprintf(out, "answered in time: %.1f %%", 100 * acked.median);
	if (group_base(g) && mode_summary(on, "cotenant_share", &share) &&
	    mode_summary(group_base(g), "cotenant_share", &base))
		fprintf(out, "; the competitor gets %.1f %% of the pCPU (off: %.1f %%)",
			100 * share.median, 100 * base.median);
	fputc('\n', out);
}

bool overhead_print(const struct result *r, FILE *out)
{
	const char *modes[MODE_COLUMNS];
	size_t n = list_modes(r, modes), i;

	if (!n)
		return false;
	fprintf(out, "%-34s%9s%10s", "overhead", "off, us", "floor");
	for (i = 0; i < n; i++)
		fprintf(out, "%10s", modes[i]);
	fputc('\n', out);
	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		const struct group *g = result_group(r, "overhead", operations[i].case_name);

		if (g)
			print_operation(g, &operations[i], modes, n, out);
	}
	print_boost(r, out);
	print_notify(r, out);
	fputs("Medians over the repeats, modes as ratios to off: ~ within the noise floor (off against itself), ? not enough\n"
	      "evidence.\n",
	      out);
	return true;
}
