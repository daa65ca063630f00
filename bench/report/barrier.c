// SPDX-License-Identifier: GPL-2.0
/* Parallel programs on vCPUs that are interfered with: runtime beside the ideal. */
#include "bench/report/report.h"

#include <string.h>

/* What the verdict is about: one vCPU of several interfered with. */
#define JUDGED		"blocking-1of"
/* That much sooner than vanilla is what notifications are for. */
#define TARGET		1.25

static const struct row_table tables[] = {
	{ "runtime, ms", "runtime_ms", 0, false },
	{ "the same if no pCPU's time were lost, ms", "ideal_ms", 0, true },
	{ "runtime by that ideal, at the emulator's speed of the moment", "ideal_ratio", 2, false },
};

bool group_is_barrier(const struct group *g)
{
	return !strcmp(g->bench, "barrier");
}

bool barrier_print(const struct result *r, FILE *out)
{
	return row_print_tables(r, "barrier", tables, sizeof(tables) / sizeof(tables[0]), out);
}

static const struct group *judged_group(const struct result *r)
{
	size_t i;

	for (i = 0; i < r->ngroups; i++)
		if (group_is_barrier(&r->groups[i]) &&
		    !strncmp(r->groups[i].case_name, JUDGED, strlen(JUDGED)))
			return &r->groups[i];
	return NULL;
}

/* Is it known whether the target is reached? */
static bool is_told(const struct stats_comparison *c)
{
	return c->outcome == STATS_BELOW || c->outcome == STATS_ABOVE ||
	       (c->outcome == STATS_LEVEL && c->floor < 1 - 1 / TARGET);
}

/*
 * Runtime is what a user waits for. Where the machine's own speed changes from run to run that
 * hides it, and runtime by the ideal, which changes with the speed too, may still tell.
 */
static void judge(const struct group *g, const struct stats_comparison *plain,
		  const struct stats_comparison *by_ideal, double ideal, char *text, size_t size)
{
	const struct stats_comparison *c = is_told(plain) ? plain : by_ideal;
	char ratio[32], other[32];

	format_comparison(ratio, sizeof(ratio), c);
	format_comparison(other, sizeof(other), c == plain ? by_ideal : plain);
	if (!is_told(c))
		snprintf(text, size, "no verdict: barrier: too much noise; seen, coop by vanilla: %s runtime %s, by the ideal at the machine's speed of the moment %s (ideal %.2fx)",
			 g->case_name, other, ratio, ideal);
	else
		snprintf(text, size, "verdict: barrier: %s: a blocking barrier program that is to finish %.2f times sooner than vanilla takes %s its time%s in mode coop (%s; %s %s; ideal %.2fx)",
			 c->outcome == STATS_BELOW && c->ratio <= 1 / TARGET ? "reached" : "missed",
			 TARGET, ratio, c == plain ? "" : ", at the machine's speed of the moment,",
			 g->case_name, c == plain ? "at the machine's speed of the moment" : "runtime",
			 other, ideal);
}

void barrier_verdict(const struct result *r, char *text, size_t size)
{
	const struct group *g = judged_group(r);
	const struct mode *vanilla = g ? group_mode(g, "vanilla") : NULL;
	const struct mode *coop = g ? group_mode(g, "coop") : NULL;
	struct stats_comparison plain, by_ideal;
	struct stats_summary s;
	char ratio[32];

	if (!vanilla || !coop || !group_compare(g, coop, vanilla, "runtime_ms", &plain) ||
	    !group_compare(g, coop, vanilla, "ideal_ratio", &by_ideal) ||
	    !mode_summary(vanilla, "ideal_ratio", &s)) {
		snprintf(text, size, "no verdict: barrier: vanilla and coop were not both run with one vCPU interfered with");
		return;
	}
	format_comparison(ratio, sizeof(ratio), &plain);
	if (plain.outcome == STATS_TOO_FEW || plain.outcome == STATS_NO_FLOOR)
		snprintf(text, size, "no verdict: barrier: %d repeats and vanilla-aa are needed; seen, coop by vanilla: %s runtime %s (ideal %.2fx)",
			 STATS_REPEATS_MIN, g->case_name, ratio, 1 / s.median);
	else
		judge(g, &plain, &by_ideal, 1 / s.median, text, size);
}
