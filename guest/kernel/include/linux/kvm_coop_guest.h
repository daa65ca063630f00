/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kvm-coop, the part of a guest that cannot be a module: the vector of the
 * preemption notification, moving the running task, and what the scheduler asks
 * of a vCPU. What to do with it is decided in kvm_coop_guest.ko; the protocol
 * is in include/uapi/linux/kvm_coop.h.
 */
#ifndef _LINUX_KVM_COOP_GUEST_H
#define _LINUX_KVM_COOP_GUEST_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct task_struct;
struct kvm_coop_page;

/**
 * struct coop_guest_ops - the module
 * @notified: the notification's vector was raised on this CPU. Context: hard
 *	interrupt, acknowledged.
 * @moved: what coop_guest_move() queued on this CPU has been dealt with: @left
 *	is the number of tasks that want to run here, with the one that was to
 *	be moved if it was not. Context: preemption off, interrupts on.
 * @idle: this CPU goes idle. Context: the idle task, interrupts on.
 * @switched: a switch to the current task is complete, and no lock held any more.
 *	Context: the task, preemption disabled once, interrupts on.
 */
struct coop_guest_ops {
	void (*notified)(void);
	void (*moved)(bool moved, unsigned int left);
	void (*idle)(void);
	void (*switched)(void);
};

/**
 * struct coop_guest_moves - what became of requests to move a running task
 * @asked: all requests that this CPU made, for its own task or another's
 * @moved: tasks that left this CPU
 * @pulled: of these, because an idle CPU asked
 * @taken_back: wakeups for which a moved task returned to where it came from
 * @busy: refused, the request before is not done
 * @class: refused, no task of the fair class
 * @pinned: refused, affinity, migrate_disable(), or a CPU's own kernel thread
 * @target: refused, one of the two CPUs is going down
 * @gone: meanwhile the task slept or was moved by somebody else, or the CPU that
 *	asked for it was idle no more
 */
struct coop_guest_moves {
	u64	asked;
	u64	moved;
	u64	pulled;
	u64	taken_back;
	u64	busy;
	u64	class;
	u64	pinned;
	u64	target;
	u64	gone;
};

#ifdef CONFIG_KVM_COOP_GUEST

DECLARE_STATIC_KEY_FALSE(coop_guest_key);

/* arch: the vector and the pages */
int coop_guest_register(const struct coop_guest_ops *ops);
void coop_guest_unregister(void);
u32 coop_guest_vector(void);
struct kvm_coop_page *coop_guest_page(unsigned int cpu, phys_addr_t *phys);
void coop_guest_setup(void);
void coop_guest_call_moved(bool moved, unsigned int left);
void __coop_guest_idle(void);
void __coop_guest_switched(void);
bool __coop_vcpu_is_preempted(long cpu);
/* arch/x86/kernel/kvm.c, 64-bit only; false without steal time */
bool __raw_callee_save___kvm_vcpu_is_preempted(long cpu);

/* scheduler */
int coop_guest_move(unsigned int cpu);
int coop_guest_pull(unsigned int cpu);
void coop_guest_read_moves(unsigned int cpu, struct coop_guest_moves *moves);
bool __coop_guest_wake_cpu(struct task_struct *p, int *cpu);

/*
 * Should @p, which is being woken and ran on *@cpu last, go back to where it was
 * moved away from? Then that is in *@cpu. Context: p->pi_lock held.
 */
static inline bool coop_guest_wake_cpu(struct task_struct *p, int *cpu)
{
	return static_branch_unlikely(&coop_guest_key) &&
	       __coop_guest_wake_cpu(p, cpu);
}

/* Called by the idle task before it looks for a state to wait in. */
static inline void coop_guest_idle(void)
{
	if (static_branch_unlikely(&coop_guest_key))
		__coop_guest_idle();
}

/* Called behind every task switch, see @switched above. */
static inline void coop_guest_switched(void)
{
	if (static_branch_unlikely(&coop_guest_key))
		__coop_guest_switched();
}

#else

static inline void coop_guest_setup(void) { }
static inline void coop_guest_idle(void) { }
static inline void coop_guest_switched(void) { }

static inline bool coop_guest_wake_cpu(struct task_struct *p, int *cpu)
{
	return false;
}

#endif /* CONFIG_KVM_COOP_GUEST */

#endif /* _LINUX_KVM_COOP_GUEST_H */
