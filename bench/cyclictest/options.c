// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "bench/cyclictest/bench.h"
#include "lab/lib/proc.h"

static const struct guest_case cases[] = {
	{ "idle", false, false, 0 },
	{ "busy", true, false, 0 },
	{ "busy-hog", true, true, 0 },
};

static const char usage[] =
	"usage: coop-bench-cyclictest [OPTION...]   runs in L1, as a job of coop-lab\n"
	"  --modes A,B         vanilla, slice, coop, coop-fair, static (these), coop-stock, rogue, rogue-nocharge;\n"
	"                      vanilla-aa comes with vanilla\n"
	"  --cases A,B         idle, busy (co-tenants), busy-hog (co-tenants and guest load) (idle,busy)\n"
	"  --hog               busy-hog, too\n"
	"  --repeat N          rounds (1)\n"
	"  --seconds S         per measurement (10)\n"
	"  --interval US       cyclictest's; a multiple of the tick locks on to the scheduler's phase (2170)\n"
	"  --vcpus N           of each guest (1)\n"
	"  --host-cyclictest   a cyclictest as a normal task on the host takes the place of one co-tenant\n"
	"  --no-aa             no second vanilla\n"
	"  --boot-limit S      until a guest says hello (60)\n"
	"  --result-limit S    from the end of a measurement to its result (90)\n"
	"  --initrd FILE       the guest's initramfs\n"
	"  --append ARGS       more words for the guest's kernel command line\n";

static const struct option long_options[] = {
	GUEST_BENCH_OPTIONS,
	{ "hog", no_argument, NULL, 'g' },
	{ "interval", required_argument, NULL, 'i' },
	{ "vcpus", required_argument, NULL, 'v' },
	{ "host-cyclictest", no_argument, NULL, 'H' },
	{ "initrd", required_argument, NULL, 'I' },
	{ "append", required_argument, NULL, 'a' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_option(void *arg, int opt)
{
	struct guest_bench *b = arg;
	struct options *o = b->arg;
	int vcpus;

	switch (opt) {
	case 'g':
		o->hog = true;
		return 0;
	case 'i':
		return proc_option_number("interval", optarg, 100, 1000000, &o->interval_us);
	case 'v':
		if (proc_option_number("vcpus", optarg, 1, VM_VCPUS_MAX, &vcpus))
			return -1;
		b->boot.vcpus = vcpus;
		return 0;
	case 'H':
		o->host_cyclictest = true;
		return 0;
	case 'I':
		b->boot.initrd = optarg;
		return 0;
	case 'a':
		b->boot.append = optarg;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return guest_bench_option(b, opt);
}

int options_parse(struct guest_bench *b, struct options *o, int argc, char **argv)
{
	int ret;

	*o = (struct options){ .interval_us = 2170 };
	*b = (struct guest_bench){ .name = "cyclictest",
				   .modes = DRIVER_CHOICE("mode", guest_modes),
				   .cases = DRIVER_CHOICE("case", cases),
				   .repeat = 1,
				   .seconds = 10,
				   .result_limit = 90,
				   .boot = { .vcpus = 1, .limit = 60 },
				   .arg = o };
	ret = driver_options(argc, argv, long_options, set_option, b);
	if (!ret)
		ret = guest_bench_complete(b, "vanilla,slice,coop,coop-fair,static", "idle,busy");
	return ret || !o->hog ? ret : driver_choose(&b->cases, "busy-hog");
}
