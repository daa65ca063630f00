// SPDX-License-Identifier: GPL-2.0
/* Strict check of result.json: everything that is not documented is refused. */
#include "bench/report/result.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN	64
#define PATH_MAX_LEN	300

int result_fail(struct result_error *err, const char *fmt, ...)
{
	va_list ap;
	char *c;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	/* Whatever a hostile file put in there: one line it stays. */
	for (c = err->text; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
	return -EINVAL;
}

static const char *const plain_metrics[] = {
	"samples", "overflow", "cotenant_share_min", "cotenant_share_mean",
	"callbacks", "glitches", "xruns", "iops", "cotenant_fair_ratio_min",
	"cotenant_fair_ratio_mean", "cotenant_maxmin_ratio_min",
};

static const char *const whole_metrics[] = {
	"samples", "overflow", "callbacks", "glitches", "xruns",
};

static const char *const unit_suffixes[] = {
	"_ns", "_us", "_ms", "_s", "_per_s", "_share", "_count", "_bytes", "_kib", "_mib",
	"_cycles", "_ratio", "_percent", "_per_req",
};

static bool listed(const char *name, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!strcmp(name, list[i]))
			return true;
	}
	return false;
}

#define LISTED(name, list)	listed(name, list, sizeof(list) / sizeof((list)[0]))

static bool ends_in_unit(const char *name)
{
	size_t len = strlen(name), i;

	for (i = 0; i < sizeof(unit_suffixes) / sizeof(unit_suffixes[0]); i++) {
		size_t suffix = strlen(unit_suffixes[i]);

		if (len > suffix && !strcmp(name + len - suffix, unit_suffixes[i]))
			return true;
	}
	return false;
}

/* Lower case, digits and @extra; starts with a letter or digit. */
static bool is_name(const char *s, char extra)
{
	size_t len = strlen(s), i;

	if (!len || len > NAME_MAX_LEN || s[0] == extra)
		return false;
	for (i = 0; i < len; i++) {
		if (!(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= '0' && s[i] <= '9') &&
		    s[i] != extra)
			return false;
	}
	return true;
}

/* "coop+" says that something else is boosted as well. */
static bool is_mode(const char *s)
{
	return is_name(strncmp(s, "coop+", 5) ? s : s + 5, '-');
}

/* "randread-4k-qd16-hogs" */
static bool is_io_case(const char *s, const char *const *operations, size_t n)
{
	static const char *const scenario[] = { "alone", "hogs", "hogswork", "allio" };
	char op[16], where[16], unit[2] = "", again[NAME_MAX_LEN];
	unsigned int size, depth;

	if (sscanf(s, "%15[a-z]-%5u%1[k]-qd%3u-%15[a-z]", op, &size, unit, &depth, where) != 5) {
		unit[0] = '\0';
		if (sscanf(s, "%15[a-z]-%5u-qd%3u-%15[a-z]", op, &size, &depth, where) != 4)
			return false;
	}
	snprintf(again, sizeof(again), "%s-%u%s-qd%u-%s", op, size, unit, depth, where);
	return size && depth && listed(op, operations, n) && LISTED(where, scenario) &&
	       !strcmp(s, again);
}

/* "blocking-1of2" */
static bool is_interference_case(const char *s, const char *const *loads, size_t n)
{
	char name[16], again[NAME_MAX_LEN];
	unsigned int hogs, vcpus;

	if (sscanf(s, "%15[a-z0-9]-%4uof%4u", name, &hogs, &vcpus) != 3)
		return false;
	snprintf(again, sizeof(again), "%s-%uof%u", name, hogs, vcpus);
	return vcpus && hogs <= vcpus && listed(name, loads, n) && !strcmp(s, again);
}

