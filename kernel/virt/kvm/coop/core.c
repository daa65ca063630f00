// SPDX-License-Identifier: GPL-2.0
/*
 * kvm-coop's state machine: when a vCPU thread is boosted and when no more.
 *
 * A boost begins when an urgent interrupt is about to wake the vCPU, or when
 * the vCPU is about to be preempted although its page says that it must not:
 * behind a VM exit, or in the scheduler, if the thread is interrupted later.
 * It ends when the guest yields, when an exit finds no reason left, at its
 * bound, and always before KVM_RUN returns. See include/uapi/linux/kvm_coop.h
 * for what host and guest tell each other, decide.h for what it means.
 *
 * Locking: coop.lock is raw, taken with interrupts off, from any context but
 * NMI. The scheduler's locks nest inside, so the preempt notifiers, which run
 * under the rq lock, must not take it. Looks at the guest's page need no lock of
 * ours (guest_page.c); one that fails counts as "no reason".
 */
#include <linux/kvm_coop.h>
#include <linux/sched/coop.h>
#include <linux/pid.h>

#include "internal.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/*
 * How long a yield made inside of a critical section waits for its end, and
 * how often it looks: the section is the guest's context switch or interrupt
 * exit, a few microseconds.
 */
#define COOP_YIELD_STEP_NS	(50 * NSEC_PER_USEC)
#define COOP_YIELD_LIMIT_NS	(500 * NSEC_PER_USEC)

/*
 * The guest does not say when a section ends that delayed its preemption: look
 * that many times until the bound.
 */
#define COOP_DEFER_STEPS	8

/* less budget than this is not worth a grant */
#define COOP_BUDGET_MIN_NS	(50 * NSEC_PER_USEC)

/* a refused request is not tried again sooner, nor later, than this */
#define COOP_RETRY_MIN_NS	(100 * NSEC_PER_USEC)
#define COOP_RETRY_MAX_NS	(10 * NSEC_PER_MSEC)

static u64 us(u32 n)
{
	return (u64)n * NSEC_PER_USEC;
}

/*
 * Does an urgent interrupt wait, or one of the guest's urgent timers? The guest
 * moves timer_due on when it has handled the timer, so this covers the time
 * between the interrupt's injection and the wakeup that it brings.
 * Context: vCPU thread, outside guest mode.
 */
static bool urgent_waits(struct kvm_vcpu *vcpu)
{
	return kvm_arch_coop_irq_pending(vcpu) || kvm_coop_timer_overdue(vcpu);
}

/**
 * kvm_coop_budget_left - what is left for boosts of one class
 * @vcpu: the vCPU
 * @class: of the reasons for a boost
 *
 * Context: coop.lock held. Return: ns of run time, as of the last look.
 */
u64 kvm_coop_budget_left(struct kvm_vcpu *vcpu, enum coop_class class)
{
	struct kvm_coop *coop = &vcpu->kvm->coop;
	s64 left;

	raw_spin_lock(&coop->lock);
	left = min(vcpu->coop.budget[class].tokens, coop->budget[class].tokens);
	raw_spin_unlock(&coop->lock);
	return max(left, 0LL);
}

/* --- grants; all under coop.lock ------------------------------------------ */

/* Make sure that somebody looks at @at, at the latest. */
static void arm_timer(struct kvm_vcpu_coop *c, u64 at)
{
	ktime_t t = ns_to_ktime(at);

	if (!hrtimer_is_queued(&c->timer) ||
	    hrtimer_get_expires(&c->timer) > t)
		hrtimer_start(&c->timer, t, HRTIMER_MODE_ABS_PINNED_HARD);
}

/* Rates in parts per thousand, bursts in us. */
struct class_limits {
	u32 rate, burst, vm_rate, vm_burst;
};

static struct class_limits class_limits(const struct kvm_coop_config *c,
					enum coop_class class)
{
	if (class == COOP_CLASS_RT)
		return (struct class_limits){
			c->rt_rate_permille, c->rt_burst_us,
			c->vm_rt_rate_permille, c->vm_rt_burst_us
		};
	return (struct class_limits){
		c->irq_rate_permille, c->irq_burst_us,
		c->vm_irq_rate_permille, c->vm_irq_burst_us
	};
}

/*
 * Refill the budgets of one class. Returns what is left, ns; if that is too
 * little for a grant, *@wait_ns is how long it will be so.
 */
static u64 refill(struct kvm_vcpu *vcpu, enum coop_class class, u64 now,
		  u64 *wait_ns)
{
	struct kvm_coop *coop = &vcpu->kvm->coop;
	struct class_limits l = class_limits(&coop->config, class);
	struct coop_budget *own = &vcpu->coop.budget[class];
	struct coop_budget *all = &coop->budget[class];

	coop_budget_refill(own, l.rate, us(l.burst), now);
	raw_spin_lock(&coop->lock);
	kvm_coop_io_charge(vcpu->kvm);
	coop_budget_refill(all, l.vm_rate, us(l.vm_burst), now);
	*wait_ns = max(coop_budget_wait(own, l.rate, COOP_BUDGET_MIN_NS),
		       coop_budget_wait(all, l.vm_rate, COOP_BUDGET_MIN_NS));
	raw_spin_unlock(&coop->lock);
	return kvm_coop_budget_left(vcpu, class);
}

