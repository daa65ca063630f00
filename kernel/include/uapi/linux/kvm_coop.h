/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kvm-coop: cooperative vCPU scheduling between a KVM host and its guests.
 *
 * This header is the whole ABI: between guest and host (CPUID bit, MSR,
 * hypercall, shared page) and between the VMM and KVM (capability).
 *
 * The rules that every field follows:
 *
 *  - One word, one writer. A field is written by the guest or by the host,
 *    never by both, and lives in a 64-byte line of that writer.
 *  - Fields are naturally aligned, little endian, and read and written with
 *    single loads and stores of their own width. Nothing is locked.
 *  - The host reads the page only where it decides anyway: when the vCPU is
 *    about to be preempted, when it is woken, when it blocks. A store by the
 *    guest takes effect then and not before.
 *  - What the guest writes can cost nobody but its own VM: every grant ends by
 *    a host timer, and the time is charged to the vCPU.
 *  - The host writes the page only inside KVM_RUN of that vCPU, so that a
 *    paused VM's memory is stable.
 *  - Reserved fields and bits are written as zero and ignored when read.
 *
 * Life cycle of a registration, per vCPU:
 *
 *   unregistered: WRMSR gpa|1, header good, makes it registered
 *   registered:   WRMSR gpa|1 keeps it so, with the new page only
 *   registered:   WRMSR 0, or vCPU reset, makes it unregistered
 *
 * Leaving "registered" ends any boost before WRMSR returns; the host never
 * touches the old page again.
 */
#ifndef _UAPI_LINUX_KVM_COOP_H
#define _UAPI_LINUX_KVM_COOP_H

#include <linux/types.h>

/* --- discovery and registration ---------------------------------------- */

/*
 * CPUID 0x40000001 EAX bit number. Set for a vCPU only if the VMM enabled
 * KVM_CAP_COOP for the VM and put the bit into the vCPU's CPUID. Without the
 * bit the MSR and the hypercall do not exist for the guest (#GP, -KVM_ENOSYS).
 */
#define KVM_FEATURE_COOP		20

/*
 * MSR: guest physical address of the vCPU's struct kvm_coop_page, aligned to
 * its size, with KVM_COOP_MSR_ENABLE; or 0. RDMSR returns the value last
 * written; the value after reset is 0.
 *
 * #GP if: reserved bits are set; the enable bit is clear and the value is not
 * zero; the address is beyond the vCPU's MAXPHYADDR or in no writable memory
 * slot; abi_version or size of the page is not one the host knows.
 * A write by the VMM (KVM_SET_MSRS) checks the value's format only, since
 * memory may arrive later than MSRs; the page is then looked at in KVM_RUN.
 */
#define MSR_KVM_COOP			0x4b564dc0
#define KVM_COOP_MSR_ENABLE		(1ULL << 0)

/*
 * Hypercall, one argument, KVM_COOP_YIELD_* flags: give back what the host
 * granted. Returns 0, also when there was nothing to give back; -KVM_ENOSYS if
 * not registered; -KVM_EINVAL, and nothing is given back, for unknown flags.
 * To be used only if KVM_COOP_STATUS_BOOSTED is set and no intent is left.
 * May be made with preemption disabled: the host then ends the boost when the
 * guest's preempt count no longer shows a critical section, at the latest
 * after a short grace, so that no run-queue lock holder loses its pCPU.
 */
#define KVM_HC_COOP_YIELD		0x4b43
/*
 * Nobody waits for this vCPU although its preempt count is not zero, as in a
 * tracepoint's probe, which itself runs with preemption disabled: end the boost
 * at once.
 */
#define KVM_COOP_YIELD_UNLOCKED		(1U << 0)

/* --- the shared page ----------------------------------------------------- */

#define KVM_COOP_ABI_VERSION		1
#define KVM_COOP_PAGE_SIZE		256

