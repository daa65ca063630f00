// SPDX-License-Identifier: GPL-2.0
/*
 * The VM's I/O threads: threads of the VMM that work for the guest.
 *
 * What they use is taken from the VM's budgets, or a guest could have work done
 * for nothing; compare SEDF-DC in "Enforcing Performance Isolation Across
 * Virtual Machines in Xen" (Gupta et al., Middleware 2006). And they may have a
 * limit, beyond which they pause, that VM's only; compare ShareGuard there.
 *
 * Everything under the VM's coop.lock, a raw lock that is taken in hard
 * interrupts; references to tasks are dropped outside of it.
 */
#include <linux/kvm_coop.h>
#include <linux/pid.h>
#include <linux/sched/coop.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "internal.h"

/* how often a limit is looked at: the tick accounts no finer */
#define COOP_IO_PERIOD_NS	(5 * NSEC_PER_MSEC)

/**
 * struct coop_io_thread - a registered thread
 * @link: in the VM's list
 * @task: with a reference
 * @mark: its sum_exec_runtime up to which it is charged, ns
 */
struct coop_io_thread {
	struct list_head	link;
	struct task_struct	*task;
	u64			mark;
};

/**
 * kvm_coop_io_charge - take what the VM's I/O threads used from its budgets
 * @kvm: the VM
 *
 * Context: the VM's coop.lock held.
 */
void kvm_coop_io_charge(struct kvm *kvm)
{
	struct kvm_coop *coop = &kvm->coop;
	struct coop_io_thread *io;
	u64 exec, used = 0;
	int class;

	lockdep_assert_held(&coop->lock);
	list_for_each_entry(io, &coop->io_threads, link) {
		exec = READ_ONCE(io->task->se.sum_exec_runtime);
		used += exec - io->mark;
		io->mark = exec;
	}
	for (class = 0; class < COOP_CLASS_NR; class++)
		coop_budget_spend(&coop->budget[class], used);
	coop_budget_spend(&coop->io_budget, used);
}

/* They have used more than they may: until when do they have to wait? */
static u64 io_pause_until(struct kvm_coop *coop, u64 now)
{
	u64 burst = (u64)coop->config.io_burst_us * NSEC_PER_USEC;
	u32 rate = coop->config.io_rate_permille;

	coop_budget_refill(&coop->io_budget, rate, burst, now);
	if (coop->io_budget.tokens > 0)
		return 0;
	/* not for a few us at a time */
	return now + coop_budget_wait(&coop->io_budget, rate, burst / 4);
}

static enum hrtimer_restart io_timer_fired(struct hrtimer *timer)
{
	struct kvm_coop *coop = container_of(timer, struct kvm_coop, io_timer);
	enum hrtimer_restart restart = HRTIMER_NORESTART;
	struct coop_io_thread *io;
	u64 until;

	raw_spin_lock(&coop->lock);
	kvm_coop_io_charge(container_of(coop, struct kvm, coop));
	until = io_pause_until(coop, ktime_get_ns());
	if (until) {
		list_for_each_entry(io, &coop->io_threads, link)
			sched_coop_pause(io->task, until);
	}
	/* nothing to look at any more, or started again meanwhile */
	if (coop->io_nr && !hrtimer_is_queued(timer)) {
		hrtimer_forward_now(timer, ns_to_ktime(COOP_IO_PERIOD_NS));
		restart = HRTIMER_RESTART;
	}
	raw_spin_unlock(&coop->lock);
	return restart;
}

void kvm_coop_io_init(struct kvm *kvm)
{
	INIT_LIST_HEAD(&kvm->coop.io_threads);
	hrtimer_init(&kvm->coop.io_timer, CLOCK_MONOTONIC,
		     HRTIMER_MODE_REL_HARD);
	kvm->coop.io_timer.function = io_timer_fired;
}

static void io_thread_free(struct coop_io_thread *io)
{
	put_task_struct(io->task);
	kfree(io);
}

/* It is the VM's no more, and so is its pause. */
static void io_thread_release(struct coop_io_thread *io)
{
	sched_coop_resume(io->task);
	io_thread_free(io);
}

void kvm_coop_io_destroy(struct kvm *kvm)
{
	struct coop_io_thread *io, *next;

	hrtimer_cancel(&kvm->coop.io_timer);
	list_for_each_entry_safe(io, next, &kvm->coop.io_threads, link)
		io_thread_release(io);
}

