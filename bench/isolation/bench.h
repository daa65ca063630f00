/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_ISOLATION_BENCH_H
#define BENCH_ISOLATION_BENCH_H

#include <stdbool.h>

#include "bench/lib/driver.h"
#include "bench/lib/vmload.h"
#include "lab/lib/vm.h"

/* Of the abusive guest: online only in the cases that use them. */
#define ABUSER_VCPUS 4

struct mode {
	const char *name;
	const char *cpu; /* QEMU's, for both guests */
	const char *honest_accel, *abuser_accel;
	const char *append; /* for the honest guest's kernel command line */
	bool coop; /* needs the host's switch */
	bool uncharged; /* the abusive guest */
};

struct bench_case {
	const char *name;
	const char *module_mode; /* of tests/guest: "none" only takes the CPU */
	int vcpus; /* of the abusive guest, all on the measured pCPU */
	bool abuse;
};

struct options {
	struct driver_choice modes; /* of struct mode */
	struct driver_choice cases; /* of struct bench_case */
	int repeat, seconds, interval_us;
	int boot_limit; /* seconds until both guests say hello */
	int result_limit; /* seconds from the end of a measurement to its result, and for a job */
	bool abuse_only;
	const char *guest_kernel;
};

/* -1 after saying what is wrong, 1 if there is nothing to do after that (--help). */
int options_parse(struct options *o, int argc, char **argv);

struct bench {
	const struct options *o;
	int record_fd;
	struct vmload load;
	struct vm honest, abuser;
	int done, total; /* cases */
	char error[500];
};

#define FAIL(b, ...) (snprintf((b)->error, sizeof((b)->error), __VA_ARGS__), -1)

/* All of these return 0, or -1 with the reason in b->error. */

/* Start the guests that are needed, on the measured pCPU; end them. */
int guests_boot(struct bench *b, const struct mode *mode, int round);
int guests_quit(struct bench *b);
void guests_kill(struct bench *b);

/* Begin and end what the case says, in the abusive guest. */
int abuse_begin(struct bench *b, const struct bench_case *c, int seed);
int abuse_end(struct bench *b);

/* Does this mode have the case? Without the feature there is nothing to abuse. */
bool case_applies(const struct mode *mode, const struct bench_case *c);

/* One round of a mode: all the cases. */
int measure_mode(struct bench *b, const struct mode *mode, int round);
int measure_case(struct bench *b, const struct mode *mode, const struct bench_case *c, int round);

#endif