/* features: wanted by the guest, granted by the host, allowed by the VMM */
/* boost on delivery of an urgent interrupt */
#define KVM_COOP_F_IRQ			(1U << 0)
/* boost while intent says that RT work runs */
#define KVM_COOP_F_RT			(1U << 1)
/*
 * defer a preemption that would hit a critical section, by grace_us at most
 * and once per time slice
 */
#define KVM_COOP_F_DEFER		(1U << 2)
/* count preemptions inside critical sections, act on nothing */
#define KVM_COOP_F_OBSERVE		(1U << 3)
/* the guest keeps timer_due; its other timers, the tick above all, do not boost */
#define KVM_COOP_F_TIMER		(1U << 4)
/* the guest is told before it loses its CPU; see notify_vector */
#define KVM_COOP_F_NOTIFY		(1U << 5)
#define KVM_COOP_F_ALL			(KVM_COOP_F_IRQ | KVM_COOP_F_RT | \
					 KVM_COOP_F_DEFER | \
					 KVM_COOP_F_OBSERVE | \
					 KVM_COOP_F_TIMER | KVM_COOP_F_NOTIFY)

/* intent bits, written by the guest at any time */
/* an RT or deadline task is current, or about to be */
#define KVM_COOP_INTENT_RT		(1U << 0)
/* ordinary work to be done soon: what an interrupt woke, or a driver asked for */
#define KVM_COOP_INTENT_REQUEST		(1U << 1)
/*
 * the idle task is current. It runs with preemption disabled, so the host
 * then ignores the preempt-disable bits of the preempt count.
 */
#define KVM_COOP_INTENT_IDLE		(1U << 2)

/* status bits, written by the host before a VM entry */
/* the page is in use; clear until the host has looked at it */
#define KVM_COOP_STATUS_ACTIVE		(1U << 0)
/* the host granted something; yield when it is no longer needed */
#define KVM_COOP_STATUS_BOOSTED		(1U << 1)
/* requests are refused until about refill_at: a debt, or an empty budget */
#define KVM_COOP_STATUS_THROTTLED	(1U << 2)

/* state of the vCPU as its siblings see it */
#define KVM_COOP_STATE_RUNNING		0
#define KVM_COOP_STATE_PREEMPTED	1
#define KVM_COOP_STATE_BLOCKED		2

/* flags of the preempt-count description */
/* pc_resched_mask is clear, not set, while a reschedule is wanted (x86) */
#define KVM_COOP_PC_RESCHED_INVERTED	(1U << 0)

/* Line 0. Written by the guest before WRMSR; the host takes one copy then. */
struct kvm_coop_guest_setup {
	/* KVM_COOP_ABI_VERSION; another value is refused with #GP */
	__u32 abi_version;
	/* bytes the guest reserved, KVM_COOP_PAGE_SIZE for version 1 */
	__u32 size;
	/* KVM_COOP_F_* the guest wants; unknown bits are ignored */
	__u32 features;
	/*
	 * With KVM_COOP_F_NOTIFY, the interrupt vector that says "this vCPU is
	 * about to lose its CPU": 32..254, another one is refused with #GP, or
	 * 0 for none. It is injected with a new notify_seq, at most once per
	 * time slice, when interrupts are enabled or one is handled, no lock
	 * may be held, this vCPU is not idle, and another one with a page of
	 * its own is halted. It is never urgent, whatever the map says.
	 */
	__u32 notify_vector;
	/*
	 * GPA of this CPU's 32-bit preempt count, aligned to 4; 0 = none.
	 * The host only ever reads it. An address that is not readable
	 * memory counts as "no information".
	 */
	__u64 preempt_count_gpa;
	/*
	 * Which bits of that word mean what, so that the host knows no guest
	 * kernel's layout. A zero mask: the guest has no such bits.
	 */
	__u32 pc_preempt_mask;
	__u32 pc_softirq_mask;
	__u32 pc_hardirq_mask;
	__u32 pc_nmi_mask;
	/* a reschedule is wanted: a task was woken and is about to run */
	__u32 pc_resched_mask;
	/* KVM_COOP_PC_* */
	__u32 pc_flags;
	__u64 reserved[2];
};