static void spend(struct kvm_vcpu *vcpu, enum coop_class class, u64 used)
{
	struct kvm_coop *coop = &vcpu->kvm->coop;

	coop_budget_spend(&vcpu->coop.budget[class], used);
	raw_spin_lock(&coop->lock);
	coop_budget_spend(&coop->budget[class], used);
	raw_spin_unlock(&coop->lock);
}

/*
 * Account boosted CPU time up to now. sum_exec_runtime is exact after a class
 * change and while the thread sleeps; in between it lags by at most a tick,
 * which the next settlement then finds.
 */
static void settle(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	u64 exec = READ_ONCE(c->task->se.sum_exec_runtime);
	u64 used = exec - c->exec_mark;

	c->exec_mark = exec;
	vcpu->stat.coop_boosted_ns += used;
	spend(vcpu, coop_class_of(c->reason), used);
}

/* How long may a grant for @reason last, whatever the budgets hold? ns. */
static u64 bound_of(const struct kvm_coop_config *config,
		    enum coop_reason reason)
{
	switch (reason) {
	case COOP_REASON_RT:
		return us(config->rt_bound_us);
	case COOP_REASON_DEFER:
		return us(config->grace_us);
	case COOP_REASON_NOTIFY:
		return us(config->notify_us);
	default:
		return us(config->irq_bound_us);
	}
}

static void throttle(struct kvm_vcpu *vcpu, enum coop_reason reason,
		     bool budget, u64 now, u64 wait_ns)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;

	wait_ns = clamp_t(u64, wait_ns, COOP_RETRY_MIN_NS, COOP_RETRY_MAX_NS);
	WRITE_ONCE(c->retry_at, now + wait_ns);
	if (c->throttled)
		return;
	c->throttled = true;
	vcpu->stat.coop_throttles++;
	trace_kvm_coop_throttle(vcpu, reason, budget, wait_ns);
	kvm_make_request(KVM_REQ_COOP, vcpu);
}

/*
 * Ask budgets and scheduler for a grant of *@length ns at most, which is set to
 * what it may be. Returns 0, or a negative error after noting the refusal.
 */
static int ask(struct kvm_vcpu *vcpu, enum coop_reason reason, u64 now,
	       u64 *length)
{
	u64 wait_ns = 0, left;
	int ret;

	left = refill(vcpu, coop_class_of(reason), now, &wait_ns);
	if (left < COOP_BUDGET_MIN_NS) {
		vcpu->stat.coop_refused_budget++;
		throttle(vcpu, reason, true, now, wait_ns);
		return -EAGAIN;
	}
	*length = min(*length, left);
	ret = vcpu->kvm->coop.policy->boost(vcpu, &wait_ns);
	if (ret == -EAGAIN) {
		vcpu->stat.coop_refused_debt++;
		throttle(vcpu, reason, false, now, wait_ns);
	} else if (ret) {
		vcpu->stat.coop_refused_class++;
	}
	return ret;
}

static bool feature_allows(u32 features, enum coop_reason reason)
{
	static const u32 needs[COOP_REASON_NR] = {
		[COOP_REASON_IRQ] = KVM_COOP_F_IRQ,
		[COOP_REASON_RT] = KVM_COOP_F_RT,
		[COOP_REASON_DEFER] = KVM_COOP_F_DEFER,
		[COOP_REASON_NOTIFY] = KVM_COOP_F_NOTIFY,
	};

	return features & needs[reason];
}

/* Begin a boost, or give a running one a new bound. */
static int grant(struct kvm_vcpu *vcpu, enum coop_reason reason, u64 now)
{
	const struct kvm_coop_policy *policy = vcpu->kvm->coop.policy;
	struct kvm_vcpu_coop *c = &vcpu->coop;
	u64 length = bound_of(&vcpu->kvm->coop.config, reason);
	bool kept = c->boosted;
	int ret;

	if (!READ_ONCE(kvm_coop_on) || !c->task || !policy->boost || c->hands_off ||
	    !feature_allows(c->features, reason))
		return -EOPNOTSUPP;
	/* alone on the CPU: nothing to win, nothing to pay */
	if (!kept && !sched_coop_contended(c->task))
		return -ENOENT;

	if (kept)
		settle(vcpu);
	ret = ask(vcpu, reason, now, &length);
	trace_kvm_coop_grant(vcpu, reason, kept, ret);
	if (ret) {
		kvm_coop_vmm_grant(vcpu);
		return ret;
	}

	if (!kept)
		c->exec_mark = READ_ONCE(c->task->se.sum_exec_runtime);
	c->boosted = true;
	c->yielding = false;
	c->throttled = false;
	c->granted_at = now;
	/* an interrupt on top of RT work takes nothing away from it */
	if (c->reason != COOP_REASON_RT || reason == COOP_REASON_RT) {
		c->reason = reason;
		c->bound_at = now + length;
	}
	arm_timer(c, c->reason == COOP_REASON_DEFER ?
		  now + length / COOP_DEFER_STEPS : c->bound_at);
	if (kept)
		vcpu->stat.coop_boosts_kept++;
	else if (reason == COOP_REASON_DEFER)
		vcpu->stat.coop_deferrals++;
	else if (reason == COOP_REASON_NOTIFY)
		vcpu->stat.coop_notified++;
	else if (reason == COOP_REASON_RT)
		vcpu->stat.coop_boosts_rt++;
	else
		vcpu->stat.coop_boosts_irq++;
	kvm_coop_vmm_grant(vcpu);
	kvm_make_request(KVM_REQ_COOP, vcpu);
	return 0;
}

