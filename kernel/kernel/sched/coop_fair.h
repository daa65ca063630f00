/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a loan of RT priority costs in the fair class, for the task itself and
 * for each of its groups. All under the lock of the task's run queue, whose
 * clock is up to date; all times are ns of run time unless said otherwise.
 */
#ifndef _KERNEL_SCHED_COOP_FAIR_H
#define _KERNEL_SCHED_COOP_FAIR_H

#include <linux/types.h>

struct task_struct;

/*
 * Is @p, or one of its groups, further ahead of its competitors than the fair
 * class lets it get by itself, and by @limit_ns more, or has a quota run out?
 * If so, *@wait_ns is about the wall time in ns until it is not.
 */
bool coop_fair_in_debt(struct task_struct *p, u64 limit_ns, u64 *wait_ns);

/*
 * Does @p, and each of its groups, stand no further than the average of its
 * competitors?
 */
bool coop_fair_behind(struct task_struct *p);

/*
 * Is @p, of the same run queue, less far ahead of its competitors than @other,
 * whose loan is charged up to now? Compared where both have the same ones.
 */
bool coop_fair_before(struct task_struct *p, struct task_struct *other);

/*
 * Has @p, of the same run queue, used clearly less of its share lately than
 * @other, whose loan is charged up to now? Compared where both have the same
 * competitors.
 */
bool coop_fair_used_less(struct task_struct *p, struct task_struct *other);

/* A loan begins: take down where @p stands. */
void coop_fair_open(struct task_struct *p);

/*
 * The loan of @p goes on. Credit is not saved up: one that sleeps goes on from
 * the average, and one that waited keeps no more than the fair class allows.
 */
void coop_fair_renew(struct task_struct *p);

/*
 * How much of its slice the current task has left, or of one of its groups', where
 * there is another one to choose; whichever is less, in ns of wall time. U64_MAX:
 * there is nowhere. Needs no lock: an estimate.
 */
u64 coop_fair_slice_left(struct task_struct *curr);

/* @p ran for @ns in another class: charge it and its groups. */
void coop_fair_charge(struct task_struct *p, u64 ns);

#endif /* _KERNEL_SCHED_COOP_FAIR_H */
