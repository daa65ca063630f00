// SPDX-License-Identifier: GPL-2.0
/*
 * kvm-coop's page in the guest's memory: what the host reads of it, and what it
 * writes there.
 *
 * Both go through a gfn_to_pfn_cache under its lock's read side, and nothing waits
 * for it: if the memory is out of reach just now, a look finds nothing, and what
 * is to be told is told the next time. KVM_REQ_COOP has the mapping renewed.
 */
#include <linux/kvm_coop.h>

#include "internal.h"

/*
 * Get at a cached guest page without waiting. On success interrupts are off
 * until put_page_line(). Context: any but NMI; kvm->srcu held for reading.
 */
static void *get_page_line(struct gfn_to_pfn_cache *gpc, unsigned long len,
			   unsigned long *flags)
{
	local_irq_save(*flags);
	if (read_trylock(&gpc->lock)) {
		/* a device's registers are no place to look for words */
		if (kvm_gpc_check(gpc, len) && pfn_valid(gpc->pfn))
			return gpc->khva;
		read_unlock(&gpc->lock);
	}
	local_irq_restore(*flags);
	return NULL;
}

static void put_page_line(struct gfn_to_pfn_cache *gpc, bool wrote,
			  unsigned long flags)
{
	if (wrote)
		kvm_gpc_mark_dirty_in_slot(gpc);
	read_unlock(&gpc->lock);
	local_irq_restore(flags);
}

static void read_count(struct kvm_vcpu *vcpu, struct coop_facts *f)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	unsigned long flags;
	const u32 *count;

	f->have_count = false;
	/* a hypervisor runs its guests with preemption disabled */
	if (kvm_arch_coop_in_nested(vcpu))
		return;
	count = get_page_line(&c->count, sizeof(*count), &flags);
	if (!count)
		return;
	f->preempt_count = READ_ONCE(*count);
	f->have_count = true;
	put_page_line(&c->count, false, flags);
}

/**
 * kvm_coop_look - one look at what the guest published
 * @vcpu: the vCPU
 * @f: set to what was seen, but for irq_pending
 *
 * Context: any but NMI, vCPU thread or not; preemption may be on.
 * Return: false if the page is out of reach.
 */
bool kvm_coop_look(struct kvm_vcpu *vcpu, struct coop_facts *f)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	const struct kvm_coop_page *page;
	unsigned long flags;
	int idx;

	memset(f, 0, sizeof(*f));
	idx = srcu_read_lock(&vcpu->kvm->srcu);
	page = get_page_line(&c->page, sizeof(*page), &flags);
	if (page) {
		f->intent = READ_ONCE(page->guest.intent);
		f->irq_ack = READ_ONCE(page->guest.irq_ack);
		f->notify_ack = READ_ONCE(page->guest.notify_ack);
		put_page_line(&c->page, false, flags);
		read_count(vcpu, f);
	} else {
		vcpu->stat.coop_page_misses++;
	}
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
	f->ticket = READ_ONCE(c->ticket);
	f->notify_seq = READ_ONCE(c->notify_seq);
	return page;
}

/**
 * kvm_coop_timer_due - when is the guest's next urgent timer due?
 * @vcpu: the vCPU
 *
 * Context: any but NMI.
 * Return: guest TSC ticks; 0, "now", if the page is out of reach or the field not
 * in use.
 */
u64 kvm_coop_timer_due(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	const struct kvm_coop_page *page;
	unsigned long flags;
	u64 due = 0;
	int idx;

	if (!(READ_ONCE(c->features) & KVM_COOP_F_TIMER))
		return 0;
	idx = srcu_read_lock(&vcpu->kvm->srcu);
	page = get_page_line(&c->page, sizeof(*page), &flags);
	if (page) {
		due = READ_ONCE(page->guest.timer_due);
		put_page_line(&c->page, false, flags);
	}
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
	return due;
}

/**
 * kvm_coop_timer_urgent - may an expiry of the local timer boost now?
 * @vcpu: the vCPU, registered or not
 *
 * If the guest's page is out of reach, the map of urgent vectors has to do.
 * Context: any but NMI.
 */
bool kvm_coop_timer_urgent(struct kvm_vcpu *vcpu)
{
	return kvm_coop_timer_due(vcpu) <= kvm_arch_coop_guest_tsc(vcpu);
}

/**
 * kvm_coop_timer_overdue - has an urgent timer come due that is not handled?
 * @vcpu: the vCPU
 *
 * Context: any but NMI.
 */
