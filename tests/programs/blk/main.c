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

#define VCPUS 2
/* Long, so that something is held most of the time. */
#define HOLD_US 30000
#define RESULT_LIMIT_MS 90000
#define QUIT_LIMIT_MS 20000

#define FAIL(t, ...) (snprintf((t)->error, sizeof((t)->error), __VA_ARGS__), -1)

struct test {
	struct iovm vm;
	int record_fd, seconds, seed;
	bool iothread;
	uint64_t state;
	int stops, drains, changes;
	char error[500];
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

static unsigned int below(struct test *t, unsigned int n)
{
	t->state ^= t->state << 13;
	t->state ^= t->state >> 7;
	t->state ^= t->state << 17;
	return (t->state >> 16) % n;
}

static int monitor(struct test *t, const char *command, json_t *arguments)
{
	if (qmp_do(&t->vm.qmp, command, arguments, QUIT_LIMIT_MS))
		return FAIL(t, "%s", t->vm.qmp.error);
	return 0;
}

/* The VM stands still longer than any hold would have lasted. */
static int stop_and_continue(struct test *t)
{
	t->stops++;
	if (monitor(t, "stop", NULL))
		return -1;
	usleep(below(t, 2 * HOLD_US));
	return monitor(t, "cont", NULL);
}

static int change_policy(struct test *t)
{
	static const char *const policies[] = { "off", "rate", "vic", "slice", "auto", "vic" };
	const char *policy = policies[below(t, 6)];

	t->changes++;
	if (iovm_set(&t->vm, "coalesce", json_string(policy)) ||
	    iovm_set(&t->vm, "coalesce-max-us",
		     json_integer(below(t, 2) ? HOLD_US : below(t, 500))))
		return FAIL(t, "%s", t->vm.error);
	return 0;
}

/* A resize to the present size waits for everything in flight. */
static int drain(struct test *t)
{
	t->drains++;
	return monitor(t, "block_resize",
		       json_pack("{s:s, s:i}", "node-name", "disk", "size", IOVM_DISK_BYTES));
}

static int disturb(struct test *t)
{
	usleep(1000 + below(t, 40000));
	switch (below(t, 4)) {
	case 0:
		return drain(t);
	case 1:
		return change_policy(t);
	default:
		return stop_and_continue(t);
	}
}

static int start(struct test *t, char *const argv[])
{
	return vm_job(&t->vm.vm, argv) ? FAIL(t, "%s", t->vm.vm.error) : 0;
}

/* The guest's next verdict, or its next sign of progress; 0 within LIMIT_MS if there was none. */
static int follow(struct test *t, int limit_ms, bool until_it_measures)
{
	long long end = proc_now_ns() + limit_ms * 1000000ll;
	struct record rec;

	for (;;) {
		int ret = vm_next(&t->vm.vm, (end - proc_now_ns()) / 1000000, &rec);

		if (ret <= 0)
			return ret ? FAIL(t, "%s", t->vm.vm.error) : 0;
		if (rec.type == RECORD_PROGRESS && until_it_measures)
			return 1;
		if (rec.type == RECORD_VERDICT)
			return rec.pass ? 1 : FAIL(t, "L2: %s", rec.text);
	}
}

static int expect_end(struct test *t)
{
	int ret = follow(t, RESULT_LIMIT_MS, false);

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
	ret = follow(t, RESULT_LIMIT_MS, true);
	if (ret <= 0)
		return ret ? ret : FAIL(t, "L2 hung before it measured");
	while (proc_now_ns() < end) {
		if (disturb(t))
			return -1;
		ret = follow(t, 0, false);
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
		return FAIL(t, "%s", t->vm.error);
	return start(t, argv) ? -1 : expect_end(t);
}

/* What cannot be right by accident: something was held, and the VM stopped on it. */
static int check_counts(struct test *t)
{
	long long held = iovm_stat(&t->vm, "held"), flushed = iovm_stat(&t->vm, "flush");

	printf("%lld held, %lld flushed, %lld by the cap; %d stops, %d drains, %d changes\n", held,
	       flushed, iovm_stat(&t->vm, "cap"), t->stops, t->drains, t->changes);
	if (held < 0)
		return FAIL(t, "%s", t->vm.error);
	if (!held || !flushed)
		return FAIL(t, "nothing was held when the VM stopped: this shows nothing");
	return 0;
}

/* QEMU stops the VM and drains the disk on its way out. */
static int quit_under_load(struct test *t)
{
	char *argv[] = { "coop-guest-blk", "--op", "randread", "--depth", "16",
			 "--seconds",	   "60",   NULL };

	if (start(t, argv))
		return -1;
	if (follow(t, RESULT_LIMIT_MS, true) <= 0)
		return *t->error ? -1 : FAIL(t, "L2 hung after its driver was bound again");
	if (monitor(t, "quit", NULL))
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

	if (iovm_boot(&t->vm, &config))
		return FAIL(t, "%s", t->vm.error);
	if (disturb_while_it_runs(t) < 0 || check_counts(t) || rebind(t) < 0)
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
	t.state = (t.seed + 1) * 0x9e3779b97f4a7c15ull;
	t.record_fd = record_fd();
	record_expect(t.record_fd, t.seconds + 40);
	ret = run(&t);
	iovm_kill(&t.vm);
	record_verdict(t.record_fd, !ret, "%s", ret ? t.error : "nothing is lost");
	return !!ret;
}
