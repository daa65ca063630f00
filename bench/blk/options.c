// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/blk/bench.h"
#include "lab/lib/proc.h"

static const struct mode modes[] = {
	{ "off", "off", false, false },	      { "off-aa", "off", false, false },
	{ "rate", "rate", false, false },     { "vic", "vic", false, false },
	{ "slice", "slice", false, true },    { "auto", "auto", false, true },
	{ "coop+off", "off", true, false },   { "coop+rate", "rate", true, false },
	{ "coop+vic", "vic", true, false },   { "coop+slice", "slice", true, false },
	{ "coop+auto", "auto", true, false },
};

static const char *const scenarios[] = { "alone", "hogs", "allio" };

static const char usage[] =
	"usage: coop-bench-blk [OPTION...]   runs in L1, as a job of coop-lab\n"
	"  --modes A,B         off, rate, vic, slice, auto (these), and with boosts coop+off to coop+auto;\n"
	"                      off-aa comes with off\n"
	"  --cases A,B         OP-SIZE-qdDEPTH-SCENARIO: read, write, randread or randwrite; 512 to 64k;\n"
	"                      1 to 64; alone, hogs (co-tenants on the vCPU's pCPU) or allio (a second\n"
	"                      guest on it with the same load)\n"
	"                      (randread-4k-qd1-alone,randread-4k-qd16-alone,randread-4k-qd16-hogs,\n"
	"                      randread-4k-qd16-allio)\n"
	"  --repeat N          rounds (1)\n"
	"  --seconds S         per measurement (5)\n"
	"  --rate N            begin N requests per second whatever becomes of them (0: as they end)\n"
	"  --backend B         null, which takes a fixed time per request, or file, on tmpfs (null)\n"
	"  --latency US        of null (100)\n"
	"  --disk-iops N       requests per second that the disk can do, 0 for no limit (500)\n"
	"  --iothread          a thread of QEMU's for the disk, and irqfd\n"
	"  --cotenants N       of hogs (2)\n"
	"  --inflight N        QEMU's coalesce-inflight (4)\n"
	"  --iops N            QEMU's coalesce-iops (100)\n"
	"  --max-us US         QEMU's coalesce-max-us (20000)\n"
	"  --no-aa             no second off\n"
	"  --result-limit S    from the end of a measurement to its result (60)\n";