/* Line 1. Written by the guest, hot. */
struct kvm_coop_guest_line {
	/* KVM_COOP_INTENT_* as of now; single 32-bit stores */
	__u32 intent;
	/* the irq_ticket whose interrupts have been handled, all of them */
	__u32 irq_ack;
	/*
	 * The notify_seq that has been dealt with. As long as they differ
	 * there is no further notification. The guest then gives the rest of
	 * its time back with KVM_HC_COOP_YIELD, or halts.
	 */
	__u32 notify_ack;
	__u32 reserved0;
	/*
	 * With KVM_COOP_F_TIMER, guest TSC before which an expiry of the local
	 * APIC timer is not urgent: no timer that matters is due earlier.
	 * Rounded down; 0 = every expiry is urgent, ~0 = none is. May lag
	 * behind a timer's cancellation, never behind its start. In the past
	 * it is a reason to boost: the guest moves it on when it has handled
	 * the timer and, if that woke an RT task, published the intent.
	 */
	__u64 timer_due;
	__u64 reserved1;
	/*
	 * Bit v of the map (word v / 64, bit v % 64): interrupt vector v is
	 * urgent. Read by the host when it refreshes its view (at WRMSR and
	 * when a vCPU thread enters KVM_RUN); all ones is a good default. The
	 * local timer's vector needs its bit and, if there is one, timer_due.
	 */
	__u64 urgent[4];
};

/* Line 2. Written by the host before a VM entry, hot. */
struct kvm_coop_host_line {
	/* KVM_COOP_STATUS_* */
	__u32 status;
	/*
	 * Incremented when the host boosts for an interrupt. The guest copies
	 * it to irq_ack when it has handled what was pending; as long as they
	 * differ, a zero intent does not end the boost (the bound still does).
	 * Wraps; compare for equality only.
	 */
	__u32 irq_ticket;
	/*
	 * Incremented with each notification; from then on the vCPU keeps its
	 * CPU until it has yielded or halted, for notify_us at most. Wraps.
	 */
	__u32 notify_seq;
	/* KVM_COOP_F_* that are in force for this vCPU */
	__u32 features;
	/*
	 * Guest TSC at which the thread's time slice ends, an estimate;
	 * 0 = nobody competes for the pCPU.
	 */
	__u64 slice_end;
	/* ns of boost left before the budget for RT work is empty */
	__u64 budget_left_ns;
	/*
	 * With KVM_COOP_STATUS_THROTTLED, guest TSC at which a request is
	 * likely to be granted again: an estimate, what else runs may change.
	 * Otherwise 0.
	 */
	__u64 refill_at;
	__u64 reserved[3];
};

/*
 * Line 3. Written by the host when the vCPU thread is scheduled in or out,
 * for the guest's load balancer; all vCPUs may read it. seq is odd while the
 * host writes: read seq, the fields, and seq again. All times are ns since
 * registration, wall clock of the host.
 */
struct kvm_coop_host_facts {
	__u32 seq;
	/* KVM_COOP_STATE_* */
	__u32 state;
	/* time spent on a pCPU */
	__u64 run_ns;
	/* time spent runnable but waiting for a pCPU */
	__u64 wait_ns;
	/* how long a wait that begins now is likely to last; 0 = unknown */
	__u64 wait_estimate_ns;
	/* how often the vCPU was preempted although it wanted to run */
	__u64 preempted_total;
	/* of these, how often inside a critical section */
	__u64 preempted_critical;
	__u64 reserved[2];
};

struct kvm_coop_page {
	struct kvm_coop_guest_setup setup;
	struct kvm_coop_guest_line guest;
	struct kvm_coop_host_line host;
	struct kvm_coop_host_facts facts;
} __attribute__((aligned(KVM_COOP_PAGE_SIZE)));

/* --- VMM and KVM --------------------------------------------------------- */

