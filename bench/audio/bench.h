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
	int rate; /* frames per second; 0: choose_rate() chooses */
	double callback_share; /* of a pCPU, as choose_rate() found it */
	struct hist lateness; /* of the guest's callbacks, if HAS_LATENESS */
	bool has_lateness;
};

/* Bursts that the device plays before it counts, and while it does. */
int bursts_warm(const struct guest_bench *b, const struct guest_case *c);
int bursts_measured(const struct guest_bench *b, const struct guest_case *c);

/* B->arg is A. -1 after saying what is wrong, 1 if there is nothing to do after that (--help). */
int options_parse(struct guest_bench *b, struct audio *a, int argc, char **argv);

/* As guest_bench's: one case, and what comes before all of them. */
int measure(struct guest_measurement *m);
int choose_rate(struct guest_bench *b, json_t *parameters);

/* The playing of a case: its interval and the device are measured, and nothing is sent. 0 or -1 */
int play_case(struct guest_measurement *m);

#endif
