// SPDX-License-Identifier: GPL-2.0
/* One run: boot L1, give it the job, keep what it sends, judge how it ended. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/host/lab.h"
#include "lab/lib/klog.h"
#include "lab/lib/proc.h"

#define TICK_MS 250
#define TAIL_LINES 6
#define LOGS_MAX 256
/* From the verdict to the end of QEMU. */
#define POWER_OFF_MS 20000

struct run {
	const struct lab_options *o;
	struct progress progress;
	struct record_stream port;
	pid_t pid;
	long long start_ns;
	FILE *runs;
	char *log[LOGS_MAX]; /* kernel logs received, to be scanned */
	int logs, records, bad;
	bool hello, verdict, pass, gone;
	struct here here;
	char text[1024]; /* the verdict's, or what went wrong */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

static long elapsed(const struct run *run)
{
	return (proc_now_ns() - run->start_ns) / 1000000000;
}

static bool is_kernel_log(const char *name)
{
	size_t len = strlen(name);

	return (len > 12 && !strcmp(name + len - 12, "-console.log")) ||
	       (len > 10 && !strcmp(name + len - 10, "-dmesg.log"));
}

/* A log that is appended to is one log. */
static void remember_log(struct run *run, const char *path)
{
	for (int i = 0; i < run->logs; i++)
		if (!strcmp(run->log[i], path))
			return;
	if (run->logs < LOGS_MAX)
		run->log[run->logs++] = strdup(path);
}

static void store(struct run *run, const struct record *rec)
{
	bool append = rec->type == RECORD_APPEND;
	char path[PATH_MAX];
	bool known = false;
	int fd = -1;

	snprintf(path, sizeof(path), "%s/%s", run->o->out, rec->text);
	for (int i = 0; append && i < run->logs; i++)
		known |= !strcmp(run->log[i], path);
	if (!proc_make_parents(path))
		fd = open(path,
			  O_WRONLY | O_CREAT | O_CLOEXEC | (append && known ? O_APPEND : O_TRUNC),
			  0644);
	if (fd < 0 || proc_write_all(fd, rec->data, rec->size)) {
		progress_clear(&run->progress);
		fprintf(stderr, "    cannot write %s: %s\n", path, strerror(errno));
		run->bad++;
	}
	if (fd >= 0)
		close(fd);
	if (append || is_kernel_log(rec->text))
		remember_log(run, path);
}

static void on_hello(struct run *run, const char *release)
{
	char text[200];

	run->hello = true;
	snprintf(text, sizeof(text), "L1 is up (Linux %.60s)", release);
	progress_set(&run->progress, 0, 0, text);
	record_job(run->port.fd, run->o->argv);
}

static void on_expect(struct run *run, long seconds)
{
	run->progress.expected = seconds + elapsed(run);
	progress_clear(&run->progress);
	if (!run->o->quiet)
		fprintf(stderr, "coop: lab: expected to take about %ld min %ld s\n", seconds / 60,
			seconds % 60);
}

static void handle(struct run *run, const struct record *rec)
{
	switch (rec->type) {
	case RECORD_HELLO:
		on_hello(run, rec->text);
		break;
	case RECORD_PROGRESS:
		progress_set(&run->progress, rec->done, rec->total, rec->text);
		break;
	case RECORD_EXPECT:
		on_expect(run, rec->total);
		break;
	case RECORD_RUN:
		fprintf(run->runs, "%s\n", rec->text);
		fflush(run->runs);
		run->records++;
		break;
	case RECORD_FILE:
	case RECORD_APPEND:
		store(run, rec);
		break;
	case RECORD_VERDICT:
		run->verdict = true;
		run->pass = rec->pass;
		snprintf(run->text, sizeof(run->text), "%s", rec->text);
		break;
	default:
		run->bad++;
	}
}

/* Returns an exit code, or -1 once there is a verdict or L1 is gone. */
static int follow(struct run *run)
{
	struct record rec;

	while (!run->verdict && !run->gone) {
		int ret = record_next(&run->port, TICK_MS, &rec);

		if (interrupted)
			return LAB_INTERRUPTED;
		if (ret > 0)
			handle(run, &rec);
		else if (ret < 0)
			run->gone = true;
		progress_tick(&run->progress);
		if (run->verdict || run->gone)
			break;
		if (!run->hello && elapsed(run) >= run->o->boot_limit) {
			snprintf(run->text, sizeof(run->text),
				 "L1 hung at boot: no hello within %d s", run->o->boot_limit);
			return LAB_HUNG;
		}
		if (elapsed(run) >= run->o->limit) {
			snprintf(run->text, sizeof(run->text),
				 "the run hung: no verdict within %d s", run->o->limit);
			return LAB_HUNG;
		}
	}
	return -1;
}

/* The job alone, without an L1. */
static int wait_here(struct run *run)
{
	int status = proc_wait(run->pid, POWER_OFF_MS);
	char line[600];

	if (status < 0) {
		snprintf(run->text, sizeof(run->text), "the job did not end after its last word");
		return LAB_HUNG;
	}
	run->pid = 0;
	if (run->verdict && (!run->pass || !status))
		return run->pass ? LAB_PASS : LAB_FAIL;
	here_last_line(run->o, line, sizeof(line));
	snprintf(run->text, sizeof(run->text), "it ended without success: %s", line);
	return LAB_FAIL;
}

/* Power off is part of the run: a machine that cannot is hung, too. */
static int wait_end(struct run *run)
{
	int status = -1;

	for (int ms = 0; ms < POWER_OFF_MS && status < 0; ms += TICK_MS) {
		if (interrupted)
			return LAB_INTERRUPTED;
		status = proc_wait(run->pid, TICK_MS);
	}
	if (status < 0) {
		snprintf(run->text, sizeof(run->text), "L1 hung at power off, after its verdict");
		return LAB_HUNG;
	}
	run->pid = 0;
	if (run->verdict)
		return run->pass ? LAB_PASS : LAB_FAIL;
	if (run->hello)
		snprintf(run->text, sizeof(run->text), "L1 ended without a verdict");
	else
		snprintf(run->text, sizeof(run->text), "L1 ended before it said hello");
	return LAB_HUNG;
}

/* Returns the number of bad lines; where the first is goes to *log and *hit. */
static int scan_logs(const struct run *run, const char **log, struct klog_hit *hit)
{
	int found = 0;

	for (int i = 0; i < run->logs; i++) {
		struct klog_hit first;
		int n = klog_scan(run->log[i], stderr, 3, &first);

		if (n > 0 && !found) {
			*log = run->log[i];
			*hit = first;
		}
		found += n > 0 ? n : 0;
	}
	return found;
}

static void show_tails(const struct run *run)
{
	const char *l2 = NULL;

	klog_tail(run->log[0], stderr, TAIL_LINES);
	for (int i = 1; i < run->logs; i++)
		if (strstr(run->log[i], "/l2/") && strstr(run->log[i], "-console.log"))
			l2 = run->log[i];
	if (l2)
		klog_tail(l2, stderr, TAIL_LINES);
	else
		fprintf(stderr, "    (no L2 console was received)\n");
}

/* Details first, then the one line that says what happened. */
static int report(const struct run *run, int code)
{
	const char *out = run->o->out, *log = NULL;
	struct klog_hit hit = { 0 };
	int found = scan_logs(run, &log, &hit);

	if (code == LAB_HUNG)
		show_tails(run);
	if (code == LAB_INTERRUPTED) {
		fprintf(stderr,
			"coop: interrupted after %ld s, %d measurements kept: nothing is left running (log: %s)\n",
			elapsed(run), run->records, out);
		return code;
	}
	if (found) {
		fprintf(stderr, "coop: kernel log: %s (%d bad line%s%s%s) (log: %s:%d)\n", hit.text,
			found, found > 1 ? "s" : "", code ? "; " : "", code ? run->text : "", log,
			hit.line);
		return LAB_SPLAT;
	}
	if (code == LAB_HUNG) {
		fprintf(stderr,
			"coop: hung: %s, after %ld s and %d measurements: see the last lines above (log: %s)\n",
			run->text, elapsed(run), run->records, run->log[0]);
	} else if (code == LAB_FAIL) {
		fprintf(stderr, "coop: the job failed: %s (log: %s)\n", run->text, out);
	} else if (run->bad) {
		fprintf(stderr, "coop: %d records could not be understood or stored (log: %s)\n",
			run->bad, out);
		return LAB_FAIL;
	} else if (!run->o->quiet) {
		fprintf(stderr, "coop: lab: passed in %ld s: %s\n", elapsed(run), run->text);
	}
	return code;
}

static int prepare_out(struct run *run)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/runs.jsonl", run->o->out);
	run->runs = proc_make_parents(path) ? NULL : fopen(path, "we");
	if (!run->runs) {
		fprintf(stderr, "coop: cannot write %s: %s\n", path, strerror(errno));
		return -1;
	}
	snprintf(path, sizeof(path), "%s/l1-console.log", run->o->out);
	proc_write_file(path, "");
	remember_log(run, path);
	return 0;
}

