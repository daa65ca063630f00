/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's decide.h outside of the kernel. */
#ifndef COOP_TESTS_UNIT_COOP_DECIDE_H
#define COOP_TESTS_UNIT_COOP_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/include/uapi/linux/kvm_coop.h"

typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#include "kernel/virt/kvm/coop/decide.h"

#endif
