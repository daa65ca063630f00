/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Did everybody get a fair share of one pCPU? N competitors of the fair class: co-tenants and
 * aggressors, which always want to run, and light ones, which sleep in between. What tasks of
 * higher classes take is not theirs to share.
 */
#ifndef BENCH_LIB_FAIRSHARE_H
#define BENCH_LIB_FAIRSHARE_H

#define FAIRSHARE_COTENANTS_MAX 8

/* CPU time in ns, at one moment or between two of them. */
struct fairshare_sample {
	long long wall; /* CLOCK_MONOTONIC */
	long long above; /* of tasks of higher scheduling classes */
	long long light; /* of all light competitors together */
	long long aggressors; /* of all of them together */
	long long cotenant[FAIRSHARE_COTENANTS_MAX];
};

struct fairshare {
	unsigned int cotenants, aggressors, light; /* how many; to be set at first */
	unsigned int windows;
	/*
	 * Over all windows and co-tenants: CPU time by that of one of N equal shares. The light
	 * competitors may leave some of theirs, so a co-tenant can have more than 1; less, only if
	 * somebody took it.
	 */
	double min, mean;
	/*
	 * The least by the max-min fair share: what the light competitors leave is divided among
	 * those that always want to run.
	 */
	double maxmin_min;
};

/* B - A, per field. */
void fairshare_subtract(struct fairshare_sample *window, const struct fairshare_sample *b,
			const struct fairshare_sample *a, unsigned int cotenants);

/* One window more; one in which the competitors had no time at all is ignored. */
void fairshare_add(struct fairshare *f, const struct fairshare_sample *window);

#endif
