// SPDX-License-Identifier: GPL-2.0
/*
 * Keep the vCPUs of a VM apart when they wake.
 *
 * A vCPU whose threads wait for each other halts for a moment, and its pCPU looks
 * idle to a sibling that wakes then. Soon the two share it, one by one they all
 * end there, and each waits for its siblings ("CPU stacking" by "deceptive
 * idleness": Zhao, Suo, Cheng, Rao, "Scheduler Activations for Interference-
 * Resilient SMP Virtual Machine Scheduling", Middleware 2017). So a pCPU counts as
 * a vCPU's for a while after it halted there, as far as siblings are concerned.
 */
#include <linux/kvm_coop.h>
#include <linux/sched.h>
#include <linux/sched/coop.h>
#include <linux/timekeeping.h>

#include "internal.h"

/* a vCPU that has halted for less is about to want its pCPU back */
#define COOP_SOON_NS		(10 * NSEC_PER_MSEC)

/* a wakeup looks at each of its siblings: VMs with more vCPUs are left alone */
#define COOP_SPREAD_VCPUS	64

/* Does it use its CPU, or will it soon? Hints, all of them. */
static bool uses_cpu(const struct kvm_vcpu *vcpu, const struct task_struct *task,
		     u64 now)
{
	return READ_ONCE(task->on_rq) ||
	       !(READ_ONCE(task->__state) & TASK_NORMAL) ||
	       now < READ_ONCE(vcpu->coop.stamp) + COOP_SOON_NS;
}

/* The CPUs that the siblings of @self use; how many. */
static unsigned int siblings_cpus(const struct kvm_vcpu *self,
				  int cpus[COOP_SPREAD_VCPUS])
{
	u64 now = ktime_get_mono_fast_ns();
	const struct task_struct *task;
	struct kvm_vcpu *vcpu;
	unsigned int nr = 0;
	unsigned long i;

	rcu_read_lock();
	kvm_for_each_vcpu(i, vcpu, self->kvm) {
		task = READ_ONCE(vcpu->coop.task);
		if (nr < COOP_SPREAD_VCPUS && vcpu != self && task &&
		    uses_cpu(vcpu, task, now))
			cpus[nr++] = task_cpu(task);
	}
	rcu_read_unlock();
	return nr;
}

/* Context: as struct sched_coop says. */
static int place(struct task_struct *p, int cpu)
{
	struct kvm_vcpu *vcpu = p->coop.owner;
	int avoid[COOP_SPREAD_VCPUS], other;

	if (!vcpu->coop.registered ||
	    atomic_read(&vcpu->kvm->online_vcpus) > COOP_SPREAD_VCPUS)
		return cpu;
	other = sched_coop_find_cpu(p, cpu, avoid, siblings_cpus(vcpu, avoid));
	if (other != cpu)
		vcpu->stat.coop_spread++;
	return other;
}

/* The current thread enters KVM_RUN. Context: may sleep. */
void kvm_coop_spread_begin(struct kvm_vcpu *vcpu)
{
	if (!(vcpu->kvm->coop.config.flags & KVM_COOP_CONFIG_SPREAD))
		return;
	current->coop.owner = vcpu;
	/* a waker of this thread, which sleeps then, comes later */
	current->coop.place = place;
}

/* It leaves. Context: may sleep. */
void kvm_coop_spread_end(void)
{
	current->coop.place = NULL;
}
