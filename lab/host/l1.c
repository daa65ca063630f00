// SPDX-License-Identifier: GPL-2.0
/* QEMU's command lines: L1 on the build machine, and an interactive L2 inside it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/host/lab.h"
#include "lab/lib/proc.h"
#include "lab/lib/vm.h"

/*
 * loglevel=6 prints what marks the way, warnings, and the splats that a run must not have, without
 * the slow rest. The lab's programs find L2's files, which lie on the same read-only root, by these
 * words.
 *
 * On a busy machine L1's early TSC calibration can be off by 0.1 %. KVM takes it as the frequency of
 * its guests, finds it too far from the refined one, cannot scale, and is left with a scaling ratio
 * of 0: guests then set timers minutes ahead. So the tolerance is wide.
 */
static int l1_cmdline(const struct lab_options *o, bool shell, char *line, size_t size)
{
	int n = snprintf(
		line, size,
		"root=hostfs rootfstype=9p rootflags=trans=virtio,version=9p2000.L,cache=loose,msize=262144 ro "
		"kvm.tsc_tolerance_ppm=100000 "
		"init=%s console=ttyS0 loglevel=6 panic=-1 coop_role=%s COOP_LAB=%s COOP_KERNEL=%s "
		"COOP_QEMU=%s COOP_INITRD=%s%s%s",
		o->init, shell ? "shell" : "l1", o->self, o->kernel, o->qemu, o->initrd,
		o->append ? " " : "", o->append ? o->append : "");

	return n < 0 || (size_t)n >= size ? -1 : 0;
}

struct l1_args {
	struct proc_args list;
	char cmdline[2048]; /* the kernel's limit on x86 */
	char smp[16], mem[16], console[PATH_MAX + 64], port[64];
};

static void l1_args(struct l1_args *a, const struct lab_options *o, int port)
{
	struct proc_args *list = &a->list;

	proc_args_add(list, o->qemu, "-L", "/usr/share/seabios", "-L", "/usr/share/qemu", "-M",
		      "q35,hpet=off", "-no-reboot");
	if (!strcmp(o->accel, "kvm"))
		proc_args_add(list, "-accel", "kvm", "-cpu", "host");
	else
		/*
		 * Without 5-level paging: until the kernel has patched its alternatives it
		 * reads that feature from boot_cpu_data, which identify_cpu() clears for a
		 * moment, and KASAN reports an interrupt that comes just then.
		 */
		proc_args_add(list, "-accel", "tcg,thread=multi", "-cpu", "max,svm=on,la57=off");
	snprintf(a->smp, sizeof(a->smp), "%d", o->smp);
	snprintf(a->mem, sizeof(a->mem), "%d", o->mem);
	proc_args_add(list, "-smp", a->smp, "-m", a->mem, "-display", "none", "-vga", "none",
		      "-nodefaults");
	proc_args_add(
		list, "-kernel", o->kernel, "-append", a->cmdline, "-virtfs",
		"local,path=/,mount_tag=hostfs,security_model=none,readonly=on,multidevs=remap");
	if (port < 0) {
		proc_args_add(list, "-chardev", "stdio,id=con,signal=off,mux=on", "-serial",
			      "chardev:con", "-mon", "con");
		return;
	}
	snprintf(a->console, sizeof(a->console), "file:%s/l1-console.log", o->out);
	snprintf(a->port, sizeof(a->port), "socket,id=coop,fd=%d", port);
	proc_args_add(list, "-serial", a->console, "-device", "virtio-serial-pci", "-chardev",
		      a->port);
	proc_args_add(list, "-device", "virtserialport,chardev=coop,name=" RECORD_PORT);
}

/* QEMU's own messages go beside the consoles. */
static void redirect(const char *out)
{
	char path[PATH_MAX + 64];
	int log;

	snprintf(path, sizeof(path), "%s/qemu.log", out);
	log = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
}

pid_t l1_start(const struct lab_options *o, int port)
{
	struct l1_args args = { 0 };
	pid_t parent = getpid();
	pid_t pid;

	if (l1_cmdline(o, port < 0, args.cmdline, sizeof(args.cmdline))) {
		fprintf(stderr,
			"coop: L1's kernel command line is too long: shorten --append or the cache's path\n");
		return -1;
	}
	l1_args(&args, o, port);
	pid = fork();
	if (pid)
		return pid;
	proc_child_setup(parent, -1);
	if (port >= 0) {
		fcntl(port, F_SETFD, 0);
		redirect(o->out);
	} else {
		/* The terminal belongs to the group of the machine now. */
		signal(SIGTTOU, SIG_IGN);
		tcsetpgrp(STDIN_FILENO, getpid());
		signal(SIGTTOU, SIG_DFL);
	}
	execv(args.list.argv[0], args.list.argv);
	fprintf(stderr, "coop: cannot start %s: %s\n", args.list.argv[0], strerror(errno));
	_exit(127);
}

int l2_exec(int argc, char **argv)
{
	struct vm_config config;
	struct vm_args args;

	vm_config_init(&config);
	config.append = "coop_role=shell";
	config.extra = argc > 0 ? argv : NULL;
	if (vm_build_args(&args, &config, -1))
		return LAB_SETUP;
	execv(args.list.argv[0], args.list.argv);
	fprintf(stderr, "coop: cannot start %s: %s\n", args.list.argv[0], strerror(errno));
	return LAB_SETUP;
}