/* The guest answered the notification: it yields or halts. */
static void notify_answered(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;

	if (c->reason != COOP_REASON_NOTIFY)
		return;
	vcpu->stat.coop_notified_acked++;
	KVM_STATS_LOG_HIST_UPDATE(vcpu->stat.coop_notify_hist,
				  ktime_get_ns() - c->granted_at);
}

/* End the boost; @counter and @why say the reason. */
static void __end_boost(struct kvm_vcpu *vcpu, u64 *counter, const char *why)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;

	if (vcpu->kvm->coop.policy->unboost(vcpu) == -EPERM)
		c->hands_off = true;
	settle(vcpu);
	c->boosted = false;
	c->yielding = false;
	WRITE_ONCE(c->defer_spent, true);
	c->looked_at = vcpu->stat.exits;
	c->reason = COOP_REASON_NONE;
	(*counter)++;
	trace_kvm_coop_end(vcpu, why, ktime_get_ns() - c->granted_at);
	kvm_coop_vmm_grant(vcpu);
	kvm_make_request(KVM_REQ_COOP, vcpu);
}

#define end_boost(vcpu, why) \
	__end_boost(vcpu, &(vcpu)->stat.coop_ends_##why, #why)

/*
 * How long a boost lasts that has no reason any more and is not given back, ns.
 * Longer where the exit may be the one that gives it back: a halt, or the yield
 * itself, which a stock guest makes under its run-queue lock.
 */
static u64 linger(struct kvm_vcpu *vcpu, const struct coop_facts *f)
{
	u64 ns = us(vcpu->kvm->coop.config.linger_us);

	if (f && ((f->intent & KVM_COOP_INTENT_IDLE) ||
		  coop_may_hold_lock(f, &vcpu->coop.masks)))
		ns += COOP_YIELD_LIMIT_NS;
	return ns;
}

/*
 * There is no reason for the boost any more, or it may not last longer, but its
 * end would hit a critical section: the guest holds a lock, or handles an
 * interrupt that it was given without a ticket, and nobody knows yet whom that
 * wakes. It has the time that one without a boost has, once. @f may be NULL.
 */
static bool turn_into_deferral(struct kvm_vcpu *vcpu,
			       const struct coop_facts *f, u64 now)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;

	if (!f || c->defer_spent || c->reason == COOP_REASON_DEFER ||
	    c->reason == COOP_REASON_NOTIFY || !coop_critical(f, &c->masks))
		return false;
	settle(vcpu);
	c->reason = COOP_REASON_NONE;
	return !grant(vcpu, COOP_REASON_DEFER, now);
}

/*
 * The bound is reached: RT work may go on as far as budget and debt allow, and
 * a critical section to its end.
 */
static void bound_reached(struct kvm_vcpu *vcpu, const struct coop_facts *f,
			  enum coop_reason reason, u64 now)
{
	if (reason == COOP_REASON_RT && !grant(vcpu, reason, now))
		return;
	if (!turn_into_deferral(vcpu, f, now))
		end_boost(vcpu, expired);
}

/*
 * Is there still a reason for the boost? @f is NULL if the page could not be
 * read. Under coop.lock.
 */
static void review_boost(struct kvm_vcpu *vcpu, const struct coop_facts *f)
{
	const struct kvm_coop_config *config = &vcpu->kvm->coop.config;
	struct kvm_vcpu_coop *c = &vcpu->coop;
	enum coop_reason reason = COOP_REASON_NONE;
	u64 now = ktime_get_ns();

	if (f)
		reason = coop_reason(f, &c->masks, c->features);
	/* what was refused before the notification stays refused until its end */
	if (reason == COOP_REASON_RT && c->reason != COOP_REASON_NOTIFY) {
		/* RT work came up since the yield */
		c->yielding = false;
		/* from here on its budget pays, up to the bound as it is */
		if (c->reason != reason)
			settle(vcpu);
		c->reason = reason;
	}

	if (!READ_ONCE(kvm_coop_on)) {
		end_boost(vcpu, expired);
	} else if (c->yielding) {
		if (f && coop_may_hold_lock(f, &c->masks) &&
		    now < c->yield_until)
			arm_timer(c, now + COOP_YIELD_STEP_NS);
		else
			end_boost(vcpu, yield);
	} else if (now >= c->bound_at) {
		bound_reached(vcpu, f, reason, now);
	} else if (c->reason == COOP_REASON_DEFER) {
		if (f && coop_critical(f, &c->masks))
			arm_timer(c, now + us(config->grace_us) /
					   COOP_DEFER_STEPS);
		else
			end_boost(vcpu, exit);
	} else if (reason == COOP_REASON_NONE &&
		   c->reason != COOP_REASON_NOTIFY &&
		   now - c->granted_at >= linger(vcpu, f)) {
		if (!turn_into_deferral(vcpu, f, now))
			end_boost(vcpu, exit);
	}
}

