// SPDX-License-Identifier: GPL-2.0
/*
 * What a boost means for the vCPU thread.
 *
 * rt: SCHED_FIFO at a low priority while it lasts, charged back afterwards. And
 *	the slice of fair, for when a boost is refused.
 * fair: no boost, but a short EEVDF slice all the time; a task with a short
 *	slice gets its share in smaller and earlier pieces.
 * none: the thread is never touched.
 */
#include <linux/kvm_coop.h>
#include <linux/sched.h>
#include <linux/sched/coop.h>
#include <uapi/linux/sched/types.h>

#include "internal.h"

static int rt_boost(struct kvm_vcpu *vcpu, u64 *wait_ns)
{
	const struct kvm_coop_config *config = &vcpu->kvm->coop.config;
	u64 limit = (u64)config->debt_limit_us * NSEC_PER_USEC;

	if (config->flags & KVM_COOP_CONFIG_NO_CHARGE)
		limit = SCHED_COOP_FREE;
	return sched_coop_borrow(vcpu->coop.task, config->rt_priority, limit,
				 wait_ns);
}

static int rt_unboost(struct kvm_vcpu *vcpu)
{
	return sched_coop_return(vcpu->coop.task);
}

static void set_slice(u64 slice_ns)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = current->policy,
		.sched_nice = task_nice(current),
		.sched_runtime = slice_ns,
	};

	/* somebody else chose another class: not ours to touch */
	if (current->policy != SCHED_NORMAL && current->policy != SCHED_BATCH)
		return;
	if (current->sched_reset_on_fork)
		attr.sched_flags = SCHED_FLAG_RESET_ON_FORK;
	sched_setattr_nocheck(current, &attr);
}

static void short_slice(struct kvm_vcpu *vcpu)
{
	set_slice(vcpu->kvm->coop.config.slice_ns);
}

const struct kvm_coop_policy kvm_coop_policy_none = {
	.name = "none",
};

const struct kvm_coop_policy kvm_coop_policy_rt = {
	.name = "rt",
	.boost = rt_boost,
	.unboost = rt_unboost,
	.enter = short_slice,
};

const struct kvm_coop_policy kvm_coop_policy_fair = {
	.name = "fair",
	.enter = short_slice,
};
