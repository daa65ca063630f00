// SPDX-License-Identifier: GPL-2.0
/*
 * What the guest tells its host while it runs: intent at task switches,
 * acknowledgements when interrupts are handled, and yields.
 *
 * All of it hangs on tracepoints that a stock kernel has. The probes run with
 * preemption off, most with interrupts off, some under a run-queue lock: they
 * allocate nothing, take no lock, and log nothing. Everything they change is
 * changed with interrupts off, so that an interrupt's probe cannot come
 * between.
 *
 * The order of stores to the page matters (intent before irq_ack, so that the
 * host never sees neither). x86 keeps it, and WRITE_ONCE() the compiler.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/interrupt.h>
#include <linux/irqflags.h>
#include <linux/kvm_para.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/rt.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <asm/trace/irq_vectors.h>
#include <trace/events/irq.h>
#include <trace/events/rseq.h>
#include <trace/events/sched.h>
#include <trace/events/timer.h>

#include "compat.h"
#include "internal.h"
#include "kvm_coop_guest.h"

bool coop_exact;

static bool coop_wake = true;
module_param_named(wake, coop_wake, bool, 0444);
MODULE_PARM_DESC(wake, "wake=0: a task that was woken on an idle CPU is no reason for a boost");

/*
 * A vCPU that was woken has handled its interrupt before the task that was
 * waiting for that runs: if it loses its pCPU in between, the boost has only made
 * it wait twice. So that task is covered, up to its next switch, or to the second
 * tick: the first one comes at any time.
 */
#define COOP_WAKE_TICKS	2

/* Intent that makes the host boost, as opposed to IDLE. */
#define COOP_WANTS	(KVM_COOP_INTENT_RT | KVM_COOP_INTENT_REQUEST)

/*
 * Deadline tasks and lock holders boosted by an RT waiter are RT as well. The
 * stopper is not while it moves a task away: that time is granted already.
 */
static bool coop_task_is_rt(const struct coop_cpu *c,
			    const struct task_struct *p)
{
	if (c->moving && !p->prio && (p->flags & PF_KTHREAD))
		return false;
	return p->prio < MAX_RT_PRIO;
}

/* What the page has to say while @p is the current task. */
static u32 coop_task_intent(const struct coop_cpu *c,
			    const struct task_struct *p)
{
	u32 intent = c->requests || c->waking ? KVM_COOP_INTENT_REQUEST : 0;

	if (is_idle_task(p))
		return intent | KVM_COOP_INTENT_IDLE;
	if ((coop_features & KVM_COOP_F_RT) && coop_task_is_rt(c, p))
		intent |= KVM_COOP_INTENT_RT;
	return intent;
}

static void coop_publish(struct coop_cpu *c, struct kvm_coop_page *page,
			 u32 intent)
{
	if (page->guest.intent == intent)
		return;
	WRITE_ONCE(page->guest.intent, intent);
	/* What is granted from now on has not been given back. */
	if (intent & COOP_WANTS)
		c->yielded = false;
}

/* Neither a driver nor a woken task may ask any more; RT intent stays. */
static void coop_end_request(struct coop_cpu *c, struct kvm_coop_page *page)
{
	if (!c->requests && !c->waking)
		coop_publish(c, page,
			     page->guest.intent & ~KVM_COOP_INTENT_REQUEST);
}

static bool coop_ticket_open(const struct kvm_coop_page *page)
{
	return READ_ONCE(page->host.irq_ticket) != page->guest.irq_ack;
}

static void coop_ack(struct coop_cpu *c, struct kvm_coop_page *page)
{
	u32 ticket = READ_ONCE(page->host.irq_ticket);

	if (page->guest.irq_ack == ticket)
		return;
	WRITE_ONCE(page->guest.irq_ack, ticket);
	c->acks++;
}

/*
 * Is there a boost that nobody needs? True once per grant: the host may leave
 * BOOSTED set for a while after a yield inside a critical section. A new grant
 * shows as a new ticket, or had an intent before it (coop_publish()).
 */
