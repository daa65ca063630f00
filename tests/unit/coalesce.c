// SPDX-License-Identifier: GPL-2.0
/* What the coalescing decision does with loads that one can reason about. */
#include "tests/unit/check.h"
#include "tests/unit/coalesce.h"

#define START (1000 * MS)

static const char *const policy_names[] = { "off", "rate", "vic", "slice", "auto" };

/* A steady load: INTERVAL between completions, INFLIGHT after each. */
struct load {
	struct coop_coalesce_limits limits;
	struct coop_slice_facts facts;
	struct coop_coalesce s;
	uint64_t now, until, interval;
	uint32_t inflight, turn;
	unsigned long completions, deliveries, reasons[COOP_COALESCE_REASON_NR];
	bool held;
};

static struct load load_init(enum coop_coalesce_policy policy, uint64_t interval, uint32_t inflight)
{
	return (struct load){ .limits = usual_limits(policy),
			      .now = START,
			      .interval = interval,
			      .inflight = inflight };
}

static void count(struct load *l, enum coop_coalesce_reason reason)
{
	l->reasons[reason]++;
	l->held = reason == COOP_COALESCE_HOLD;
	if (!l->held)
		l->deliveries++;
}

/* The timer, if it is due before TIME. */
static void run_timer(struct load *l, uint64_t time)
{
	if (l->held && l->until <= time)
		count(l, coop_coalesce_expire(&l->s, l->until));
}

static void complete(struct load *l)
{
	struct coop_coalesce_decision d;

	run_timer(l, l->now);
	d = coop_coalesce_complete(&l->s, &l->limits, &l->facts, l->inflight, l->turn, l->now);
	count(l, d.reason);
	l->until = d.until_ns;
	l->completions++;
	l->now += l->interval;
}

/* Long enough for the rate to be known, then counted for a second. */
static void run(struct load *l)
{
	for (uint64_t end = l->now + 500 * MS; l->now < end;)
		complete(l);
	l->completions = l->deliveries = 0;
	memset(l->reasons, 0, sizeof(l->reasons));
	for (uint64_t end = l->now + 1000 * MS; l->now < end;)
		complete(l);
}

static void test_never_held(void)
{
	for (int policy = 0; policy < COOP_COALESCE_POLICY_NR; policy++)
		for (uint32_t inflight = 0; inflight < 4; inflight++) {
			struct load l = load_init(policy, 20 * US, inflight);

			run(&l);
			CHECK(l.deliveries == l.completions, "%s holds at depth %u",
			      policy_names[policy], inflight + 1);
		}
}

static void test_threshold_zero(void)
{
	struct load l = load_init(COOP_COALESCE_VIC, 20 * US, 0);

	l.limits.inflight = 0;
	run(&l);
	CHECK(l.deliveries == l.completions, "nothing is in flight and still it holds");
	l.inflight = 1;
	run(&l);
	CHECK(l.deliveries < l.completions, "one is in flight, that is enough here");
}

static void test_off(void)
{
	struct load l = load_init(COOP_COALESCE_OFF, 20 * US, 63);

	run(&l);
	CHECK(l.reasons[COOP_COALESCE_DIRECT] == l.completions, "off holds");
}

/* The batch is what is outstanding by the threshold; what is held counts as outstanding. */
static void test_vic_ratio(void)
{
	static const struct {
		uint32_t inflight;
		unsigned long least, most; /* completions per delivery */
	} cases[] = { { 4, 1, 1 }, { 8, 2, 2 }, { 15, 4, 5 }, { 63, 16, 21 }, { 1000, 50, 64 } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct load l = load_init(COOP_COALESCE_VIC, 10 * US, cases[i].inflight);
		unsigned long ratio;

		run(&l);
		ratio = l.completions / l.deliveries;
		CHECK(ratio >= cases[i].least && ratio <= cases[i].most,
		      "%lu per delivery with %u in flight", ratio, cases[i].inflight);
	}
}

static void test_vic_slow(void)
{
	struct load l = load_init(COOP_COALESCE_VIC, 600 * US, 15);

	run(&l);
	CHECK(l.reasons[COOP_COALESCE_SLOW] == l.completions, "holds below the rate's threshold");
}