/* --- the hooks ------------------------------------------------------------ */

/*
 * Does the vCPU thread run here, and will it pass kvm_coop_exit() before it
 * can lose the CPU? So it is with every interrupt that caused a VM exit: it is
 * handled with preemption disabled. An interrupt on top of preemptible host
 * code, in contrast, may end in a preemption that nobody looks at.
 */
static bool thread_will_look(const struct kvm_vcpu_coop *c)
{
	if (READ_ONCE(c->task) != current)
		return false;
	if (!in_hardirq())
		return !need_resched();
	return !IS_ENABLED(CONFIG_PREEMPT_COUNT) ||
	       (preempt_count() & PREEMPT_MASK);
}

/*
 * A guest programs its local timer for one event at a time. While an expiry
 * that is not urgent, its tick, waits for the vCPU's turn, nothing is
 * programmed for the urgent one behind it: so the host looks after that, with
 * due_timer. Returns the ktime for it in ns, or 0. Context: any but NMI.
 */
static u64 timer_due_at(struct kvm_vcpu *vcpu)
{
	u64 due = kvm_coop_timer_due(vcpu), tsc = kvm_arch_coop_guest_tsc(vcpu);

	/* later than that it has had its turn */
	if (due <= tsc || due - tsc > kvm_arch_coop_ns_to_tsc(vcpu, NSEC_PER_SEC))
		return 0;
	return ktime_get_ns() + kvm_arch_coop_tsc_to_ns(vcpu, due - tsc);
}

static void start_due_timer(struct kvm_vcpu_coop *c, enum coop_reason reason,
			    u64 at)
{
	if (!at)
		return;
	WRITE_ONCE(c->due_reason, reason);
	hrtimer_start(&c->due_timer, ns_to_ktime(at),
		      HRTIMER_MODE_ABS_PINNED_HARD);
}

/* The vCPU has its turn. Context: any, also under the rq lock. */
static void stop_due_timer(struct kvm_vcpu_coop *c)
{
	if (hrtimer_is_queued(&c->due_timer))
		hrtimer_try_to_cancel(&c->due_timer);
}

/* Is a refused boost tried again before @at? */
static bool retried_before(struct kvm_vcpu_coop *c, u64 at)
{
	return hrtimer_is_queued(&c->due_timer) &&
	       hrtimer_get_expires_ns(&c->due_timer) < (s64)at;
}

/*
 * Unless @vcpu is in guest mode it is blocked, preempted, or in host code where
 * the tick may preempt it. Boost it, or try again as soon as its debt allows;
 * it may of course have its turn before.
 */
static void boost_waiting(struct kvm_vcpu *vcpu, enum coop_reason reason)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	unsigned long flags;
	u64 now;
	int ret;

	if (READ_ONCE(vcpu->mode) == IN_GUEST_MODE)
		return;

	raw_spin_lock_irqsave(&c->lock, flags);
	now = ktime_get_ns();
	ret = grant(vcpu, reason, now);
	if (!ret) {
		if (reason == COOP_REASON_IRQ)
			WRITE_ONCE(c->ticket, c->ticket + 1);
		c->renewed = c->blocked;
		WRITE_ONCE(c->woken_at, now);
	} else if (c->boosted && c->blocked && ret != -EOPNOTSUPP) {
		/* a running boost has its bound; one kept asleep has none */
		end_boost(vcpu, expired);
	}
	/* not after kvm_coop_unregister() cancelled it */
	if (ret == -EAGAIN && c->features)
		start_due_timer(c, reason, c->retry_at);
	raw_spin_unlock_irqrestore(&c->lock, flags);
}

/*
 * An urgent interrupt was accepted: boost before the kick, so that the wakeup
 * already finds the class.
 */
void __kvm_coop_wake(struct kvm_vcpu *vcpu)
{
	if (!thread_will_look(&vcpu->coop))
		boost_waiting(vcpu, COOP_REASON_IRQ);
}

static enum hrtimer_restart due_timer_fired(struct hrtimer *timer)
{
	struct kvm_vcpu *vcpu = container_of(timer, struct kvm_vcpu,
					     coop.due_timer);

	if (READ_ONCE(vcpu->coop.registered))
		boost_waiting(vcpu, READ_ONCE(vcpu->coop.due_reason));
	return HRTIMER_NORESTART;
}

