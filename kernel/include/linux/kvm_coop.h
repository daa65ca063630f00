/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kvm-coop's hooks in KVM: cooperative vCPU scheduling.
 *
 * Each is a one-line call behind a static key that is off until a VM enables
 * the feature, with an empty stub when it is compiled out. The state machine
 * is virt/kvm/coop/core.c, what is x86 about it arch/x86/kvm/coop.c, and the
 * ABI include/uapi/linux/kvm_coop.h.
 */
#ifndef _LINUX_KVM_COOP_H
#define _LINUX_KVM_COOP_H

#include <linux/kvm_host.h>
#include <uapi/linux/kvm_coop.h>

/* the page has to be looked at or written before the next VM entry */
#define KVM_REQ_COOP	KVM_ARCH_REQ(35)

#ifdef CONFIG_KVM_COOP

#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/sched.h>

DECLARE_STATIC_KEY_FALSE(kvm_coop_key);

/* core.c, called by the stubs below */
void __kvm_coop_irq(struct kvm_vcpu *vcpu, u32 vector);
void __kvm_coop_wake(struct kvm_vcpu *vcpu);
void __kvm_coop_exit(struct kvm_vcpu *vcpu);
void __kvm_coop_block(struct kvm_vcpu *vcpu);
void __kvm_coop_unblock(struct kvm_vcpu *vcpu);
void __kvm_coop_run_begin(struct kvm_vcpu *vcpu);
void __kvm_coop_run_end(struct kvm_vcpu *vcpu);
void __kvm_coop_sched_in(struct kvm_vcpu *vcpu);
void __kvm_coop_sched_out(struct kvm_vcpu *vcpu);

/* vmm_page.c, the same */
void __kvm_coop_vmm_run(struct kvm_vcpu *vcpu, u32 state);
int __kvm_coop_vmm_mmap(struct kvm_vcpu *vcpu, struct vm_area_struct *vma);

/* config.c, called by the architecture */
void kvm_coop_vm_destroy(struct kvm *kvm);
int kvm_coop_enable_cap(struct kvm *kvm, struct kvm_enable_cap *cap);
u32 kvm_coop_supported(void);

/* core.c, called by the architecture */
void kvm_coop_vcpu_init(struct kvm_vcpu *vcpu);
void kvm_coop_vcpu_destroy(struct kvm_vcpu *vcpu);
int kvm_coop_register(struct kvm_vcpu *vcpu, u64 data, bool host);
void kvm_coop_unregister(struct kvm_vcpu *vcpu);
void kvm_coop_service(struct kvm_vcpu *vcpu);
void kvm_coop_give_back(struct kvm_vcpu *vcpu, bool unlocked);

/* guest_page.c, the same */
bool kvm_coop_timer_urgent(struct kvm_vcpu *vcpu);

/* arch/x86/kvm/coop.c */
bool kvm_arch_coop_irq_urgent(struct kvm_vcpu *vcpu, u32 vector);
bool kvm_arch_coop_irq_pending(struct kvm_vcpu *vcpu);
bool kvm_arch_coop_in_nested(struct kvm_vcpu *vcpu);
bool kvm_arch_coop_can_notify(struct kvm_vcpu *vcpu, bool in_irq);
void kvm_arch_coop_notify(struct kvm_vcpu *vcpu, u32 vector);
u64 kvm_arch_coop_guest_tsc(struct kvm_vcpu *vcpu);
u64 kvm_arch_coop_ns_to_tsc(struct kvm_vcpu *vcpu, u64 ns);
u64 kvm_arch_coop_tsc_to_ns(struct kvm_vcpu *vcpu, u64 ticks);
int kvm_coop_set_msr(struct kvm_vcpu *vcpu, u64 data, bool host);
int kvm_coop_get_msr(struct kvm_vcpu *vcpu, struct msr_data *msr);
int kvm_coop_yield(struct kvm_vcpu *vcpu, u64 flags);

#define KVM_COOP_EMULATED_MSRS	MSR_KVM_COOP,

static inline bool kvm_coop_active(struct kvm_vcpu *vcpu)
{
	return static_branch_unlikely(&kvm_coop_key) && vcpu->coop.registered;
}

/*
 * Interrupt @vector was accepted for @vcpu, and the kick comes next.
 * Context: any but NMI; interrupts on or off.
 */
static inline void kvm_coop_irq(struct kvm_vcpu *vcpu, u32 vector)
{
	if (kvm_coop_active(vcpu))
		__kvm_coop_irq(vcpu, vector);
}

/* An event that has no vector (NMI) or is always urgent. Same context. */
static inline void kvm_coop_event(struct kvm_vcpu *vcpu)
{
	if (kvm_coop_active(vcpu))
		__kvm_coop_wake(vcpu);
}

/*
 * A VM exit was handled as far as interrupts go, and preemption is about to
 * be enabled. An ordinary exit of a VM without a boost has one branch here,
 * which is not taken. Context: vCPU thread, preemption off, interrupts on.
 */
static inline void kvm_coop_exit(struct kvm_vcpu *vcpu)
{
	if (static_branch_unlikely(&kvm_coop_key) &&
	    unlikely(vcpu->coop.boosted | need_resched()) &&
	    vcpu->coop.registered)
		__kvm_coop_exit(vcpu);
}

