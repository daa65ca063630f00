/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COOP_BENCH_STATS_H
#define COOP_BENCH_STATS_H

#include <stddef.h>
#include <stdint.h>

/*
 * How two modes are compared, from the values of one metric over the repeats.
 *
 * Effect: the ratio of the medians.
 *
 * Noise floor: every round runs vanilla twice, as vanilla and as vanilla-aa.
 * Their runs are put together and split at random into two groups of the old
 * sizes (all splits up to STATS_FLOOR_SPLITS, else that many seeded draws).
 * The floor is the factor, minus 1, that the ratio of the medians of two such
 * groups stays within in STATS_FLOOR_PART of the splits, in either direction.
 * It is never less than what vanilla and vanilla-aa themselves show, so by
 * construction no result tells vanilla from itself; and it falls with more
 * repeats. Nothing in [1 / (1 + floor), 1 + floor] is called a difference.
 *
 * Test: two-sided permutation test of the difference of the means (of the
 * logarithms where all values are positive, since latencies scale rather than
 * shift). Exact for up to STATS_EXACT_MAX splits, else STATS_DRAWS seeded
 * draws. A difference needs p < STATS_ALPHA. Five repeats against five give
 * p >= 2/252, four against four p >= 2/70: hence STATS_REPEATS_MIN.
 */
#define STATS_ALPHA		0.01
#define STATS_REPEATS_MIN	5
#define STATS_EXACT_MAX		200000u
#define STATS_DRAWS		100000u
#define STATS_FLOOR_SPLITS	10000u
#define STATS_FLOOR_PART	0.99

struct stats_summary {
	size_t n;
	double median;
	double min;
	double max;
	double q1;	/* quartiles, linear between the two nearest ranks */
	double q3;
};

enum stats_outcome {
	STATS_TOO_FEW,		/* fewer than STATS_REPEATS_MIN values in one of them */
	STATS_NO_FLOOR,		/* vanilla or vanilla-aa was not measured */
	STATS_LEVEL,		/* within the noise floor */
	STATS_UNCLEAR,		/* outside the noise floor, but p >= STATS_ALPHA */
	STATS_BELOW,
	STATS_ABOVE,
};

struct stats_comparison {
	double ratio;		/* median of the values / median of the base */
	double floor;		/* as given */
	double p;
	enum stats_outcome outcome;
};

/* 0, or -EINVAL without values or with one that is not finite. */
int stats_summarize(struct stats_summary *s, const double *v, size_t n);

/* Values are latencies, shares or counts: not negative. Two zeros have the ratio 1. */
double stats_ratio(double v, double base);

/* Negative: unknown, one of them is empty. */
double stats_noise_floor(const double *a, size_t na, const double *aa, size_t naa,
			 uint64_t seed);

/* p in (0, 1]; 1 if one of them is empty or there is no memory. */
double stats_permutation_p(const double *a, size_t na, const double *b, size_t nb,
			   uint64_t seed);

/* As stats_summarize(). */
int stats_compare(struct stats_comparison *c, const double *v, size_t n,
		  const double *base, size_t nbase, double floor, uint64_t seed);

#endif
