// SPDX-License-Identifier: GPL-2.0
/* One case: who gets how much of the pCPU, and how late the two cyclictests are. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/isolation/bench.h"
#include "bench/isolation/stall.h"
#include "bench/lib/fairshare.h"
#include "bench/lib/latency.h"
#include "lab/lib/proc.h"

#define WINDOW_MS 1000
/* From the start of the load the honest guest has its seconds and this to start cyclictest. */
#define GRACE_WINDOWS 5
/* Above all that kvm-coop boosts to; the host's own urgent task. */
#define HOST_PRIORITY 90
/* No multiple of the tick, as little as the honest guest's. */
#define HOST_INTERVAL_US 10850
/* Of a case whose every window fell into a stall. */
#define TRIES 3
/* For the load to settle: part of no window. */
#define SETTLE_US 300000

struct measurement {
	struct bench *bench;
	const struct mode *mode;
	struct fairshare fair;
	struct fairshare_sample begin, last;
	struct stall stall;
	long long settled_at; /* CLOCK_MONOTONIC, ns; see is_stalled() */
	unsigned int stalled; /* windows */
	int discarded; /* tries before this one, with all they measured */
	long long exits, wall_ns, abuser_ns, honest_ns;
	pid_t host, host_tid;
	int host_out;
	struct latency honest;
	struct hist host_hist;
	bool has_host, ended, starved;
};

static void take_sample(const struct measurement *m, struct fairshare_sample *s)
{
	const struct bench *b = m->bench;

	s->wall = proc_now_ns();
	for (unsigned int i = 0; i < b->load.n; i++)
		s->cotenant[i] = vmload_cotenant_ns(&b->load, i);
	s->above = proc_thread_ns(m->host, m->host_tid) +
		   proc_thread_ns(getpid(), atomic_load(&m->stall.tid));
	s->light = vm_vcpus_ns(&b->honest);
	s->aggressors = vm_vcpus_ns(&b->abuser);
}

/*
 * Who was charged for a stall has had the time of several turns, and waits until each of the others
 * has had as much: neither that window nor those until then tell what is fair.
 *
 * Without the charge the co-tenants may starve, and then the host's fair server runs them before
 * everybody else, for longer than a stall is; that is no reason to overlook the theft.
 */
static bool is_stalled(struct measurement *m, const struct fairshare_sample *now)
{
	const struct fairshare *f = &m->fair;
	long long worst = stall_worst_ns(&m->stall);
	long long settled_at = now->wall + worst * (f->cotenants + f->aggressors + f->light);
	bool stalled = worst > STALL_NS && !m->mode->uncharged;

	if (stalled && settled_at > m->settled_at)
		m->settled_at = settled_at;
	return stalled || m->last.wall < m->settled_at;
}

static void interval_begin(struct measurement *m)
{
	m->exits = vm_stat(&m->bench->abuser, "exits");
	take_sample(m, &m->begin);
	is_stalled(m, &m->begin);
	m->last = m->begin;
}

/* What is left of a window does not count. The honest guest needs the pCPU to print its result. */
static void interval_end(void *arg)
{
	struct measurement *m = arg;
	struct fairshare_sample now;

	if (m->ended)
		return;
	m->ended = true;
	take_sample(m, &now);
	m->wall_ns = now.wall - m->begin.wall;
	m->abuser_ns = now.aggressors - m->begin.aggressors;
	m->honest_ns = now.light - m->begin.light;
	m->exits = vm_stat(&m->bench->abuser, "exits") - m->exits;
	vmload_pause(&m->bench->load);
	vm_stop(&m->bench->abuser);
}

/* A guest that gets no time does not end: what it says after the load has gone means nothing. */
static void interval_tick(void *arg)
{
	struct measurement *m = arg;
	struct fairshare_sample now, window;

	if (m->ended)
		return;
	take_sample(m, &now);
	fairshare_subtract(&window, &now, &m->last, m->fair.cotenants);
	if (is_stalled(m, &now))
		m->stalled++;
	else
		fairshare_add(&m->fair, &window);
	m->last = now;
	if (m->fair.windows + m->stalled < (unsigned int)m->bench->o->seconds + GRACE_WINDOWS)
		return;
	m->starved = true;
	interval_end(m);
}

static int host_begin(struct bench *b, struct measurement *m)
{
	m->host = vmload_cyclictest_fifo(CPU_GUEST, CPU_REST, HOST_PRIORITY, HOST_INTERVAL_US,
					 &m->host_out, &m->host_tid);
	return m->host > 0 ? 0 : FAIL(b, "the host's cyclictest does not start");
}

