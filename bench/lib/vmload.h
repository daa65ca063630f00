/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What runs in L1 beside the guests, pinned to their pCPU: co-tenants that want all the CPU they
 * can get, and a cyclictest as a normal task. Co-tenants are started once and only run while
 * something is measured.
 */
#ifndef BENCH_LIB_VMLOAD_H
#define BENCH_LIB_VMLOAD_H

#include <stdbool.h>
#include <sys/types.h>

#include "bench/lib/hist.h"

#define VMLOAD_COTENANTS_MAX 8

struct vmload {
	unsigned int n;
	pid_t pgid[VMLOAD_COTENANTS_MAX];
	pid_t worker[VMLOAD_COTENANTS_MAX]; /* the process of the group that works */
	long long start_ns[VMLOAD_COTENANTS_MAX]; /* CPU time at vmload_begin() */
	long long run_ns[VMLOAD_COTENANTS_MAX]; /* between begin and end */
};

/*
 * Start N stress-ng workers on pCPU CPU, wait until they work, stop them. -1 after saying what is
 * wrong.
 */
int vmload_start(struct vmload *load, unsigned int n, int cpu);
void vmload_resume(struct vmload *load);
void vmload_pause(struct vmload *load);
void vmload_begin(struct vmload *load);
void vmload_end(struct vmload *load);
void vmload_kill(struct vmload *load);

/* CPU time of co-tenant I up to now, without looking for its threads; at most a tick old. */
long long vmload_cotenant_ns(const struct vmload *load, unsigned int i);

/*
 * A cyclictest at normal priority on pCPU CPU for that many seconds; *out is its output. Returns
 * its pid or -1.
 */
pid_t vmload_cyclictest(int cpu, int seconds, int interval_us, int *out);

/*
 * The same as SCHED_FIFO task until vmload_cyclictest_end(): the thread that measures is *tid, on
 * pCPU CPU; the one that collects keeps to OTHER_CPU. Returns when both are there.
 */
pid_t vmload_cyclictest_fifo(int cpu, int other_cpu, int priority, int interval_us, int *out,
			     pid_t *tid);
void vmload_cyclictest_end(pid_t pid);

/* Read what it found; its process is gone afterwards. */
int vmload_cyclictest_result(pid_t pid, int out, struct hist *h, struct hist_error *err);

#endif
