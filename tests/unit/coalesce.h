/* SPDX-License-Identifier: GPL-2.0 */
/* QEMU's virtio-coalesce-logic.h outside of QEMU, with limits to start from. */
#ifndef COOP_TESTS_UNIT_COALESCE_H
#define COOP_TESTS_UNIT_COALESCE_H

#include "qemu-patches/hw/virtio/virtio-coalesce-logic.h"

#define US 1000ull
#define MS 1000000ull

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct coop_slice_facts no_facts;

static inline struct coop_coalesce_limits usual_limits(enum coop_coalesce_policy policy)
{
	return (struct coop_coalesce_limits){ .policy = policy,
					      .inflight = 4,
					      .iops = 2000,
					      .rate_hz = 1000,
					      .epoch_ns = 200 * MS,
					      .max_ns = 1 * MS,
					      .cutoff_ns = 100 * US };
}

#endif
