/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COOP_BENCH_HIST_H
#define COOP_BENCH_HIST_H

#include <stdint.h>
#include <stdio.h>

/*
 * Latency histogram with one bucket per microsecond.
 *
 * A sample at or above the last bucket is an overflow: its value is lost but
 * for the exact minimum and maximum. Percentiles say so instead of guessing.
 * The file formats are documented in docs/results-format.md.
 */

/* No bucket at or above this; cyclictest's own limit for -h. */
#define HIST_BUCKETS_MAX	1000000u
/* More samples, or a longer latency (36 minutes), are refused: sums stay in 64 bits. */
#define HIST_SAMPLES_MAX	(1ull << 32)
#define HIST_US_MAX		(1ull << 31)

struct hist {
	uint64_t *count;	/* count[us], @buckets entries, or NULL */
	uint32_t buckets;	/* allocated, not a property of the data */
	uint64_t samples;	/* all of them, overflows included */
	uint64_t overflow;	/* samples whose exact value is unknown */
	uint64_t overflow_from;	/* no overflow is below this; 0: no overflow */
	uint64_t min_us;	/* exact; 0 without samples */
	uint64_t max_us;	/* exact; 0 without samples */
	uint64_t sum_us;	/* exact, or see hist_mean() */
};

/* Where and why a file was refused; @line 0 when no line is to blame. */
struct hist_error {
	unsigned long line;
	char text[120];
};

/* Percentiles are in parts per million, so that nearest rank is exact. */
#define HIST_P50	500000u
#define HIST_P90	900000u
#define HIST_P99	990000u
#define HIST_P999	999000u
#define HIST_P9999	999900u
#define HIST_P100	1000000u

enum hist_rank {
	HIST_EMPTY,	/* no samples: the value is 0 */
	HIST_EXACT,	/* the value is the latency at this rank */
	HIST_BEYOND,	/* in the overflow: the value is the maximum, an upper bound */
};

/* All functions return 0 or a negative errno unless they say otherwise. */

void hist_init(struct hist *h);
void hist_free(struct hist *h);

/* -ERANGE: @us or the number of samples is above the limits, nothing is added. */
int hist_add(struct hist *h, uint64_t us);
int hist_merge(struct hist *to, const struct hist *from);

enum hist_rank hist_percentile(const struct hist *h, uint32_t ppm, uint64_t *us);

/*
 * Mean in microseconds, 0 without samples. The part of overflows that came from
 * cyclictest is derived from its rounded-down average, bounded by what the
 * overflow limit and the maximum allow; all else is exact.
 */
double hist_mean(const struct hist *h);

/* Samples in buckets below @us and not in the overflow. */
uint64_t hist_below(const struct hist *h, uint64_t us);

/*
 * The compact format. Reading initialises @h; after a failure it is empty and
 * needs no hist_free(). -EINVAL is bad input, explained in @err (not NULL).
 */
int hist_read(struct hist *h, FILE *f, struct hist_error *err);
int hist_write(const struct hist *h, FILE *f);

/*
 * Output of `cyclictest -q -h N` (rt-tests 2.4). Fills @h[0..n-1], one per
 * measuring thread, and returns n (1 to @max), or a negative errno as hist_read().
 */
int hist_read_cyclictest(FILE *f, struct hist *h, unsigned int max,
			 struct hist_error *err);

#endif
