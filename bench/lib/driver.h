/* SPDX-License-Identifier: GPL-2.0 */
/* What the benchmarks' drivers, which run in L1, have in common. */
#ifndef BENCH_LIB_DRIVER_H
#define BENCH_LIB_DRIVER_H

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lab/lib/vm.h"

/*
 * pCPU 0 is for QEMU's own threads and the driver, pCPU 1 for vCPUs and co-tenants: a static-RT
 * vCPU would starve them.
 */
#define CPU_REST 0
#define CPU_GUEST 1

#define DRIVER_CHOSEN_MAX 64

/* Is this L1, with both pCPUs? Pins the caller to CPU_REST. -1 after saying what is missing. */
int driver_check_machine(void);

/* The host's switch kvm.coop, off by default. -1: this kernel has none. */
int driver_switch(bool on);

/* A number of the host's that a benchmark changes and puts back. */
struct driver_setting {
	const char *path;
	char *before; /* NULL: not changed */
};

/* Let VMs have deferrals of up to US microseconds. -1 after saying what is wrong. */
int driver_allow_grace(int us, struct driver_setting *s);

#define DRIVER_SLICE_MIN_US 100
#define DRIVER_SLICE_MAX_US 100000

/*
 * The host's time slice (EEVDF's base slice) in microseconds; 0 leaves it as it is. -1 after saying
 * what is wrong.
 */
int driver_set_slice(int us, struct driver_setting *s);

void driver_restore(struct driver_setting *s);

/* What an option chooses of a table, in the order said, each entry once. */
struct driver_choice {
	const char *what; /* for messages */
	const void *table; /* of entries that begin with a const char *name */
	size_t size; /* bytes of an entry */
	int known; /* entries of the table */
	const void *chosen[DRIVER_CHOSEN_MAX];
	int n;
};

#define DRIVER_CHOICE(what, table)                                                   \
	{                                                                            \
		what, table, sizeof((table)[0]), sizeof(table) / sizeof((table)[0]), \
	}

/* Choose what LIST names, with commas between. -1 after saying what can be chosen. */
int driver_choose(struct driver_choice *c, const char *list);

/*
 * Of what is chosen, also the entry of the same name and "-aa", if the table has it: the same
 * again. How far two equal modes differ is the noise floor.
 */
void driver_choose_twins(struct driver_choice *c);

/*
 * Call MEASURE for each mode, N rounds, until it fails. Every round begins with another mode, so
 * that none is always the first.
 */
int driver_rounds(const struct driver_choice *modes, int n,
		  int (*measure)(void *arg, const void *mode, int round), void *arg);

/* Give a run the metric NAME. */
void driver_metric(json_t *metrics, const char *name, double value);

/* parameters.json, and one run. Both take over the object, which may be NULL. 0 or -1. */
int driver_send_parameters(int fd, json_t *parameters);
int driver_send_run(int fd, json_t *run);

/* l2/NAME-counters.txt: what the host counted for this guest up to now. */
void driver_send_counters(int fd, const struct vm *vm);

#endif
