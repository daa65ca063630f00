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
#define QUIT_LIMIT_MS 30000

/* Of the fair share: the rest is for co-tenants that make it slower, and the guest's own load. */
#define ROOM 0.6

static void begin(void *arg)
{
	guest_measure_begin(arg);
}

static void end(void *arg)
{
	guest_measure_end(arg);
}

static int probe(struct guest_measurement *m)
{
	struct guest_bench *b = m->bench;
	struct latency l = { .seconds = PROBE_SECONDS,
			     .interval_us = intervals_us[0],
			     .threads = 1,
			     .result_limit = b->result_limit,
			     .begin = begin,
			     .end = end,
			     .arg = m };
	int ret = latency_measure(&l, m->vm);

	if (l.has_hist)
		hist_free(&l.hist);
	return ret ? GUEST_FAIL(b, "%s", l.error) : 0;
}

/* The part of a pCPU that the task takes at the shortest interval, or -1. */
static double task_share(struct guest_bench *b)
{
	struct vm vm;
	struct guest_measurement m = { .bench = b, .vm = &vm, .mode = &guest_modes[0] };
	int ret;

	b->boot.name = "interval";
	ret = guest_boot(&vm, m.mode, &b->boot, &b->hung);
	if (ret)
		(void)GUEST_FAIL(b, "%s", vm.error);
	usleep(SETTLE_US);
	if (!ret)
		ret = probe(&m);
	if (ret)
		vm_kill(&vm);
	else if (vm_quit(&vm, QUIT_LIMIT_MS))
		ret = GUEST_FAIL(b, "%s", vm.error);
	return ret ? -1 : (double)m.vcpu_ns / m.wall_ns;
}

int choose_interval(struct guest_bench *b, json_t *parameters)
{
	struct options *o = b->arg;
	double share, most = ROOM / (b->cotenants + 1);
	int i = 0;

	if (o->nmatrix || o->interval_us)
		return 0;
	record_progress(b->record_fd, 0, b->total, "choosing the interval");
	share = task_share(b);
	if (share < 0)
		return -1;
	while (i < INTERVALS - 1 && share * intervals_us[0] / intervals_us[i] > most)
		i++;
	o->interval_us = intervals_us[i];
	json_object_set_new(parameters, "interval_us", json_integer(o->interval_us));
	json_object_set_new(parameters, "task_share_at_2170_us", json_real(share));
	return 0;
}
