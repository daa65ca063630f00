// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "bench/isolation/bench.h"
#include "lab/lib/proc.h"

#define COOP_CPU "host,kvm-coop=on"
#define COOP_ACCEL "kvm,coop-policy=rt"

/*
 * Without the charge only for the abuser: what the honest guest gets is its own business. A guest
 * that is starved for so long that it complains is what that mode is there to show.
 */
static const struct mode modes[] = {
	{ "vanilla", "host", "kvm", "kvm", "", false, false },
	{ "vanilla-aa", "host", "kvm", "kvm", "", false, false },
	{ "coop", COOP_CPU, COOP_ACCEL, COOP_ACCEL, "coop_module=kvm_coop_guest", true, false },
	{ "coop-nocharge", COOP_CPU, COOP_ACCEL, COOP_ACCEL ",coop-charge=off",
	  "coop_module=kvm_coop_guest nosoftlockup", true, true },
};

static const struct bench_case cases[] = {
	{ "none", "none", 1, false },
	{ "none-2", "none", 2, false },
	{ "none-4", "none", 4, false },
	{ "none-unmap", "remap", 1, false },
	{ "none-aa", "none", 1, false },
	{ "always", "always", 1, true },
	{ "toggle", "toggle", 1, true },
	{ "noack", "noack", 1, true },
	{ "selfipi", "selfipi", 1, true },
	{ "timer", "timer", 1, true },
	{ "yieldstorm", "yieldstorm", 1, true },
	{ "reregister", "reregister", 1, true },
	{ "random", "random", 1, true },
	{ "badcount", "badcount", 1, true },
	{ "unmap", "unmap", 1, true },
	{ "shared", "shared", 2, true },
	{ "overcommit", "always", 4, true },
};

static const char default_modes[] = "vanilla,coop,coop-nocharge";
static const char default_cases[] =
	"none,none-2,none-4,none-unmap,always,toggle,noack,selfipi,timer,yieldstorm,"
	"reregister,random,badcount,unmap,shared,overcommit,none-aa";

static const char usage[] =
	"usage: coop-bench-isolation [OPTION...]   runs in L1, as a job of coop-lab\n"
	"  --modes A,B         vanilla, coop, coop-nocharge (these); vanilla-aa comes with vanilla\n"
	"  --cases A,B         none, none-2, none-4 (no abuse, 1, 2 or 4 vCPUs), none-unmap (memory comes and goes),\n"
	"                      always, toggle, noack, selfipi, timer, yieldstorm, reregister, random, badcount, unmap,\n"
	"                      shared, overcommit, none-aa (none again, for the noise floor) (these)\n"
	"  --repeat N          rounds (1)\n"
	"  --seconds S         per measurement (12)\n"
	"  --interval US       the honest guest's cyclictest's; a multiple of the tick locks on to the scheduler's phase (54250)\n"
	"  --abuse-only        no honest guest, and nothing is measured: the host has to survive\n"
	"  --boot-limit S      until the guests say hello (120)\n"
	"  --result-limit S    from the end of a measurement to its result (90)\n"
	"  --guest-kernel FILE the guests' kernel (the host's)\n";

static const struct option long_options[] = {
	{ "modes", required_argument, NULL, 'm' },
	{ "cases", required_argument, NULL, 'c' },
	{ "repeat", required_argument, NULL, 'r' },
	{ "seconds", required_argument, NULL, 's' },
	{ "interval", required_argument, NULL, 'i' },
	{ "abuse-only", no_argument, NULL, 'a' },
	{ "boot-limit", required_argument, NULL, 'b' },
	{ "result-limit", required_argument, NULL, 'R' },
	{ "guest-kernel", required_argument, NULL, 'k' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_option(void *options, int opt)
{
	struct options *o = options;

	switch (opt) {
	case 'm':
		return driver_choose(&o->modes, optarg);
	case 'c':
		return driver_choose(&o->cases, optarg);
	case 'r':
		return proc_option_number("repeat", optarg, 1, 1000, &o->repeat);
	case 's':
		return proc_option_number("seconds", optarg, 2, 3600, &o->seconds);
	case 'i':
		return proc_option_number("interval", optarg, 100, 1000000, &o->interval_us);
	case 'a':
		o->abuse_only = true;
		return 0;
	case 'b':
		return proc_option_number("boot-limit", optarg, 1, 3600, &o->boot_limit);
	case 'R':
		return proc_option_number("result-limit", optarg, 1, 3600, &o->result_limit);
	case 'k':
		o->guest_kernel = optarg;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return -1;
}

int options_parse(struct options *o, int argc, char **argv)
{
	int ret;

	*o = (struct options){ .modes = DRIVER_CHOICE("mode", modes),
			       .cases = DRIVER_CHOICE("case", cases),
			       .repeat = 1,
			       .seconds = 12,
			       .interval_us = 54250,
			       .boot_limit = 120,
			       .result_limit = 90 };
	ret = proc_options(argc, argv, long_options, set_option, o);
	if (ret)
		return ret;
	if (!o->modes.n && driver_choose(&o->modes, default_modes))
		return -1;
	if (!o->cases.n && driver_choose(&o->cases, default_cases))
		return -1;
	driver_choose_twins(&o->modes);
	return 0;
}
