/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_BLK_BENCH_H
#define BENCH_BLK_BENCH_H

#include "bench/lib/driver.h"
#include "bench/lib/hist.h"
#include "bench/lib/vmload.h"
#include "lab/lib/vm.h"

#define CASES_MAX 32

struct mode {
	const char *name;
	const char *policy; /* of QEMU's property coalesce */
	bool coop; /* kvm-coop boosts the guest */
	bool facts; /* else: it tells QEMU about time slices, no more */
};

enum scenario {
	SCENARIO_ALONE,
	SCENARIO_HOGS, /* co-tenants on the vCPU's pCPU */
	SCENARIO_ALLIO, /* a second guest on it, with the same load */
};

/* "<op>-<size>-qd<depth>-<scenario>" */
struct bench_case {
	char name[64], op[16];
	int size, depth;
	enum scenario scenario;
};

struct options {
	struct driver_choice modes; /* of struct mode */
	struct bench_case cases[CASES_MAX];
	int ncases;
	int repeat, seconds, rate, cotenants, latency_us, disk_iops, result_limit;
	int inflight, iops, max_us;
	bool file, iothread, no_aa;
};

struct bench {
	const struct options *o;
	int record_fd;
	struct vmload load; /* the co-tenants */
	int done, total;
	char error[400];
};

#define FAIL(b, ...) (snprintf((b)->error, sizeof((b)->error), __VA_ARGS__), -1)

/* 0, -1 after saying what is wrong, 1 if there is nothing to do. */
int options_parse(struct options *o, int argc, char **argv);

/* One mode in one round: all cases, in guests of its own. -1 with the reason in b->error. */
int measure_mode(struct bench *b, const struct mode *mode, int repeat);

#endif
