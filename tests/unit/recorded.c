// SPDX-License-Identifier: GPL-2.0
/*
 * The comparison on recorded measurements: vanilla is not told from itself, however its runs are
 * divided, and 10 % that were added to them are found where the noise allows it.
 */
#include <stdbool.h>
#include <string.h>

#include "bench/lib/stats.h"
#include "tests/unit/check.h"

#define RUNS 10
#define SPLITS 20

/*
 * cyclictest, vanilla and vanilla-aa, rounds 1 to 5 of each: TCG, 2 processors, Linux 6.12.117,
 * QEMU 10.0.13, commits f27cd429ef98 and, for the last, one of the same day; interval 2170 us, two
 * co-tenants.
 */
static const struct recorded {
	const char *name;
	double v[RUNS]; /* us */
	bool quiet; /* 10 % are more than the noise */
} recorded[] = {
	{ "busy-hog, average",
	  { 3395, 3439, 3673, 3560, 3564, 3735, 3671, 3673, 3629, 3624 },
	  true },
	{ "busy-hog, p50", { 369, 380, 401, 393, 385, 395, 414, 406, 392, 399 }, true },
	{ "busy, p99", { 8538, 8478, 8104, 8160, 8256, 7907, 8432, 8377, 8339, 8692 }, true },
	{ "busy, average", { 1485, 1534, 1540, 1432, 1557, 1560, 1804, 1631, 1749, 1733 }, false },
	{ "busy-hog, average, on a busy machine",
	  { 3773, 3844, 4106, 4005, 5695, 3681, 4775, 4314, 3569, 3537 },
	  false },
};

/* Everything in another order; which half is which follows from it. */
static void shuffle(double *v, uint64_t *state)
{
	for (int i = RUNS - 1; i > 0; i--) {
		double keep = v[i];
		int k;

		*state ^= *state << 13;
		*state ^= *state >> 7;
		*state ^= *state << 17;
		k = (int)((*state >> 16) % (i + 1));
		v[i] = v[k];
		v[k] = keep;
	}
}

static bool differs(const struct stats_comparison *c)
{
	return c->outcome == STATS_BELOW || c->outcome == STATS_ABOVE;
}

static void test_splits(const struct recorded *r)
{
	uint64_t state = 0x9e3779b97f4a7c15ull;
	int claims = 0, found = 0, low = 0;
	double v[RUNS], more[RUNS];

	memcpy(v, r->v, sizeof(v));
	for (int split = 0; split < SPLITS; split++) {
		const double *half = v + RUNS / 2;
		struct stats_comparison c;
		double floor;

		shuffle(v, &state);
		floor = stats_noise_floor(v, RUNS / 2, half, RUNS / 2, 1);
		stats_compare(&c, half, RUNS / 2, v, RUNS / 2, floor, 1);
		claims += differs(&c);
		low += c.p < STATS_ALPHA;
		for (int i = 0; i < RUNS; i++)
			more[i] = r->v[i] * 1.1;
		stats_compare(&c, more, RUNS, v, RUNS, floor, 1);
		found += c.outcome == STATS_ABOVE;
		CHECK(c.outcome != STATS_BELOW, "%s: 10 %% more is less", r->name);
	}
	CHECK(!claims && !low, "%s: %d claims about nothing, p is low %d times", r->name, claims,
	      low);
	CHECK(!r->quiet || found == SPLITS, "%s: 10 %% found in %d of %d", r->name, found, SPLITS);
	printf("%s: %d of %d A/A splits without a claim, 10 %% found in %d\n", r->name,
	       SPLITS - claims, SPLITS, found);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++)
		test_splits(&recorded[i]);
	return check_result();
}
