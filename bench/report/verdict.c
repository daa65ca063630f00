// SPDX-License-Identifier: GPL-2.0
/* One line about both halves of the target, and never more than the noise allows. */
#include "bench/report/report.h"

#include <stdarg.h>
#include <string.h>

enum half { NO_VERDICT, MISSED, REACHED };

static const char *const half_name[] = {
	[NO_VERDICT] = "no verdict", [MISSED] = "missed", [REACHED] = "reached",
};

struct line {
	char *text;
	size_t size;
	size_t used;
};

__attribute__((format(printf, 2, 3)))
static void say(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (l->used >= l->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(l->text + l->used, l->size - l->used, fmt, ap);
	va_end(ap);
	l->used += n > 0 ? (size_t)n : 0;
}

const struct group *verdict_group(const struct result *r)
{
	const struct group *g = result_group(r, "cyclictest", "busy-hog");
	size_t i;

	if (!g)
		g = result_group(r, "cyclictest", "busy");
	/* A matrix has no other: its shortest interval. */
	for (i = 0; i < r->ngroups && !g; i++)
		if (!strcmp(r->groups[i].bench, "cyclictest") &&
		    !strncmp(r->groups[i].case_name, "busy-", 5))
			g = &r->groups[i];
	return g;
}

/* Why there is no claim; empty if there is one. */
static void say_reason(struct line *l, const struct stats_comparison *c,
		       const struct mode *m, const struct mode *base)
{
	size_t repeats = m->nruns < base->nruns ? m->nruns : base->nruns;

	switch (c->outcome) {
	case STATS_TOO_FEW:
		say(l, "%zu repeat%s, %d are needed", repeats, repeats == 1 ? "" : "s",
		    STATS_REPEATS_MIN);
		break;
	case STATS_NO_FLOOR:
		say(l, "no noise floor without runs of %s-aa", base->name);
		break;
	case STATS_LEVEL:
		say(l, "the difference is within the noise floor");
		break;
	case STATS_UNCLEAR:
		say(l, "the repeats differ too much, p = %.2g", c->p);
		break;
	case STATS_BELOW:
	case STATS_ABOVE:
		break;
	}
}

static bool is_difference(const struct stats_comparison *c)
{
	return c->outcome == STATS_BELOW || c->outcome == STATS_ABOVE;
}

static void say_worst(struct line *l, const struct mode *m)
{
	const struct hist *h = mode_hist(m, "guest");
	struct stats_summary s;

	if (h && h->samples)
		say(l, "%.*f ms", h->max_us < 10000 ? 1 : 0, (double)h->max_us / 1000);
	else if (mode_summary(m, "guest_max_us", &s))
		say(l, "%.*f ms", s.max < 10000 ? 1 : 0, s.max / 1000);
	else
		say(l, "unknown");
}

/* What the cheap alternative does, as numbers beside the claim. */
static void say_slice(struct line *l, const struct group *g, const struct mode *vanilla)
{
	const struct mode *slice = group_mode(g, "slice");
	struct stats_comparison avg, share;
	char effect[64];

	if (!group_compare(g, slice, vanilla, "guest_avg_us", &avg))
		return;
	if (is_difference(&avg)) {
		format_effect(effect, sizeof(effect), avg.ratio, "vanilla");
		say(l, "; a 0.1 ms slice: %s", effect);
	} else {
		format_comparison(effect, sizeof(effect), &avg);
		say(l, "; a 0.1 ms slice: %s of vanilla", effect);
	}
	if (group_compare(g, slice, vanilla, SHARE_METRIC, &share))
		say(l, ", co-tenants %.2f", share.ratio);
}

static void say_static_share(struct line *l, const struct group *g, const struct mode *st,
			     const struct mode *vanilla, bool claims)
{
	struct stats_comparison c;

	if (!group_compare(g, st, vanilla, SHARE_METRIC, &c)) {
		say(l, ", co-tenants' shares were not measured");
		return;
	}
	if (claims && c.outcome == STATS_BELOW)
		say(l, " but leaves the worst-off co-tenant %.2f of its share under vanilla", c.ratio);
	else
		say(l, ", the worst-off co-tenant has %.2f of its share under vanilla%s", c.ratio,
		    claims && !is_difference(&c) ? " (within noise)" : "");
}

/* Only baselines: what static RT buys and what it costs. */
static void baseline(struct line *l, const struct group *g, const struct mode *st,
		     const struct mode *vanilla)
{
	struct stats_comparison c;
	char effect[64], floor[32];
	bool claims;

	if (!group_compare(g, st, vanilla, "guest_avg_us", &c)) {
		say(l, "no verdict: %s: no guest average of static and vanilla", g->case_name);
		return;
	}
	claims = is_difference(&c);
	format_effect(effect, sizeof(effect), c.ratio, "vanilla");
	format_floor(floor, sizeof(floor), c.floor);
	if (claims) {
		say(l, "verdict: %s: static RT %s the guest average %s (noise floor %s)",
		    g->case_name, c.ratio < 1 ? "cuts" : "raises", effect, floor);
	} else {
		say(l, "no verdict: %s: ", g->case_name);
		say_reason(l, &c, st, vanilla);
		say(l, "; seen: guest average under static RT %s (noise floor %s)", effect, floor);
	}
	say_static_share(l, g, st, vanilla, claims);
	say(l, " and a worst case of ");
	say_worst(l, st);
	say(l, " (vanilla ");
	say_worst(l, vanilla);
	say(l, ")");
	say_slice(l, g, vanilla);
}

/* Below static, or level with it as far as the noise lets one see. */
static bool not_above(const struct stats_comparison *c)
{
	bool level = c->outcome == STATS_LEVEL || c->outcome == STATS_UNCLEAR;

	if (c->outcome == STATS_BELOW || (c->outcome == STATS_UNCLEAR && c->ratio < 1))
		return true;
	return level && c->floor <= TAIL_LEVEL && c->ratio <= 1 + TAIL_LEVEL;
}

/* Appends the numbers to @l and judges them. */
static enum half judge_tail(struct line *l, const struct group *g, const struct mode *coop,
			    const struct mode *st, struct line *why)
{
	enum half half = REACHED;
	size_t i;

	for (i = 0; i < TAIL_METRICS; i++) {
		struct stats_comparison c;
		char text[32];

		if (!group_compare(g, coop, st, tail_metrics[i].key, &c)) {
			if (half == REACHED)
				half = NO_VERDICT;
			if (!why->used)
				say(why, "%s was not measured", tail_metrics[i].label);
			continue;
		}
		format_comparison(text, sizeof(text), &c);
		say(l, "%s%s %s", l->used ? ", " : "", tail_metrics[i].label, text);
		if (c.outcome == STATS_ABOVE)
			half = MISSED;
		if (c.outcome == STATS_ABOVE || not_above(&c))
			continue;
		if (half == REACHED)
			half = NO_VERDICT;
		if (why->used)
			continue;
		say(why, "%s: ", tail_metrics[i].label);
		if (c.outcome == STATS_LEVEL)
			say(why, "the noise floor, %.0f %%, is above %.0f %%", c.floor * 100,
			    TAIL_LEVEL * 100);
		else
			say_reason(why, &c, coop, st);
	}
	return half;
}

static enum half judge_share(const struct stats_comparison *c, const struct mode *coop,
			     const struct mode *vanilla, struct line *why)
{
	bool judged = is_difference(c) || c->outcome == STATS_LEVEL || c->outcome == STATS_UNCLEAR;

	if (judged && c->ratio >= FAIR_RATIO && c->floor <= FAIR_FLOOR_MAX)
		return REACHED;
	if (c->ratio < FAIR_RATIO && c->outcome == STATS_BELOW)
		return MISSED;
	if (judged && c->ratio >= FAIR_RATIO)
		say(why, "the noise floor, %.1f %%, is above %.0f %%", c->floor * 100,
		    FAIR_FLOOR_MAX * 100);
	else
		say_reason(why, c, coop, vanilla);
	return NO_VERDICT;
}

/* "tail latency of static RT: reached (coop/static: avg 0.8x, ...)" */
static enum half say_tail(struct line *l, const struct group *g, const struct mode *coop)
{
	const struct mode *st = group_mode(g, "static");
	char numbers[200] = "", reason[200] = "";
	struct line n = { numbers, sizeof(numbers), 0 }, why = { reason, sizeof(reason), 0 };
	enum half half;

	if (!st) {
		say(l, "tail latency of static RT: no verdict (static was not run)");
		return NO_VERDICT;
	}
	half = judge_tail(&n, g, coop, st, &why);
	say(l, "tail latency of static RT: %s (", half_name[half]);
	if (half == NO_VERDICT)
		say(l, "%s; ", reason);
	say(l, "%s/static: %s; worst case ", coop->name, numbers);
	say_worst(l, coop);
	say(l, " against ");
	say_worst(l, st);
	say(l, ")");
	return half;
}

static enum half say_share(struct line *l, const struct group *g, const struct mode *coop)
{
	const struct mode *vanilla = group_mode(g, "vanilla");
	struct stats_comparison c;
	char reason[200] = "";
	struct line why = { reason, sizeof(reason), 0 };
	enum half half;

	if (!group_compare(g, coop, vanilla, SHARE_METRIC, &c)) {
		say(l, "fairness of vanilla: no verdict (no co-tenant shares of %s and vanilla)",
		    coop->name);
		return NO_VERDICT;
	}
	half = judge_share(&c, coop, vanilla, &why);
	say(l, "fairness of vanilla: %s (", half_name[half]);
	if (half == NO_VERDICT)
		say(l, "%s; ", reason);
	say(l, "the worst-off co-tenant has %.3f of its share under vanilla, target %.2f)", c.ratio,
	    FAIR_RATIO);
	return half;
}

static void against_target(struct line *l, const struct group *g, const struct mode *coop)
{
	char tail[700] = "", share[400] = "";
	struct line t = { tail, sizeof(tail), 0 }, s = { share, sizeof(share), 0 };
	enum half a = say_tail(&t, g, coop), b = say_share(&s, g, coop);

	say(l, "%s: %s: %s; %s", a == NO_VERDICT && b == NO_VERDICT ? "no verdict" : "verdict",
	    g->case_name, tail, share);
}

/*
 * What the measured task needs is what an idle guest's vCPU takes that never
 * waits. Beyond the fair share it has to wait, whoever schedules.
 */
static void say_demand(struct line *l, const struct result *r)
{
	double fair = 1 / (result_parameter(r, "cotenants", 0) + 1);
	const struct group *busy = result_group(r, "cyclictest", "busy");
	const struct mode *st = busy ? group_mode(busy, "static") : NULL;
	struct stats_summary s;

	if (st && result_parameter(r, "vcpus", 0) == 1 && mode_summary(st, "vcpu_share", &s) &&
	    s.median > fair)
		say(l, "; the measured task alone takes %.0f %% of the pCPU here (static, busy), more than the fair %.0f %%: it has to wait",
		    s.median * 100, fair * 100);
}

/* What goes before the numbers of BENCH, of which only C is judged. */
static void say_judgement(struct line *l, const char *bench, const struct stats_comparison *c,
			  const struct mode *m, const struct mode *base)
{
	if (is_difference(c)) {
		say(l, "verdict: %s: ", bench);
		return;
	}
	say(l, "no verdict: %s: ", bench);
	say_reason(l, c, m, base);
	say(l, "; seen: ");
}

/* An exit is to cost no more than can be measured while nothing is boosted. */
static void overhead(struct line *l, const struct group *g)
{
	const struct mode *off = group_base(g), *on = group_mode(g, "on");
	struct stats_comparison c;
	char floor[32];

	if (!group_compare(g, on, off, "exit_ns", &c)) {
		say(l, "no verdict: overhead: modes off and on were not both run");
		return;
	}
	format_floor(floor, sizeof(floor), c.floor);
	say_judgement(l, "overhead", &c, on, off);
	say(l, "a VM exit of a registered guest without a boost takes %.3fx of one with the feature off (noise floor %s)",
	    c.ratio, floor);
}

/* What deferral changes, by what is only counted. */
static void lock(struct line *l, const struct group *g)
{
	static const struct tail_metric shown[] = {
		{ "messages_per_s", "throughput" },
		{ SHARE_METRIC, "share of the worst-off co-tenant" },
	};
	const struct mode *observe = group_mode(g, "observe");
	const struct mode *defer = group_mode(g, "defer");
	struct stats_comparison c;
	struct stats_summary a, b;
	char floor[32];

	if (!group_compare(g, defer, observe, "preempted_critical_per_s", &c)) {
		say(l, "no verdict: lock: modes observe and defer were not both run");
		return;
	}
	format_floor(floor, sizeof(floor), c.floor);
	say_judgement(l, "lock", &c, defer, observe);
	say(l, "with deferral %.2fx the preemptions in critical sections (noise floor %s)", c.ratio,
	    floor);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (mode_summary(observe, shown[i].key, &a) &&
		    mode_summary(defer, shown[i].key, &b) && a.median > 0)
			say(l, ", %s %.2fx", shown[i].label, b.median / a.median);
}

/* The best informed policy that was run. */
static const struct mode *io_mode(const struct group *g)
{
	static const char *const names[] = { "slice", "auto", "vic", "rate" };
	const struct mode *m = NULL;
	size_t i;

	for (i = 0; !m && i < sizeof(names) / sizeof(names[0]); i++)
		m = group_mode(g, names[i]);
	return m;
}

/* Fewer interrupts, and what they do to throughput and tail latency. */
static void io(struct line *l, const struct result *r)
{
	static const struct tail_metric shown[] = {
		{ "irqs_per_req", "interrupts per request" },
		{ "iops", "throughput" },
		{ "p99_us", "p99" },
	};
	const struct group *g = io_verdict_group(r);
	const struct mode *m = g ? io_mode(g) : NULL, *off = g ? group_base(g) : NULL;
	struct stats_comparison c;
	char text[32];
	size_t i;

	if (!m || !off || !group_compare(g, m, off, "irqs_per_req", &c)) {
		say(l, "no verdict: off and another mode were not both run at a depth of 16 or more");
		return;
	}
	say(l, "%s: %s, %s: ", is_difference(&c) ? "verdict" : "no verdict", g->bench,
	    g->case_name);
	if (!is_difference(&c)) {
		say_reason(l, &c, m, off);
		say(l, "; seen: ");
	}
	say(l, "%s, by that of off: ", m->name);
	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		if (!group_compare(g, m, off, shown[i].key, &c))
			continue;
		format_comparison(text, sizeof(text), &c);
		say(l, "%s%s %s", i ? ", " : "", shown[i].label, text);
	}
}

