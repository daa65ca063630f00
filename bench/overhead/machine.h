/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM of the driver's own, straight on /dev/kvm: less to boot and less noise than a Linux guest.
 * Functions that can fail return -1 and leave the reason in m->error.
 */
#ifndef BENCH_OVERHEAD_MACHINE_H
#define BENCH_OVERHEAD_MACHINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/overhead/guest.h"

struct kvm_run;

struct machine {
	int vm, vcpu, stats;
	bool coop;
	int id; /* of the vCPU; 1: memory and VM are another machine's */
	uint8_t *mem;
	struct kvm_run *run;
	size_t run_size;
	long tsc_khz;
	const char *entry;
	pthread_t thread;
	_Atomic pid_t tid; /* of the vCPU thread, 0 before it runs */
	_Atomic bool ended; /* the routine, well or not */
	char error[160];
};

/* There is nothing to destroy. */
#define MACHINE_NONE ((struct machine){ .vm = -1, .vcpu = -1, .stats = -1 })

/* Without a vCPU; COOP: with KVM_CAP_COOP, which needs the host's switch. */
int machine_create(struct machine *m, bool coop);
void machine_destroy(struct machine *m);

/* The vCPU, set up, and registered if it has the feature. */
int machine_boot(struct machine *m);

/* A second vCPU for FIRST, which has to be there longer. The same. */
int machine_boot_sibling(struct machine *m, const struct machine *first);

/* Have the vCPU told of preemptions by GUEST_NOTIFY_VECTOR. */
int machine_want_notify(struct machine *m);

/* Run one routine of the guest in a thread on CPU_GUEST, and wait for its end. */
int machine_start(struct machine *m, const char *routine);
int machine_join(struct machine *m, int limit_ms);

/* Is the vCPU thread asleep, and not just preempted? */
bool machine_sleeps(const struct machine *m);

/* The interrupt GUEST_VECTOR, to this vCPU. */
int machine_signal(struct machine *m);

/* A vCPU counter of KVM's binary statistics by its name, or -1. */
long long machine_stat(struct machine *m, const char *name);

/* The first N of its values, 0 behind them. 0 or -1. */
int machine_stats(struct machine *m, const char *name, long long *values, size_t n);

volatile struct guest_ctl *machine_ctl(const struct machine *m);
double machine_ns(const struct machine *m, uint32_t tsc);

#endif
