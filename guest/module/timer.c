// SPDX-License-Identifier: GPL-2.0
/*
 * Tells the host when the local timer's next urgent expiry is due.
 *
 * The local timer serves the scheduler's tick and every hrtimer. On a busy CPU
 * most expiries are ticks, which can wait until the vCPU runs anyway; a host
 * that boosts for them spends on them what RT work needs. Urgent are all
 * hrtimers but the tick and the sleeps of tasks that are not RT.
 *
 * timer_due moves to an earlier time when an urgent timer is started, and is
 * computed anew from the queued timers at the first timer interrupt after it.
 * A timer that was cancelled meanwhile has only made it too early.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/sched.h>
#include <linux/sched/rt.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/timerqueue.h>
#include <asm/tsc.h>

#include "internal.h"

/* Looked at per clock before the next timer counts as urgent. */
#define COOP_TIMER_SCAN		16

/* What conversion to TSC ticks and programming the timer may be off by. */
#define COOP_TIMER_SLACK_NS	20000

typedef enum hrtimer_restart (*coop_timer_fn)(struct hrtimer *timer);

/* the callbacks of sleeping tasks' timers and of the tick */
static coop_timer_fn coop_sleeper_fn;
static coop_timer_fn coop_tick_fn;

/* Context: @timer is queued or about to be, its base is locked. */
static bool coop_hrtimer_urgent(const struct hrtimer *timer)
{
	const struct task_struct *p;

	if (timer->function == coop_tick_fn)
		return false;
	if (timer->function != coop_sleeper_fn)
		return true;
	/* It is on the stack of the task, which therefore exists. */
	p = READ_ONCE(container_of(timer, struct hrtimer_sleeper, timer)->task);
	return p && p->prio < MAX_RT_PRIO;
}

/*
 * Guest TSC at which @timer is due, or a little earlier: the further away, the
 * more clock and TSC may drift apart until then, so a thousandth goes off.
 */
static u64 coop_hrtimer_tsc(const struct hrtimer *timer)
{
	ktime_t expires = ktime_sub(hrtimer_get_softexpires(timer),
				    timer->base->offset);
	u64 now = ktime_get_mono_fast_ns(), left = 0;

	if (expires > (s64)now)
		left = expires - now;
	left -= left >> 10;
	left -= min_t(u64, left, COOP_TIMER_SLACK_NS);
	return rdtsc() + mul_u64_u32_div(left, tsc_khz, USEC_PER_SEC);
}

/* When is the first urgent timer of this clock due? Its base is locked. */
static u64 coop_clock_due(struct hrtimer_clock_base *base)
{
	struct timerqueue_node *node = timerqueue_getnext(&base->active);
	unsigned int left = COOP_TIMER_SCAN;
	struct hrtimer *timer;

	for (; node; node = timerqueue_iterate_next(node)) {
		timer = container_of(node, struct hrtimer, node);
		if (!left-- || coop_hrtimer_urgent(timer))
			return coop_hrtimer_tsc(timer);
	}
	return ~0ULL;
}

static u64 coop_first_due(struct hrtimer_cpu_base *cpu_base)
{
	u64 due = ~0ULL;
	unsigned int i;

	for (i = 0; i < HRTIMER_MAX_CLOCK_BASES; i++)
		due = min(due, coop_clock_due(&cpu_base->clock_base[i]));
	return due;
}

/*
 * hrtimer_start tracepoint: @timer is about to be queued, maybe on another CPU.
 * The lock of its base is held and guards timer_due.
 */
void coop_timer_started(struct hrtimer *timer)
{
	struct hrtimer_cpu_base *cpu_base = timer->base->cpu_base;
	struct coop_cpu *c = per_cpu_ptr(&coop_cpus, cpu_base->cpu);
	struct kvm_coop_page *page;
	u64 due;

	c->timers = cpu_base;
	page = READ_ONCE(c->page);
	if (!page || !coop_hrtimer_urgent(timer))
		return;
	due = coop_hrtimer_tsc(timer);
	if (due < page->guest.timer_due)
		WRITE_ONCE(page->guest.timer_due, due);
}

/* The local timer's interrupt was handled. Interrupts are off, no lock held. */
void coop_timer_handled(struct coop_cpu *c)
{
	struct hrtimer_cpu_base *cpu_base = c->timers;
	struct kvm_coop_page *page = c->page;

	if (!page || !cpu_base || rdtsc() < page->guest.timer_due)
		return;
	raw_spin_lock(&cpu_base->lock);
	WRITE_ONCE(page->guest.timer_due, coop_first_due(cpu_base));
	raw_spin_unlock(&cpu_base->lock);
}

/* The tick's callback has no exported name: recognize it by its symbol. */
static bool coop_is_tick(coop_timer_fn fn)
{
	char name[32];

	snprintf(name, sizeof(name), "%ps", fn);
	return !strcmp(name, "tick_nohz_handler") ||
	       !strcmp(name, "tick_sched_timer");
}

/* Callbacks of the timers queued first on the clock of @like. */
static unsigned int coop_queued_fns(const struct hrtimer *like,
				    coop_timer_fn fns[COOP_TIMER_SCAN])
{
	struct hrtimer_clock_base *base = like->base;
	struct timerqueue_node *node;
	unsigned int n = 0;
	unsigned long flags;

	raw_spin_lock_irqsave(&base->cpu_base->lock, flags);
	node = timerqueue_getnext(&base->active);
	for (; node && n < COOP_TIMER_SCAN; node = timerqueue_iterate_next(node))
		fns[n++] = container_of(node, struct hrtimer, node)->function;
	raw_spin_unlock_irqrestore(&base->cpu_base->lock, flags);
	return n;
}

/**
 * coop_timers_start - find out which timers do not matter
 *
 * Context: process. Return: false if the tick cannot be told from other
 * timers; then every expiry has to count as urgent.
 */
bool coop_timers_start(void)
{
	coop_timer_fn fns[COOP_TIMER_SCAN];
	struct hrtimer_sleeper sleeper;
	unsigned int n;

	/* a CPU that runs a task has its tick queued */
	preempt_disable();
	hrtimer_init_sleeper_on_stack(&sleeper, CLOCK_MONOTONIC,
				      HRTIMER_MODE_ABS_HARD);
	coop_sleeper_fn = sleeper.timer.function;
	n = coop_queued_fns(&sleeper.timer, fns);
	destroy_hrtimer_on_stack(&sleeper.timer);
	preempt_enable();

	while (n-- && !coop_tick_fn) {
		if (coop_is_tick(fns[n]))
			coop_tick_fn = fns[n];
	}
	return coop_tick_fn;
}
