// SPDX-License-Identifier: GPL-2.0
/*
 * coop-bench-blk: what holding back completion interrupts does to a guest's block requests: their
 * number, their latency, and the CPU time they take.
 */
#include <stdio.h>
#include <string.h>

#include "bench/lib/iobench.h"
#include "lab/lib/proc.h"

struct options {
	struct iobench *bench;
	int rate, latency_us, disk_iops;
	bool file, iothread;
};

static const char usage[] =
	"usage: coop-bench-blk [OPTION...]   runs in L1, as a job of coop-lab\n" IOBENCH_USAGE_MODES
	"  --cases A,B         OP-SIZE-qdDEPTH-SCENARIO: read, write, randread or randwrite; 512 to 64k;\n"
	"                      1 to 64; alone, hogs (co-tenants on the vCPU's pCPU), hogswork (the same, and\n"
	"                      the guest computes beside) or allio (a second guest on it with the same\n"
	"                      load)\n"
	"                      (randread-4k-qd1-alone,randread-4k-qd16-alone,randread-4k-qd16-hogs,\n"
	"                      randread-4k-qd16-allio)\n"
	"  --rate N            begin N requests per second whatever becomes of them (0: as they end)\n"
	"  --backend B         null, which takes a fixed time per request, or file, on tmpfs (null)\n"
	"  --latency US        of null (100)\n"
	"  --disk-iops N       requests per second that the disk can do, 0 for no limit (500)\n"
	"  --iothread          a thread of QEMU's for the disk, and irqfd\n" IOBENCH_USAGE_COMMON;

static const struct option long_options[] = {
	IOBENCH_OPTIONS,
	{ "rate", required_argument, NULL, 'E' },
	{ "backend", required_argument, NULL, 'B' },
	{ "latency", required_argument, NULL, 'L' },
	{ "disk-iops", required_argument, NULL, 'D' },
	{ "iothread", no_argument, NULL, 'T' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static bool known(const struct iobench_case *c)
{
	const char *op = c->op + (strncmp(c->op, "rand", 4) ? 0 : 4);

	if (strcmp(op, "read") && strcmp(op, "write"))
		return false;
	return c->size >= 512 && !(c->size & (c->size - 1));
}

static void configure(const void *arg, struct iovm_config *config, bool other)
{
	const struct options *o = arg;

	(void)other;
	config->file = o->file;
	config->iothread = o->iothread;
	config->latency_us = o->latency_us;
	config->disk_iops = o->disk_iops;
}

static char **job(const void *arg, const struct iobench_case *c, int seconds, bool other)
{
	static char size[16], depth[16], duration[16], rate[16];
	static char *argv[] = {
		"coop-guest-blk", "--op",   NULL,     "--size", size, "--depth", depth,
		"--seconds",	  duration, "--rate", rate,	NULL,	  NULL
	};
	const struct options *o = arg;

	(void)other;
	argv[2] = (char *)c->op;
	snprintf(size, sizeof(size), "%d", c->size);
	snprintf(depth, sizeof(depth), "%d", c->depth);
	snprintf(duration, sizeof(duration), "%d", seconds);
	snprintf(rate, sizeof(rate), "%d", o->rate);
	argv[11] = c->scenario == SCENARIO_HOGSWORK ? "--hog" : NULL;
	return argv;
}

static const struct iobench_kind kind = {
	.name = "blk",
	.default_cases = "randread-4k-qd1-alone,randread-4k-qd16-alone,randread-4k-qd16-hogs,"
			 "randread-4k-qd16-allio",
	.example = "randread-4k-qd16-alone",
	.known = known,
	.configure = configure,
	.job = job,
};

static int set_backend(struct options *o, const char *name)
{
	o->file = !strcmp(name, "file");
	if (o->file || !strcmp(name, "null"))
		return 0;
	fprintf(stderr, "coop: --backend takes null or file, not '%s'\n", name);
	return -1;
}

static int set_option(void *arg, int opt)
{
	struct options *o = arg;

	switch (opt) {
	case 'E':
		return proc_option_number("rate", optarg, 0, 1000000, &o->rate);
	case 'B':
		return set_backend(o, optarg);
	case 'L':
		return proc_option_number("latency", optarg, 0, 1000000, &o->latency_us);
	case 'D':
		return proc_option_number("disk-iops", optarg, 0, 1000000, &o->disk_iops);
	case 'T':
		o->iothread = true;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return iobench_option(o->bench, opt);
}

int main(int argc, char **argv)
{
	struct iobench b;
	struct options o = { .bench = &b, .latency_us = 100, .disk_iops = 500 };
	int ret;

	iobench_init(&b, &kind, &o);
	ret = proc_options(argc, argv, long_options, set_option, &o);
	if (!ret)
		ret = iobench_options_done(&b);
	if (ret)
		return ret < 0 ? 2 : 0;
	return iobench_run(&b, json_pack("{s:i, s:s, s:i, s:i, s:b}", "rate", o.rate, "backend",
					 o.file ? "file" : "null", "latency_us", o.latency_us,
					 "disk_iops", o.disk_iops, "iothread", o.iothread));
}
