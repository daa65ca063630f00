// SPDX-License-Identifier: GPL-2.0
/*
 * The charge for loans of RT priority; see coop_fair.h. Included by fair.c, to
 * which most of what it needs is private.
 *
 * While a task runs in another class, its virtual runtime and those of its
 * groups stand still. So each entity, the task's and its groups' on that CPU,
 * has a floor: where it would stand had the time been spent in the fair class.
 * An entity that is queued, a group with other tasks, is moved at once; another
 * one when it is placed the next time. The floor stays in force until the
 * average has passed it, because the fair class bounds the lag of what it
 * dequeues or reweights, which would forgive the rest.
 */
#ifdef CONFIG_KVM_COOP

#include "coop_fair.h"

/*
 * Far above any debt that a bounded loan can leave. It only keeps a virtual
 * runtime that went stale from starving the task.
 */
#define COOP_DEBT_CEILING_NS	(100 * NSEC_PER_MSEC)

/* of a quota's refill that is under way */
#define COOP_QUOTA_WAIT_NS	NSEC_PER_MSEC

/* The debt @se has on @cfs_rq; a task's may stem from another run queue. */
static struct sched_coop_level *coop_level(const struct cfs_rq *cfs_rq,
					   struct sched_entity *se, u64 avg)
{
	struct sched_coop *loan;

	if (!entity_is_task(se))
		return &group_cfs_rq(se)->coop;

	loan = &task_of(se)->coop;
	if (loan->cfs_rq != cfs_rq) {
		loan->cfs_rq = cfs_rq;
		loan->level.floor = loan->borrowed || loan->due ?
				    avg + loan->debt : 0;
	}
	return &loan->level;
}

/* Does nobody but @se want to run on @cfs_rq? Then there is nothing to owe. */
static bool coop_alone(const struct cfs_rq *cfs_rq,
		       const struct sched_entity *se)
{
	return cfs_rq->nr_running == se->on_rq;
}

/*
 * @lag, relative to an average with @se, as one relative to that of the others:
 * what place_entity() makes of it.
 */
static s64 coop_inflate(const struct cfs_rq *cfs_rq,
			const struct sched_entity *se, s64 lag)
{
	s64 load = scale_load_down(cfs_rq->load.weight);

	return load ? lag + div64_s64(lag * (s64)scale_load_down(se->load.weight),
				      load) : lag;
}

/* Where @se stands relative to the average @avg of its queue, virtual ns. */
static s64 coop_position(const struct cfs_rq *cfs_rq, struct sched_entity *se,
			 u64 avg)
{
	const struct sched_coop_level *level = coop_level(cfs_rq, se, avg);
	s64 key;

	/* asleep: what it takes along to its next placement */
	key = se->on_rq ? (s64)(se->vruntime - avg) :
			  coop_inflate(cfs_rq, se, -se->vlag);
	if (level->floor)
		key = max_t(s64, key, level->floor - avg);
	return key;
}

static bool coop_quota_empty(struct cfs_rq *cfs_rq)
{
#ifdef CONFIG_CFS_BANDWIDTH
	if (throttled_hierarchy(cfs_rq))
		return true;
	account_cfs_rq_runtime(cfs_rq, 0);
	return cfs_rq->runtime_enabled && cfs_rq->runtime_remaining <= 0;
#else
	return false;
#endif
}

/*
 * The tick ends slices, so an entity overruns its own by up to a tick without
 * any debt: the same bound as that of its lag.
 */
static bool coop_entity_in_debt(struct cfs_rq *cfs_rq, struct sched_entity *se,
				u64 limit_ns, u64 *wait_ns)
{
	u64 ahead = max_t(u64, se->slice, TICK_NSEC);
	u64 load = scale_load_down(cfs_rq->load.weight);
	s64 over;

	if (coop_alone(cfs_rq, se))
		return false;
	over = coop_position(cfs_rq, se, avg_vruntime(cfs_rq)) -
	       (s64)calc_delta_fair(limit_ns + ahead, se);
	if (over <= 0)
		return false;
	/* the average moves on by that, with all that is queued now */
	*wait_ns = max(*wait_ns, over * load / scale_load_down(NICE_0_LOAD));
	return true;
}

