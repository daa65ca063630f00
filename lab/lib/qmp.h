/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QEMU's machine protocol over a UNIX socket: one call at a time, events are skipped. Functions
 * that can fail leave the reason in qmp->error.
 */
#ifndef LAB_LIB_QMP_H
#define LAB_LIB_QMP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct qmp {
	FILE *in;
	int fd;
	char error[256];
};

/* Connect as soon as QEMU listens at PATH. 0 or -1. */
int qmp_open(struct qmp *q, const char *path, int limit_ms);
void qmp_close(struct qmp *q);

/*
 * Call COMMAND; takes over ARGUMENTS, which may be NULL. Returns what the command returned, or NULL
 * if it failed or has not answered within the limit.
 */
json_t *qmp_call(struct qmp *q, const char *command, json_t *arguments, int limit_ms);

/* The same if the answer does not matter. 0 or -1. */
int qmp_do(struct qmp *q, const char *command, json_t *arguments, int limit_ms);

/* Move the VM to the QEMU that waits at URI. The state is 1 when it is there, 0 before. */
int qmp_migrate_begin(struct qmp *q, const char *uri, int limit_ms);
int qmp_migrate_state(struct qmp *q, int limit_ms);

/* The same; returns when it is there. 0 or -1. */
int qmp_migrate(struct qmp *q, const char *uri, int limit_ms);

/* What device_add wants for a vCPU that can be plugged and is not, or NULL; id is ID. */
json_t *qmp_free_vcpu(struct qmp *q, const char *id, int limit_ms);

/* What query-kvm-coop says, all vCPUs together. */
struct qmp_coop {
	bool enabled;
	size_t vcpus, registered, boosted, features;
	long long boosts;
};
int qmp_coop(struct qmp *q, struct qmp_coop *sum, int limit_ms);

#endif
