// SPDX-License-Identifier: GPL-2.0
/*
 * coop-guest-stress: runs in a guest as a job of its PID 1. fio writes, reads and compares on two
 * disks at once. Meanwhile the guest takes a vCPU off and on, masks the interrupts of the first
 * disk, and unbinds the driver of the second one, which the host may unplug, too. Half of each disk
 * is written once and read at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lab/lib/proc.h"
#include "lab/lib/record.h"
#include "tests/programs/stress/guest/stress.h"

#define WAIT_MS 60000
#define POLL_MS 500
/* From the end of the disturbances to that of the last pass. */
#define AFTER_MS 60000

struct options {
	int seconds, seed, stall_s;
};

/* What the children tell of themselves. */
struct shared {
	int passes, lost; /* passes of fio that ended well, and with their disk gone */
	unsigned long requests;
	double longest_ms;
	struct trouble trouble;
	char why[300];
};

enum { IO, SPARE, TROUBLE, CHILDREN };

#define FAIL(...) (snprintf(verdict, sizeof(verdict), __VA_ARGS__), -1)

static struct shared *shared; /* of each child */
static char verdict[600];
static struct options o = { .seconds = 30, .seed = 1, .stall_s = 30 };
static long long end_ns;

static const char usage[] = "usage: coop-guest-stress [OPTION...]   runs in a guest\n"
			    "  --seconds S   (30)\n"
			    "  --seed N      (1)\n"
			    "  --stall S     fail after that long without a completion (30)\n";

