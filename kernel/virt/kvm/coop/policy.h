/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KVM_COOP_POLICY_H
#define _KVM_COOP_POLICY_H

#include <linux/kvm_coop_types.h>

extern const struct kvm_coop_policy kvm_coop_policy_none;
extern const struct kvm_coop_policy kvm_coop_policy_rt;
extern const struct kvm_coop_policy kvm_coop_policy_fair;

#endif /* _KVM_COOP_POLICY_H */
