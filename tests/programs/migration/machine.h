/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest, QEMU's monitor for it, and what a test of migration asks of both. Functions return -1
 * and leave the reason in error.
 */
#ifndef TESTS_MIGRATION_MACHINE_H
#define TESTS_MIGRATION_MACHINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "lab/lib/qmp.h"
#include "lab/lib/vm.h"

#define QMP_LIMIT_MS 20000

extern char error[600];

#define FAIL(...) (snprintf(error, sizeof(error), __VA_ARGS__), -1)

struct machine {
	struct vm vm;
	struct qmp qmp;
	char paths[3][80];
	char *extra[24];
	bool alive;
	bool unplugged; /* a vCPU, whose counters only the host knows */
};

struct soak {
	unsigned long samples, checksums, wrong;
	double average_us;
};

/* A VM with or without kvm-coop; INCOMING: it waits for a migration. EXTRA ends with NULL. */
int machine_start(struct machine *m, const char *name, bool coop, bool incoming,
		  const char *const extra[]);
/* Wait until the guest's PID 1 says hello. */
int machine_wait_hello(struct machine *m);
int machine_quit(struct machine *m);
void machine_kill(struct machine *m);

/* Move the guest from one to the other. FROM stays, stopped; the guest's records go on in TO. */
int machine_migrate(struct machine *from, struct machine *to);

/* Run a program in the guest that ends at once. */
int machine_run(struct machine *m, char *const argv[]);

/* Start the soak, with that many samples; wait until it works; wait for its end. */
int soak_start(struct machine *m, int samples);
int soak_wait_progress(struct machine *m);
int soak_end(struct machine *m, int samples, struct soak *s);

/* What query-kvm-coop says. */
int machine_coop(struct machine *m, struct qmp_coop *sum);

/* All vCPUs registered; waits for it. */
int expect_registered(struct machine *m, size_t vcpus);

/* Stop the VM: no boost is left, all vCPU threads are SCHED_OTHER, all counters agree. */
int expect_no_boost(struct machine *m);

/* Counted over all vCPUs by the host, feature or not. */
long long machine_boosts(const struct machine *m);

#endif
