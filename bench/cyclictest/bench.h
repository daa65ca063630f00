/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_CYCLICTEST_BENCH_H
#define BENCH_CYCLICTEST_BENCH_H

#include <stdbool.h>

#include "bench/lib/guestbench.h"

#define INTERVALS_MAX 4

/* A case's variant is its interval; 0: that of the options. */
struct options {
	int interval_us; /* 0: choose_interval() does */
	double task_share; /* of a pCPU, as choose_interval() found it */
	int matrix[INTERVALS_MAX], nmatrix; /* intervals */
	bool hog, host_cyclictest;
	struct guest_case matrix_cases[2 * INTERVALS_MAX];
	char names[2 * INTERVALS_MAX][16];
};

/* B->arg is O. -1 after saying what is wrong, 1 if there is nothing to do after that (--help). */
int options_parse(struct guest_bench *b, struct options *o, int argc, char **argv);

/* As guest_bench's: one case, and what comes before all of them. */
int measure(struct guest_measurement *m);
int choose_interval(struct guest_bench *b, json_t *parameters);

#endif