static bool coop_yield_wanted(struct coop_cpu *c,
			      const struct kvm_coop_page *page)
{
	/* the host would take it for the answer, and the task would stay */
	if (c->moving || (page->guest.intent & COOP_WANTS))
		return false;
	if (!(READ_ONCE(page->host.status) & KVM_COOP_STATUS_BOOSTED)) {
		c->yielded = false;
		return false;
	}
	return !c->yielded ||
	       c->yield_ticket != READ_ONCE(page->host.irq_ticket);
}

static void coop_note_yield(struct coop_cpu *c,
			    const struct kvm_coop_page *page)
{
	c->yielded = true;
	c->yield_due = false;
	c->yield_ticket = READ_ONCE(page->host.irq_ticket);
	c->yields++;
}

/*
 * For a probe whose tracepoint is hit without locks, in code that may have been
 * interrupted with locks: the tracepoint disables preemption once, and what is
 * beyond that was disabled before.
 */
static unsigned long coop_yield_flags(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_COUNT) ||
	    (preempt_count() & (PREEMPT_MASK | SOFTIRQ_MASK)) > PREEMPT_OFFSET)
		return 0;
	return KVM_COOP_YIELD_UNLOCKED;
}

/*
 * Is @p about to return to user mode, and will the rseq_update tracepoint fire
 * when it does? Only known of a task that an interrupt or exception took out
 * of user mode (a system call has its number in orig_ax), and that registered
 * a struct rseq, as every program does that uses a current glibc.
 */
static bool coop_returns_to_user(struct task_struct *p)
{
#ifdef CONFIG_RSEQ
	return !(p->flags & PF_KTHREAD) && p->rseq &&
	       task_pt_regs(p)->orig_ax == -1UL;
#else
	return false;
#endif
}

/*
 * Give back a boost that nobody needs while @p runs.
 *
 * The host takes the pCPU away soon after. Better not here, with interrupts
 * off: the next interrupt would have to wait for a VM exit of its own until it
 * can be injected. If @p is on its way to user mode, have that way lead through
 * coop_probe_rseq(). What is still due at the next occasion is done at once.
 */
static void coop_yield(struct coop_cpu *c, const struct kvm_coop_page *page,
		       struct task_struct *p, unsigned long flags)
{
	if (!coop_yield_wanted(c, page))
		return;
	if (!c->yield_due && coop_returns_to_user(p)) {
		c->yield_due = true;
		set_tsk_thread_flag(p, TIF_NOTIFY_RESUME);
		return;
	}
	coop_note_yield(c, page);
	kvm_hypercall1(KVM_HC_COOP_YIELD, flags);
}

/*
 * May the switch acknowledge and yield? An open ticket here is one of:
 *  - an interrupt that arrived while interrupts are off: it comes in a moment,
 *    and neither its ticket nor its boost is for the switch to end;
 *  - softirqs that were left to ksoftirqd, a fair task: not urgent any more;
 *  - an event that no probe sees (NMI, paravirtual kick): known by being open
 *    since the last switch.
 */
static bool coop_switch_settles(struct coop_cpu *c, struct kvm_coop_page *page)
{
	u32 ticket;

	if (!coop_ticket_open(page))
		return true;
	ticket = READ_ONCE(page->host.irq_ticket);
	if (!local_softirq_pending() && c->seen_ticket != ticket) {
		c->seen_ticket = ticket;
		return false;
	}
	coop_ack(c, page);
	return true;
}

/*
 * Under the run-queue lock. A yield here is safe because the host goes on until
 * the preempt count has dropped; but a vCPU that is preempted before costs more at
 * its next interrupt, so it is put off where the kernel has a place for it. To the
 * idle task there is none: HLT gives the boost back without an exit of its own.
 */
