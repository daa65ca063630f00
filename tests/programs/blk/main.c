// SPDX-License-Identifier: GPL-2.0
/*
 * coop-test-blk: nothing is lost when completions are held. Runs in L1. While a guest checks what
 * it reads back from its disk, the VM is stopped and continued, the disk's block node drained, and
 * the policy changed, at random; the guest itself moves the interrupts from vCPU to vCPU. Then its
 * driver is taken away under load, bound again, and at last the disk is unplugged under load.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/iovm.h"
#include "bench/lib/driver.h"
#include "lab/lib/proc.h"
#include "lab/lib/record.h"
#include "lab/lib/rng.h"

#define VCPUS 2
/* Long, so that something is held most of the time. */
#define HOLD_US 30000
#define HOLD_STOPS 30
#define RESULT_LIMIT_MS 90000
#define QUIT_LIMIT_MS 20000

#define FAIL(t, ...) (snprintf((t)->vm.error, sizeof((t)->vm.error), __VA_ARGS__), -1)

struct test {
	struct iovm vm;
	int record_fd, seconds, seed;
	bool iothread;
	struct rng rng;
	int stops, drains, changes;
};

static const char usage[] = "usage: coop-test-blk [OPTION...]   runs in L1, as a job of coop-lab\n"
			    "  --seconds S   of disturbances (10)\n"
			    "  --seed N      of what comes when (1)\n"
			    "  --iothread    a thread of QEMU's for the disk, and irqfd\n";

