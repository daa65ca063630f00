/* SPDX-License-Identifier: GPL-2.0 */
/* A guest with a disk or a network device whose completions are coalesced, for benchmarks and
 * tests. */
#ifndef BENCH_LIB_IOVM_H
#define BENCH_LIB_IOVM_H

#include "lab/lib/qmp.h"
#include "lab/lib/vm.h"

#define IOVM_DISK_BYTES (32 << 20)

struct iovm_config {
	const char *name;
	const char *policy; /* coalesce= */
	bool net; /* a network device instead of a disk, to 10.77.NETWORK.1 */
	int network;
	bool coop; /* boosts, with the guest's module */
	bool facts; /* else: QEMU knows the vCPUs' time slices, and nothing is boosted */
	bool file, iothread;
	unsigned int vcpus, queues;
	int latency_us; /* without FILE, of a request */
	int disk_iops; /* requests per second that the disk can do; 0: no limit */
	int inflight, iops, max_us; /* coalesce-inflight and so on */
};

struct iovm {
	struct vm vm;
	struct qmp qmp;
	char name[64], backend[256], pace[64], device[400], monitor[160], socket[100], disk[100];
	char error[400];
};

/* The first vCPU is on CPU_GUEST, a second one and the rest of QEMU on CPU_REST. -1 with the reason
 * in g->error. */
int iovm_boot(struct iovm *g, const struct iovm_config *c);

/* Set one of the device's properties while the guest runs; VALUE is taken over. */
int iovm_set(struct iovm *g, const char *name, json_t *value);

/* One of the device's coalesce-stats, or -1. */
long long iovm_stat(struct iovm *g, const char *name);

/* Power off; -1 if it had to be killed. */
int iovm_quit(struct iovm *g);
void iovm_kill(struct iovm *g);

#endif
