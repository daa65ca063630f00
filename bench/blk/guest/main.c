// SPDX-License-Identifier: GPL-2.0
/* Runs in a guest as a job of its PID 1, and answers as bench/lib/guestcount.h says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/blk/guest/blk.h"
#include "bench/lib/guestcount.h"
#include "lab/lib/proc.h"
#include "lab/lib/record.h"

/* Until the rates that the host measures are those of the load. */
#define WARM_UP_NS 600000000ull

static const char usage[] =
	"usage: coop-guest-blk [OPTION...]   runs in a guest\n"
	"  --device PATH       block device (/dev/vda); writing destroys what is on it\n"
	"  --op OP             read, write, randread, randwrite, verify (randread)\n"
	"  --size BYTES        of a request: a multiple of 512 (4096)\n"
	"  --depth N           requests in flight at most (1)\n"
	"  --rate N            begin N requests per second whatever becomes of them (0: as they end)\n"
	"  --seconds S         (5)\n"
	"  --seed N            (1)\n"
	"  --hog               compute beside, at normal priority\n"
	"  --switch-vcpu       take the second vCPU off and on all the time\n"
	"  --stall S           fail after that long without a completion (30)\n";

static const struct option long_options[] = {
	{ "device", required_argument, NULL, 'd' },
	{ "op", required_argument, NULL, 'o' },
	{ "size", required_argument, NULL, 's' },
	{ "depth", required_argument, NULL, 'q' },
	{ "rate", required_argument, NULL, 'r' },
	{ "seconds", required_argument, NULL, 't' },
	{ "seed", required_argument, NULL, 'e' },
	{ "hog", no_argument, NULL, 'g' },
	{ "switch-vcpu", no_argument, NULL, 'm' },
	{ "stall", required_argument, NULL, 'w' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_op(struct blk_options *o, const char *op)
{
	o->verify = !strcmp(op, "verify");
	o->random = !strncmp(op, "rand", 4);
	op += o->random ? 4 : 0;
	o->write = !strcmp(op, "write");
	if (o->write || o->verify || !strcmp(op, "read"))
		return 0;
	fprintf(stderr, "coop: --op takes read, write, randread, randwrite or verify\n");
	return -1;
}

static int set_size(struct blk_options *o, const char *text)
{
	if (proc_option_number("size", text, 512, 1 << 20, &o->size))
		return -1;
	if (!(o->size % 512))
		return 0;
	fprintf(stderr, "coop: --size takes a multiple of 512, not %d\n", o->size);
	return -1;
}

static int set_option(void *arg, int opt)
{
	struct blk_options *o = arg;

	switch (opt) {
	case 'd':
		o->device = optarg;
		return 0;
	case 'o':
		return set_op(o, optarg);
	case 's':
		return set_size(o, optarg);
	case 'q':
		return proc_option_number("depth", optarg, 1, BLK_DEPTH_MAX, &o->depth);
	case 'r':
		return proc_option_number("rate", optarg, 0, 1000000, &o->rate);
	case 't':
		return proc_option_number("seconds", optarg, 1, 86400, &o->seconds);
	case 'e':
		return proc_option_number("seed", optarg, 0, 1000000000, &o->seed);
	case 'g':
		o->hog = true;
		return 0;
	case 'm':
		o->switch_vcpu = true;
		return 0;
	case 'w':
		return proc_option_number("stall", optarg, 1, 86400, &o->stall_s);
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return -1;
}

static int measure(struct blk_load *l, int fd)
{
	const struct blk_options *o = l->o;
	const char *base = strrchr(o->device, '/');
	struct guestcount count;
	char device[100];

	snprintf(device, sizeof(device), "/sys/block/%.40s/device", base ? base + 1 : o->device);
	if (blk_run(l, proc_now_ns() + WARM_UP_NS))
		return -1;
	if (guestcount_begin(&count, device, fd)) {
		snprintf(l->error, sizeof(l->error), "/proc/interrupts does not have %s",
			 o->device);
		return -1;
	}
	l->recording = true;
	if (blk_run(l, proc_now_ns() + o->seconds * 1000000000ull))
		return -1;
	l->recording = false;
	guestcount_end(&count);
	if (blk_drain(l) || (o->verify && blk_check_all(l)))
		return -1;
	return guestcount_send(&count, l->completed, &l->hist);
}

static int measure_switching(struct blk_load *l, int fd)
{
	pid_t child = blk_switch_vcpu();
	int ret = child < 0 ? -1 : measure(l, fd);

	if (!ret && proc_wait(child, 0) >= 0) {
		snprintf(l->error, sizeof(l->error), "there is no second vCPU to switch");
		return -1;
	}
	if (child > 0)
		proc_kill_group(child);
	return ret;
}

int main(int argc, char **argv)
{
	struct blk_options o = { .device = "/dev/vda",
				 .random = true,
				 .size = 4096,
				 .depth = 1,
				 .seconds = 5,
				 .seed = 1,
				 .stall_s = 30 };
	struct blk_load load;
	int ret;

	ret = proc_options(argc, argv, long_options, set_option, &o);
	if (ret)
		return ret < 0 ? 2 : 0;
	ret = blk_open(&load, &o);
	if (!ret && o.hog && proc_start_hog() < 0) {
		snprintf(load.error, sizeof(load.error), "no process to compute");
		ret = -1;
	}
	if (!ret)
		ret = (o.switch_vcpu ? measure_switching : measure)(&load, record_fd());
	if (ret) {
		fprintf(stderr, "coop: %s\n", *load.error ? load.error : "cannot send the answer");
		return 1;
	}
	printf("%llu requests, %llu of them checked reads\n", (unsigned long long)load.completed,
	       (unsigned long long)load.checked);
	blk_close(&load);
	return 0;
}
