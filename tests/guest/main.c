// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that misbehaves towards a kvm-coop host, for tests of the host: one
 * thread per CPU does what mode= says, as fast as it can. Whatever it does,
 * other tenants have to get their share, and the host's log has to stay clean.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <asm/msr.h>

#include "compat.h"
#include "rogue.h"

/* Between two calls of cond_resched(). */
#define ROGUE_BURST	1000

static char *mode = "always";
module_param(mode, charp, 0444);
MODULE_PARM_DESC(mode, "how to misbehave, see README.md");

static uint seed = 1;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of mode=random");

DEFINE_PER_CPU(struct rogue_cpu, rogue_cpus);

static const struct rogue_mode *rogue_mode;

int rogue_write_msr(u64 value)
{
	return wrmsr_safe(MSR_KVM_COOP, lower_32_bits(value),
			  upper_32_bits(value));
}

int rogue_register(struct rogue_cpu *r)
{
	return rogue_write_msr(r->gpa | KVM_COOP_MSR_ENABLE);
}

void rogue_fill(struct kvm_coop_page *page)
{
	struct kvm_coop_guest_setup *setup = &page->setup;

	memset(page, 0, sizeof(*page));
	setup->abi_version = KVM_COOP_ABI_VERSION;
	setup->size = sizeof(*page);
	setup->features = KVM_COOP_F_ALL;
	setup->preempt_count_gpa = coop_preempt_count_phys(smp_processor_id());
	setup->pc_preempt_mask = PREEMPT_MASK;
	setup->pc_softirq_mask = SOFTIRQ_MASK;
	setup->pc_hardirq_mask = HARDIRQ_MASK;
	setup->pc_nmi_mask = NMI_MASK;
	setup->pc_resched_mask = PREEMPT_NEED_RESCHED;
	setup->pc_flags = KVM_COOP_PC_RESCHED_INVERTED;
	/* timer_due stays 0: every expiry is urgent */
	memset(page->guest.urgent, 0xff, sizeof(page->guest.urgent));
}

static enum hrtimer_restart rogue_expired(struct hrtimer *timer)
{
	return HRTIMER_NORESTART;
}

/* From the thread: the handler would never let go of a CPU that is slow. */
static void rogue_arm(struct rogue_cpu *r)
{
	if (!hrtimer_active(&r->timer))
		hrtimer_start(&r->timer, ns_to_ktime(rogue_mode->period_ns),
			      HRTIMER_MODE_REL_PINNED_HARD);
}

static void rogue_start_cpu(struct rogue_cpu *r)
{
	if (rogue_mode->unregistered)
		return;
	rogue_fill(r->own);
	if (rogue_mode->setup)
		rogue_mode->setup(r);
	WRITE_ONCE(r->page->guest.intent, rogue_mode->intent);
	if (rogue_register(r))
		pr_warn("CPU %u: registration refused\n", smp_processor_id());
}

/* Also where there was nothing to start. */
static void rogue_end_cpu(struct rogue_cpu *r)
{
	hrtimer_cancel(&r->timer);
	irq_work_sync(&r->work);
	if (!rogue_mode->unregistered)
		rogue_write_msr(0);
}

static int rogue_thread(void *data)
{
	struct rogue_cpu *r = data;
	unsigned int i;

	rogue_start_cpu(r);
	while (!kthread_should_stop()) {
		for (i = 0; i < ROGUE_BURST; i++) {
			if (rogue_mode->step)
				rogue_mode->step(r);
			if (rogue_mode->period_ns)
				rogue_arm(r);
			barrier();
		}
		cond_resched();
	}
	rogue_end_cpu(r);
	return 0;
}

static void rogue_interrupted(struct irq_work *work)
{
}

static int rogue_create_cpu(unsigned int cpu)
{
	struct rogue_cpu *r = per_cpu_ptr(&rogue_cpus, cpu);
	struct task_struct *thread;

	r->own = kzalloc(sizeof(*r->own), GFP_KERNEL);
	if (!r->own)
		return -ENOMEM;
	r->page = r->own;
	r->gpa = virt_to_phys(r->own);
	prandom_seed_state(&r->rnd, seed + cpu);
	hrtimer_init(&r->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	r->timer.function = rogue_expired;
	r->work = IRQ_WORK_INIT_HARD(rogue_interrupted);
	thread = kthread_create(rogue_thread, r, "coop_rogue/%u", cpu);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	kthread_bind(thread, cpu);
	r->thread = thread;
	return 0;
}

/* All unregister before the first page goes: one may use that of another. */
static void rogue_stop(void)
{
	struct rogue_cpu *r;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		r = per_cpu_ptr(&rogue_cpus, cpu);
		if (r->thread)
			kthread_stop(r->thread);
	}
	if (rogue_mode->exit)
		rogue_mode->exit();
	for_each_possible_cpu(cpu)
		kfree(per_cpu(rogue_cpus, cpu).own);
}

static bool rogue_offered(void)
{
	u32 base = coop_cpuid_base();

	return base && (cpuid_eax(base | KVM_CPUID_FEATURES) &
			(1U << KVM_FEATURE_COOP));
}

static int rogue_start(void)
{
	unsigned int cpu;
	int err = 0;

	if (rogue_mode->init)
		err = rogue_mode->init();
	if (err)
		return err;
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		err = rogue_create_cpu(cpu);
		if (err)
			break;
	}
	/* None begins before all pages are there. */
	for_each_online_cpu(cpu)
		if (!err)
			wake_up_process(per_cpu(rogue_cpus, cpu).thread);
	cpus_read_unlock();
	if (err)
		rogue_stop();
	return err;
}

static int __init rogue_init(void)
{
	rogue_mode = rogue_mode_find(mode);
	if (!rogue_mode) {
		pr_err("mode=%s is unknown\n", mode);
		return -EINVAL;
	}
	if (!rogue_mode->unregistered && !rogue_offered()) {
		pr_info("not offered by the host, nothing to do\n");
		return -ENODEV;
	}
	return rogue_start();
}

static void __exit rogue_exit(void)
{
	rogue_stop();
}

module_init(rogue_init);
module_exit(rogue_exit);
MODULE_DESCRIPTION("kvm-coop test: a guest that misbehaves");
MODULE_LICENSE("GPL");
