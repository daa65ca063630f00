// SPDX-License-Identifier: GPL-2.0
/*
 * Is the ABI header still what version 1 was frozen as? Compiled against
 * kernel/include/uapi; names every difference, exits 0 or 1.
 */
#include <stddef.h>
#include <stdio.h>

#include <linux/kvm_coop.h>

#include "tests/abi/kvm_coop_v1.h"

static int failures;

static void check(const char *what, const char *name,
		  unsigned long long frozen, unsigned long long now)
{
	if (frozen == now)
		return;
	fprintf(stderr, "abi: %s of %s: frozen as %#llx, now %#llx\n",
		what, name, frozen, now);
	failures++;
}

#define SIZE_OF(type, field)	sizeof(((type *)0)->field)

static void check_fields(void)
{
#define CHECK_FIELD(type, field)					\
	check("offset", #type "." #field,				\
	      offsetof(struct kvm_coop_##type##_v1, field),		\
	      offsetof(struct kvm_coop_##type, field));			\
	check("size", #type "." #field,					\
	      SIZE_OF(struct kvm_coop_##type##_v1, field),		\
	      SIZE_OF(struct kvm_coop_##type, field));
	KVM_COOP_V1_FIELDS(CHECK_FIELD)
#undef CHECK_FIELD
}

/* The literal numbers keep an edit of the frozen copy from passing, too. */
static void check_structs(void)
{
#define CHECK_STRUCT(type, bytes, align)				\
	check("size", #type, bytes, sizeof(struct kvm_coop_##type));	\
	check("size", #type " (frozen)", bytes,				\
	      sizeof(struct kvm_coop_##type##_v1));			\
	check("alignment", #type, align,				\
	      _Alignof(struct kvm_coop_##type));
	KVM_COOP_V1_STRUCTS(CHECK_STRUCT)
#undef CHECK_STRUCT
}

static void check_values(void)
{
#define CHECK_VALUE(name, value)	check("value", #name, value, name);
	KVM_COOP_V1_VALUES(CHECK_VALUE)
#undef CHECK_VALUE
}

int main(void)
{
	check_fields();
	check_structs();
	check_values();
	if (failures)
		fprintf(stderr, "abi: %d differences: a change of layout needs a new KVM_COOP_ABI_VERSION\n",
			failures);
	return failures ? 1 : 0;
}
