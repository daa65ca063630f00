// SPDX-License-Identifier: GPL-2.0
/*
 * kvm-coop guest: moves the running task away from a vCPU that is about to lose
 * its pCPU, or lost it while another vCPU idles, and takes it back.
 *
 * The current task cannot leave its CPU from an interrupt, so the CPU's stopper
 * does it, as active balancing does. Locks: the stopper takes the task's pi_lock
 * and, one after the other, the locks of the two run queues, in the order of
 * every migration of a queued task. Nothing here is called with one of them held
 * but the hook in select_task_rq_fair(), which takes none.
 */
#include <linux/cpumask.h>
#include <linux/hash.h>
#include <linux/kthread.h>
#include <linux/kvm_coop_guest.h>
#include <linux/mmu_context.h>
#include <linux/percpu.h>
#include <linux/sched/task.h>
#include <linux/stop_machine.h>
#include <trace/events/ipi.h>

#include "sched.h"

/* tasks remembered per CPU that others were moved to; 2 to the power of this */
#define COOP_MOVED_BITS		2

/**
 * struct coop_push - one request at a time per CPU
 * @work: the stopper's
 * @task: to be moved, with a reference
 * @cpu: where to
 * @pull: that CPU asked, and only wants it while it idles
 * @busy: the other fields are in use; set by whoever asks, cleared by the CPU's
 *	stopper
 * @moves: counters, written by the CPU itself
 */
struct coop_push {
	struct cpu_stop_work	work;
	struct task_struct	*task;
	unsigned int		cpu;
	bool			pull;
	bool			busy;
	struct coop_guest_moves	moves;
};

static DEFINE_PER_CPU(struct coop_push, coop_push);

/*
 * The tasks that were moved to a CPU, and where from. A hint: written under
 * different locks, the task only compared and maybe long gone.
 */
struct coop_moved {
	const struct task_struct	*task;
	int				from;
};

static DEFINE_PER_CPU(struct coop_moved[1 << COOP_MOVED_BITS], coop_moved);

static struct coop_moved *moved_slot(const struct task_struct *p, int cpu)
{
	return &per_cpu(coop_moved, cpu)[hash_ptr(p, COOP_MOVED_BITS)];
}

#define count(what) this_cpu_inc(coop_push.moves.what)

/*
 * May @p leave CPU @from for @to? 0 or what to return for it. Reliable with @p's
 * pi_lock and the run queue's lock held, a quick look without.
 */
static int may_move(struct task_struct *p, unsigned int from, unsigned int to)
{
	if (p->sched_class != &fair_sched_class) {
		count(class);
		return -EPERM;
	}
	if (is_migration_disabled(p) || !cpumask_test_cpu(to, p->cpus_ptr) ||
	    ((p->flags & PF_KTHREAD) && kthread_is_per_cpu(p))) {
		count(pinned);
		return -EINVAL;
	}
	if (!cpu_active(from) || !cpu_active(to)) {
		count(target);
		return -ENODEV;
	}
	return 0;
}

/* Context: pi_lock of @p and the lock of @rq held, which is exchanged. */
static void move_queued(struct rq *rq, struct rq_flags *rf,
			struct task_struct *p, unsigned int cpu)
{
	struct coop_moved *slot = moved_slot(p, cpu);
	struct rq *to = cpu_rq(cpu);
	struct rq_flags to_rf;

	WRITE_ONCE(slot->task, p);
	WRITE_ONCE(slot->from, cpu_of(rq));

	deactivate_task(rq, p, DEQUEUE_NOCLOCK);
	set_task_cpu(p, cpu);
	rq_unlock(rq, rf);

	rq_lock(to, &to_rf);
	activate_task(to, p, 0);
	wakeup_preempt(to, p, 0);
	rq_unlock(to, &to_rf);

	rq_lock(rq, rf);
}

static bool push_locked(struct rq *rq, struct rq_flags *rf,
			struct coop_push *push)
{
	struct task_struct *p = push->task;

	update_rq_clock(rq);
	/* it may have slept, or be on its way to sleep, since it was asked for */
	if (task_rq(p) != rq || !task_on_rq_queued(p) || p->se.sched_delayed ||
	    (push->pull && !idle_cpu(push->cpu))) {
		count(gone);
		return false;
	}
	if (may_move(p, cpu_of(rq), push->cpu))
		return false;
	move_queued(rq, rf, p, push->cpu);
	count(moved);
	if (push->pull)
		count(pulled);
	return true;
}