static void coop_probe_switch(void *data, bool preempt,
			      struct task_struct *prev,
			      struct task_struct *next,
			      unsigned int prev_state)
{
	struct coop_cpu *c = this_cpu_ptr(&coop_cpus);
	struct kvm_coop_page *page = c->page;
	u32 intent;

	if (!page)
		return;
	WRITE_ONCE(c->rt_woken, false);
	c->yield_due = false;
	c->waking = coop_wake && is_idle_task(prev) && !is_idle_task(next) ?
		    COOP_WAKE_TICKS : 0;
	intent = coop_task_intent(c, next);
	if (intent & KVM_COOP_INTENT_RT)
		c->rt_switches++;
	coop_publish(c, page, intent);
	if (!coop_switch_settles(c, page) || (intent & KVM_COOP_INTENT_IDLE))
		return;
	if (coop_exact)
		c->yield_due = coop_yield_wanted(c, page);
	else
		coop_yield(c, page, next, 0);
}

/*
 * The scheduler clears "reschedule needed" some time before sched_switch, and
 * in between the CPU would look as if it had nothing urgent to do. So RT
 * intent begins with the wakeup. Under the lock of the task's run queue; if
 * that is another CPU's, its reschedule interrupt publishes the intent.
 */
static void coop_probe_wakeup(void *data, struct task_struct *p)
{
	struct kvm_coop_page *page;
	struct coop_cpu *c;

	c = per_cpu_ptr(&coop_cpus, task_cpu(p));
	if (!coop_task_is_rt(c, p) || p == current)
		return;
	WRITE_ONCE(c->rt_woken, true);
	if (c != this_cpu_ptr(&coop_cpus) || !need_resched())
		return;
	page = c->page;
	if (page)
		coop_publish(c, page, page->guest.intent | KVM_COOP_INTENT_RT);
}

/* An RT task was woken: is it still about to run here? */
static void coop_check_wakeup(struct coop_cpu *c, struct kvm_coop_page *page)
{
	u32 intent = coop_task_intent(c, current);

	if (need_resched())
		intent |= KVM_COOP_INTENT_RT;
	else
		WRITE_ONCE(c->rt_woken, false);
	coop_publish(c, page, intent);
}

/*
 * All that interrupts brought is handled. If a reschedule is due, it is for
 * the switch to see what comes next; and a CPU that goes back to idle halts.
 */
static void coop_handled(struct coop_cpu *c, struct kvm_coop_page *page)
{
	coop_ack(c, page);
	if (!need_resched() && !is_idle_task(current))
		coop_yield(c, page, current, coop_yield_flags());
}

/* At the end of an interrupt's handler: interrupts off, softirqs to come. */
static void coop_irq_exit(void)
{
	struct coop_cpu *c = this_cpu_ptr(&coop_cpus);
	struct kvm_coop_page *page = c->page;
	u32 pending;

	if (!page)
		return;
	if (READ_ONCE(c->rt_woken))
		coop_check_wakeup(c, page);
	pending = local_softirq_pending();
	c->softirqs |= pending;
	if (!pending && !in_serving_softirq())
		coop_handled(c, page);
}

static void coop_probe_vector_exit(void *data, int vector)
{
	coop_irq_exit();
}

/*
 * In this order: while timer_due is in the past the host takes no yield, and
 * the wakeup of an RT task has published its intent already.
 */
static void coop_probe_timer_exit(void *data, int vector)
{
	struct coop_cpu *c = this_cpu_ptr(&coop_cpus);

	coop_timer_handled(c);
	if (c->waking && !--c->waking && c->page)
		coop_end_request(c, c->page);
	coop_irq_exit();
}

/*
 * A CPU on its way into idle, or out of it, polls a flag, so whoever wakes a task
 * there sends no interrupt. If that vCPU has just lost its pCPU nobody polls, and
 * the host hears of nothing: the task waits for a whole slice of somebody else's.
 * Under the lock of the CPU's run queue, or none.
 */
static void coop_probe_no_ipi(void *data, int cpu)
{
	const struct kvm_coop_page *page;

	/* the flag is set before the state is read; the host publishes it last */
	smp_mb();
	page = READ_ONCE(per_cpu(coop_cpus, cpu).page);
	if (page && READ_ONCE(page->facts.state) == KVM_COOP_STATE_PREEMPTED)
		coop_send_reschedule(cpu);
}

/* Under the lock of the timer's base. */
static void coop_probe_hrtimer(COOP_HRTIMER_START_ARGS)
{
	coop_timer_started(timer);
}