void verdict_text(const struct result *r, char *text, size_t size)
{
	struct line l = { text, size, 0 };
	const struct group *g = verdict_group(r);
	const struct mode *vanilla, *st, *coop;

	text[0] = '\0';
	if (!g && result_group(r, "overhead", "exit")) {
		overhead(&l, result_group(r, "overhead", "exit"));
		return;
	}
	if (!g && result_group(r, "isolation", NULL)) {
		isolation_verdict(r, text, size);
		return;
	}
	if (!g && result_group(r, "audio", NULL)) {
		audio_verdict(r, text, size);
		return;
	}
	if (!g && result_group(r, "sched", NULL)) {
		slower_verdict(r, "sched", text, size);
		return;
	}
	if (!g && result_group(r, "server", NULL)) {
		slower_verdict(r, "server", text, size);
		return;
	}
	if (!g && result_group(r, "barrier", NULL)) {
		barrier_verdict(r, text, size);
		return;
	}
	if (!g && (result_group(r, "blk", NULL) || result_group(r, "net", NULL))) {
		io(&l, r);
		return;
	}
	if (!g && result_group(r, "lock", NULL)) {
		lock(&l, result_group(r, "lock", NULL));
		return;
	}
	if (!g) {
		say(&l, "no verdict: cyclictest did not run with co-tenants");
		return;
	}
	vanilla = group_mode(g, "vanilla");
	st = group_mode(g, "static");
	coop = group_mode(g, "coop");
	if (!coop)
		coop = group_mode(g, "coop-fair");
	if (coop) {
		against_target(&l, g, coop);
		say_demand(&l, r);
	} else if (vanilla && st) {
		baseline(&l, g, st, vanilla);
	} else {
		say(&l, "no verdict: %s: mode %s was not run", g->case_name,
		    vanilla ? "static" : "vanilla");
	}
}
