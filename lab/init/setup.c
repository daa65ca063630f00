// SPDX-License-Identifier: GPL-2.0
/* What has to be there before a job can run: command line, file systems, loopback. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/init/init.h"
#include "lab/lib/proc.h"

char *cmdline_get(const char *name, int n)
{
	char *line = proc_read_file("/proc/cmdline", NULL);
	size_t len = strlen(name);
	char *value = NULL;

	for (char *w = line ? strtok(line, " \n") : NULL; w && !value; w = strtok(NULL, " \n"))
		if (!strncmp(w, name, len) && w[len] == '=' && !n--)
			value = strdup(w + len + 1);
	free(line);
	return value;
}

void cmdline_export(const char *prefix)
{
	char *line = proc_read_file("/proc/cmdline", NULL);

	for (char *w = line ? strtok(line, " \n") : NULL; w; w = strtok(NULL, " \n")) {
		char *eq = strchr(w, '=');

		if (!eq || strncmp(w, prefix, strlen(prefix)))
			continue;
		*eq = 0;
		setenv(w, eq + 1, 1);
	}
	free(line);
}

static const struct {
	const char *type, *dir, *data;
	bool required;
} mounts[] = {
	{ "proc", "/proc", NULL, true },
	{ "sysfs", "/sys", NULL, true },
	{ "devtmpfs", "/dev", NULL, true },
	{ "tmpfs", "/run", "mode=0755", true },
	{ "devpts", "/dev/pts", "ptmxmode=0666", false },
	{ "tmpfs", "/dev/shm", "mode=1777", false },
	{ "debugfs", "/sys/kernel/debug", NULL, false },
	{ "tracefs", "/sys/kernel/tracing", NULL, false },
	{ "cgroup2", "/sys/fs/cgroup", NULL, false },
};

/*
 * A writable /tmp in which what lies in the machine's /tmp is still there, read-only: a cache or a
 * checkout may be.
 */
static void mount_tmp(void)
{
	int old = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = old < 0 ? NULL : fdopendir(old);
	char from[300], to[300];
	struct dirent *e;

	if (mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777"))
		say("cannot mount tmpfs on /tmp: %s", strerror(errno));
	while (dir && (e = readdir(dir))) {
		if (e->d_type != DT_DIR || !strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", old, e->d_name);
		snprintf(to, sizeof(to), "/tmp/%s", e->d_name);
		if (mkdir(to, 0755) || mount(from, to, NULL, MS_BIND, NULL))
			say("cannot keep %s: %s", to, strerror(errno));
	}
	if (dir)
		closedir(dir);
}

void mount_all(void)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		/*
		 * The kernel or a read-only root may have it already; mount() says what is really
		 * missing.
		 */
		mkdir(mounts[i].dir, 0755);
		if (!mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0, mounts[i].data) ||
		    errno == EBUSY)
			continue;
		if (mounts[i].required)
			say("cannot mount %s on %s: %s", mounts[i].type, mounts[i].dir,
			    strerror(errno));
	}
	mount_tmp();
	mkdir("/run/coop", 0755);
}

/*
 * khugepaged has nice 19 and works with a process's mmap_lock held. When every CPU is busy a
 * guest's QEMU waits for that lock up to a minute, and its vCPUs with it. The largest interval is
 * "never"; what is allocated huge stays so.
 */
void khugepaged_stop(void)
{
	static const char file[] =
		"/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs";

	if (!access(file, W_OK) && proc_write_file(file, "4294967295"))
		say("cannot stop khugepaged: %s", strerror(errno));
}

void loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (!ioctl(fd, SIOCGIFFLAGS, &ifr)) {
		ifr.ifr_flags |= IFF_UP;
		ioctl(fd, SIOCSIFFLAGS, &ifr);
	}
	close(fd);
}
