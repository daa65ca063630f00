// SPDX-License-Identifier: GPL-2.0
/* Each kind of bad result gives its one-line error, with the JSON path. */
#include <jansson.h>

#include "tests/report/sample.h"
#include "tests/report/tool.h"
#include "tests/unit/check.h"

static const struct sample_options tiny = { .seed = 1, .repeats = 1, .samples = 200 };

/*
 * One change to a valid result: the value at @path (keys and indices after
 * dots) becomes @value, JSON text, or goes away without one.
 */
struct change {
	const char *path;
	const char *value;
	const char *error;
};

static const struct change changes[] = {
	{ "format", NULL, "$.format: missing or not 1" },
	{ "format", "2", "$.format: missing or not 1" },
	{ "format", "\"1\"", "$.format: missing or not 1" },
	{ "extra", "1", "$.extra: unknown key" },
	{ "environment", NULL, "$.environment: missing or not an object" },
	{ "environment.accelerator", NULL, "$.environment.accelerator: missing" },
	{ "environment.kernel", "\"\"", "$.environment.kernel: missing" },
	{ "environment.qemu", "10", "$.environment.qemu: missing or not a text" },
	{ "environment.commit", "null", "$.environment.commit: missing" },
	{ "environment.config_hash", NULL, "$.environment.config_hash: missing" },
	{ "environment.cores", "0", "$.environment.cores: missing or not a positive" },
	{ "environment.cores", "1.5", "$.environment.cores: missing or not a positive" },
	{ "environment.more", "[1]", "$.environment.more: not a text, number or boolean" },
	{ "parameters", "[]", "$.parameters: not an object" },
	{ "parameters.modes", "{}", "$.parameters.modes: not a text" },
	{ "parameters.modes", "[[1]]", "$.parameters.modes[0]: not a text" },
	{ "runs", NULL, "$.runs: missing, empty" },
	{ "runs", "[]", "$.runs: missing, empty" },
	{ "runs.1", "3", "$.runs[1]: not an object" },
	{ "runs.1.note", "1", "$.runs[1].note: unknown key" },
	{ "runs.1.bench", "\"Cyclic test\"", "$.runs[1].bench: missing or not a name" },
	{ "runs.1.mode", "\"-x\"", "$.runs[1].mode: missing or not a name" },
	{ "runs.1.mode", "\"\\u0007\"", "$.runs[1].mode: missing or not a name" },
	{ "runs.1.case", "\"loaded\"", "$.runs[1].case: missing or not idle" },
	{ "runs.1.case", "\"busy-\"", "$.runs[1].case: missing or not idle" },
	{ "runs.1.case", "\"busyness\"", "$.runs[1].case: missing or not idle" },
	{ "runs.1.repeat", "0", "$.runs[1].repeat: missing or not a whole number" },
	{ "runs.1.repeat", "1001", "$.runs[1].repeat: missing or not a whole number" },
	{ "runs.1.repeat", "1.0", "$.runs[1].repeat: missing or not a whole number" },
	{ "runs.1.mode", "\"vanilla\"", "$.runs[1]: cyclictest, mode vanilla, case idle, repeat 1 is there already, in $.runs[0]" },
	{ "runs.1.misses_ms", "3", "$.runs[1].misses_ms: not a list of at most" },
	{ "runs.1.misses_ms", "[1, \"2\"]", "$.runs[1].misses_ms[1]: not a number" },
	{ "runs.1.misses_ms", "[-1]", "$.runs[1].misses_ms[0]: not a number, negative" },
	{ "runs.1.misses_ms", "[0, 7.5, 7.25]", "$.runs[1].misses_ms[2]: not a number, negative, or below" },
	{ "runs.1.metrics", NULL, "$.runs[1].metrics: missing, empty" },
	{ "runs.1.metrics", "{}", "$.runs[1].metrics: missing, empty" },
	{ "runs.1.metrics.guest_avg", "1", "$.runs[1].metrics.guest_avg: unknown metric, and its name does not end in a unit" },
	{ "runs.1.metrics.p99_us", "{}", "$.runs[1].metrics.p99_us: not a finite number" },
	{ "runs.1.metrics.iop", "1", "$.runs[1].metrics.iop: unknown metric" },
	{ "runs.1.bench", "\"blk\"", "$.runs[1].case: missing or not idle" },
	{ "runs.1.bench", "\"net\"", "$.runs[1].case: missing or not idle" },
	{ "runs.1.bench", "\"server\"", "$.runs[1].case: missing or not idle" },
	{ "runs.1.bench", "\"barrier\"", "$.runs[1].case: missing or not idle" },
	{ "runs.1.metrics._us", "1", "$.runs[1].metrics._us: not a metric name" },
	{ "runs.1.metrics.Guest_us", "1", "$.runs[1].metrics.Guest_us: not a metric name" },
	{ "runs.1.metrics.guest_avg_us", "\"7\"", "$.runs[1].metrics.guest_avg_us: not a finite number" },
	{ "runs.1.metrics.guest_avg_us", "null", "$.runs[1].metrics.guest_avg_us: not a finite number" },
	{ "runs.1.metrics.guest_avg_us", "-1", "$.runs[1].metrics.guest_avg_us: negative (-1)" },
	{ "runs.1.metrics.samples", "1.5", "$.runs[1].metrics.samples: not a whole number" },
	{ "runs.1.metrics.samples", "7", "$.runs[1].metrics.samples: 7, but the histogram has 200" },
	{ "runs.1.metrics.guest_max_us", "99999", "$.runs[1].metrics.guest_max_us: 99999, but the histogram's maximum is" },
	{ "runs.1.metrics.guest_p99_us", "99999", "$.runs[1].metrics.guest_p999_us: " },
	{ "runs.1.histograms", "[]", "$.runs[1].histograms: not an object" },
	{ "runs.1.histograms.Guest", "\"a\"", "$.runs[1].histograms.Guest: not a name" },
	{ "runs.1.histograms.guest", "7", "$.runs[1].histograms.guest: not a relative path" },
	{ "runs.1.histograms.guest", "\"/etc/passwd\"", "$.runs[1].histograms.guest: not a relative path" },
	{ "runs.1.histograms.guest", "\"hist/../../x\"", "$.runs[1].histograms.guest: not a relative path" },
	{ "runs.1.histograms.guest", "\"..\"", "$.runs[1].histograms.guest: not a relative path" },
	{ "runs.1.histograms.guest", "\"hist/none.hist\"", "$.runs[1].histograms.guest: cannot open" },
	{ "runs.1.histograms.guest", "\"result.json\"", "$.runs[1].histograms.guest: ./result.json:1: expected '<us> <count>'" },
	{ "runs.1.histograms", "{\"a\":\"x\",\"b\":\"x\",\"c\":\"x\",\"d\":\"x\",\"e\":\"x\"}", "$.runs[1].histograms: more than 4" },
};

