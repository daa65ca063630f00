/* SPDX-License-Identifier: GPL-2.0 */
#if !defined(_KVM_COOP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _KVM_COOP_TRACE_H

#include <linux/tracepoint.h>

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm_coop

#define coop_reason_names						\
	{ COOP_REASON_NONE, "none" },					\
	{ COOP_REASON_IRQ, "irq" },					\
	{ COOP_REASON_RT, "rt" },					\
	{ COOP_REASON_DEFER, "defer" },					\
	{ COOP_REASON_NOTIFY, "notify" }

/*
 * Whoever is boosted, or asks for it, has a thread. Its pid is that of the
 * scheduler's events; the vCPUs of each VM are numbered from 0.
 */

/* A boost was asked for; result is 0 or a negative error. */
TRACE_EVENT(kvm_coop_grant,
	TP_PROTO(struct kvm_vcpu *vcpu, int reason, bool kept, int result),
	TP_ARGS(vcpu, reason, kept, result),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(pid_t, pid)
		__field(int, reason)
		__field(bool, kept)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu->vcpu_id;
		__entry->pid = vcpu->coop.task->pid;
		__entry->reason = reason;
		__entry->kept = kept;
		__entry->result = result;
	),
	TP_printk("vcpu %u pid %d reason %s kept %d result %d",
		  __entry->vcpu_id, __entry->pid,
		  __print_symbolic(__entry->reason, coop_reason_names),
		  __entry->kept, __entry->result)
);

/* A boost ended; why is the name of the counter that was incremented. */
TRACE_EVENT(kvm_coop_end,
	TP_PROTO(struct kvm_vcpu *vcpu, const char *why, u64 lasted_ns),
	TP_ARGS(vcpu, why, lasted_ns),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(pid_t, pid)
		__string(why, why)
		__field(u64, lasted_ns)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu->vcpu_id;
		__entry->pid = vcpu->coop.task->pid;
		__assign_str(why);
		__entry->lasted_ns = lasted_ns;
	),
	TP_printk("vcpu %u pid %d %s after %llu ns", __entry->vcpu_id,
		  __entry->pid, __get_str(why), __entry->lasted_ns)
);

/* Requests are refused from now on, until about wait_ns have passed. */
TRACE_EVENT(kvm_coop_throttle,
	TP_PROTO(struct kvm_vcpu *vcpu, int reason, bool budget, u64 wait_ns),
	TP_ARGS(vcpu, reason, budget, wait_ns),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(pid_t, pid)
		__field(int, reason)
		__field(bool, budget)
		__field(u64, wait_ns)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu->vcpu_id;
		__entry->pid = vcpu->coop.task->pid;
		__entry->reason = reason;
		__entry->budget = budget;
		__entry->wait_ns = wait_ns;
	),
	TP_printk("vcpu %u pid %d reason %s for %s, %llu ns",
		  __entry->vcpu_id, __entry->pid,
		  __print_symbolic(__entry->reason, coop_reason_names),
		  __entry->budget ? "budget" : "debt", __entry->wait_ns)
);

#endif /* _KVM_COOP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH ../../virt/kvm/coop
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
