/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kvm-coop: cooperative vCPU scheduling, the VMM's side.
 *
 * All of it is set up before the first vCPU exists and constant afterwards,
 * so nothing here needs a lock. Called with the BQL held.
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

#endif
