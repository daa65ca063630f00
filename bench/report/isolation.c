// SPDX-License-Identifier: GPL-2.0
/* What abusive guests do to the others: one table per mode, a row per case. */
#include "bench/report/report.h"

#include <math.h>
#include <string.h>

#define FAIR_MIN "cotenant_fair_ratio_min"
#define HONEST_AVG "honest_avg_us"
#define HONEST_P99 "honest_p99_us"
#define HOST_MAX "host_max_us"
/*
 * An emulator's speed doubles and halves within a round, and the honest guest's latency with it.
 * So it counts by the median of a task of the host above all guests, at the same time: no abuse
 * was seen to change that, be it charged or not.
 */
#define PACE "host_p50_us"

/* With as many competitors, or as much work for the VMM, and without abuse. */
static const struct {
	const char *case_name, *baseline;
} baselines[] = {
	{ "shared", "none-2" },
	{ "overcommit", "none-4" },
	{ "unmap", "none-unmap" },
};

bool group_is_isolation(const struct group *g)
{
	return !strcmp(g->bench, "isolation");
}

static bool is_baseline(const char *case_name)
{
	return !strncmp(case_name, "none", 4);
}

static const struct mode *case_mode(const struct result *r, const char *case_name, const char *mode)
{
	const struct group *g = result_group(r, "isolation", case_name);

	return g ? group_mode(g, mode) : NULL;
}

static const struct mode *baseline_of(const struct result *r, const char *case_name,
				      const char *mode)
{
	const char *baseline = "none";
	size_t i;

	if (is_baseline(case_name))
		return NULL;
	for (i = 0; i < sizeof(baselines) / sizeof(baselines[0]); i++) {
		if (!strcmp(case_name, baselines[i].case_name))
			baseline = baselines[i].baseline;
	}
	return case_mode(r, baseline, mode);
}

static bool is_honest(const char *key)
{
	return !strcmp(key, HONEST_AVG) || !strcmp(key, HONEST_P99);
}

/* What is compared. */
static size_t values(const struct mode *m, const char *key, double *v)
{
	return mode_values_by(m, key, is_honest(key) ? PACE : NULL, v);
}

/* What two of the same differ by: every round measures the case without abuse twice. */
static double mode_floor(const struct result *r, const char *mode, const char *key)
{
	const struct mode *none = case_mode(r, "none", mode), *aa = case_mode(r, "none-aa", mode);
	double v[RESULT_REPEATS_MAX], vaa[RESULT_REPEATS_MAX];

	if (!none || !aa)
		return -1;
	return stats_noise_floor(v, values(none, key, v), vaa, values(aa, key, vaa), RESULT_SEED);
}

/* A case by the same without abuse; false: one of the two was not measured. A guest that got no
 * time in one repeat is worse off than one that was late: without bound. */
static bool compare_case(const struct result *r, const struct group *g, const struct mode *m,
			 const char *key, struct stats_comparison *c)
{
	const struct mode *none = baseline_of(r, g->case_name, m->name);
	double v[RESULT_REPEATS_MAX], base[RESULT_REPEATS_MAX];
	struct stats_summary s;

	if (!none)
		return false;
	if (is_honest(key) && mode_summary(m, "honest_starved_count", &s) && s.max > 0) {
		*c = (struct stats_comparison){ .ratio = INFINITY, .outcome = STATS_ABOVE };
		return true;
	}
	return !stats_compare(c, v, values(m, key, v), base, values(none, key, base),
			      mode_floor(r, m->name, key), RESULT_SEED);
}

enum which { LEAST, MEDIAN, MOST };

/* Of the repeats, in a column of WIDTH. */
static void print_number(FILE *out, const struct mode *m, const char *key, int width, int digits,
			 enum which which)
{
	struct stats_summary s;

	if (mode_summary(m, key, &s))
		fprintf(out, "%*.*f", width, digits,
			which == LEAST	? s.min :
			which == MEDIAN ? s.median :
					  s.max);
	else
		fprintf(out, "%*s", width, "-");
}

static void print_ratio(const struct result *r, const struct group *g, const struct mode *m,
			const char *key, FILE *out)
{
	struct stats_comparison c;
	char text[32] = "-";

	if (compare_case(r, g, m, key, &c))
		format_comparison(text, sizeof(text), &c);
	fprintf(out, "%7s", text);
}

/* A guest that got no time is worse off than one that was late. */
static void print_honest(const struct result *r, const struct group *g, const struct mode *m,
			 FILE *out)
{
	struct stats_summary s;
	bool starved = mode_summary(m, "honest_starved_count", &s) && s.max > 0;

	print_number(out, m, HONEST_AVG, 12, 0, MEDIAN);
	print_ratio(r, g, m, HONEST_AVG, out);
	if (starved)
		fprintf(out, "%8s", "starved");
	else
		print_number(out, m, HONEST_P99, 8, 0, MEDIAN);
	print_ratio(r, g, m, HONEST_P99, out);
}