bool coop_fair_in_debt(struct task_struct *p, u64 limit_ns, u64 *wait_ns)
{
	struct sched_entity *se = &p->se;
	bool in_debt = false;

	*wait_ns = 0;
	for_each_sched_entity(se) {
		struct cfs_rq *cfs_rq = cfs_rq_of(se);

		if (coop_entity_in_debt(cfs_rq, se, limit_ns, wait_ns))
			in_debt = true;
		if (coop_quota_empty(cfs_rq)) {
			*wait_ns = max(*wait_ns, COOP_QUOTA_WAIT_NS);
			in_debt = true;
		}
	}
	return in_debt;
}

bool coop_fair_behind(struct task_struct *p)
{
	struct sched_entity *se = &p->se;

	for_each_sched_entity(se) {
		struct cfs_rq *cfs_rq = cfs_rq_of(se);

		if (!coop_alone(cfs_rq, se) &&
		    coop_position(cfs_rq, se, avg_vruntime(cfs_rq)) > 0)
			return false;
	}
	return true;
}

bool coop_fair_before(struct task_struct *p, struct task_struct *other)
{
	struct sched_entity *se = &p->se, *other_se = &other->se;
	struct cfs_rq *cfs_rq;
	u64 avg;

	find_matching_se(&se, &other_se);
	cfs_rq = cfs_rq_of(se);
	avg = avg_vruntime(cfs_rq);
	return coop_position(cfs_rq, se, avg) <
	       coop_position(cfs_rq, other_se, avg);
}

/* What @se used of late, by its weight: virtual ns. */
static u64 coop_used(struct cfs_rq *cfs_rq, struct sched_entity *se)
{
	struct sched_coop_level *level;

	level = coop_level(cfs_rq, se, avg_vruntime(cfs_rq));
	coop_used_update(&level->used, se->sum_exec_runtime,
			 rq_clock(rq_of(cfs_rq)));
	return calc_delta_fair(level->used.ns, se);
}

bool coop_fair_used_less(struct task_struct *p, struct task_struct *other)
{
	struct sched_entity *se = &p->se, *other_se = &other->se;
	u64 used, other_used;

	find_matching_se(&se, &other_se);
	used = coop_used(cfs_rq_of(se), se);
	other_used = coop_used(cfs_rq_of(other_se), other_se);
	return used < other_used - other_used / 8;
}

/*
 * How far the running @se may go on, in virtual time. Who has a shorter slice than
 * the others has the earliest deadline at its end again, and is chosen as long as
 * it is eligible: until it stands where the others do on average.
 */
static u64 coop_entity_left(struct cfs_rq *cfs_rq, struct sched_entity *se)
{
	s64 left = READ_ONCE(se->deadline) - READ_ONCE(se->vruntime);
	long load = READ_ONCE(cfs_rq->avg_load);
	s64 eligible;

	if (se->slice < READ_ONCE(sysctl_sched_base_slice) && load > 0) {
		eligible = div_s64(READ_ONCE(cfs_rq->avg_vruntime), load) -
			   entity_key(cfs_rq, se);
		left = max(left, eligible);
	}
	return max(left, 0LL);
}

u64 coop_fair_slice_left(struct task_struct *curr)
{
	struct sched_entity *se = &curr->se;
	u64 least = U64_MAX, left;

	for_each_sched_entity(se) {
		struct cfs_rq *cfs_rq = cfs_rq_of(se);

		if (READ_ONCE(cfs_rq->nr_running) < 2)
			continue;
		left = coop_entity_left(cfs_rq, se);
		left = mul_u64_u64_div_u64(left,
					   scale_load_down(se->load.weight),
					   scale_load_down(NICE_0_LOAD));
		least = min(least, left);
	}
	return least;
}

/*
 * How far @se, which is not queued, may stand behind the others' average: as far
 * as entity_lag() lets it be behind an average with it.
 */
static s64 coop_credit_limit(const struct cfs_rq *cfs_rq,
			     struct sched_entity *se)
{
	u64 limit = max_t(u64, 2 * se->slice, TICK_NSEC);

	if (coop_alone(cfs_rq, se))
		return 0;
	return coop_inflate(cfs_rq, se, calc_delta_fair(limit, se));
}

static void coop_note_debt(struct sched_coop *loan, u64 avg)
{
	loan->debt = (s64)(loan->level.floor - avg);
}

