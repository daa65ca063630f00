// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "bench/cyclictest/bench.h"
#include "lab/lib/proc.h"

#define PLAIN_MODE(name, vm_class)                              \
	{                                                       \
		name, vm_class, "host", "kvm", "", false, false \
	}
#define COOP_MODE(name, accel, append, stock)                                         \
	{                                                                             \
		name, VM_CLASS_NORMAL, "host,kvm-coop=on", accel, append, true, stock \
	}

static const struct mode modes[] = {
	PLAIN_MODE("vanilla", VM_CLASS_NORMAL),
	PLAIN_MODE("vanilla-aa", VM_CLASS_NORMAL),
	PLAIN_MODE("slice", VM_CLASS_SLICE),
	COOP_MODE("coop", "kvm,coop-policy=rt", "coop_module=kvm_coop_guest", false),
	COOP_MODE("coop-fair", "kvm,coop-policy=fair", "coop_module=kvm_coop_guest", false),
	PLAIN_MODE("static", VM_CLASS_FIFO),
	/* Debian's own kernel in the guest, with the module */
	COOP_MODE("coop-stock", "kvm,coop-policy=rt", "coop_module=kvm_coop_guest", true),
	/*
	 * A guest that always asks for a boost, and what it would get if it were not charged for
	 * it.
	 */
	COOP_MODE("rogue", "kvm,coop-policy=rt", "coop_module=coop_rogue,mode=always", false),
	COOP_MODE("rogue-nocharge", "kvm,coop-policy=rt,coop-charge=off",
		  "coop_module=coop_rogue,mode=always", false),
};

static const struct bench_case cases[] = {
	{ "idle", false, false },
	{ "busy", true, false },
	{ "busy-hog", true, true },
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
	{ "modes", required_argument, NULL, 'm' },
	{ "cases", required_argument, NULL, 'c' },
	{ "hog", no_argument, NULL, 'g' },
	{ "repeat", required_argument, NULL, 'r' },
	{ "seconds", required_argument, NULL, 's' },
	{ "interval", required_argument, NULL, 'i' },
	{ "vcpus", required_argument, NULL, 'v' },
	{ "host-cyclictest", no_argument, NULL, 'H' },
	{ "no-aa", no_argument, NULL, 'A' },
	{ "boot-limit", required_argument, NULL, 'b' },
	{ "result-limit", required_argument, NULL, 'R' },
	{ "initrd", required_argument, NULL, 'I' },
	{ "append", required_argument, NULL, 'a' },
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
	case 'g':
		o->hog = true;
		return 0;
	case 'r':
		return proc_option_number("repeat", optarg, 1, 1000, &o->repeat);
	case 's':
		return proc_option_number("seconds", optarg, 1, 3600, &o->seconds);
	case 'i':
		return proc_option_number("interval", optarg, 100, 1000000, &o->interval_us);
	case 'v':
		return proc_option_number("vcpus", optarg, 1, VM_VCPUS_MAX, &o->vcpus);
	case 'H':
		o->host_cyclictest = true;
		return 0;
	case 'A':
		o->no_aa = true;
		return 0;
	case 'b':
		return proc_option_number("boot-limit", optarg, 1, 3600, &o->boot_limit);
	case 'R':
		return proc_option_number("result-limit", optarg, 1, 3600, &o->result_limit);
	case 'I':
		o->initrd = optarg;
		return 0;
	case 'a':
		o->append = optarg;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return -1;
}

/* What was not said. */
static int complete(struct options *o)
{
	if (!o->modes.n && driver_choose(&o->modes, "vanilla,slice,coop,coop-fair,static"))
		return -1;
	if (!o->cases.n && driver_choose(&o->cases, "idle,busy"))
		return -1;
	if (o->hog && driver_choose(&o->cases, "busy-hog"))
		return -1;
	if (!o->no_aa)
		driver_choose_twins(&o->modes);
	return 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
	int ret;

	*o = (struct options){ .modes = DRIVER_CHOICE("mode", modes),
			       .cases = DRIVER_CHOICE("case", cases),
			       .repeat = 1,
			       .seconds = 10,
			       .interval_us = 2170,
			       .vcpus = 1,
			       .boot_limit = 60,
			       .result_limit = 90 };
	ret = driver_options(argc, argv, long_options, set_option, o);
	return ret ? ret : complete(o);
}
