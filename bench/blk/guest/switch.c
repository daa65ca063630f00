// SPDX-License-Identifier: GPL-2.0
#include <unistd.h>

#include "bench/blk/guest/blk.h"
#include "lab/lib/proc.h"

#define VCPU_ONLINE "/sys/devices/system/cpu/cpu1/online"
#define OFFLINE_US 50000
#define ONLINE_US 100000

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
