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
 * @notify_ack: last notification that the guest acknowledged
 * @notify_seq: last notification that the host sent
 * @irq_pending: an urgent interrupt waits to be injected, or an urgent timer to
 *	be handled
 */
struct coop_facts {
	u32	intent;
	u32	irq_ack;
	u32	preempt_count;
	u32	ticket;
	u32	notify_ack;
	u32	notify_seq;
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
	COOP_REASON_NOTIFY,	/* it was told that it will lose the CPU */
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
 * would be boosted again at once. What is not among @features is none either: it
 * would be refused, and hide what is behind it.
 */
static inline enum coop_reason coop_reason(const struct coop_facts *f,
					   const struct coop_masks *m,
					   u32 features)
{
	if ((features & KVM_COOP_F_RT) && (f->intent & COOP_INTENT_WORK))
		return COOP_REASON_RT;
	if (!(features & KVM_COOP_F_IRQ))
		return COOP_REASON_NONE;
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

/* The guest says that it holds no lock: forget what its count shows. */
static inline void coop_trust_unlocked(struct coop_facts *f,
				       const struct coop_masks *m)
{
	f->preempt_count &= ~(m->preempt | m->softirq);
}

/* Does it handle an interrupt? Then it takes another one as soon as it has. */
static inline bool coop_in_irq(const struct coop_facts *f,
			       const struct coop_masks *m)
{
	return coop_count_has(f, m->irq);
}

/*
 * Would a preemption now hit a critical section? The idle task runs with
 * preemption disabled; that is no critical section.
 */
static inline bool coop_critical(const struct coop_facts *f,
				 const struct coop_masks *m)
{
	return coop_may_hold_lock(f, m) || coop_in_irq(f, m);
}

/*
 * Is it worth telling a vCPU that it is about to lose its CPU? A task that may
 * hold a lock cannot be moved, the idle task need not be, and who did not answer
 * the last time is not asked again. An interrupt on top of a task is no obstacle:
 * the end of the boost for it is where most of its preemptions come.
 */
static inline bool coop_may_notify(const struct coop_facts *f,
				   const struct coop_masks *m)
{
	return f->notify_ack == f->notify_seq &&
	       !(f->intent & KVM_COOP_INTENT_IDLE) && !coop_may_hold_lock(f, m);
}

/* 0..31 are exceptions, and 255 is what a local APIC calls spurious. */
static inline bool coop_notify_vector_valid(u32 vector)
{
	return !vector || (vector >= 32 && vector < 255);
}

/*
 * Is what the guest wrote at registration well-formed? False if it speaks
 * another version.
 */
static inline bool coop_setup_valid(const struct kvm_coop_guest_setup *s)
{
	return s->abi_version == KVM_COOP_ABI_VERSION &&
	       s->size >= KVM_COOP_PAGE_SIZE &&
	       (!(s->features & KVM_COOP_F_NOTIFY) ||
		coop_notify_vector_valid(s->notify_vector));
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

/* What a boost is paid from. What ends a slice is as short as an interrupt. */
enum coop_class {
	COOP_CLASS_IRQ,
	COOP_CLASS_RT,
	COOP_CLASS_NR,
};

static inline enum coop_class coop_class_of(enum coop_reason reason)
{
	return reason == COOP_REASON_RT ? COOP_CLASS_RT : COOP_CLASS_IRQ;
}

/* No bucket goes below this, ns: one that nothing fills must not wrap. */
#define COOP_BUDGET_LEAST	(-(1LL << 52))

/**
 * struct coop_budget - a token bucket; tokens are ns of boosted run time
 * @tokens: at most the burst; below 0 if more was used than there was
 * @stamp: time of the last refill, ns
 * @rest: what that refill could not give, in 1/1000 ns, 0..999
 *
 * Refilled when looked at, so that no timer runs while nothing happens. Nothing
 * is created and nothing lost: at any rate of looks, tokens grow by what the
 * rate says until the bucket is full, and every use is taken away. Compare the
 * replenishments of a sporadic server (Sprunt et al. 1989; seL4's sporadic.c).
 */
struct coop_budget {
	s64	tokens;
	u64	stamp;
	u32	rest;
};

/*
 * @rate is in parts per thousand of a CPU, at most 10^6; @burst and @now are in
 * ns, @burst is less than 2^53, or the product below would overflow.
 */
static inline void coop_budget_refill(struct coop_budget *b, u32 rate,
				      u64 burst, u64 now)
{
	u64 elapsed = now > b->stamp ? now - b->stamp : 0;
	u64 room, gain;

	b->stamp += elapsed;
	if (b->tokens < (s64)burst && rate) {
		room = burst - (u64)b->tokens;
		if (elapsed / 1000 <= room / rate) {
			gain = elapsed * rate + b->rest;
			b->tokens += gain / 1000;
			b->rest = gain % 1000;
		} else {
			b->tokens = burst;
		}
	}
	if (b->tokens >= (s64)burst) {
		b->tokens = burst;
		b->rest = 0;
	}
}

/* What is used was granted: less than the burst and the lateness of a timer. */
static inline void coop_budget_spend(struct coop_budget *b, u64 used)
{
	s64 most = b->tokens - COOP_BUDGET_LEAST;

	if (most <= 0)
		return;
	b->tokens -= used < (u64)most ? (s64)used : most;
}

/* How long from the last refill until there are @need tokens, ns; ~0: never. */
static inline u64 coop_budget_wait(const struct coop_budget *b, u32 rate,
				   u64 need)
{
	u64 missing;

	if (b->tokens >= (s64)need)
		return 0;
	missing = need - (u64)b->tokens;
	if (!rate || missing > ~0ULL / 1000)
		return ~0ULL;
	return (missing * 1000 + rate - 1) / rate;
}

#endif /* _KVM_COOP_DECIDE_H */