/*
 * KVM_CHECK_EXTENSION: the KVM_COOP_F_* that this host can offer, 0 if the
 * feature is compiled out or switched off for the host.
 * KVM_ENABLE_CAP on the VM, before the first vCPU is created (-EBUSY after):
 * args[0] = user address of struct kvm_coop_config.
 */
#define KVM_CAP_COOP			0x4b434f50

/*
 * KVM_ENABLE_CAP on a VM that has KVM_CAP_COOP, at any time: args[0] = thread
 * ID of one of the caller's threads that does the VM's I/O (an iothread, a
 * vhost worker), args[1] = KVM_COOP_IO_THREAD_*. The CPU time that it uses from
 * then on is taken from the VM's budgets; with io_rate_permille, the VM's I/O
 * threads are paused when they together exceed it. -ESRCH: no such thread of
 * the caller's, or, to remove, not registered; -EEXIST; -ENOSPC: there are
 * KVM_COOP_IO_THREADS_MAX. Removal ends a pause. A thread that exits need not be
 * removed.
 */
#define KVM_CAP_COOP_IO_THREAD		0x4b434f51
#define KVM_COOP_IO_THREAD_REMOVE	0
#define KVM_COOP_IO_THREAD_ADD		1
#define KVM_COOP_IO_THREADS_MAX		64

/*
 * KVM_ENABLE_CAP on a VM that has KVM_CAP_COOP, at any time: args[0] = ID of a
 * vCPU, args[1] = vector, 16..255, args[2] = 1: interrupts with this vector
 * are a bulk device's: they are no reason to boost that vCPU, whatever
 * guest.urgent says; 0: guest.urgent decides, as at the start. In force at
 * once, for a pending interrupt too; a vCPU reset changes nothing, for it is
 * the VMM that knows where its devices' interrupts go. -ENOENT: no such vCPU.
 */
#define KVM_CAP_COOP_BULK_VECTOR	0x4b434f52

/* what a boost does to the vCPU thread */
/* facts only: no thread is ever touched */
#define KVM_COOP_POLICY_NONE		0
/*
 * SCHED_FIFO at rt_priority, or up to 3 more, while boosted, charged back afterwards; otherwise
 * as policy fair
 */
#define KVM_COOP_POLICY_RT		1
/* SCHED_NORMAL with a slice of slice_ns, set once; no class change */
#define KVM_COOP_POLICY_FAIR		2

/* config flags */
/* do not charge boosted time: for measurements, needs CAP_SYS_NICE */
#define KVM_COOP_CONFIG_NO_CHARGE	(1U << 0)
/*
 * do not wake a vCPU on a CPU where another one of this VM is, or was until a moment
 * ago, if a CPU that shares the cache is not busier; not with policy none
 */
#define KVM_COOP_CONFIG_SPREAD		(1U << 1)

/*
 * A zero in any field but size and policy selects the host's default. A value
 * above the host's ceiling (module parameters of kvm) is -EINVAL, as are an
 * unknown policy, feature or flag, and a size that is not this struct's.
 */
