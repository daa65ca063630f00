// SPDX-License-Identifier: GPL-2.0
/*
 * The answer to the host's "this vCPU is about to lose its pCPU": hand the
 * running task to a sibling that runs sooner, and go. And a CPU that goes idle
 * asks for the task of a sibling that lost its pCPU before it could do that. Needs
 * a kernel with CONFIG_KVM_COOP_GUEST.
 *
 * The handler runs in a hard interrupt, what it queues is done by the CPU's
 * stopper right behind it. The notification is acknowledged when all is done,
 * so that until then nobody else hands tasks to this CPU.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/irqflags.h>
#include <linux/kvm_coop_guest.h>
#include <linux/kvm_para.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/smp.h>
#include <asm/tsc.h>

#include "internal.h"

static bool coop_notify = true;
module_param_named(notify, coop_notify, bool, 0444);
MODULE_PARM_DESC(notify, "notify=0: do not move tasks away from a CPU that is about to be preempted");

/* To wake a halted vCPU takes an exit, and the host a decision. */
#define COOP_WAKE_NS		(50 * NSEC_PER_USEC)

/* A reader that meets the host writing this often gives up. */
#define COOP_FACTS_TRIES	3

struct coop_facts {
	u32	state;
	u64	wait_ns;
};

static bool coop_read_facts(const struct kvm_coop_page *page,
			    struct coop_facts *facts)
{
	unsigned int tries = COOP_FACTS_TRIES;
	u32 seq;

	while (tries--) {
		seq = READ_ONCE(page->facts.seq);
		/* the fields after seq, and seq again after the fields */
		smp_rmb();
		facts->state = READ_ONCE(page->facts.state);
		facts->wait_ns = READ_ONCE(page->facts.wait_estimate_ns);
		/* as above */
		smp_rmb();
		if (!(seq & 1) && READ_ONCE(page->facts.seq) == seq)
			return true;
	}
	return false;
}

/* How long the host refuses to boost the vCPU when it is woken. */
static u64 coop_throttled_ns(const struct kvm_coop_page *page)
{
	u64 until = READ_ONCE(page->host.refill_at), now = rdtsc();

	if (!(READ_ONCE(page->host.status) & KVM_COOP_STATUS_THROTTLED) ||
	    until <= now)
		return 0;
	return mul_u64_u32_div(until - now, USEC_PER_SEC, tsc_khz);
}

/*
 * How long would a task wait on that CPU that is handed to it now? U64_MAX if it
 * is none to hand tasks to: one that runs another task would not be idle sooner
 * than this one is back, as far as anybody knows, and the two would share it.
 */
static u64 coop_expected_wait(const struct kvm_coop_page *page)
{
	struct coop_facts facts;

	if (!(READ_ONCE(page->guest.intent) & KVM_COOP_INTENT_IDLE) ||
	    READ_ONCE(page->host.notify_seq) != READ_ONCE(page->guest.notify_ack) ||
	    !coop_read_facts(page, &facts))
		return U64_MAX;
	switch (facts.state) {
	case KVM_COOP_STATE_RUNNING:
		return 0;
	case KVM_COOP_STATE_BLOCKED:
		return COOP_WAKE_NS + min(facts.wait_ns, coop_throttled_ns(page));
	default:
		return U64_MAX;
	}
}

/* The sibling where the current task waits least, or -1. */
static int coop_best_sibling(void)
{
	const struct kvm_coop_page *page;
	int best = -1, cpu, self = smp_processor_id();
	u64 least = U64_MAX, wait;

	for_each_cpu_and(cpu, cpu_online_mask, current->cpus_ptr) {
		page = READ_ONCE(per_cpu(coop_cpus, cpu).page);
		if (cpu == self || !page)
			continue;
		wait = coop_expected_wait(page);
		if (wait < least) {
			least = wait;
			best = cpu;
		}
	}
	return best;
}

static void coop_answer(struct kvm_coop_page *page)
{
	WRITE_ONCE(page->guest.notify_ack, READ_ONCE(page->host.notify_seq));
}

/*
 * Give the rest back. Nobody waits for this CPU: an interrupt came upon code
 * with preemption enabled, or the stopper has nothing more to do. When this
 * returns the vCPU has its pCPU again.
 */
