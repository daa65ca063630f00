// SPDX-License-Identifier: GPL-2.0
/* Replaces L2's kernel by one that lies in L1, without a way through the firmware. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lab/init/init.h"
#include "lab/lib/proc.h"

#define HOST "/run/host"
#define MOUNT_DATA "trans=virtio,version=9p2000.L,cache=loose,msize=262144"

/* Where a file of L1's is seen here. */
static int open_host(const char *path)
{
	char name[4096];

	snprintf(name, sizeof(name), HOST "%s", path);
	return open(name, O_RDONLY | O_CLOEXEC);
}

static int load(const char *kernel, const char *initrd)
{
	char *cmdline = proc_read_file("/proc/cmdline", NULL);
	int kernel_fd, initrd_fd, ret;

	mkdir(HOST, 0755);
	if (mount("hostfs", HOST, "9p", MS_RDONLY, MOUNT_DATA))
		return -1;
	kernel_fd = open_host(kernel);
	initrd_fd = open_host(initrd);
	if (!cmdline || kernel_fd < 0 || initrd_fd < 0)
		return -1;
	cmdline[strcspn(cmdline, "\n")] = 0;
	ret = syscall(SYS_kexec_file_load, kernel_fd, initrd_fd, strlen(cmdline) + 1, cmdline, 0L);
	close(kernel_fd);
	close(initrd_fd);
	return ret;
}

void job_kexec(struct job *job, int port, char *const argv[])
{
	(void)port;
	if (!argv[1] || !argv[2])
		snprintf(job->verdict, sizeof(job->verdict), "@kexec needs a kernel and an initrd");
	else if (load(argv[1], argv[2]) || reboot(RB_KEXEC))
		snprintf(job->verdict, sizeof(job->verdict), "@kexec: %s", strerror(errno));
}
