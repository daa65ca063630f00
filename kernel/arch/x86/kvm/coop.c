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

/* KVM_HC_COOP_YIELD with @flags. Context: vCPU thread, may sleep, srcu held. */
int kvm_coop_yield(struct kvm_vcpu *vcpu, u64 flags)
{
	if (!has_feature(vcpu) || !vcpu->coop.registered)
		return -KVM_ENOSYS;
	if (flags & ~(u64)KVM_COOP_YIELD_UNLOCKED)
		return -KVM_EINVAL;
	kvm_coop_give_back(vcpu, flags & KVM_COOP_YIELD_UNLOCKED);
	return 0;
}

/*
 * Bits v..v+31 of the guest's map of urgent vectors without those that are bulk
 * for the VMM, @v a multiple of 32.
 */
static u32 urgent_bits(const struct kvm_vcpu *vcpu, unsigned int v)
{
	const struct kvm_vcpu_coop *c = &vcpu->coop;

	return (READ_ONCE(c->urgent[v / 64]) & ~READ_ONCE(c->bulk[v / 64])) >>
	       (v & 32);
}

static u32 timer_vector(struct kvm_vcpu *vcpu)
{
	return kvm_lapic_get_reg(vcpu->arch.apic, APIC_LVTT) & APIC_VECTOR_MASK;
}

/**
 * kvm_arch_coop_irq_urgent - is interrupt @vector worth a boost now?
 * @vcpu: a vCPU with a local APIC in the kernel
 * @vector: 0..255; higher bits, as in an LVT register, are ignored
 *
 * Context: any but NMI.
 */
bool kvm_arch_coop_irq_urgent(struct kvm_vcpu *vcpu, u32 vector)
{
	vector &= APIC_VECTOR_MASK;
	if (!(urgent_bits(vcpu, vector & ~31U) & BIT(vector & 31)))
		return false;
	return vector != timer_vector(vcpu) || kvm_coop_timer_urgent(vcpu);
}

/* Is an urgent vector in the IRR? Below others it may be. */
static bool irr_urgent(struct kvm_vcpu *vcpu)
{
	u32 timer = timer_vector(vcpu), bits;
	unsigned int v;

	for (v = 0; v <= APIC_VECTOR_MASK; v += 32) {
		bits = kvm_lapic_get_reg(vcpu->arch.apic, APIC_IRR + v / 2) &
		       urgent_bits(vcpu, v);
		if (timer - v < 32 && (bits & BIT(timer - v)) &&
		    !kvm_coop_timer_urgent(vcpu))
			bits &= ~BIT(timer - v);
		if (bits)
			return true;
	}
	return false;
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
	    kvm_arch_coop_irq_urgent(vcpu, timer_vector(vcpu)))
		return true;
	return kvm_cpu_has_injectable_intr(vcpu) && irr_urgent(vcpu);
}

/**
 * kvm_arch_coop_can_notify - would an interrupt reach the guest soon?
 * @vcpu: the vCPU whose thread calls, outside guest mode
 * @in_irq: the guest says that it handles an interrupt, and so will enable
 *	interrupts when that is done; otherwise they have to be on now
 *
 * Context: preemption may be off, interrupts on.
 */
bool kvm_arch_coop_can_notify(struct kvm_vcpu *vcpu, bool in_irq)
{
	return kvm_lapic_enabled(vcpu) && !is_guest_mode(vcpu) &&
	       (in_irq || kvm_arch_interrupt_allowed(vcpu));
}

/* Inject @vector, 32..254. Context: as above. */
void kvm_arch_coop_notify(struct kvm_vcpu *vcpu, u32 vector)
{
	struct kvm_lapic_irq irq = {
		.vector = vector,
		.delivery_mode = APIC_DM_FIXED,
		.level = true,
	};

	kvm_apic_set_irq(vcpu, &irq, NULL);
}

/* Does a guest of the guest run? */
bool kvm_arch_coop_in_nested(struct kvm_vcpu *vcpu)
{
	return is_guest_mode(vcpu);
}

/* The guest's TSC as of now. */
u64 kvm_arch_coop_guest_tsc(struct kvm_vcpu *vcpu)
{
	return kvm_read_l1_tsc(vcpu, rdtsc());
}

/* Wall time to ticks of the guest's TSC and back; a few days at most. */
u64 kvm_arch_coop_ns_to_tsc(struct kvm_vcpu *vcpu, u64 ns)
{
	return mul_u64_u32_div(ns, vcpu->arch.virtual_tsc_khz, USEC_PER_SEC);
}

u64 kvm_arch_coop_tsc_to_ns(struct kvm_vcpu *vcpu, u64 ticks)
{
	return mul_u64_u32_div(ticks, USEC_PER_SEC,
				max(vcpu->arch.virtual_tsc_khz, 1U));
}
