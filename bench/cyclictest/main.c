// SPDX-License-Identifier: GPL-2.0
/*
 * coop-bench-cyclictest: a guest's timer latency, and what its neighbours pay for it, mode
 * against mode.
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>

#include "bench/cyclictest/bench.h"

/* Measured under TCG: boot and power off of a guest, and what a case takes beside its seconds. */
#define EXPECT_BOOT 7
#define EXPECT_CASE 1
#define COTENANTS 2

static bool needs_cotenants(const struct options *o)
{
	for (int i = 0; i < o->cases.n; i++) {
		const struct bench_case *c = o->cases.chosen[i];

		if (c->cotenants)
			return true;
	}
	return false;
}

static int measure(void *arg, const void *entry, int round)
{
	const struct mode *mode = entry;
	struct bench *b = arg;

	if (!measure_mode(b, mode, round))
		return 0;
	record_verdict(b->record_fd, false, "mode %s, round %d: %s (%d of %d measured, %d hung)",
		       mode->name, round, b->error, b->done, b->total, b->hung);
	return -1;
}

/* What the report has to know beside the results. */
static int send_parameters(const struct bench *b)
{
	const struct options *o = b->o;

	return driver_send_parameters(b->record_fd,
				      json_pack("{s:i, s:i, s:i, s:i, s:i, s:b}", "interval_us",
						o->interval_us, "seconds", o->seconds, "repeat",
						o->repeat, "vcpus", o->vcpus, "cotenants",
						COTENANTS, "host_cyclictest", o->host_cyclictest));
}

/* The host's switch is off by default, like everything of kvm-coop. */
static int switch_on(const struct options *o)
{
	for (int i = 0; i < o->modes.n; i++) {
		const struct mode *mode = o->modes.chosen[i];

		if (mode->coop)
			return driver_switch(true);
	}
	return 0;
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
	if (switch_on(&o)) {
		fprintf(stderr,
			"coop: this host kernel has no kvm-coop: leave out the coop modes\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	b.record_fd = record_fd();
	b.total = o.repeat * o.modes.n * o.cases.n;
	record_expect(b.record_fd,
		      o.repeat * o.modes.n * (EXPECT_BOOT + o.cases.n * (o.seconds + EXPECT_CASE)));
	if (send_parameters(&b))
		return 1;
	if (needs_cotenants(&o) &&
	    vmload_start(&b.load, o.host_cyclictest ? COTENANTS - 1 : COTENANTS, CPU_GUEST)) {
		record_verdict(b.record_fd, false,
			       "the co-tenants do not start (see job-output.log)");
		ret = 1;
	} else if (driver_rounds(&o.modes, o.repeat, measure, &b)) {
		ret = 1;
	} else {
		record_verdict(b.record_fd, true, "%d measurements", b.done);
	}
	vmload_kill(&b.load);
	return ret;
}
