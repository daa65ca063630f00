/* SPDX-License-Identifier: GPL-2.0 */
/* For other drivers of a guest: ask the host to let this CPU run on. */
#ifndef _KVM_COOP_GUEST_H
#define _KVM_COOP_GUEST_H

void kvm_coop_request(void);
void kvm_coop_release(void);

#endif /* _KVM_COOP_GUEST_H */