static const struct option long_options[] = {
	{ "modes", required_argument, NULL, 'm' },
	{ "cases", required_argument, NULL, 'c' },
	{ "repeat", required_argument, NULL, 'r' },
	{ "seconds", required_argument, NULL, 's' },
	{ "rate", required_argument, NULL, 'e' },
	{ "backend", required_argument, NULL, 'b' },
	{ "latency", required_argument, NULL, 'l' },
	{ "disk-iops", required_argument, NULL, 'd' },
	{ "iothread", no_argument, NULL, 't' },
	{ "cotenants", required_argument, NULL, 'n' },
	{ "inflight", required_argument, NULL, 'f' },
	{ "iops", required_argument, NULL, 'i' },
	{ "max-us", required_argument, NULL, 'x' },
	{ "no-aa", no_argument, NULL, 'A' },
	{ "result-limit", required_argument, NULL, 'R' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int bad_case(const char *name)
{
	fprintf(stderr,
		"coop: case '%s' is not OP-SIZE-qdDEPTH-SCENARIO, as in randread-4k-qd16-alone: "
		"see --help\n",
		name);
	return -1;
}

/* "4k", "512": a power of two from 512 to 64k. */
static int parse_size(const char *text)
{
	char *end;
	long size = strtol(text, &end, 10);

	if (*end == 'k' && size <= 64) {
		size *= 1024;
		end++;
	}
	return *end || size < 512 || size > 65536 || size & (size - 1) ? -1 : (int)size;
}

static bool parse_op(const char *op)
{
	op += strncmp(op, "rand", 4) ? 0 : 4;
	return !strcmp(op, "read") || !strcmp(op, "write");
}

static int add_case(struct options *o, const char *name)
{
	struct bench_case *c = &o->cases[o->ncases];
	char size[16], scenario[16], again[64];

	if (o->ncases == CASES_MAX) {
		fprintf(stderr, "coop: more than %d cases\n", CASES_MAX);
		return -1;
	}
	if (sscanf(name, "%15[a-z]-%15[0-9k]-qd%d-%15[a-z]", c->op, size, &c->depth, scenario) != 4)
		return bad_case(name);
	c->size = parse_size(size);
	if (!parse_op(c->op) || c->size < 0 || c->depth < 1 || c->depth > 64)
		return bad_case(name);
	for (c->scenario = 0; strcmp(scenario, scenarios[c->scenario]);)
		if (++c->scenario > SCENARIO_ALLIO)
			return bad_case(name);
	/* one spelling for each */
	snprintf(size, sizeof(size), c->size < 1024 ? "%d" : "%dk",
		 c->size < 1024 ? c->size : c->size / 1024);
	snprintf(again, sizeof(again), "%s-%s-qd%d-%s", c->op, size, c->depth, scenario);
	if (strcmp(name, again))
		return bad_case(name);
	memcpy(c->name, again, sizeof(again));
	o->ncases++;
	return 0;
}

static int add_cases(struct options *o, const char *list)
{
	char *copy = strdup(list);
	int ret = copy ? 0 : -1;

	for (char *word = copy ? strtok(copy, ",") : NULL; word && !ret; word = strtok(NULL, ","))
		ret = add_case(o, word);
	free(copy);
	return ret;
}

static int set_backend(struct options *o, const char *name)
{
	o->file = !strcmp(name, "file");
	if (o->file || !strcmp(name, "null"))
		return 0;
	fprintf(stderr, "coop: --backend takes null or file, not '%s'\n", name);
	return -1;
}

static int set_number(struct options *o, int opt)
{
	switch (opt) {
	case 'r':
		return proc_option_number("repeat", optarg, 1, 1000, &o->repeat);
	case 's':
		return proc_option_number("seconds", optarg, 1, 3600, &o->seconds);
	case 'e':
		return proc_option_number("rate", optarg, 0, 1000000, &o->rate);
	case 'l':
		return proc_option_number("latency", optarg, 0, 1000000, &o->latency_us);
	case 'd':
		return proc_option_number("disk-iops", optarg, 0, 1000000, &o->disk_iops);
	case 'n':
		return proc_option_number("cotenants", optarg, 1, VMLOAD_COTENANTS_MAX,
					  &o->cotenants);
	case 'f':
		return proc_option_number("inflight", optarg, 0, 1024, &o->inflight);
	case 'i':
		return proc_option_number("iops", optarg, 0, 1000000000, &o->iops);
	case 'x':
		return proc_option_number("max-us", optarg, 0, 100000, &o->max_us);
	case 'R':
		return proc_option_number("result-limit", optarg, 1, 3600, &o->result_limit);
	}
	return -1;
}

static int set_option(void *options, int opt)
{
	struct options *o = options;

	switch (opt) {
	case 'm':
		return driver_choose(&o->modes, optarg);
	case 'c':
		return add_cases(o, optarg);
	case 'b':
		return set_backend(o, optarg);
	case 't':
		o->iothread = true;
		return 0;
	case 'A':
		o->no_aa = true;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return set_number(o, opt);
}

int options_parse(struct options *o, int argc, char **argv)
{
	int ret;

	*o = (struct options){ .modes = DRIVER_CHOICE("mode", modes),
			       .repeat = 1,
			       .seconds = 5,
			       .cotenants = 2,
			       .latency_us = 100,
			       .disk_iops = 500,
			       .inflight = 4,
			       .iops = 100,
			       .max_us = 20000,
			       .result_limit = 60 };
	ret = driver_options(argc, argv, long_options, set_option, o);
	if (ret)
		return ret;
	if (!o->modes.n && driver_choose(&o->modes, "off,rate,vic,slice,auto"))
		return -1;
	if (!o->ncases && add_cases(o, "randread-4k-qd1-alone,randread-4k-qd16-alone,"
				       "randread-4k-qd16-hogs,randread-4k-qd16-allio"))
		return -1;
	if (!o->no_aa)
		driver_choose_twins(&o->modes);
	return 0;
}
