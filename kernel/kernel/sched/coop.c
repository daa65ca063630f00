// SPDX-License-Identifier: GPL-2.0
/*
 * Loans of RT priority to fair tasks, pauses, and where tasks wake; see
 * include/linux/sched/coop.h.
 *
 * Everything here may be called from hard interrupts, with interrupts enabled
 * or not, and unless it says so never with a run-queue lock or a pi_lock held:
 * both are taken, in the order in which try_to_wake_up() takes them.
 */
#include <linux/mmu_context.h>
#include <linux/sched.h>
#include <linux/sched/coop.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include <linux/task_work.h>
#include <linux/export.h>
#include <linux/jump_label.h>

#include "sched.h"
#include "coop_fair.h"
#include "../time/tick-sched.h"

/* a wakeup looks at so many CPUs for another place */
#define COOP_FIND_CPUS	16

DEFINE_STATIC_KEY_FALSE(sched_coop_key);

/**
 * sched_coop_get - there may be loans from now on
 *
 * Context: process, may sleep.
 */
void sched_coop_get(void)
{
	static_branch_inc(&sched_coop_key);
}
EXPORT_SYMBOL_GPL(sched_coop_get);

/**
 * sched_coop_put - the caller will lend no more
 *
 * Context: process, may sleep. All of the caller's loans have been returned.
 */
void sched_coop_put(void)
{
	static_branch_dec(&sched_coop_key);
}
EXPORT_SYMBOL_GPL(sched_coop_put);

/* Who else wants to run where @p runs, or would run if it were woken? */
static bool contended(const struct rq *rq, const struct task_struct *p)
{
	unsigned int others = READ_ONCE(rq->nr_running);

	if (READ_ONCE(p->on_rq))
		others--;
	return others > 0;
}

/**
 * sched_coop_contended - does anybody compete with @p for its CPU?
 * @p: a task
 *
 * Lockless and therefore a hint: a loan without competitor changes nothing.
 */
bool sched_coop_contended(struct task_struct *p)
{
	return contended(cpu_rq(task_cpu(p)), p);
}
EXPORT_SYMBOL_GPL(sched_coop_contended);

/**
 * sched_coop_slice_over - is the current task, a fair one, going to lose its CPU
 *	in its turn?
 * @exec_ns: CPU time that it used since it was last so
 *
 * No if it had less than the fair class's ordinary slice, or if somebody waits
 * whose class goes before it.
 * Context: preemption disabled. Lockless: a hint.
 */
bool sched_coop_slice_over(u64 exec_ns)
{
	const struct rq *rq = this_rq();

	return exec_ns >= READ_ONCE(sysctl_sched_base_slice) &&
	       !rq->rt.rt_nr_running &&
	       !rq->dl.dl_nr_running;
}
EXPORT_SYMBOL_GPL(sched_coop_slice_over);

/*
 * Change policy and class of @p, nothing else: nice, slice, clamps and
 * reset-on-fork stay as they are. A priority inherited through an rt_mutex
 * stays in force if it is higher. Like the core of sched_setscheduler(),
 * without its checks and without walking the PI chain, which is impossible in
 * hard interrupts: @p's waiters keep the order they have.
 */
static void switch_policy(struct rq *rq, struct task_struct *p, int policy,
			  int rt_priority)
{
	int flags = DEQUEUE_SAVE | DEQUEUE_MOVE | DEQUEUE_NOCLOCK;
	const struct sched_class *prev_class = p->sched_class;
	const struct sched_class *next_class;
	struct task_struct *donor = rt_mutex_get_top_task(p);
	int oldprio = p->prio, newprio;
	bool queued, running;

	p->policy = policy;
	p->rt_priority = rt_priority;
	p->normal_prio = rt_policy(policy) ? MAX_RT_PRIO - 1 - rt_priority :
					     p->static_prio;
	newprio = p->normal_prio;
	if (donor)
		newprio = min(newprio, donor->prio);
	next_class = __setscheduler_class(policy, newprio);

	if (prev_class != next_class && p->se.sched_delayed)
		dequeue_task(rq, p, DEQUEUE_SLEEP | DEQUEUE_DELAYED |
				    DEQUEUE_NOCLOCK);

	queued = task_on_rq_queued(p);
	running = task_current(rq, p);
	if (queued)
		dequeue_task(rq, p, flags);
	if (running)
		put_prev_task(rq, p);

	/* the nice value may have changed while it had no effect */
	set_load_weight(p, true);
	p->sched_class = next_class;
	p->prio = newprio;
	check_class_changing(rq, p, prev_class);

	if (queued) {
		if (oldprio < newprio)
			flags |= ENQUEUE_HEAD;
		enqueue_task(rq, p, flags);
	}
	if (running)
		set_next_task(rq, p);

	check_class_changed(rq, p, prev_class, oldprio);
}

