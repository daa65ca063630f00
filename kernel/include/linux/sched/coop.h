/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loans of RT priority to fair tasks, and a say in where tasks wake, for kvm-coop.
 *
 * A fair task borrows a SCHED_FIFO priority for a short time. The CPU time it
 * uses meanwhile is charged to its virtual runtime, to that of its groups, and
 * to their quota, so that over time it gets what weights and limits say and not
 * more. The mechanism knows nothing of virtual machines; who borrows, when, and
 * for how long is the caller's policy.
 *
 * Accounting idea: absolute virtual runtime, as design.md section 5a explains;
 * compare the debt collector of SEDF-DC (Gupta et al., "Enforcing Performance
 * Isolation Across Virtual Machines in Xen", Middleware 2006).
 */
#ifndef _LINUX_SCHED_COOP_H
#define _LINUX_SCHED_COOP_H

#include <linux/types.h>

struct task_struct;
struct cfs_rq;
struct sched_entity;

#ifdef CONFIG_KVM_COOP

#include <linux/jump_label.h>
#include <linux/sched/coop_used.h>

/**
 * struct sched_coop_level - what an entity owes on one run queue
 * @floor: virtual runtime below which the entity must not be placed, 0 = none
 * @used: what it used of late; as of when it last competed with a borrower
 *
 * A task has one, and so has each of its groups on each CPU; under the rq lock.
 */
struct sched_coop_level {
	u64			floor;
	struct sched_coop_used	used;
};

/**
 * struct sched_coop - a task's loan; part of task_struct, under its rq lock
 * @level: the task's own; while the loan runs, where it would stand now
 * @cfs_rq: run queue that @level belongs to; compared, never dereferenced
 * @exec: sum_exec_runtime up to which the loan is charged, ns
 * @debt: the floor relative to the queue's average at that time, virtual ns
 * @turn: as @exec, when its turn among borrowers of its priority began
 * @prio: rt_priority while the loan lasts
 * @policy: policy to return to
 * @borrowed: the loan is running
 * @free: nothing is charged for it
 * @due: @debt has not been applied yet, whatever run queue that will be on
 * @preempted: if not NULL, called when the task, which is current, is about to
 *	lose its CPU although it wants to run. It may borrow and so keep the CPU.
 *	Context: the scheduler's entry, preemption off, interrupts on, no lock
 *	of the scheduler held. The task itself sets and clears it.
 * @place: if not NULL, called when the task, which sleeps, is about to wake on
 *	@cpu: where it had better do that. Context: any but NMI, the task's
 *	pi_lock held, interrupts off. The task itself sets and clears it.
 * @owner: @place's; set and cleared with it
 * @pausing: not 0 while @pause is queued or runs; set by whoever queues it
 * @pause: makes the task sleep until @pause_until, ktime in ns
 */
struct sched_coop {
	struct sched_coop_level	level;
	const struct cfs_rq	*cfs_rq;
	u64			exec;
	u64			turn;
	s64			debt;
	u8			prio;
	u8			policy;
	bool			borrowed;
	bool			free;
	bool			due;
	void			(*preempted)(struct task_struct *p);
	int			(*place)(struct task_struct *p, int cpu);
	void			*owner;
	atomic_t		pausing;
	u64			pause_until;
	struct callback_head	pause;
};

DECLARE_STATIC_KEY_FALSE(sched_coop_key);

/* priorities of borrowers that asked for the same one */
#define SCHED_COOP_PRIOS	4

/* a debt limit: lend whatever the debt, and charge nothing */
#define SCHED_COOP_FREE		(~0ULL)

bool sched_coop_contended(struct task_struct *p);
bool sched_coop_slice_over(u64 exec_ns);
int sched_coop_borrow(struct task_struct *p, int prio, u64 limit_ns,
		      u64 *wait_ns);
int sched_coop_return(struct task_struct *p);
void sched_coop_pause(struct task_struct *p, u64 until);
void sched_coop_resume(struct task_struct *p);
u64 sched_coop_slice_left(void);
u64 sched_coop_wait_estimate(void);
void sched_coop_fork(struct task_struct *p);
void sched_coop_get(void);
void sched_coop_put(void);

int sched_coop_find_cpu(struct task_struct *p, int cpu, const int *avoid,
			unsigned int nr_avoid);

void __sched_coop_preempted(struct task_struct *p);
int __sched_coop_wake_cpu(struct task_struct *p, int cpu);
void __sched_coop_place(const struct cfs_rq *cfs_rq, struct sched_entity *se,
			u64 avg);
void __sched_coop_reweight(struct cfs_rq *cfs_rq, struct sched_entity *se,
			   unsigned long weight);

/* Called with current, before another task is chosen. */
static inline void sched_coop_preempted(struct task_struct *p)
{
	if (static_branch_unlikely(&sched_coop_key))
		__sched_coop_preempted(p);
}

/*
 * Called when @p's class has chosen @cpu for it to wake on. Returns a CPU that @p
 * may use, though it may be going down.
 */
static inline int sched_coop_wake_cpu(struct task_struct *p, int cpu)
{
	if (static_branch_unlikely(&sched_coop_key))
		return __sched_coop_wake_cpu(p, cpu);
	return cpu;
}

/*
 * Called by the fair class while it places or reweights @se on @cfs_rq, whose
 * average virtual runtime is @avg, after it chose se->vruntime and while @se is
 * not in the tree; rq lock held.
 */
static inline void sched_coop_place(const struct cfs_rq *cfs_rq,
				    struct sched_entity *se, u64 avg)
{
	if (static_branch_unlikely(&sched_coop_key))
		__sched_coop_place(cfs_rq, se, avg);
}

/*
 * Called by the fair class before it gives @se another @weight; rq lock held.
 * It bounds the lag of what it reweights, and would forgive a debt: if @se is
 * queued, sched_coop_place() restores that, after se->vruntime was adapted.
 */
static inline void sched_coop_reweight(struct cfs_rq *cfs_rq,
				       struct sched_entity *se,
				       unsigned long weight)
{
	if (static_branch_unlikely(&sched_coop_key))
		__sched_coop_reweight(cfs_rq, se, weight);
}

#else /* !CONFIG_KVM_COOP */

struct sched_coop_level { };
struct sched_coop { };

static inline void sched_coop_fork(struct task_struct *p) { }
static inline void sched_coop_preempted(struct task_struct *p) { }

static inline int sched_coop_wake_cpu(struct task_struct *p, int cpu)
{
	return cpu;
}

static inline void sched_coop_place(const struct cfs_rq *cfs_rq,
				    struct sched_entity *se, u64 avg) { }
static inline void sched_coop_reweight(struct cfs_rq *cfs_rq,
				       struct sched_entity *se,
				       unsigned long weight) { }

#endif
#endif /* _LINUX_SCHED_COOP_H */
