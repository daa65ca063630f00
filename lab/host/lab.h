/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LAB_HOST_LAB_H
#define LAB_HOST_LAB_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <termios.h>

#include "lab/lib/record.h"

enum lab_exit {
	LAB_PASS = 0,
	LAB_FAIL = 1,
	LAB_SETUP = 2,
	LAB_HUNG = 3,
	LAB_SPLAT = 4,
	LAB_INTERRUPTED = 130,
};

struct lab_options {
	const char *out; /* directory for logs and records */
	const char *accel; /* tcg, kvm, here or auto; never auto after accel_choose() */
	const char *append; /* more words for L1's kernel command line */
	char kernel[PATH_MAX], qemu[PATH_MAX], initrd[PATH_MAX], init[PATH_MAX], self[PATH_MAX];
	int smp, mem;
	int limit, boot_limit; /* seconds */
	bool quiet;
	char **argv; /* the job */
};

/* Fill in what depends on the machine: the cache's paths, and where this program lies. */
void options_defaults(struct lab_options *o);
/* Returns the number of words used, or -1 after saying what is wrong. */
int options_parse(struct lab_options *o, int argc, char **argv);
int options_check(const struct lab_options *o);

/*
 * Decide between TCG and real KVM, say so. Returns -1 if KVM was demanded and cannot run a nested
 * lab.
 */
int accel_choose(struct lab_options *o);

/*
 * Start QEMU with L1; PORT is its end of the virtio-serial port, or -1 for a machine with the
 * terminal as console.
 */
pid_t l1_start(const struct lab_options *o, int port);

/* coop-lab l2: inside L1, become a guest on this terminal. Does not return if it works. */
int l2_exec(int argc, char **argv);

/* --accel here: no L1, the job runs on this machine. What it printed is in this file below OUT. */
#define HERE_OUTPUT "job-output.log"

struct here {
	int kmsg; /* the kernel's messages since the begin */
	bool has_switch, was_on; /* kvm.coop */
};

bool here_chosen(const struct lab_options *o);
/* 0, or -1 after saying what is missing. */
int here_begin(struct here *h);
/* PORT is the job's end of the records. */
pid_t here_start(const struct lab_options *o, int port);
/* Keep what the kernel said in the file LOG, and put the switch back. */
void here_end(struct here *h, const char *log);
void here_last_line(const struct lab_options *o, char *line, size_t size);

int run_job(const struct lab_options *o);
int run_shell(const struct lab_options *o);

/* One line about the run that is updated on a terminal, and printed once per change elsewhere. */
struct progress {
	bool tty, quiet, shown;
	long long start_ns;
	long expected; /* seconds for the whole job, 0 if unknown */
	char text[256];
	long done, total;
};
void progress_init(struct progress *p, bool quiet);
void progress_set(struct progress *p, long done, long total, const char *text);
void progress_tick(struct progress *p);
/* Erase the line before anything else is printed. */
void progress_clear(struct progress *p);

#endif