static json_t *child(json_t *v, const char *key)
{
	return json_is_array(v) ? json_array_get(v, (size_t)atoi(key)) : json_object_get(v, key);
}

static void apply(json_t *root, const struct change *c)
{
	char path[100], *key = path, *dot;
	json_t *at = root, *value;

	snprintf(path, sizeof(path), "%s", c->path);
	while ((dot = strchr(key, '.'))) {
		*dot = '\0';
		at = child(at, key);
		key = dot + 1;
	}
	value = c->value ? json_loads(c->value, JSON_DECODE_ANY, NULL) : NULL;
	if (json_is_array(at))
		json_array_set_new(at, (size_t)atoi(key), value);
	else if (value)
		json_object_set_new(at, key, value);
	else
		json_object_del(at, key);
}

/* Exactly one line, with the expected words in it. */
static void expect_error(int status, const char *out, const char *error, const char *what)
{
	const char *end = strchr(out, '\n');

	CHECK(status == 1, "%s: exit status %d: %s", what, status, out);
	CHECK(strstr(out, error), "%s: '%s' is not in: %s", what, error, out);
	CHECK(end && !end[1] && !strncmp(out, "coop-report: ", 13), "%s: not one line: %s", what, out);
}

static void test_changes(void)
{
	json_t *valid = json_load_file("result.json", 0, NULL), *root;
	char out[4096];
	size_t i;
	int ret;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		root = json_deep_copy(valid);
		apply(root, &changes[i]);
		CHECK(!json_dump_file(root, "changed.json", JSON_INDENT(1)), "cannot write");
		json_decref(root);
		ret = tool(out, sizeof(out), "check changed.json");
		expect_error(ret, out, changes[i].error, changes[i].path);
	}
	json_decref(valid);
}

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	CHECK(f && fputs(text, f) >= 0 && !fclose(f), "cannot write %s", path);
}