static const struct option long_options[] = {
	{ "seconds", required_argument, NULL, 's' },
	{ "seed", required_argument, NULL, 'e' },
	{ "stall", required_argument, NULL, 'w' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_option(void *arg, int opt)
{
	struct options *options = arg;

	switch (opt) {
	case 's':
		return proc_option_number("seconds", optarg, 1, 86400, &options->seconds);
	case 'e':
		return proc_option_number("seed", optarg, 0, 1000000, &options->seed);
	case 'w':
		return proc_option_number("stall", optarg, 1, 86400, &options->stall_s);
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return -1;
}

static void count(struct shared *s, const struct pass *p)
{
	s->passes++;
	s->requests += p->requests;
	if (p->longest_ms > s->longest_ms)
		s->longest_ms = p->longest_ms;
}

/* Other data each time, on a disk that stays. */
static int check_io(struct shared *s)
{
	struct pass p = { .serial = DISK_IO, .kind = PASS_MIXED, .seed = o.seed };
	struct disk d;

	disk_find(DISK_IO, &d);
	while (proc_now_ns() < end_ns) {
		p.seed++;
		if (pass_run(&p, &d)) {
			snprintf(s->why, sizeof(s->why), "%s", p.why);
			return -1;
		}
		count(s, &p);
	}
	return 0;
}

/* On one that may go at any time; what was written before has to be there when it is back. */
static int check_spare(struct shared *s)
{
	struct pass p = { .serial = DISK_SPARE, .kind = PASS_MIXED, .seed = o.seed + 500000 };

	while (proc_now_ns() < end_ns) {
		int ret;

		p.seed++;
		ret = pass_try(&p);
		if (ret < 0) {
			snprintf(s->why, sizeof(s->why), "%s", p.why);
			return -1;
		}
		if (!ret)
			count(s, &p);
		s->lost += ret;
		p.kind = ret ? PASS_KEPT : PASS_MIXED;
	}
	return 0;
}

static int make_trouble(struct shared *s)
{
	s->trouble.rng = rng_init(o.seed);
	while (proc_now_ns() < end_ns)
		if (trouble_round(&s->trouble)) {
			snprintf(s->why, sizeof(s->why), "%s", s->trouble.why);
			return -1;
		}
	return 0;
}

/* Both disks are there, and half of each is written. */
static int fill(void)
{
	static const char *const serials[] = { DISK_IO, DISK_SPARE };

	for (int i = 0; i < 2; i++) {
		struct pass p = { .serial = serials[i], .kind = PASS_FILL };
		struct disk d;

		if (!disk_wait(p.serial, &d, WAIT_MS))
			return FAIL("the guest does not have both disks");
		if (pass_run(&p, &d))
			return FAIL("%s", p.why);
	}
	return 0;
}

/* At the end the host plugs the spare disk again if it has not done so yet. */
static int check_kept(const char *serial)
{
	struct pass p = { .serial = serial, .kind = PASS_KEPT };
	int ret;

	while ((ret = pass_try(&p)) > 0)
		;
	return ret ? FAIL("%s", p.why) : 0;
}

static pid_t start_child(int i)
{
	static int (*const functions[])(struct shared * s) = { check_io, check_spare,
							       make_trouble };
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	proc_child_setup(parent, -1);
	_exit(!!functions[i](&shared[i]));
}

/* 1: all have ended, and well. */
static int reap(pid_t pids[])
{
	int left = 0;

	for (int i = 0; i < CHILDREN; i++) {
		int status = pids[i] ? proc_wait(pids[i], 0) : 0;

		left += status < 0;
		if (status > 0)
			return FAIL("%s", *shared[i].why ? shared[i].why : "a child has died");
		if (!status)
			pids[i] = 0;
	}
	return !left;
}

struct watched {
	const char *serial;
	struct disk disk;
	unsigned long done;
	long long last_ns; /* when a request completed, or nothing was in flight */
};

/* A completion that the guest never hears of leaves its request, and in the end all of them. */
static int look(struct watched *w)
{
	long long now = proc_now_ns();
	unsigned long done, inflight;

	if (!disk_same(w->serial, &w->disk))
		w->last_ns = now;
	if (!disk_find(w->serial, &w->disk) || disk_progress(&w->disk, &done, &inflight))
		return 0;
	if (done != w->done || !inflight)
		w->last_ns = now;
	w->done = done;
	if (now - w->last_ns <= o.stall_s * 1000000000ll)
		return 0;
	return FAIL("no completion on %s for %d s with %lu in flight", w->serial, o.stall_s,
		    inflight);
}

static int watch(pid_t pids[], int fd)
{
	struct watched io = { .serial = DISK_IO }, spare = { .serial = DISK_SPARE };
	int ret;

	while (!(ret = reap(pids))) {
		if (proc_now_ns() > end_ns + AFTER_MS * 1000000ll)
			return FAIL("not done %d s after the end", AFTER_MS / 1000);
		usleep(POLL_MS * 1000);
		if (look(&io) || look(&spare))
			return -1;
		record_progress(fd, io.done, 0, "requests");
	}
	return ret < 0 ? -1 : 0;
}

static int check_counts(void)
{
	const struct shared *io = &shared[IO], *spare = &shared[SPARE];
	const struct trouble *t = &shared[TROUBLE].trouble;
	bool all = io->passes && spare->passes && spare->lost && t->switches && t->masks &&
		   t->unbinds;

	snprintf(
		verdict, sizeof(verdict),
		"fio: %d passes, %lu requests, the longest %.0f ms; on the spare disk %d passes, "
		"%lu requests, %d cut off; %d times a vCPU off, %d MSI-X masked, %d a driver unbound%s",
		io->passes, io->requests, io->longest_ms, spare->passes, spare->requests,
		spare->lost, t->switches, t->masks, t->unbinds,
		all ? "" : ": not everything happened, this shows nothing");
	return all ? 0 : -1;
}

static int run(int fd)
{
	pid_t pids[CHILDREN];

	if (fill())
		return -1;
	record_progress(fd, 0, 0, "requests");
	end_ns = proc_now_ns() + o.seconds * 1000000000ll;
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = start_child(i);
		if (pids[i] < 0)
			return FAIL("no child can be started");
	}
	if (watch(pids, fd) || check_kept(DISK_IO) || check_kept(DISK_SPARE))
		return -1;
	return check_counts();
}

int main(int argc, char **argv)
{
	int ret = proc_options(argc, argv, long_options, set_option, &o), fd;

	if (ret)
		return ret < 0 ? 2 : 0;
	shared = mmap(NULL, CHILDREN * sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 2;
	fd = record_fd();
	ret = run(fd);
	/* who waits, and for what */
	if (ret)
		proc_write_file("/proc/sysrq-trigger", "w");
	record_verdict(fd, !ret, "%s", verdict);
	return !!ret;
}
