/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kvm-coop: cooperative vCPU scheduling, the VMM's side.
 *
 * "-cpu ...,kvm-coop=on" lets the guest see the feature, "-accel
 * kvm,coop-...=" says what it may get. The kernel checks all limits against
 * the host's ceilings; see struct kvm_coop_config.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include <linux/kvm.h>
#include "kvm-coop.h"

static struct {
    struct kvm_coop_config config;
    bool enabled;
} coop = {
    .config = {
        .size = sizeof(struct kvm_coop_config),
        .policy = KVM_COOP_POLICY_RT,
        .features = KVM_COOP_F_IRQ | KVM_COOP_F_RT | KVM_COOP_F_OBSERVE |
                    KVM_COOP_F_TIMER,
    },
};

static const char *const policy_names[] = {
    [KVM_COOP_POLICY_NONE] = "none",
    [KVM_COOP_POLICY_RT] = "rt",
    [KVM_COOP_POLICY_FAIR] = "fair",
};

static const struct {
    const char *name;
    uint32_t *value;
    const char *help;
} limits[] = {
    { "coop-rt-priority", &coop.config.rt_priority,
      "SCHED_FIFO priority of a boosted vCPU thread" },
    { "coop-slice-ns", &coop.config.slice_ns,
      "time slice of the vCPU threads while not boosted" },
    { "coop-irq-bound-us", &coop.config.irq_bound_us,
      "longest boost for an interrupt" },
    { "coop-linger-us", &coop.config.linger_us,
      "how long a boost without reason survives VM exits" },
    { "coop-grace-us", &coop.config.grace_us,
      "longest deferral of a preemption" },
    { "coop-debt-limit-us", &coop.config.debt_limit_us,
      "debt above which nothing more is lent" },
    { "coop-rt-bound-us", &coop.config.rt_bound_us,
      "longest boost for real-time tasks before debt and budgets are checked" },
    { "coop-rt-rate-permille", &coop.config.rt_rate_permille,
      "CPU time lent to real-time tasks of a vCPU, per 1000" },
    { "coop-rt-burst-us", &coop.config.rt_burst_us,
      "how much of it may be used at once" },
    { "coop-irq-rate-permille", &coop.config.irq_rate_permille,
      "CPU time lent to a vCPU for interrupts, per 1000" },
    { "coop-irq-burst-us", &coop.config.irq_burst_us,
      "how much of it may be used at once" },
    { "coop-vm-rt-rate-permille", &coop.config.vm_rt_rate_permille,
      "CPU time lent to real-time tasks of the VM, per 1000 of one CPU" },
    { "coop-vm-rt-burst-us", &coop.config.vm_rt_burst_us,
      "how much of it may be used at once" },
    { "coop-vm-irq-rate-permille", &coop.config.vm_irq_rate_permille,
      "CPU time lent to the VM for interrupts, per 1000 of one CPU" },
    { "coop-vm-irq-burst-us", &coop.config.vm_irq_burst_us,
      "how much of it may be used at once" },
};

static char *get_policy(Object *obj, Error **errp)
{
    return g_strdup(policy_names[coop.config.policy]);
}

static void set_policy(Object *obj, const char *value, Error **errp)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(policy_names); i++) {
        if (!strcmp(value, policy_names[i])) {
            coop.config.policy = i;
            return;
        }
    }
    error_setg(errp, "coop-policy must be none, rt or fair, not '%s'", value);
}

static bool get_charge(Object *obj, Error **errp)
{
    return !(coop.config.flags & KVM_COOP_CONFIG_NO_CHARGE);
}

static void set_charge(Object *obj, bool value, Error **errp)
{
    coop.config.flags = value ? 0 : KVM_COOP_CONFIG_NO_CHARGE;
}

static bool get_defer(Object *obj, Error **errp)
{
    return coop.config.features & KVM_COOP_F_DEFER;
}

static void set_defer(Object *obj, bool value, Error **errp)
{
    coop.config.features &= ~KVM_COOP_F_DEFER;
    coop.config.features |= value ? KVM_COOP_F_DEFER : 0;
}

void kvm_coop_accel_class_init(ObjectClass *oc)
{
    object_class_property_add_str(oc, "coop-policy", get_policy, set_policy);
    object_class_property_set_description(oc, "coop-policy",
        "What a boost does to a vCPU thread: none, rt or fair");
    object_class_property_add_bool(oc, "coop-charge", get_charge, set_charge);
    object_class_property_set_description(oc, "coop-charge",
        "Charge boosted time to the vCPU thread (off only for measurements)");
    object_class_property_add_bool(oc, "coop-defer", get_defer, set_defer);
    object_class_property_set_description(oc, "coop-defer",
        "Defer preemptions that would hit a critical section of the guest");
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        object_class_property_add_uint32_ptr(oc, limits[i].name,
                                             limits[i].value,
                                             OBJ_PROP_FLAG_READWRITE);
        object_class_property_set_description(oc, limits[i].name,
                                              limits[i].help);
    }
}

uint32_t kvm_coop_supported_cpuid(KVMState *s)
{
    return kvm_check_extension(s, KVM_CAP_COOP) > 0 ? CPUID_KVM_COOP : 0;
}

static bool enable(KVMState *s, Error **errp)
{
    struct kvm_enable_cap cap = {
        .cap = KVM_CAP_COOP,
        .args[0] = (uintptr_t)&coop.config,
    };
    int ret = kvm_vm_ioctl(s, KVM_ENABLE_CAP, &cap);

    if (ret == -EINVAL) {
        error_setg(errp, "kvm-coop: the host kernel refused a coop-* value: "
                   "see its ceilings in /sys/module/kvm/parameters/coop_max_*");
    } else if (ret < 0) {
        error_setg_errno(errp, -ret, "kvm-coop: cannot enable it for the VM");
    }
    return ret >= 0;
}

bool kvm_coop_cpu_realize(X86CPU *cpu, Error **errp)
{
    if (cpu->filtered_features[FEAT_KVM] & CPUID_KVM_COOP) {
        error_setg(errp, "kvm-coop=on: the host kernel does not offer it: "
                   "is it patched, and kvm's module parameter coop set?");
        return false;
    }
    if (coop.enabled ||
        !(cpu->env.features[FEAT_KVM] & CPUID_KVM_COOP)) {
        return true;
    }
    coop.enabled = enable(kvm_state, errp);
    return coop.enabled;
}
