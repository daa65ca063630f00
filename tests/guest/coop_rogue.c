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
#include <linux/kvm_para.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/msr.h>
#include <uapi/linux/kvm_coop.h>

#include "compat.h"

/* Between two calls of cond_resched(). */
#define ROGUE_BURST	1000

static char *mode = "always";
module_param(mode, charp, 0444);
MODULE_PARM_DESC(mode, "always, toggle, noack, yieldstorm, reregister, random");

static uint seed = 1;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of mode=random");

struct rogue_cpu {
	struct kvm_coop_page	*page;
	struct task_struct	*thread;
	struct rnd_state	rnd;
};

static DEFINE_PER_CPU(struct rogue_cpu, rogue_cpus);

/**
 * struct rogue_mode - one way to misbehave
 * @name: as given with mode=
 * @intent: right after registration, and then never changed by the guest
 * @step: called over and over, NULL = nothing more to do
 */
struct rogue_mode {
	const char	*name;
	u32		intent;
	void		(*step)(struct rogue_cpu *r);
};

static int rogue_write_msr(u64 value)
{
	return wrmsr_safe(MSR_KVM_COOP, lower_32_bits(value),
			  upper_32_bits(value));
}

static int rogue_register(struct rogue_cpu *r)
{
	return rogue_write_msr(virt_to_phys(r->page) | KVM_COOP_MSR_ENABLE);
}

static void rogue_fill(struct kvm_coop_page *page)
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
	memset(page->guest.urgent, 0xff, sizeof(page->guest.urgent));
}

static void rogue_toggle(struct rogue_cpu *r)
{
	WRITE_ONCE(r->page->guest.intent,
		   r->page->guest.intent ^ KVM_COOP_INTENT_RT);
}

static void rogue_yield(struct rogue_cpu *r)
{
	kvm_hypercall1(KVM_HC_COOP_YIELD, 0);
}

/* Every other time with intent, so that there is a boost to lose. */
static void rogue_reregister(struct rogue_cpu *r)
{
	rogue_write_msr(0);
	rogue_register(r);
	rogue_toggle(r);
}

/* Memory, MMIO holes, the end of the address space, and no address at all. */
static u64 rogue_address(struct rnd_state *rnd)
{
	static const u64 masks[] = {
		0, 0xfffff, 0x7fffffff, 0xffffffff, 0xffffffffff, ~0ULL,
	};
	u64 value = (u64)prandom_u32_state(rnd) << 32 | prandom_u32_state(rnd);

	/* aligned most of the time: others are sorted out early */
	if (prandom_u32_state(rnd) % 8)
		value &= ~3ULL;
	return value & masks[prandom_u32_state(rnd) % ARRAY_SIZE(masks)];
}

/* Version and size are right most of the time, or all ended at WRMSR. */
static void rogue_random(struct rogue_cpu *r)
{
	struct kvm_coop_guest_setup *setup = &r->page->setup;
	u32 dice = prandom_u32_state(&r->rnd);

	prandom_bytes_state(&r->rnd, r->page, sizeof(*r->page));
	if (dice % 16) {
		setup->abi_version = KVM_COOP_ABI_VERSION;
		setup->size = sizeof(*r->page);
	}
	setup->preempt_count_gpa = rogue_address(&r->rnd);
	if (dice % 64 == 1)
		rogue_write_msr(rogue_address(&r->rnd));
	else if (dice % 4 == 2)
		rogue_register(r);
	if (dice % 32 == 3)
		rogue_yield(r);
}

static const struct rogue_mode rogue_modes[] = {
	{ "always", .intent = KVM_COOP_INTENT_RT },
	{ "noack" },
	{ "toggle", .step = rogue_toggle },
	{ "yieldstorm", .intent = KVM_COOP_INTENT_RT, .step = rogue_yield },
	{ "reregister", .step = rogue_reregister },
	{ "random", .step = rogue_random },
};

static const struct rogue_mode *rogue_mode;

static void rogue_unregister(void *unused)
{
	rogue_write_msr(0);
}

static int rogue_thread(void *data)
{
	struct rogue_cpu *r = data;
	unsigned int i;

	rogue_fill(r->page);
	WRITE_ONCE(r->page->guest.intent, rogue_mode->intent);
	if (rogue_register(r))
		pr_warn("CPU %u: registration refused\n", smp_processor_id());

	while (!kthread_should_stop()) {
		if (!rogue_mode->step) {
			set_current_state(TASK_INTERRUPTIBLE);
			if (!kthread_should_stop())
				schedule();
			__set_current_state(TASK_RUNNING);
			continue;
		}
		for (i = 0; i < ROGUE_BURST; i++)
			rogue_mode->step(r);
		cond_resched();
	}
	return 0;
}

static int rogue_start_cpu(unsigned int cpu)
{
	struct rogue_cpu *r = per_cpu_ptr(&rogue_cpus, cpu);
	struct task_struct *thread;

	r->page = kzalloc(sizeof(*r->page), GFP_KERNEL);
	if (!r->page)
		return -ENOMEM;
	prandom_seed_state(&r->rnd, seed + cpu);
	thread = kthread_create(rogue_thread, r, "coop_rogue/%u", cpu);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	kthread_bind(thread, cpu);
	r->thread = thread;
	wake_up_process(thread);
	return 0;
}

static void rogue_stop(void)
{
	struct rogue_cpu *r;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		r = per_cpu_ptr(&rogue_cpus, cpu);
		if (r->thread)
			kthread_stop(r->thread);
	}
	on_each_cpu(rogue_unregister, NULL, 1);
	for_each_possible_cpu(cpu)
		kfree(per_cpu(rogue_cpus, cpu).page);
}

static int __init rogue_init(void)
{
	u32 base = coop_cpuid_base();
	unsigned int cpu, i;
	int err = 0;

	if (!base || !(cpuid_eax(base | KVM_CPUID_FEATURES) &
		       (1U << KVM_FEATURE_COOP))) {
		pr_info("not offered by the host, nothing to do\n");
		return -ENODEV;
	}
	for (i = 0; i < ARRAY_SIZE(rogue_modes); i++)
		if (!strcmp(mode, rogue_modes[i].name))
			rogue_mode = &rogue_modes[i];
	if (!rogue_mode) {
		pr_err("mode=%s is unknown\n", mode);
		return -EINVAL;
	}

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		err = rogue_start_cpu(cpu);
		if (err)
			break;
	}
	cpus_read_unlock();
	if (err)
		rogue_stop();
	return err;
}

static void __exit rogue_exit(void)
{
	rogue_stop();
}

module_init(rogue_init);
module_exit(rogue_exit);
MODULE_DESCRIPTION("kvm-coop test: a guest that misbehaves");
MODULE_LICENSE("GPL");
