/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between the kernels that the module builds for: 6.1 to 6.12. */
#ifndef _COOP_COMPAT_H
#define _COOP_COMPAT_H

#include <linux/io.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>

/* 0 if this is no KVM guest; else where its CPUID leaves begin */
static inline u32 coop_cpuid_base(void)
{
	if (!boot_cpu_has(X86_FEATURE_HYPERVISOR))
		return 0;
	return hypervisor_cpuid_base("KVMKVMKVM\0\0\0", 0);
}

static inline int *coop_preempt_count_ptr(unsigned int cpu)
{
#ifdef COOP_HAVE_PCPU_HOT
	return &per_cpu(pcpu_hot.preempt_count, cpu);
#else
	return &per_cpu(__preempt_count, cpu);
#endif
}

/*
 * per_cpu_ptr_to_phys() is not exported. The kernel's own per-CPU variables
 * are in the linear map, or in vmalloc space if booted with percpu_alloc=page.
 */
static inline phys_addr_t coop_preempt_count_phys(unsigned int cpu)
{
	int *ptr = coop_preempt_count_ptr(cpu);

	if (is_vmalloc_addr(ptr))
		return page_to_phys(vmalloc_to_page(ptr)) + offset_in_page(ptr);
	return virt_to_phys(ptr);
}

/* The macro of this name has a tracepoint that is not exported. */
static inline void coop_send_reschedule(int cpu)
{
#ifdef CONFIG_SMP
	void (*send)(int cpu) = smp_ops.smp_send_reschedule;

	send(cpu);
#endif
}

/* what a probe on the hrtimer_start tracepoint is called with */
#ifdef COOP_HAVE_WAS_ARMED
#define COOP_HRTIMER_START_ARGS						\
	void *data, struct hrtimer *timer, enum hrtimer_mode mode, bool was_armed
#else
#define COOP_HRTIMER_START_ARGS						\
	void *data, struct hrtimer *timer, enum hrtimer_mode mode
#endif

#endif /* _COOP_COMPAT_H */
