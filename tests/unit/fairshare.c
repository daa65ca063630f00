// SPDX-License-Identifier: GPL-2.0
/* What is fair on a pCPU with co-tenants, an aggressor and one that sleeps. */
#include <math.h>
#include <stdbool.h>

#include "bench/lib/fairshare.h"
#include "tests/unit/check.h"

#define MS 1000000ll

static bool is(double value, double expected)
{
	return fabs(value - expected) < 1e-9;
}

static struct fairshare_sample window(long long wall, long long above, long long light,
				      long long aggressors, long long a, long long b)
{
	return (struct fairshare_sample){
		wall * MS, above * MS, light * MS, aggressors * MS, { a * MS, b * MS }
	};
}

static void test_nothing(void)
{
	struct fairshare f = { .cotenants = 2, .aggressors = 1, .light = 1 };
	struct fairshare_sample w = window(1000, 1000, 0, 0, 0, 0);

	fairshare_add(&f, &w);
	CHECK(!f.windows, "a window without time for the competitors counts");
	w = window(0, 0, 0, 0, 0, 0);
	fairshare_add(&f, &w);
	CHECK(!f.windows, "an empty window counts");
}

/* Everybody takes all it can get. */
static void test_equal(void)
{
	struct fairshare f = { .cotenants = 2, .aggressors = 1, .light = 1 };
	struct fairshare_sample w = window(1000, 0, 250, 250, 250, 250);

	fairshare_add(&f, &w);
	CHECK(is(f.min, 1) && is(f.mean, 1) && is(f.maxmin_min, 1), "%f %f %f", f.min, f.mean,
	      f.maxmin_min);
	/* Less time, in a longer window: the same. */
	w = window(1200, 200, 250, 250, 250, 250);
	fairshare_add(&f, &w);
	CHECK(f.windows == 2 && is(f.min, 1) && is(f.mean, 1), "%u %f %f", f.windows, f.min,
	      f.mean);
}

/* The light one leaves time; who takes it is seen by the max-min ratio only. */
static void test_light(void)
{
	struct fairshare f = { .cotenants = 2, .aggressors = 1, .light = 1 };
	struct fairshare_sample w = window(1000, 0, 100, 300, 300, 300);

	fairshare_add(&f, &w);
	CHECK(is(f.min, 1.2) && is(f.maxmin_min, 1), "%f %f", f.min, f.maxmin_min);
	w = window(1000, 0, 100, 400, 250, 250);
	fairshare_add(&f, &w);
	CHECK(is(f.min, 1) && is(f.mean, 1.1) && is(f.maxmin_min, 250. / 300), "%f %f %f", f.min,
	      f.mean, f.maxmin_min);
}

/* A light one that takes too much is no excuse for what the co-tenants lose. */
static void test_heavy_light(void)
{
	struct fairshare f = { .cotenants = 2, .aggressors = 1, .light = 1 };
	struct fairshare_sample w = window(1000, 0, 700, 100, 100, 100);

	fairshare_add(&f, &w);
	CHECK(is(f.min, 0.4) && is(f.maxmin_min, 0.4), "%f %f", f.min, f.maxmin_min);
}

/* The worst co-tenant in the worst window, whichever it is. */
static void test_worst(void)
{
	struct fairshare f = { .cotenants = 2, .aggressors = 4 };
	struct fairshare_sample w = window(600, 0, 0, 400, 100, 100);

	fairshare_add(&f, &w);
	w = window(600, 0, 0, 450, 130, 20);
	fairshare_add(&f, &w);
	w = window(600, 0, 0, 400, 110, 90);
	fairshare_add(&f, &w);
	CHECK(f.windows == 3 && is(f.min, 0.2) && is(f.maxmin_min, 0.2) && is(f.mean, 550. / 600),
	      "%f %f %f", f.min, f.maxmin_min, f.mean);
}

static void test_subtract(void)
{
	struct fairshare_sample a = window(5, 4, 3, 2, 1, 1), b = window(50, 40, 30, 20, 10, 11);
	struct fairshare_sample w = { .cotenant = { 0, 0, 7 } };

	fairshare_subtract(&w, &b, &a, 2);
	CHECK(w.wall == 45 * MS && w.above == 36 * MS && w.light == 27 * MS &&
		      w.aggressors == 18 * MS,
	      "%lld %lld %lld %lld", w.wall, w.above, w.light, w.aggressors);
	CHECK(w.cotenant[0] == 9 * MS && w.cotenant[1] == 10 * MS && w.cotenant[2] == 7,
	      "%lld %lld %lld", w.cotenant[0], w.cotenant[1], w.cotenant[2]);
}

int main(void)
{
	test_nothing();
	test_equal();
	test_light();
	test_heavy_light();
	test_worst();
	test_subtract();
	return check_result();
}
