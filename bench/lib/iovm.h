/* SPDX-License-Identifier: GPL-2.0 */
/* A guest with a disk or a network device whose completions are coalesced, for benchmarks and
 * tests. */
#ifndef BENCH_LIB_IOVM_H
#define BENCH_LIB_IOVM_H

#include <stdio.h>

#include "lab/lib/qmp.h"
#include "lab/lib/vm.h"

#define IOVM_DISK_BYTES (32 << 20)

struct iovm_config {
	const char *name;
	const char *policy; /* coalesce= */
	bool net; /* a network device instead of a disk, to 10.77.NETWORK.1 */
	int network;
	bool coop; /* boosts, with the guest's module */
	const char *urgent; /* coalesce-urgent=, or NULL */
	bool facts; /* else: QEMU knows the vCPUs' time slices, and nothing is boosted */
	bool file, iothread;
	unsigned int vcpus, queues;
	int latency_us; /* without FILE, of a request */
	int disk_iops; /* requests per second that the disk can do; 0: no limit */
	int inflight, iops, max_us, cutoff_us; /* coalesce-inflight and so on */
	unsigned int mem; /* MiB; 0: as usual */
	const char *image; /* the disk's file, made and removed by others; NULL: one of its own */
	const char *incoming; /* where a migration is to come from, or NULL */
	char *const *extra; /* more arguments for QEMU, NULL-terminated, or NULL */
	unsigned int plugged; /* vCPUs that are among these */
};

struct iovm {
	struct vm vm;
	struct qmp qmp;
	char name[64], backend[256], pace[64], device[400], monitor[160], socket[100], disk[100];
	bool own_disk;
	unsigned int queues;
	char said[600]; /* the guest's last verdict, a good one */
	char error[400];
};

/* An empty disk of IOVM_DISK_BYTES; L1's /tmp is memory. -1 with errno. */
int iovm_make_disk(const char *path);

/* The first vCPU is on CPU_GUEST, a second one and the rest of QEMU on CPU_REST. -1 with the reason
 * in g->error. */
int iovm_boot(struct iovm *g, const struct iovm_config *c);

/* A command to the monitor; takes over ARGUMENTS. */
int iovm_do(struct iovm *g, const char *command, json_t *arguments);

/* Set one of DEVICE's properties while the guest runs; VALUE is taken over. */
int iovm_set_device(struct iovm *g, const char *device, const char *name, json_t *value);
int iovm_set(struct iovm *g, const char *name, json_t *value);

/* The device's coalesce-stats, a new reference, or NULL. */
json_t *iovm_stats(struct iovm *g);

/* One of DEVICE's coalesce-stats, or -1. */
long long iovm_stat_device(struct iovm *g, const char *device, const char *name);
long long iovm_stat(struct iovm *g, const char *name);

/* What QEMU knows of the disk, its queues and the vCPUs, as JSON: of a guest that hangs. */
void iovm_describe(struct iovm *g, FILE *to);

/* The VM stands still for that long. */
int iovm_pause(struct iovm *g, int us);

/* Wait for everything that the disk's block node has in flight. */
int iovm_drain(struct iovm *g);

/*
 * The guest's verdict, or its next sign of progress if that will do: 1. A bad verdict is -1; 0:
 * there was none within LIMIT_MS.
 */
int iovm_follow(struct iovm *g, int limit_ms, bool until_it_works);

/* Power off; -1 if it had to be killed. */
int iovm_quit(struct iovm *g);
void iovm_kill(struct iovm *g);

#endif