/* No batch that the cap would end anyway. */
static void test_vic_cap(void)
{
	struct load l = load_init(COOP_COALESCE_VIC, 400 * US, 63);

	run(&l);
	CHECK(l.completions / l.deliveries == 2, "%lu completions, %lu deliveries", l.completions,
	      l.deliveries);
	CHECK(!l.reasons[COOP_COALESCE_CAP], "%lu by the cap", l.reasons[COOP_COALESCE_CAP]);
}

/* The load stops while something is held: the timer lets it out. */
static void test_load_stops(void)
{
	struct load l = load_init(COOP_COALESCE_VIC, 20 * US, 15);

	run(&l);
	while (!l.held)
		complete(&l);
	CHECK(l.until <= l.now + 80 * US, "held for %llu ns", (unsigned long long)(l.until - l.now));
	run_timer(&l, UINT64_MAX);
	CHECK(l.reasons[COOP_COALESCE_PAUSE] == 1 && !l.s.held, "the timer did not deliver");
	CHECK(coop_coalesce_expire(&l.s, l.now) == COOP_COALESCE_HOLD, "delivered twice");
}

static void test_rate(void)
{
	struct load l = load_init(COOP_COALESCE_RATE, 50 * US, 15);

	run(&l);
	CHECK(l.deliveries >= 990 && l.deliveries <= 1010, "%lu per second", l.deliveries);
	l.limits.rate_hz = 4000;
	run(&l);
	CHECK(l.deliveries >= 3960 && l.deliveries <= 4040, "%lu per second", l.deliveries);
	l.limits.rate_hz = 0;
	run(&l);
	CHECK(l.deliveries == l.completions, "no frequency, but it holds");
	l.limits.rate_hz = 1;
	run(&l);
	CHECK(l.deliveries >= 900, "%lu per second: the cap should end holds", l.deliveries);
}

/* A queue of packets: in flight is always 0. */
static void test_stream(void)
{
	struct load l = load_init(COOP_COALESCE_VIC, 20 * US, 0);

	l.limits.stream = true;
	run(&l);
	CHECK(l.completions / l.deliveries >= 10, "%lu packets, %lu deliveries", l.completions,
	      l.deliveries);
}

/* Request and response, N of them: the guest sends its next packet after the last one was
 * delivered. */
static unsigned long held_answers(struct load *l, int n, uint64_t between)
{
	unsigned long held = 0;

	for (int i = 0; i < n; i++) {
		l->turn++;
		complete(l);
		held += l->held;
		l->now = (l->held ? l->until : l->now) + between;
	}
	return held;
}

/* They are not held, whatever came before, until it is a real stream that comes. */
static void test_stream_answers(void)
{
	struct load l = load_init(COOP_COALESCE_VIC, 0, 0);
	unsigned long held;

	l.limits.stream = true;
	held = held_answers(&l, 20000, 50 * US);
	CHECK(!held, "%lu answers held", held);
	for (int i = 0; i < 10; i++) {
		l.interval = 20 * US;
		run(&l);
		CHECK(l.completions / l.deliveries >= 10, "%lu packets of a stream, %lu deliveries",
		      l.completions, l.deliveries);
		run_timer(&l, l.now + MS);
		l.interval = 0;
		held = held_answers(&l, 40000, 50 * US);
		/* the stream's epoch has to end first */
		CHECK(held <= 400, "%lu answers held after a stream", held);
		held = held_answers(&l, 40000, 50 * US);
		CHECK(!held, "%lu answers held long after a stream", held);
	}
}

/* Bursts that are asked for, as rx of bench net has them, are held all the same. */
static void test_stream_asked(void)
{
	struct load l = load_init(COOP_COALESCE_VIC, 20 * US, 0);

	l.limits.stream = true;
	for (int i = 0; i < 200000; i++) {
		l.turn += i % 4 == 0;
		complete(&l);
	}
	CHECK(l.completions / l.deliveries >= 10, "%lu packets, %lu deliveries", l.completions,
	      l.deliveries);
}

