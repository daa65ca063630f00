/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_CYCLICTEST_BENCH_H
#define BENCH_CYCLICTEST_BENCH_H

#include <stdbool.h>

#include "bench/lib/driver.h"
#include "bench/lib/vmload.h"
#include "lab/lib/vm.h"

struct mode {
	const char *name;
	enum vm_class vm_class;
	const char *cpu, *accel; /* QEMU's */
	const char *append; /* for the guest's kernel command line */
	bool coop; /* needs the host's switch */
	bool stock; /* the distribution's kernel in the guest */
};

struct bench_case {
	const char *name;
	bool cotenants;
	bool hog;
};

struct options {
	struct driver_choice modes; /* of struct mode */
	struct driver_choice cases; /* of struct bench_case */
	int repeat, seconds, interval_us, vcpus;
	int boot_limit; /* seconds until L2 says hello */
	/* seconds from the end of the measurement to its result; L2 prints slowly under TCG */
	int result_limit;
	bool hog, no_aa, host_cyclictest;
	const char *initrd, *append;
};

/* -1 after saying what is wrong, 1 if there is nothing to do after that (--help). */
int options_parse(struct options *o, int argc, char **argv);

struct bench {
	const struct options *o;
	int record_fd;
	struct vmload load;
	int done, total; /* measurements */
	bool hung; /* the failure is a guest that does not answer */
	char error[400];
};

/*
 * Boot a fresh guest in this mode and measure all the cases in it. 0, or -1 with the reason in
 * bench->error.
 */
int measure_mode(struct bench *b, const struct mode *mode, int repeat);

#endif