void coop_fair_open(struct task_struct *p)
{
	struct cfs_rq *cfs_rq = task_cfs_rq(p);
	u64 avg = avg_vruntime(cfs_rq);
	s64 key = coop_position(cfs_rq, &p->se, avg);

	p->coop.level.floor = avg + key;
	coop_note_debt(&p->coop, avg);
}

void coop_fair_renew(struct task_struct *p)
{
	struct cfs_rq *cfs_rq = task_cfs_rq(p);
	u64 avg = avg_vruntime(cfs_rq);
	struct sched_coop_level *level = coop_level(cfs_rq, &p->se, avg);
	u64 least = avg;

	if (p->on_rq)
		least -= coop_credit_limit(cfs_rq, &p->se);
	if ((s64)(level->floor - least) < 0)
		level->floor = least;
	coop_note_debt(&p->coop, avg);
}

/* @se is queued: move it to where it belongs. */
static void coop_move(struct cfs_rq *cfs_rq, struct sched_entity *se,
		      u64 vruntime)
{
	bool curr = cfs_rq->curr == se;

	if (!curr)
		__dequeue_entity(cfs_rq, se);
	se->vruntime = vruntime;
	if (update_deadline(cfs_rq, se) && curr)
		resched_curr(rq_of(cfs_rq));
	if (!curr)
		__enqueue_entity(cfs_rq, se);
}

static void coop_charge_task(struct cfs_rq *cfs_rq, struct task_struct *p,
			     u64 ns)
{
	u64 avg = avg_vruntime(cfs_rq);
	struct sched_coop_level *level = coop_level(cfs_rq, &p->se, avg);

	if (coop_alone(cfs_rq, &p->se))
		level->floor = avg;
	else
		level->floor += calc_delta_fair(ns, &p->se);
	coop_note_debt(&p->coop, avg);
}

static void coop_charge_group(struct cfs_rq *cfs_rq, struct sched_entity *se,
			      u64 ns)
{
	struct sched_coop_level *level = &group_cfs_rq(se)->coop;
	u64 avg;

	/* its own run time stood still */
	level->used.exec -= ns;
	update_curr(cfs_rq);
	if (coop_alone(cfs_rq, se)) {
		level->floor = 0;
		return;
	}
	avg = avg_vruntime(cfs_rq);
	level->floor = avg + coop_position(cfs_rq, se, avg) +
		       calc_delta_fair(ns, se);
	if (se->on_rq)
		coop_move(cfs_rq, se, level->floor);
}

void coop_fair_charge(struct task_struct *p, u64 ns)
{
	struct sched_entity *se = &p->se;

	coop_charge_task(cfs_rq_of(se), p, ns);
	if (!ns)
		return;
	account_cfs_rq_runtime(cfs_rq_of(se), ns);
	for (se = se->parent; se; se = se->parent) {
		coop_charge_group(cfs_rq_of(se), se, ns);
		account_cfs_rq_runtime(cfs_rq_of(se), ns);
	}
}

void __sched_coop_place(const struct cfs_rq *cfs_rq, struct sched_entity *se,
			u64 avg)
{
	struct sched_coop_level *level = coop_level(cfs_rq, se, avg);
	u64 ceiling;

	if (likely(!level->floor))
		return;
	if (entity_is_task(se))
		task_of(se)->coop.due = false;

	ceiling = avg + calc_delta_fair(COOP_DEBT_CEILING_NS, se);
	if ((s64)(level->floor - ceiling) > 0)
		level->floor = ceiling;
	if ((s64)(level->floor - se->vruntime) > 0)
		se->vruntime = level->floor;
	/* the average has passed it: paid */
	if ((s64)(level->floor - avg) <= 0)
		level->floor = 0;
}

void __sched_coop_reweight(struct cfs_rq *cfs_rq, struct sched_entity *se,
			   unsigned long weight)
{
	u64 avg = avg_vruntime(cfs_rq);
	struct sched_coop_level *level = coop_level(cfs_rq, se, avg);
	s64 debt, ceiling;

	if (likely(!level->floor))
		return;
	if (se->on_rq) {
		update_curr(cfs_rq);
		avg = avg_vruntime(cfs_rq);
	}
	ceiling = calc_delta_fair(COOP_DEBT_CEILING_NS, se);
	debt = clamp(coop_position(cfs_rq, se, avg), -ceiling, ceiling);
	level->floor = avg + div_s64(debt * (s64)se->load.weight, weight);
}

#endif /* CONFIG_KVM_COOP */
