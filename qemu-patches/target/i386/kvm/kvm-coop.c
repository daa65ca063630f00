/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kvm-coop: cooperative vCPU scheduling, the VMM's side.
 *
 * "-cpu ...,kvm-coop=on" lets the guest see the feature, "-accel
 * kvm,coop-...=" says what it may get. The kernel checks all limits against
 * the host's ceilings; see struct kvm_coop_config.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/rcu.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "hw/qdev-core.h"
#include "system/iothread.h"
#include "trace.h"
#include <linux/kvm.h>
#include <sys/mman.h>
#include "kvm-coop.h"

/* EEVDF's own limits; 0 asks for the host's default */
#define SLICE_NS_MIN 100000
#define SLICE_NS_MAX 100000000

static struct {
    struct kvm_coop_config config;
    GHashTable *given; /* names of the properties that were set */
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

typedef struct CoopLimit {
    const char *name;
    uint32_t *value;
    const char *ceiling; /* kvm's parameter without coop_max_, or NULL */
    const char *help;
} CoopLimit;

static const CoopLimit limits[] = {
    { "coop-rt-priority", &coop.config.rt_priority, "rt_priority",
      "SCHED_FIFO priority of a boosted vCPU thread" },
    { "coop-slice-ns", &coop.config.slice_ns, NULL,
      "time slice of the vCPU threads while not boosted" },
    { "coop-irq-bound-us", &coop.config.irq_bound_us, "irq_bound_us",
      "longest boost for an interrupt" },
    { "coop-linger-us", &coop.config.linger_us, "linger_us",
      "how long a boost without reason survives VM exits" },
    { "coop-grace-us", &coop.config.grace_us, "grace_us",
      "longest deferral of a preemption" },
    { "coop-notify-us", &coop.config.notify_us, "notify_us",
      "longest time between a notification of the guest and the preemption" },
    { "coop-debt-limit-us", &coop.config.debt_limit_us, "debt_limit_us",
      "debt above which nothing more is lent" },
    { "coop-rt-bound-us", &coop.config.rt_bound_us, "rt_bound_us",
      "longest boost for real-time tasks before debt and budgets are checked" },
    { "coop-rt-rate-permille", &coop.config.rt_rate_permille, "rate_permille",
      "CPU time lent to real-time tasks of a vCPU, per 1000" },
    { "coop-rt-burst-us", &coop.config.rt_burst_us, "burst_us",
      "how much of it may be used at once" },
    { "coop-irq-rate-permille", &coop.config.irq_rate_permille, "rate_permille",
      "CPU time lent to a vCPU for interrupts, per 1000" },
    { "coop-irq-burst-us", &coop.config.irq_burst_us, "burst_us",
      "how much of it may be used at once" },
    { "coop-vm-rt-rate-permille", &coop.config.vm_rt_rate_permille,
      "vm_rate_permille",
      "CPU time lent to real-time tasks of the VM, per 1000 of one CPU" },
    { "coop-vm-rt-burst-us", &coop.config.vm_rt_burst_us, "vm_burst_us",
      "how much of it may be used at once" },
    { "coop-vm-irq-rate-permille", &coop.config.vm_irq_rate_permille,
      "vm_rate_permille",
      "CPU time lent to the VM for interrupts, per 1000 of one CPU" },
    { "coop-vm-irq-burst-us", &coop.config.vm_irq_burst_us, "vm_burst_us",
      "how much of it may be used at once" },
    { "coop-io-rate-permille", &coop.config.io_rate_permille, NULL,
      "CPU time of main loop, iothreads and vhost, per 1000 of one CPU" },
    { "coop-io-burst-us", &coop.config.io_burst_us, "vm_burst_us",
      "how much of it may be used at once" },
};

/*
 * A second value for the same property is a mistake in a long command line,
 * and one for a running VM would have no effect.
 */
static bool may_set(const char *name, Error **errp)
{
    if (coop.enabled) {
        error_setg(errp, "%s cannot be changed once the VM has vCPUs", name);
        return false;
    }
    if (!coop.given) {
        coop.given = g_hash_table_new(g_str_hash, g_str_equal);
    }
    if (!g_hash_table_add(coop.given, (gpointer)name)) {
        error_setg(errp, "%s is given twice: give it once", name);
        return false;
    }
    return true;
}

static void get_limit(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    const CoopLimit *limit = opaque;

    visit_type_uint32(v, name, limit->value, errp);
}

static void set_limit(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    const CoopLimit *limit = opaque;
    int64_t value;

    if (!visit_type_int(v, name, &value, errp) || !may_set(limit->name, errp)) {
        return;
    }
    if (value < 0 || value > UINT32_MAX) {
        error_setg(errp, "%s=%" PRId64 " is out of range: give 0 to %u",
                   name, value, UINT32_MAX);
    } else if (limit->value == &coop.config.slice_ns && value &&
               (value < SLICE_NS_MIN || value > SLICE_NS_MAX)) {
        error_setg(errp, "%s=%" PRId64 " is out of range: give %d to %d",
                   name, value, SLICE_NS_MIN, SLICE_NS_MAX);
    } else {
        *limit->value = value;
    }
}

static char *get_policy(Object *obj, Error **errp)
{
    return g_strdup(policy_names[coop.config.policy]);
}

static void set_policy(Object *obj, const char *value, Error **errp)
{
    if (!may_set("coop-policy", errp)) {
        return;
    }
    for (uint32_t i = 0; i < ARRAY_SIZE(policy_names); i++) {
        if (!strcmp(value, policy_names[i])) {
            coop.config.policy = i;
            return;
        }
    }
    error_setg(errp, "coop-policy must be none, rt or fair, not '%s'", value);
}

static void set_flag(const char *name, uint32_t flag, bool value, Error **errp)
{
    if (may_set(name, errp)) {
        coop.config.flags &= ~flag;
        coop.config.flags |= value ? flag : 0;
    }
}

static bool get_charge(Object *obj, Error **errp)
{
    return !(coop.config.flags & KVM_COOP_CONFIG_NO_CHARGE);
}

static void set_charge(Object *obj, bool value, Error **errp)
{
    set_flag("coop-charge", KVM_COOP_CONFIG_NO_CHARGE, !value, errp);
}

static bool get_spread(Object *obj, Error **errp)
{
    return coop.config.flags & KVM_COOP_CONFIG_SPREAD;
}

static void set_spread(Object *obj, bool value, Error **errp)
{
    set_flag("coop-spread", KVM_COOP_CONFIG_SPREAD, value, errp);
}

static void set_feature(const char *name, uint32_t feature, bool value,
                        Error **errp)
{
    if (may_set(name, errp)) {
        coop.config.features &= ~feature;
        coop.config.features |= value ? feature : 0;
    }
}

static bool get_defer(Object *obj, Error **errp)
{
    return coop.config.features & KVM_COOP_F_DEFER;
}

static void set_defer(Object *obj, bool value, Error **errp)
{
    set_feature("coop-defer", KVM_COOP_F_DEFER, value, errp);
}

static bool get_notify(Object *obj, Error **errp)
{
    return coop.config.features & KVM_COOP_F_NOTIFY;
}

static void set_notify(Object *obj, bool value, Error **errp)
{
    set_feature("coop-notify", KVM_COOP_F_NOTIFY, value, errp);
}

void kvm_coop_accel_class_init(ObjectClass *oc)
{
    object_class_property_add_str(oc, "coop-policy", get_policy, set_policy);
    object_class_property_set_description(oc, "coop-policy",
        "What a boost does to a vCPU thread: none, rt or fair");
    object_class_property_add_bool(oc, "coop-charge", get_charge, set_charge);
    object_class_property_set_description(oc, "coop-charge",
        "Charge boosted time to the vCPU thread (off only for measurements)");
    object_class_property_add_bool(oc, "coop-spread", get_spread, set_spread);
    object_class_property_set_description(oc, "coop-spread",
        "Keep the vCPUs apart when they wake, as far as they may run elsewhere");
    object_class_property_add_bool(oc, "coop-defer", get_defer, set_defer);
    object_class_property_set_description(oc, "coop-defer",
        "Defer preemptions that would hit a critical section of the guest");
    object_class_property_add_bool(oc, "coop-notify", get_notify, set_notify);
    object_class_property_set_description(oc, "coop-notify",
        "Let the guest be told before one of its vCPUs is preempted");
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        object_class_property_add(oc, limits[i].name, "uint32", get_limit,
                                  set_limit, NULL, (void *)&limits[i]);
        object_class_property_set_description(oc, limits[i].name,
                                              limits[i].help);
    }
}