/* Around the wait in kvm_vcpu_block(). Context: vCPU thread, may sleep. */
static inline void kvm_coop_block(struct kvm_vcpu *vcpu)
{
	if (kvm_coop_active(vcpu))
		__kvm_coop_block(vcpu);
}

static inline void kvm_coop_unblock(struct kvm_vcpu *vcpu)
{
	if (kvm_coop_active(vcpu))
		__kvm_coop_unblock(vcpu);
}

/* Around KVM_RUN. Context: vCPU thread, may sleep, SRCU not held. */
static inline void kvm_coop_run_begin(struct kvm_vcpu *vcpu)
{
	if (static_branch_unlikely(&kvm_coop_key) && vcpu->kvm->coop.policy)
		__kvm_coop_run_begin(vcpu);
}

static inline void kvm_coop_run_end(struct kvm_vcpu *vcpu)
{
	if (static_branch_unlikely(&kvm_coop_key) && vcpu->kvm->coop.policy)
		__kvm_coop_run_end(vcpu);
}

/*
 * The vCPU's run state for the VMM, whether or not the guest has registered.
 * Outside of KVM_RUN the thread is the VMM's own business.
 */
static inline void kvm_coop_vmm_run(struct kvm_vcpu *vcpu, u32 state)
{
	if (READ_ONCE(vcpu->coop.vmm) && vcpu->coop.task)
		__kvm_coop_vmm_run(vcpu, state);
}

/* Preempt notifiers. Context: preemption off; out: rq lock held. */
static inline void kvm_coop_sched_in(struct kvm_vcpu *vcpu)
{
	if (kvm_coop_active(vcpu))
		__kvm_coop_sched_in(vcpu);
	if (static_branch_unlikely(&kvm_coop_key))
		kvm_coop_vmm_run(vcpu, KVM_COOP_STATE_RUNNING);
}

static inline void kvm_coop_sched_out(struct kvm_vcpu *vcpu)
{
	if (kvm_coop_active(vcpu))
		__kvm_coop_sched_out(vcpu);
	if (static_branch_unlikely(&kvm_coop_key))
		kvm_coop_vmm_run(vcpu, READ_ONCE(vcpu->preempted) ?
				 KVM_COOP_STATE_PREEMPTED :
				 KVM_COOP_STATE_BLOCKED);
}

/* The vCPU's file is being mapped: 0 or a negative error. May sleep. */
static inline int kvm_coop_vmm_mmap(struct kvm_vcpu *vcpu,
				    struct vm_area_struct *vma)
{
	return vcpu->kvm->coop.policy ? __kvm_coop_vmm_mmap(vcpu, vma) : 0;
}

/* What lies at @offset of the vCPU's file, in pages, or NULL. */
static inline struct page *kvm_coop_vmm_page(struct kvm_vcpu *vcpu,
					     unsigned long offset)
{
	if (offset != KVM_COOP_VMM_PAGE_OFFSET || !READ_ONCE(vcpu->coop.vmm))
		return NULL;
	return virt_to_page(vcpu->coop.vmm);
}

#else /* !CONFIG_KVM_COOP */

static inline void kvm_coop_irq(struct kvm_vcpu *vcpu, u32 vector) { }
static inline void kvm_coop_event(struct kvm_vcpu *vcpu) { }
static inline void kvm_coop_exit(struct kvm_vcpu *vcpu) { }
static inline void kvm_coop_block(struct kvm_vcpu *vcpu) { }
static inline void kvm_coop_unblock(struct kvm_vcpu *vcpu) { }
static inline void kvm_coop_run_begin(struct kvm_vcpu *vcpu) { }
static inline void kvm_coop_run_end(struct kvm_vcpu *vcpu) { }
static inline void kvm_coop_sched_in(struct kvm_vcpu *vcpu) { }
static inline void kvm_coop_sched_out(struct kvm_vcpu *vcpu) { }
static inline void kvm_coop_vcpu_init(struct kvm_vcpu *vcpu) { }
static inline void kvm_coop_vcpu_destroy(struct kvm_vcpu *vcpu) { }
static inline void kvm_coop_vm_destroy(struct kvm *kvm) { }
static inline void kvm_coop_unregister(struct kvm_vcpu *vcpu) { }
static inline void kvm_coop_service(struct kvm_vcpu *vcpu) { }

static inline int kvm_coop_vmm_mmap(struct kvm_vcpu *vcpu,
				    struct vm_area_struct *vma)
{
	return 0;
}

static inline struct page *kvm_coop_vmm_page(struct kvm_vcpu *vcpu,
					     unsigned long offset)
{
	return NULL;
}

static inline int kvm_coop_enable_cap(struct kvm *kvm,
				      struct kvm_enable_cap *cap)
{
	return -EINVAL;
}

static inline u32 kvm_coop_supported(void)
{
	return 0;
}

static inline int kvm_coop_set_msr(struct kvm_vcpu *vcpu, u64 data, bool host)
{
	return 1;
}

static inline int kvm_coop_get_msr(struct kvm_vcpu *vcpu, struct msr_data *msr)
{
	return 1;
}

static inline int kvm_coop_yield(struct kvm_vcpu *vcpu, u64 flags)
{
	return -KVM_ENOSYS;
}

#define KVM_COOP_EMULATED_MSRS

#endif
#endif /* _LINUX_KVM_COOP_H */