static void print_case(const struct result *r, const struct group *g, const struct mode *m,
		       FILE *out)
{
	fprintf(out, "%-12s", g->case_name);
	print_number(out, m, FAIR_MIN, 6, 2, LEAST);
	print_number(out, m, "cotenant_fair_ratio_mean", 6, 2, MEDIAN);
	print_number(out, m, "cotenant_maxmin_ratio_min", 9, 2, LEAST);
	print_honest(r, g, m, out);
	print_number(out, m, "host_avg_us", 9, 0, MEDIAN);
	print_number(out, m, HOST_MAX, 8, 0, MOST);
	print_ratio(r, g, m, HOST_MAX, out);
	print_number(out, m, "abuser_share", 8, 2, MEDIAN);
	print_number(out, m, "exits_per_s", 9, 0, MEDIAN);
	fputc('\n', out);
}

static bool print_mode(const struct result *r, const char *mode, FILE *out)
{
	char avg[32], p99[32], host[32];
	bool any = false;
	size_t i;

	for (i = 0; i < r->ngroups; i++) {
		const struct group *g = &r->groups[i];
		const struct mode *m = group_is_isolation(g) ? group_mode(g, mode) : NULL;

		if (!m)
			continue;
		if (!any)
			fprintf(out, "isolation, %s\n%-12s%6s%6s%9s%12s%7s%8s%7s%9s%8s%7s%8s%9s\n",
				mode, "case", "fair", "mean", "max-min", "honest avg", "/none",
				"p99", "/none", "host avg", "max", "/none", "abuser", "exits/s");
		print_case(r, g, m, out);
		any = true;
	}
	if (!any)
		return false;
	format_floor(avg, sizeof(avg), mode_floor(r, mode, HONEST_AVG));
	format_floor(p99, sizeof(p99), mode_floor(r, mode, HONEST_P99));
	format_floor(host, sizeof(host), mode_floor(r, mode, HOST_MAX));
	fprintf(out, "noise floor of /none: honest avg %s, p99 %s, host max %s\n\n", avg, p99,
		host);
	return true;
}

bool isolation_print(const struct result *r, FILE *out)
{
	static const char *const modes[] = { "vanilla", "vanilla-aa", "coop", "coop-nocharge" };
	bool any = false;
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		any |= print_mode(r, modes[i], out);
	if (any)
		fputs("fair: what the worst-off co-tenant got in its worst second of all repeats, 1 = an equal share; mean: over all\n"
		      "seconds, both but for those in which the machine stalled; max-min: as fair, with what the honest guest left\n"
		      "divided among those that always want to run. Times in us, medians over the repeats, the host's max the\n"
		      "largest; /none: medians by those without abuse, the honest guest's in units of the host's median latency of\n"
		      "the same time, which follows the machine's speed. ~ is within the noise floor, ? not enough evidence.\n",
		      out);
	return any;
}

/* The worst of all abuse cases of one mode, by one measure. */
struct worst {
	double value;
	const char *case_name;
	size_t cases, within;
	size_t level; /* not within the bar, nor told from the same without abuse */
	double floor;
};

static void worst_add(struct worst *w, double value, bool within, bool worst, const char *case_name)
{
	w->within += within;
	if (!w->cases++ || worst) {
		w->value = value;
		w->case_name = case_name;
	}
}

static void worst_compare(struct worst *w, const struct stats_comparison *c, double bar,
			  const char *case_name)
{
	worst_add(w, c->ratio, c->ratio <= bar, c->ratio > w->value, case_name);
	w->level += c->ratio > bar && c->outcome != STATS_ABOVE;
}

static bool worst_missed(const struct worst *w)
{
	return w->within + w->level < w->cases;
}

struct judged {
	struct worst fair, avg, p99, host;
	double none; /* fair, the least without abuse; negative: was not measured */
	size_t excused; /* below the bar, as their baseline is */
	size_t repeats; /* the fewest */
	double stalled, discarded; /* seconds and measurements left out; all of the mode */
};

static double least(const struct mode *m, const char *key)
{
	struct stats_summary s;

	return m && mode_summary(m, key, &s) ? s.min : -1;
}

static double sum(const struct mode *m, const char *key)
{
	double v[RESULT_REPEATS_MAX], all = 0;
	size_t n = mode_values(m, key, v);

	while (n--)
		all += v[n];
	return all;
}

static void judge(const struct result *r, struct judged *j)
{
	size_t i;

	memset(j, 0, sizeof(*j));
	j->none = -1;
	for (i = 0; i < r->ngroups; i++) {
		const struct group *g = &r->groups[i];
		const struct mode *m = group_is_isolation(g) ? group_mode(g, "coop") : NULL;
		const struct mode *none;
		struct stats_comparison c;
		double fair = least(m, FAIR_MIN);

		if (!m)
			continue;
		if (!j->repeats || m->nruns < j->repeats)
			j->repeats = m->nruns;
		j->stalled += sum(m, "stalled_windows_count");
		j->discarded += sum(m, "discarded_tries_count");
		if (is_baseline(g->case_name)) {
			j->none = j->none < 0 || fair < j->none ? fair : j->none;
			continue;
		}
		none = baseline_of(r, g->case_name, "coop");
		j->excused += none && fair < FAIR_RATIO && least(none, FAIR_MIN) < FAIR_RATIO;
		if (fair >= 0)
			worst_add(&j->fair, fair, fair >= FAIR_RATIO, fair < j->fair.value,
				  g->case_name);
		if (compare_case(r, g, m, HONEST_AVG, &c))
			worst_compare(&j->avg, &c, HONEST_RATIO, g->case_name);
		if (compare_case(r, g, m, HONEST_P99, &c))
			worst_compare(&j->p99, &c, HONEST_RATIO, g->case_name);
		if (compare_case(r, g, m, HOST_MAX, &c))
			worst_compare(&j->host, &c, 1, g->case_name);
	}
	j->avg.floor = mode_floor(r, "coop", HONEST_AVG);
	j->p99.floor = mode_floor(r, "coop", HONEST_P99);
	j->host.floor = mode_floor(r, "coop", HOST_MAX);
}

