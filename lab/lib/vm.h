/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guests (L2) as seen by a program in L1: start one, find and place its vCPU threads, give it jobs,
 * end it. Any number of them can run at once. Functions that can fail return -1 and leave the
 * reason in vm->error.
 */
#ifndef LAB_LIB_VM_H
#define LAB_LIB_VM_H

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lab/lib/proc.h"
#include "lab/lib/record.h"

#define VM_VCPUS_MAX 8

enum vm_class {
	VM_CLASS_NORMAL,
	VM_CLASS_SLICE, /* SCHED_OTHER with the shortest EEVDF slice, 0.1 ms */
	VM_CLASS_FIFO,
};

#define VM_FIFO_PRIORITY 8
#define VM_SLICE_NS 100000

struct vm_config {
	const char *name; /* for file names: letters, digits, dashes */
	const char *qemu, *kernel, *initrd; /* default: COOP_QEMU, COOP_KERNEL, COOP_INITRD */
	const char *accel, *cpu; /* QEMU's -accel and -cpu */
	const char *append; /* more words for the guest's kernel command line */
	char *const *extra; /* more arguments for QEMU, NULL-terminated */
	unsigned int vcpus, mem;
	int qemu_cpu; /* pCPU of all of QEMU's threads until vm_pin_vcpus() */
};

struct vm_args {
	struct proc_args list;
	char text[6][PATH_MAX + 64];
};

struct vm {
	struct vm_config config;
	pid_t pid;
	struct record_stream port;
	pid_t vcpu[VM_VCPUS_MAX];
	char console[64]; /* the console's file in L1 */
	long console_sent; /* how much of it the machine has got */
	int record_fd;
	char release[128];
	char error[256];
};

void vm_config_init(struct vm_config *config);

/* Only the command line, with the terminal as console if PORT is negative. */
int vm_build_args(struct vm_args *args, const struct vm_config *config, int port);

int vm_start(struct vm *vm, const struct vm_config *config);

/* Wait for PID 1's hello. */
int vm_wait_hello(struct vm *vm, int limit_ms);

int vm_find_vcpus(struct vm *vm);
/* As soon as there are threads, which is before the guest boots. */
int vm_wait_vcpus(struct vm *vm);
int vm_pin_vcpu(struct vm *vm, unsigned int vcpu, int cpu);
int vm_pin_vcpus(struct vm *vm, int cpu);
int vm_allow_vcpu(struct vm *vm, unsigned int vcpu, const cpu_set_t *cpus);
int vm_set_class(struct vm *vm, enum vm_class vm_class);

long long vm_vcpus_ns(const struct vm *vm);
/* Stop all of its threads, and let them go on. */
void vm_stop(const struct vm *vm);
void vm_cont(const struct vm *vm);

/* A counter of KVM's debugfs for this VM, or -1. */
long long vm_stat(const struct vm *vm, const char *name);

int vm_job(struct vm *vm, char *const argv[]);

/*
 * The next record of the guest: 1, 0 after the timeout, -1 if the guest is gone. Passes new
 * console output on.
 */
int vm_next(struct vm *vm, int timeout_ms, struct record *rec);

/*
 * The guest of FROM has migrated to TO: what it said before, and TO has not got, comes first. FROM
 * says nothing any more.
 */
void vm_take_over(struct vm *to, struct vm *from);

/*
 * Ask for power off, store the guest's kernel log as NAME-dmesg.log, wait. The guest is gone
 * afterwards in any case; -1 says that it had to be killed.
 */
int vm_quit(struct vm *vm, int limit_ms);
void vm_kill(struct vm *vm);

#endif
