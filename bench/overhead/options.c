// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "bench/overhead/bench.h"
#include "bench/overhead/guest.h"
#include "lab/lib/proc.h"

static const struct mode modes[] = {
	{ "off", false, false },
	{ "off-aa", false, false },
	{ "other", false, true },
	{ "on", true, false },
};

static const struct bench_case cases[] = {
	{ "exit", measure_exit, 1 },
	{ "irq-running", measure_irq_running, 1 },
	{ "irq-halted", measure_irq_halted, 1 },
	{ "boost", measure_boost, 1 },
	{ "notify", measure_notify, 4 },
	{ "switch", measure_switch, 12 },
};

static const char usage[] =
	"usage: coop-bench-overhead [OPTION...]   runs in L1, as a job of coop-lab\n"
	"  --modes A,B     off, other (another VM of the host has it), on (all of them); off-aa comes with off\n"
	"  --cases A,B     exit, irq-running, irq-halted, boost, notify, switch (all of them)\n"
	"  --repeat N      rounds (10)\n"
	"  --samples N     per measurement; half as many interrupts, ten times as many switches (400)\n";

static const struct option long_options[] = {
	{ "modes", required_argument, NULL, 'm' },  { "cases", required_argument, NULL, 'c' },
	{ "repeat", required_argument, NULL, 'r' }, { "samples", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },	    { 0 },
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
		return proc_option_number("samples", optarg, 20, GUEST_SAMPLES_MAX, &o->samples);
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return -1;
}

/* What was not said. */
static int complete(struct options *o)
{
	if (!o->modes.n && driver_choose(&o->modes, "off,off-aa,other,on"))
		return -1;
	if (!o->cases.n &&
	    driver_choose(&o->cases, "exit,irq-running,irq-halted,boost,notify,switch"))
		return -1;
	driver_choose_twins(&o->modes);
	return 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
	int ret;

	*o = (struct options){ .modes = DRIVER_CHOICE("mode", modes),
			       .cases = DRIVER_CHOICE("case", cases),
			       .repeat = 10,
			       .samples = 400 };
	ret = proc_options(argc, argv, long_options, set_option, o);
	return ret ? ret : complete(o);
}
