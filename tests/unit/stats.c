// SPDX-License-Identifier: GPL-2.0
#include "bench/lib/stats.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>

#include "tests/unit/check.h"

#define ROUNDS	20
#define MANY	40

/* xorshift: a small seed would start with numbers close to 0. */
static double uniform(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return ((double)(*s >> 11) + 0.5) / 9007199254740992.0;
}

/* Around @centre, as the averages of latencies are: never negative, skewed to the right. */
static void draw(double *v, size_t n, double centre, double noise, uint64_t *s)
{
	size_t i;

	for (i = 0; i < n; i++)
		v[i] = centre * exp(noise * sqrt(-2 * log(uniform(s))) *
				    cos(6.283185307179586 * uniform(s)));
}

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-12;
}

static void test_summary(void)
{
	static const double v[] = { 7, 1, 5, 3 }, bad[] = { 1, NAN }, bad2[] = { INFINITY };
	struct stats_summary s;

	CHECK(stats_summarize(&s, v, 0) == -EINVAL, "no values");
	CHECK(stats_summarize(&s, bad, 2) == -EINVAL, "NaN");
	CHECK(stats_summarize(&s, bad2, 1) == -EINVAL, "infinite");
	CHECK(!stats_summarize(&s, v, 1) && s.median == 7 && s.q1 == 7 && s.q3 == 7 && s.n == 1,
	      "median %f", s.median);
	CHECK(!stats_summarize(&s, v, 3) && s.median == 5 && s.min == 1 && s.max == 7,
	      "median %f", s.median);
	CHECK(!stats_summarize(&s, v, 4) && s.median == 4 && s.q1 == 2.5 && s.q3 == 5.5,
	      "median %f, quartiles %f, %f", s.median, s.q1, s.q3);
	CHECK(v[0] == 7 && v[3] == 3, "the values were changed");
}

static void test_floor(void)
{
	static const double a[] = { 100, 101, 102, 103, 104 }, aa[] = { 105, 106, 107, 108, 109 };
	static const double zero[] = { 0 }, one[] = { 1 };
	double many[MANY], more[MANY], few;
	uint64_t s = 0xbf58476d1ce4e5b9ull;

	CHECK(stats_noise_floor(a, 0, aa, 5, 1) < 0 && stats_noise_floor(a, 5, aa, 0, 1) < 0, "empty");
	CHECK(near(stats_noise_floor(a, 1, aa, 1, 1), 0.05), "%f", stats_noise_floor(a, 1, aa, 1, 1));
	/* All of the upper half against the lower: the worst split is the real one. */
	CHECK(near(stats_noise_floor(a, 5, aa, 5, 1), 107.0 / 102 - 1), "%f",
	      stats_noise_floor(a, 5, aa, 5, 1));
	CHECK(near(stats_noise_floor(aa, 5, a, 5, 1), 107.0 / 102 - 1), "not symmetric");
	CHECK(stats_noise_floor(zero, 1, zero, 1, 1) == 0, "zeros are equal");
	CHECK(isinf(stats_noise_floor(zero, 1, one, 1, 1)), "from zero to one");
	CHECK(stats_ratio(0, 0) == 1 && isinf(stats_ratio(1, 0)) && stats_ratio(1, 4) == 0.25, "ratio");

	draw(many, MANY, 100, 0.05, &s);
	draw(more, MANY, 100, 0.05, &s);
	few = stats_noise_floor(many, 5, more, 5, 1);
	CHECK(stats_noise_floor(many, MANY, more, MANY, 1) < few, "more repeats, but no lower floor");
	CHECK(stats_noise_floor(many, MANY, more, MANY, 1) > 0.005, "too low");
}

static void test_permutation(void)
{
	static const double low[] = { 1, 2, 3, 4, 5 }, high[] = { 11, 12, 13, 14, 15 };
	static const double same[] = { 3, 3, 3 };
	double a[MANY], b[MANY], p, q;
	uint64_t s = 0x9e3779b97f4a7c15ull;
	int i;

	CHECK(stats_permutation_p(low, 0, high, 5, 1) == 1, "no values");
	/* Only the observed split and its mirror image are as extreme. */
	p = stats_permutation_p(low, 5, high, 5, 1);
	CHECK(near(p, 2.0 / 252), "p = %f", p);
	p = stats_permutation_p(low, 4, high, 4, 1);
	CHECK(near(p, 2.0 / 70), "p = %f", p);
	CHECK(stats_permutation_p(same, 3, same, 3, 1) == 1, "all equal");
	CHECK(near(stats_permutation_p(low, 5, high, 3, 1), stats_permutation_p(high, 3, low, 5, 1)),
	      "not symmetric");

	/* Drawn splits agree with what is known, give the same p for the same seed, never 0. */
	draw(a, MANY, 100, 0.05, &s);
	draw(b, MANY, 150, 0.05, &s);
	p = stats_permutation_p(a, MANY, b, MANY, 1);
	CHECK(p > 0 && p < 1e-4, "p = %g", p);
	for (i = 0; i < MANY; i++)
		b[i] = a[(i * 7) % MANY];
	CHECK(stats_permutation_p(a, MANY, b, MANY, 1) == 1, "the same values in another order");
	draw(b, MANY, 101.5, 0.05, &s);
	p = stats_permutation_p(a, MANY, b, MANY, 1);
	q = stats_permutation_p(a, MANY, b, MANY, 1);
	CHECK(p == q, "%f and %f for one seed", p, q);
	q = stats_permutation_p(a, MANY, b, MANY, 2);
	CHECK(fabs(p - q) < 0.01, "%f and %f for two seeds", p, q);
}

