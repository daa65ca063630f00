/* SPDX-License-Identifier: GPL-2.0 */
/* What kvm-coop keeps per VM and per vCPU; embedded in struct kvm{,_vcpu}. */
#ifndef _LINUX_KVM_COOP_TYPES_H
#define _LINUX_KVM_COOP_TYPES_H

#ifdef CONFIG_KVM_COOP

#include <linux/hrtimer.h>
#include <linux/kvm_types.h>
#include <linux/list.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>
#include <uapi/linux/kvm_coop.h>
#include "../../virt/kvm/coop/decide.h"

struct kvm_vcpu;
struct pid;
struct task_struct;

/**
 * struct kvm_coop_policy - what a boost does to a vCPU thread
 * @boost: begin a boost, or go on with it. Any context but NMI, interrupts
 *	off, @coop->lock held. 0, -EPERM (not ours), or -EAGAIN (in debt)
 *	with the wall time in ns after which it may be granted.
 * @unboost: end it. Same context. 0, or -EPERM if somebody else changed the
 *	thread's class meanwhile: it was left as it is.
 * @enter: the current thread enters KVM_RUN for the first time. May sleep.
 *
 * KVM knows facts; a policy decides what they mean for the scheduler.
 * A policy without @boost grants nothing; @enter may be NULL.
 */
struct kvm_coop_policy {
	const char *name;
	int (*boost)(struct kvm_vcpu *vcpu, u64 *wait_ns);
	int (*unboost)(struct kvm_vcpu *vcpu);
	void (*enter)(struct kvm_vcpu *vcpu);
};

/**
 * struct kvm_coop - per VM
 * @policy: NULL while the VM has not enabled the feature; constant once the
 *	first vCPU exists, as is @config
 * @config: with all defaults filled in
 * @lock: for what follows; nests inside of the vCPUs' locks
 * @budget: of all vCPUs together
 * @io_budget: of the I/O threads, if they have a limit
 * @io_threads: the registered ones
 * @io_nr: how many there are
 * @io_timer: looks whether they exceed the limit; armed while there are some
 * @blocked: how many registered vCPUs wait in kvm_vcpu_block()
 */
struct kvm_coop {
	const struct kvm_coop_policy	*policy;
	struct kvm_coop_config		config;
	raw_spinlock_t			lock;
	struct coop_budget		budget[COOP_CLASS_NR];
	struct coop_budget		io_budget;
	struct list_head		io_threads;
	unsigned int			io_nr;
	struct hrtimer			io_timer;
	atomic_t			blocked;
};

/**
 * struct kvm_vcpu_coop - per vCPU
 *
 * First what an ordinary VM exit looks at.
 * @boosted: a boost is granted. Written under @lock.
 * @registered: the guest gave a page. Written by the vCPU thread only.
 *
 * Under @lock, a raw lock that is taken from hard interrupts; the scheduler's
 * pi_lock and rq lock nest inside.
 * @task: the thread that is inside KVM_RUN, NULL outside
 * @blocked: the thread waits in kvm_vcpu_block()
 * @renewed: a wakeup granted something while @blocked
 * @hands_off: somebody else set the class of this thread
 * @yielding: the guest yielded inside of a critical section
 * @defer_spent: something was granted since the thread got its CPU: one more
 *	critical section is no reason to keep it
 * @throttled: the last request was refused for debt or an empty budget
 * @retry_at: ktime at which it may be granted then, ns
 * @ticket: last ticket opened
 * @granted_at: ktime at the last grant, ns
 * @bound_at: ktime at which the grant ends, ns
 * @woken_at: ktime of the wakeup that led to the last grant, or 0
 * @budget: what boosts of this vCPU are paid from
 * @reason: of the current grant
 * @exec_mark: sum_exec_runtime of @task up to which boosted time is settled
 * @yield_until: ktime until which a yield in a critical section waits
 * @notify_seq: last notification sent
 *
 * @vmm: the page that the VMM maps, or NULL; set once, its lines have rules
 *	of their own (vmm_page.c)
 *
 * The vCPU thread only:
 * @timer: looks after @bound_at; may be armed late, never missing
 * @due_timer: armed while the vCPU waits for its turn and something urgent comes
 *	due, or was refused and may be granted after a while
 * @due_reason: for that grant
 * @thread: the one that entered last; the reference keeps it from being
 *	taken for another
 * @msr: MSR_KVM_COOP
 * @page: the guest's page
 * @count: the guest's preempt count
 * @masks: how to read it
 * @features: in force
 * @notify_vector: for KVM_COOP_F_NOTIFY
 * @looked_at: the vCPU's count of exits when it was looked at last, or let go
 * @notify_mark: sum_exec_runtime of @task at the last notification
 * @bulk: vectors that the VMM does not want boosts for; written under @lock,
 *	read without, word by word
 * @urgent: the guest's map; read elsewhere without lock, word by word
 * @facts: what goes into the page's last line
 * @stamp: ktime when @facts.state last changed, ns; read elsewhere as a hint
 */
