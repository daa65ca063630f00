// SPDX-License-Identifier: GPL-2.0
/* The same two programs, once as a job of the guest and once as a child on its pCPU. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/histrecord.h"
#include "bench/lib/latency.h"
#include "bench/sched/bench.h"
#include "lab/lib/proc.h"

#define TEXT_MAX 4096
#define HACKBENCH_MESSAGES 100 /* per group and loop: 10 senders to 10 receivers */
/* The guest's own work goes on for that much longer than what is measured beside it. */
#define LOAD_EXTRA_S 3
#define LOAD_INTERVAL_US 10850
#define LOAD_BEGINS_US 500000

struct result {
	struct hist hist; /* of the wake-ups */
	bool has_hist;
	double work_s; /* hackbench's own time */
};

static bool is_wakeup(const struct guest_measurement *m)
{
	return m->guest_case->variant == GUEST_WAKEUP || m->guest_case->variant == HOST_WAKEUP;
}

static bool on_host(const struct guest_measurement *m)
{
	return m->guest_case->variant >= HOST_HACKBENCH;
}

/* What is measured; PROGRAM is coop-guest-sched. */
struct command {
	char text[2][16];
	char *argv[10];
};

static void describe(struct command *c, const struct guest_measurement *m, const char *program)
{
	const struct sched *s = m->bench->arg;
	char *wakeup[] = { (char *)program, "--seconds", c->text[0], NULL };
	char *hackbench[] = { "hackbench", "--pipe",  "--fds",	  "10", "--groups",
			      c->text[0],  "--loops", c->text[1], NULL };
	bool is = is_wakeup(m);

	snprintf(c->text[0], sizeof(c->text[0]), "%d", is ? m->bench->seconds : s->groups);
	snprintf(c->text[1], sizeof(c->text[1]), "%d", s->loops);
	memcpy(c->argv, is ? wakeup : hackbench, is ? sizeof(wakeup) : sizeof(hackbench));
}

static int read_hist(struct guest_measurement *m, struct result *r, const struct record *rec)
{
	char error[200] = "a second histogram";

	if (r->has_hist || hist_receive(&r->hist, rec, error, sizeof(error)))
		return GUEST_FAIL(m->bench, "%s", error);
	r->has_hist = true;
	return 0;
}

/* "Time: 1.234", hackbench's last word. */
static void read_time(struct result *r, const char *text, size_t size)
{
	const char *time = memmem(text, size, "Time: ", 6);
	char number[32] = "";

	if (time)
		snprintf(number, sizeof(number), "%.*s",
			 (int)(text + size - time - 6 < 31 ? text + size - time - 6 : 31),
			 time + 6);
	r->work_s = strtod(number, NULL);
}

static int take(struct guest_measurement *m, struct result *r, const struct record *rec)
{
	if (rec->type == RECORD_PROGRESS) {
		(rec->done ? guest_measure_end : guest_measure_begin)(m);
		return 0;
	}
	if (rec->type == RECORD_FILE && !strcmp(rec->text, "wakeup.hist"))
		return read_hist(m, r, rec);
	if (rec->type == RECORD_FILE && !strcmp(rec->text, "job-output.log") && !is_wakeup(m))
		read_time(r, rec->data, rec->size);
	return 0;
}

static int hung(struct guest_measurement *m, const char *what)
{
	m->bench->hung = true;
	return GUEST_FAIL(m->bench, "%s hung: no result within %d s", what,
			  m->bench->seconds + m->bench->result_limit);
}

static long long limit_of(const struct guest_measurement *m)
{
	return proc_now_ns() + (m->bench->seconds + m->bench->result_limit) * 1000000000ll;
}

static int measure_in_guest(struct guest_measurement *m, struct result *r)
{
	long long limit = limit_of(m);
	struct command c;
	struct record rec;
	int ret = 0;

	describe(&c, m, "coop-guest-sched");
	if (!is_wakeup(m))
		guest_measure_begin(m);
	if (vm_job(m->vm, c.argv))
		return GUEST_FAIL(m->bench, "%s", m->vm->error);
	while (!ret) {
		int got = vm_next(m->vm, (limit - proc_now_ns()) / 1000000, &rec);

		if (got <= 0)
			return got ? GUEST_FAIL(m->bench, "%s", m->vm->error) : hung(m, "L2");
		if (rec.type == RECORD_VERDICT)
			break;
		ret = take(m, r, &rec);
	}
	if (!ret && !is_wakeup(m))
		guest_measure_end(m);
	return ret || rec.pass ? ret : GUEST_FAIL(m->bench, "L2: %s", rec.text);
}