static int prepare(struct run *run)
{
	if (prepare_out(run))
		return -1;
	return here_chosen(run->o) ? here_begin(&run->here) : 0;
}

static int start(struct run *run)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		perror("coop: socketpair");
		return -1;
	}
	run->start_ns = proc_now_ns();
	run->hello = here_chosen(run->o);
	run->pid = (run->hello ? here_start : l1_start)(run->o, pair[1]);
	close(pair[1]);
	record_stream_init(&run->port, pair[0]);
	progress_set(&run->progress, 0, 0, run->hello ? "on this machine" : "booting L1");
	return run->pid < 0 ? -1 : 0;
}

/* The lab needs both of two processors: what else runs here is in every number. */
static void warn_if_busy(const struct lab_options *o)
{
	double load = 0;

	if (!o->quiet && getloadavg(&load, 1) == 1 && load > 0.5 * sysconf(_SC_NPROCESSORS_ONLN))
		fprintf(stderr,
			"coop: lab: this machine is busy (load %.1f): the times will be worse than they are\n",
			load);
}

int run_job(const struct lab_options *o)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct run run = { .o = o };
	int code = LAB_SETUP;

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	progress_init(&run.progress, o->quiet);
	warn_if_busy(o);
	if (!prepare(&run) && !start(&run)) {
		code = follow(&run);
		if (code < 0)
			code = here_chosen(o) ? wait_here(&run) : wait_end(&run);
		proc_kill_group(run.pid);
		if (here_chosen(o))
			here_end(&run.here, run.log[0]);
		progress_clear(&run.progress);
		code = report(&run, code);
	}
	record_stream_free(&run.port);
	if (run.runs)
		fclose(run.runs);
	for (int i = 0; i < run.logs; i++)
		free(run.log[i]);
	return code;
}

int run_shell(const struct lab_options *o)
{
	struct termios saved;
	bool tty = !tcgetattr(STDIN_FILENO, &saved);
	pid_t pid = l1_start(o, -1);
	int status = 0;

	if (pid < 0)
		return LAB_SETUP;
	signal(SIGINT, SIG_IGN);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (tty) {
		signal(SIGTTOU, SIG_IGN);
		tcsetpgrp(STDIN_FILENO, getpgrp());
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	}
	return WIFEXITED(status) && !WEXITSTATUS(status) ? LAB_PASS : LAB_FAIL;
}
