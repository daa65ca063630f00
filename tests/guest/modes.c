// SPDX-License-Identifier: GPL-2.0
/* The ways to misbehave. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/string.h>

#include "rogue.h"

#define ROGUE_TURN_NS	(8 * NSEC_PER_MSEC)

void rogue_turn_again(struct rogue_cpu *r)
{
	r->next = ktime_get_ns() + ROGUE_TURN_NS;
}

bool rogue_turn(struct rogue_cpu *r)
{
	if (ktime_get_ns() < r->next)
		return false;
	rogue_turn_again(r);
	r->turn++;
	return true;
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

static void rogue_selfipi(struct rogue_cpu *r)
{
	irq_work_queue(&r->work);
}

static int rogue_shared_init(void)
{
	if (num_online_cpus() < 2) {
		pr_err("mode=shared needs two CPUs\n");
		return -EINVAL;
	}
	return 0;
}

static void rogue_shared_setup(struct rogue_cpu *r)
{
	struct rogue_cpu *first = per_cpu_ptr(&rogue_cpus,
					      cpumask_first(cpu_online_mask));

	r->page = first->own;
	r->gpa = virt_to_phys(first->own);
}

/* Acknowledge tickets that are the other CPU's. */
static void rogue_shared(struct rogue_cpu *r)
{
	rogue_toggle(r);
	WRITE_ONCE(r->page->guest.irq_ack, READ_ONCE(r->page->host.irq_ticket));
}

/* Memory, MMIO holes, the end of the address space, and no address at all. */
static u64 rogue_random_address(struct rnd_state *rnd)
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
	setup->preempt_count_gpa = rogue_random_address(&r->rnd);
	if (dice % 64 == 1)
		rogue_write_msr(rogue_random_address(&r->rnd));
	else if (dice % 4 == 2)
		rogue_register(r);
	if (dice % 32 == 3)
		rogue_yield(r);
}

/* Devices, holes, what belongs to another vCPU or to the host, bad forms. */
static u64 rogue_bad_address(struct rogue_cpu *r)
{
	static const u64 fixed[] = {
		0xfee00000,		/* local APIC */
		0xfec00000,		/* I/O APIC */
		0xfed00000,		/* HPET */
		0xb0000000,		/* PCI configuration space of q35 */
		0xd0000000,		/* hole below 4 GiB */
		0xa0000,		/* frame buffer of a VGA */
		0xfffffffc,		/* end of the BIOS */
		0xffffffffc,		/* beyond the memory */
		~3ULL,			/* beyond every address */
		3, 0xffe,		/* not aligned, across two pages */
	};
	unsigned int turn = r->turn % (ARRAY_SIZE(fixed) + 3);
	unsigned int cpu;

	if (turn < ARRAY_SIZE(fixed))
		return fixed[turn];
	if (turn == ARRAY_SIZE(fixed))
		return r->gpa + offsetof(struct kvm_coop_page, facts.seq);
	if (turn == ARRAY_SIZE(fixed) + 1)
		return r->gpa + offsetof(struct kvm_coop_page, host.status);
	cpu = cpumask_next(smp_processor_id(), cpu_online_mask);
	if (cpu >= nr_cpu_ids)
		cpu = cpumask_first(cpu_online_mask);
	return virt_to_phys(per_cpu(rogue_cpus, cpu).own);
}

static void rogue_badcount(struct rogue_cpu *r)
{
	if (!rogue_turn(r))
		return;
	r->page->setup.preempt_count_gpa = rogue_bad_address(r);
	rogue_register(r);
}

static const struct rogue_mode rogue_modes[] = {
	{ "none", .unregistered = true },
	{ "always", .intent = KVM_COOP_INTENT_RT },
	{ "toggle", .step = rogue_toggle },
	{ "noack", .period_ns = 1000000 },
	{ "selfipi", .step = rogue_selfipi },
	{ "timer", .period_ns = 50000 },
	{ "yieldstorm", .intent = KVM_COOP_INTENT_RT, .step = rogue_yield },
	{ "reregister", .step = rogue_reregister },
	{ "shared", .init = rogue_shared_init, .setup = rogue_shared_setup,
	  .step = rogue_shared },
	{ "random", .step = rogue_random },
	{ "badcount", .intent = KVM_COOP_INTENT_RT, .step = rogue_badcount },
	{ "remap", .unregistered = true, .init = rogue_unmap_init,
	  .exit = rogue_unmap_exit, .step = rogue_remap_step },
	{ "unmap", .intent = KVM_COOP_INTENT_RT, .init = rogue_unmap_init,
	  .exit = rogue_unmap_exit, .setup = rogue_unmap_setup,
	  .step = rogue_unmap_step },
};

const struct rogue_mode *rogue_mode_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rogue_modes); i++)
		if (!strcmp(name, rogue_modes[i].name))
			return &rogue_modes[i];
	return NULL;
}