void __kvm_coop_irq(struct kvm_vcpu *vcpu, u32 vector)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	unsigned long flags;
	u64 at;

	if (kvm_arch_coop_irq_urgent(vcpu, vector)) {
		__kvm_coop_wake(vcpu);
	} else if (READ_ONCE(c->blocked)) {
		at = timer_due_at(vcpu);
		raw_spin_lock_irqsave(&c->lock, flags);
		/* not after kvm_coop_unregister() cancelled it */
		if (c->features && !retried_before(c, at))
			start_due_timer(c, COOP_REASON_IRQ, at);
		/* or the wakeup preempts somebody, only for the boost to end */
		if (c->boosted && c->blocked && !c->renewed)
			end_boost(vcpu, wakeup);
		raw_spin_unlock_irqrestore(&c->lock, flags);
	}
}

/*
 * Tell the guest that it is about to lose its CPU, and let it run for long enough
 * to deal with that: once per slice that it really used, only if nobody waits
 * who is to run at once, and if it has a sibling to give its work to.
 * Context: vCPU thread, preemption off.
 */
static void notify(struct kvm_vcpu *vcpu, const struct coop_facts *f)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	u64 exec = READ_ONCE(current->se.sum_exec_runtime);
	unsigned long flags;
	int ret;

	if (!(c->features & KVM_COOP_F_NOTIFY) ||
	    !atomic_read(&vcpu->kvm->coop.blocked) ||
	    !coop_may_notify(f, &c->masks) ||
	    !sched_coop_slice_over(exec - c->notify_mark) ||
	    !kvm_arch_coop_can_notify(vcpu, coop_in_irq(f, &c->masks)))
		return;
	raw_spin_lock_irqsave(&c->lock, flags);
	ret = grant(vcpu, COOP_REASON_NOTIFY, ktime_get_ns());
	if (!ret)
		WRITE_ONCE(c->notify_seq, c->notify_seq + 1);
	raw_spin_unlock_irqrestore(&c->lock, flags);
	if (ret)
		return;
	c->notify_mark = exec;
	kvm_arch_coop_notify(vcpu, c->notify_vector);
}

/* Nothing is boosted, but the vCPU is about to lose its CPU. */
static void about_to_be_preempted(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	enum coop_reason reason;
	struct coop_facts f;
	unsigned long flags;
	int ret = -ENOENT;

	c->looked_at = vcpu->stat.exits;
	if (!kvm_coop_look(vcpu, &f)) {
		/* memory slots changed: have the mapping renewed */
		kvm_make_request(KVM_REQ_COOP, vcpu);
		return;
	}
	f.irq_pending = urgent_waits(vcpu);
	reason = coop_reason(&f, &c->masks, c->features);
	if (reason == COOP_REASON_NONE && (c->features & KVM_COOP_F_DEFER) &&
	    !READ_ONCE(c->defer_spent) && coop_critical(&f, &c->masks))
		reason = COOP_REASON_DEFER;
	if (reason != COOP_REASON_NONE) {
		raw_spin_lock_irqsave(&c->lock, flags);
		ret = grant(vcpu, reason, ktime_get_ns());
		raw_spin_unlock_irqrestore(&c->lock, flags);
	}
	if (ret)
		notify(vcpu, &f);
}

/*
 * A boost has just ended: if that costs the vCPU its CPU, tell it. Preemption has
 * been off since before, or it would be too late.
 */
static void notify_of_end(struct kvm_vcpu *vcpu, const struct coop_facts *f)
{
	if (!vcpu->coop.boosted && need_resched())
		notify(vcpu, f);
}

/* Context: vCPU thread. */
static void review(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	struct coop_facts f;
	unsigned long flags;
	bool readable;

	preempt_disable();
	readable = kvm_coop_look(vcpu, &f);
	if (readable)
		f.irq_pending = urgent_waits(vcpu);
	raw_spin_lock_irqsave(&c->lock, flags);
	if (c->boosted)
		review_boost(vcpu, readable ? &f : NULL);
	raw_spin_unlock_irqrestore(&c->lock, flags);
	if (readable)
		notify_of_end(vcpu, &f);
	preempt_enable();
}

void __kvm_coop_exit(struct kvm_vcpu *vcpu)
{
	if (vcpu->coop.boosted)
		review(vcpu);
	else
		about_to_be_preempted(vcpu);
}

/*
 * The same where the thread was interrupted in preemptible host code. A VM exit
 * that was looked at is not looked at again: it was let go.
 * Context: as struct sched_coop says.
 */
static void thread_preempted(struct task_struct *p)
{
	struct kvm_vcpu *vcpu = kvm_get_running_vcpu();

	if (vcpu && vcpu->coop.task == p && vcpu->coop.registered &&
	    !vcpu->coop.boosted && vcpu->coop.looked_at != vcpu->stat.exits)
		about_to_be_preempted(vcpu);
}

/*
 * KVM_REQ_COOP: bring the caches up to date, check what the timer found, tell
 * the guest. Context: vCPU thread before a VM entry, may sleep, srcu held.
 */
