/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_AUDIO_BENCH_H
#define BENCH_AUDIO_BENCH_H

#include "bench/audio/device.h"
#include "bench/lib/guestbench.h"
#include "bench/lib/hist.h"

/* A case's variant is the frames of a burst. */
struct audio {
	struct device device;
	int buffer, force;
	struct hist lateness; /* of the guest's callbacks, if HAS_LATENESS */
	bool has_lateness;
};

/* Bursts that the device plays before it counts, and while it does. */
int bursts_warm(const struct guest_case *c);
int bursts_measured(const struct guest_bench *b, const struct guest_case *c);

/* B->arg is A. -1 after saying what is wrong, 1 if there is nothing to do after that (--help). */
int options_parse(struct guest_bench *b, struct audio *a, int argc, char **argv);

/* One case, as guest_bench's. */
int measure(struct guest_measurement *m);

#endif