/* A load with or without a variant, an operation, an abuse, or a request. */
static bool is_case(const char *bench, const char *s)
{
	static const char *const load[] = { "busy-hog", "busy", "idle" };
	static const char *const operation[] = {
		"exit", "irq-running", "irq-halted", "boost", "notify", "switch",
	};
	static const char *const abuse[] = {
		"none", "none-2", "none-4", "none-unmap", "none-aa", "always", "toggle", "noack", "selfipi", "timer",
		"yieldstorm", "reregister", "random", "badcount", "unmap", "shared", "overcommit",
	};
	static const char *const block[] = { "read", "write", "randread", "randwrite" };
	static const char *const packet[] = { "rr", "rx", "tx" };
	static const char *const workload[] = {
		"blocking", "spinning", "pipeline", "mutex", "stealing", "openmp",
	};
	static const char *const requests[] = { "closed", "open30", "open60" };
	size_t i;

	if (!strcmp(bench, "overhead"))
		return LISTED(s, operation);
	if (!strcmp(bench, "isolation"))
		return LISTED(s, abuse);
	if (!strcmp(bench, "barrier"))
		return is_interference_case(s, workload, sizeof(workload) / sizeof(workload[0]));
	if (!strcmp(bench, "server"))
		return is_interference_case(s, requests, sizeof(requests) / sizeof(requests[0]));
	if (!strcmp(bench, "blk"))
		return is_io_case(s, block, sizeof(block) / sizeof(block[0]));
	if (!strcmp(bench, "net"))
		return is_io_case(s, packet, sizeof(packet) / sizeof(packet[0]));
	for (i = 0; i < sizeof(load) / sizeof(load[0]); i++) {
		size_t len = strlen(load[i]);

		if (!strncmp(s, load[i], len) && (!s[len] || s[len] == '-'))
			return is_name(s, '-') && s[strlen(s) - 1] != '-';
	}
	return false;
}

static int refuse_unknown(const json_t *object, const char *const *known, size_t n,
			  const char *path, struct result_error *err)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value) {
		if (!listed(key, known, n))
			return result_fail(err, "%s.%.60s: unknown key", path, key);
	}
	return 0;
}

static int check_environment(const json_t *env, struct result_error *err)
{
	static const char *const texts[] = {
		"accelerator", "kernel", "qemu", "commit", "config_hash",
	};
	const json_t *cores;
	const char *key;
	json_t *value;
	size_t i;

	if (!json_is_object(env))
		return result_fail(err, "$.environment: missing or not an object");
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		value = json_object_get(env, texts[i]);
		if (!json_is_string(value) || !json_string_length(value))
			return result_fail(err, "$.environment.%s: missing or not a text",
					   texts[i]);
	}
	cores = json_object_get(env, "cores");
	if (!json_is_integer(cores) || json_integer_value(cores) < 1)
		return result_fail(err, "$.environment.cores: missing or not a positive whole number");
	json_object_foreach((json_t *)env, key, value) {
		if (!json_is_string(value) && !json_is_number(value) && !json_is_boolean(value))
			return result_fail(err, "$.environment.%.60s: not a text, number or boolean",
					   key);
	}
	return 0;
}

static bool is_scalar(const json_t *v)
{
	return json_is_string(v) || json_is_number(v) || json_is_boolean(v);
}

static int check_parameters(const json_t *parameters, struct result_error *err)
{
	const char *key;
	json_t *value, *item;
	size_t i;

	if (!parameters)
		return 0;
	if (!json_is_object(parameters))
		return result_fail(err, "$.parameters: not an object");
	json_object_foreach((json_t *)parameters, key, value) {
		if (is_scalar(value))
			continue;
		if (!json_is_array(value))
			return result_fail(err, "$.parameters.%.60s: not a text, number, boolean or list of them",
					   key);
		json_array_foreach(value, i, item) {
			if (!is_scalar(item))
				return result_fail(err, "$.parameters.%.60s[%zu]: not a text, number or boolean",
						   key, i);
		}
	}
	return 0;
}

static int check_metric(size_t run, const char *key, const json_t *value,
			struct result_error *err)
{
	double v = json_number_value(value);

