/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COOP_REPORT_MAKE_H
#define COOP_REPORT_MAKE_H

#include "bench/report/result.h"

/*
 * Joins DIR/runs.jsonl, DIR/environment.json and, if it is there,
 * DIR/parameters.json to DIR/result.json, which is only written if it is valid.
 * 0, or -EINVAL with @err set.
 */
int make_result(struct result *r, const char *dir, struct result_error *err);

/* Whole or not at all: through a temporary file beside @path. */
int write_result(const struct result *r, const char *path, struct result_error *err);
int write_html(const struct result *r, const char *path, struct result_error *err);

#endif
