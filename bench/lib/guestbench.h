/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A benchmark that boots a fresh guest for each mode of each round and measures all its cases in
 * it, with or without co-tenants on the vCPUs' pCPU.
 */
#ifndef BENCH_LIB_GUESTBENCH_H
#define BENCH_LIB_GUESTBENCH_H

#include <jansson.h>
#include <stdbool.h>

#include "bench/lib/driver.h"
#include "bench/lib/guestmode.h"
#include "bench/lib/vmload.h"

struct guest_case {
	const char *name;
	bool cotenants; /* they run while it is measured */
	bool hog; /* the guest has background load of its own */
	int variant; /* the benchmark's own business */
};

struct guest_bench;

struct guest_measurement {
	struct guest_bench *bench;
	struct vm *vm;
	const struct guest_mode *mode;
	const struct guest_case *guest_case;
	int repeat;
	/* Over the measured interval: MEASURE calls begin and end */
	long long wall_ns, vcpu_ns, exits;
};

struct guest_bench {
	const char *name;
	struct driver_choice modes; /* of struct guest_mode */
	struct driver_choice cases; /* of struct guest_case */
	int repeat, seconds; /* rounds, and the length of a measurement */
	int result_limit; /* seconds from the end of a measurement to its result */
	bool no_aa;
	int cotenants; /* on each pCPU that has vCPUs */
	int expect_s; /* what a case takes beside its seconds */
	struct guest_boot boot; /* but for the name */
	/*
	 * Measure one case, and send the run. -1 with the reason in m->bench->error. Co-tenants run
	 * until it has ended, or until guest_measure_end().
	 */
	int (*measure)(struct guest_measurement *m);
	/*
	 * What comes before all measurements, NULL: nothing. It may add to the parameters, and use
	 * a guest of its own with guest_bench_with(). -1 with the reason in b->error.
	 */
	int (*prepare)(struct guest_bench *b, json_t *parameters);
	/* On how many of the pCPUs, the first ones, a case has its co-tenants. NULL: on all */
	unsigned int (*loaded)(const struct guest_case *c);
	void *arg;
	/* The rest is not for the caller to set */
	int record_fd;
	struct vmload load[VM_VCPUS_MAX]; /* per pCPU */
	int done, total; /* measurements */
	int round;
	bool hung; /* the failure is a guest that does not answer */
	char error[400];
};

/* The reason of a failure in MEASURE; its value is -1. */
#define GUEST_FAIL(b, ...) (snprintf((b)->error, sizeof((b)->error), __VA_ARGS__), -1)

/*
 * All rounds. Takes over PARAMETERS, what the report has to know beside the results. Returns the
 * exit status, with the verdict sent.
 */
int guest_bench_run(struct guest_bench *b, json_t *parameters);

/*
 * Boot a guest called NAME in MODE, have it used, and power it off, or kill it if that failed. M
 * has neither case nor repeat. 0 or -1 with the reason in b->error.
 */
int guest_bench_with(struct guest_bench *b, const struct guest_mode *mode, const char *name,
		     int (*use)(struct guest_measurement *m));

/*
 * A periodic task of the guest takes SHARE of a pCPU at the first of N periods, which ascend. Which
 * one is the first with which scheduling decides whether it is in time? With that it takes less
 * than a fair share beside the co-tenants, by what they make it slower and the guest's own load
 * takes. The last one, if there is none.
 */
int guest_bench_period(const struct guest_bench *b, double share, const int *periods, int n);

/* Stop the co-tenants, until the next case that has some; or let those of this case go on. */
void guest_bench_pause(struct guest_bench *b);
void guest_bench_resume(struct guest_measurement *m);

/* The interval over which CPU time and exits are counted. */
void guest_measure_begin(struct guest_measurement *m);
void guest_measure_end(struct guest_measurement *m);

/*
 * Send the run: METRICS, to which those of the interval are added, and HISTOGRAMS and MISSES_MS,
 * which may be NULL. All are taken over. 0 or -1, as MEASURE.
 */
int guest_measure_send(struct guest_measurement *m, json_t *metrics, json_t *histograms,
		       json_t *misses_ms);

/* The options that all of them have, for a table of struct option, and what sets them: 0 or -1. */
#define GUEST_BENCH_OPTIONS                                                                       \
	{ "modes", required_argument, NULL, 'm' }, { "cases", required_argument, NULL, 'c' },     \
		{ "repeat", required_argument, NULL, 'r' },                                       \
		{ "cotenants", required_argument, NULL, 'C' },                                    \
		{ "seconds", required_argument, NULL, 's' }, { "no-aa", no_argument, NULL, 'A' }, \
		{ "boot-limit", required_argument, NULL, 'b' },                                   \
	{                                                                                         \
		"result-limit", required_argument, NULL, 'R'                                      \
	}

int guest_bench_option(struct guest_bench *b, int opt);

/* Choose what was not said. 0 or -1. */
int guest_bench_complete(struct guest_bench *b, const char *modes, const char *cases);

#endif
