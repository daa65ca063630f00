// SPDX-License-Identifier: GPL-2.0
/* Registers a page per CPU with the host, and takes it back. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/topology.h>
#ifdef CONFIG_KVM_COOP_GUEST
#include <linux/kvm_coop_guest.h>
#endif
#include <asm/msr.h>

#include "compat.h"
#include "internal.h"

DEFINE_PER_CPU(struct coop_cpu, coop_cpus);

static u64 coop_urgent[4];
static enum cpuhp_state coop_hp_state;

/*
 * Across suspend and reboot no CPU registers, whatever comes online.
 * Changed under cpus_read_lock(), read in hotplug callbacks.
 */
static bool coop_paused;

static void coop_fill_page(struct kvm_coop_page *page, unsigned int cpu)
{
	struct kvm_coop_guest_setup *setup = &page->setup;

	memset(page, 0, sizeof(*page));
	setup->abi_version = KVM_COOP_ABI_VERSION;
	setup->size = sizeof(*page);
	setup->features = coop_features;
	setup->notify_vector = coop_notify_vector();
	setup->preempt_count_gpa = coop_preempt_count_phys(cpu);
	setup->pc_preempt_mask = PREEMPT_MASK;
	setup->pc_softirq_mask = SOFTIRQ_MASK;
	setup->pc_hardirq_mask = HARDIRQ_MASK;
	setup->pc_nmi_mask = NMI_MASK;
	setup->pc_resched_mask = PREEMPT_NEED_RESCHED;
	setup->pc_flags = KVM_COOP_PC_RESCHED_INVERTED;
	memcpy(page->guest.urgent, coop_urgent, sizeof(coop_urgent));
}

/* Runs on the CPU in question. One that fails goes without the feature. */
static void coop_register_cpu(void *unused)
{
	unsigned int cpu = smp_processor_id();
	struct coop_cpu *c = this_cpu_ptr(&coop_cpus);
	u64 msr;
	int err;

	if (c->page || !c->mem)
		return;

	msr = c->phys | KVM_COOP_MSR_ENABLE;
	coop_fill_page(c->mem, cpu);
	c->softirqs = 0;
	c->yielded = false;
	c->waking = 0;
	c->moving = false;
	c->leaving = false;
	err = wrmsr_safe(MSR_KVM_COOP, lower_32_bits(msr), upper_32_bits(msr));
	if (err) {
		pr_warn("CPU %u goes without: the host refused the page\n", cpu);
		return;
	}
	/* From here on the probes of this CPU write to the page. */
	WRITE_ONCE(c->page, c->mem);
}

/* Runs on the CPU in question. The MSR write ends a boost, too. */
static void coop_unregister_cpu(void *unused)
{
	struct coop_cpu *c = this_cpu_ptr(&coop_cpus);

	if (!c->page)
		return;
	WRITE_ONCE(c->page, NULL);
	wrmsr_safe(MSR_KVM_COOP, 0, 0);
	/* who reads it without asking for c->page */
	WRITE_ONCE(c->mem->host.status, 0);
}

#ifdef CONFIG_KVM_COOP_GUEST
static void coop_get_mem(struct coop_cpu *c, unsigned int cpu)
{
	c->mem = coop_guest_page(cpu, &c->phys);
}

static void coop_put_mem(struct coop_cpu *c)
{
	c->mem = NULL;
}
#else
static void coop_get_mem(struct coop_cpu *c, unsigned int cpu)
{
	/* A power of two from kmalloc() is aligned to its size. */
	c->mem = kzalloc_node(sizeof(*c->mem), GFP_KERNEL, cpu_to_node(cpu));
	c->phys = c->mem ? virt_to_phys(c->mem) : 0;
}

static void coop_put_mem(struct coop_cpu *c)
{
	kfree(c->mem);
	c->mem = NULL;
}
#endif

static int coop_cpu_online(unsigned int cpu)
{
	struct coop_cpu *c = per_cpu_ptr(&coop_cpus, cpu);

	if (!c->mem)
		coop_get_mem(c, cpu);
	if (c->mem && !coop_paused)
		coop_register_cpu(NULL);
	return 0;
}

static int coop_cpu_offline(unsigned int cpu)
{
	coop_unregister_cpu(NULL);
	return 0;
}

static bool coop_any_registered(void)
{
	bool any = false;
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		any |= !!READ_ONCE(per_cpu(coop_cpus, cpu).page);
	cpus_read_unlock();
	return any;
}

int coop_cpus_start(const u64 urgent[4])
{
	int ret;

	BUILD_BUG_ON(sizeof(struct kvm_coop_page) != KVM_COOP_PAGE_SIZE);
	BUILD_BUG_ON(offsetof(struct kvm_coop_page, guest) != 64);
	BUILD_BUG_ON(offsetof(struct kvm_coop_page, host) != 128);
	BUILD_BUG_ON(offsetof(struct kvm_coop_page, facts) != 192);

	memcpy(coop_urgent, urgent, sizeof(coop_urgent));
	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "kvm/coop:online",
				coop_cpu_online, coop_cpu_offline);
	if (ret < 0)
		return ret;
	coop_hp_state = ret;
	if (coop_any_registered())
		return 0;
	coop_cpus_stop();
	return -ENODEV;
}

/* Probes that still run find no page. */
void coop_cpus_stop(void)
{
	cpuhp_remove_state(coop_hp_state);
}

/* No probe may run any more. */
void coop_cpus_free(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		coop_put_mem(per_cpu_ptr(&coop_cpus, cpu));
}

void coop_cpus_pause(void)
{
	cpus_read_lock();
	coop_paused = true;
	on_each_cpu(coop_unregister_cpu, NULL, 1);
	cpus_read_unlock();
}

void coop_cpus_resume(void)
{
	cpus_read_lock();
	coop_paused = false;
	on_each_cpu(coop_register_cpu, NULL, 1);
	cpus_read_unlock();
}
