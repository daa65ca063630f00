/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_CYCLICTEST_BENCH_H
#define BENCH_CYCLICTEST_BENCH_H

#include <stdbool.h>

#include "bench/lib/guestbench.h"

#define COTENANTS 2

struct options {
	int interval_us;
	bool hog, host_cyclictest;
};

/* B->arg is O. -1 after saying what is wrong, 1 if there is nothing to do after that (--help). */
int options_parse(struct guest_bench *b, struct options *o, int argc, char **argv);

/* One case, as guest_bench's. */
int measure(struct guest_measurement *m);

#endif