/* Unlock and run what the class change left to do for the balancer. */
static void unlock_and_balance(struct rq *rq, struct task_struct *p,
			       struct rq_flags *rf)
{
	struct balance_callback *head;

	preempt_disable();
	head = splice_balance_callbacks(rq);
	task_rq_unlock(rq, p, rf);
	balance_callbacks(rq, head);
	preempt_enable();
}

/* @p is a new task, copied from its parent. */
void sched_coop_fork(struct task_struct *p)
{
	memset(&p->coop, 0, sizeof(p->coop));
}

/* One that waits or yields gives up its CPU by itself. */
void __sched_coop_preempted(struct task_struct *p)
{
	if (p->coop.preempted && need_resched() && task_is_running(p))
		p->coop.preempted(p);
}

/* In any other class than the fair one somebody else decides where it runs. */
int __sched_coop_wake_cpu(struct task_struct *p, int cpu)
{
	if (!p->coop.place || (p->sched_class != &fair_sched_class && !p->coop.borrowed))
		return cpu;
	return p->coop.place(p, cpu);
}

static bool among(int cpu, const int *cpus, unsigned int nr)
{
	while (nr--)
		if (cpus[nr] == cpu)
			return true;
	return false;
}

/**
 * sched_coop_find_cpu - a CPU to wake on, without those to be avoided
 * @p: the task
 * @cpu: where it would wake otherwise
 * @avoid: CPUs not to wake on; one may be named several times
 * @nr_avoid: how many; each is compared with up to COOP_FIND_CPUS
 *
 * Only CPUs that share a cache with @cpu and have no more to run, the first few of
 * them. The least busy one wins.
 * Context: p->pi_lock held, @p asleep and fair, whether or not it borrows, as when
 * the task's sched_coop::place is called. Lockless: a hint.
 * Return: one of those, or @cpu.
 */
int sched_coop_find_cpu(struct task_struct *p, int cpu, const int *avoid,
			unsigned int nr_avoid)
{
	unsigned int others, least = READ_ONCE(cpu_rq(cpu)->nr_running);
	int found = cpu, tries = COOP_FIND_CPUS, c;

	if (!among(cpu, avoid, nr_avoid))
		return cpu;
	for_each_cpu_wrap(c, p->cpus_ptr, cpu) {
		if (!tries--)
			break;
		others = READ_ONCE(cpu_rq(c)->nr_running);
		if (c == cpu || others > least ||
		    (others == least && found != cpu) || !cpu_active(c) ||
		    !cpus_share_cache(c, cpu) || among(c, avoid, nr_avoid))
			continue;
		found = c;
		least = others;
	}
	return found;
}
EXPORT_SYMBOL_GPL(sched_coop_find_cpu);

static u64 exec_runtime(struct rq *rq, struct task_struct *p)
{
	if (task_current(rq, p))
		p->sched_class->update_curr(rq);
	return p->se.sum_exec_runtime;
}

/* May @p be lent a priority: is it an ordinary fair task? */
static bool may_borrow(const struct task_struct *p)
{
	if (p->policy != SCHED_NORMAL && p->policy != SCHED_BATCH)
		return false;
	if (p->sched_class != &fair_sched_class)
		return false;
#ifdef CONFIG_RT_GROUP_SCHED
	if (rt_bandwidth_enabled() && !task_group(p)->rt_bandwidth.rt_runtime)
		return false;
#endif
	return true;
}