static void coop_leave(struct coop_cpu *c)
{
	kvm_hypercall1(KVM_HC_COOP_YIELD, KVM_COOP_YIELD_UNLOCKED);
	WRITE_ONCE(c->leaving, false);
}

/* Context: hard interrupt. */
static void coop_notified(void)
{
	struct coop_cpu *c = this_cpu_ptr(&coop_cpus);
	struct kvm_coop_page *page = c->page;
	int cpu;

	/* not the host's, or answered already */
	if (!page || c->moving ||
	    READ_ONCE(page->host.notify_seq) == page->guest.notify_ack)
		return;
	c->notified++;
	WRITE_ONCE(c->leaving, true);
	/* a sibling that goes idle now is seen, or sees this: coop_idle() */
	smp_mb();
	cpu = coop_best_sibling();
	if (cpu >= 0) {
		c->moving = true;
		if (!coop_guest_move(cpu))
			return;
		c->moving = false;
	}
	c->stayed++;
	coop_answer(page);
	coop_leave(c);
}

/*
 * Halting gives the grant back without an exit of its own. Context: the CPU's
 * stopper.
 */
static void coop_moved(bool moved, unsigned int left)
{
	struct kvm_coop_page *page;
	struct coop_cpu *c;
	unsigned long flags;

	raw_local_irq_save(flags);
	c = this_cpu_ptr(&coop_cpus);
	page = c->page;
	c->moving = false;
	if (page)
		coop_answer(page);
	raw_local_irq_restore(flags);
	if (page && left)
		coop_leave(c);
	else
		WRITE_ONCE(c->leaving, false);
}

/*
 * A sibling's task that has lost its pCPU, or is about to and had nowhere to go.
 * The interrupt that wakes its stopper is an urgent one: the host boosts it for
 * that. Part of KVM_COOP_F_NOTIFY, as all moves. Context: the idle task.
 */
static void coop_idle(void)
{
	const struct kvm_coop_page *page;
	int cpu, self = smp_processor_id();

	/* IDLE is published: coop_notified() */
	smp_mb();
	for_each_online_cpu(cpu) {
		page = READ_ONCE(per_cpu(coop_cpus, cpu).page);
		if (cpu == self || !page ||
		    !(READ_ONCE(page->host.features) & KVM_COOP_F_NOTIFY) ||
		    (READ_ONCE(page->guest.intent) & KVM_COOP_INTENT_IDLE) ||
		    (READ_ONCE(page->facts.state) != KVM_COOP_STATE_PREEMPTED &&
		     !READ_ONCE(per_cpu(coop_cpus, cpu).leaving)))
			continue;
		if (!coop_guest_pull(cpu))
			return;
	}
}

static const struct coop_guest_ops coop_guest_ops = {
	.notified	= coop_notified,
	.moved		= coop_moved,
	.idle		= coop_idle,
	.switched	= coop_switched,
};

void coop_notify_show(struct seq_file *m, unsigned int cpu)
{
	const struct coop_cpu *c = per_cpu_ptr(&coop_cpus, cpu);
	struct coop_guest_moves n;

	coop_guest_read_moves(cpu, &n);
	seq_printf(m, "cpu %u notified %llu stayed %llu asked %llu moved %llu pulled %llu taken_back %llu",
		   cpu, READ_ONCE(c->notified), READ_ONCE(c->stayed), n.asked,
		   n.moved, n.pulled, n.taken_back);
	seq_printf(m, " busy %llu class %llu pinned %llu target %llu gone %llu\n",
		   n.busy, n.class, n.pinned, n.target, n.gone);
}

u32 coop_notify_vector(void)
{
	return coop_features & KVM_COOP_F_NOTIFY ? coop_guest_vector() : 0;
}

/* Before any CPU registers its page. */
void coop_notify_start(void)
{
	coop_exact = !coop_guest_register(&coop_guest_ops);
	if (!coop_notify || !coop_exact)
		coop_features &= ~KVM_COOP_F_NOTIFY;
}

/* No CPU is registered any more. */
void coop_notify_stop(void)
{
	if (coop_exact)
		coop_guest_unregister();
}
