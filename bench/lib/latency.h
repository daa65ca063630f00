/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest's timer latency: PID 1 of L2 runs cyclictest and says when it begins and when it has
 * ended. Both messages take the same way, so their delay cancels out.
 */
#ifndef BENCH_LIB_LATENCY_H
#define BENCH_LIB_LATENCY_H

#include <jansson.h>
#include <stdbool.h>

#include "bench/lib/hist.h"
#include "lab/lib/vm.h"

struct latency {
	int hogs, seconds, interval_us;
	int threads; /* one on each vCPU; 0: one */
	int result_limit; /* seconds from the end of the measurement to its result */
	/*
	 * Called when the guest begins, when it has ended, and each TICK_MS, if not 0, until then,
	 * whether it has begun or not. NULL: not called.
	 */
	void (*begin)(void *arg);
	void (*tick)(void *arg);
	void (*end)(void *arg);
	int tick_ms;
	void *arg;
	/* The result */
	struct hist hist; /* to be freed if HAS_HIST, also after a failure */
	bool has_hist;
	bool hung; /* the failure is a guest that does not answer */
	char error[400];
};

/* 0, or -1 with the reason in l->error. */
int latency_measure(struct latency *l, struct vm *vm);

/* The same in two halves, for what happens meanwhile. */
int latency_start(struct latency *l, struct vm *vm);
int latency_finish(struct latency *l, struct vm *vm);

/* WHO_min_us to WHO_max_us. */
void latency_metrics(json_t *metrics, const char *who, const struct hist *h);

/* Of a guest's requests: p50_us, p99_us, p999_us, guest_max_us, samples, overflow. */
void latency_request_metrics(json_t *metrics, const struct hist *h);

/* Store the histogram as the file NAME and refer to it as REFS[WHO]. 0 or -1. */
int latency_send(int record_fd, const char *name, const char *who, const struct hist *h,
		 json_t *refs);

#endif
