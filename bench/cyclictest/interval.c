// SPDX-License-Identifier: GPL-2.0
/*
 * --interval auto: a task that takes more of the pCPU than its fair share has to wait, however it
 * is scheduled, and an emulated processor's speed varies by a factor of three from hour to hour. So
 * measure first what the task takes, alone.
 */
#include <stdio.h>
#include <unistd.h>

#include "bench/cyclictest/bench.h"
#include "bench/lib/latency.h"
#include "lab/lib/record.h"

/* None is a multiple of the tick of 4 ms, and all have different phases. */
static const int intervals_us[] = { 2170, 5425, 10850, 21700 };

#define INTERVALS ((int)(sizeof(intervals_us) / sizeof(intervals_us[0])))

#define PROBE_SECONDS 2
#define SETTLE_US 300000

static void begin(void *arg)
{
	guest_measure_begin(arg);
}

static void end(void *arg)
{
	guest_measure_end(arg);
}

/* What part of a pCPU takes the task, at the shortest interval? */
static int probe(struct guest_measurement *m)
{
	struct guest_bench *b = m->bench;
	struct options *o = b->arg;
	struct latency l = { .seconds = PROBE_SECONDS,
			     .interval_us = intervals_us[0],
			     .threads = 1,
			     .result_limit = b->result_limit,
			     .begin = begin,
			     .end = end,
			     .arg = m };
	int ret;

	usleep(SETTLE_US);
	ret = latency_measure(&l, m->vm);
	if (l.has_hist)
		hist_free(&l.hist);
	if (ret)
		return GUEST_FAIL(b, "%s", l.error);
	o->task_share = (double)m->vcpu_ns / m->wall_ns;
	return 0;
}

int choose_interval(struct guest_bench *b, json_t *parameters)
{
	struct options *o = b->arg;

	if (o->nmatrix || o->interval_us)
		return 0;
	record_progress(b->record_fd, 0, b->total, "choosing the interval");
	if (guest_bench_with(b, &guest_modes[0], "interval", probe))
		return -1;
	o->interval_us = guest_bench_period(b, o->task_share, intervals_us, INTERVALS);
	json_object_set_new(parameters, "interval_us", json_integer(o->interval_us));
	json_object_set_new(parameters, "task_share_at_2170_us", json_real(o->task_share));
	return 0;
}
