// SPDX-License-Identifier: GPL-2.0
#include "bench/report/make.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/report/report.h"

#define RUNS_MAX	100000
/* Enough for any measurement, and 0.334 stays 0.334. */
#define DUMP_FLAGS	(JSON_COMPACT | JSON_REAL_PRECISION(12))

/* One JSON object per line. */
static json_t *read_runs(const char *path, struct result_error *err)
{
	json_t *runs = json_array(), *run;
	json_error_t je;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	FILE *f = fopen(path, "r");

	if (!f || !runs) {
		result_fail(err, "%s: %s", path, strerror(f ? ENOMEM : errno));
		goto fail;
	}
	while ((len = getline(&line, &size, f)) > 0) {
		size_t n = json_array_size(runs) + 1;

		run = json_loadb(line, (size_t)len, RESULT_JSON_FLAGS, &je);
		if (!run || n > RUNS_MAX || json_array_append_new(runs, run)) {
			result_fail(err, "%s:%zu: %s", path, n,
				    run ? "too many runs" : je.text);
			goto fail;
		}
	}
	if (ferror(f) || !json_array_size(runs)) {
		result_fail(err, "%s: %s", path, ferror(f) ? "cannot read" : "no runs");
		goto fail;
	}
	goto out;
fail:
	json_decref(runs);
	runs = NULL;
out:
	free(line);
	if (f)
		fclose(f);
	return runs;
}

static json_t *join(const char *dir, struct result_error *err)
{
	json_t *environment, *runs, *parameters = NULL, *root;
	char path[4096];

	snprintf(path, sizeof(path), "%s/runs.jsonl", dir);
	runs = read_runs(path, err);
	if (!runs)
		return NULL;
	snprintf(path, sizeof(path), "%s/environment.json", dir);
	environment = result_read_json(path, err);
	if (!environment)
		goto fail_runs;
	snprintf(path, sizeof(path), "%s/parameters.json", dir);
	if (!access(path, F_OK)) {
		parameters = result_read_json(path, err);
		if (!parameters)
			goto fail_environment;
	}
	root = json_pack("{s:i, s:o, s:o*, s:o}", "format", RESULT_FORMAT, "environment",
			 environment, "parameters", parameters, "runs", runs);
	if (!root)
		result_fail(err, "out of memory");
	return root;

fail_environment:
	json_decref(environment);
fail_runs:
	json_decref(runs);
	return NULL;
}

int make_result(struct result *r, const char *dir, struct result_error *err)
{
	struct result_error inner = { "" };
	char path[4096];
	json_t *root;

	if (snprintf(path, sizeof(path), "%s/result.json", dir) >= (int)sizeof(path) - 16)
		return result_fail(err, "%.60s...: the path is too long", dir);
	root = join(dir, err);
	if (!root)
		return -EINVAL;
	if (result_build(r, root, dir, &inner))
		return result_fail(err, "%s: %s", dir, inner.text);
	if (!write_result(r, path, err))
		return 0;
	result_free(r);
	return -EINVAL;
}

/* One run per line: easy to look at and to compare. */
static int dump(const struct result *r, FILE *f)
{
	const json_t *runs = json_object_get(r->root, "runs"), *run;
	size_t i;

	fprintf(f, "{\"format\":%d,\n\"environment\":", RESULT_FORMAT);
	json_dumpf(r->environment, f, DUMP_FLAGS);
	if (r->parameters) {
		fputs(",\n\"parameters\":", f);
		json_dumpf(r->parameters, f, DUMP_FLAGS);
	}
	fputs(",\n\"runs\":[\n", f);
	json_array_foreach((json_t *)runs, i, run) {
		if (i)
			fputs(",\n", f);
		json_dumpf(run, f, DUMP_FLAGS);
	}
	fputs("\n]}\n", f);
	return ferror(f) ? -EIO : 0;
}

static int write_file(const struct result *r, const char *path,
		      int (*write)(const struct result *r, FILE *f), struct result_error *err)
{
	char temporary[4200];
	FILE *f;
	int ret;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	f = fopen(temporary, "w");
	if (!f)
		return result_fail(err, "cannot write %s: %s", temporary, strerror(errno));
	ret = write(r, f);
	if (fclose(f))
		ret = -EIO;
	if (!ret && !rename(temporary, path))
		return 0;
	result_fail(err, "cannot write %s: %s", path, strerror(errno));
	unlink(temporary);
	return -EINVAL;
}

int write_result(const struct result *r, const char *path, struct result_error *err)
{
	return write_file(r, path, dump, err);
}

int write_html(const struct result *r, const char *path, struct result_error *err)
{
	return write_file(r, path, html_write, err);
}
