// SPDX-License-Identifier: GPL-2.0
/*
 * What a VM may have of kvm-coop: the host's switch and ceilings, and KVM_CAP_COOP*,
 * with which a VMM asks for it.
 */
#include <linux/kvm_coop.h>
#include <linux/sched/coop.h>
#include <linux/capability.h>
#include <linux/module.h>

#include "internal.h"

DEFINE_STATIC_KEY_FALSE(kvm_coop_key);

bool kvm_coop_on;
module_param_named(coop, kvm_coop_on, bool, 0644);
MODULE_PARM_DESC(coop, "VMs may enable kvm-coop; clearing it ends all boosts (default N)");

/* ceilings for what a VMM may ask for */
static unsigned int coop_max_rt_priority = 49;
module_param(coop_max_rt_priority, uint, 0644);
static unsigned int coop_max_irq_bound_us = 10000;
module_param(coop_max_irq_bound_us, uint, 0644);
static unsigned int coop_max_linger_us = 5000;
module_param(coop_max_linger_us, uint, 0644);
static unsigned int coop_max_grace_us = 500;
module_param(coop_max_grace_us, uint, 0644);
static unsigned int coop_max_notify_us = 2000;
module_param(coop_max_notify_us, uint, 0644);
static unsigned int coop_max_debt_limit_us = 10000;
module_param(coop_max_debt_limit_us, uint, 0644);
static unsigned int coop_max_rt_bound_us = 50000;
module_param(coop_max_rt_bound_us, uint, 0644);
/* of a vCPU, in each class */
static unsigned int coop_max_rate_permille = 900;
module_param(coop_max_rate_permille, uint, 0644);
static unsigned int coop_max_burst_us = 50000;
module_param(coop_max_burst_us, uint, 0644);
/* of a VM, in each class */
static unsigned int coop_max_vm_rate_permille = 4000;
module_param(coop_max_vm_rate_permille, uint, 0644);
static unsigned int coop_max_vm_burst_us = 200000;
module_param(coop_max_vm_burst_us, uint, 0644);

void kvm_coop_vm_destroy(struct kvm *kvm)
{
	if (!kvm->coop.policy)
		return;
	kvm_coop_io_destroy(kvm);
	static_branch_dec(&kvm_coop_key);
	sched_coop_put();
}

u32 kvm_coop_supported(void)
{
	return READ_ONCE(kvm_coop_on) ? KVM_COOP_F_ALL : 0;
}

static const struct kvm_coop_policy *find_policy(u32 policy)
{
	switch (policy) {
	case KVM_COOP_POLICY_NONE:
		return &kvm_coop_policy_none;
	case KVM_COOP_POLICY_RT:
		return &kvm_coop_policy_rt;
	case KVM_COOP_POLICY_FAIR:
		return &kvm_coop_policy_fair;
	default:
		return NULL;
	}
}

/* Fill in the default for 0; false if the ceiling is exceeded. */
static bool limit(u32 *value, u32 fallback, u32 ceiling)
{
	if (!*value)
		*value = min(fallback, ceiling);
	return *value <= ceiling;
}

static bool config_valid(struct kvm_coop_config *c)
{
	if (c->features & ~kvm_coop_supported())
		return false;
	if (c->flags & ~(KVM_COOP_CONFIG_NO_CHARGE | KVM_COOP_CONFIG_SPREAD))
		return false;
	if ((c->flags & KVM_COOP_CONFIG_SPREAD) &&
	    c->policy == KVM_COOP_POLICY_NONE)
		return false;
	if (c->slice_ns && c->slice_ns < 100000)
		return false;
	return limit(&c->rt_priority, 1, min(coop_max_rt_priority, 96u)) &&
	       limit(&c->slice_ns, 100000, 100000000) &&
	       limit(&c->irq_bound_us, 3000, coop_max_irq_bound_us) &&
	       limit(&c->linger_us, 1000, coop_max_linger_us) &&
	       limit(&c->grace_us, 50, coop_max_grace_us) &&
	       limit(&c->notify_us, 50, coop_max_notify_us) &&
	       limit(&c->debt_limit_us, 1000, coop_max_debt_limit_us) &&
	       limit(&c->rt_bound_us, 3000, coop_max_rt_bound_us) &&
	       limit(&c->rt_rate_permille, 500, coop_max_rate_permille) &&
	       limit(&c->rt_burst_us, 10000, coop_max_burst_us) &&
	       limit(&c->irq_rate_permille, 500, coop_max_rate_permille) &&
	       limit(&c->irq_burst_us, 10000, coop_max_burst_us) &&
	       limit(&c->vm_rt_rate_permille, 1000,
		     coop_max_vm_rate_permille) &&
	       limit(&c->vm_rt_burst_us, 20000, coop_max_vm_burst_us) &&
	       limit(&c->vm_irq_rate_permille, 1000,
		     coop_max_vm_rate_permille) &&
	       limit(&c->vm_irq_burst_us, 20000, coop_max_vm_burst_us) &&
	       c->io_rate_permille <= 1000 * KVM_COOP_IO_THREADS_MAX &&
	       limit(&c->io_burst_us, 20000, coop_max_vm_burst_us);
}

