// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's side of the cyclictest benchmark: hogs, cyclictest, and its histogram cut down to the
 * buckets in use. "progress 0 1" and "progress 1 1" mark the measured interval, for the shares that
 * the host takes over it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/lib/hist.h"
#include "lab/init/init.h"
#include "lab/lib/proc.h"

#define HOGS_MAX 64

pid_t cyclictest_start(char *const args[], int out, int err)
{
	char *argv[RECORD_MAX_ARGS + 1] = { "cyclictest" };
	pid_t pid = fork();

	if (pid)
		return pid;
	proc_child_setup(1, -1);
	for (int i = 0; args[i]; i++)
		argv[i + 1] = args[i];
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	execvp(argv[0], argv);
	fprintf(stderr, "cannot start cyclictest: %s\n", strerror(errno));
	_exit(127);
}

int cyclictest_send(int port, const struct hist *h)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	int ret = -1;

	if (!f)
		return -1;
	if (!hist_write(h, f) && !fclose(f))
		ret = record_data(port, "guest.hist", text, size);
	free(text);
	return ret;
}

int cyclictest_collect(FILE *out, struct hist *sum, struct hist_error *err)
{
	struct hist h[HOGS_MAX];
	int n = hist_read_cyclictest(out, h, HOGS_MAX, err);
	int ret = n < 0 ? n : 0;

	for (int i = 0; i < n; i++) {
		if (!ret)
			ret = hist_merge(sum, &h[i]);
		hist_free(&h[i]);
	}
	return ret;
}

static void measure(struct job *job, int port, char *const args[], int out_fd, int err_fd,
		    pid_t *hog, int hogs)
{
	struct hist_error err = { 0 };
	FILE *out = fdopen(out_fd, "r");
	struct hist sum;
	int c;

	hist_init(&sum);
	/*
	 * cyclictest prints nothing before it has measured: its output is buffered, for it goes
	 * to a pipe.
	 */
	c = out ? getc(out) : EOF;
	for (int i = 0; i < hogs; i++)
		proc_kill_group(hog[i]);
	record_progress(port, 1, 1, "measured");
	if (c != EOF)
		ungetc(c, out);
	if (c == EOF)
		snprintf(job->verdict, sizeof(job->verdict), "cyclictest %s ... printed nothing",
			 args[0]);
	else if (cyclictest_collect(out, &sum, &err) || !sum.samples)
		snprintf(job->verdict, sizeof(job->verdict), "cyclictest's output, line %lu: %s",
			 err.line, *err.text ? err.text : "no samples");
	else
		job->pass = !cyclictest_send(port, &sum);
	if (out)
		fclose(out);
	hist_free(&sum);
	record_file(port, "cyclictest.err", "/run/coop/cyclictest.err");
	close(err_fd);
}

void job_cyclictest(struct job *job, int port, char *const argv[])
{
	int err = open("/run/coop/cyclictest.err", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int hogs = argv[1] ? atoi(argv[1]) : 0;
	pid_t hog[HOGS_MAX];
	int out[2];
	pid_t pid;

	if (!argv[1] || !argv[2] || hogs < 0 || hogs > HOGS_MAX || pipe2(out, O_CLOEXEC)) {
		snprintf(job->verdict, sizeof(job->verdict),
			 "@cyclictest needs a number of hogs (0-%d) and arguments", HOGS_MAX);
		return;
	}
	for (int i = 0; i < hogs; i++)
		hog[i] = proc_start_hog();
	record_progress(port, 0, 1, "measuring");
	pid = cyclictest_start(argv + 2, out[1], err);
	close(out[1]);
	measure(job, port, argv + 2, out[0], err, hog, hogs);
	waitpid(pid, NULL, 0);
	if (job->pass)
		snprintf(job->verdict, sizeof(job->verdict), "measured");
}