/* Exact and drawn must agree where both are possible: 10 against 10 is just exact. */
static void test_exact_against_drawn(void)
{
	double a[11], b[11], p, q;
	uint64_t s = 0x94d049bb133111ebull;
	int i;

	for (i = 0; i < 3; i++) {
		draw(a, 11, 100, 0.05, &s);
		draw(b, 11, 103, 0.05, &s);
		p = stats_permutation_p(a, 10, b, 10, 1);
		q = stats_permutation_p(a, 11, b, 11, 1);
		CHECK(p > 0 && p <= 1 && q > 0 && q <= 1, "%f, %f", p, q);
		/* 11 against 11 is drawn; with 1 value more the p is another but not a different one. */
		CHECK(fabs(log(p) - log(q)) < 1.6, "exact %f, drawn %f", p, q);
	}
}

static void test_outcomes(void)
{
	static const double v[] = { 100, 101, 99, 100, 102 }, fast[] = { 50, 51, 49, 50, 52 };
	static const double wild[] = { 60, 130, 70, 125, 65 }, zeros[] = { 0, 0, 0, 0, 0 };
	struct stats_comparison c;

	CHECK(stats_compare(&c, v, 0, v, 5, 0.05, 1) == -EINVAL, "no values");
	CHECK(!stats_compare(&c, fast, 4, v, 5, 0.05, 1) && c.outcome == STATS_TOO_FEW, "%d", c.outcome);
	CHECK(!stats_compare(&c, fast, 5, v, 5, -1, 1) && c.outcome == STATS_NO_FLOOR, "%d", c.outcome);
	CHECK(!stats_compare(&c, fast, 5, v, 5, 0.05, 1) && c.outcome == STATS_BELOW &&
	      c.ratio == 0.5, "%d, %f", c.outcome, c.ratio);
	CHECK(!stats_compare(&c, v, 5, fast, 5, 0.05, 1) && c.outcome == STATS_ABOVE, "%d", c.outcome);
	CHECK(!stats_compare(&c, fast, 5, v, 5, 1.01, 1) && c.outcome == STATS_LEVEL, "%d", c.outcome);
	CHECK(!stats_compare(&c, wild, 5, v, 5, 0.05, 1) && c.outcome == STATS_UNCLEAR, "%d", c.outcome);
	CHECK(!stats_compare(&c, zeros, 5, zeros, 5, 0, 1) && c.outcome == STATS_LEVEL, "%d", c.outcome);
	CHECK(!stats_compare(&c, v, 5, zeros, 5, 0, 1) && c.outcome == STATS_ABOVE && isinf(c.ratio),
	      "%d", c.outcome);
}

/* The promise: vanilla is never told from itself, a planted 10 % is always found. */
static void test_planted(size_t n, double noise)
{
	int false_claims = 0, self_claims = 0, found = 0, round;

	for (round = 1; round <= ROUNDS; round++) {
		uint64_t s = (uint64_t)round * 0x9e3779b97f4a7c15ull;
		double a[MANY], aa[MANY], b[MANY], planted[MANY], floor;
		struct stats_comparison c;
		size_t i;

		draw(a, n, 1400, noise, &s);
		draw(aa, n, 1400, noise, &s);
		draw(b, n, 1400, noise, &s);
		for (i = 0; i < n; i++)
			planted[i] = b[i] * 1.1;
		floor = stats_noise_floor(a, n, aa, n, 1);
		stats_compare(&c, aa, n, a, n, floor, 1);
		self_claims += c.outcome == STATS_BELOW || c.outcome == STATS_ABOVE;
		CHECK(c.ratio <= 1 + floor && c.ratio >= 1 / (1 + floor), "ratio %f, floor %f",
		      c.ratio, floor);
		stats_compare(&c, b, n, a, n, floor, 1);
		false_claims += c.outcome == STATS_BELOW || c.outcome == STATS_ABOVE;
		stats_compare(&c, planted, n, a, n, floor, 1);
		found += c.outcome == STATS_ABOVE;
	}
	CHECK(!self_claims && !false_claims, "%zu repeats: %d and %d of %d claims about nothing", n,
	      self_claims, false_claims, ROUNDS);
	CHECK(found == ROUNDS, "%zu repeats: 10 %% found in %d of %d", n, found, ROUNDS);
}

int main(void)
{
	test_summary();
	test_floor();
	test_permutation();
	test_exact_against_drawn();
	test_outcomes();
	test_planted(STATS_REPEATS_MIN, 0.015);
	test_planted(10, 0.03);
	test_planted(20, 0.04);
	return check_result();
}