static void coop_probe_handler_exit(void *data, int irq,
				    struct irqaction *action, int ret)
{
	/* a shared line has more handlers to run */
	if (!action->next)
		coop_irq_exit();
}

/*
 * Pending softirqs are run in ascending order after their bits were cleared,
 * so what is left of a round is known only from the bits noted at the end of
 * the interrupt.
 */
static void coop_probe_softirq_exit(void *data, unsigned int nr)
{
	struct kvm_coop_page *page;
	struct coop_cpu *c;
	unsigned long flags;

	raw_local_irq_save(flags);
	c = this_cpu_ptr(&coop_cpus);
	page = c->page;
	/* some hrtimers expire there */
	if (nr == HRTIMER_SOFTIRQ)
		coop_timer_handled(c);
	c->softirqs &= ~0U << (nr + 1);
	c->softirqs |= local_softirq_pending();
	if (page && !c->softirqs)
		coop_handled(c, page);
	raw_local_irq_restore(flags);
}

/*
 * No lock is held, softirqs are done, and preemption is off for this only. A
 * yield that is due is made with interrupts on. Nothing comes between, or next to
 * nothing: an interrupt is not taken right after they are enabled.
 */
static void coop_yield_if_due(void)
{
	struct kvm_coop_page *page;
	struct coop_cpu *c;

	raw_local_irq_disable();
	c = this_cpu_ptr(&coop_cpus);
	page = c->page;
	if (!page || !c->yield_due || need_resched() ||
	    coop_ticket_open(page) || !coop_yield_wanted(c, page)) {
		c->yield_due = false;
		raw_local_irq_enable();
		return;
	}
	coop_note_yield(c, page);
	raw_local_irq_enable();
	kvm_hypercall1(KVM_HC_COOP_YIELD, KVM_COOP_YIELD_UNLOCKED);
}

/* On the way to user mode. */
static void coop_probe_rseq(void *data, struct task_struct *t)
{
	coop_yield_if_due();
}

/* Behind a task switch, if the kernel has a place there. */
void coop_switched(void)
{
	if (this_cpu_read(coop_cpus.yield_due))
		coop_yield_if_due();
}

/**
 * kvm_coop_request - ask the host to boost this CPU until kvm_coop_release()
 *
 * Requests nest. The caller stays on the CPU in between: it has preemption or
 * interrupts off, or is bound to it. Costs a store; the host grants what the
 * VM's budget allows, when it would preempt the CPU otherwise.
 *
 * Context: any but NMI.
 */
void kvm_coop_request(void)
{
	struct coop_cpu *c;
	unsigned long flags;

	raw_local_irq_save(flags);
	c = this_cpu_ptr(&coop_cpus);
	if (!c->requests++ && c->page)
		coop_publish(c, c->page, c->page->guest.intent |
			     KVM_COOP_INTENT_REQUEST);
	raw_local_irq_restore(flags);
}
EXPORT_SYMBOL_GPL(kvm_coop_request);

/**
 * kvm_coop_release - the end of what kvm_coop_request() began
 *
 * Gives back a boost that nothing else needs with one hypercall.
 *
 * Context: any but NMI, on the CPU of the request.
 */
void kvm_coop_release(void)
{
	struct kvm_coop_page *page;
	struct coop_cpu *c;
	unsigned long flags;

	raw_local_irq_save(flags);
	c = this_cpu_ptr(&coop_cpus);
	page = c->page;
	if (WARN_ON_ONCE(!c->requests) || --c->requests || !page)
		goto out;
	coop_end_request(c, page);
	/* Where interrupts are handled, the end of that yields. */
	if (!in_hardirq() && !in_serving_softirq() && !need_resched() &&
	    !coop_ticket_open(page))
		coop_yield(c, page, current, 0);
out:
	raw_local_irq_restore(flags);
}
EXPORT_SYMBOL_GPL(kvm_coop_release);

/**
 * struct coop_probe - a tracepoint and what hangs on it
 * @name: of the tracepoint; most are not exported, so they are found by name
 * @func: the probe
 * @feature: KVM_COOP_F_* that needs it, 0 = always
 * @tp: set while the probe is registered
 */
