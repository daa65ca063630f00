// SPDX-License-Identifier: GPL-2.0
/* One case: what is measured where, and over which interval. */
#include <stdio.h>

#include "bench/cyclictest/bench.h"
#include "bench/lib/latency.h"
#include "lab/lib/proc.h"

struct measurement {
	struct guest_measurement *m;
	const struct options *o;
	pid_t host;
	int host_out;
	struct latency guest;
	struct hist host_hist;
	bool has_host;
};

static int interval_us(const struct measurement *c)
{
	int variant = c->m->guest_case->variant;

	return variant ? variant : c->o->interval_us;
}

static void guest_begins(void *arg)
{
	struct measurement *c = arg;
	const struct options *o = c->o;

	if (o->nmatrix || (c->m->guest_case->cotenants && o->host_cyclictest))
		c->host = vmload_cyclictest(CPU_GUEST, c->m->bench->seconds, interval_us(c),
					    &c->host_out);
	guest_measure_begin(c->m);
}

static void guest_ended(void *arg)
{
	struct measurement *c = arg;

	guest_measure_end(c->m);
}

static int measure_guest(struct measurement *c)
{
	struct guest_bench *b = c->m->bench;

	c->guest = (struct latency){ .hogs = c->m->guest_case->hog ? b->boot.vcpus : 0,
				     .seconds = b->seconds,
				     .interval_us = interval_us(c),
				     .threads = c->o->nmatrix ? (int)b->boot.vcpus : 1,
				     .result_limit = b->result_limit,
				     .begin = guest_begins,
				     .end = guest_ended,
				     .arg = c };
	if (!latency_measure(&c->guest, c->m->vm))
		return 0;
	b->hung |= c->guest.hung;
	return GUEST_FAIL(b, "%s", c->guest.error);
}

static int host_result(struct measurement *c)
{
	struct hist_error err = { 0 };

	if (c->host <= 0)
		return 0;
	c->has_host = !vmload_cyclictest_result(c->host, c->host_out, &c->host_hist, &err);
	c->host = 0;
	return c->has_host ? 0 :
			     GUEST_FAIL(c->m->bench, "the host's cyclictest, line %lu: %s",
					err.line, err.text);
}

static int send_hist(struct measurement *c, const char *side, const struct hist *h, json_t *refs)
{
	const struct guest_measurement *m = c->m;
	char name[200];

	snprintf(name, sizeof(name), "hist/cyclictest-%s-%s-%d-%s.hist", m->guest_case->name,
		 m->mode->name, m->repeat, side);
	if (latency_send(m->bench->record_fd, name, side, h, refs))
		return GUEST_FAIL(m->bench, "cannot send %s", name);
	return 0;
}

static int send_run(struct measurement *c)
{
	const struct hist *h = &c->guest.hist;
	json_t *metrics = json_object(), *refs = json_object();
	int ret;

	latency_metrics(metrics, "guest", h);
	json_object_set_new(metrics, "samples", json_integer(h->samples));
	json_object_set_new(metrics, "overflow", json_integer(h->overflow));
	ret = send_hist(c, "guest", h, refs);
	if (!ret && c->has_host) {
		latency_metrics(metrics, "host", &c->host_hist);
		ret = send_hist(c, "host", &c->host_hist, refs);
	}
	if (!ret)
		return guest_measure_send(c->m, metrics, refs, NULL);
	json_decref(metrics);
	json_decref(refs);
	return ret;
}

int measure(struct guest_measurement *m)
{
	struct measurement c = { .m = m, .o = m->bench->arg };
	int ret = measure_guest(&c);

	guest_bench_pause(m->bench);
	if (!ret)
		ret = host_result(&c);
	if (!ret)
		ret = send_run(&c);
	proc_kill_group(c.host);
	if (c.guest.has_hist)
		hist_free(&c.guest.hist);
	if (c.has_host)
		hist_free(&c.host_hist);
	return ret;
}