uint32_t kvm_coop_supported_cpuid(KVMState *s)
{
    return kvm_check_extension(s, KVM_CAP_COOP) > 0 ? CPUID_KVM_COOP : 0;
}

const struct kvm_coop_config *kvm_coop_config(void)
{
    return coop.enabled ? &coop.config : NULL;
}

/* The kernel refused the configuration without saying why: find it out. */
static void set_refused(Error **errp)
{
    if ((coop.config.flags & KVM_COOP_CONFIG_SPREAD) &&
        coop.config.policy == KVM_COOP_POLICY_NONE) {
        error_setg(errp, "coop-spread=on needs coop-policy=rt or fair: "
                   "with none no thread is touched");
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        g_autofree char *path =
            g_strdup_printf("/sys/module/kvm/parameters/coop_max_%s",
                            limits[i].ceiling ?: "");
        g_autofree char *text = NULL;
        unsigned int ceiling;

        if (g_file_get_contents(path, &text, NULL, NULL) &&
            !qemu_strtoui(g_strchomp(text), NULL, 10, &ceiling) &&
            *limits[i].value > ceiling) {
            error_setg(errp, "%s=%u is above this host's ceiling of %u (%s)",
                       limits[i].name, *limits[i].value, ceiling, path);
            return;
        }
    }
    error_setg(errp, "kvm-coop: the host kernel refused a coop-* value: "
               "is it newer or older than this QEMU?");
}

