// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/lib/driver.h"
#include "bench/lib/histrecord.h"
#include "bench/lib/latency.h"
#include "lab/lib/proc.h"

/*
 * 100 ms, twice the hole that RT throttling makes. cyclictest prints all of them, which takes L2
 * seconds under nested emulation; what is longer is counted as an overflow, its maximum is exact.
 */
#define BUCKETS "100000"

#define MS_NS 1000000ll

#define FAIL(l, ...) (snprintf((l)->error, sizeof((l)->error), __VA_ARGS__), -1)

int latency_start(struct latency *l, struct vm *vm)
{
	char hogs[16], seconds[16], interval[16], threads[16];
	/* With several threads: each on a CPU of its own (-a), all at the same interval (-d 0). */
	char *several = l->threads > 1 ? "-a" : NULL;
	char *argv[] = { "@cyclictest", hogs, "-q",    "-D",	seconds, "-i", interval, "-m", "-p",
			 "80",		"-h", BUCKETS, threads, several, "-d", "0",	 NULL };

	snprintf(hogs, sizeof(hogs), "%d", l->hogs);
	snprintf(seconds, sizeof(seconds), "%d", l->seconds);
	snprintf(interval, sizeof(interval), "%d", l->interval_us);
	snprintf(threads, sizeof(threads), "-t%d", l->threads > 1 ? l->threads : 1);
	return vm_job(vm, argv) ? FAIL(l, "%s", vm->error) : 0;
}

static int read_hist(struct latency *l, const struct record *rec)
{
	l->has_hist = !hist_receive(&l->hist, rec, l->error, sizeof(l->error));
	return l->has_hist ? 0 : -1;
}

/* Where the measurement is; next_tick is 0 if it does not tick. */
struct state {
	long long limit, next_tick;
	bool ended;
};

static void progress(struct latency *l, struct state *s, bool ended)
{
	s->ended = ended;
	if (ended)
		s->next_tick = 0;
	if (ended && l->end)
		l->end(l->arg);
	if (!ended && l->begin)
		l->begin(l->arg);
}

static int hung(struct latency *l, const struct state *s)
{
	l->hung = true;
	return FAIL(l, "L2 hung %s: no result %d s after it should have ended",
		    s->ended ? "after the measurement" : "in the measurement", l->result_limit);
}

/* The next record, or NULL after a tick. -1 after a failure. */
static int next(struct latency *l, struct vm *vm, struct state *s, struct record *rec)
{
	long long until = s->next_tick ? s->next_tick : s->limit;
	int ret = vm_next(vm, (until - proc_now_ns()) / MS_NS + 1, rec);

	if (ret < 0)
		return FAIL(l, "%s", vm->error);
	if (!ret && proc_now_ns() > s->limit)
		return hung(l, s);
	if (!ret && s->next_tick && proc_now_ns() >= s->next_tick) {
		s->next_tick += l->tick_ms * MS_NS;
		l->tick(l->arg);
	}
	return ret;
}

int latency_finish(struct latency *l, struct vm *vm)
{
	long long now = proc_now_ns();
	struct state s = { .limit = now + (l->seconds + l->result_limit) * 1000 * MS_NS,
			   .next_tick = l->tick_ms ? now + l->tick_ms * MS_NS : 0 };
	struct record rec;
	int ret = 0;

	while (!ret) {
		ret = next(l, vm, &s, &rec);
		if (ret <= 0)
			continue;
		ret = 0;
		if (rec.type == RECORD_PROGRESS)
			progress(l, &s, rec.done);
		else if (rec.type == RECORD_FILE && !strcmp(rec.text, "guest.hist"))
			ret = read_hist(l, &rec);
		else if (rec.type == RECORD_VERDICT)
			return rec.pass && l->has_hist ? 0 : FAIL(l, "L2: %s", rec.text);
	}
	return ret;
}

int latency_measure(struct latency *l, struct vm *vm)
{
	return latency_start(l, vm) ? -1 : latency_finish(l, vm);
}

static void add_number(json_t *metrics, const char *who, const char *name, double value)
{
	char key[64];

	snprintf(key, sizeof(key), "%s_%s_us", who, name);
	json_object_set_new(metrics, key, json_real(value));
}

static double percentile(const struct hist *h, uint32_t ppm)
{
	uint64_t us = 0;

	hist_percentile(h, ppm, &us);
	return us;
}

void latency_metrics(json_t *metrics, const char *who, const struct hist *h)
{
	add_number(metrics, who, "min", h->min_us);
	add_number(metrics, who, "avg", hist_mean(h));
	add_number(metrics, who, "p50", percentile(h, HIST_P50));
	add_number(metrics, who, "p99", percentile(h, HIST_P99));
	add_number(metrics, who, "p999", percentile(h, HIST_P999));
	add_number(metrics, who, "max", h->max_us);
}

void latency_request_metrics(json_t *metrics, const struct hist *h)
{
	driver_metric(metrics, "p50_us", percentile(h, HIST_P50));
	driver_metric(metrics, "p99_us", percentile(h, HIST_P99));
	driver_metric(metrics, "p999_us", percentile(h, HIST_P999));
	driver_metric(metrics, "guest_max_us", h->max_us);
	json_object_set_new(metrics, "samples", json_integer(h->samples));
	json_object_set_new(metrics, "overflow", json_integer(h->overflow));
}

int latency_send(int record_fd, const char *name, const char *who, const struct hist *h,
		 json_t *refs)
{
	json_object_set_new(refs, who, json_string(name));
	return hist_send(record_fd, name, h);
}