/* A tail of one after each burst of full batches is no reason to stop. */
static void test_stream_bursts(void)
{
	struct load l = load_init(COOP_COALESCE_VIC, 0, 0);

	l.limits.stream = true;
	for (int i = 0; i < 100000; i++) {
		l.interval = i % 97 == 96 ? 5 * MS : 10 * US;
		complete(&l);
	}
	CHECK(l.completions / l.deliveries >= 4, "%lu packets, %lu deliveries", l.completions,
	      l.deliveries);
	CHECK(l.reasons[COOP_COALESCE_PAUSE] > 500, "%lu tails", l.reasons[COOP_COALESCE_PAUSE]);
}

/*
 * The guest has N packets in flight, which the other side answers one by one; it sends the next
 * ones when it has got answers, and the queue is not told of that. Returns the answers of a second.
 */
static unsigned long closed_loop(struct load *l, unsigned int n)
{
	unsigned int asked = n, got = 0;
	uint64_t end = l->now + 1000 * MS;

	l->completions = l->deliveries = 0;
	while (l->now < end) {
		if (asked) {
			asked--;
			got++;
			complete(l);
			run_timer(l, l->now);
		} else {
			l->now = l->until;
			run_timer(l, l->now);
		}
		if (!l->held) {
			asked += got;
			got = 0;
		}
	}
	run_timer(l, UINT64_MAX);
	return l->completions;
}

/* More than what is in flight does not come: whoever held on for it would stop the load. */
static void test_closed_loop(void)
{
	static const unsigned int inflight[] = { 2, 4, 8, 16, 32 };

	for (size_t i = 0; i < COUNT(inflight); i++) {
		struct load l = load_init(COOP_COALESCE_VIC, 20 * US, 0);
		unsigned long answers;

		l.limits.stream = true;
		closed_loop(&l, inflight[i]);
		answers = closed_loop(&l, inflight[i]);
		CHECK(answers >= 1000 * MS / (20 * US) * inflight[i] / (inflight[i] + 5),
		      "%lu answers per second with %u in flight", answers, inflight[i]);
		CHECK(answers / l.deliveries >= inflight[i] / 2, "%lu answers, %lu deliveries",
		      answers, l.deliveries);
	}
}

/* What was a long pause for one load is no pause for a slower one. */
static void test_slower(void)
{
	struct load l = load_init(COOP_COALESCE_VIC, 5 * US, 0);

	l.limits.stream = true;
	run(&l);
	l.interval = 100 * US;
	run(&l);
	CHECK(l.completions / l.deliveries >= 4, "%lu packets, %lu deliveries", l.completions,
	      l.deliveries);
	CHECK(l.reasons[COOP_COALESCE_PAUSE] < l.deliveries / 100, "%lu pauses",
	      l.reasons[COOP_COALESCE_PAUSE]);
}

static void test_slice_without_facts(void)
{
	struct load vic = load_init(COOP_COALESCE_VIC, 20 * US, 31);
	struct load slice = load_init(COOP_COALESCE_SLICE, 20 * US, 31);

	run(&vic);
	run(&slice);
	CHECK(vic.deliveries == slice.deliveries, "slice without facts is not vic");
	slice.facts = (struct coop_slice_facts){ true, true, UINT64_MAX };
	run(&vic);
	run(&slice);
	CHECK(vic.deliveries == slice.deliveries, "without a competitor slice is not vic");
}

static void test_slice_end(void)
{
	struct load l = load_init(COOP_COALESCE_SLICE, 20 * US, 31);

	l.facts = (struct coop_slice_facts){ true, true, 3 * MS };
	run(&l);
	CHECK(l.deliveries < l.completions / 4, "delivers early in a slice");
	l.limits.cutoff_ns = 4 * MS;
	l.facts.slice_left_ns = 3 * MS;
	run(&l);
	CHECK(l.reasons[COOP_COALESCE_SLICE_END] == l.completions, "holds after the cut-off");
}