static void test_not_json(void)
{
	static const struct { const char *text, *error; } bad[] = {
		{ "", "bad.json:1:0: not JSON" },
		{ "{", "bad.json:1:1: not JSON" },
		{ "{\"format\":1,\"format\":1}", "not JSON: duplicate object key" },
		{ "{\"format\":1e999}", "not JSON: real number overflow" },
		{ "{\"format\":NaN}", "not JSON" },
		{ "{\"format\":\"\xff\"}", "not JSON: unable to decode byte" },
		{ "[]", "bad.json: $: not an object" },
	};
	char out[4096];
	size_t i;
	int ret;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_text("bad.json", bad[i].text);
		ret = tool(out, sizeof(out), "check bad.json");
		expect_error(ret, out, bad[i].error, bad[i].text);
	}
	ret = tool(out, sizeof(out), "check none.json");
	expect_error(ret, out, "none.json: No such file or directory", "none.json");
	ret = tool(out, sizeof(out), "check /dev/null");
	expect_error(ret, out, "not a regular file", "/dev/null");
}

/* What make reads before there is a result. */
static void test_make(void)
{
	char out[65536];
	int ret;

	CHECK(!rename("result.json", "kept.json"), "rename");
	write_text("environment.json", "{\"accelerator\":\"tcg\"}");
	ret = tool(out, sizeof(out), "make .");
	expect_error(ret, out, ".: $.environment.kernel: missing", "environment.json");
	CHECK(access("result.json", F_OK), "an invalid result was written");
	CHECK(!remove("environment.json"), "remove");
	ret = tool(out, sizeof(out), "make .");
	expect_error(ret, out, "environment.json: No such file", "environment.json");
	write_text("parameters.json", "{");
	CHECK(!sample_facts("."), "facts");
	write_text("parameters.json", "{");
	ret = tool(out, sizeof(out), "make .");
	expect_error(ret, out, "parameters.json:1:1: not JSON", "parameters.json");
	CHECK(!remove("parameters.json"), "remove");
	CHECK(!tool(out, sizeof(out), "make ."), "without parameters: %s", out);
	CHECK(!remove("result.json"), "remove");
	write_text("runs.jsonl", "");
	ret = tool(out, sizeof(out), "make .");
	expect_error(ret, out, "runs.jsonl: no runs", "runs.jsonl");
	write_text("runs.jsonl", "{}\n{\"bench\":");
	ret = tool(out, sizeof(out), "make .");
	expect_error(ret, out, "runs.jsonl:2: ", "runs.jsonl");
	CHECK(!remove("runs.jsonl"), "remove");
	ret = tool(out, sizeof(out), "make .");
	expect_error(ret, out, "runs.jsonl: No such file", "runs.jsonl");
	CHECK(access("result.json", F_OK), "an invalid result was written");
}

static void test_usage(void)
{
	static const char *const wrong[] = {
		"", "paint", "make", "make a b", "check", "show", "show --all x", "make . --json",
		"check --json x result.json", "html",
	};
	char out[4096];
	size_t i;
	int ret;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ret = tool(out, sizeof(out), "%s", wrong[i]);
		CHECK(ret == 2 && strstr(out, "see coop-report --help"), "'%s': %d: %s", wrong[i], ret,
		      out);
	}
	CHECK(!tool(out, sizeof(out), "--help") && strstr(out, "usage:"), "%s", out);
	CHECK(!tool(out, sizeof(out), "make --help") && strstr(out, "usage:"), "%s", out);
}

int main(void)
{
	char out[65536];
	int ret;

	tool_start();
	CHECK(!sample_write(".", &tiny), "cannot write the sample");
	ret = tool(out, sizeof(out), "make . --json copy.json");
	CHECK(!ret, "make: %s", out);
	ret = tool(out, sizeof(out), "check . result.json copy.json");
	CHECK(!ret && strstr(out, "result.json: valid, 12 runs"), "check: %s", out);
	test_usage();
	test_changes();
	test_not_json();
	test_make();
	return check_result();
}