void kvm_coop_service(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;

	if (!c->registered)
		return;
	if (!kvm_gpc_check(&c->page, sizeof(struct kvm_coop_page)))
		kvm_gpc_refresh(&c->page, sizeof(struct kvm_coop_page));
	if (c->count.active && !kvm_gpc_check(&c->count, sizeof(u32)))
		kvm_gpc_refresh(&c->count, sizeof(u32));
	if (c->boosted)
		review(vcpu);
	kvm_coop_publish(vcpu);
}

/*
 * The bound, or the next look at a yield. Neither can be decided here, where
 * the vCPU may be anywhere: bring it to a place where it can.
 */
static enum hrtimer_restart timer_fired(struct hrtimer *timer)
{
	struct kvm_vcpu_coop *c = container_of(timer, struct kvm_vcpu_coop,
					       timer);
	struct kvm_vcpu *vcpu = container_of(c, struct kvm_vcpu, coop);
	enum hrtimer_restart restart = HRTIMER_NORESTART;
	u64 now = ktime_get_ns();
	bool kick = false;

	raw_spin_lock(&c->lock);
	if (c->boosted && !c->blocked && !hrtimer_is_queued(timer)) {
		if (c->yielding || c->reason == COOP_REASON_DEFER ||
		    now >= c->bound_at) {
			kick = true;
		} else {
			hrtimer_set_expires(timer, ns_to_ktime(c->bound_at));
			restart = HRTIMER_RESTART;
		}
	}
	raw_spin_unlock(&c->lock);

	if (kick) {
		kvm_make_request(KVM_REQ_COOP, vcpu);
		kvm_vcpu_kick(vcpu);
	}
	return restart;
}

/*
 * The vCPU waits. The class stays as it is: a wakeup for an urgent interrupt
 * wants it back, and a sleeping thread disturbs nobody.
 */
void __kvm_coop_block(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;

	raw_spin_lock_irq(&c->lock);
	/* refused while it ran, and dealt with by now */
	stop_due_timer(c);
	c->blocked = true;
	atomic_inc(&vcpu->kvm->coop.blocked);
	c->renewed = false;
	c->yielding = false;
	notify_answered(vcpu);
	raw_spin_unlock_irq(&c->lock);
}

void __kvm_coop_unblock(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;

	raw_spin_lock_irq(&c->lock);
	c->blocked = false;
	atomic_dec(&vcpu->kvm->coop.blocked);
	if (c->boosted && !c->renewed)
		end_boost(vcpu, wakeup);
	raw_spin_unlock_irq(&c->lock);
}

/**
 * kvm_coop_give_back - the guest yields what it was granted
 * @vcpu: the vCPU
 * @unlocked: nobody in the guest waits for it, whatever its preempt count says
 *
 * Inside of a critical section only remember it: if the thread lost its CPU
 * now, the guest's lock would go with it.
 * Context: vCPU thread, may sleep.
 */
void kvm_coop_give_back(struct kvm_vcpu *vcpu, bool unlocked)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	struct coop_facts f;
	bool readable;
	u64 now;

	vcpu->stat.coop_yields++;
	if (!c->boosted)
		return;
	readable = kvm_coop_look(vcpu, &f);
	if (unlocked)
		coop_trust_unlocked(&f, &c->masks);
	/* what the guest did not know yet when it decided to yield */
	if (((c->features & KVM_COOP_F_IRQ) && urgent_waits(vcpu)) ||
	    ((c->features & KVM_COOP_F_RT) && (f.intent & COOP_INTENT_WORK) &&
	     c->reason != COOP_REASON_NOTIFY))
		return;

	preempt_disable();
	raw_spin_lock_irq(&c->lock);
	now = ktime_get_ns();
	if (c->boosted && coop_may_hold_lock(&f, &c->masks)) {
		if (!c->yielding)
			c->yield_until = now + COOP_YIELD_LIMIT_NS;
		c->yielding = true;
		arm_timer(c, now + COOP_YIELD_STEP_NS);
	} else if (c->boosted) {
		notify_answered(vcpu);
		end_boost(vcpu, yield);
	}
	raw_spin_unlock_irq(&c->lock);
	if (readable)
		notify_of_end(vcpu, &f);
	preempt_enable();
}

/* --- run state, for the guest and for statistics -------------------------- */

/* Account the time since the last change to what the vCPU did meanwhile. */
static void change_state(struct kvm_vcpu_coop *c, u32 state)
{
	u64 now = ktime_get_ns();

	if (c->facts.state == KVM_COOP_STATE_RUNNING)
		c->facts.run_ns += now - c->stamp;
	else if (c->facts.state == KVM_COOP_STATE_PREEMPTED)
		c->facts.wait_ns += now - c->stamp;
	c->facts.state = state;
	WRITE_ONCE(c->stamp, now);
}