static bool loan_intact(const struct task_struct *p)
{
	return p->policy == SCHED_FIFO && p->rt_priority == p->coop.prio;
}

/*
 * What @p used since the last time. It is paid for as fair time, so the fair
 * server has it as such, too: where all that runs is borrowers it would find the
 * fair class starved, and come before the RT tasks of the host for 50 ms.
 */
static void charge_loan(struct rq *rq, struct task_struct *p)
{
	u64 exec = exec_runtime(rq, p), used = exec - p->coop.exec;

	p->coop.exec = exec;
	if (p->coop.free)
		return;
	coop_fair_charge(p, used);
	if (dl_server_active(&rq->fair_server))
		dl_server_update(&rq->fair_server, used);
}

/*
 * The borrower that @p would wait for if it borrowed @prio, at most @most: the
 * first that runs or waits with that priority or more. A task of the host's goes
 * before @p whatever it borrows.
 */
static struct task_struct *rival_of(struct rq *rq, struct task_struct *p,
				    int prio, int most)
{
	const struct rt_prio_array *array = &rq->rt.active;
	struct sched_rt_entity *se;
	struct task_struct *rival;
	unsigned long idx;

	idx = find_next_bit(array->bitmap, MAX_RT_PRIO, MAX_RT_PRIO - 1 - most);
	if (idx > MAX_RT_PRIO - 1 - prio)
		return NULL;
	se = list_first_entry(&array->queue[idx], struct sched_rt_entity, run_list);
#ifdef CONFIG_RT_GROUP_SCHED
	if (se->my_q)
		return NULL;
#endif
	rival = container_of(se, struct task_struct, rt);
	if (rival == p || !rival->coop.borrowed || !loan_intact(rival))
		return NULL;
	return rival;
}

/*
 * Borrowers compete, too, and FIFO tasks of one priority wait for each other:
 * one that has used less than its share goes before one that has used more, and
 * before the one that runs, if that has used more of its own by now. Before all
 * of that goes who has used less lately: those that always want to run fall
 * behind while they wait for each other, and who sleeps does not.
 */
static int loan_prio(struct rq *rq, struct task_struct *p, int prio)
{
	int most = prio + SCHED_COOP_PRIOS - 1;
	bool behind = coop_fair_behind(p);
	struct task_struct *rival;

	if (behind)
		prio++;
	rival = rival_of(rq, p, prio, most);
	if (rival) {
		charge_loan(rq, rival);
		if (coop_fair_used_less(p, rival))
			prio = most;
		else if (coop_fair_before(p, rival) &&
			 !coop_fair_used_less(rival, p))
			prio = min(rival->coop.prio + 1, most - 1);
	} else if (behind && p->coop.borrowed && task_current(rq, p)) {
		/* what it has come before still waits */
		prio = max(prio, p->coop.prio);
	}
	return prio;
}

static int begin_loan(struct rq *rq, struct task_struct *p, int prio,
		      u64 limit_ns, u64 *wait_ns)
{
	u64 exec = exec_runtime(rq, p);

	p->coop.free = limit_ns == SCHED_COOP_FREE;
	if (!p->coop.free && coop_fair_in_debt(p, limit_ns, wait_ns))
		return -EAGAIN;
	prio = loan_prio(rq, p, prio);
	coop_fair_open(p);
	p->coop.exec = exec;
	p->coop.turn = exec;
	p->coop.policy = p->policy;
	p->coop.prio = prio;
	p->coop.borrowed = true;
	p->coop.due = false;
	switch_policy(rq, p, SCHED_FIFO, prio);
	return 0;
}

/* After a slice the next one has its turn who waits with the same priority. */
static void end_turn(struct rq *rq, struct task_struct *p)
{
	if (p->coop.exec - p->coop.turn < sysctl_sched_base_slice)
		return;
	p->coop.turn = p->coop.exec;
	if (task_current(rq, p) && p->rt.run_list.next != p->rt.run_list.prev) {
		p->sched_class->yield_task(rq);
		resched_curr(rq);
	}
}