struct kvm_coop_config {
	/* sizeof(struct kvm_coop_config) */
	__u32 size;
	/* KVM_COOP_POLICY_* */
	__u32 policy;
	/* KVM_COOP_F_* the guest may have */
	__u32 features;
	/* KVM_COOP_CONFIG_* */
	__u32 flags;
	/*
	 * SCHED_FIFO priority of a boosted thread, 1..98; one more while it has
	 * used less than its fair share
	 */
	__u32 rt_priority;
	/* EEVDF slice for policies rt and fair, ns, 100000..100000000 */
	__u32 slice_ns;
	/* longest grant without RT intent, us */
	__u32 irq_bound_us;
	/* run time after a grant before an exit without reason ends it, us */
	__u32 linger_us;
	/* longest deferral of a preemption, us */
	__u32 grace_us;
	/* largest debt at which a boost is still granted, us */
	__u32 debt_limit_us;
	/*
	 * Budgets are token buckets: a rate in parts per thousand of a pCPU,
	 * and how much may be saved up and used at once, us. First that of
	 * each vCPU for RT work and requests.
	 */
	__u32 rt_rate_permille;
	__u32 rt_burst_us;
	/* of each vCPU for interrupts and critical sections */
	__u32 irq_rate_permille;
	__u32 irq_burst_us;
	/* of all vCPUs of the VM together, for RT work and requests */
	__u32 vm_rt_rate_permille;
	__u32 vm_rt_burst_us;
	/* of all vCPUs together, for interrupts and critical sections */
	__u32 vm_irq_rate_permille;
	__u32 vm_irq_burst_us;
	/* longest grant with RT intent before debt and budgets are checked, us */
	__u32 rt_bound_us;
	/*
	 * What the VM's I/O threads may use together, parts per thousand of a
	 * pCPU; here 0 means no limit.
	 */
	__u32 io_rate_permille;
	/* and how much of it may be saved up and used at once, us */
	__u32 io_burst_us;
	/* longest time between a notification and the preemption, us */
	__u32 notify_us;
};

/*
 * The VMM's view of a vCPU: one page, mapped read-only and shared from the
 * vCPU's file descriptor at this offset, in pages. It is there for VMs with
 * KVM_CAP_COOP, whatever their guests do; otherwise touching it is SIGBUS, as
 * it is where nothing lies. A mapping that could be written is -EPERM, and so
 * is making it writable later. The mapping may outlive the vCPU's descriptor.
 *
 * Two lines, each with a sequence count that is odd while the kernel writes:
 * read seq, the fields, and seq again. All times are CLOCK_MONOTONIC, ns.
 */
#define KVM_COOP_VMM_PAGE_OFFSET	16

/* for the VMM only: the thread is outside of KVM_RUN */
#define KVM_COOP_STATE_USER		3

/* grant flags */
/* the guest has registered its page */
#define KVM_COOP_VMM_REGISTERED		(1U << 0)
/* a boost or deferral is granted */
#define KVM_COOP_VMM_BOOSTED		(1U << 1)
/* the last request was refused: debt, or an empty budget */
#define KVM_COOP_VMM_THROTTLED		(1U << 2)
/* somebody else set the thread's class, so nothing is granted to it */
#define KVM_COOP_VMM_HANDS_OFF		(1U << 3)

/* Written when the thread enters or leaves KVM_RUN, or is scheduled in it. */
struct kvm_coop_vmm_run {
	__u32 seq;
	/*
	 * KVM_COOP_STATE_*. If the page is mapped for the first time while
	 * the thread is inside of KVM_RUN: USER until the next change.
	 */
	__u32 state;
	/* when it changed to this state, or was confirmed in it */
	__u64 since_ns;
	/*
	 * When the time slice ends, as estimated at since_ns; 0 = nobody
	 * competed for the pCPU then, or the state is not RUNNING. A boost
	 * goes on beyond it, until bound_ns at most.
	 */
	__u64 slice_end_ns;
	__u64 reserved[5];
};

/* Written when something is granted, refused or ended. */
struct kvm_coop_vmm_grant {
	__u32 seq;
	/* KVM_COOP_VMM_* */
	__u32 flags;
	/* KVM_COOP_F_* in force */
	__u32 features;
	/* as the guest is told, see struct kvm_coop_host_line */
	__u32 irq_ticket;
	/* when the grant ends at the latest unless it is renewed; 0 = none */
	__u64 bound_ns;
	/* ns of boost for RT work left at the last change */
	__u64 budget_left_ns;
	__u64 reserved[4];
};

struct kvm_coop_vmm_page {
	/* bytes in use; a field beyond is not there. Constant */
	__u32 size;
	__u32 reserved[15];
	struct kvm_coop_vmm_run run;
	struct kvm_coop_vmm_grant grant;
};

#endif /* _UAPI_LINUX_KVM_COOP_H */
