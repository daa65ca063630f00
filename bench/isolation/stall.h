/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Did a pCPU stand still? An emulated one does while the machine below it is busy with something
 * else, and the task that ran is charged for that time, so shares of such a time say nothing. A
 * thread that comes before all others of the pCPU asks to be woken often, and is late then.
 */
#ifndef BENCH_ISOLATION_STALL_H
#define BENCH_ISOLATION_STALL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/* Chosen by hand; the shortest stall that is noticed. */
#define STALL_NS 30000000ll

struct stall {
	pthread_t thread;
	bool running;
	atomic_int tid; /* for its CPU time; 0: not yet */
	atomic_llong next; /* when it wants to be woken, ns of CLOCK_MONOTONIC */
	atomic_llong worst; /* ns */
	atomic_bool stop;
};

/* Watch the pCPU until stall_end(). -1 with errno if there is no such thread. */
int stall_begin(struct stall *s, int cpu);
void stall_end(struct stall *s);

/* The latest that the thread was since the last call, or is now, ns. */
long long stall_worst_ns(struct stall *s);

#endif
