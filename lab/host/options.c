// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/host/lab.h"
#include "lab/lib/proc.h"

#define BOOT_LIMIT 120

static void cache_path(char *path, const char *below)
{
	const char *cache = getenv("COOP_CACHE");
	const char *xdg = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");

	if (cache)
		snprintf(path, PATH_MAX, "%s/%s", cache, below);
	else if (xdg && *xdg)
		snprintf(path, PATH_MAX, "%s/kvm-coop/%s", xdg, below);
	else
		snprintf(path, PATH_MAX, "%s/.cache/kvm-coop/%s", home ? home : "", below);
}

/* PID 1 lies beside this program; its path is L1's path too. */
static void find_self(struct lab_options *o)
{
	ssize_t n = readlink("/proc/self/exe", o->self, sizeof(o->self) - 1);
	char *slash;

	o->self[n > 0 ? n : 0] = 0;
	slash = strrchr(o->self, '/');
	snprintf(o->init, sizeof(o->init), "%.*s/coop-init", slash ? (int)(slash - o->self) : 0,
		 o->self);
}

void options_defaults(struct lab_options *o)
{
	memset(o, 0, sizeof(*o));
	o->accel = "auto";
	o->smp = 2;
	o->mem = 4096;
	o->limit = 1800;
	o->boot_limit = BOOT_LIMIT;
	cache_path(o->kernel, "build/kernel/arch/x86/boot/bzImage");
	cache_path(o->qemu, "build/qemu/qemu-system-x86_64");
	cache_path(o->initrd, "build/guest/l2.cpio.gz");
	find_self(o);
}

enum {
	OPT_OUT = 256,
	OPT_KERNEL,
	OPT_QEMU,
	OPT_INITRD,
	OPT_ACCEL,
	OPT_SMP,
	OPT_MEM,
	OPT_LIMIT,
	OPT_BOOT_LIMIT,
	OPT_APPEND,
	OPT_QUIET,
};

static const struct option options[] = {
	{ "out", required_argument, NULL, OPT_OUT },
	{ "kernel", required_argument, NULL, OPT_KERNEL },
	{ "qemu", required_argument, NULL, OPT_QEMU },
	{ "initrd", required_argument, NULL, OPT_INITRD },
	{ "accel", required_argument, NULL, OPT_ACCEL },
	{ "smp", required_argument, NULL, OPT_SMP },
	{ "mem", required_argument, NULL, OPT_MEM },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "boot-limit", required_argument, NULL, OPT_BOOT_LIMIT },
	{ "append", required_argument, NULL, OPT_APPEND },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ 0 },
};

/* L1 sees the same tree, but has another working directory. */
static int file(const char *name, char *path)
{
	if (!realpath(optarg, path)) {
		fprintf(stderr, "coop: --%s %s: %s\n", name, optarg, strerror(errno));
		return -1;
	}
	return 0;
}

static int set_option(struct lab_options *o, int opt)
{
	switch (opt) {
	case OPT_OUT:
		o->out = optarg;
		return 0;
	case OPT_KERNEL:
		return file("kernel", o->kernel);
	case OPT_QEMU:
		return file("qemu", o->qemu);
	case OPT_INITRD:
		return file("initrd", o->initrd);
	case OPT_ACCEL:
		o->accel = optarg;
		return 0;
	case OPT_SMP:
		return proc_option_number("smp", optarg, 1, 8, &o->smp);
	case OPT_MEM:
		return proc_option_number("mem", optarg, 256, 65536, &o->mem);
	case OPT_LIMIT:
		return proc_option_number("limit", optarg, 1, 86400, &o->limit);
	case OPT_BOOT_LIMIT:
		return proc_option_number("boot-limit", optarg, 1, 3600, &o->boot_limit);
	case OPT_APPEND:
		o->append = optarg;
		return 0;
	case OPT_QUIET:
		o->quiet = true;
		return 0;
	}
	return -1;
}

int options_parse(struct lab_options *o, int argc, char **argv)
{
	int opt;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "+", options, NULL)) != -1)
		if (set_option(o, opt))
			return -1;
	o->argv = argv + optind;
	if (strcmp(o->accel, "auto") && strcmp(o->accel, "tcg") && strcmp(o->accel, "kvm") &&
	    !here_chosen(o)) {
		fprintf(stderr, "coop: --accel %s: expected auto, tcg, kvm or here\n", o->accel);
		return -1;
	}
	return optind;
}

static int check_file(const char *what, const char *path, int mode, const char *how)
{
	if (strpbrk(path, " \t\"")) {
		fprintf(stderr,
			"coop: %s %s: a path with a blank cannot go on a kernel command line: move it\n",
			what, path);
		return -1;
	}
	if (access(path, mode)) {
		fprintf(stderr, "coop: %s %s: %s: %s\n", what, path, strerror(errno), how);
		return -1;
	}
	return 0;
}

int options_check(const struct lab_options *o)
{
	if (check_file("kernel", o->kernel, R_OK, "run ./coop build kernel") ||
	    check_file("QEMU", o->qemu, X_OK, "run ./coop build qemu") ||
	    (!here_chosen(o) && check_file("PID 1", o->init, X_OK, "run ./coop build tools")))
		return -1;
	/* L2's initramfs is the job's business: it may do without an L2. */
	return strpbrk(o->initrd, " \t\"") ? check_file("initramfs", o->initrd, R_OK, "") : 0;
}
