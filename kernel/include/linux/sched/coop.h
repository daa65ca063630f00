/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loans of RT priority to fair tasks, for kvm-coop.
 *
 * A fair task borrows a SCHED_FIFO priority for a short time. The CPU time it
 * uses meanwhile is charged to its virtual runtime when it returns to the fair
 * class, so that over time it gets what its weight says and not more. The
 * mechanism knows nothing of virtual machines; who borrows, when, and for how
 * long is the caller's policy.
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

/**
 * struct sched_coop - a task's loan; part of task_struct, under its rq lock
 * @cfs_rq: run queue that @base belongs to; compared, never dereferenced
 * @base: virtual runtime at which the loan began
 * @key: @base relative to the queue's average then, virtual ns
 * @exec: sum_exec_runtime when the loan began, ns
 * @floor: least virtual runtime at which the task may rejoin @cfs_rq
 * @debt: @floor relative to the queue's average on return, virtual ns
 * @prio: rt_priority while the loan lasts
 * @policy: policy to return to
 * @borrowed: the loan is running
 * @due: @floor has to be applied at the next placement
 */
struct sched_coop {
	const struct cfs_rq	*cfs_rq;
	u64			base;
	s64			key;
	u64			exec;
	u64			floor;
	s64			debt;
	u8			prio;
	u8			policy;
	bool			borrowed;
	bool			due;
};

DECLARE_STATIC_KEY_FALSE(sched_coop_key);

bool sched_coop_contended(struct task_struct *p);
int sched_coop_borrow(struct task_struct *p, int prio, u64 limit_ns,
		      u64 *wait_ns);
int sched_coop_return(struct task_struct *p, bool charge);
u64 sched_coop_slice_left(void);
u64 sched_coop_wait_estimate(void);
void sched_coop_get(void);
void sched_coop_put(void);

void __sched_coop_place(const struct cfs_rq *cfs_rq, struct sched_entity *se,
			u64 avg);

/*
 * Called by the fair class while it places @se on @cfs_rq, whose average
 * virtual runtime is @avg, after it chose se->vruntime; rq lock held.
 */
static inline void sched_coop_place(const struct cfs_rq *cfs_rq,
				    struct sched_entity *se, u64 avg)
{
	if (static_branch_unlikely(&sched_coop_key))
		__sched_coop_place(cfs_rq, se, avg);
}

#else /* !CONFIG_KVM_COOP */

struct sched_coop { };

static inline void sched_coop_place(const struct cfs_rq *cfs_rq,
				    struct sched_entity *se, u64 avg) { }

#endif
#endif /* _LINUX_SCHED_COOP_H */