static struct coop_io_thread *io_find(struct kvm_coop *coop,
				      const struct task_struct *task)
{
	struct coop_io_thread *io;

	list_for_each_entry(io, &coop->io_threads, link)
		if (io->task == task)
			return io;
	return NULL;
}

/* What has exited makes room. */
static void io_purge(struct kvm_coop *coop, struct list_head *gone)
{
	struct coop_io_thread *io, *next;

	list_for_each_entry_safe(io, next, &coop->io_threads, link) {
		if (!READ_ONCE(io->task->exit_state))
			continue;
		list_move(&io->link, gone);
		coop->io_nr--;
	}
}

/* Takes over @io if it returns 0. */
static int io_insert(struct kvm_coop *coop, struct coop_io_thread *io)
{
	struct coop_io_thread *old, *next;
	LIST_HEAD(gone);
	int ret = 0;

	raw_spin_lock_irq(&coop->lock);
	io_purge(coop, &gone);
	if (io_find(coop, io->task)) {
		ret = -EEXIST;
	} else if (coop->io_nr == KVM_COOP_IO_THREADS_MAX) {
		ret = -ENOSPC;
	} else {
		io->mark = READ_ONCE(io->task->se.sum_exec_runtime);
		list_add(&io->link, &coop->io_threads);
		if (!coop->io_nr++ && coop->config.io_rate_permille)
			hrtimer_start(&coop->io_timer,
				      ns_to_ktime(COOP_IO_PERIOD_NS),
				      HRTIMER_MODE_REL_HARD);
	}
	raw_spin_unlock_irq(&coop->lock);

	list_for_each_entry_safe(old, next, &gone, link)
		io_thread_free(old);
	return ret;
}

static int io_add(struct kvm_coop *coop, struct task_struct *task)
{
	struct coop_io_thread *io = kmalloc(sizeof(*io), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!io)
		return -ENOMEM;
	io->task = get_task_struct(task);
	ret = io_insert(coop, io);
	if (ret)
		io_thread_free(io);
	return ret;
}

static int io_remove(struct kvm_coop *coop, struct task_struct *task)
{
	struct coop_io_thread *io;

	raw_spin_lock_irq(&coop->lock);
	kvm_coop_io_charge(container_of(coop, struct kvm, coop));
	io = io_find(coop, task);
	if (io) {
		list_del(&io->link);
		coop->io_nr--;
	}
	raw_spin_unlock_irq(&coop->lock);
	if (!io)
		return -ESRCH;
	io_thread_release(io);
	return 0;
}

static struct task_struct *thread_of_caller(pid_t tid)
{
	struct pid *pid = find_get_pid(tid);
	struct task_struct *task = get_pid_task(pid, PIDTYPE_PID);

	put_pid(pid);
	if (!task || same_thread_group(task, current))
		return task;
	put_task_struct(task);
	return NULL;
}

/**
 * kvm_coop_io_thread - KVM_CAP_COOP_IO_THREAD on a VM
 * @kvm: the VM
 * @cap: args[0] is a thread's ID, args[1] says what to do
 *
 * Context: VM ioctl, may sleep.
 * Return: 0; -EINVAL without KVM_CAP_COOP or for unknown arguments, -ESRCH,
 * -EEXIST, -ENOSPC, -ENOMEM.
 */
int kvm_coop_io_thread(struct kvm *kvm, struct kvm_enable_cap *cap)
{
	struct task_struct *task;
	int ret;

	if (!kvm->coop.policy || cap->flags || cap->args[0] > INT_MAX ||
	    cap->args[1] > KVM_COOP_IO_THREAD_ADD || cap->args[2] ||
	    cap->args[3])
		return -EINVAL;
	task = thread_of_caller(cap->args[0]);
	if (!task)
		return -ESRCH;
	/* KVM_CAP_COOP set up what is used here, under this lock */
	mutex_lock(&kvm->lock);
	if (cap->args[1] == KVM_COOP_IO_THREAD_ADD)
		ret = io_add(&kvm->coop, task);
	else
		ret = io_remove(&kvm->coop, task);
	mutex_unlock(&kvm->lock);
	put_task_struct(task);
	return ret;
}
