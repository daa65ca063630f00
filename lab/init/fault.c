// SPDX-License-Identifier: GPL-2.0
/*
 * coop_fault=NAME on the kernel command line makes a machine fail in one way, for the tests of the
 * lab itself:
 *
 *	hang-boot	PID 1 never says hello
 *	no-verdict	the job runs, its verdict is never sent
 *	panic		the kernel panics
 *	warn, bug, softlockup, hung-task
 *			the kernel's own test module (LKDTM) provokes one before the first job
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/init/init.h"
#include "lab/lib/proc.h"

#define LKDTM "/sys/kernel/debug/provoke-crash/DIRECT"

static const struct {
	const char *name, *file, *text;
} kernel_faults[] = {
	{ "panic", "/proc/sysrq-trigger", "c" },
	{ "warn", LKDTM, "WARNING" },
	{ "bug", LKDTM, "BUG" },
	{ "softlockup", LKDTM, "SOFTLOCKUP" },
	{ "hung-task", LKDTM, "HUNG_TASK" },
};

static void provoke(const char *name)
{
	/* who prints a line of the boot may hold the console; on a CPU that locks up, for ever */
	const unsigned int console_us = 500000;

	for (size_t i = 0; i < sizeof(kernel_faults) / sizeof(kernel_faults[0]); i++) {
		if (strcmp(kernel_faults[i].name, name))
			continue;
		usleep(console_us);
		if (proc_write_file(kernel_faults[i].file, kernel_faults[i].text))
			say("cannot provoke %s: the kernel has no %s", name, kernel_faults[i].file);
	}
}

bool fault_at(const char *point)
{
	char *fault = cmdline_get("coop_fault", 0);
	bool boot = !strcmp(point, "boot");
	bool here;

	if (!fault)
		return false;
	if (boot)
		provoke(fault);
	here = !strcmp(fault, boot ? "hang-boot" : point);
	free(fault);
	return here;
}
