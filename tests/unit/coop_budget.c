// SPDX-License-Identifier: GPL-2.0
/*
 * The token bucket of kernel/virt/kvm/coop/decide.h against a reference in units of 1/1000 ns in
 * 128 bits: nothing is created, nothing is lost. Times are any 64 bits, the burst is what 32 bits
 * of us can be, the rate 0 to 64 CPUs.
 */
#include "tests/unit/coop_decide.h"
#include "tests/unit/check.h"
#include "tests/unit/fuzz.h"

typedef __int128 s128;

#define ROUNDS 200000
#define BURST_MAX (0xffffffffull * 1000)
#define RATE_MAX 64000

/* All magnitudes equally likely: what breaks lies at the ends. */
static u64 any(void)
{
	return fuzz_next() >> (fuzz_next() % 64);
}

static s128 exact_tokens(const struct coop_budget *b)
{
	return (s128)b->tokens * 1000 + b->rest;
}

/* What a bucket can hold at all; a configured burst never changes, so no more than that is seen
 * before. */
static struct coop_budget bucket(u64 tokens, u64 stamp, u64 burst)
{
	struct coop_budget b = { .tokens = (s64)tokens, .stamp = stamp };

	if (b.tokens > (s64)burst)
		b.tokens = burst;
	if (b.tokens < COOP_BUDGET_LEAST)
		b.tokens = COOP_BUDGET_LEAST;
	if (b.tokens < (s64)burst)
		b.rest = tokens % 1000;
	return b;
}

static void check_refill(struct coop_budget before, u32 rate, u64 burst, u64 now)
{
	u64 elapsed = now > before.stamp ? now - before.stamp : 0;
	s128 want = exact_tokens(&before) + (s128)elapsed * rate;
	struct coop_budget b = before;

	if (want > (s128)burst * 1000)
		want = (s128)burst * 1000;
	coop_budget_refill(&b, rate, burst, now);
	CHECK(b.stamp >= before.stamp && b.stamp >= now, "the stamp went back");
	CHECK(b.rest < 1000, "rest %u", b.rest);
	CHECK(exact_tokens(&b) == want, "%lld.%03u + %llu ns at %u with burst %llu is %lld.%03u",
	      (long long)before.tokens, before.rest, (unsigned long long)elapsed, rate,
	      (unsigned long long)burst, (long long)b.tokens, b.rest);
}

static void test_edges(void)
{
	static const u64 values[] = { 0,       1,	  999,	      1000,	 1001,
				      1000000, BURST_MAX, 1ull << 63, ~0ull - 1, ~0ull };
	static const u32 rates[] = { 0, 1, 500, 900, 999, 1000, RATE_MAX };
	static const u64 bursts[] = { 0, 1, 999, 1000, 1001, 50000000, BURST_MAX };
	const size_t n = sizeof(values) / sizeof(*values), r = sizeof(rates) / sizeof(*rates);
	const size_t m = sizeof(bursts) / sizeof(*bursts);

	for (size_t i = 0; i < n * n * n * m * r; i++) {
		u64 now = values[i / n / n % n], burst = bursts[i / n / n / n / r];

		check_refill(bucket(values[i % n], values[i / n % n], burst),
			     rates[i / n / n / n % r], burst, now);
	}
}

static void test_random(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		u64 burst = any() % (BURST_MAX + 1);
		struct coop_budget b = bucket(fuzz_next() % 2 ? any() : -any(), any(), burst);

		check_refill(b, fuzz_next() % (RATE_MAX + 1), burst,
			     fuzz_next() % 4 ? b.stamp + any() : any());
	}
}

static void test_spend(void)
{
	struct coop_budget b = { .tokens = 100, .stamp = 7 };

	coop_budget_spend(&b, 30);
	CHECK(b.tokens == 70, "%lld", (long long)b.tokens);
	coop_budget_spend(&b, 75);
	CHECK(b.tokens == -5, "%lld", (long long)b.tokens);
	coop_budget_spend(&b, ~0ull);
	CHECK(b.tokens == COOP_BUDGET_LEAST && b.stamp == 7, "%lld", (long long)b.tokens);
	coop_budget_spend(&b, 1);
	CHECK(b.tokens == COOP_BUDGET_LEAST, "%lld", (long long)b.tokens);
}

/* After the wait there is enough, and not 1 ns before. */
static void test_wait(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		u64 burst = 50000 + any() % BURST_MAX, need = 1 + fuzz_next() % 50000, wait;
		struct coop_budget b = bucket(fuzz_next() % 2 ? any() % burst : -any(),
					      fuzz_next() % BURST_MAX, burst),
				   before, after;
		u32 rate = fuzz_next() % 1001;

		b.rest = 0;
		wait = coop_budget_wait(&b, rate, need);
		before = b;
		after = b;
		if (wait == ~0ull) {
			CHECK(b.tokens < (s64)need && (!rate || b.tokens < -(s64)BURST_MAX),
			      "no wait for %lld at %u", (long long)b.tokens, rate);
			continue;
		}
		coop_budget_refill(&after, rate, burst, b.stamp + wait);
		CHECK(after.tokens >= (s64)need, "%lld after %llu", (long long)after.tokens,
		      (unsigned long long)wait);
		if (!wait)
			continue;
		coop_budget_refill(&before, rate, burst, b.stamp + wait - 1);
		CHECK(before.tokens < (s64)need, "%lld before %llu", (long long)before.tokens,
		      (unsigned long long)wait);
	}
}

/* A clock that goes back gives nothing twice. */
static void test_clock_goes_back(void)
{
	struct coop_budget b = { .stamp = 1000000 };

	coop_budget_refill(&b, 500, 1000000, 2000000);
	CHECK(b.tokens == 500000, "%lld", (long long)b.tokens);
	coop_budget_refill(&b, 500, 1000000, 1000000);
	coop_budget_refill(&b, 500, 1000000, 2000000);
	CHECK(b.tokens == 500000, "%lld", (long long)b.tokens);
}

/* Over a long time, with looks at any distance, a spender gets what the rate says, to the last ns. */
static void test_long_run(void)
{
	for (u32 rate = 100; rate <= 900; rate += 400) {
		struct coop_budget b = { 0 };
		u64 now = 0, burst = 10000000, got = 0, step;

		while (now < 1000000000ull) {
			/* at times shorter than what one token takes */
			now += 1 + fuzz_next() % (fuzz_next() % 2 ? 3 : 2000000);
			coop_budget_refill(&b, rate, burst, now);
			step = b.tokens > 0 ? b.tokens : 0;
			coop_budget_spend(&b, step);
			got += step;
		}
		CHECK(got == (u64)((s128)now * rate / 1000), "rate %u: %llu in %llu ns", rate,
		      (unsigned long long)got, (unsigned long long)now);
	}
}

int main(void)
{
	fuzz_seed(NULL);
	test_edges();
	test_random();
	test_spend();
	test_wait();
	test_clock_goes_back();
	test_long_run();
	return check_result();
}
