// SPDX-License-Identifier: GPL-2.0
/*
 * kvm-coop's page for the VMM: one per vCPU, which the VMM maps read-only
 * from the vCPU's file descriptor. See struct kvm_coop_vmm_page.
 *
 * It is written at two kinds of places, which must not share a sequence count:
 * where the thread is scheduled, under the run-queue lock, so that coop.lock is
 * out of reach; and where a grant changes, under coop.lock, from any CPU. So
 * there are two lines, each with one writer at a time.
 *
 * Nothing waits for a reader, and nothing read from user space comes in.
 */
#include <linux/kvm_coop.h>
#include <linux/mm.h>
#include <linux/sched/coop.h>

#include "internal.h"

static_assert(sizeof(struct kvm_coop_vmm_page) <= PAGE_SIZE);
static_assert(offsetof(struct kvm_coop_vmm_page, run) == 64);
static_assert(offsetof(struct kvm_coop_vmm_page, grant) == 128);

static void begin_write(u32 *seq)
{
	WRITE_ONCE(*seq, *seq + 1);
	/* a reader that sees a new value sees an odd count */
	smp_wmb();
}

static void end_write(u32 *seq)
{
	/* a reader that sees the even count sees all of it */
	smp_wmb();
	WRITE_ONCE(*seq, *seq + 1);
}

/**
 * __kvm_coop_vmm_run - tell the VMM how the vCPU thread is scheduled
 * @vcpu: the vCPU whose thread calls, and that has a page
 * @state: KVM_COOP_STATE_*
 *
 * Context: vCPU thread; preempt notifiers too, with the run-queue lock held.
 */
void __kvm_coop_vmm_run(struct kvm_vcpu *vcpu, u32 state)
{
	struct kvm_coop_vmm_run *run = &vcpu->coop.vmm->run;
	u64 now, left;

	/* a preempt notifier in the middle of it would be a second writer */
	preempt_disable();
	now = ktime_get_ns();
	left = state == KVM_COOP_STATE_RUNNING ? sched_coop_slice_left() : 0;
	begin_write(&run->seq);
	WRITE_ONCE(run->state, state);
	WRITE_ONCE(run->since_ns, now);
	WRITE_ONCE(run->slice_end_ns, left ? now + left : 0);
	end_write(&run->seq);
	preempt_enable();
}

static u32 grant_flags(const struct kvm_vcpu_coop *c)
{
	u32 flags = 0;

	if (c->registered)
		flags |= KVM_COOP_VMM_REGISTERED;
	if (c->boosted)
		flags |= KVM_COOP_VMM_BOOSTED;
	if (c->throttled)
		flags |= KVM_COOP_VMM_THROTTLED;
	if (c->hands_off)
		flags |= KVM_COOP_VMM_HANDS_OFF;
	return flags;
}

/**
 * kvm_coop_vmm_grant - tell the VMM what is granted
 * @vcpu: the vCPU, with coop.lock held
 *
 * Context: any but NMI.
 */
void kvm_coop_vmm_grant(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	struct kvm_coop_vmm_grant *grant;

	lockdep_assert_held(&c->lock);
	if (!c->vmm)
		return;
	grant = &c->vmm->grant;
	begin_write(&grant->seq);
	WRITE_ONCE(grant->flags, grant_flags(c));
	WRITE_ONCE(grant->features, c->features);
	WRITE_ONCE(grant->irq_ticket, c->ticket);
	WRITE_ONCE(grant->bound_ns, c->boosted ? c->bound_at : 0);
	WRITE_ONCE(grant->budget_left_ns,
		   kvm_coop_budget_left(vcpu, COOP_CLASS_RT));
	end_write(&grant->seq);
}

static bool maps_page(struct vm_area_struct *vma)
{
	return vma->vm_pgoff <= KVM_COOP_VMM_PAGE_OFFSET &&
	       vma->vm_pgoff + vma_pages(vma) > KVM_COOP_VMM_PAGE_OFFSET;
}

/* The page comes with its first mapping: a VMM that has no use for it pays nothing. */
static int create_page(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	struct kvm_coop_vmm_page *page;

	if (READ_ONCE(c->vmm))
		return 0;
	page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;
	page->size = sizeof(*page);
	page->run.state = KVM_COOP_STATE_USER;
	page->run.since_ns = ktime_get_ns();
	/* two mappings at once; and writers find it filled in */
	if (cmpxchg(&c->vmm, NULL, page))
		free_page((unsigned long)page);

	raw_spin_lock_irq(&c->lock);
	kvm_coop_vmm_grant(vcpu);
	raw_spin_unlock_irq(&c->lock);
	return 0;
}

/**
 * __kvm_coop_vmm_mmap - may the vCPU's file be mapped so?
 * @vcpu: a vCPU of a VM with the feature
 * @vma: the mapping to be
 *
 * The page itself only read-only, now and later. Context: mmap(2).
 * Return: 0, -EPERM, or -ENOMEM.
 */
int __kvm_coop_vmm_mmap(struct kvm_vcpu *vcpu, struct vm_area_struct *vma)
{
	if (!maps_page(vma))
		return 0;
	if (vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EPERM;
	vm_flags_clear(vma, VM_MAYWRITE | VM_MAYEXEC);
	return create_page(vcpu);
}

/* A mapping holds the vCPU's file, so there is none any more. */
void kvm_coop_vmm_destroy(struct kvm_vcpu *vcpu)
{
	free_page((unsigned long)vcpu->coop.vmm);
}
