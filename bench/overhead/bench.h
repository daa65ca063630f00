/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_OVERHEAD_BENCH_H
#define BENCH_OVERHEAD_BENCH_H

#include <jansson.h>
#include <stdbool.h>

#include "bench/lib/driver.h"

/* What the VM and its host have of kvm-coop. */
struct mode {
	const char *name;
	bool coop; /* the VM has it and its guest is registered */
	bool other; /* another VM of this host has it */
};

struct bench;

struct bench_case {
	const char *name;
	/* Add metrics. -1 with the reason in bench->error. */
	int (*measure)(struct bench *b, const struct mode *mode, json_t *metrics);
	int expect; /* seconds under TCG */
};

struct options {
	struct driver_choice modes; /* of struct mode */
	struct driver_choice cases; /* of struct bench_case */
	int repeat, samples;
};

/* -1 after saying what is wrong, 1 if there is nothing to do after that (--help). */
int options_parse(struct options *o, int argc, char **argv);

struct bench {
	const struct options *o;
	int record_fd;
	int done, total; /* measurements */
	char error[400];
};

#define FAIL(b, ...) (snprintf((b)->error, sizeof((b)->error), __VA_ARGS__), -1)

/* The median is what is compared; minimum and quartiles say how clean it is. */
void bench_add_times(json_t *metrics, const char *name, const double *ns, size_t n);

int measure_exit(struct bench *b, const struct mode *mode, json_t *metrics);
int measure_irq_running(struct bench *b, const struct mode *mode, json_t *metrics);
int measure_irq_halted(struct bench *b, const struct mode *mode, json_t *metrics);
int measure_boost(struct bench *b, const struct mode *mode, json_t *metrics);
int measure_notify(struct bench *b, const struct mode *mode, json_t *metrics);
int measure_switch(struct bench *b, const struct mode *mode, json_t *metrics);

#endif