	if (!is_name(key, '_'))
		return result_fail(err, "$.runs[%zu].metrics.%.60s: not a metric name (a-z, 0-9, _)",
				   run, key);
	if (!LISTED(key, plain_metrics) && !ends_in_unit(key))
		return result_fail(err, "$.runs[%zu].metrics.%s: unknown metric, and its name does not end in a unit (_us, _per_s, _share, ...)",
				   run, key);
	if (!json_is_number(value) || !isfinite(v))
		return result_fail(err, "$.runs[%zu].metrics.%s: not a finite number", run, key);
	if (v < 0)
		return result_fail(err, "$.runs[%zu].metrics.%s: negative (%g)", run, key, v);
	if (LISTED(key, whole_metrics) && v != floor(v))
		return result_fail(err, "$.runs[%zu].metrics.%s: not a whole number (%g)", run, key, v);
	return 0;
}

/* Percentiles of one source must not fall. */
static int check_order(size_t run, const json_t *metrics, const char *who,
		       struct result_error *err)
{
	static const char *const rising[] = { "min", "p50", "p90", "p99", "p999", "p9999", "max" };
	char key[32], last_key[32] = "";
	double last = 0;
	size_t i;

	for (i = 0; i < sizeof(rising) / sizeof(rising[0]); i++) {
		const json_t *value;

		snprintf(key, sizeof(key), "%s%s_us", who, rising[i]);
		value = json_object_get(metrics, key);
		if (!value)
			continue;
		if (json_number_value(value) < last)
			return result_fail(err, "$.runs[%zu].metrics.%s: %g is below %s (%g)",
					   run, key, json_number_value(value), last_key, last);
		last = json_number_value(value);
		memcpy(last_key, key, sizeof(key));
	}
	return 0;
}

static int check_metrics(size_t run, const json_t *metrics, struct result_error *err)
{
	const char *key;
	json_t *value;
	int ret;

	if (!json_is_object(metrics) || !json_object_size(metrics))
		return result_fail(err, "$.runs[%zu].metrics: missing, empty or not an object", run);
	json_object_foreach((json_t *)metrics, key, value) {
		ret = check_metric(run, key, value, err);
		if (ret)
			return ret;
	}
	ret = check_order(run, metrics, "guest_", err);
	if (!ret)
		ret = check_order(run, metrics, "honest_", err);
	if (!ret)
		ret = check_order(run, metrics, "host_", err);
	return ret ? ret : check_order(run, metrics, "", err);
}

/* Relative, without a way out of the directory. */
static bool is_reference(const char *path)
{
	const char *part = path;

	if (!*path || *path == '/' || strlen(path) > PATH_MAX_LEN)
		return false;
	for (; *path; path++) {
		if ((unsigned char)*path < 0x20)
			return false;
	}
	while (part) {
		if (!strncmp(part, "..", 2) && (!part[2] || part[2] == '/'))
			return false;
		part = strchr(part, '/');
		part = part ? part + 1 : NULL;
	}
	return true;
}

static int check_histograms(size_t run, const json_t *histograms, struct result_error *err)
{
	const char *key;
	json_t *value;

	if (!histograms)
		return 0;
	if (!json_is_object(histograms))
		return result_fail(err, "$.runs[%zu].histograms: not an object", run);
	if (json_object_size(histograms) > RESULT_HISTS_MAX)
		return result_fail(err, "$.runs[%zu].histograms: more than %d", run, RESULT_HISTS_MAX);
	json_object_foreach((json_t *)histograms, key, value) {
		if (!is_name(key, '-'))
			return result_fail(err, "$.runs[%zu].histograms.%.60s: not a name (a-z, 0-9, -)",
					   run, key);
		if (!json_is_string(value) || !is_reference(json_string_value(value)))
			return result_fail(err, "$.runs[%zu].histograms.%s: not a relative path without '..'",
					   run, key);
	}
	return 0;
}