/* The loan goes on. A debtor is refused, as at the beginning. */
static int renew_loan(struct rq *rq, struct task_struct *p, int prio,
		      u64 limit_ns, u64 *wait_ns)
{
	charge_loan(rq, p);
	if (!p->coop.free && coop_fair_in_debt(p, limit_ns, wait_ns))
		return -EAGAIN;
	prio = loan_prio(rq, p, prio);
	coop_fair_renew(p);
	if (prio != p->coop.prio) {
		p->coop.prio = prio;
		p->coop.turn = p->coop.exec;
		switch_policy(rq, p, SCHED_FIFO, prio);
	} else {
		end_turn(rq, p);
	}
	return 0;
}

/**
 * sched_coop_borrow - lend @p a SCHED_FIFO priority, or let its loan go on
 * @p: the task, current or not, sleeping or not
 * @prio: rt_priority, 1..96; up to SCHED_COOP_PRIOS - 1 more for a task that has
 *	used less of its share than other borrowers
 * @limit_ns: debt in ns of @p's run time, beyond a slice or a tick, above which
 *	the answer is no; or SCHED_COOP_FREE
 * @wait_ns: with -EAGAIN, wall time after which the answer may be another: an
 *	estimate, since what else runs may change
 *
 * Context: any but NMI; no rq lock, no pi_lock held.
 * Return: 0; -EAGAIN if @p or one of its groups is in debt, or has no quota left
 * (a running loan then has to be returned by the caller); -EPERM if @p is no
 * fair task, or somebody else changed its policy since it borrowed.
 */
int sched_coop_borrow(struct task_struct *p, int prio, u64 limit_ns,
		      u64 *wait_ns)
{
	struct rq_flags rf;
	struct rq *rq;
	int ret = -EPERM;

	rq = task_rq_lock(p, &rf);
	update_rq_clock(rq);
	if (p->coop.borrowed) {
		if (loan_intact(p))
			ret = renew_loan(rq, p, prio, limit_ns, wait_ns);
	} else if (may_borrow(p)) {
		ret = begin_loan(rq, p, prio, limit_ns, wait_ns);
	}
	unlock_and_balance(rq, p, &rf);
	return ret;
}
EXPORT_SYMBOL_GPL(sched_coop_borrow);

/**
 * sched_coop_return - end the loan of @p
 * @p: the task
 *
 * If @p is current it does not give up its CPU here, but a reschedule is
 * requested as after any such class change.
 *
 * Context: any but NMI; no rq lock, no pi_lock held.
 * Return: 0, also without a loan; -EPERM if somebody else changed the policy
 * meanwhile: it is left as it is.
 */
int sched_coop_return(struct task_struct *p)
{
	struct sched_coop *loan = &p->coop;
	struct rq_flags rf;
	struct rq *rq;
	int ret = 0;

	rq = task_rq_lock(p, &rf);
	update_rq_clock(rq);
	if (loan->borrowed) {
		charge_loan(rq, p);
		loan->borrowed = false;
		if (loan_intact(p)) {
			loan->due = !loan->free;
			switch_policy(rq, p, loan->policy, 0);
		} else {
			ret = -EPERM;
		}
	}
	unlock_and_balance(rq, p, &rf);
	return ret;
}
EXPORT_SYMBOL_GPL(sched_coop_return);

/* A task that exits runs its task work once more, without a signal pending. */
static bool is_dying(struct task_struct *p)
{
	return (p->flags & PF_EXITING) ||
	       (READ_ONCE(p->signal->flags) & SIGNAL_GROUP_EXIT) ||
	       fatal_signal_pending(p);
}

/* sched_coop::pausing */
enum {
	COOP_PAUSE_NONE,
	COOP_PAUSE_QUEUED,
	COOP_PAUSE_SLEEPS,
};