bool kvm_coop_timer_overdue(struct kvm_vcpu *vcpu)
{
	u64 due = kvm_coop_timer_due(vcpu);

	return due && due <= kvm_arch_coop_guest_tsc(vcpu);
}

static u32 status_bits(const struct kvm_vcpu_coop *c)
{
	u32 status = KVM_COOP_STATUS_ACTIVE;

	/*
	 * A deferral is shorter than the hypercall that would give it back, and
	 * a notification is answered by its handler.
	 */
	if (c->boosted && c->reason != COOP_REASON_DEFER &&
	    c->reason != COOP_REASON_NOTIFY)
		status |= KVM_COOP_STATUS_BOOSTED;
	if (c->throttled)
		status |= KVM_COOP_STATUS_THROTTLED;
	return status;
}

static u64 ktime_to_guest_tsc(struct kvm_vcpu *vcpu, u64 at)
{
	u64 now = ktime_get_ns(), tsc = kvm_arch_coop_guest_tsc(vcpu);

	return at > now ? tsc + kvm_arch_coop_ns_to_tsc(vcpu, at - now) : tsc;
}

/**
 * kvm_coop_publish - tell the guest what is granted
 * @vcpu: the vCPU
 *
 * Context: vCPU thread inside KVM_RUN, kvm->srcu held.
 */
void kvm_coop_publish(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	struct kvm_coop_page *page;
	unsigned long flags;
	u64 budget, refill_at = 0;
	u32 status, ticket, notify_seq;

	raw_spin_lock_irq(&c->lock);
	status = status_bits(c);
	ticket = c->ticket;
	notify_seq = c->notify_seq;
	budget = kvm_coop_budget_left(vcpu, COOP_CLASS_RT);
	if (c->throttled)
		refill_at = ktime_to_guest_tsc(vcpu, c->retry_at);
	raw_spin_unlock_irq(&c->lock);

	page = get_page_line(&c->page, sizeof(*page), &flags);
	if (!page) {
		vcpu->stat.coop_page_misses++;
		return;
	}
	WRITE_ONCE(page->host.features, c->features);
	WRITE_ONCE(page->host.irq_ticket, ticket);
	WRITE_ONCE(page->host.notify_seq, notify_seq);
	WRITE_ONCE(page->host.budget_left_ns, budget);
	WRITE_ONCE(page->host.refill_at, refill_at);
	/* the ticket first: a guest that sees BOOSTED must find its ticket */
	smp_store_release(&page->host.status, status);
	put_page_line(&c->page, true, flags);
}

/**
 * kvm_coop_publish_facts - write the line for the guest's balancer
 * @vcpu: the vCPU
 * @slice_left: ns until the host may preempt it, 0 if it does not run
 *
 * Context: vCPU thread inside KVM_RUN, preemption off; may hold the rq lock.
 */
void kvm_coop_publish_facts(struct kvm_vcpu *vcpu, u64 slice_left)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	struct kvm_coop_host_facts *to;
	struct kvm_coop_page *page;
	unsigned long flags;
	int idx;

	idx = srcu_read_lock(&vcpu->kvm->srcu);
	page = get_page_line(&c->page, sizeof(*page), &flags);
	if (page) {
		to = &page->facts;
		WRITE_ONCE(to->seq, ++c->facts.seq);
		/* a reader that sees a new value sees an odd seq */
		smp_wmb();
		WRITE_ONCE(to->state, c->facts.state);
		WRITE_ONCE(to->run_ns, c->facts.run_ns);
		WRITE_ONCE(to->wait_ns, c->facts.wait_ns);
		WRITE_ONCE(to->wait_estimate_ns, c->facts.wait_estimate_ns);
		WRITE_ONCE(to->preempted_total, c->facts.preempted_total);
		WRITE_ONCE(to->preempted_critical, c->facts.preempted_critical);
		/* a reader that sees the even seq sees all of it */
		smp_wmb();
		WRITE_ONCE(to->seq, ++c->facts.seq);
		WRITE_ONCE(page->host.slice_end, slice_left ?
			   kvm_arch_coop_guest_tsc(vcpu) +
			   kvm_arch_coop_ns_to_tsc(vcpu, slice_left) : 0);
		put_page_line(&c->page, true, flags);
	} else {
		vcpu->stat.coop_page_misses++;
	}
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
}
