// SPDX-License-Identifier: GPL-2.0
/*
 * coop-bench-isolation: what an abusive guest can do to those that share its pCPU: two co-tenants,
 * an honest latency-sensitive guest, and an urgent task of the host.
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/isolation/bench.h"
#include "lab/lib/proc.h"

/* Measured under TCG: boot and power off of the guests, and what a case takes beside its seconds. */
#define EXPECT_BOOT 12
#define EXPECT_CASE 6
#define COTENANTS 2

bool case_applies(const struct mode *mode, const struct bench_case *c)
{
	return mode->coop || !c->abuse;
}

static int count_cases(const struct options *o)
{
	int n = 0;

	for (int m = 0; m < o->modes.n; m++)
		for (int c = 0; c < o->cases.n; c++)
			n += case_applies(o->modes.chosen[m], o->cases.chosen[c]);
	return n * o->repeat;
}

/* The host only has to survive. */
static int abuse(struct bench *b, const struct bench_case *c, int round)
{
	int ret = abuse_begin(b, c, round);

	if (ret)
		return ret;
	vmload_resume(&b->load);
	sleep(b->o->seconds);
	vmload_pause(&b->load);
	return abuse_end(b);
}

int measure_mode(struct bench *b, const struct mode *mode, int round)
{
	const struct options *o = b->o;
	int ret;

	record_progress(b->record_fd, b->done, b->total, "%s, round %d: booting guests", mode->name,
			round);
	ret = guests_boot(b, mode, round);
	for (int i = 0; i < o->cases.n && !ret; i++) {
		const struct bench_case *c = o->cases.chosen[i];

		if (!case_applies(mode, c))
			continue;
		record_progress(b->record_fd, b->done, b->total, "%s, round %d: %s", mode->name,
				round, c->name);
		ret = o->abuse_only ? abuse(b, c, round) : measure_case(b, mode, c, round);
		b->done += !ret;
	}
	if (mode->coop && b->abuser.pid > 0)
		driver_send_counters(b->record_fd, &b->abuser);
	if (mode->coop && b->honest.pid > 0)
		driver_send_counters(b->record_fd, &b->honest);
	if (!ret)
		return guests_quit(b);
	guests_kill(b);
	return ret;
}

static int measure(void *arg, const void *entry, int round)
{
	const struct mode *mode = entry;
	struct bench *b = arg;

	if (!measure_mode(b, mode, round))
		return 0;
	record_verdict(b->record_fd, false, "mode %s, round %d: %s (%d of %d measured)", mode->name,
		       round, b->error, b->done, b->total);
	return -1;
}

static json_t *parameters(const struct options *o)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i}", "interval_us", o->interval_us, "seconds",
			 o->seconds, "repeat", o->repeat, "vcpus", 1, "cotenants", COTENANTS);
}

static bool needs_switch(const struct options *o)
{
	for (int i = 0; i < o->modes.n; i++) {
		const struct mode *mode = o->modes.chosen[i];

		if (mode->coop)
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
	b.total = count_cases(&o);
	if (!b.total) {
		fprintf(stderr, "coop: there is nothing to abuse in these modes: add mode coop\n");
		return 2;
	}
	if (driver_check_machine())
		return 2;
	if (needs_switch(&o) && driver_switch(true)) {
		fprintf(stderr,
			"coop: this host kernel has no kvm-coop: leave out the coop modes\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	b.record_fd = record_fd();
	record_expect(b.record_fd,
		      o.repeat * o.modes.n * EXPECT_BOOT + b.total * (o.seconds + EXPECT_CASE));
	if (driver_send_parameters(b.record_fd, parameters(&o)))
		return 1;
	ret = vmload_start(&b.load, COTENANTS, CPU_GUEST);
	if (ret)
		record_verdict(b.record_fd, false,
			       "the co-tenants do not start (see job-output.log)");
	else
		ret = driver_rounds(&o.modes, o.repeat, measure, &b);
	if (!ret)
		record_verdict(b.record_fd, true, "%d cases", b.done);
	vmload_kill(&b.load);
	return ret ? 1 : 0;
}
