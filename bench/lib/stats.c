// SPDX-License-Identifier: GPL-2.0
#include "bench/lib/stats.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of sorted values. */
static double quantile(const double *v, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t i = (size_t)at;

	if (i + 1 >= n)
		return v[n - 1];
	return v[i] + (at - (double)i) * (v[i + 1] - v[i]);
}

int stats_summarize(struct stats_summary *s, const double *v, size_t n)
{
	double *sorted;
	size_t i;

	memset(s, 0, sizeof(*s));
	if (!n)
		return -EINVAL;
	for (i = 0; i < n; i++) {
		if (!isfinite(v[i]))
			return -EINVAL;
	}
	sorted = malloc(n * sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, v, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_value);
	s->n = n;
	s->median = quantile(sorted, n, 0.5);
	s->min = sorted[0];
	s->max = sorted[n - 1];
	s->q1 = quantile(sorted, n, 0.25);
	s->q3 = quantile(sorted, n, 0.75);
	free(sorted);
	return 0;
}

double stats_ratio(double v, double base)
{
	if (v == base)
		return 1;
	return base == 0 ? INFINITY : v / base;
}

/* splitmix64: small, seedable, the same numbers everywhere. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* Number of splits, or more than @max. */
static uint64_t count_splits(size_t n, size_t k, uint64_t max)
{
	uint64_t c = 1;
	size_t i;

	for (i = 1; i <= k && c <= max; i++)
		c = c * (n - k + i) / i;
	return c;
}

static void first_split(size_t *index, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		index[i] = i;
}

/* The first @k of @index name the first group; the next one in lexicographic order. */
static bool next_split(size_t *index, size_t n, size_t k)
{
	size_t i = k;

	while (i && index[i - 1] == n - k + i - 1)
		i--;
	if (!i)
		return false;
	index[i - 1]++;
	for (; i < k; i++)
		index[i] = index[i - 1] + 1;
	return true;
}

/* A random one; all @n of @index stay a permutation. */
static void draw_split(size_t *index, size_t n, size_t k, uint64_t *seed)
{
	size_t i;

	for (i = 0; i < k; i++) {
		size_t j = i + next_random(seed) % (n - i);
		size_t chosen = index[j];

		index[j] = index[i];
		index[i] = chosen;
	}
}

struct split {
	const double *v;	/* all values, those of the first group first */
	size_t n;
	size_t first;		/* size of the first group */
	double total;
	double observed;	/* difference of the means, absolute */
};

static double difference(const struct split *s, double sum_first)
{
	return fabs(sum_first / (double)s->first -
		    (s->total - sum_first) / (double)(s->n - s->first));
}

/* Sums in another order differ in the last bits: count ties as ties. */
static bool as_extreme(const struct split *s, double sum_first)
{
	return difference(s, sum_first) >= s->observed - 1e-9 * (s->observed + fabs(s->total));
}

static double sum_chosen(const struct split *s, const size_t *index)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < s->first; i++)
		sum += s->v[index[i]];
	return sum;
}

static double p_exact(const struct split *s, size_t *index)
{
	uint64_t hits = 0, splits = 0;

	first_split(index, s->n);
	do {
		splits++;
		hits += as_extreme(s, sum_chosen(s, index));
	} while (next_split(index, s->n, s->first));
	return (double)hits / (double)splits;
}

static double p_drawn(const struct split *s, size_t *index, uint64_t seed)
{
	uint64_t hits = 0, draw;

	first_split(index, s->n);
	for (draw = 0; draw < STATS_DRAWS; draw++) {
		draw_split(index, s->n, s->first, &seed);
		hits += as_extreme(s, sum_chosen(s, index));
	}
	/* The observed split counts as one of the draws, so p is never 0. */
	return (double)(hits + 1) / (double)(STATS_DRAWS + 1);
}

double stats_permutation_p(const double *a, size_t na, const double *b, size_t nb,
			   uint64_t seed)
{
	struct split s = { .n = na + nb, .first = na };
	double sum_first = 0, p = 1, *v;
	size_t i, *index;

	if (!na || !nb)
		return 1;
	v = malloc(s.n * sizeof(*v));
	index = malloc(s.n * sizeof(*index));
	if (!v || !index)
		goto out;
	memcpy(v, a, na * sizeof(*v));
	memcpy(v + na, b, nb * sizeof(*v));
	for (i = 0; i < s.n; i++) {
		s.total += v[i];
		sum_first += i < na ? v[i] : 0;
	}
	s.v = v;
	s.observed = difference(&s, sum_first);
	if (count_splits(s.n, na, STATS_EXACT_MAX) <= STATS_EXACT_MAX)
		p = p_exact(&s, index);
	else
		p = p_drawn(&s, index, seed);
out:
	free(v);
	free(index);
	return p;
}

