/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A benchmark of a guest whose vCPUs do not all have a pCPU to themselves: each is pinned to another
 * one, or may run on any, and on n of the N runs a co-tenant. A case is "<load>-<n>of<N>".
 */
#ifndef BENCH_LIB_INTERFERENCE_H
#define BENCH_LIB_INTERFERENCE_H

#include "bench/lib/guestbench.h"
#include "bench/lib/hist.h"

#define INTERFERENCE_LOADS_MAX 6
#define INTERFERENCE_CASES_MAX (INTERFERENCE_LOADS_MAX * (VM_VCPUS_MAX + 1))

/* What a benchmark does by itself. */
struct interference_kind {
	const char *name; /* of the benchmark; coop-guest-NAME is the program in the guest */
	const char *const *loads; /* their names */
	int nloads;
	const char *usage; /* of the options that are its own, and what --seconds and --work mean */
	int work_us, seconds; /* by default */
	int (*measure)(struct guest_measurement *m);
};

struct interference {
	const struct interference_kind *kind;
	struct guest_bench bench;
	int vcpus, work_us, grace_us, slice_us;
	unsigned long loops_per_us;
	const char *wanted; /* of the cases, as said */
	struct guest_case table[INTERFERENCE_CASES_MAX];
	char names[INTERFERENCE_CASES_MAX][24];
	char all[INTERFERENCE_CASES_MAX * 24]; /* the names with commas between */
};

/* What the guest's program and its module said, and KVM's counters over the measured interval. */
struct interference_answer {
	long long notified, acked, preempted, spread;
	char *text; /* or NULL */
	struct hist hist; /* to be freed if HAS_HIST */
	bool has_hist;
};

/* The benchmark's main(). */
int interference_main(int argc, char **argv, const struct interference_kind *kind);

/* Of the measurement's case: the load's index and name, and the pCPUs that a co-tenant each at
 * equal weight leaves. */
const struct interference *interference_of(const struct guest_measurement *m);
int interference_load(const struct guest_case *c);
const char *interference_load_name(const struct guest_measurement *m);
double interference_cpus(const struct guest_measurement *m);

/*
 * Run the guest's program with the options OWN, NULL-terminated, and --threads, --work,
 * --loops-per-us. Fails without an answer within LIMIT_S and the result's limit. The answer needs
 * interference_free() in any case.
 */
int interference_run(struct guest_measurement *m, char *const own[], int limit_s,
		     struct interference_answer *a);
void interference_free(struct interference_answer *a);

/* Send METRICS, which are taken over, with those of the answer, and its histogram. */
int interference_send(struct guest_measurement *m, json_t *metrics,
		      const struct interference_answer *a);

#endif