static void pause_work(struct callback_head *work)
{
	struct sched_coop *coop = &current->coop;
	ktime_t until;

	atomic_set(&coop->pausing, COOP_PAUSE_SLEEPS);
	for (;;) {
		set_current_state(TASK_KILLABLE | TASK_FREEZABLE);
		until = ns_to_ktime(READ_ONCE(coop->pause_until));
		if (!ktime_before(ktime_get(), until) || is_dying(current))
			break;
		schedule_hrtimeout(&until, HRTIMER_MODE_ABS);
	}
	__set_current_state(TASK_RUNNING);
	atomic_set_release(&coop->pausing, COOP_PAUSE_NONE);
}

/**
 * sched_coop_pause - let a task of user space sleep where it does no harm
 * @p: the task, or a kernel worker that handles signals as vhost's do
 * @until: ktime in ns
 *
 * It sleeps before it returns to user space, interrupting system calls that can
 * be, where it holds no lock of the kernel. Nothing happens if it is paused
 * already. Context: any but NMI.
 */
void sched_coop_pause(struct task_struct *p, u64 until)
{
	if (atomic_cmpxchg_acquire(&p->coop.pausing, COOP_PAUSE_NONE,
				   COOP_PAUSE_QUEUED))
		return;
	WRITE_ONCE(p->coop.pause_until, until);
	init_task_work(&p->coop.pause, pause_work);
	/* one that exits pauses for good */
	task_work_add(p, &p->coop.pause, TWA_SIGNAL | TWAF_NO_ALLOC);
}
EXPORT_SYMBOL_GPL(sched_coop_pause);

/**
 * sched_coop_resume - end a pause, if the task has one
 * @p: the task; the caller holds a reference
 *
 * Nobody may ask for another one meanwhile. Context: any but NMI.
 */
void sched_coop_resume(struct task_struct *p)
{
	WRITE_ONCE(p->coop.pause_until, 0);
	/* pairs with set_current_state() in pause_work() */
	smp_mb();
	if (atomic_read(&p->coop.pausing) == COOP_PAUSE_SLEEPS)
		wake_up_process(p);
}
EXPORT_SYMBOL_GPL(sched_coop_resume);

/* A slice ends at the first tick behind its end, unless it has a timer of its own. */
static u64 until_tick(u64 ns)
{
	const struct tick_sched *ts;
	s64 tick;

	if (!IS_ENABLED(CONFIG_TICK_ONESHOT) || hrtick_enabled_fair(this_rq()))
		return ns;
	ts = tick_get_tick_sched(smp_processor_id());
	tick = hrtimer_get_expires_ns(&ts->sched_timer) - ktime_get_ns();
	/* late, or stopped */
	if (tick < 0 || tick > TICK_NSEC)
		return ns;
	if (ns <= tick)
		return tick;
	return tick + DIV_ROUND_UP_ULL(ns - tick, TICK_NSEC) * TICK_NSEC;
}

/**
 * sched_coop_slice_left - how long the current task may run on
 *
 * Context: any with preemption disabled. An estimate: read without lock.
 * Return: ns of wall time until the slice ends, at least 1; 0 if nobody
 * competes.
 */
u64 sched_coop_slice_left(void)
{
	u64 left;

	if (!contended(this_rq(), current))
		return 0;
	/* a borrower has no slice */
	if (current->sched_class != &fair_sched_class)
		return 1;
	left = coop_fair_slice_left(current);
	/* nor is there one if who waits is of another class, or about to be gone */
	if (left == U64_MAX)
		return 1;
	return max(until_tick(left), 1ULL);
}
EXPORT_SYMBOL_GPL(sched_coop_slice_left);

/**
 * sched_coop_wait_estimate - how long a task that leaves this CPU now will wait
 *
 * One slice for each competitor. Context: any with preemption disabled, the task
 * maybe off its run queue already.
 * Return: ns of wall time, 0 if nobody competes.
 */
u64 sched_coop_wait_estimate(void)
{
	unsigned int others = READ_ONCE(this_rq()->nr_running);

	if (others && READ_ONCE(current->on_rq))
		others--;
	return (u64)others * sysctl_sched_base_slice;
}
EXPORT_SYMBOL_GPL(sched_coop_wait_estimate);