static int host_end(struct bench *b, struct measurement *m)
{
	struct hist_error err = { 0 };

	if (m->host <= 0)
		return 0;
	vmload_cyclictest_end(m->host);
	m->has_host = !vmload_cyclictest_result(m->host, m->host_out, &m->host_hist, &err);
	return m->has_host ? 0 : FAIL(b, "the host's cyclictest, line %lu: %s", err.line, err.text);
}

static int run_load(struct bench *b, struct measurement *m)
{
	const struct options *o = b->o;

	m->honest = (struct latency){ .seconds = o->seconds,
				      .interval_us = o->interval_us,
				      .result_limit = o->result_limit,
				      .tick = interval_tick,
				      .tick_ms = WINDOW_MS,
				      .end = interval_end,
				      .arg = m };
	vmload_resume(&b->load);
	usleep(SETTLE_US);
	interval_begin(m);
	return latency_measure(&m->honest, &b->honest) ? FAIL(b, "honest: %s", m->honest.error) : 0;
}

static void add_number(json_t *metrics, const char *name, double value)
{
	json_object_set_new(metrics, name, json_real(value));
}

static json_t *make_metrics(const struct measurement *m)
{
	const struct hist *h = &m->honest.hist;
	json_t *metrics = json_object();

	add_number(metrics, "cotenant_fair_ratio_min", m->fair.min);
	add_number(metrics, "cotenant_fair_ratio_mean", m->fair.mean);
	add_number(metrics, "cotenant_maxmin_ratio_min", m->fair.maxmin_min);
	add_number(metrics, "stalled_windows_count", m->stalled);
	add_number(metrics, "discarded_tries_count", m->discarded);
	add_number(metrics, "abuser_share", (double)m->abuser_ns / m->wall_ns);
	add_number(metrics, "honest_share", (double)m->honest_ns / m->wall_ns);
	add_number(metrics, "exits_per_s", m->exits * 1e9 / m->wall_ns);
	latency_metrics(metrics, "host", &m->host_hist);
	add_number(metrics, "honest_starved_count", m->starved);
	if (m->starved)
		return metrics;
	latency_metrics(metrics, "honest", h);
	json_object_set_new(metrics, "samples", json_integer(h->samples));
	json_object_set_new(metrics, "overflow", json_integer(h->overflow));
	return metrics;
}

static int send_hist(struct bench *b, const char *who, const char *which, const struct hist *h,
		     json_t *refs)
{
	char name[200];

	snprintf(name, sizeof(name), "hist/isolation-%s-%s.hist", which, who);
	return latency_send(b->record_fd, name, who, h, refs) ? FAIL(b, "cannot send %s", name) : 0;
}

static int send_run(struct bench *b, const struct measurement *m, const struct mode *mode,
		    const struct bench_case *c, int round)
{
	json_t *refs = json_object(), *run;
	char which[100];

	snprintf(which, sizeof(which), "%s-%s-%d", c->name, mode->name, round);
	if ((!m->starved && send_hist(b, "honest", which, &m->honest.hist, refs)) ||
	    send_hist(b, "host", which, &m->host_hist, refs)) {
		json_decref(refs);
		return -1;
	}
	run = json_pack("{s:s, s:s, s:s, s:i, s:o, s:o}", "bench", "isolation", "mode", mode->name,
			"case", c->name, "repeat", round, "metrics", make_metrics(m), "histograms",
			refs);
	return driver_send_run(b->record_fd, run) ? FAIL(b, "cannot send a result") : 0;
}

static void measurement_free(struct measurement *m)
{
	if (m->honest.has_hist)
		hist_free(&m->honest.hist);
	if (m->has_host)
		hist_free(&m->host_hist);
}

static int measure_once(struct bench *b, struct measurement *m, const struct bench_case *c,
			int round)
{
	int ret = abuse_begin(b, c, round);

	if (!ret && stall_begin(&m->stall, CPU_GUEST))
		ret = FAIL(b, "no thread to watch the pCPU: %s", strerror(errno));
	if (!ret)
		ret = host_begin(b, m);
	if (!ret)
		ret = run_load(b, m);
	stall_end(&m->stall);
	vmload_pause(&b->load);
	vm_cont(&b->abuser);
	if (host_end(b, m))
		ret = -1;
	return ret ? ret : abuse_end(b);
}

int measure_case(struct bench *b, const struct mode *mode, const struct bench_case *c, int round)
{
	for (int try = 0; try < TRIES; try++) {
		struct measurement m = {
			.bench = b,
			.mode = mode,
			.discarded = try,
			.fair = { .cotenants = b->load.n, .aggressors = c->vcpus, .light = 1 },
		};
		int ret = measure_once(b, &m, c, round);
		bool whole = m.fair.windows;

		if (!ret && whole)
			ret = send_run(b, &m, mode, c, round);
		measurement_free(&m);
		if (ret || whole)
			return ret;
	}
	return FAIL(b, "the pCPU stood still in every second: the machine is too busy");
}