static const struct option long_options[] = {
	{ "seconds", required_argument, NULL, 's' },
	{ "seed", required_argument, NULL, 'e' },
	{ "iothread", no_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_option(void *arg, int opt)
{
	struct test *t = arg;

	switch (opt) {
	case 's':
		return proc_option_number("seconds", optarg, 1, 3600, &t->seconds);
	case 'e':
		return proc_option_number("seed", optarg, 0, 1000000000, &t->seed);
	case 't':
		t->iothread = true;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return -1;
}

static int change_policy(struct test *t)
{
	static const char *const policies[] = { "off", "rate", "vic", "slice", "auto", "vic" };
	const char *policy = policies[rng_below(&t->rng, 6)];

	t->changes++;
	if (iovm_set(&t->vm, "coalesce", json_string(policy)))
		return -1;
	return iovm_set(&t->vm, "coalesce-max-us",
			json_integer(rng_below(&t->rng, 2) ? HOLD_US : rng_below(&t->rng, 500)));
}

/*
 * Half of them come at once after the last one and are short: what only loses a completion when two
 * threads meet takes many of them.
 */
static int disturb(struct test *t)
{
	bool quick = rng_below(&t->rng, 2);

	usleep(1000 + rng_below(&t->rng, quick ? 5000 : 40000));
	switch (rng_below(&t->rng, 4)) {
	case 0:
		t->drains++;
		return iovm_drain(&t->vm);
	case 1:
		return change_policy(t);
	default:
		/* longer than any hold would have lasted */
		t->stops++;
		return iovm_pause(&t->vm, rng_below(&t->rng, quick ? 2000 : 2 * HOLD_US));
	}
}

/* What the rest is about: with policy rate something is held nearly always. */
static int stop_on_hold(struct test *t)
{
	long long flushed = 0;

	if (iovm_set(&t->vm, "coalesce", json_string("rate")))
		return -1;
	for (int i = 0; i < HOLD_STOPS && !flushed; i++) {
		usleep(HOLD_US);
		t->stops++;
		if (iovm_pause(&t->vm, 0))
			return -1;
		flushed = iovm_stat(&t->vm, "flush");
	}
	if (!flushed)
		return FAIL(t, "nothing was held at any of %d stops: this shows nothing",
			    HOLD_STOPS);
	return flushed < 0 ? -1 : 0;
}

static int start(struct test *t, char *const argv[])
{
	return vm_job(&t->vm.vm, argv) ? FAIL(t, "%s", t->vm.vm.error) : 0;
}

static int expect_end(struct test *t)
{
	int ret = iovm_follow(&t->vm, RESULT_LIMIT_MS, false);

	return ret ? ret : FAIL(t, "L2 hung: a completion is lost");
}

/* 1: the guest has ended by itself and its data were right. */
static int disturb_while_it_runs(struct test *t)
{
	char seconds[16];
	char *argv[] = { "coop-guest-blk", "--op",	"verify", "--depth",	   "16", "--size",
			 "4096",	   "--seconds", seconds,  "--switch-vcpu", NULL };
	long long end = proc_now_ns() + (t->seconds + 1) * 1000000000ll;
	int ret;

	snprintf(seconds, sizeof(seconds), "%d", t->seconds);
	if (start(t, argv))
		return -1;
	ret = iovm_follow(&t->vm, RESULT_LIMIT_MS, true);
	if (ret <= 0)
		return ret ? ret : FAIL(t, "L2 hung before it measured");
	if (stop_on_hold(t))
		return -1;
	while (proc_now_ns() < end) {
		if (disturb(t))
			return -1;
		ret = iovm_follow(&t->vm, 0, false);
		if (ret)
			return ret;
	}
	return expect_end(t);
}

/* Under load, with a hold going on: taking the driver away waits for what is in flight. */
static int rebind(struct test *t)
{
	static char script[] =
		"coop-guest-blk --op randread --depth 16 --seconds 3 >/dev/null 2>&1 3>/dev/null & sleep 2;"
		"cd /sys/bus/virtio/drivers/virtio_blk || exit 1; for d in virtio*; do :; done;"
		"echo $d >unbind || exit 1; wait; echo $d >bind || exit 1;"
		"exec coop-guest-blk --op verify --depth 16 --seconds 2";
	char *argv[] = { "sh", "-c", script, NULL };

	if (iovm_set(&t->vm, "coalesce", json_string("rate")) ||
	    iovm_set(&t->vm, "coalesce-max-us", json_integer(HOLD_US)))
		return -1;
	return start(t, argv) ? -1 : expect_end(t);
}

static int say_counts(struct test *t)
{
	long long held = iovm_stat(&t->vm, "held"), flushed = iovm_stat(&t->vm, "flush");

	printf("%lld held, %lld flushed, %lld by the cap; %d stops, %d drains, %d changes\n", held,
	       flushed, iovm_stat(&t->vm, "cap"), t->stops, t->drains, t->changes);
	return held < 0 ? -1 : 0;
}

/* QEMU stops the VM and drains the disk on its way out. */
static int quit_under_load(struct test *t)
{
	char *argv[] = { "coop-guest-blk", "--op", "randread", "--depth", "16",
			 "--seconds",	   "60",   NULL };

	if (start(t, argv))
		return -1;
	if (iovm_follow(&t->vm, RESULT_LIMIT_MS, true) <= 0)
		return *t->vm.error ? -1 : FAIL(t, "L2 hung after its driver was bound again");
	if (iovm_do(&t->vm, "quit", NULL))
		return -1;
	if (proc_wait(t->vm.vm.pid, QUIT_LIMIT_MS) < 0)
		return FAIL(t, "QEMU does not end while completions are held");
	return 0;
}

static int run(struct test *t)
{
	const struct iovm_config config = { .name = "blk",
					    .policy = "vic",
					    .file = true,
					    .iothread = t->iothread,
					    .vcpus = VCPUS,
					    .queues = VCPUS,
					    .disk_iops = 400,
					    .inflight = 2,
					    .iops = 0,
					    .max_us = HOLD_US };

	if (iovm_boot(&t->vm, &config) ||
	    iovm_set(&t->vm, "coalesce-rate", json_integer(1000000 / HOLD_US)))
		return -1;
	if (disturb_while_it_runs(t) < 0 || say_counts(t) || rebind(t) < 0)
		return -1;
	return quit_under_load(t);
}

int main(int argc, char **argv)
{
	struct test t = { .seconds = 10, .seed = 1 };
	int ret = proc_options(argc, argv, long_options, set_option, &t);

	if (ret)
		return ret < 0 ? 2 : 0;
	if (driver_check_machine())
		return 2;
	signal(SIGPIPE, SIG_IGN);
	t.rng = rng_init(t.seed);
	t.record_fd = record_fd();
	record_expect(t.record_fd, t.seconds + 40);
	ret = run(&t);
	if (ret)
		iovm_describe(&t.vm, stderr);
	iovm_kill(&t.vm);
	record_verdict(t.record_fd, !ret, "%s", ret ? t.vm.error : "nothing is lost");
	return !!ret;
}
