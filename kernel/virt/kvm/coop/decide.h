/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a vCPU's published facts mean: pure logic, no kernel services, so that
 * it is also compiled, unit-tested and fuzzed in user space.
 */
#ifndef _KVM_COOP_DECIDE_H
#define _KVM_COOP_DECIDE_H

#ifdef __KERNEL__
#include <uapi/linux/kvm_coop.h>
#include <linux/types.h>
#endif

/**
 * struct coop_facts - one look at a vCPU
 * @intent: KVM_COOP_INTENT_*, as the guest wrote it
 * @irq_ack: last ticket that the guest acknowledged
 * @preempt_count: the guest's preempt count; meaningless unless @have_count
 * @have_count: the guest told where its preempt count is, and it was readable
 * @ticket: last ticket that the host opened
 * @irq_pending: an urgent interrupt waits to be injected, or an urgent timer to
 *	be handled
 */
struct coop_facts {
	u32	intent;
	u32	irq_ack;
	u32	preempt_count;
	u32	ticket;
	bool	have_count;
	bool	irq_pending;
};

/**
 * struct coop_masks - the guest's description of its preempt count
 * @preempt: preemption is disabled, nesting depth
 * @softirq: softirqs are handled or disabled
 * @irq: hard interrupt or NMI in progress
 * @resched: a task was woken and is about to run
 * @resched_inverted: @resched is clear, not set, when that is so
 */
struct coop_masks {
	u32	preempt;
	u32	softirq;
	u32	irq;
	u32	resched;
	bool	resched_inverted;
};

/* intent that is a reason to boost, as opposed to IDLE */
#define COOP_INTENT_WORK	(KVM_COOP_INTENT_RT | KVM_COOP_INTENT_REQUEST)

/* Why a vCPU is, or ought to be, boosted. */
enum coop_reason {
	COOP_REASON_NONE,
	COOP_REASON_IRQ,	/* an interrupt waits, or is handled */
	COOP_REASON_RT,		/* RT work runs or is about to */
	COOP_REASON_DEFER,	/* a critical section is to end first */
	COOP_REASON_NR,
};

static inline bool coop_count_has(const struct coop_facts *f, u32 mask)
{
	return f->have_count && (f->preempt_count & mask);
}

/* A task was woken in the guest and the switch to it is about to come. */
static inline bool coop_resched_wanted(const struct coop_facts *f,
				       const struct coop_masks *m)
{
	if (!f->have_count || !m->resched)
		return false;
	return !(f->preempt_count & m->resched) == m->resched_inverted;
}

/*
 * Is there a reason to boost, or to keep a boost? What the count says of the
 * present section is none, be it a lock or an interrupt's handler: it may defer
 * a preemption, but a guest that yields inside of one is parked there, and
 * would be boosted again at once.
 */
static inline enum coop_reason coop_reason(const struct coop_facts *f,
					   const struct coop_masks *m)
{
	if (f->intent & COOP_INTENT_WORK)
		return COOP_REASON_RT;
	if (f->irq_pending || f->irq_ack != f->ticket)
		return COOP_REASON_IRQ;
	if (coop_resched_wanted(f, m))
		return COOP_REASON_IRQ;
	return COOP_REASON_NONE;
}

/*
 * May the guest hold a lock? Then a yield has to wait. The tail of an interrupt
 * that came upon preemptible code holds none, and whatever it delays boosts.
 */
static inline bool coop_may_hold_lock(const struct coop_facts *f,
				      const struct coop_masks *m)
{
	u32 mask = m->softirq;

	if (!(f->intent & KVM_COOP_INTENT_IDLE))
		mask |= m->preempt;
	return coop_count_has(f, mask);
}

/*
 * Would a preemption now hit a critical section? The idle task runs with
 * preemption disabled; that is no critical section.
 */
static inline bool coop_critical(const struct coop_facts *f,
				 const struct coop_masks *m)
{
	return coop_may_hold_lock(f, m) || coop_count_has(f, m->irq);
}

/*
 * Check and take over what the guest wrote at registration.
 * Returns false if the guest speaks another version.
 */
static inline bool coop_setup_valid(const struct kvm_coop_guest_setup *s)
{
	return s->abi_version == KVM_COOP_ABI_VERSION &&
	       s->size >= KVM_COOP_PAGE_SIZE;
}

static inline void coop_setup_masks(const struct kvm_coop_guest_setup *s,
				    struct coop_masks *m)
{
	m->preempt = s->pc_preempt_mask;
	m->softirq = s->pc_softirq_mask;
	m->irq = s->pc_hardirq_mask | s->pc_nmi_mask;
	m->resched = s->pc_resched_mask;
	m->resched_inverted = s->pc_flags & KVM_COOP_PC_RESCHED_INVERTED;
}

/* Is the preempt count where a single aligned load can read it? */
static inline bool coop_count_gpa_valid(u64 gpa)
{
	return gpa && !(gpa & 3);
}

/**
 * struct coop_budget - a token bucket; tokens are ns of boosted run time
 * @tokens: 0..burst
 * @stamp: time of the last refill, ns
 *
 * Refilled when looked at, so that no timer runs while nothing happens.
 */
struct coop_budget {
	u64	tokens;
	u64	stamp;
};

/*
 * @rate is in parts per thousand of a CPU, @burst and @now are in ns; @burst is
 * less than 2^53, or the time that fills a bucket would overflow.
 */
static inline void coop_budget_refill(struct coop_budget *b, u32 rate,
				      u64 burst, u64 now)
{
	u64 elapsed = now > b->stamp ? now - b->stamp : 0;
	u64 full_after;

	if (now > b->stamp)
		b->stamp = now;
	if (b->tokens >= burst) {
		b->tokens = burst;
		return;
	}
	/* longer than this fills any bucket; bounds the product below */
	full_after = rate ? burst / rate * 1000 + 1000 : ~0ULL;
	if (rate && elapsed >= full_after) {
		b->tokens = burst;
		return;
	}
	b->tokens += elapsed / 1000 * rate + elapsed % 1000 * rate / 1000;
	if (b->tokens > burst)
		b->tokens = burst;
}

static inline void coop_budget_spend(struct coop_budget *b, u64 used)
{
	b->tokens -= used < b->tokens ? used : b->tokens;
}

#endif /* _KVM_COOP_DECIDE_H */