void __kvm_coop_sched_in(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	u64 woken_at = READ_ONCE(c->woken_at);

	change_state(c, KVM_COOP_STATE_RUNNING);
	stop_due_timer(c);
	WRITE_ONCE(c->defer_spent, false);
	if (woken_at) {
		WRITE_ONCE(c->woken_at, 0);
		KVM_STATS_LOG_HIST_UPDATE(vcpu->stat.coop_wake_hist,
					  c->stamp - woken_at);
	}
	/* outside KVM_RUN guest memory is not written */
	if (c->task)
		kvm_coop_publish_facts(vcpu, sched_coop_slice_left());
}

/* Preempted although it wanted to run: was it a bad moment? */
static void count_preemption(struct kvm_vcpu *vcpu, const struct coop_facts *f)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;

	vcpu->stat.coop_preempted++;
	c->facts.preempted_total++;
	if ((c->features & (KVM_COOP_F_OBSERVE | KVM_COOP_F_DEFER)) &&
	    coop_critical(f, &c->masks)) {
		vcpu->stat.coop_preempted_critical++;
		c->facts.preempted_critical++;
	}
}

/*
 * The vCPU loses its CPU. What is urgent now was refused, or came up after the
 * last look, and no interrupt will tell of it again: have it tried again.
 */
static void see_to_urgent(struct kvm_vcpu *vcpu, struct coop_facts *f)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	enum coop_reason reason;

	f->irq_pending = urgent_waits(vcpu);
	reason = coop_reason(f, &c->masks, c->features);
	if (reason == COOP_REASON_NONE && (c->features & KVM_COOP_F_IRQ))
		start_due_timer(c, COOP_REASON_IRQ, timer_due_at(vcpu));
	else if (reason != COOP_REASON_NONE && !c->boosted)
		start_due_timer(c, reason, READ_ONCE(c->throttled) ?
				READ_ONCE(c->retry_at) : c->stamp);
}

void __kvm_coop_sched_out(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	struct coop_facts f;

	if (!c->task)
		return;
	if (READ_ONCE(vcpu->preempted)) {
		bool readable = kvm_coop_look(vcpu, &f);

		count_preemption(vcpu, &f);
		change_state(c, KVM_COOP_STATE_PREEMPTED);
		if (readable)
			see_to_urgent(vcpu, &f);
	} else {
		change_state(c, KVM_COOP_STATE_BLOCKED);
	}
	c->facts.wait_estimate_ns = sched_coop_wait_estimate();
	kvm_coop_publish_facts(vcpu, 0);
}

/* --- registration --------------------------------------------------------- */

/* Guest memory at @gpa that the host may write? kvm->srcu held. */
static bool gpa_writable(struct kvm_vcpu *vcpu, gpa_t gpa)
{
	bool writable = false;
	unsigned long hva;

	hva = kvm_vcpu_gfn_to_hva_prot(vcpu, gpa_to_gfn(gpa), &writable);
	return !kvm_is_error_hva(hva) && writable;
}

static void attach_count(struct kvm_vcpu *vcpu, u64 gpa)
{
	/* without it there is just less to see */
	if (coop_count_gpa_valid(gpa) && gpa_writable(vcpu, gpa))
		kvm_gpc_activate(&vcpu->coop.count, gpa, sizeof(u32));
}

static gpa_t page_gpa(const struct kvm_vcpu_coop *c)
{
	return c->msr & ~(u64)KVM_COOP_MSR_ENABLE;
}

/* The notification's own vector boosts nobody: it is sent to one who runs. */
static void take_urgent(struct kvm_vcpu_coop *c, const u64 *urgent)
{
	unsigned int i;
	u64 word;

	for (i = 0; i < ARRAY_SIZE(c->urgent); i++) {
		word = urgent[i];
		if (c->notify_vector / 64 == i)
			word &= ~BIT_ULL(c->notify_vector % 64);
		WRITE_ONCE(c->urgent[i], word);
	}
}

static void take_notify(struct kvm_vcpu_coop *c,
			const struct kvm_coop_page *page)
{
	if (!page->setup.notify_vector)
		c->features &= ~KVM_COOP_F_NOTIFY;
	c->notify_vector = c->features & KVM_COOP_F_NOTIFY ?
			   page->setup.notify_vector : 0;
	c->notify_seq = page->guest.notify_ack;
}

/* Read the guest's setup and begin to use the page. srcu held, may sleep. */
static int attach(struct kvm_vcpu *vcpu, gpa_t gpa)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	struct kvm_coop_page page;

	BUILD_BUG_ON(sizeof(struct kvm_coop_page) != KVM_COOP_PAGE_SIZE);
	BUILD_BUG_ON(offsetof(struct kvm_coop_page, guest) != 64);
	BUILD_BUG_ON(offsetof(struct kvm_coop_page, host) != 128);
	BUILD_BUG_ON(offsetof(struct kvm_coop_page, facts) != 192);

	if (!gpa_writable(vcpu, gpa) ||
	    kvm_vcpu_read_guest(vcpu, gpa, &page, sizeof(page)) ||
	    !coop_setup_valid(&page.setup))
		return -EINVAL;
	if (c->registered)
		kvm_coop_unregister(vcpu);
	if (kvm_gpc_activate(&c->page, gpa, sizeof(page)))
		return -EFAULT;
	attach_count(vcpu, page.setup.preempt_count_gpa);
	coop_setup_masks(&page.setup, &c->masks);
	c->features = page.setup.features & vcpu->kvm->coop.config.features;
	take_notify(c, &page);
	take_urgent(c, page.guest.urgent);
	memset(&c->facts, 0, sizeof(c->facts));
	c->ticket = page.guest.irq_ack;
	c->stamp = ktime_get_ns();
	raw_spin_lock_irq(&c->lock);
	WRITE_ONCE(c->registered, true);
	kvm_coop_vmm_grant(vcpu);
	raw_spin_unlock_irq(&c->lock);
	kvm_make_request(KVM_REQ_COOP, vcpu);
	return 0;
}

