// SPDX-License-Identifier: GPL-2.0
/* coop-report: joins the measurements of a run, checks, shows and compares them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/make.h"
#include "bench/report/report.h"

enum { EXIT_BAD = 1, EXIT_USAGE = 2 };

static const char help[] =
"usage: coop-report make DIR [--json FILE]   DIR/runs.jsonl, environment.json and parameters.json become\n"
"                                            DIR/result.json and DIR/report.html; prints table and verdict\n"
"       coop-report html RESULT [--json FILE]  the page again, beside RESULT\n"
"       coop-report show RESULT...           table and verdict; two results are compared\n"
"       coop-report compare RESULT RESULT    the second by the first, and a verdict\n"
"       coop-report check RESULT...          is it a valid result.json, histograms included?\n"
"\n"
"RESULT is a result.json or the directory that holds it. --json FILE also writes the result there\n"
"(histograms are not copied). docs/results-format.md describes the format.\n"
"Exit code: 0 done, 1 bad input or not written, 2 wrong usage. The verdict does not change it.\n";

static int bad(const struct result_error *err)
{
	fflush(stdout);
	fprintf(stderr, "coop-report: %s\n", err->text);
	return EXIT_BAD;
}

static int usage(const char *what, const char *arg)
{
	fprintf(stderr, "coop-report: %s%s: see coop-report --help\n", what, arg);
	return EXIT_USAGE;
}

static void print_verdict(const struct result *r)
{
	char text[2000];

	verdict_text(r, text, sizeof(text));
	printf("%s\n", text);
}

/* The page goes beside result.json. */
static void page_path(char *path, size_t size, const char *result)
{
	const char *slash = strrchr(result, '/');
	size_t len = strlen(result);

	if (len > 5 && !strcmp(result + len - 5, ".json"))
		snprintf(path, size, "%.*sreport.html", slash ? (int)(slash - result + 1) : 0, result);
	else
		snprintf(path, size, "%s/report.html", result);
}

static int finish(struct result *r, const char *from, const char *json, struct result_error *err)
{
	char path[4096];
	int ret;

	page_path(path, sizeof(path), from);
	ret = write_html(r, path, err);
	if (!ret && json)
		ret = write_result(r, json, err);
	if (!ret) {
		table_print(r, stdout);
		print_verdict(r);
	}
	result_free(r);
	return ret ? bad(err) : EXIT_SUCCESS;
}

static int cmd_make(char **paths, int n, const char *json)
{
	struct result_error err;
	struct result r;

	(void)n;
	return make_result(&r, paths[0], &err) ? bad(&err) : finish(&r, paths[0], json, &err);
}

static int cmd_html(char **paths, int n, const char *json)
{
	struct result_error err;
	struct result r;

	(void)n;
	return result_load(&r, paths[0], &err) ? bad(&err) : finish(&r, paths[0], json, &err);
}

static int cmd_check(char **paths, int n, const char *json)
{
	struct result_error err;
	struct result r;
	int i;

	(void)json;
	for (i = 0; i < n; i++) {
		if (result_load(&r, paths[i], &err))
			return bad(&err);
		printf("%s: valid, %zu runs\n", paths[i], r.nruns);
		result_free(&r);
	}
	return EXIT_SUCCESS;
}

static int show_two(char **paths)
{
	struct result_error err;
	struct result a, b;

	if (result_load(&a, paths[0], &err))
		return bad(&err);
	if (result_load(&b, paths[1], &err)) {
		result_free(&a);
		return bad(&err);
	}
	table_compare(&a, &b, stdout);
	result_free(&a);
	result_free(&b);
	return EXIT_SUCCESS;
}

static int cmd_show(char **paths, int n, const char *json)
{
	struct result_error err;
	struct result r;
	int i;

	(void)json;
	for (i = 0; i < n; i++) {
		if (result_load(&r, paths[i], &err))
			return bad(&err);
		if (n > 1)
			printf("%s\n", paths[i]);
		table_print(&r, stdout);
		print_verdict(&r);
		if (n > 1)
			putchar('\n');
		result_free(&r);
	}
	return n == 2 ? show_two(paths) : EXIT_SUCCESS;
}

static int cmd_compare(char **paths, int n, const char *json)
{
	(void)json;
	return n == 2 ? show_two(paths) : usage("compare takes two results", "");
}

static const struct command {
	const char *name;
	int (*run)(char **paths, int n, const char *json);
	bool many;	/* more than one path */
	bool json;	/* --json FILE is allowed */
} commands[] = {
	{ "make", cmd_make, false, true },
	{ "html", cmd_html, false, true },
	{ "show", cmd_show, true, false },
	{ "check", cmd_check, true, false },
	{ "compare", cmd_compare, true, false },
};

/* Options go out of @argv, paths stay; returns their number or -1 after a message. */
static int parse(const struct command *c, char **argv, int argc, const char **json)
{
	int i, n = 0;

	for (i = 0; i < argc; i++) {
		if (c->json && !strcmp(argv[i], "--json")) {
			if (++i == argc)
				return usage("a file is missing after ", "--json"), -1;
			*json = argv[i];
		} else if (argv[i][0] == '-') {
			return usage("unknown option ", argv[i]), -1;
		} else {
			argv[n++] = argv[i];
		}
	}
	if (!n || (n > 1 && !c->many))
		return usage(n ? "too many arguments for " : "a path is missing for ", c->name), -1;
	return n;
}

int main(int argc, char **argv)
{
	const char *json = NULL;
	size_t i;
	int n;

	for (n = 1; n < argc; n++) {
		if (!strcmp(argv[n], "--help") || !strcmp(argv[n], "-h"))
			return fputs(help, stdout) < 0 ? EXIT_BAD : EXIT_SUCCESS;
	}
	if (argc < 2)
		return usage("a command is missing", "");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		n = parse(&commands[i], argv + 2, argc - 2, &json);
		return n < 0 ? EXIT_USAGE : commands[i].run(argv + 2, n, json);
	}
	return usage("unknown command ", argv[1]);
}
