/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Version 1 of the kvm-coop ABI, frozen: layout and values, no meaning. Never
 * edit it; a new version of the ABI gets a file of its own beside this one.
 * "reserved" fields may get names later, in place.
 */
#ifndef _KVM_COOP_V1_H
#define _KVM_COOP_V1_H

#include <stdint.h>

struct kvm_coop_guest_setup_v1 {
	uint32_t abi_version;
	uint32_t size;
	uint32_t features;
	uint32_t notify_vector;
	uint64_t preempt_count_gpa;
	uint32_t pc_preempt_mask;
	uint32_t pc_softirq_mask;
	uint32_t pc_hardirq_mask;
	uint32_t pc_nmi_mask;
	uint32_t pc_resched_mask;
	uint32_t pc_flags;
	uint64_t reserved[2];
};

struct kvm_coop_guest_line_v1 {
	uint32_t intent;
	uint32_t irq_ack;
	uint32_t notify_ack;
	uint32_t reserved0;
	uint64_t timer_due;
	uint64_t reserved1;
	uint64_t urgent[4];
};

struct kvm_coop_host_line_v1 {
	uint32_t status;
	uint32_t irq_ticket;
	uint32_t notify_seq;
	uint32_t features;
	uint64_t slice_end;
	uint64_t budget_left_ns;
	uint64_t refill_at;
	uint64_t reserved[3];
};

struct kvm_coop_host_facts_v1 {
	uint32_t seq;
	uint32_t state;
	uint64_t run_ns;
	uint64_t wait_ns;
	uint64_t wait_estimate_ns;
	uint64_t preempted_total;
	uint64_t preempted_critical;
	uint64_t reserved[2];
};

struct kvm_coop_page_v1 {
	struct kvm_coop_guest_setup_v1 setup;
	struct kvm_coop_guest_line_v1 guest;
	struct kvm_coop_host_line_v1 host;
	struct kvm_coop_host_facts_v1 facts;
} __attribute__((aligned(256)));

struct kvm_coop_config_v1 {
	uint32_t size;
	uint32_t policy;
	uint32_t features;
	uint32_t flags;
	uint32_t rt_priority;
	uint32_t slice_ns;
	uint32_t irq_bound_us;
	uint32_t linger_us;
	uint32_t grace_us;
	uint32_t debt_limit_us;
	uint32_t rt_rate_permille;
	uint32_t rt_burst_us;
	uint32_t irq_rate_permille;
	uint32_t irq_burst_us;
	uint32_t vm_rt_rate_permille;
	uint32_t vm_rt_burst_us;
	uint32_t vm_irq_rate_permille;
	uint32_t vm_irq_burst_us;
	uint32_t rt_bound_us;
	uint32_t io_rate_permille;
	uint32_t io_burst_us;
	uint32_t notify_us;
};