struct kvm_vcpu_coop {
	bool			boosted;
	bool			registered;

	raw_spinlock_t		lock;
	bool			blocked;
	bool			renewed;
	bool			hands_off;
	bool			yielding;
	bool			defer_spent;
	bool			throttled;
	struct task_struct	*task;
	u32			ticket;
	u64			granted_at;
	u64			bound_at;
	u64			woken_at;
	u64			retry_at;
	struct coop_budget	budget[COOP_CLASS_NR];
	enum coop_reason	reason;
	u64			exec_mark;
	u64			yield_until;
	u32			notify_seq;
	struct kvm_coop_vmm_page *vmm;

	struct hrtimer		timer;
	struct hrtimer		due_timer;
	enum coop_reason	due_reason;
	struct pid		*thread;
	u64			msr;
	struct gfn_to_pfn_cache	page;
	struct gfn_to_pfn_cache	count;
	struct coop_masks	masks;
	u32			features;
	u32			notify_vector;
	u64			looked_at;
	u64			notify_mark;
	u64			bulk[4];
	u64			urgent[4];
	struct kvm_coop_host_facts facts;
	u64			stamp;
};

/*
 * Counters, as fields of struct kvm_vcpu_stat and as descriptors of KVM's
 * binary statistics. X(name) each.
 */
#define KVM_COOP_COUNTERS(X)						\
	/* grants by reason; kept: a running boost got a new bound */	\
	X(coop_boosts_irq)						\
	X(coop_boosts_rt)						\
	X(coop_boosts_kept)						\
	/* preemptions deferred for a critical section */		\
	X(coop_deferrals)						\
	/* told before a preemption; of these answered in time */	\
	X(coop_notified)						\
	X(coop_notified_acked)						\
	/* requests refused: debt; empty budget; class set by others */	\
	X(coop_refused_debt)						\
	X(coop_refused_budget)						\
	X(coop_refused_class)						\
	/* how often requests began to be refused */			\
	X(coop_throttles)						\
	/* why boosts ended */						\
	X(coop_ends_yield)						\
	X(coop_ends_exit)						\
	X(coop_ends_expired)						\
	X(coop_ends_wakeup)						\
	X(coop_ends_user)						\
	/* hypercalls made by the guest */				\
	X(coop_yields)							\
	/* ns of CPU time used boosted */				\
	X(coop_boosted_ns)						\
	/* preempted while runnable; of these in a critical section */	\
	X(coop_preempted)						\
	X(coop_preempted_critical)					\
	/* woken on another CPU than chosen, away from a sibling */	\
	X(coop_spread)							\
	/* the page could not be looked at */				\
	X(coop_page_misses)

#define KVM_COOP_STAT_FIELD(name) u64 name;
#define KVM_COOP_WAKE_HIST_BUCKETS 32
#define KVM_COOP_STAT_FIELDS						\
	KVM_COOP_COUNTERS(KVM_COOP_STAT_FIELD)				\
	u64 coop_wake_hist[KVM_COOP_WAKE_HIST_BUCKETS];			\
	u64 coop_notify_hist[KVM_COOP_WAKE_HIST_BUCKETS];

#define KVM_COOP_STAT_DESC(name) STATS_DESC_COUNTER(VCPU, name),
#define KVM_COOP_STAT_DESCS						\
	KVM_COOP_COUNTERS(KVM_COOP_STAT_DESC)				\
	STATS_DESC_LOGHIST_TIME_NSEC(VCPU, coop_wake_hist,		\
				     KVM_COOP_WAKE_HIST_BUCKETS),	\
	/* from a notification to the yield or halt that answers it */	\
	STATS_DESC_LOGHIST_TIME_NSEC(VCPU, coop_notify_hist,		\
				     KVM_COOP_WAKE_HIST_BUCKETS),

#else /* !CONFIG_KVM_COOP */

struct kvm_coop { };
struct kvm_vcpu_coop { };
#define KVM_COOP_STAT_FIELDS
#define KVM_COOP_STAT_DESCS

#endif
#endif /* _LINUX_KVM_COOP_TYPES_H */
