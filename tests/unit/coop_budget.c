// SPDX-License-Identifier: GPL-2.0
/*
 * The token bucket of kernel/virt/kvm/coop/decide.h against a reference that never rounds: tokens in units of
 * 1/1000 ns in 128 bits. Times are any 64 bits, the burst is what 32 bits of us can be, the rate 0 to 1000.
 */
#include "tests/unit/coop_decide.h"
#include "tests/unit/check.h"

typedef unsigned __int128 u128;

#define ROUNDS		200000
#define BURST_MAX	(0xffffffffull * 1000)

static u64 state = 0x9e3779b97f4a7c15ull;

static u64 next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* All magnitudes equally likely: what breaks lies at the ends. */
static u64 any(void)
{
	return next() >> (next() % 64);
}

/* What one refill may give: exactly, or a little less, since it drops fractions; never more, never above BURST. */
static void check_refill(struct coop_budget before, u32 rate, u64 burst, u64 now)
{
	struct coop_budget b = before;
	u128 exact;

	coop_budget_refill(&b, rate, burst, now);
	CHECK(b.tokens <= burst, "%llu above burst %llu", (unsigned long long)b.tokens, (unsigned long long)burst);
	CHECK(b.stamp >= before.stamp && b.stamp >= now, "the stamp went back");
	exact = (u128)before.tokens * 1000;
	if (now > before.stamp)
		exact += (u128)(now - before.stamp) * rate;
	if (exact > (u128)burst * 1000)
		exact = (u128)burst * 1000;
	CHECK((u128)b.tokens * 1000 <= exact, "created: %llu + %llu ns at %u with burst %llu is %llu",
	      (unsigned long long)before.tokens, (unsigned long long)(now - before.stamp), rate,
	      (unsigned long long)burst, (unsigned long long)b.tokens);
	CHECK((u128)b.tokens * 1000 + 2000 > exact, "lost: %llu + %llu ns at %u with burst %llu is %llu",
	      (unsigned long long)before.tokens, (unsigned long long)(now - before.stamp), rate,
	      (unsigned long long)burst, (unsigned long long)b.tokens);
}

static void test_edges(void)
{
	static const u64 values[] = { 0, 1, 999, 1000, 1001, 1000000, BURST_MAX, 1ull << 63, ~0ull - 1, ~0ull };
	static const u32 rates[] = { 0, 1, 500, 900, 999, 1000 };
	static const u64 bursts[] = { 0, 1, 999, 1000, 1001, 50000000, BURST_MAX };
	const size_t n = sizeof(values) / sizeof(*values), r = sizeof(rates) / sizeof(*rates);
	const size_t m = sizeof(bursts) / sizeof(*bursts);

	for (size_t i = 0; i < n * n * n * m * r; i++) {
		struct coop_budget b = {
			.tokens = values[i % n],
			.stamp = values[i / n % n],
		};
		u64 now = values[i / n / n % n];

		check_refill(b, rates[i / n / n / n % r], bursts[i / n / n / n / r], now);
	}
}

static void test_random(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct coop_budget b = { .tokens = any(), .stamp = any() };

		check_refill(b, next() % 1001, any() % (BURST_MAX + 1), next() % 4 ? b.stamp + any() : any());
	}
}

static void test_spend(void)
{
	struct coop_budget b = { .tokens = 100, .stamp = 7 };

	coop_budget_spend(&b, 30);
	CHECK(b.tokens == 70, "%llu", (unsigned long long)b.tokens);
	coop_budget_spend(&b, 70);
	CHECK(!b.tokens, "%llu", (unsigned long long)b.tokens);
	b.tokens = 5;
	coop_budget_spend(&b, ~0ull);
	CHECK(!b.tokens && b.stamp == 7, "%llu", (unsigned long long)b.tokens);
}

/* A clock that goes back gives nothing twice. */
static void test_clock_goes_back(void)
{
	struct coop_budget b = { .stamp = 1000000 };

	coop_budget_refill(&b, 500, 1000000, 2000000);
	CHECK(b.tokens == 500000, "%llu", (unsigned long long)b.tokens);
	coop_budget_refill(&b, 500, 1000000, 1000000);
	coop_budget_refill(&b, 500, 1000000, 2000000);
	CHECK(b.tokens == 500000, "%llu", (unsigned long long)b.tokens);
}

/*
 * Over a long time, with looks at any distance, a spender gets what the rate says, less the fractions that each look
 * drops, and never more.
 */
static void test_long_run(void)
{
	for (u32 rate = 100; rate <= 900; rate += 400) {
		struct coop_budget b = { 0 };
		u64 now = 0, burst = 10000000, got = 0, looks = 0, step;

		while (now < 10000000000ull) {
			step = 1 + next() % 2000000;
			now += step;
			looks++;
			coop_budget_refill(&b, rate, burst, now);
			step = b.tokens;
			coop_budget_spend(&b, step);
			got += step;
		}
		CHECK(got <= now / 1000 * rate + rate, "rate %u: %llu in %llu ns", rate, (unsigned long long)got,
		      (unsigned long long)now);
		CHECK(got + 2 * looks >= now / 1000 * rate, "rate %u: only %llu in %llu ns", rate,
		      (unsigned long long)got, (unsigned long long)now);
	}
}

int main(void)
{
	test_edges();
	test_random();
	test_spend();
	test_clock_goes_back();
	test_long_run();
	return check_result();
}
