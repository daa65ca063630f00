// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/lib/iobench.h"
#include "lab/lib/proc.h"

static const struct iobench_mode modes[IOBENCH_MODES] = {
	{ .name = "off", .policy = "off" },
	{ .name = "off-aa", .policy = "off" },
	{ .name = "rate", .policy = "rate" },
	{ .name = "vic", .policy = "vic" },
	{ .name = "slice", .policy = "slice", .facts = true },
	{ .name = "auto", .policy = "auto", .facts = true },
	{ .name = "coop+off", .policy = "off", .coop = true },
	{ .name = "coop+rate", .policy = "rate", .coop = true },
	{ .name = "coop+vic", .policy = "vic", .coop = true },
	{ .name = "coop+slice", .policy = "slice", .coop = true },
	{ .name = "coop+auto", .policy = "auto", .coop = true },
	{ .name = "coop+off-urgent", .policy = "off", .coop = true, .urgent = "on" },
	{ .name = "coop+off-bulk", .policy = "off", .coop = true, .urgent = "off" },
	{ .name = "coop+slice-urgent", .policy = "slice", .coop = true, .urgent = "on" },
	{ .name = "coop+slice-bulk", .policy = "slice", .coop = true, .urgent = "off" },
};

static const char *const scenarios[] = { "alone", "hogs", "hogswork", "allio" };

void iobench_init(struct iobench *b, const struct iobench_kind *kind, const void *arg)
{
	*b = (struct iobench){ .kind = kind,
			       .arg = arg,
			       .modes = DRIVER_CHOICE("mode", modes),
			       .repeat = 1,
			       .seconds = 5,
			       .cotenants = 2,
			       .inflight = 4,
			       .iops = 100,
			       .max_us = 20000,
			       .cutoff_us = 2000,
			       .result_limit = 60 };
}

static int bad_case(const struct iobench *b, const char *name)
{
	fprintf(stderr, "coop: case '%s' is not OP-SIZE-qdDEPTH-SCENARIO, as in %s: see --help\n",
		name, b->kind->example);
	return -1;
}

/* "4k", "512" */
static int parse_size(const char *text)
{
	char *end;
	long size = strtol(text, &end, 10);

	if (*end == 'k' && size <= 64) {
		size *= 1024;
		end++;
	}
	return *end || size < 1 || size > 65536 ? -1 : (int)size;
}

static int add_case(struct iobench *b, const char *name)
{
	struct iobench_case *c = &b->cases[b->ncases];
	char size[16], scenario[16], again[64];

	if (b->ncases == IOBENCH_CASES_MAX) {
		fprintf(stderr, "coop: more than %d cases\n", IOBENCH_CASES_MAX);
		return -1;
	}
	if (sscanf(name, "%15[a-z]-%15[0-9k]-qd%d-%15[a-z]", c->op, size, &c->depth, scenario) != 4)
		return bad_case(b, name);
	c->size = parse_size(size);
	if (c->size < 0 || !b->kind->known(c) || c->depth < 1 || c->depth > 64)
		return bad_case(b, name);
	for (c->scenario = 0; strcmp(scenario, scenarios[c->scenario]);)
		if (++c->scenario > SCENARIO_ALLIO)
			return bad_case(b, name);
	/* one spelling for each */
	snprintf(size, sizeof(size), c->size % 1024 ? "%d" : "%dk",
		 c->size % 1024 ? c->size : c->size / 1024);
	snprintf(again, sizeof(again), "%s-%s-qd%d-%s", c->op, size, c->depth, scenario);
	if (strcmp(name, again))
		return bad_case(b, name);
	memcpy(c->name, again, sizeof(again));
	b->ncases++;
	return 0;
}

static int add_cases(struct iobench *b, const char *list)
{
	char *copy = strdup(list);
	int ret = copy ? 0 : -1;

	for (char *word = copy ? strtok(copy, ",") : NULL; word && !ret; word = strtok(NULL, ","))
		ret = add_case(b, word);
	free(copy);
	return ret;
}

int iobench_option(struct iobench *b, int opt)
{
	switch (opt) {
	case 'm':
		return driver_choose(&b->modes, optarg);
	case 'c':
		return add_cases(b, optarg);
	case 'r':
		return proc_option_number("repeat", optarg, 1, 1000, &b->repeat);
	case 's':
		return proc_option_number("seconds", optarg, 1, 3600, &b->seconds);
	case 'n':
		return proc_option_number("cotenants", optarg, 1, VMLOAD_COTENANTS_MAX,
					  &b->cotenants);
	case 'f':
		return proc_option_number("inflight", optarg, 0, 1024, &b->inflight);
	case 'i':
		return proc_option_number("iops", optarg, 0, 1000000000, &b->iops);
	case 'x':
		return proc_option_number("max-us", optarg, 0, 100000, &b->max_us);
	case 'o':
		return proc_option_number("cutoff-us", optarg, 0, 100000, &b->cutoff_us);
	case 't':
		return proc_option_number("host-slice", optarg, DRIVER_SLICE_MIN_US,
					  DRIVER_SLICE_MAX_US, &b->slice_us);
	case 'l':
		return proc_option_number("result-limit", optarg, 1, 3600, &b->result_limit);
	case 'a':
		b->no_aa = true;
		return 0;
	}
	return -1;
}

int iobench_options_done(struct iobench *b)
{
	if (!b->modes.n && driver_choose(&b->modes, "off,rate,vic,slice,auto"))
		return -1;
	if (!b->ncases && add_cases(b, b->kind->default_cases))
		return -1;
	if (!b->no_aa)
		driver_choose_twins(&b->modes);
	return 0;
}
