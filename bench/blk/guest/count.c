// SPDX-License-Identifier: GPL-2.0
/* What the guest's kernel counts: interrupts and CPU time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/blk/guest/blk.h"
#include "lab/lib/proc.h"

#define VCPU_ONLINE "/sys/devices/system/cpu/cpu1/online"
#define OFFLINE_US 50000
#define ONLINE_US 100000

/* The driver's name of the device, "virtio2" for /dev/vda: its interrupts are "virtio2-req.0" and
 * so on. */
static int driver_name(const char *device, char *name, size_t size)
{
	const char *base = strrchr(device, '/');
	char path[100], target[256], *last;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/block/%.40s/device", base ? base + 1 : device);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return -1;
	target[n] = 0;
	last = strrchr(target, '/');
	snprintf(name, size, "%.40s-req.", last ? last + 1 : target);
	return 0;
}

/* " 25:   120   0   PCI-MSIX-0000:00:03.0   1-edge      virtio1-req.0" */
static long long sum_line(char *line)
{
	char *word = strchr(line, ':'), *end;
	long long sum = 0, n;

	for (word = word ? word + 1 : line;; word = end) {
		n = strtoll(word, &end, 10);
		if (end == word || (*end && *end != ' '))
			return sum;
		sum += n;
	}
}

long long blk_interrupts(const char *device)
{
	char name[64], *text = proc_read_file("/proc/interrupts", NULL), *save = NULL;
	long long sum = -1;

	if (text && !driver_name(device, name, sizeof(name))) {
		for (char *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			if (strstr(line, name))
				sum = (sum < 0 ? 0 : sum) + sum_line(line);
	}
	free(text);
	return sum;
}

static void switch_for_ever(void)
{
	for (;;) {
		if (proc_write_file(VCPU_ONLINE, "0") || usleep(OFFLINE_US) ||
		    proc_write_file(VCPU_ONLINE, "1"))
			_exit(1);
		usleep(ONLINE_US);
	}
}

pid_t blk_switch_vcpu(void)
{
	pid_t parent = getpid(), pid = fork();

	if (!pid) {
		proc_child_setup(parent, -1);
		switch_for_ever();
	}
	return pid;
}

/* By ticks: the time that an idle vCPU waits for a pCPU would count as idle and as stolen. */
long long blk_cpu_us(void)
{
	char *text = proc_read_file("/proc/stat", NULL);
	long long t[7], us = -1, hz = sysconf(_SC_CLK_TCK);

	if (text && sscanf(text, "cpu %lld %lld %lld %lld %lld %lld %lld", &t[0], &t[1], &t[2],
			   &t[3], &t[4], &t[5], &t[6]) == 7)
		us = (t[0] + t[1] + t[2] + t[5] + t[6]) * 1000000 / hz;
	free(text);
	return us;
}
