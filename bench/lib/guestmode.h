/* SPDX-License-Identifier: GPL-2.0 */
/* How the host treats a guest's vCPU threads: the modes that benchmarks of latency compare. */
#ifndef BENCH_LIB_GUESTMODE_H
#define BENCH_LIB_GUESTMODE_H

#include <stdbool.h>

#include "bench/lib/driver.h"
#include "lab/lib/vm.h"

struct guest_mode {
	const char *name;
	enum vm_class vm_class;
	const char *cpu, *accel; /* QEMU's */
	const char *append; /* for the guest's kernel command line */
	bool coop; /* needs the host's switch */
	bool stock; /* the distribution's kernel in the guest */
};

#define GUEST_MODES 9
extern const struct guest_mode guest_modes[GUEST_MODES];

/* The host's switch, if a mode that was chosen needs it. -1 after saying that there is none. */
int guest_modes_switch(const struct driver_choice *modes);

/* The I-th pCPU that has vCPUs: CPU_GUEST, those behind it, and CPU_REST when there is no other
 * left. */
int guest_pcpu(unsigned int i);

struct guest_boot {
	const char *name; /* for file names, as long as the guest lives */
	const char *initrd, *append; /* NULL: as the mode says; no more words */
	char *const *extra; /* more arguments for QEMU, NULL-terminated, or NULL */
	unsigned int vcpus;
	unsigned int pcpus; /* that the vCPUs are spread over, from CPU_GUEST on; 0: that one */
	bool unpinned; /* each vCPU may run on any of them, and begins on one of its own */
	int limit; /* seconds until the guest says hello */
};

/*
 * Boot a guest in this mode, its vCPUs on CPU_GUEST and following, all else on CPU_REST. -1 with
 * the reason in vm->error; *hung says that the guest gave no sign of life.
 */
int guest_boot(struct vm *vm, const struct guest_mode *mode, const struct guest_boot *boot,
	       bool *hung);

#endif
