/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_SCHED_BENCH_H
#define BENCH_SCHED_BENCH_H

#include "bench/lib/guestbench.h"

/* What a case runs, and where: its variant. */
enum variant {
	GUEST_HACKBENCH,
	GUEST_WAKEUP,
	HOST_HACKBENCH, /* on the vCPUs' pCPU, beside a guest that always has work */
	HOST_WAKEUP,
};

struct sched {
	int groups, loops; /* of hackbench */
	const char *program; /* coop-guest-sched, on the host */
};

/* One case, as guest_bench's. */
int measure(struct guest_measurement *m);

#endif