struct coop_probe {
	const char		*name;
	void			*func;
	u32			feature;
	struct tracepoint	*tp;
};

static struct coop_probe coop_probes[] = {
	{ "sched_switch", coop_probe_switch },
	{ "sched_wakeup", coop_probe_wakeup, KVM_COOP_F_RT },
	{ "rseq_update", coop_probe_rseq },
	{ "hrtimer_start", coop_probe_hrtimer, KVM_COOP_F_TIMER },
	{ "sched_wake_idle_without_ipi", coop_probe_no_ipi, KVM_COOP_F_IRQ },
	{ "irq_handler_exit", coop_probe_handler_exit, KVM_COOP_F_IRQ },
	{ "softirq_exit", coop_probe_softirq_exit, KVM_COOP_F_IRQ },
	{ "local_timer_exit", coop_probe_timer_exit, KVM_COOP_F_IRQ },
	{ "reschedule_exit", coop_probe_vector_exit, KVM_COOP_F_IRQ },
	{ "call_function_exit", coop_probe_vector_exit, KVM_COOP_F_IRQ },
	{ "call_function_single_exit", coop_probe_vector_exit, KVM_COOP_F_IRQ },
	{ "irq_work_exit", coop_probe_vector_exit, KVM_COOP_F_IRQ },
	{ "spurious_apic_exit", coop_probe_vector_exit, KVM_COOP_F_IRQ },
};

/* Probes are registered as void *: have their types checked all the same. */
static void __maybe_unused coop_check_probe_types(void)
{
	check_trace_callback_type_sched_switch(coop_probe_switch);
	check_trace_callback_type_sched_wakeup(coop_probe_wakeup);
	check_trace_callback_type_rseq_update(coop_probe_rseq);
	check_trace_callback_type_sched_wake_idle_without_ipi(coop_probe_no_ipi);
	check_trace_callback_type_irq_handler_exit(coop_probe_handler_exit);
	check_trace_callback_type_softirq_exit(coop_probe_softirq_exit);
	check_trace_callback_type_hrtimer_start(coop_probe_hrtimer);
	check_trace_callback_type_local_timer_exit(coop_probe_timer_exit);
	check_trace_callback_type_reschedule_exit(coop_probe_vector_exit);
}

static void coop_find_tracepoint(struct tracepoint *tp, void *priv)
{
	struct coop_probe *probe = priv;

	if (!strcmp(tp->name, probe->name))
		probe->tp = tp;
}

static int coop_probe_start(struct coop_probe *probe)
{
	int err;

	if (probe->feature && !(coop_features & probe->feature))
		return 0;
	for_each_kernel_tracepoint(coop_find_tracepoint, probe);
	if (!probe->tp)
		return probe->func == coop_probe_switch ? -ENOENT : 0;
	err = tracepoint_probe_register(probe->tp, probe->func, NULL);
	if (err)
		probe->tp = NULL;
	return err;
}

static bool coop_probed(void *func)
{
	const struct coop_probe *probe;

	for (probe = coop_probes;
	     probe < coop_probes + ARRAY_SIZE(coop_probes); probe++) {
		if (probe->func == func)
			return probe->tp;
	}
	return false;
}

int coop_probes_start(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(coop_probes); i++) {
		err = coop_probe_start(&coop_probes[i]);
		if (err) {
			pr_err("no probe on %s: %d\n", coop_probes[i].name, err);
			coop_probes_stop();
			return err;
		}
	}
	/* timer_due has to move both ways */
	if (!coop_probed(coop_probe_hrtimer) || !coop_probed(coop_probe_timer_exit))
		coop_features &= ~KVM_COOP_F_TIMER;
	return 0;
}

void coop_probes_stop(void)
{
	struct coop_probe *probe;

	for (probe = coop_probes;
	     probe < coop_probes + ARRAY_SIZE(coop_probes); probe++) {
		if (probe->tp)
			tracepoint_probe_unregister(probe->tp, probe->func,
						    NULL);
		probe->tp = NULL;
	}
	tracepoint_synchronize_unregister();
}