/* What comes in the last 50 us before the cut-off, of 100 us, makes one batch; then nothing is held. */
static void test_last_batch(void)
{
	struct load l = load_init(COOP_COALESCE_SLICE, 20 * US, 31);

	l.facts = (struct coop_slice_facts){ true, true, 3 * MS };
	run(&l);
	while (l.held)
		complete(&l);
	memset(l.reasons, 0, sizeof(l.reasons));
	l.deliveries = 0;
	for (uint64_t left = 150 * US; left > 100 * US; left -= l.interval) {
		l.facts.slice_left_ns = left;
		complete(&l);
		CHECK(l.held && l.until == l.now - l.interval + left - 100 * US,
		      "not held until the cut-off");
	}
	run_timer(&l, l.now);
	CHECK(l.deliveries == 1 && l.reasons[COOP_COALESCE_SLICE_END] == 1, "no last batch");
	l.facts.slice_left_ns = 90 * US;
	complete(&l);
	CHECK(l.deliveries == 2 && l.reasons[COOP_COALESCE_SLICE_END] == 2,
	      "held after the cut-off");
}

/* The hold itself ends before the slice does. */
static void test_slice_until(void)
{
	struct load l = load_init(COOP_COALESCE_SLICE, 20 * US, 31);

	l.facts = (struct coop_slice_facts){ true, true, 3 * MS };
	run(&l);
	while (!l.held)
		complete(&l);
	l.facts.slice_left_ns = 500 * US;
	l.limits.max_ns = 100 * MS;
	complete(&l);
	CHECK(l.held && l.until == l.now - l.interval + 400 * US, "not cut off before the end");
	run_timer(&l, UINT64_MAX);
	CHECK(l.reasons[COOP_COALESCE_SLICE_END], "and that is not the reason");
}

static void test_preempted(void)
{
	struct load l = load_init(COOP_COALESCE_SLICE, 20 * US, 31);

	l.facts = (struct coop_slice_facts){ true, false, 0 };
	run(&l);
	CHECK(l.reasons[COOP_COALESCE_PREEMPTED] == l.completions, "held for a preempted vCPU");
	l.limits.policy = COOP_COALESCE_VIC;
	run(&l);
	CHECK(l.deliveries < l.completions, "vic looks at slices");
}

/* More than a batch in the ring while nobody could see it: all of them with the one interrupt. */
static void test_preempted_later(void)
{
	struct load l = load_init(COOP_COALESCE_SLICE, 20 * US, 31);

	l.facts = (struct coop_slice_facts){ true, true, 3 * MS };
	run(&l);
	while (!l.held)
		complete(&l);
	l.facts.running = false;
	complete(&l);
	CHECK(l.reasons[COOP_COALESCE_PREEMPTED] == 1 && !l.s.held, "still held");
}

/* Auto finds the batch that does not time out; vic does not, with completions in bursts. */
static void test_auto(void)
{
	struct load l[2] = { load_init(COOP_COALESCE_VIC, 20 * US, 31),
			     load_init(COOP_COALESCE_AUTO, 20 * US, 31) };

	for (int i = 0; i < 2; i++) {
		for (int n = 0; n < 20000; n++) {
			l[i].interval = n % 5 == 4 ? 1500 * US : 20 * US;
			complete(&l[i]);
		}
		/* 5 completions at a time, batches of 8 need a second burst */
		l[i].completions = l[i].reasons[COOP_COALESCE_PAUSE] = 0;
		for (int n = 0; n < 5000; n++) {
			l[i].interval = n % 5 == 4 ? 1500 * US : 20 * US;
			complete(&l[i]);
		}
	}
	CHECK(l[0].reasons[COOP_COALESCE_PAUSE] > 200, "vic: %lu timed out",
	      l[0].reasons[COOP_COALESCE_PAUSE]);
	CHECK(l[1].reasons[COOP_COALESCE_PAUSE] < l[0].reasons[COOP_COALESCE_PAUSE] / 2,
	      "auto: %lu timed out", l[1].reasons[COOP_COALESCE_PAUSE]);
}

static void test_clock(void)
{
	struct load l = load_init(COOP_COALESCE_VIC, 20 * US, 31);

	run(&l);
	while (!l.held)
		complete(&l);
	l.now = START;
	l.held = false;
	complete(&l);
	CHECK(l.reasons[COOP_COALESCE_CLOCK] == 1 && !l.s.held, "held in the past");
	run(&l);
	CHECK(l.deliveries < l.completions, "does not recover from a clock that went back");
}

