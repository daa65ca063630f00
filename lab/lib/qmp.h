/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QEMU's machine protocol over a UNIX socket: one call at a time, events are skipped. Functions
 * that can fail leave the reason in qmp->error.
 */
#ifndef LAB_LIB_QMP_H
#define LAB_LIB_QMP_H

#include <jansson.h>
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

/* What device_add wants for a vCPU that can be plugged and is not, or NULL; id is ID. */
json_t *qmp_free_vcpu(struct qmp *q, const char *id, int limit_ms);

#endif
