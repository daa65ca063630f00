/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COOP_REPORT_RESULT_H
#define COOP_REPORT_RESULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "bench/lib/hist.h"
#include "bench/lib/stats.h"

/* A result.json in memory, checked and sorted. docs/results-format.md has the format. */

#define RESULT_FORMAT		1
#define RESULT_REPEATS_MAX	1000
#define RESULT_MISSES_MAX	2000	/* per run */
#define RESULT_HISTS_MAX	4	/* kinds of histogram per mode */
#define RESULT_JSON_FLAGS	(JSON_REJECT_DUPLICATES)
/* Any fixed number will do: a result always gives the same report. */
#define RESULT_SEED		20240229u

struct result_error {
	char text[400];		/* one line, starts with the file or the JSON path */
};

struct run {
	size_t index;		/* in $.runs */
	const char *bench;
	const char *mode;
	const char *case_name;
	int repeat;
	const json_t *metrics;
	const json_t *histograms;	/* NULL without any */
	const json_t *misses_ms;	/* times, ascending; NULL if they were not noted */
};

struct named_hist {
	const char *name;
	struct hist hist;	/* merged over the repeats */
};

struct mode {
	const char *name;
	struct run *runs;	/* by repeat */
	size_t nruns;
	struct named_hist hists[RESULT_HISTS_MAX];
	size_t nhists;
};

/* All runs of one benchmark in one case: what is compared with each other. */
struct group {
	const char *bench;
	const char *case_name;
	struct mode *modes;	/* vanilla first, static last of the known ones */
	size_t nmodes;
};

struct result {
	json_t *root;
	const json_t *environment;
	const json_t *parameters;	/* NULL if there are none */
	struct run *runs;
	size_t nruns;
	struct group *groups;
	size_t ngroups;
};

__attribute__((format(printf, 2, 3)))
int result_fail(struct result_error *err, const char *fmt, ...);

/* Structure and values of one file, without the histograms it refers to. */
int result_check(const json_t *root, struct result_error *err);

/*
 * Takes over @root, also when it fails. @dir is where histograms are found.
 * All of these return 0, or -EINVAL with @err set.
 */
int result_build(struct result *r, json_t *root, const char *dir, struct result_error *err);
/* @path: a result.json or the directory that holds one. */
int result_load(struct result *r, const char *path, struct result_error *err);
void result_free(struct result *r);

json_t *result_read_json(const char *path, struct result_error *err);

/* Order and words shared by the table and the page. */
const char *mode_about(const char *mode);
const char *case_about(const char *case_name);

const struct mode *group_mode(const struct group *g, const char *name);
const struct hist *mode_hist(const struct mode *m, const char *name);
/* A parameter as a number, or @missing. */
double result_parameter(const struct result *r, const char *name, double missing);

/* The group of @bench and @case_name, NULL: the first of its groups; NULL if it was not run. */
const struct group *result_group(const struct result *r, const char *bench, const char *case_name);

/* Values of @metric in the order of the repeats; at most RESULT_REPEATS_MAX. */
size_t mode_values(const struct mode *m, const char *metric, double *v);
/* As that, each by @by of the same run, NULL: by 1; a run without that, or with 0, is left out. */
size_t mode_values_by(const struct mode *m, const char *metric, const char *by, double *v);
/* False: no run of this mode has the metric. */
bool mode_summary(const struct mode *m, const char *metric, struct stats_summary *s);
/* True: some mode of some of these groups has the metric. */
bool groups_measured(const struct group **g, size_t n, const char *metric);
/* What the others are compared with: vanilla, or off; NULL without both. */
const struct mode *group_base(const struct group *g);
/* From the base and its second measurement (vanilla-aa, off-aa), @runs of each at least; negative without both. */
double group_floor(const struct group *g, const char *metric, size_t *runs);
/* False: one of the two has no values. */
bool group_compare(const struct group *g, const struct mode *m, const struct mode *base,
		   const char *metric, struct stats_comparison *c);

#endif
