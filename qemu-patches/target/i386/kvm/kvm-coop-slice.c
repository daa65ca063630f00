/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kvm-coop: the vCPU that takes an interrupt, for completion coalescing: its
 * time slice, and whether the interrupt is worth a boost.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "qemu/rcu.h"
#include "qemu/timer.h"
#include "hw/i386/apic-msidef.h"
#include "hw/virtio/virtio-coalesce.h"
#include "hw/virtio/virtio-coalesce-logic.h"
#include "kvm-coop.h"
#include CONFIG_DEVICES

/*
 * Linux addresses one vCPU per message, by its APIC ID, or in a flat model of
 * up to 8 by its bit. Interrupt remapping, and several targets: unknown.
 */
static CPUState *target_of(const MSIMessage *msg)
{
    uint32_t dest = (msg->address & MSI_ADDR_DEST_ID_MASK) >>
                    MSI_ADDR_DEST_ID_SHIFT;

    if (!(msg->address & (1 << MSI_ADDR_DEST_MODE_SHIFT))) {
        return cpu_by_arch_id(dest);
    }
    return is_power_of_2(dest) ? qemu_get_cpu(ctz32(dest)) : NULL;
}

/* Until the thread has to make way, a boost included; all in ns. */
static uint64_t slice_left(const struct kvm_coop_vmm_run *run,
                           const struct kvm_coop_vmm_grant *grant)
{
    uint64_t now = get_clock(), end = run->slice_end_ns;

    if (!end) {
        return UINT64_MAX;
    }
    if (grant->flags & KVM_COOP_VMM_BOOSTED) {
        end = MAX(end, grant->bound_ns);
    }
    return end > now ? end - now : 0;
}

/* Any thread, without the BQL; a vCPU's page stays mapped for RCU readers. */
static void get_facts(const MSIMessage *msg, struct coop_slice_facts *facts)
{
    struct kvm_coop_vmm_grant grant;
    struct kvm_coop_vmm_run run;
    CPUState *cs;

    RCU_READ_LOCK_GUARD();
    cs = target_of(msg);
    if (!cs || !kvm_coop_get_run(X86_CPU(cs), &run) ||
        !kvm_coop_get_grant(X86_CPU(cs), &grant) ||
        run.state == KVM_COOP_STATE_USER) {
        return;
    }
    facts->valid = true;
    facts->running = run.state != KVM_COOP_STATE_PREEMPTED;
    facts->slice_left_ns = UINT64_MAX;
    if (run.state == KVM_COOP_STATE_RUNNING) {
        facts->slice_left_ns = slice_left(&run, &grant);
    }
}

/* A host kernel that does not know this boosts as the guest wants it. */
static void set_bulk(const MSIMessage *msg, bool bulk)
{
    struct kvm_enable_cap cap = {
        .cap = KVM_CAP_COOP_BULK_VECTOR,
        .args = { 0, msg->data & MSI_DATA_VECTOR_MASK, bulk },
    };
    CPUState *cs;

    RCU_READ_LOCK_GUARD();
    cs = target_of(msg);
    if (cs) {
        cap.args[0] = kvm_arch_vcpu_id(cs);
        kvm_vm_ioctl(kvm_state, KVM_ENABLE_CAP, &cap);
    }
}

void kvm_coop_slice_init(void)
{
    static const VirtIOCoalesceHost G_GNUC_UNUSED host = {
        .get_facts = get_facts,
        .set_bulk = set_bulk,
    };

#ifdef CONFIG_VIRTIO
    virtio_coalesce_set_host(&host);
#endif
}
