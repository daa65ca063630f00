// SPDX-License-Identifier: GPL-2.0
/*
 * coop-bench-cyclictest: a guest's timer latency, and what its neighbours pay for it, mode
 * against mode.
 */
#include <stdio.h>

#include "bench/cyclictest/bench.h"

/* Measured under TCG: what a case takes beside its seconds. */
#define EXPECT_CASE 1

/* What the report has to know beside the results. */
static json_t *parameters(const struct guest_bench *b, const struct options *o)
{
	json_t *p = json_pack("{s:i, s:i, s:i, s:i, s:b}", "seconds", b->seconds, "repeat",
			      b->repeat, "vcpus", b->boot.vcpus, "cotenants", b->cotenants,
			      "host_cyclictest", o->host_cyclictest);

	/* The matrix has its intervals in the names of its cases. */
	if (p && !o->nmatrix && o->interval_us)
		json_object_set_new(p, "interval_us", json_integer(o->interval_us));
	return p;
}

int main(int argc, char **argv)
{
	struct options o;
	struct guest_bench b;
	int ret = options_parse(&b, &o, argc, argv);
	json_t *p;

	if (ret)
		return ret < 0 ? 2 : 0;
	b.measure = measure;
	b.prepare = choose_interval;
	b.expect_s = EXPECT_CASE;
	p = parameters(&b, &o);
	if (o.host_cyclictest)
		b.cotenants--;
	return guest_bench_run(&b, p);
}