/* Of the values in @v (sorted) that are in the group, or not in it. */
static double median_of(const double *v, const bool *chosen, size_t n, bool in, size_t size)
{
	double low = 0;
	size_t seen = 0, i;

	for (i = 0; i < n; i++) {
		if (chosen[i] != in)
			continue;
		seen++;
		if (seen == (size + 1) / 2)
			low = v[i];
		if (seen == size / 2 + 1)
			return (low + v[i]) / 2;
	}
	return low;
}

/* How far the medians of the two groups are apart, as a factor of 1 or more. */
static double split_factor(const double *v, const size_t *index, bool *chosen, size_t n, size_t k)
{
	double a, b;
	size_t i;

	memset(chosen, 0, n * sizeof(*chosen));
	for (i = 0; i < k; i++)
		chosen[index[i]] = true;
	a = median_of(v, chosen, n, true, k);
	b = median_of(v, chosen, n, false, n - k);
	return fmax(stats_ratio(a, b), stats_ratio(b, a));
}

/* Fills @factor, room for STATS_FLOOR_SPLITS, and returns how many there are. */
static size_t split_factors(double *factor, const double *v, size_t *index, bool *chosen,
			    size_t n, size_t k, uint64_t seed)
{
	bool all = count_splits(n, k, STATS_FLOOR_SPLITS) <= STATS_FLOOR_SPLITS;
	size_t count = 0;

	first_split(index, n);
	do {
		if (!all)
			draw_split(index, n, k, &seed);
		factor[count++] = split_factor(v, index, chosen, n, k);
	} while (all ? next_split(index, n, k) : count < STATS_FLOOR_SPLITS);
	return count;
}

double stats_noise_floor(const double *a, size_t na, const double *aa, size_t naa, uint64_t seed)
{
	size_t n = na + naa, *index = malloc((n + 1) * sizeof(*index)), count;
	double *v = malloc((n + 1) * sizeof(*v)), floor = -1;
	double *factor = malloc(STATS_FLOOR_SPLITS * sizeof(*factor));
	bool *chosen = malloc(n + 1);
	struct stats_summary sa, saa;

	if (!index || !v || !factor || !chosen || stats_summarize(&sa, a, na) ||
	    stats_summarize(&saa, aa, naa))
		goto out;
	memcpy(v, a, na * sizeof(*v));
	memcpy(v + na, aa, naa * sizeof(*v));
	qsort(v, n, sizeof(*v), by_value);
	count = split_factors(factor, v, index, chosen, n, na, seed);
	qsort(factor, count, sizeof(*factor), by_value);
	floor = factor[(size_t)ceil(STATS_FLOOR_PART * (double)count) - 1];
	floor = fmax(floor, stats_ratio(sa.median, saa.median));
	floor = fmax(floor, stats_ratio(saa.median, sa.median)) - 1;
out:
	free(index);
	free(v);
	free(factor);
	free(chosen);
	return floor;
}

static bool all_positive(const double *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (v[i] <= 0)
			return false;
	}
	return true;
}

static double p_of(const double *v, size_t n, const double *base, size_t nbase, uint64_t seed)
{
	double *logs, p;
	size_t i;

	if (!all_positive(v, n) || !all_positive(base, nbase))
		return stats_permutation_p(v, n, base, nbase, seed);
	logs = malloc((n + nbase) * sizeof(*logs));
	if (!logs)
		return 1;
	for (i = 0; i < n; i++)
		logs[i] = log(v[i]);
	for (i = 0; i < nbase; i++)
		logs[n + i] = log(base[i]);
	p = stats_permutation_p(logs, n, logs + n, nbase, seed);
	free(logs);
	return p;
}

int stats_compare(struct stats_comparison *c, const double *v, size_t n,
		  const double *base, size_t nbase, double floor, uint64_t seed)
{
	struct stats_summary sv, sb;
	int ret = stats_summarize(&sv, v, n);

	memset(c, 0, sizeof(*c));
	if (!ret)
		ret = stats_summarize(&sb, base, nbase);
	if (ret)
		return ret;
	c->ratio = stats_ratio(sv.median, sb.median);
	c->floor = floor;
	c->p = p_of(v, n, base, nbase, seed);
	if (n < STATS_REPEATS_MIN || nbase < STATS_REPEATS_MIN)
		c->outcome = STATS_TOO_FEW;
	else if (floor < 0)
		c->outcome = STATS_NO_FLOOR;
	else if (c->ratio <= 1 + floor && c->ratio >= 1 / (1 + floor))
		c->outcome = STATS_LEVEL;
	else if (c->p >= STATS_ALPHA)
		c->outcome = STATS_UNCLEAR;
	else
		c->outcome = c->ratio < 1 ? STATS_BELOW : STATS_ABOVE;
	return 0;
}
