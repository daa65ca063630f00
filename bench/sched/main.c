// SPDX-License-Identifier: GPL-2.0
/*
 * coop-bench-sched: what has nothing to do with real time must not get slower. Throughput of
 * hackbench and latency of ordinary wake-ups, in the guest and on the host beside it.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/sched/bench.h"
#include "lab/lib/proc.h"

#define EXPECT_CASE 3

static const struct guest_case cases[] = {
	{ "idle-hackbench", false, false, GUEST_HACKBENCH },
	{ "busy-hackbench", true, false, GUEST_HACKBENCH },
	{ "idle-wakeup", false, false, GUEST_WAKEUP },
	{ "busy-wakeup", true, false, GUEST_WAKEUP },
	{ "busy-host-hackbench", false, true, HOST_HACKBENCH },
	{ "busy-host-wakeup", false, true, HOST_WAKEUP },
};

static const char all_cases[] = "idle-hackbench,busy-hackbench,idle-wakeup,busy-wakeup,"
				"busy-host-hackbench,busy-host-wakeup";

static const char usage[] =
	"usage: coop-bench-sched [OPTION...]   runs in L1, as a job of coop-lab\n"
	"  --modes A,B         vanilla, coop (these), slice, coop-fair, static, coop-stock; vanilla-aa comes with vanilla\n"
	"  --cases A,B         idle-hackbench, busy-hackbench, idle-wakeup, busy-wakeup: in the guest, without and with\n"
	"                      co-tenants; busy-host-hackbench, busy-host-wakeup: on the vCPU's pCPU, beside a guest that\n"
	"                      always has work (all)\n"
	"  --repeat N          rounds (1)\n"
	"  --seconds S         of a wakeup case (5)\n"
	"  --cotenants N       of the busy cases (2)\n"
	"  --groups N          of hackbench: 10 senders and 10 receivers each (1)\n"
	"  --loops N           messages that each sender sends (200)\n"
	"  --no-aa             no second vanilla\n"
	"  --boot-limit S      until a guest says hello (60)\n"
	"  --result-limit S    longer than a measurement should take (120)\n";

static const struct option long_options[] = {
	GUEST_BENCH_OPTIONS,
	{ "groups", required_argument, NULL, 'g' },
	{ "loops", required_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_option(void *arg, int opt)
{
	struct guest_bench *b = arg;
	struct sched *s = b->arg;

	switch (opt) {
	case 'g':
		return proc_option_number("groups", optarg, 1, 100, &s->groups);
	case 'l':
		return proc_option_number("loops", optarg, 1, 1000000, &s->loops);
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return guest_bench_option(b, opt);
}

/* The guest's program is static, so it runs here, too; it lies beside this one. */
static int find_program(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	path[n > 0 ? n : 0] = 0;
	slash = strrchr(path, '/');
	if (slash && (size_t)(slash - path) + sizeof("/coop-guest-sched") <= size)
		strcpy(slash, "/coop-guest-sched");
	if (slash && !access(path, X_OK))
		return 0;
	fprintf(stderr,
		"coop: coop-guest-sched is missing beside this program: ./coop build tools\n");
	return -1;
}

int main(int argc, char **argv)
{
	char program[PATH_MAX];
	struct sched s = { .groups = 1, .loops = 200, .program = program };
	struct guest_bench b = { .name = "sched",
				 .modes = DRIVER_CHOICE("mode", guest_modes),
				 .cases = DRIVER_CHOICE("case", cases),
				 .repeat = 1,
				 .seconds = 5,
				 .result_limit = 120,
				 .cotenants = 2,
				 .expect_s = EXPECT_CASE,
				 .boot = { .vcpus = 1, .limit = 60 },
				 .measure = measure,
				 .arg = &s };
	int ret = proc_options(argc, argv, long_options, set_option, &b);

	if (!ret)
		ret = guest_bench_complete(&b, "vanilla,coop", all_cases);
	if (!ret)
		ret = find_program(program, sizeof(program));
	if (ret)
		return ret < 0 ? 2 : 0;
	return guest_bench_run(&b, json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "seconds", b.seconds,
					     "repeat", b.repeat, "vcpus", b.boot.vcpus, "cotenants",
					     b.cotenants, "groups", s.groups, "loops", s.loops));
}
