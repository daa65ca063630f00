/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bench blk and bench net have in common: guests with a device whose completions are
 * coalesced, one load after the other, and what is counted meanwhile. The two differ in the device
 * and in the program that makes the load.
 */
#ifndef BENCH_LIB_IOBENCH_H
#define BENCH_LIB_IOBENCH_H

#include "bench/lib/driver.h"
#include "bench/lib/iovm.h"
#include "bench/lib/vmload.h"

#define IOBENCH_CASES_MAX 32
#define IOBENCH_MODES 15

struct iobench_mode {
	const char *name;
	const char *policy; /* of QEMU's property coalesce */
	bool coop; /* kvm-coop boosts the guest */
	bool facts; /* else: it tells QEMU about time slices, no more */
	const char *urgent; /* coalesce-urgent; NULL: QEMU's default */
};

enum iobench_scenario {
	SCENARIO_ALONE,
	SCENARIO_HOGS, /* co-tenants on the vCPU's pCPU */
	SCENARIO_HOGSWORK, /* the same, and the guest computes beside */
	SCENARIO_ALLIO, /* a second guest on it, with the same load */
};

static inline bool scenario_has_hogs(enum iobench_scenario s)
{
	return s == SCENARIO_HOGS || s == SCENARIO_HOGSWORK;
}

/* "<op>-<size>-qd<depth>-<scenario>" */
struct iobench_case {
	char name[64], op[16];
	int size, depth;
	enum iobench_scenario scenario;
};

/* What a benchmark does by itself. */
struct iobench_kind {
	const char *name; /* of the benchmark */
	const char *default_cases;
	const char *example; /* of a case, for messages */
	bool (*known)(const struct iobench_case *c); /* operation and size */
	/* The device in CONFIG, whose other fields are set. OTHER: of the second guest. */
	void (*configure)(const void *arg, struct iovm_config *config, bool other);
	/* The command line of the load: valid until the next call. */
	char **(*job)(const void *arg, const struct iobench_case *c, int seconds, bool other);
};

struct iobench {
	const struct iobench_kind *kind;
	const void *arg; /* of its functions */
	struct driver_choice modes; /* of struct iobench_mode */
	struct iobench_case cases[IOBENCH_CASES_MAX];
	int ncases;
	int repeat, seconds, cotenants, result_limit;
	int inflight, iops, max_us, cutoff_us;
	int slice_us; /* the host's time slice; 0: its own */
	bool no_aa;
	int record_fd;
	struct vmload load; /* the co-tenants */
	int done, total;
	char error[400];
};

void iobench_init(struct iobench *b, const struct iobench_kind *kind, const void *arg);

#define IOBENCH_USAGE_MODES                                                                                   \
	"  --modes A,B         off, rate, vic, slice, auto (these), and with boosts coop+off to coop+auto;\n" \
	"                      -urgent or -bulk behind coop+off, coop+slice: all of the device's interrupts\n" \
	"                      boost, or none does, instead of QEMU's coalesce-urgent=auto;\n"                \
	"                      off-aa comes with off\n"

#define IOBENCH_USAGE_COMMON                                       \
	"  --repeat N          rounds (1)\n"                       \
	"  --seconds S         per measurement (5)\n"              \
	"  --cotenants N       of hogs (2)\n"                      \
	"  --inflight N        QEMU's coalesce-inflight (4)\n"     \
	"  --iops N            QEMU's coalesce-iops (100)\n"       \
	"  --max-us US         QEMU's coalesce-max-us (20000)\n"   \
	"  --cutoff-us US      QEMU's coalesce-cutoff-us (2000)\n" \
	"  --host-slice US     the host's time slice (as it is)\n" \
	"  --no-aa             no second off\n"                    \
	"  --result-limit S    from the end of a measurement to its result (60)\n"

/* For the benchmark's struct option[]; its own values are capital letters. */
#define IOBENCH_OPTIONS                                                                       \
	{ "modes", required_argument, NULL, 'm' }, { "cases", required_argument, NULL, 'c' }, \
		{ "repeat", required_argument, NULL, 'r' },                                   \
		{ "seconds", required_argument, NULL, 's' },                                  \
		{ "cotenants", required_argument, NULL, 'n' },                                \
		{ "inflight", required_argument, NULL, 'f' },                                 \
		{ "iops", required_argument, NULL, 'i' },                                     \
		{ "max-us", required_argument, NULL, 'x' },                                   \
		{ "cutoff-us", required_argument, NULL, 'o' },                                \
		{ "host-slice", required_argument, NULL, 't' },                               \
		{ "no-aa", no_argument, NULL, 'a' },                                          \
	{                                                                                     \
		"result-limit", required_argument, NULL, 'l'                                  \
	}

/* One of IOBENCH_OPTIONS; -1 after saying what is wrong. */
int iobench_option(struct iobench *b, int opt);

/* Defaults for what was not given. */
int iobench_options_done(struct iobench *b);

/* All rounds; takes over PARAMETERS, the benchmark's own. The exit status. */
int iobench_run(struct iobench *b, json_t *parameters);

#endif
