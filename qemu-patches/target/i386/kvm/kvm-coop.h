/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kvm-coop: cooperative vCPU scheduling, the VMM's side.
 *
 * All limits are set before the first vCPU exists and constant afterwards, so
 * nothing here needs a lock. Called with the BQL held, except for the
 * kvm_coop_get_*() functions.
 */
#ifndef TARGET_I386_KVM_COOP_H
#define TARGET_I386_KVM_COOP_H

#include "cpu.h"
#include "qom/object.h"
#include "system/kvm.h"
#include <linux/kvm_coop.h>

/* Register the coop-* properties of the kvm accelerator. */
void kvm_coop_accel_class_init(ObjectClass *oc);

/* CPUID_KVM_COOP if the host kernel offers the feature to VMs, else 0. */
uint32_t kvm_coop_supported_cpuid(KVMState *s);

/*
 * A vCPU is realized: enable the feature for the VM if this vCPU has it.
 * Returns false and sets @errp if it was asked for and cannot be had.
 */
bool kvm_coop_cpu_realize(X86CPU *cpu, Error **errp);

/* What the VM was given, or NULL if it does not have the feature. */
const struct kvm_coop_config *kvm_coop_config(void);

/* Map the kernel's page for the vCPU, and unmap it. */
void kvm_coop_init_vcpu(X86CPU *cpu);
void kvm_coop_destroy_vcpu(X86CPU *cpu);

/* Connect completion coalescing with the vCPUs. */
void kvm_coop_slice_init(void);

/*
 * How the vCPU thread is scheduled, and what is granted to it, at this moment;
 * see the structures in linux/kvm_coop.h. Times are CLOCK_MONOTONIC in
 * nanoseconds, as returned by get_clock().
 *
 * From any thread that keeps the vCPU from being unplugged, or from within an
 * RCU critical section in which it found the vCPU. Costs two or three
 * cache misses, and no system call. Return false if the host kernel does not
 * tell; the caller does without it then.
 */
bool kvm_coop_get_run(const X86CPU *cpu, struct kvm_coop_vmm_run *run);
bool kvm_coop_get_grant(const X86CPU *cpu, struct kvm_coop_vmm_grant *grant);

#endif