/**
 * kvm_coop_register - a well-formed, enabling write of MSR_KVM_COOP
 * @vcpu: loaded vCPU
 * @data: the value
 * @host: written by the VMM; memory may not be there yet
 *
 * Context: vCPU thread or the VMM's ioctl, kvm->srcu held, may sleep.
 * Return: 0, or a negative error after which nothing has changed.
 */
int kvm_coop_register(struct kvm_vcpu *vcpu, u64 data, bool host)
{
	int ret;

	if (host) {
		kvm_coop_unregister(vcpu);
	} else {
		ret = attach(vcpu, data & ~(u64)KVM_COOP_MSR_ENABLE);
		if (ret)
			return ret;
	}
	vcpu->coop.msr = data;
	return 0;
}

/**
 * kvm_coop_unregister - end everything that the registration brought
 * @vcpu: the vCPU; its own thread, or its mutex held
 *
 * Context: may sleep. Afterwards no boost is left, and the guest's page is
 * neither read nor written.
 */
void kvm_coop_unregister(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;

	raw_spin_lock_irq(&c->lock);
	if (c->boosted)
		end_boost(vcpu, user);
	c->features = 0;
	WRITE_ONCE(c->registered, false);
	kvm_coop_vmm_grant(vcpu);
	raw_spin_unlock_irq(&c->lock);
	hrtimer_cancel(&c->due_timer);
	c->msr = 0;
	kvm_gpc_deactivate(&c->page);
	kvm_gpc_deactivate(&c->count);
}

/* --- KVM_RUN -------------------------------------------------------------- */

static void refresh_urgent(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;
	gpa_t gpa = page_gpa(c) + offsetof(struct kvm_coop_page, guest.urgent);
	u64 urgent[ARRAY_SIZE(c->urgent)];

	if (!kvm_vcpu_read_guest(vcpu, gpa, urgent, sizeof(urgent)))
		take_urgent(c, urgent);
}

void __kvm_coop_run_begin(struct kvm_vcpu *vcpu)
{
	const struct kvm_coop_policy *policy = vcpu->kvm->coop.policy;
	struct kvm_vcpu_coop *c = &vcpu->coop;
	int idx;

	if (c->thread != task_pid(current)) {
		put_pid(c->thread);
		c->thread = get_pid(task_pid(current));
		c->hands_off = false;
		if (policy->enter && READ_ONCE(kvm_coop_on))
			policy->enter(vcpu);
	}
	if (c->msr) {
		idx = srcu_read_lock(&vcpu->kvm->srcu);
		/* the VMM restored the MSR: the memory ought to be there now */
		if (!c->registered)
			attach(vcpu, page_gpa(c));
		else
			refresh_urgent(vcpu);
		srcu_read_unlock(&vcpu->kvm->srcu, idx);
	}
	raw_spin_lock_irq(&c->lock);
	c->task = current;
	raw_spin_unlock_irq(&c->lock);
	current->coop.preempted = thread_preempted;
	kvm_coop_spread_begin(vcpu);
	kvm_coop_vmm_run(vcpu, KVM_COOP_STATE_RUNNING);
}

void __kvm_coop_run_end(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;

	current->coop.preempted = NULL;
	kvm_coop_spread_end();
	kvm_coop_vmm_run(vcpu, KVM_COOP_STATE_USER);
	raw_spin_lock_irq(&c->lock);
	if (c->boosted)
		end_boost(vcpu, user);
	c->task = NULL;
	raw_spin_unlock_irq(&c->lock);
}

/* --- life of vCPUs and VMs ------------------------------------------------ */

void kvm_coop_vcpu_init(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_coop *c = &vcpu->coop;

	raw_spin_lock_init(&c->lock);
	kvm_gpc_init(&c->page, vcpu->kvm);
	kvm_gpc_init(&c->count, vcpu->kvm);
	hrtimer_init(&c->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	c->timer.function = timer_fired;
	hrtimer_init(&c->due_timer, CLOCK_MONOTONIC,
		     HRTIMER_MODE_ABS_PINNED_HARD);
	c->due_timer.function = due_timer_fired;
}

void kvm_coop_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	hrtimer_cancel(&vcpu->coop.timer);
	kvm_coop_unregister(vcpu);
	kvm_coop_vmm_destroy(vcpu);
	put_pid(vcpu->coop.thread);
}
