// SPDX-License-Identifier: GPL-2.0
/*
 * coop-bench-cyclictest: a guest's timer latency, and what its neighbours pay for it, mode
 * against mode.
 */
#include <stdio.h>

#include "bench/cyclictest/bench.h"

/* Measured under TCG: what a case takes beside its seconds. */
#define EXPECT_CASE 1

int main(int argc, char **argv)
{
	struct options o;
	struct guest_bench b;
	int ret = options_parse(&b, &o, argc, argv);

	if (ret)
		return ret < 0 ? 2 : 0;
	b.measure = measure;
	b.expect_s = EXPECT_CASE;
	b.cotenants = o.host_cyclictest ? COTENANTS - 1 : COTENANTS;
	return guest_bench_run(&b, json_pack("{s:i, s:i, s:i, s:i, s:i, s:b}", "interval_us",
					     o.interval_us, "seconds", b.seconds, "repeat",
					     b.repeat, "vcpus", b.boot.vcpus, "cotenants",
					     COTENANTS, "host_cyclictest", o.host_cyclictest));
}
