// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stddef.h>

#include "tools/coopstat/coopstat.h"

static const struct sample *back(const struct history *h, unsigned int steps)
{
	return &h->sample[(h->n - 1 - steps) % HISTORY];
}

const struct sample *history_last(const struct history *h)
{
	return h->n ? back(h, 0) : NULL;
}

void history_add(struct history *h, const struct sample *s)
{
	h->sample[h->n++ % HISTORY] = *s;
}

/* The youngest that is old enough, or the oldest of all. */
static const struct sample *reference(const struct history *h, int64_t average_ns)
{
	unsigned int steps = 1, kept = h->n < HISTORY ? h->n : HISTORY;

	while (steps + 1 < kept && back(h, 0)->at_ns - back(h, steps)->at_ns < average_ns)
		steps++;
	return back(h, steps);
}

/* Counters start over with a new vCPU of the same number. */
static uint64_t since(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : 0;
}

static double per(double value, uint64_t n)
{
	return n ? value / n : 0;
}

bool history_rates(const struct history *h, int64_t average_ns, struct rates *r)
{
	const struct sample *now, *before;
	double ns, run_ns, wait_ns;

	if (h->n < 2)
		return false;
	now = back(h, 0);
	before = reference(h, average_ns);
	ns = now->at_ns - before->at_ns;
	if (ns <= 0)
		return false;
	*r = (struct rates){ .seconds = ns / 1e9 };
	run_ns = since(now->run_ns, before->run_ns);
	wait_ns = since(now->wait_ns, before->wait_ns);
	r->running = run_ns / ns;
	/* The kernel counts a wait when it ends, so some of this one may lie before the time. */
	r->waiting = fmin(wait_ns / ns, fmax(1 - r->running, 0));
	r->blocked = fmax(1 - r->running - r->waiting, 0);
	r->executions = since(now->executions, before->executions);
	r->run_us = per(run_ns / 1e3, r->executions);
	r->wait_us = per(wait_ns / 1e3, r->executions);
	for (int i = 0; i < COUNTER_NR; i++)
		r->counter[i] = since(now->counter[i], before->counter[i]);
	r->boosted = r->counter[COUNTER_boosted_ns] / ns;
	return true;
}
