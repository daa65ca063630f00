// SPDX-License-Identifier: GPL-2.0
#include <unistd.h>

#include "bench/blk/guest/blk.h"
#include "lab/lib/proc.h"

#define VCPU_ONLINE "/sys/devices/system/cpu/cpu1/online"
#define VCPU_FAIR_SERVER "/sys/kernel/debug/sched/fair_server/cpu1/runtime"
#define OFFLINE_US 50000
#define ONLINE_US 100000

/*
 * Linux 6.12 may warn about the fair server's bandwidth when a CPU goes offline (in dl_server_stop()
 * of sched_cpu_dying()). That is not what is tested here, and there are no RT tasks that it would
 * have to save others from. A kernel without it has no such file.
 */
static void switch_for_ever(void)
{
	proc_write_file(VCPU_FAIR_SERVER, "0");
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