static pid_t start(char *const argv[], int *out)
{
	pid_t parent = getpid(), pid;
	int fds[2];

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		proc_child_setup(parent, CPU_GUEST);
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		unsetenv(RECORD_FD_ENV);
		execvp(argv[0], argv);
		fprintf(stderr, "coop: cannot start %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

/* Records, of which the wake-ups' program sends some, until it ends. */
static int follow_records(struct guest_measurement *m, struct result *r, int out)
{
	long long limit = limit_of(m);
	struct record_stream in;
	struct record rec;
	int ret = 0, got = 0;

	record_stream_init(&in, out);
	while (!ret && (got = record_next(&in, (limit - proc_now_ns()) / 1000000, &rec)) > 0)
		ret = take(m, r, &rec);
	if (!ret && !got)
		ret = hung(m, "the host's wake-ups");
	else if (!ret && !r->has_hist)
		ret = GUEST_FAIL(m->bench,
				 "the host's wake-ups gave no result (see job-output.log)");
	record_stream_free(&in);
	return ret;
}

static int follow_hackbench(struct guest_measurement *m, struct result *r, pid_t pid, int out)
{
	char text[TEXT_MAX];
	size_t used = 0;
	ssize_t n;

	while (used < sizeof(text) && (n = read(out, text + used, sizeof(text) - used)) > 0)
		used += n;
	close(out);
	if (proc_wait(pid, 1000))
		return GUEST_FAIL(m->bench, "the host's hackbench failed");
	read_time(r, text, used);
	return 0;
}

/* A busy loop at normal priority, and a real-time task with a timer: boosts, if there are any. */
static int load_guest(struct guest_measurement *m, struct latency *load)
{
	const struct guest_bench *b = m->bench;

	*load = (struct latency){ .hogs = b->boot.vcpus,
				  .seconds = b->seconds + LOAD_EXTRA_S,
				  .interval_us = LOAD_INTERVAL_US,
				  .result_limit = b->result_limit };
	if (latency_start(load, m->vm))
		return GUEST_FAIL(m->bench, "%s", load->error);
	usleep(LOAD_BEGINS_US);
	return 0;
}

static int run_on_host(struct guest_measurement *m, struct result *r)
{
	const struct sched *s = m->bench->arg;
	struct command c;
	int ret, out;
	pid_t pid;

	describe(&c, m, s->program);
	if (!is_wakeup(m))
		guest_measure_begin(m);
	pid = start(c.argv, &out);
	if (pid < 0)
		return GUEST_FAIL(m->bench, "cannot start %s", c.argv[0]);
	ret = is_wakeup(m) ? follow_records(m, r, out) : follow_hackbench(m, r, pid, out);
	if (!is_wakeup(m))
		guest_measure_end(m);
	proc_kill_group(pid);
	return ret;
}

static int measure_on_host(struct guest_measurement *m, struct result *r)
{
	long long begin = proc_now_ns(), ns;
	struct latency load;
	int ret;

	if (load_guest(m, &load))
		return -1;
	ret = run_on_host(m, r);
	ns = proc_now_ns() - begin;
	if (latency_finish(&load, m->vm) && !ret)
		ret = GUEST_FAIL(m->bench, "%s", load.error);
	if (load.has_hist)
		hist_free(&load.hist);
	if (!ret && ns > load.seconds * 1000000000ll)
		ret = GUEST_FAIL(m->bench,
				 "%s took %.1f s, and the guest's load only %d: fewer --loops",
				 m->guest_case->name, ns / 1e9, load.seconds);
	return ret;
}

static int send_wakeups(struct guest_measurement *m, const struct hist *h)
{
	const char *who = on_host(m) ? "host" : "guest";
	json_t *metrics = json_object(), *refs = json_object();
	char name[200];

	snprintf(name, sizeof(name), "hist/sched-%s-%s-%d-%s.hist", m->guest_case->name,
		 m->mode->name, m->repeat, who);
	latency_metrics(metrics, who, h);
	if (!on_host(m)) {
		json_object_set_new(metrics, "samples", json_integer(h->samples));
		json_object_set_new(metrics, "overflow", json_integer(h->overflow));
	}
	if (!latency_send(m->bench->record_fd, name, who, h, refs))
		return guest_measure_send(m, metrics, refs, NULL);
	json_decref(metrics);
	json_decref(refs);
	return GUEST_FAIL(m->bench, "cannot send %s", name);
}

static int send_hackbench(struct guest_measurement *m, double work_s)
{
	const struct sched *s = m->bench->arg;
	json_t *metrics = json_object();

	driver_metric(metrics, "work_s", work_s);
	driver_metric(metrics, "messages_per_s",
		      (double)HACKBENCH_MESSAGES * s->groups * s->loops / work_s);
	return guest_measure_send(m, metrics, NULL, NULL);
}

int measure(struct guest_measurement *m)
{
	struct result r = { .has_hist = false };
	int ret = (on_host(m) ? measure_on_host : measure_in_guest)(m, &r);

	if (!ret && is_wakeup(m))
		ret = r.has_hist ? send_wakeups(m, &r.hist) :
				   GUEST_FAIL(m->bench, "no result of the wake-ups");
	else if (!ret)
		ret = r.work_s > 0 ? send_hackbench(m, r.work_s) :
				     GUEST_FAIL(m->bench, "hackbench said no time");
	if (r.has_hist)
		hist_free(&r.hist);
	return ret;
}
