// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "bench/lib/driver.h"
#include "bench/overhead/bench.h"
#include "bench/overhead/guest.h"
#include "lab/lib/proc.h"

static const struct mode modes[] = {
	{ "off", false, false },
	/* The same again: how far two equal modes differ is the noise floor. */
	{ "off-aa", false, false },
	{ "other", false, true },
	{ "on", true, false },
};

static const struct bench_case cases[] = {
	{ "exit", measure_exit, 1 },
	{ "irq-running", measure_irq_running, 1 },
	{ "irq-halted", measure_irq_halted, 1 },
	{ "boost", measure_boost, 1 },
	{ "switch", measure_switch, 12 },
};

static const char usage[] =
	"usage: coop-bench-overhead [OPTION...]   runs in L1, as a job of coop-lab\n"
	"  --modes A,B     off, other (another VM of the host has it), on (all of them); off-aa comes with off\n"
	"  --cases A,B     exit, irq-running, irq-halted, boost, switch (all of them)\n"
	"  --repeat N      rounds (10)\n"
	"  --samples N     per measurement; half as many interrupts, ten times as many switches (400)\n";

const struct mode *mode_find(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(modes[i].name, name))
			return &modes[i];
	return NULL;
}

const struct bench_case *case_find(const char *name)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!strcmp(cases[i].name, name))
			return &cases[i];
	return NULL;
}

static int add_mode(void *arg, const char *name)
{
	const struct mode *mode = mode_find(name);
	struct options *o = arg;

	for (int i = 0; mode && i < o->modes; i++)
		if (o->mode[i] == mode)
			return 0;
	if (!mode) {
		fprintf(stderr, "coop: unknown mode '%s': expected off, other or on\n", name);
		return -1;
	}
	o->mode[o->modes++] = mode;
	return 0;
}

static int add_case(void *arg, const char *name)
{
	const struct bench_case *c = case_find(name);
	struct options *o = arg;

	for (int i = 0; c && i < o->cases; i++)
		if (o->bench_case[i] == c)
			return 0;
	if (!c) {
		fprintf(stderr,
			"coop: unknown case '%s': expected exit, irq-running, irq-halted, boost or "
			"switch\n",
			name);
		return -1;
	}
	o->bench_case[o->cases++] = c;
	return 0;
}

static const struct option long_options[] = {
	{ "modes", required_argument, NULL, 'm' },  { "cases", required_argument, NULL, 'c' },
	{ "repeat", required_argument, NULL, 'r' }, { "samples", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },	    { 0 },
};

static int set_option(struct options *o, int opt)
{
	switch (opt) {
	case 'm':
		return driver_list(optarg, add_mode, o);
	case 'c':
		return driver_list(optarg, add_case, o);
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
	if (!o->modes && driver_list("off,off-aa,other,on", add_mode, o))
		return -1;
	if (!o->cases && driver_list("exit,irq-running,irq-halted,boost,switch", add_case, o))
		return -1;
	for (int i = 0; i < o->modes; i++)
		if (!strcmp(o->mode[i]->name, "off"))
			return add_mode(o, "off-aa");
	return 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
	int opt, ret;

	*o = (struct options){ .repeat = 10, .samples = 400 };
	while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		ret = set_option(o, opt);
		if (ret)
			return ret;
	}
	if (optind < argc) {
		fprintf(stderr, "coop: unexpected argument '%s'\n", argv[optind]);
		return -1;
	}
	return complete(o);
}