static void say_worst(FILE *out, const char *what, const char *bar, const struct worst *w)
{
	char floor[32];

	if (!w->cases) {
		fprintf(out, "%s not measured", what);
		return;
	}
	fprintf(out, "%s %s in %zu of %zu cases (worst %.2f, %s)", what, bar, w->within, w->cases,
		w->value, w->case_name);
	if (!w->level)
		return;
	format_floor(floor, sizeof(floor), w->floor);
	fprintf(out, ", not told from none in %zu (noise floor %s)", w->level, floor);
}

/* A suite that sees no theft where there is one would pass anything. */
static void say_detector(const struct result *r, FILE *out)
{
	static const char *const cases[] = { "always", "overcommit" };
	double value[2];
	size_t i;

	for (i = 0; i < 2; i++)
		value[i] = least(case_mode(r, cases[i], "coop-nocharge"), FAIR_MIN);
	if (value[0] < 0 && value[1] < 0) {
		fputs("; nobody knows whether the suite would see it: coop-nocharge was not run",
		      out);
		return;
	}
	fprintf(out, "; the suite %s: without the charge",
		value[0] <= DETECT_RATIO && value[1] <= DETECT_RATIO ? "would see it" : "is blind");
	for (i = 0; i < 2; i++)
		if (value[i] >= 0)
			fprintf(out, " %s %.2f", cases[i], value[i]);
}

static bool is_missed(const struct judged *j)
{
	return worst_missed(&j->fair) || worst_missed(&j->avg) || worst_missed(&j->p99) ||
	       worst_missed(&j->host);
}

/* Why there is no claim; empty if there is one. */
static void find_reason(const struct judged *j, char *text, size_t size)
{
	text[0] = '\0';
	if (!j->fair.cases)
		snprintf(text, size, "no abuse was measured in mode coop");
	else if (j->none < 0)
		snprintf(text, size, "nothing was measured without abuse");
	else if (j->repeats < STATS_REPEATS_MIN)
		snprintf(text, size, "%zu repeat%s, %d are needed", j->repeats,
			 j->repeats == 1 ? "" : "s", STATS_REPEATS_MIN);
	else if (j->p99.floor < 0)
		snprintf(text, size, "no noise floor without case none-aa");
	else if (j->excused && j->fair.within + j->excused == j->fair.cases)
		snprintf(text, size, "%zu case%s worse than %.2f without abuse, too", j->excused,
			 j->excused == 1 ? " is" : "s are", FAIR_RATIO);
	else if (!is_missed(j) && j->avg.level)
		snprintf(text, size, "too noisy for the honest guest's average");
	else if (!is_missed(j) && j->p99.level && j->p99.floor > HONEST_FLOOR_MAX)
		snprintf(text, size, "too noisy for the honest guest's p99");
}

static void say_cases(const struct result *r, const struct judged *j, FILE *out)
{
	char bar[32];

	snprintf(bar, sizeof(bar), "at least %.2f", FAIR_RATIO);
	say_worst(out, "co-tenants' fair share in every second", bar, &j->fair);
	if (j->none >= 0)
		fprintf(out, ", without abuse %.2f", j->none);
	if (j->stalled > 0 || j->discarded > 0)
		fprintf(out,
			", not counting %.0f s and %.0f measurements in which the machine stalled",
			j->stalled, j->discarded);
	fputs("; ", out);
	snprintf(bar, sizeof(bar), "at most %.2fx", HONEST_RATIO);
	say_worst(out, "honest average against none", bar, &j->avg);
	fputs("; ", out);
	say_worst(out, "honest p99", bar, &j->p99);
	fputs("; ", out);
	say_worst(out, "host max against none", "no larger", &j->host);
	say_detector(r, out);
}

void isolation_verdict(const struct result *r, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");
	char reason[100];
	struct judged j;

	if (!out)
		return;
	judge(r, &j);
	find_reason(&j, reason, sizeof(reason));
	if (*reason)
		fprintf(out, "no verdict: isolation: %s%s", reason, j.fair.cases ? "; seen: " : "");
	else
		fprintf(out, "verdict: isolation: %s: ", is_missed(&j) ? "missed" : "reached");
	if (j.fair.cases)
		say_cases(r, &j, out);
	fclose(out);
}
