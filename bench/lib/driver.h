/* SPDX-License-Identifier: GPL-2.0 */
/* What the benchmarks' drivers, which run in L1, have in common. */
#ifndef BENCH_LIB_DRIVER_H
#define BENCH_LIB_DRIVER_H

#include <jansson.h>
#include <stdbool.h>

/*
 * pCPU 0 is for QEMU's own threads and the driver, pCPU 1 for vCPUs and co-tenants: a static-RT
 * vCPU would starve them.
 */
#define CPU_REST 0
#define CPU_GUEST 1

/* Is this L1, with both pCPUs? Pins the caller to CPU_REST. -1 after saying what is missing. */
int driver_check_machine(void);

/* The host's switch kvm.coop, off by default. -1: this kernel has none. */
int driver_switch(bool on);

/* Call ADD for each word of LIST, which commas separate, until one returns -1. */
int driver_list(const char *list, int (*add)(void *arg, const char *word), void *arg);

/* parameters.json, and one run. Both take over the object, which may be NULL. 0 or -1. */
int driver_send_parameters(int fd, json_t *parameters);
int driver_send_run(int fd, json_t *run);

#endif
