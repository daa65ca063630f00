/* SPDX-License-Identifier: GPL-2.0 */
/* A VM with two disks that can be moved, and what can be plugged into it. */
#ifndef TESTS_STRESS_MACHINE_H
#define TESTS_STRESS_MACHINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "bench/lib/iovm.h"
#include "lab/lib/rng.h"

/* Long, so that something is held most of the time. */
#define HOLD_US 30000
#define IO_IMAGE "/tmp/stress-io.disk"
#define SPARE_IMAGE "/tmp/stress-spare.disk"

/* Of all QEMUs together. */
struct counts {
	long long held, slice_end, ratio, cap, pause, flush, boosts;
	long long longest_us[2]; /* of the disk that stays, and of the spare one */
};

struct machine {
	struct iovm vms[2], *vm, *to; /* where the guest is, and goes */
	int moves;
	bool spare; /* the disk is plugged */
	json_t *vcpu; /* the one that is plugged, as device_add had it, or NULL */
	struct counts counts;
	char error[500];
};

/* Functions return -1 and leave the reason in m->error. */
#define MACHINE_FAIL(m, ...) (snprintf((m)->error, sizeof((m)->error), __VA_ARGS__), -1)

/* Pass on what a function of iovm.h returned. */
int machine_on(struct machine *m, int ret);

int machine_boot(struct machine *m);
void machine_end(struct machine *m);

/* The state is 1 when it is over, 0 before. */
int machine_migrate_begin(struct machine *m);
int machine_migrate_state(struct machine *m);
int machine_migrate_end(struct machine *m);

int machine_set_policy(struct machine *m, const char *policy, const char *urgent, int max_us);

/* They wait until the guest has given it back. */
int machine_unplug_disk(struct machine *m);
int machine_unplug_vcpu(struct machine *m);
int machine_plug_disk(struct machine *m);
int machine_plug_vcpu(struct machine *m);

/* Add what this QEMU has counted. */
int machine_count(struct machine *m);

#endif