static int check_misses(size_t run, const json_t *misses, struct result_error *err)
{
	double last = 0;
	json_t *value;
	size_t i;

	if (!misses)
		return 0;
	if (!json_is_array(misses) || json_array_size(misses) > RESULT_MISSES_MAX)
		return result_fail(err, "$.runs[%zu].misses_ms: not a list of at most %d times", run,
				   RESULT_MISSES_MAX);
	json_array_foreach((json_t *)misses, i, value) {
		double v = json_number_value(value);

		if (!json_is_number(value) || !isfinite(v) || v < last)
			return result_fail(err, "$.runs[%zu].misses_ms[%zu]: not a number, negative, or below the one before",
					   run, i);
		last = v;
	}
	return 0;
}

static int check_run(size_t i, const json_t *run, struct result_error *err)
{
	static const char *const known[] = {
		"bench", "mode", "case", "repeat", "metrics", "histograms", "misses_ms",
	};
	const char *bench, *mode, *case_name;
	const json_t *repeat;
	char path[32];
	int ret;

	snprintf(path, sizeof(path), "$.runs[%zu]", i);
	if (!json_is_object(run))
		return result_fail(err, "%s: not an object", path);
	ret = refuse_unknown(run, known, sizeof(known) / sizeof(known[0]), path, err);
	if (ret)
		return ret;
	bench = json_string_value(json_object_get(run, "bench"));
	mode = json_string_value(json_object_get(run, "mode"));
	case_name = json_string_value(json_object_get(run, "case"));
	repeat = json_object_get(run, "repeat");
	if (!bench || !is_name(bench, '-'))
		return result_fail(err, "%s.bench: missing or not a name (a-z, 0-9, -)", path);
	if (!mode || !is_mode(mode))
		return result_fail(err, "%s.mode: missing or not a name (a-z, 0-9, -)", path);
	if (!case_name || !is_case(bench, case_name))
		return result_fail(err, "%s.case: missing or not idle, busy or busy-hog (or one of them, '-' and a variant), nor an operation of overhead, an abuse of isolation, a request of blk or net (randread-4k-qd16-hogs), or a load of barrier or server (blocking-1of2)",
				   path);
	if (!json_is_integer(repeat) || json_integer_value(repeat) < 1 ||
	    json_integer_value(repeat) > RESULT_REPEATS_MAX)
		return result_fail(err, "%s.repeat: missing or not a whole number from 1 to %d", path,
				   RESULT_REPEATS_MAX);
	ret = check_metrics(i, json_object_get(run, "metrics"), err);
	if (!ret)
		ret = check_histograms(i, json_object_get(run, "histograms"), err);
	return ret ? ret : check_misses(i, json_object_get(run, "misses_ms"), err);
}

int result_check(const json_t *root, struct result_error *err)
{
	static const char *const known[] = { "format", "environment", "parameters", "runs" };
	const json_t *format, *runs, *run;
	size_t i;
	int ret;

	if (!json_is_object(root))
		return result_fail(err, "$: not an object");
	ret = refuse_unknown(root, known, sizeof(known) / sizeof(known[0]), "$", err);
	if (ret)
		return ret;
	format = json_object_get(root, "format");
	if (!json_is_integer(format) || json_integer_value(format) != RESULT_FORMAT)
		return result_fail(err, "$.format: missing or not %d", RESULT_FORMAT);
	ret = check_environment(json_object_get(root, "environment"), err);
	if (!ret)
		ret = check_parameters(json_object_get(root, "parameters"), err);
	if (ret)
		return ret;
	runs = json_object_get(root, "runs");
	if (!json_is_array(runs) || !json_array_size(runs))
		return result_fail(err, "$.runs: missing, empty or not a list");
	json_array_foreach((json_t *)runs, i, run) {
		ret = check_run(i, run, err);
		if (ret)
			return ret;
	}
	return 0;
}
