/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COOP_TESTS_REPORT_TOOL_H
#define COOP_TESTS_REPORT_TOOL_H

/* Runs coop-report, which lies one directory above the test, in a scratch directory. */
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char tool_path[PATH_MAX];
static char tool_dir[PATH_MAX];

static int tool_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void tool_end(void)
{
	nftw(tool_dir, tool_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes the scratch directory the working directory; it goes away at exit. */
static void tool_start(void)
{
	const char *tmp = getenv("TMPDIR");
	char exe[PATH_MAX - 32];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int up;

	for (up = 0; n > 0 && up < 2; up++) {
		while (n > 0 && exe[--n] != '/')
			;
		exe[n > 0 ? n : 0] = '\0';
	}
	snprintf(tool_path, sizeof(tool_path), "%s/coop-report", exe);
	if (access(tool_path, X_OK)) {
		printf("%s is missing: build the tools first\n", tool_path);
		exit(1);
	}
	snprintf(tool_dir, sizeof(tool_dir), "%s/coop-test.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(tool_dir) || chdir(tool_dir)) {
		perror(tool_dir);
		exit(1);
	}
	atexit(tool_end);
}

/* Exit status, or -1 if it crashed. @out gets both of its outputs. */
__attribute__((format(printf, 3, 4)))
static int tool(char *out, size_t size, const char *fmt, ...)
{
	char args[512], command[PATH_MAX + 600];
	size_t used = 0, n;
	va_list ap;
	FILE *f;
	int status;

	va_start(ap, fmt);
	vsnprintf(args, sizeof(args), fmt, ap);
	va_end(ap);
	snprintf(command, sizeof(command), "'%s' %s 2>&1", tool_path, args);
	f = popen(command, "r");
	if (!f)
		return -1;
	while (used + 1 < size && (n = fread(out + used, 1, size - 1 - used, f)) > 0)
		used += n;
	out[used] = '\0';
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
