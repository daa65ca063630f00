// SPDX-License-Identifier: GPL-2.0
/*
 * coop-bench-blk: what holding back completion interrupts does to a guest's block requests: their
 * number, their latency, and the CPU time they take.
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>

#include "bench/blk/bench.h"
#include "lab/lib/record.h"

#define EXPECT_BOOT 8
#define EXPECT_CASE 3

static int measure(void *arg, const void *entry, int round)
{
	const struct mode *mode = entry;
	struct bench *b = arg;

	if (!measure_mode(b, mode, round))
		return 0;
	record_verdict(b->record_fd, false, "mode %s, round %d: %s", mode->name, round, b->error);
	return -1;
}

static json_t *parameters(const struct options *o)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:s, s:i, s:i, s:b, s:i, s:i, s:i}", "repeat",
			 o->repeat, "seconds", o->seconds, "rate", o->rate, "cotenants",
			 o->cotenants, "backend", o->file ? "file" : "null", "latency_us",
			 o->latency_us, "disk_iops", o->disk_iops, "iothread", o->iothread,
			 "coalesce_inflight", o->inflight, "coalesce_iops", o->iops,
			 "coalesce_max_us", o->max_us);
}

static bool needs(const struct options *o, enum scenario scenario)
{
	for (int i = 0; i < o->ncases; i++)
		if (o->cases[i].scenario == scenario)
			return true;
	return false;
}

static bool needs_coop(const struct options *o)
{
	for (int i = 0; i < o->modes.n; i++) {
		const struct mode *mode = o->modes.chosen[i];

		if (mode->coop || mode->facts)
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct options o;
	struct bench b = { .o = &o };
	int ret = options_parse(&o, argc, argv);

	if (ret)
		return ret < 0 ? 2 : 0;
	if (driver_check_machine())
		return 2;
	if (needs_coop(&o) && driver_switch(true)) {
		fprintf(stderr, "coop: this host kernel has no kvm-coop\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	b.record_fd = record_fd();
	b.total = o.repeat * o.modes.n * o.ncases;
	record_expect(b.record_fd,
		      o.repeat * o.modes.n * EXPECT_BOOT + b.total * (o.seconds + EXPECT_CASE));
	if (driver_send_parameters(b.record_fd, parameters(&o)))
		return 1;
	if (needs(&o, SCENARIO_HOGS) && vmload_start(&b.load, o.cotenants, CPU_GUEST)) {
		record_verdict(b.record_fd, false,
			       "the co-tenants do not start (see job-output.log)");
		return 1;
	}
	ret = driver_rounds(&o.modes, o.repeat, measure, &b);
	if (!ret)
		record_verdict(b.record_fd, true, "%d measurements", b.done);
	vmload_kill(&b.load);
	return ret;
}
