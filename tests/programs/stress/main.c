// SPDX-License-Identifier: GPL-2.0
/*
 * coop-test-stress: everything that may happen to completions while they are held, in any order.
 * Runs in L1. fio writes and compares on two disks of a guest. Meanwhile the VM stands still and
 * goes on, moves to another QEMU, gets and loses a disk and a vCPU and a co-tenant; the disk's
 * block node is drained and the policy changed. What the guest does itself is in guest/.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/driver.h"
#include "bench/lib/vmload.h"
#include "lab/lib/proc.h"
#include "lab/lib/record.h"
#include "tests/programs/stress/machine.h"

#define RESULT_LIMIT_MS 150000
#define MIGRATE_LIMIT_S 120
/* Where the guest has written once, and will read at the end. */
#define KEPT_BYTE ((1 << 20) + 2000)
/* Between two disturbances. */
#define PAUSE_US 200000

/*
 * What may be added to the cap: as late as a thread that only sleeps that long on the same pCPU has
 * been, and a main loop that is busy with a command.
 */
#define BUSY_US 100000

struct ruler {
	pthread_t thread;
	_Atomic bool stop;
	_Atomic long long late_us;
};

struct test {
	struct machine m;
	struct ruler ruler;
	struct vmload load;
	struct rng rng;
	int seconds, seed;
	bool corrupt, busy;
};

static void *measure_sleep(void *arg)
{
	struct ruler *r = arg;

	while (!r->stop) {
		long long begin = proc_now_ns(), late;

		usleep(HOLD_US);
		late = (proc_now_ns() - begin) / 1000 - HOLD_US;
		if (late > r->late_us)
			r->late_us = late;
	}
	return NULL;
}

static int ruler_start(struct test *t)
{
	return pthread_create(&t->ruler.thread, NULL, measure_sleep, &t->ruler) ?
		       MACHINE_FAIL(&t->m, "no thread") :
		       0;
}

static void ruler_stop(struct ruler *r)
{
	r->stop = true;
	if (r->thread)
		pthread_join(r->thread, NULL);
}

static int check_holds(struct test *t)
{
	const struct counts *c = &t->m.counts;
	long long allowed = HOLD_US + t->ruler.late_us + BUSY_US;

	printf("longest hold %lld us, of the spare disk %lld us; the cap is %d us, a sleeper was %lld us late\n",
	       c->longest_us[0], c->longest_us[1], HOLD_US, (long long)t->ruler.late_us);
	for (int i = 0; i < 2; i++)
		if (c->longest_us[i] > allowed)
			return MACHINE_FAIL(
				&t->m, "a completion was held %lld us, %lld at most are justified",
				c->longest_us[i], allowed);
	return 0;
}

static int stand_still(struct test *t)
{
	/* longer than any hold would have lasted */
	return machine_on(&t->m, iovm_pause(t->m.vm, rng_below(&t->rng, 2 * HOLD_US)));
}

static int drain(struct test *t)
{
	return machine_on(&t->m, iovm_drain(t->m.vm));
}

static int change_policy(struct test *t)
{
	static const char *const policies[] = { "slice", "slice", "slice", "auto",
						"vic",	 "rate",  "off" };
	static const char *const urgent[] = { "auto", "on", "off" };
	const char *policy = policies[rng_below(&t->rng, 7)];

	return machine_set_policy(&t->m, policy, urgent[rng_below(&t->rng, 3)],
				  rng_below(&t->rng, 4) ? HOLD_US : rng_below(&t->rng, 500));
}

static int change_load(struct test *t)
{
	t->busy = !t->busy;
	(t->busy ? vmload_resume : vmload_pause)(&t->load);
	return 0;
}

static int replug_disk(struct test *t)
{
	if (machine_unplug_disk(&t->m))
		return -1;
	usleep(rng_below(&t->rng, PAUSE_US));
	return machine_plug_disk(&t->m);
}