static bool enable(KVMState *s, Error **errp)
{
    struct kvm_enable_cap cap = {
        .cap = KVM_CAP_COOP,
        .args[0] = (uintptr_t)&coop.config,
    };
    int ret = kvm_vm_ioctl(s, KVM_ENABLE_CAP, &cap);

    if (ret == -EINVAL) {
        set_refused(errp);
    } else if (ret == -EPERM &&
               (coop.config.flags & KVM_COOP_CONFIG_NO_CHARGE)) {
        error_setg(errp, "coop-charge=off needs CAP_SYS_NICE");
    } else if (ret == -EBUSY) {
        error_setg(errp, "kvm-coop=on for this vCPU: the first one of the VM "
                   "was created without");
    } else if (ret < 0) {
        error_setg_errno(errp, -ret, "kvm-coop: cannot enable it for the VM");
    }
    return ret >= 0;
}

/* Nothing happens to one that the kernel knows already. */
static void add_io_thread(int tid)
{
    struct kvm_enable_cap cap = {
        .cap = KVM_CAP_COOP_IO_THREAD,
        .args = { tid, KVM_COOP_IO_THREAD_ADD },
    };
    int ret = kvm_vm_ioctl(kvm_state, KVM_ENABLE_CAP, &cap);

    if (ret == -EEXIST) {
        return;
    }
    trace_kvm_coop_io_thread(tid, ret);
    if (ret < 0) {
        warn_report("kvm-coop: thread %d is not charged to the VM: %s", tid,
                    strerror(-ret));
    }
}

static int add_iothread(Object *obj, void *opaque)
{
    IOThread *iothread = (IOThread *)object_dynamic_cast(obj, TYPE_IOTHREAD);

    if (iothread) {
        add_io_thread(iothread->thread_id);
    }
    return 0;
}

/* Not QEMU's own, of its monitor for example: they do not serve the guest. */
static void iothread_created(Notifier *notifier, void *iothread)
{
    if (OBJECT(iothread)->parent == object_get_objects_root()) {
        add_iothread(iothread, NULL);
    }
}

static bool is_vhost_worker(const char *tid)
{
    g_autofree char *path = g_strdup_printf("/proc/self/task/%s/comm", tid);
    g_autofree char *name = NULL;

    return g_file_get_contents(path, &name, NULL, NULL) &&
           g_str_has_prefix(name, "vhost-");
}

