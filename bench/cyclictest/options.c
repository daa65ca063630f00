// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cyclictest/bench.h"
#include "lab/lib/proc.h"

/* Of the matrix, where there are pCPUs for them. */
#define MATRIX_VCPUS 4

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
	"  --cotenants N       of busy and busy-hog, on each pCPU (2)\n"
	"  --interval US       cyclictest's; a multiple of the tick locks on to the scheduler's phase (2170);\n"
	"                      auto: the first of 2170, 5425, 10850 and 21700 at which the task alone takes less than\n"
	"                      0.6 of the vCPU's fair share\n"
	"  --vcpus N           of each guest (1)\n"
	"  --matrix[=A,B]      guest and host, idle and busy, at these intervals in us (500,1000), with --host-cyclictest;\n"
	"                      4 vCPUs, each on a pCPU of its own, where there are 5 pCPUs\n"
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
	{ "matrix", optional_argument, NULL, 'M' },
	{ "host-cyclictest", no_argument, NULL, 'H' },
	{ "initrd", required_argument, NULL, 'I' },
	{ "append", required_argument, NULL, 'a' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_matrix(struct options *o, const char *list)
{
	char *copy = strdup(list), *save = NULL;
	int ret = copy ? 0 : -1;

	o->nmatrix = 0;
	for (char *word = copy ? strtok_r(copy, ",", &save) : NULL; word && !ret;
	     word = strtok_r(NULL, ",", &save)) {
		if (o->nmatrix == INTERVALS_MAX) {
			fprintf(stderr, "coop: --matrix takes %d intervals at most\n",
				INTERVALS_MAX);
			ret = -1;
		} else {
			ret = proc_option_number("matrix", word, 100, 1000000,
						 &o->matrix[o->nmatrix++]);
		}
	}
	free(copy);
	return ret;
}

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
		o->interval_us = 0;
		if (!strcmp(optarg, "auto"))
			return 0;
		return proc_option_number("interval", optarg, 100, 1000000, &o->interval_us);
	case 'v':
		if (proc_option_number("vcpus", optarg, 1, VM_VCPUS_MAX, &vcpus))
			return -1;
		b->boot.vcpus = vcpus;
		return 0;
	case 'M':
		return set_matrix(o, optarg ? optarg : "500,1000");
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

/* Both loads at each interval, on as many pCPUs as there are vCPUs. */
static int matrix(struct guest_bench *b, struct options *o)
{
	long pcpus = sysconf(_SC_NPROCESSORS_ONLN);
	int n = 0;

	if (b->cases.n) {
		fprintf(stderr, "coop: --matrix has its own cases: leave out --cases\n");
		return -1;
	}
	for (int busy = 0; busy < 2; busy++) {
		for (int i = 0; i < o->nmatrix; i++, n++) {
			snprintf(o->names[n], sizeof(o->names[n]), "%s-%d", busy ? "busy" : "idle",
				 o->matrix[i]);
			o->matrix_cases[n] =
				(struct guest_case){ o->names[n], busy, false, o->matrix[i] };
			b->cases.chosen[n] = &o->matrix_cases[n];
		}
	}
	b->cases.n = n;
	o->host_cyclictest = true;
	if (b->boot.vcpus == 1 && pcpus > CPU_GUEST + MATRIX_VCPUS)
		b->boot.vcpus = MATRIX_VCPUS;
	if (pcpus > CPU_GUEST + (long)b->boot.vcpus)
		b->boot.pcpus = b->boot.vcpus;
	return 0;
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
				   .cotenants = 2,
				   .result_limit = 90,
				   .boot = { .vcpus = 1, .limit = 60 },
				   .arg = o };
	ret = proc_options(argc, argv, long_options, set_option, b);
	if (!ret && o->nmatrix)
		ret = matrix(b, o);
	if (!ret)
		ret = guest_bench_complete(b, "vanilla,slice,coop,coop-fair,static", "idle,busy");
	if (!ret && o->hog)
		ret = driver_choose(&b->cases, "busy-hog");
	if (!ret && o->host_cyclictest && b->cotenants < 2) {
		fprintf(stderr, "coop: --host-cyclictest takes the place of a co-tenant: --cotenants 2 or more\n");
		ret = -1;
	}
	return ret;
}