static int change_vcpus(struct test *t)
{
	return t->m.vcpu ? machine_unplug_vcpu(&t->m) : machine_plug_vcpu(&t->m);
}

/* Of a VM on its way the rest must be left alone: it might go on in both places. */
static int migrate(struct test *t)
{
	long long end = proc_now_ns() + MIGRATE_LIMIT_S * 1000000000ll;
	int ret = machine_migrate_begin(&t->m);

	while (!ret && !(ret = machine_migrate_state(&t->m))) {
		if (proc_now_ns() > end)
			return MACHINE_FAIL(&t->m, "the migration has not completed within %d s",
					    MIGRATE_LIMIT_S);
		if ((rng_below(&t->rng, 4) ? change_policy : change_load)(t))
			return -1;
		usleep(rng_below(&t->rng, PAUSE_US));
	}
	return ret < 0 ? -1 : machine_migrate_end(&t->m);
}

/* What happens, and how often in a round. */
static struct kind {
	const char *name;
	int (*run)(struct test *t);
	int often;
	int times;
} kinds[] = {
	{ "migrations", migrate, 1, 0 },
	{ "stops", stand_still, 6, 0 },
	{ "drains", drain, 2, 0 },
	{ "policies", change_policy, 3, 0 },
	{ "co-tenant", change_load, 1, 0 },
	{ "disk replugged", replug_disk, 1, 0 },
	{ "vCPU plugged or unplugged", change_vcpus, 1, 0 },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define ROUND_MAX 32

/* A round has everything in it, in any order; the migration, which takes as long as the rest, at
 * its end. */
static int shuffle(struct test *t, struct kind *round[ROUND_MAX])
{
	int n = 0;

	for (size_t i = 0; i < KINDS; i++)
		for (int j = 0; j < kinds[i].often; j++)
			round[n++] = &kinds[i];
	for (int i = n - 1; i > 1; i--) {
		int other = 1 + rng_below(&t->rng, i);
		struct kind *swap = round[i];

		round[i] = round[other];
		round[other] = swap;
	}
	return n;
}

/* 1: the guest has ended, and all was right. */
static int disturb(struct test *t)
{
	long long begin = proc_now_ns(), end = begin + t->seconds * 1000000000ll;
	struct kind *round[ROUND_MAX];
	int n = 0, ret;

	while (proc_now_ns() < end) {
		if (!n)
			n = shuffle(t, round);
		n--;
		if (round[n]->run(t))
			return -1;
		round[n]->times++;
		printf("%.1f %s\n", (proc_now_ns() - begin) / 1e9, round[n]->name);
		fflush(stdout);
		record_progress(record_fd(), (proc_now_ns() - begin) / 1000000000, t->seconds, "%s",
				round[n]->name);
		usleep(rng_below(&t->rng, PAUSE_US));
		ret = machine_on(&t->m, iovm_follow(t->m.vm, 0, false));
		if (ret)
			return ret;
	}
	return 0;
}

static int start_guest(struct test *t)
{
	char seconds[16], seed[16];
	char *argv[] = { "coop-guest-stress", "--seconds", seconds, "--seed", seed, NULL };
	int ret;

	snprintf(seconds, sizeof(seconds), "%d", t->seconds);
	snprintf(seed, sizeof(seed), "%d", t->seed);
	if (vm_job(&t->m.vm->vm, argv))
		return MACHINE_FAIL(&t->m, "%s", t->m.vm->vm.error);
	ret = machine_on(&t->m, iovm_follow(t->m.vm, RESULT_LIMIT_MS, true));
	return ret ? ret < 0 ? -1 : 0 : MACHINE_FAIL(&t->m, "L2 hung before it worked");
}

static int expect_end(struct test *t)
{
	int ret;

	vmload_pause(&t->load);
	ret = machine_on(&t->m, iovm_follow(t->m.vm, RESULT_LIMIT_MS, false));
	return ret ? ret < 0 ? -1 : 0 : MACHINE_FAIL(&t->m, "L2 hung: a completion is lost");
}

/* Behind everybody's back: the comparison has to find it. */
static int corrupt(struct test *t)
{
	int fd = open(IO_IMAGE, O_RDWR | O_CLOEXEC);
	char byte;
	int ret = pread(fd, &byte, 1, KEPT_BYTE) == 1 ? 0 : -1;

	byte = ~byte;
	if (!ret)
		ret = pwrite(fd, &byte, 1, KEPT_BYTE) == 1 ? 0 : -1;
	close(fd);
	return ret ? MACHINE_FAIL(&t->m, "cannot corrupt " IO_IMAGE) : 0;
}

/* What cannot be right by accident. */
static int check_counts(struct test *t)
{
	struct counts *c = &t->m.counts;

	printf("%s\n", t->m.vm->said);
	for (size_t i = 0; i < KINDS; i++)
		printf("%s%d %s", i ? ", " : "host: ", kinds[i].times, kinds[i].name);
	printf("\nQEMU: %lld held; delivered by slice end %lld, ratio %lld, cap %lld, pause %lld, flush %lld; "
	       "%lld boosts\n",
	       c->held, c->slice_end, c->ratio, c->cap, c->pause, c->flush, c->boosts);
	for (size_t i = 0; i < KINDS; i++)
		if (!kinds[i].times)
			return MACHINE_FAIL(&t->m, "no %s: this shows nothing", kinds[i].name);
	if (!c->boosts)
		return MACHINE_FAIL(&t->m, "no boost: this shows nothing");
	if (!c->held || !c->slice_end || !(c->flush + c->cap + c->pause))
		return MACHINE_FAIL(
			&t->m,
			"no hold was ended by a slice, or none by time or a stop: this shows nothing");
	return 0;
}

static int run(struct test *t)
{
	int ret;

	if (machine_boot(&t->m) || start_guest(t) || ruler_start(t) || (t->corrupt && corrupt(t)))
		return -1;
	ret = disturb(t);
	if (ret < 0 || (!ret && expect_end(t)) || machine_count(&t->m))
		return -1;
	if (check_holds(t) || check_counts(t))
		return -1;
	return machine_on(&t->m, iovm_quit(t->m.vm));
}

static const char usage[] =
	"usage: coop-test-stress [OPTION...]   runs in L1, as a job of coop-lab\n"
	"  --seconds S   of disturbances (40)\n"
	"  --seed N      of what comes when (1)\n"
	"  --corrupt     a byte of what the guest has written: it has to find it\n";

static const struct option long_options[] = {
	{ "seconds", required_argument, NULL, 's' },
	{ "seed", required_argument, NULL, 'e' },
	{ "corrupt", no_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_option(void *arg, int opt)
{
	struct test *t = arg;

	switch (opt) {
	case 's':
		return proc_option_number("seconds", optarg, 1, 86400, &t->seconds);
	case 'e':
		return proc_option_number("seed", optarg, 0, 1000000, &t->seed);
	case 'c':
		t->corrupt = true;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct test t = { .seconds = 40, .seed = 1 };
	int ret = proc_options(argc, argv, long_options, set_option, &t);

	if (ret)
		return ret < 0 ? 2 : 0;
	if (driver_check_machine())
		return 2;
	if (driver_switch(true)) {
		fprintf(stderr, "coop: this host kernel has no kvm-coop\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	t.rng = rng_init(t.seed);
	record_expect(record_fd(), t.seconds + 60);
	ret = vmload_start(&t.load, 1, CPU_GUEST) ? MACHINE_FAIL(&t.m, "no co-tenant") : run(&t);
	ruler_stop(&t.ruler);
	machine_end(&t.m);
	vmload_kill(&t.load);
	record_verdict(record_fd(), !ret, "%s", ret ? t.m.error : "nothing is lost or late");
	return !!ret;
}
