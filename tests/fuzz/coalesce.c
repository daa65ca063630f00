// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU's coalescing decision on any limits, facts, loads and clocks: what its header promises has
 * to hold, and nobody may wait longer than the cap.
 *
 * With a fuzzer: clang -fsanitize=fuzzer,address,undefined -I. tests/fuzz/coalesce.c.
 * Without: tests/unit/coalesce_fuzz.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/coalesce.h"

#define STEPS 64

struct step {
	uint64_t time;
	uint64_t slice_left_ns;
	uint32_t inflight, turn;
	uint8_t valid, running;
	uint8_t flush, other; /* flush what is held; change the limits */
};

struct input {
	struct {
		uint64_t epoch_ns, max_ns, cutoff_ns;
		uint32_t inflight, iops, rate_hz;
		uint8_t policy, stream;
	} limits[2];
	struct step steps[STEPS];
};

/* A queue as its owner sees it: what waits since when. */
struct queue {
	struct coop_coalesce s;
	uint32_t waiting;
	uint64_t since, until, clock;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "coalesce: %s\n", what);
	abort();
}

static struct coop_coalesce_limits limits_of(const struct input *in, int i)
{
	return (struct coop_coalesce_limits){ .policy = in->limits[i].policy %
							COOP_COALESCE_POLICY_NR,
					      .stream = in->limits[i].stream & 1,
					      .inflight = in->limits[i].inflight,
					      .iops = in->limits[i].iops,
					      .rate_hz = in->limits[i].rate_hz,
					      .epoch_ns = in->limits[i].epoch_ns,
					      .max_ns = in->limits[i].max_ns,
					      .cutoff_ns = in->limits[i].cutoff_ns };
}

static void check_hold(const struct queue *q, const struct coop_coalesce_limits *l,
		       const struct coop_slice_facts *facts, const struct step *step)
{
	bool aware = facts->valid &&
		     (l->policy == COOP_COALESCE_SLICE || l->policy == COOP_COALESCE_AUTO);

	require(l->policy != COOP_COALESCE_OFF, "off holds");
	require(l->max_ns, "holds although the cap is 0");
	require(q->until > step->time, "holds until a time that has passed");
	require(q->until - q->since <= l->max_ns, "holds beyond the cap");
	require(q->waiting < COOP_COALESCE_BATCH_MAX, "holds too many");
	require(step->time >= q->clock, "holds although the clock went back");
	if (!l->stream)
		require(step->inflight && step->inflight >= l->inflight,
			"holds with few in flight");
	require(l->policy == COOP_COALESCE_RATE ||
			q->until - step->time <= coop_coalesce_pause(&q->s, l),
		"holds beyond a pause");
	if (!aware)
		return;
	require(facts->running, "holds for a preempted vCPU");
	if (facts->slice_left_ns == UINT64_MAX)
		return;
	require(facts->slice_left_ns > l->cutoff_ns, "holds after the cut-off");
	require(q->until - step->time <= facts->slice_left_ns - l->cutoff_ns,
		"holds beyond the cut-off");
}

static void complete(struct queue *q, const struct coop_coalesce_limits *l, const struct step *step)
{
	const struct coop_slice_facts facts = { step->valid & 1, step->running & 1,
						step->slice_left_ns };
	struct coop_coalesce_decision d;

	q->since = q->waiting ? q->since : step->time;
	q->waiting++;
	d = coop_coalesce_complete(&q->s, l, &facts, step->inflight, step->turn, step->time);
	require(d.reason < COOP_COALESCE_REASON_NR, "no such reason");
	q->until = d.until_ns;
	if (d.reason == COOP_COALESCE_HOLD) {
		require(q->s.held == q->waiting, "miscounts what it holds");
		check_hold(q, l, &facts, step);
	} else {
		require(!q->s.held, "delivers a part");
		q->waiting = 0;
	}
	require(coop_coalesce_worth_boost(&q->s) || q->s.iops, "no load, and not worth a boost");
	q->clock = step->time;
}

/* What the queue's owner does: the timer in time, then a completion or a flush. */
static void run_step(struct queue *q, const struct coop_coalesce_limits *l, const struct step *step)
{
	if (q->waiting && step->time >= q->until) {
		require(coop_coalesce_expire(&q->s, q->until) != COOP_COALESCE_HOLD,
			"nothing held when its time is up");
		q->waiting = 0;
	}
	if (!(step->flush % 8)) {
		require(coop_coalesce_flush(&q->s, step->time) == !!q->waiting,
			"a flush that does not know what is held");
		q->waiting = 0;
	}
	require(q->waiting || coop_coalesce_expire(&q->s, step->time) == COOP_COALESCE_HOLD,
		"delivers what is not held");
	complete(q, l, step);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct coop_coalesce_limits limits[2];
	struct queue q = { 0 };
	struct input in;

	memset(&in, 0, sizeof(in));
	memcpy(&in, data, size < sizeof(in) ? size : sizeof(in));
	limits[0] = limits_of(&in, 0);
	limits[1] = limits_of(&in, 1);
	for (int i = 0; i < STEPS; i++)
		run_step(&q, &limits[!(in.steps[i].other % 16)], &in.steps[i]);
	return 0;
}