static void test_flush(void)
{
	struct load l = load_init(COOP_COALESCE_VIC, 20 * US, 31);

	CHECK(!coop_coalesce_flush(&l.s, START), "something held in the beginning");
	run(&l);
	while (!l.held)
		complete(&l);
	CHECK(coop_coalesce_flush(&l.s, l.now), "nothing to flush");
	CHECK(!coop_coalesce_flush(&l.s, l.now), "flushed twice");
	l.held = false;
	complete(&l);
	coop_coalesce_reset(&l.s);
	CHECK(!coop_coalesce_flush(&l.s, l.now), "held across a reset");
}

/* What a timer that is late does to somebody who waits has to show. */
static void test_longest(void)
{
	struct load l = load_init(COOP_COALESCE_VIC, 20 * US, 31);
	uint64_t since;

	run(&l);
	CHECK(l.s.longest && l.s.longest <= l.limits.max_ns, "longest hold %llu ns",
	      (unsigned long long)l.s.longest);
	coop_coalesce_flush(&l.s, l.now);
	since = l.now;
	complete(&l);
	CHECK(l.held, "a first completion is not held");
	coop_coalesce_expire(&l.s, since + 5 * MS);
	CHECK(l.s.longest == 5 * MS, "a late timer: longest hold %llu ns",
	      (unsigned long long)l.s.longest);
	coop_coalesce_reset(&l.s);
	CHECK(l.s.longest == 5 * MS, "a reset forgets the longest hold");
}

/* What waits for a single answer is worth a boost; a load that comes in numbers is not. */
static void test_worth_boost(void)
{
	struct load l = load_init(COOP_COALESCE_OFF, 20 * US, 31);

	complete(&l);
	CHECK(coop_coalesce_worth_boost(&l.s), "a load that nobody knows yet");
	run(&l);
	CHECK(!coop_coalesce_worth_boost(&l.s), "32 in flight");
	CHECK(l.deliveries == l.completions, "off holds");
	l.now += 1000 * MS;
	complete(&l);
	CHECK(coop_coalesce_worth_boost(&l.s), "the first one after a pause");
	l.interval = 1 * MS;
	run(&l);
	CHECK(coop_coalesce_worth_boost(&l.s), "32 in flight, but seldom");
	for (uint32_t inflight = 0; inflight < 8; inflight++) {
		l = load_init(COOP_COALESCE_SLICE, 20 * US, inflight);
		run(&l);
		CHECK(coop_coalesce_worth_boost(&l.s) == (inflight < l.limits.inflight),
		      "depth %u", inflight + 1);
	}
	coop_coalesce_reset(&l.s);
	CHECK(coop_coalesce_worth_boost(&l.s), "a reset remembers the load");
}

static void test_worth_boost_stream(void)
{
	struct load l = load_init(COOP_COALESCE_OFF, 0, 0);

	l.limits.stream = true;
	held_answers(&l, 20000, 50 * US);
	CHECK(coop_coalesce_worth_boost(&l.s), "answers one by one");
	l.interval = 20 * US;
	run(&l);
	CHECK(!coop_coalesce_worth_boost(&l.s), "packets that nobody asked for");
	l.interval = 0;
	held_answers(&l, 40000, 50 * US);
	CHECK(coop_coalesce_worth_boost(&l.s), "answers after a stream");
}

int main(void)
{
	test_never_held();
	test_threshold_zero();
	test_off();
	test_vic_ratio();
	test_vic_slow();
	test_vic_cap();
	test_load_stops();
	test_rate();
	test_stream();
	test_stream_answers();
	test_stream_asked();
	test_stream_bursts();
	test_closed_loop();
	test_slower();
	test_slice_without_facts();
	test_slice_end();
	test_last_batch();
	test_slice_until();
	test_preempted();
	test_preempted_later();
	test_auto();
	test_clock();
	test_flush();
	test_longest();
	test_worth_boost();
	test_worth_boost_stream();
	return check_result();
}
