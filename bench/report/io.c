// SPDX-License-Identifier: GPL-2.0
/* Block requests and packets with coalesced completions: one table per case, as ratios to off. */
#include "bench/report/report.h"

#include <stdlib.h>
#include <string.h>

static const struct column {
	const char *label;
	const char *key;
	int digits;
} columns[] = {
	{ "requests/s", "iops", 0 },
	{ "p50, us", "p50_us", 0 },
	{ "p99, us", "p99_us", 0 },
	{ "p99.9, us", "p999_us", 0 },
	{ "irqs/req", "irqs_per_req", 3 },
	{ "guest us/req", "guest_cpu_us_per_req", 1 },
	{ "host us/req", "host_cpu_us_per_req", 1 },
};

#define NCOLUMNS	(sizeof(columns) / sizeof(columns[0]))

bool group_is_io(const struct group *g)
{
	return !strcmp(g->bench, "blk") || !strcmp(g->bench, "net");
}

static void print_mode(const struct group *g, const struct mode *m, FILE *out)
{
	const struct mode *base = group_base(g);
	struct stats_comparison c;
	struct stats_summary s;
	char ratio[32];
	size_t i;

	fprintf(out, "  %-18s", m->name);
	for (i = 0; i < NCOLUMNS; i++) {
		if (mode_summary(m, columns[i].key, &s))
			fprintf(out, " %13.*f", columns[i].digits, s.median);
		else
			fprintf(out, " %13s", "-");
	}
	fputc('\n', out);
	if (!base || m == base)
		return;
	fprintf(out, "  %-18s", "  /off");
	for (i = 0; i < NCOLUMNS; i++) {
		snprintf(ratio, sizeof(ratio), "-");
		if (group_compare(g, m, base, columns[i].key, &c))
			format_comparison(ratio, sizeof(ratio), &c);
		fprintf(out, " %13s", ratio);
	}
	fputc('\n', out);
}

/* Throughput by tail latency, of @m as a ratio to that of off; negative if unknown. */
static double merit(const struct group *g, const char *name)
{
	const struct mode *m = group_mode(g, name), *base = group_base(g);
	struct stats_summary iops, p99, iops0, p99_0;

	if (!m || !base || !mode_summary(m, "iops", &iops) || !mode_summary(m, "p99_us", &p99) ||
	    !mode_summary(base, "iops", &iops0) || !mode_summary(base, "p99_us", &p99_0) ||
	    p99.median <= 0 || iops0.median <= 0)
		return -1;
	return iops.median / p99.median / (iops0.median / p99_0.median);
}

/* Are boosts and the slice's end together better than either of them? */
static void print_square(const struct group *g, FILE *out)
{
	double none = merit(g, "off"), slice = merit(g, "slice");
	double coop = merit(g, "coop+off"), both = merit(g, "coop+slice");

	if (none < 0 || slice < 0 || coop < 0 || both < 0)
		return;
	fprintf(out, "  throughput/p99    no boost    boost\n");
	fprintf(out, "    off             %8.2f %8.2f\n", none, coop);
	fprintf(out, "    slice           %8.2f %8.2f\n", slice, both);
}

static void print_group(const struct group *g, FILE *out)
{
	const struct mode *base = group_base(g);
	char floor[32];
	size_t i;

	fprintf(out, "%s, %s\n  %-18s", g->bench, g->case_name, "");
	for (i = 0; i < NCOLUMNS; i++)
		fprintf(out, " %13s", columns[i].label);
	fputc('\n', out);
	/* the others are ratios to it */
	if (base)
		print_mode(g, base, out);
	for (i = 0; i < g->nmodes; i++)
		if (&g->modes[i] != base)
			print_mode(g, &g->modes[i], out);
	fprintf(out, "  %-18s", "noise floor");
	for (i = 0; i < NCOLUMNS; i++) {
		format_floor(floor, sizeof(floor), group_floor(g, columns[i].key, NULL));
		fprintf(out, " %13s", floor);
	}
	fputc('\n', out);
	print_square(g, out);
}

bool io_print(const struct result *r, FILE *out)
{
	bool any = false;
	size_t i;

	for (i = 0; i < r->ngroups; i++) {
		if (!group_is_io(&r->groups[i]))
			continue;
		any = true;
		print_group(&r->groups[i], out);
		fputc('\n', out);
	}
	if (any)
		fputs("Medians over the repeats; /off: ratio of the medians, ~ within the noise floor, ? not enough evidence.\n",
		      out);
	return any;
}

static int depth_of(const struct group *g)
{
	const char *depth = strstr(g->case_name, "-qd");

	return depth ? atoi(depth + 3) : 0;
}

/* Where coalescing has to prove itself: deep queues, with co-tenants if there were any. */
const struct group *io_verdict_group(const struct result *r)
{
	const struct group *best = NULL;
	size_t i;

	for (i = 0; i < r->ngroups; i++) {
		const struct group *g = &r->groups[i];

		if (!group_is_io(g) || depth_of(g) < 16)
			continue;
		if (!best || (!strstr(best->case_name, "-hogs") && strstr(g->case_name, "-hogs")))
			best = g;
	}
	return best;
}
