/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of this directory have of each other. */
#ifndef _KVM_COOP_INTERNAL_H
#define _KVM_COOP_INTERNAL_H

#include <linux/kvm_coop_types.h>

/* config.c: the host's switch, read with READ_ONCE() */
extern bool kvm_coop_on;

/* core.c */
u64 kvm_coop_budget_left(struct kvm_vcpu *vcpu, enum coop_class class);

/* guest_page.c */
bool kvm_coop_look(struct kvm_vcpu *vcpu, struct coop_facts *f);
u64 kvm_coop_timer_due(struct kvm_vcpu *vcpu);
bool kvm_coop_timer_overdue(struct kvm_vcpu *vcpu);
void kvm_coop_publish(struct kvm_vcpu *vcpu);
void kvm_coop_publish_facts(struct kvm_vcpu *vcpu, u64 slice_left);

/* io_thread.c */
void kvm_coop_io_init(struct kvm *kvm);
void kvm_coop_io_destroy(struct kvm *kvm);
int kvm_coop_io_thread(struct kvm *kvm, struct kvm_enable_cap *cap);
void kvm_coop_io_charge(struct kvm *kvm);

/* policy.c */
extern const struct kvm_coop_policy kvm_coop_policy_none;
extern const struct kvm_coop_policy kvm_coop_policy_rt;
extern const struct kvm_coop_policy kvm_coop_policy_fair;

/* spread.c */
void kvm_coop_spread_begin(struct kvm_vcpu *vcpu);
void kvm_coop_spread_end(void);

/* vmm_page.c */
void kvm_coop_vmm_grant(struct kvm_vcpu *vcpu);
void kvm_coop_vmm_destroy(struct kvm_vcpu *vcpu);

#endif /* _KVM_COOP_INTERNAL_H */
