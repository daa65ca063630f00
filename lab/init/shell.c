// SPDX-License-Identifier: GPL-2.0
/*
 * coop_role=shell: a root shell on the console, with a seeded history, until the person leaves
 * it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/init/init.h"
#include "lab/lib/proc.h"

#define SHELL_HOME "/run/coop/home"

static const char rc[] = "PS1='L1:\\w# '\n"
			 "shopt -s checkwinsize\n"
			 "l2() { \"$COOP_LAB\" l2 \"$@\"; }\n"
			 "cat ~/motd\n";

static const char motd[] =
	"\n"
	"This is L1, the host under test. Its root is the build machine's /, read-only; /run and /tmp are writable.\n"
	"  l2                 start a guest under this kernel's KVM, its shell on this terminal (Ctrl-A A X kills it)\n"
	"  arrow up           commands worth a try\n"
	"  exit               power L1 off (Ctrl-A X kills it)\n"
	"\n";

static const char history[] = "dmesg | tail -30\n"
			      "cat /sys/module/kvm_*/parameters/nested\n"
			      "grep . /sys/kernel/debug/kvm/*/exits\n"
			      "zcat /proc/config.gz | grep KVM\n"
			      "l2\n";

static const char guest_motd[] = "\nThis is L2, a guest under L1's KVM. 'exit' powers it off.\n\n";

static void child(const char *role_home)
{
	const char *shells[] = { "/bin/bash", "/bin/sh", "/bin/busybox" };
	int tty;

	setsid();
	tty = open("/dev/ttyS0", O_RDWR);
	if (tty < 0)
		tty = open("/dev/console", O_RDWR);
	ioctl(tty, TIOCSCTTY, 1);
	dup2(tty, STDIN_FILENO);
	dup2(tty, STDOUT_FILENO);
	dup2(tty, STDERR_FILENO);
	setenv("HOME", role_home, 1);
	setenv("TERM", "linux", 0);
	if (chdir(role_home))
		_exit(127);
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		execl(shells[i], i < 2 ? shells[i] : "sh", "-i", NULL);
	say("no shell to start");
	_exit(127);
}

void shell_run(void)
{
	bool l1 = getenv("COOP_LAB");
	pid_t pid;

	mkdir(SHELL_HOME, 0755);
	proc_write_file(SHELL_HOME "/motd", motd);
	proc_write_file(SHELL_HOME "/.bashrc", rc);
	proc_write_file(SHELL_HOME "/.bash_history", history);
	if (!l1)
		fputs(guest_motd, stdout);
	fflush(stdout);
	pid = fork();
	if (!pid)
		child(SHELL_HOME);
	while (pid > 0 && wait(NULL) != pid)
		;
}