/*
 * The kernel's vhost workers are threads of the process that owns the vhost
 * device, and nothing but their name tells them from the others.
 */
static void add_vhost_workers(void)
{
    GDir *threads = g_dir_open("/proc/self/task", 0, NULL);
    const char *tid;

    if (!threads) {
        warn_report_once("kvm-coop: vhost workers are not charged to the VM: "
                         "/proc/self/task cannot be read");
        return;
    }
    while ((tid = g_dir_read_name(threads))) {
        if (is_vhost_worker(tid)) {
            add_io_thread(atoi(tid));
        }
    }
    g_dir_close(threads);
}

/* Its worker has been there since its netdev, or at least by now. */
static void device_realized(DeviceListener *listener, DeviceState *dev)
{
    add_vhost_workers();
}

/*
 * What works for the guest outside of its vCPUs: the main loop, which the
 * caller is, the user's iothreads, and vhost's workers, now and later. The
 * kernel drops those that exit.
 */
static void add_io_threads(void)
{
    static Notifier created = { .notify = iothread_created };
    static DeviceListener devices = { .realize = device_realized };

    add_io_thread(qemu_get_thread_id());
    object_child_foreach(object_get_objects_root(), add_iothread, NULL);
    iothread_add_created_notifier(&created);
    add_vhost_workers();
    device_listener_register(&devices);
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
    if (coop.enabled) {
        add_io_threads();
        kvm_coop_slice_init();
    }
    return coop.enabled;
}

/* --- the kernel's page for the VMM --------------------------------------- */

void kvm_coop_init_vcpu(X86CPU *cpu)
{
    size_t size = qemu_real_host_page_size();
    void *page;

    if (!coop.enabled) {
        return;
    }
    page = mmap(NULL, size, PROT_READ, MAP_SHARED, CPU(cpu)->kvm_fd,
                KVM_COOP_VMM_PAGE_OFFSET * size);
    if (page == MAP_FAILED) {
        warn_report("kvm-coop: no state of vCPU %d: %s",
                    CPU(cpu)->cpu_index, strerror(errno));
        return;
    }
    cpu->kvm_coop_page = page;
}

typedef struct UnusedPage {
    struct rcu_head rcu;
    void *page;
} UnusedPage;

static void unmap_page(UnusedPage *unused)
{
    munmap(unused->page, qemu_real_host_page_size());
    g_free(unused);
}

/* The caller has the BQL, for which a reader may be waiting: not here. */
void kvm_coop_destroy_vcpu(X86CPU *cpu)
{
    UnusedPage *unused;

    if (!cpu->kvm_coop_page) {
        return;
    }
    unused = g_new(UnusedPage, 1);
    unused->page = (void *)cpu->kvm_coop_page;
    qatomic_set(&cpu->kvm_coop_page, NULL);
    call_rcu(unused, unmap_page, rcu);
}

/*
 * Copy one line of the page, all of it as of one moment. The kernel writes it
 * with preemption disabled, so an odd count does not last.
 */
static void read_line(void *to, const void *line, size_t size,
                      const uint32_t *seq)
{
    uint32_t before;

    do {
        before = qatomic_read(seq) & ~1u;
        /* not the line of before an even count, smp_wmb() in end_write() */
        smp_rmb();
        memcpy(to, line, size);
        /* nor a part of what came later, smp_wmb() in begin_write() */
        smp_rmb();
    } while (qatomic_read(seq) != before);
}

bool kvm_coop_get_run(const X86CPU *cpu, struct kvm_coop_vmm_run *run)
{
    const struct kvm_coop_vmm_page *page = qatomic_read(&cpu->kvm_coop_page);

    if (!page) {
        return false;
    }
    read_line(run, &page->run, sizeof(*run), &page->run.seq);
    return true;
}

bool kvm_coop_get_grant(const X86CPU *cpu, struct kvm_coop_vmm_grant *grant)
{
    const struct kvm_coop_vmm_page *page = qatomic_read(&cpu->kvm_coop_page);

    if (!page) {
        return false;
    }
    read_line(grant, &page->grant, sizeof(*grant), &page->grant.seq);
    return true;
}
