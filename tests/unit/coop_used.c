// SPDX-License-Identifier: GPL-2.0
/*
 * The decaying account of linux/sched/coop_used.h: bounds at any values, and what it shows of
 * tasks whose share of the CPU is known.
 */
#include <stdint.h>

#include "tests/unit/check.h"
#include "tests/unit/fuzz.h"

typedef uint64_t u64;

#include "kernel/include/linux/sched/coop_used.h"

#define MS 1000000ull
#define ROUNDS 200000

/* Any state, any clocks, also those that go back: never more than the whole span. */
static void test_any(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct sched_coop_used used = {
			.ns = fuzz_next() % (COOP_USED_SPAN + 1),
			.exec = fuzz_next() >> fuzz_next() % 64,
			.at = fuzz_next() >> fuzz_next() % 64,
		};
		u64 exec = fuzz_next() >> fuzz_next() % 64, now = fuzz_next() >> fuzz_next() % 64,
		    at = used.at;

		coop_used_update(&used, exec, now);
		CHECK(used.ns <= COOP_USED_SPAN, "%llu", (unsigned long long)used.ns);
		CHECK(used.exec == exec, "exec");
		CHECK(used.at == (now > at ? now : at), "at");
	}
}

/* A long life is looked at for the first time: what counts is its pace. */
static void test_first(void)
{
	struct sched_coop_used used = { 0 };

	coop_used_update(&used, 300 * 1000 * MS, 1000 * 1000 * MS);
	CHECK(used.ns > COOP_USED_SPAN * 29 / 100 && used.ns < COOP_USED_SPAN * 31 / 100, "%llu",
	      (unsigned long long)used.ns);
}

/*
 * A task that runs for @run of each @period, looked at whenever it begins or ends, or less often:
 * within a quarter of its share at all times, which is what its readers tell apart.
 */
static void check_share(u64 run, u64 period, unsigned int every)
{
	u64 now = 1000 * MS, exec = 0, want = COOP_USED_SPAN / period * run;
	struct sched_coop_used used = { .at = now };

	for (unsigned int i = 0; i < 9000 * MS / period; i++) {
		now += period - run;
		if (i % every == 0)
			coop_used_update(&used, exec, now);
		now += run;
		exec += run;
		if (i % every)
			continue;
		coop_used_update(&used, exec, now);
		/* it takes some spans to be known */
		if (now > 6000 * MS)
			CHECK(used.ns > want - want / 4 && used.ns < want + want / 4,
			      "%llu of %llu us: %llu instead of %llu",
			      (unsigned long long)run / 1000, (unsigned long long)period / 1000,
			      (unsigned long long)used.ns, (unsigned long long)want);
	}
}

/* One that slept for a span has used nothing, and one that ran for one everything. */
static void test_extremes(void)
{
	struct sched_coop_used used = { .ns = COOP_USED_SPAN, .at = 5 };

	coop_used_update(&used, 0, 5 + COOP_USED_SPAN);
	CHECK(!used.ns, "%llu", (unsigned long long)used.ns);
	coop_used_update(&used, COOP_USED_SPAN, 5 + 2 * COOP_USED_SPAN);
	CHECK(used.ns == COOP_USED_SPAN, "%llu", (unsigned long long)used.ns);
	/* a group is charged for more than it runs: in the past, as it were */
	used.exec -= 1000;
	coop_used_update(&used, COOP_USED_SPAN, 5 + 2 * COOP_USED_SPAN);
	CHECK(used.ns == COOP_USED_SPAN, "%llu", (unsigned long long)used.ns);
}

int main(void)
{
	fuzz_seed(NULL);
	test_any();
	test_first();
	test_extremes();
	for (unsigned int every = 1; every <= 3; every++) {
		check_share(1 * MS, 10 * MS, every);
		check_share(4 * MS, 16 * MS, every);
		check_share(4 * MS, 8 * MS, every);
		check_share(100000, 1 * MS, every);
	}
	/* less often than the span: at the average pace since */
	check_share(2 * MS, 20 * MS, 130);
	return check_result();
}
