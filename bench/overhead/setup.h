/* SPDX-License-Identifier: GPL-2.0 */
/* What the cases without a guest kernel have in common. */
#ifndef BENCH_OVERHEAD_SETUP_H
#define BENCH_OVERHEAD_SETUP_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "bench/overhead/bench.h"
#include "bench/overhead/machine.h"

/* Both VMs of a mode; OTHER only exists. */
struct setup {
	struct machine m, other;
};

/* setup_end() is needed in any case. */
int setup_begin(struct bench *b, struct setup *s, const struct mode *mode);
void setup_end(struct setup *s);

/* Until the guest waits in ROUTINE, after so many interrupts that it has begun to handle. */
int wait_ready(struct bench *b, struct machine *m, const char *routine, uint32_t interrupts);

/* A thread on CPU_GUEST that always wants to run. */
struct competitor {
	pthread_t thread;
	int policy; /* SCHED_* */
	atomic_bool stop, failed;
};

int competitor_begin(struct bench *b, struct competitor *c, int policy);
int competitor_end(struct bench *b, struct competitor *c);

#endif
