// SPDX-License-Identifier: GPL-2.0
/*
 * KVM's binary statistics of a vCPU that belongs to another process. KVM gives the descriptor to
 * the VMM only, and it keeps the VM alive: so borrow it for the moment of reading.
 */
#include <dirent.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/coopstat/coopstat.h"

/* newer than the C library of Debian 12 */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

#define LINK_PREFIX "anon_inode:kvm-vcpu-stats:"
#define DESCRIPTORS_MAX 4096

#define COUNTER_NAME(name) #name,
const char *const counter_names[COUNTER_NR] = { COUNTERS(COUNTER_NAME) };

/* The number of the vCPU's statistics in its process, or -1. */
static int find_fd(pid_t pid, int vcpu)
{
	char path[320], link[64];
	struct dirent *e;
	int found = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && found < 0 && (e = readdir(dir))) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, e->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		if (n <= 0)
			continue;
		link[n] = 0;
		if (!strncmp(link, LINK_PREFIX, strlen(LINK_PREFIX)) &&
		    atoi(link + strlen(LINK_PREFIX)) == vcpu)
			found = atoi(e->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

static int borrow_fd(pid_t pid, int number)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0), fd;

	if (pidfd < 0)
		return -1;
	fd = syscall(SYS_pidfd_getfd, pidfd, number, 0);
	close(pidfd);
	return fd;
}

/* Is it what it was when its number was found? "kvm-PID/vcpu-ID" */
static bool is_vcpu(int fd, const struct kvm_stats_header *h, int vcpu)
{
	char id[64] = "";
	int seen = -1;

	if (h->name_size > 256 || h->num_desc > DESCRIPTORS_MAX ||
	    pread(fd, id, sizeof(id) - 1, h->id_offset) < 0)
		return false;
	return sscanf(id, "kvm-%*d/vcpu-%d", &seen) == 1 && seen == vcpu;
}

static int counter_index(const char *name)
{
	if (strncmp(name, "coop_", 5))
		return -1;
	for (int i = 0; i < COUNTER_NR; i++)
		if (!strcmp(name + 5, counter_names[i]))
			return i;
	return -1;
}

/* Where the counters lie may change with the kernel only, but it is cheap to look. */
static int read_counters(int fd, const struct kvm_stats_header *h, struct sample *sample)
{
	size_t size = sizeof(struct kvm_stats_desc) + h->name_size;
	char *all = malloc(h->num_desc * size);
	int found = 0;

	if (!all ||
	    pread(fd, all, h->num_desc * size, h->desc_offset) != (ssize_t)(h->num_desc * size)) {
		free(all);
		return -1;
	}
	for (unsigned int i = 0; i < h->num_desc; i++) {
		const struct kvm_stats_desc *d = (const void *)(all + i * size);
		int counter = counter_index(d->name);

		if (counter >= 0 && pread(fd, &sample->counter[counter], sizeof(uint64_t),
					  h->data_offset + d->offset) == sizeof(uint64_t))
			found++;
	}
	free(all);
	return found ? 0 : -1;
}

int stats_read(pid_t pid, struct vcpu *vcpu, struct sample *sample)
{
	struct kvm_stats_header header;
	int fd, ret = -1;

	if (vcpu->stats_fd < 0)
		vcpu->stats_fd = find_fd(pid, vcpu->id);
	fd = vcpu->stats_fd < 0 ? -1 : borrow_fd(pid, vcpu->stats_fd);
	if (fd < 0)
		return -1;
	if (pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
	    is_vcpu(fd, &header, vcpu->id))
		ret = read_counters(fd, &header, sample);
	else
		vcpu->stats_fd = -1;
	close(fd);
	return ret;
}
