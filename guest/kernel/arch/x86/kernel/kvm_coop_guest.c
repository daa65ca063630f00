// SPDX-License-Identifier: GPL-2.0
/*
 * kvm-coop guest: the notification's vector, the pages that are shared with the
 * host, and what they say to those who ask whether a vCPU is preempted.
 */
#include <linux/export.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kvm_coop_guest.h>
#include <linux/kvm_para.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <uapi/linux/kvm_coop.h>
#include <asm/irq.h>
#include <asm/irq_vectors.h>
#include <asm/paravirt.h>

DEFINE_STATIC_KEY_FALSE(coop_guest_key);

/*
 * Here and not in the module, so that they never go away under a reader, and so
 * that a reader finds them without a pointer.
 */
static DEFINE_PER_CPU(struct kvm_coop_page, coop_pages);

static DEFINE_MUTEX(coop_ops_lock);
static const struct coop_guest_ops __rcu *coop_ops;

/* It is no answer yet, and soon the vCPU will be gone. */
static bool leaving(const struct kvm_coop_page *page)
{
	return READ_ONCE(page->host.notify_seq) !=
	       READ_ONCE(page->guest.notify_ack);
}

/*
 * With notifications only: who moves no tasks has steal time's answer. That says
 * "preempted" of a vCPU that halted, too, and nothing of one that is about to
 * lose its pCPU. One load of a single word: no need for the sequence count.
 */
__visible bool __coop_vcpu_is_preempted(long cpu)
{
	const struct kvm_coop_page *page = per_cpu_ptr(&coop_pages, cpu);

	if (static_branch_unlikely(&coop_guest_key) &&
	    (READ_ONCE(page->host.status) & KVM_COOP_STATUS_ACTIVE) &&
	    (READ_ONCE(page->host.features) & KVM_COOP_F_NOTIFY))
		return READ_ONCE(page->facts.state) == KVM_COOP_STATE_PREEMPTED ||
		       leaving(page);
	return __raw_callee_save___kvm_vcpu_is_preempted(cpu);
}

PV_CALLEE_SAVE_REGS_THUNK(__coop_vcpu_is_preempted);

/* RCU keeps the module here, which waits for this. */
static void coop_vector(void)
{
	const struct coop_guest_ops *ops;

	rcu_read_lock();
	ops = rcu_dereference(coop_ops);
	if (ops)
		ops->notified();
	rcu_read_unlock();
}

/* The same for what the stopper has done. Context: preemption off. */
void coop_guest_call_moved(bool moved, unsigned int left)
{
	const struct coop_guest_ops *ops;

	rcu_read_lock();
	ops = rcu_dereference(coop_ops);
	if (ops)
		ops->moved(moved, left);
	rcu_read_unlock();
}

/* The same for a CPU that goes idle. */
void __coop_guest_idle(void)
{
	const struct coop_guest_ops *ops;

	rcu_read_lock();
	ops = rcu_dereference(coop_ops);
	if (ops)
		ops->idle();
	rcu_read_unlock();
}

/* The same behind a task switch. */
void __coop_guest_switched(void)
{
	const struct coop_guest_ops *ops;

	rcu_read_lock();
	ops = rcu_dereference(coop_ops);
	if (ops)
		ops->switched();
	rcu_read_unlock();
}

/*
 * Before alternatives are applied, which turn calls through pv_ops into direct
 * ones. The platform's vector has no other user in a KVM guest.
 */
void __init coop_guest_setup(void)
{
	if (!kvm_para_has_feature(KVM_FEATURE_COOP))
		return;
	pv_ops.lock.vcpu_is_preempted = PV_CALLEE_SAVE(__coop_vcpu_is_preempted);
	x86_platform_ipi_callback = coop_vector;
}

/**
 * coop_guest_vector - the vector for setup.notify_vector, 0 if there is none
 */
u32 coop_guest_vector(void)
{
	return x86_platform_ipi_callback == coop_vector ?
	       X86_PLATFORM_IPI_VECTOR : 0;
}
EXPORT_SYMBOL_GPL(coop_guest_vector);

/**
 * coop_guest_page - the page that a CPU shares with the host
 * @cpu: which
 * @phys: where the host finds it
 *
 * Its memory is there for ever, and nobody looks at it while host.status is 0.
 */
struct kvm_coop_page *coop_guest_page(unsigned int cpu, phys_addr_t *phys)
{
	struct kvm_coop_page *page = per_cpu_ptr(&coop_pages, cpu);

	*phys = per_cpu_ptr_to_phys(page);
	return page;
}
EXPORT_SYMBOL_GPL(coop_guest_page);

/**
 * coop_guest_register - be called where no tracepoint is
 * @ops: what to call, until coop_guest_unregister() has returned
 *
 * Context: process. Return: 0, -EBUSY, or -ENODEV if no host offers the feature.
 */
int coop_guest_register(const struct coop_guest_ops *ops)
{
	int ret = 0;

	if (!coop_guest_vector())
		return -ENODEV;
	mutex_lock(&coop_ops_lock);
	if (rcu_access_pointer(coop_ops)) {
		ret = -EBUSY;
	} else {
		rcu_assign_pointer(coop_ops, ops);
		static_branch_enable(&coop_guest_key);
	}
	mutex_unlock(&coop_ops_lock);
	return ret;
}
EXPORT_SYMBOL_GPL(coop_guest_register);

/**
 * coop_guest_unregister - the end of coop_guest_register()
 *
 * A task that is being moved is moved all the same. Context: process.
 */
void coop_guest_unregister(void)
{
	mutex_lock(&coop_ops_lock);
	static_branch_disable(&coop_guest_key);
	RCU_INIT_POINTER(coop_ops, NULL);
	mutex_unlock(&coop_ops_lock);
	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(coop_guest_unregister);
