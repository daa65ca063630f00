/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LAB_INIT_INIT_H
#define LAB_INIT_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "lab/lib/record.h"

/*
 * The value of the N-th "NAME=value" word of the kernel command line, or NULL. The caller frees it.
 */
char *cmdline_get(const char *name, int n);

/* Make every "COOP_NAME=value" word of the kernel command line an environment variable. */
void cmdline_export(const char *prefix);

/* What PID 1 says on the console, and only there: "coop: text". */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void mount_all(void);
void loopback_up(void);
void khugepaged_stop(void);
/* Writes to MODULE_RESULTS what became of the wanted ones: "NAME 0", or a negative error. */
#define MODULE_RESULTS "/run/coop-modules"
void modules_load(void);

/*
 * True if the kernel command line asks PID 1 to misbehave at POINT; kernel faults happen inside
 * the call.
 */
bool fault_at(const char *point);

/*
 * Run a program, pass its records on to the port and send its output as job-output.log. Its verdict
 * is kept back until finish_job(), so that it is the last record.
 */
struct job {
	bool pass;
	char verdict[1024];
};
void job_run(struct job *job, int port, char *const argv[]);

/* argv[0] = "@cyclictest", then the number of background hogs, then cyclictest's own arguments. */
void job_cyclictest(struct job *job, int port, char *const argv[]);

/* Parts of it: a child that runs cyclictest, the sum of its threads' histograms, guest.hist. */
struct hist;
struct hist_error;
pid_t cyclictest_start(char *const args[], int out, int err);
int cyclictest_collect(FILE *out, struct hist *sum, struct hist_error *err);
int cyclictest_send(int port, const struct hist *h);

/*
 * argv[0] = "@soak", then cyclictest's arguments; a checksum loop per CPU beside it. Progress of it
 * is the number of checksums; passes if all of them were right.
 */
void job_soak(struct job *job, int port, char *const argv[]);

/* argv[0] = "@switch", switches per batch, batches. */
void job_switch(struct job *job, int port, char *const argv[]);

/* argv[0] = "@kexec", kernel, initrd: of L1, whose root is the 9p device "hostfs". Ends if it
 * fails. */
void job_kexec(struct job *job, int port, char *const argv[]);

void shell_run(void);

#endif
