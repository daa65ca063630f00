// SPDX-License-Identifier: GPL-2.0
/* Whether what has nothing to do with real time got slower, case by case. */
#include "bench/report/report.h"

#include <string.h>

static const struct judged {
	const char *key;
	const char *label;
	bool more_is_better;
} judged[] = {
	{ "messages_per_s", "throughput", true },
	{ "guest_p99_us", "p99", false },
	{ "host_p99_us", "p99", false },
	/* of requests at a given rate only latency can differ */
	{ "p99_us", "p99", false },
	{ "requests_per_s", "throughput", true },
};

struct tally {
	size_t cases, slower, faster, few;
	double floor;	/* the largest */
};

/* The first of them that the case has. */
static const struct judged *compare_case(const struct group *g, const struct mode *coop,
					 struct stats_comparison *c)
{
	const struct mode *vanilla = group_base(g);
	size_t i;

	for (i = 0; i < sizeof(judged) / sizeof(judged[0]); i++)
		if (group_compare(g, coop, vanilla, judged[i].key, c))
			return &judged[i];
	return NULL;
}

static void judge_case(const struct group *g, struct tally *t, FILE *out)
{
	const struct mode *coop = group_mode(g, "coop");
	const struct judged *j;
	struct stats_comparison c;
	char text[32];

	j = compare_case(g, coop, &c);
	if (!j)
		return;
	format_comparison(text, sizeof(text), &c);
	fprintf(out, "%s%s %s %s", t->cases ? ", " : "", g->case_name, j->label, text);
	t->cases++;
	t->slower += c.outcome == (j->more_is_better ? STATS_BELOW : STATS_ABOVE);
	t->faster += c.outcome == (j->more_is_better ? STATS_ABOVE : STATS_BELOW);
	t->few += c.outcome == STATS_TOO_FEW || c.outcome == STATS_NO_FLOOR;
	t->floor = c.floor > t->floor ? c.floor : t->floor;
}

void slower_verdict(const struct result *r, const char *bench, char *text, size_t size)
{
	char numbers[1500] = "", floor[32];
	FILE *out = fmemopen(numbers, sizeof(numbers), "w");
	struct tally t = { 0 };
	size_t i;

	for (i = 0; i < r->ngroups && out; i++)
		if (!strcmp(r->groups[i].bench, bench))
			judge_case(&r->groups[i], &t, out);
	if (out)
		fclose(out);
	format_floor(floor, sizeof(floor), t.floor);
	if (!t.cases)
		snprintf(text, size, "no verdict: %s: modes vanilla and coop were not both run", bench);
	else if (t.few)
		snprintf(text, size, "no verdict: %s: %d repeats and vanilla-aa are needed; seen, coop by vanilla: %s",
			 bench, STATS_REPEATS_MIN, numbers);
	else
		snprintf(text, size, "verdict: %s: coop is slower than vanilla in %zu of %zu cases and faster in %zu, as far as noise floors of up to %s show (%s)",
			 bench, t.slower, t.cases, t.faster, floor, numbers);
}
