// SPDX-License-Identifier: GPL-2.0
/*
 * The x86 side of kvm-coop: MSR, hypercall, pending interrupts, guest TSC.
 */
#include <linux/kvm_coop.h>

#include "x86.h"
#include "cpuid.h"
#include "irq.h"
#include "lapic.h"

/* Does this vCPU have the feature: enabled for the VM, in its CPUID? */
static bool has_feature(struct kvm_vcpu *vcpu)
{
	return vcpu->kvm->coop.policy &&
	       (vcpu->arch.pv_cpuid.features & BIT(KVM_FEATURE_COOP));
}

/* The VMM may save and restore it whatever the CPUID says. */
static bool msr_exists(struct kvm_vcpu *vcpu, bool host)
{
	return host ? !!vcpu->kvm->coop.policy : has_feature(vcpu);
}

/**
 * kvm_coop_set_msr - WRMSR of MSR_KVM_COOP, or KVM_SET_MSRS
 * @vcpu: loaded vCPU
 * @data: the value
 * @host: written by the VMM
 *
 * Context: kvm->srcu held, may sleep. Return: 0, or 1 or KVM_MSR_RET_UNSUPPORTED for #GP.
 */
int kvm_coop_set_msr(struct kvm_vcpu *vcpu, u64 data, bool host)
{
	u64 reserved = (KVM_COOP_PAGE_SIZE - 1) & ~KVM_COOP_MSR_ENABLE;

	if (!msr_exists(vcpu, host))
		return KVM_MSR_RET_UNSUPPORTED;
	if (!data) {
		kvm_coop_unregister(vcpu);
		return 0;
	}
	if (!(data & KVM_COOP_MSR_ENABLE) || (data & reserved) ||
	    !kvm_vcpu_is_legal_gpa(vcpu, data & ~(u64)KVM_COOP_MSR_ENABLE))
		return 1;
	return kvm_coop_register(vcpu, data, host) ? 1 : 0;
}

int kvm_coop_get_msr(struct kvm_vcpu *vcpu, struct msr_data *msr)
{
	if (!msr_exists(vcpu, msr->host_initiated))
		return KVM_MSR_RET_UNSUPPORTED;
	msr->data = vcpu->coop.msr;
	return 0;
}

/* KVM_HC_COOP_YIELD. Context: vCPU thread, may sleep, srcu held. */
int kvm_coop_yield(struct kvm_vcpu *vcpu)
{
	if (!has_feature(vcpu) || !vcpu->coop.registered)
		return -KVM_ENOSYS;
	kvm_coop_give_back(vcpu);
	return 0;
}

static bool urgent(const struct kvm_vcpu *vcpu, int vector)
{
	return vector >= 0 && (vcpu->coop.urgent[(vector & 255) / 64] &
			       (1ULL << (vector & 63)));
}

/**
 * kvm_arch_coop_irq_pending - does an urgent interrupt wait for this vCPU?
 * @vcpu: the vCPU whose thread calls, outside guest mode
 *
 * A timer that expired counts, although its vector is not yet in the IRR.
 */
bool kvm_arch_coop_irq_pending(struct kvm_vcpu *vcpu)
{
	if (vcpu->arch.nmi_pending || kvm_test_request(KVM_REQ_NMI, vcpu))
		return true;
	if (!lapic_in_kernel(vcpu))
		return kvm_cpu_has_injectable_intr(vcpu);
	if (kvm_cpu_has_pending_timer(vcpu) &&
	    urgent(vcpu, kvm_lapic_get_reg(vcpu->arch.apic, APIC_LVTT)))
		return true;
	return kvm_cpu_has_injectable_intr(vcpu) &&
	       urgent(vcpu, kvm_lapic_find_highest_irr(vcpu));
}

/* Does a guest of the guest run? */
bool kvm_arch_coop_in_nested(struct kvm_vcpu *vcpu)
{
	return is_guest_mode(vcpu);
}

/* The guest's TSC in @ns_from_now ns of wall time. */
u64 kvm_arch_coop_guest_tsc(struct kvm_vcpu *vcpu, u64 ns_from_now)
{
	u64 ticks = mul_u64_u32_div(ns_from_now, vcpu->arch.virtual_tsc_khz,
				    USEC_PER_SEC);

	return kvm_read_l1_tsc(vcpu, rdtsc()) + ticks;
}