/*
 * KVM_CAP_COOP; args[0] points to the configuration. -EINVAL for anything
 * unknown or above a ceiling, -EPERM if the host does not lend or the caller
 * may not, -EBUSY if there are vCPUs or the VM has it already, -EFAULT.
 */
static int enable(struct kvm *kvm, struct kvm_enable_cap *cap)
{
	const struct kvm_coop_policy *policy;
	struct kvm_coop_config config;
	int ret = -EBUSY;

	BUILD_BUG_ON(sizeof(struct kvm_coop_config) != 88);

	if (!READ_ONCE(kvm_coop_on))
		return -EPERM;
	if (cap->flags || cap->args[1] || cap->args[2] || cap->args[3])
		return -EINVAL;
	if (copy_from_user(&config, u64_to_user_ptr(cap->args[0]),
			   sizeof(config)))
		return -EFAULT;
	policy = find_policy(config.policy);
	if (config.size != sizeof(config) || !policy || !config_valid(&config))
		return -EINVAL;
	if ((config.flags & KVM_COOP_CONFIG_NO_CHARGE) && !capable(CAP_SYS_NICE))
		return -EPERM;

	/* before kvm->lock: both take cpu_hotplug_lock */
	static_branch_inc(&kvm_coop_key);
	sched_coop_get();

	mutex_lock(&kvm->lock);
	if (!kvm->created_vcpus && !kvm->coop.policy) {
		raw_spin_lock_init(&kvm->coop.lock);
		kvm_coop_io_init(kvm);
		kvm->coop.config = config;
		kvm->coop.policy = policy;
		ret = 0;
	}
	mutex_unlock(&kvm->lock);

	if (ret) {
		static_branch_dec(&kvm_coop_key);
		sched_coop_put();
	}
	return ret;
}

/* KVM_CAP_COOP_BULK_VECTOR: the vCPU's ID, the vector, on or off. */
static int set_bulk(struct kvm *kvm, struct kvm_enable_cap *cap)
{
	u64 vector = cap->args[1];
	struct kvm_vcpu *vcpu;
	u64 *word;

	if (!kvm->coop.policy || cap->flags || cap->args[0] > INT_MAX ||
	    vector < 16 || vector > 255 || cap->args[2] > 1 || cap->args[3])
		return -EINVAL;
	vcpu = kvm_get_vcpu_by_id(kvm, cap->args[0]);
	if (!vcpu)
		return -ENOENT;
	word = &vcpu->coop.bulk[vector / 64];
	raw_spin_lock_irq(&vcpu->coop.lock);
	if (cap->args[2])
		WRITE_ONCE(*word, *word | BIT_ULL(vector % 64));
	else
		WRITE_ONCE(*word, *word & ~BIT_ULL(vector % 64));
	raw_spin_unlock_irq(&vcpu->coop.lock);
	return 0;
}

/**
 * kvm_coop_enable_cap - KVM_CAP_COOP* on a VM
 * @kvm: the VM
 * @cap: one of them, with arguments from user space
 *
 * Context: VM ioctl, may sleep.
 * Return: 0 or an error, as the ABI header says.
 */
int kvm_coop_enable_cap(struct kvm *kvm, struct kvm_enable_cap *cap)
{
	switch (cap->cap) {
	case KVM_CAP_COOP_IO_THREAD:
		return kvm_coop_io_thread(kvm, cap);
	case KVM_CAP_COOP_BULK_VECTOR:
		return set_bulk(kvm, cap);
	default:
		return enable(kvm, cap);
	}
}
