// SPDX-License-Identifier: GPL-2.0
/* Runs one program with the records' descriptor as fd 3. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/init/init.h"
#include "lab/lib/proc.h"

#define JOB_OUTPUT "/run/coop/job-output.log"
#define JOB_FD 3

static pid_t start(char *const argv[], int records)
{
	pid_t pid = fork();
	int out;

	if (pid)
		return pid;
	proc_child_setup(1, -1);
	/* Above JOB_FD, so that the dup2() below cannot close it. */
	records = fcntl(records, F_DUPFD_CLOEXEC, JOB_FD + 7);
	out = open(JOB_OUTPUT, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	dup2(records, JOB_FD);
	setenv(RECORD_FD_ENV, "3", 1);
	if (chdir("/run"))
		_exit(127);
	execvp(argv[0], argv);
	fprintf(stderr, "cannot start %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Reap whatever has ended, orphans too. True once PID itself has. */
static bool reap(pid_t pid, int *status)
{
	pid_t got;
	int st;

	while ((got = waitpid(-1, &st, WNOHANG)) > 0) {
		if (got != pid)
			continue;
		*status = st;
		return true;
	}
	return false;
}

/* What the program said last: mostly the reason. */
static void add_last_line(struct job *job)
{
	size_t size = 0, len = strlen(job->verdict);
	char *text = proc_read_file(JOB_OUTPUT, &size);
	char *line;

	if (!text)
		return;
	while (size && text[size - 1] == '\n')
		text[--size] = 0;
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	if (*line)
		snprintf(job->verdict + len, sizeof(job->verdict) - len, ": %s", line);
	free(text);
}

static void verdict_from_status(struct job *job, const char *program, int status)
{
	job->pass = WIFEXITED(status) && !WEXITSTATUS(status);
	if (WIFSIGNALED(status))
		snprintf(job->verdict, sizeof(job->verdict), "%s was killed by signal %d", program,
			 WTERMSIG(status));
	else
		snprintf(job->verdict, sizeof(job->verdict), "%s ended with status %d", program,
			 WEXITSTATUS(status));
	if (!job->pass)
		add_last_line(job);
}

static bool take(struct job *job, int port, struct record_stream *in, int timeout_ms)
{
	struct record rec;
	int ret = record_next(in, timeout_ms, &rec);

	if (ret <= 0)
		return false;
	if (rec.type == RECORD_VERDICT) {
		job->pass = rec.pass;
		snprintf(job->verdict, sizeof(job->verdict), "%s", rec.text);
	} else {
		record_forward(port, &rec);
	}
	return true;
}

void job_run(struct job *job, int port, char *const argv[])
{
	struct record_stream in;
	int status = 0;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return;
	record_stream_init(&in, pair[0]);
	pid = start(argv, pair[1]);
	/*
	 * Our copy of the job's end stays open, so that its death is a timeout here and not an
	 * endless end of file.
	 */
	while (pid > 0 && !reap(pid, &status))
		take(job, port, &in, 100);
	while (take(job, port, &in, 0))
		;
	kill(-pid, SIGKILL);
	close(pair[1]);
	record_stream_free(&in);
	record_file(port, "job-output.log", JOB_OUTPUT);
	if (!*job->verdict)
		verdict_from_status(job, argv[0], status);
	else if (job->pass && status) {
		job->pass = false;
		verdict_from_status(job, argv[0], status);
	}
}