/* Context: the CPU's stopper, preemption off, interrupts on. */
static int push_stop(void *data)
{
	struct coop_push *push = data;
	struct task_struct *p = push->task;
	bool moved, pull = push->pull;
	struct rq *rq = this_rq();
	struct rq_flags rf;
	unsigned int left;

	raw_spin_lock_irq(&p->pi_lock);
	rq_lock(rq, &rf);
	moved = push_locked(rq, &rf, push);
	/* the stopper itself counts, too */
	left = rq->nr_running - 1;
	rq_unlock(rq, &rf);
	raw_spin_unlock_irq(&p->pi_lock);

	/* the next one who asks writes the fields */
	smp_store_release(&push->busy, false);
	put_task_struct(p);
	if (!pull)
		coop_guest_call_moved(moved, left);
	return 0;
}

/* Have the stopper of CPU @from move @p, who runs there. */
static int ask(struct task_struct *p, unsigned int from, unsigned int to,
	       bool pull)
{
	struct coop_push *push = per_cpu_ptr(&coop_push, from);
	int err;

	count(asked);
	err = may_move(p, from, to);
	if (err)
		return err;
	if (cmpxchg(&push->busy, false, true)) {
		count(busy);
		return -EBUSY;
	}
	push->task = get_task_struct(p);
	push->cpu = to;
	push->pull = pull;
	if (stop_one_cpu_nowait(from, push_stop, push, &push->work))
		return 0;
	put_task_struct(p);
	/* the CPU is going down; as above, the next one may ask */
	smp_store_release(&push->busy, false);
	count(target);
	return -ENODEV;
}

/**
 * coop_guest_move - move the current task to another CPU
 * @cpu: which
 *
 * Only what is certain to be refused is refused here. The rest is done by the
 * stopper after the interrupt, which then calls the balancer's @moved.
 *
 * Context: hard interrupt. Return: 0 if the stopper will see to it; -EBUSY,
 * -EPERM, -EINVAL, -ENODEV as struct coop_guest_moves says, in its order.
 */
int coop_guest_move(unsigned int cpu)
{
	unsigned int self = smp_processor_id();

	if (WARN_ON_ONCE(cpu == self || !in_hardirq()))
		return -EINVAL;
	return ask(current, self, cpu, false);
}
EXPORT_SYMBOL_GPL(coop_guest_move);

/**
 * coop_guest_pull - have what another CPU runs moved to this one
 * @cpu: whose task; its vCPU need not run now
 *
 * Its stopper does it when the vCPU runs, if this CPU idles then. @moved is not
 * called.
 *
 * The stopper's wakeup sends no interrupt to a CPU that is to reschedule already,
 * as one that lost its pCPU in the tick often is. The host would not hear of it.
 *
 * Context: the idle task, interrupts on. Return: as coop_guest_move().
 */
int coop_guest_pull(unsigned int cpu)
{
	unsigned int self = smp_processor_id();
	struct task_struct *p;
	bool silent;
	int err;

	if (WARN_ON_ONCE(cpu == self))
		return -EINVAL;
	rcu_read_lock();
	p = rcu_dereference(cpu_rq(cpu)->curr);
	silent = test_tsk_need_resched(p);
	err = ask(p, cpu, self, true);
	rcu_read_unlock();
	if (silent && (!err || err == -EBUSY))
		smp_send_reschedule(cpu);
	return err;
}
EXPORT_SYMBOL_GPL(coop_guest_pull);

/**
 * coop_guest_read_moves - counters of a CPU
 * @cpu: which
 * @moves: filled in; not all from the same moment
 */
void coop_guest_read_moves(unsigned int cpu, struct coop_guest_moves *moves)
{
	/* written by the CPU itself; an older value does */
	*moves = data_race(per_cpu(coop_push, cpu).moves);
}
EXPORT_SYMBOL_GPL(coop_guest_read_moves);

/*
 * A moved task has its cache where it came from, and its return leaves the other
 * CPU to those who were there.
 */
bool __coop_guest_wake_cpu(struct task_struct *p, int *cpu)
{
	struct coop_moved *slot = moved_slot(p, *cpu);
	int from;

	if (READ_ONCE(slot->task) != p)
		return false;
	from = READ_ONCE(slot->from);
	if (!cpumask_test_cpu(from, p->cpus_ptr) || !cpu_active(from) ||
	    !available_idle_cpu(from))
		return false;
	WRITE_ONCE(slot->task, NULL);
	count(taken_back);
	*cpu = from;
	return true;
}
