// SPDX-License-Identifier: GPL-2.0
/* coop-lab: the lab's command on the build machine. */
#include <stdio.h>
#include <string.h>

#include "lab/host/lab.h"
#include "lab/lib/klog.h"

static const char usage[] =
	"usage: coop-lab run --out DIR [OPTION...] -- PROGRAM [ARG...]   boot L1, run PROGRAM there as a job\n"
	"       coop-lab shell [OPTION...]                              boot L1 with a shell on this terminal\n"
	"       coop-lab scan FILE...                                   look for splats in kernel logs\n"
	"       coop-lab l2 [QEMU ARG...]                               inside L1: a guest on this terminal\n"
	"\n"
	"  --out DIR          where logs, files and runs.jsonl go\n"
	"  --kernel BZIMAGE   kernel of both levels\n"
	"  --qemu BIN         QEMU of both levels\n"
	"  --initrd FILE      initramfs of L2\n"
	"  --accel WHICH      auto (default), tcg, kvm, or here: no L1, PROGRAM runs on this machine\n"
	"  --smp N            L1's processors (2)\n"
	"  --mem MIB          L1's memory (4096)\n"
	"  --limit SECONDS    for the whole run (1800)\n"
	"  --boot-limit SECONDS   until L1 says hello (120)\n"
	"  --append ARGS      more words for L1's kernel command line\n"
	"  --quiet            only say what goes wrong\n"
	"\n"
	"exit status: 0 passed, 1 the job failed, 2 usage or set-up, 3 hung, 4 splat in a kernel log, 130 interrupted\n";

static int scan(int argc, char **argv)
{
	struct klog_hit hit;
	int code = LAB_PASS;

	if (!argc) {
		fprintf(stderr, "coop: scan needs the names of kernel logs\n");
		return LAB_SETUP;
	}
	for (int i = 0; i < argc; i++) {
		int n = klog_scan(argv[i], stdout, 20, &hit);

		if (n < 0) {
			fprintf(stderr, "coop: cannot read %s\n", argv[i]);
			return LAB_SETUP;
		}
		if (n)
			code = LAB_SPLAT;
	}
	return code;
}

static int boot(int argc, char **argv)
{
	bool shell = !strcmp(argv[0], "shell");
	struct lab_options o;

	options_defaults(&o);
	if (options_parse(&o, argc, argv) < 0)
		return LAB_SETUP;
	if (!shell && (!o.out || !o.argv[0])) {
		fprintf(stderr, "coop: run needs --out DIR and a program: see coop-lab --help\n");
		return LAB_SETUP;
	}
	if (shell && here_chosen(&o)) {
		fprintf(stderr, "coop: a shell needs L1: use --accel auto, tcg or kvm\n");
		return LAB_SETUP;
	}
	if (options_check(&o) || (!here_chosen(&o) && accel_choose(&o)))
		return LAB_SETUP;
	return shell ? run_shell(&o) : run_job(&o);
}

int main(int argc, char **argv)
{
	const char *cmd = argc > 1 ? argv[1] : "";

	if (!strcmp(cmd, "run") || !strcmp(cmd, "shell"))
		return boot(argc - 1, argv + 1);
	if (!strcmp(cmd, "scan"))
		return scan(argc - 2, argv + 2);
	if (!strcmp(cmd, "l2"))
		return l2_exec(argc - 2, argv + 2);
	if (!strcmp(cmd, "--help") || !strcmp(cmd, "-h")) {
		fputs(usage, stdout);
		return LAB_PASS;
	}
	fprintf(stderr, "coop: unknown command '%s': see coop-lab --help\n", cmd);
	return LAB_SETUP;
}
