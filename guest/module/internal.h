/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _COOP_INTERNAL_H
#define _COOP_INTERNAL_H

#include <linux/hrtimer.h>
#include <linux/percpu.h>
#include <linux/types.h>
#include <uapi/linux/kvm_coop.h>

/**
 * struct coop_cpu - what the module knows about a CPU
 * @page: shared with the host; NULL while not registered. Changed by the CPU
 *	itself, so that its probes never see it go away.
 * @mem: memory of @page, from the first time online until the module goes
 * @phys: of @mem
 * @timers: the CPU's hrtimers, as soon as one was started; its lock guards
 *	@page->guest.timer_due
 * @softirqs: raised by interrupts and not handled yet, as far as known
 * @requests: kvm_coop_request() calls in force
 * @seen_ticket: open at the last task switch
 * @waking: timer interrupts that the current task, woken while the CPU was idle,
 *	may see until it is one like any other
 * @yield_ticket: irq_ticket at the last yield
 * @yielded: the grant as of @yield_ticket was given back
 * @yield_due: the current task gives it back on its way to user mode, or behind
 *	the switch to it
 * @rt_woken: an RT task was woken here and was not switched to yet; set by
 *	whoever wakes it, under the run-queue lock
 * @acks: tickets acknowledged
 * @yields: hypercalls made
 * @rt_switches: switches to an RT task
 * @moving: the stopper is about to move the task that was notified
 * @leaving: notified, and not given up the pCPU yet; read by others
 * @notified: notifications
 * @stayed: of these, how often there was no better place, or no way there
 *
 * All but @timers and @rt_woken belongs to the CPU, with interrupts off or, for
 * @leaving, preemption.
 */
struct coop_cpu {
	struct kvm_coop_page	*page;
	struct kvm_coop_page	*mem;
	phys_addr_t		phys;
	struct hrtimer_cpu_base	*timers;
	u32			softirqs;
	u32			requests;
	u32			seen_ticket;
	u32			waking;
	u32			yield_ticket;
	bool			yielded;
	bool			yield_due;
	bool			rt_woken;
	u64			acks;
	u64			yields;
	u64			rt_switches;
	bool			moving;
	bool			leaving;
	u64			notified;
	u64			stayed;
};

DECLARE_PER_CPU(struct coop_cpu, coop_cpus);

extern unsigned int coop_features;

/* cpu.c */
int coop_cpus_start(const u64 urgent[4]);
void coop_cpus_stop(void);
void coop_cpus_free(void);
void coop_cpus_pause(void);
void coop_cpus_resume(void);

/* timer.c */
bool coop_timers_start(void);
void coop_timer_started(struct hrtimer *timer);
void coop_timer_handled(struct coop_cpu *c);

/* probe.c; coop_exact: the kernel has guest/kernel/, which calls coop_switched() */
extern bool coop_exact;
int coop_probes_start(void);
void coop_probes_stop(void);
void coop_switched(void);

/* notify.c, if the kernel has the other half */
struct seq_file;

#ifdef CONFIG_KVM_COOP_GUEST
u32 coop_notify_vector(void);
void coop_notify_start(void);
void coop_notify_stop(void);
void coop_notify_show(struct seq_file *m, unsigned int cpu);
#else
static inline u32 coop_notify_vector(void)
{
	return 0;
}

static inline void coop_notify_start(void)
{
	coop_features &= ~KVM_COOP_F_NOTIFY;
}

static inline void coop_notify_stop(void) { }

static inline void coop_notify_show(struct seq_file *m, unsigned int cpu) { }
#endif

#endif /* _COOP_INTERNAL_H */