/* X(struct without kvm_coop_ and _v1, field) */
#define KVM_COOP_V1_FIELDS(X)			\
	X(guest_setup, abi_version)		\
	X(guest_setup, size)			\
	X(guest_setup, features)		\
	X(guest_setup, notify_vector)		\
	X(guest_setup, preempt_count_gpa)	\
	X(guest_setup, pc_preempt_mask)		\
	X(guest_setup, pc_softirq_mask)		\
	X(guest_setup, pc_hardirq_mask)		\
	X(guest_setup, pc_nmi_mask)		\
	X(guest_setup, pc_resched_mask)		\
	X(guest_setup, pc_flags)		\
	X(guest_line, intent)			\
	X(guest_line, irq_ack)			\
	X(guest_line, notify_ack)		\
	X(guest_line, timer_due)		\
	X(guest_line, urgent)			\
	X(host_line, status)			\
	X(host_line, irq_ticket)		\
	X(host_line, notify_seq)		\
	X(host_line, features)			\
	X(host_line, slice_end)			\
	X(host_line, budget_left_ns)		\
	X(host_line, refill_at)			\
	X(host_facts, seq)			\
	X(host_facts, state)			\
	X(host_facts, run_ns)			\
	X(host_facts, wait_ns)			\
	X(host_facts, wait_estimate_ns)		\
	X(host_facts, preempted_total)		\
	X(host_facts, preempted_critical)	\
	X(page, setup)				\
	X(page, guest)				\
	X(page, host)				\
	X(page, facts)				\
	X(config, size)				\
	X(config, policy)			\
	X(config, features)			\
	X(config, flags)			\
	X(config, rt_priority)			\
	X(config, slice_ns)			\
	X(config, irq_bound_us)			\
	X(config, linger_us)			\
	X(config, grace_us)			\
	X(config, debt_limit_us)		\
	X(config, rt_rate_permille)		\
	X(config, rt_burst_us)			\
	X(config, irq_rate_permille)		\
	X(config, irq_burst_us)			\
	X(config, vm_rt_rate_permille)		\
	X(config, vm_rt_burst_us)		\
	X(config, vm_irq_rate_permille)		\
	X(config, vm_irq_burst_us)		\
	X(config, rt_bound_us)			\
	X(config, io_rate_permille)		\
	X(config, io_burst_us)			\
	X(config, notify_us)

/* X(struct, size, alignment) */
#define KVM_COOP_V1_STRUCTS(X)			\
	X(guest_setup, 64, 8)			\
	X(guest_line, 64, 8)			\
	X(host_line, 64, 8)			\
	X(host_facts, 64, 8)			\
	X(page, 256, 256)			\
	X(config, 88, 4)

/* X(name, value) */
#define KVM_COOP_V1_VALUES(X)			\
	X(KVM_FEATURE_COOP, 20)			\
	X(MSR_KVM_COOP, 0x4b564dc0)		\
	X(KVM_COOP_MSR_ENABLE, 1)		\
	X(KVM_HC_COOP_YIELD, 0x4b43)		\
	X(KVM_COOP_YIELD_UNLOCKED, 1)		\
	X(KVM_COOP_ABI_VERSION, 1)		\
	X(KVM_COOP_PAGE_SIZE, 256)		\
	X(KVM_COOP_F_IRQ, 1)			\
	X(KVM_COOP_F_RT, 2)			\
	X(KVM_COOP_F_DEFER, 4)			\
	X(KVM_COOP_F_OBSERVE, 8)		\
	X(KVM_COOP_F_TIMER, 16)			\
	X(KVM_COOP_F_NOTIFY, 32)		\
	X(KVM_COOP_INTENT_RT, 1)		\
	X(KVM_COOP_INTENT_REQUEST, 2)		\
	X(KVM_COOP_INTENT_IDLE, 4)		\
	X(KVM_COOP_STATUS_ACTIVE, 1)		\
	X(KVM_COOP_STATUS_BOOSTED, 2)		\
	X(KVM_COOP_STATUS_THROTTLED, 4)		\
	X(KVM_COOP_STATE_RUNNING, 0)		\
	X(KVM_COOP_STATE_PREEMPTED, 1)		\
	X(KVM_COOP_STATE_BLOCKED, 2)		\
	X(KVM_COOP_PC_RESCHED_INVERTED, 1)	\
	X(KVM_CAP_COOP, 0x4b434f50)		\
	X(KVM_CAP_COOP_IO_THREAD, 0x4b434f51)	\
	X(KVM_COOP_IO_THREAD_REMOVE, 0)		\
	X(KVM_COOP_IO_THREAD_ADD, 1)		\
	X(KVM_COOP_IO_THREADS_MAX, 64)		\
	X(KVM_CAP_COOP_BULK_VECTOR, 0x4b434f52)	\
	X(KVM_COOP_POLICY_NONE, 0)		\
	X(KVM_COOP_POLICY_RT, 1)		\
	X(KVM_COOP_POLICY_FAIR, 2)		\
	X(KVM_COOP_CONFIG_NO_CHARGE, 1)

#endif /* _KVM_COOP_V1_H */
