/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sound device: a real-time thread of the host that takes a burst from the shared memory
 * whenever its time has come by the host's clock, and listens to what it has got.
 */
#ifndef BENCH_AUDIO_DEVICE_H
#define BENCH_AUDIO_DEVICE_H

#include <pthread.h>
#include <stdbool.h>

#include "bench/lib/audioring.h"
#include "bench/lib/glitch.h"

/* The report shows no more of them than a run may have, docs/results-format.md. */
#define DEVICE_MISSES_MAX 2000

enum device_state {
	DEVICE_WAITS, /* for the guest */
	DEVICE_WARM, /* plays, and nothing is counted */
	DEVICE_MEASURES,
	DEVICE_ENDED,
};

struct device {
	char path[100]; /* of the memory, a file for QEMU */
	struct audio_ring *ring;
	pthread_t thread;
	bool runs;
	int state; /* enum device_state, also read by others */
	bool quit;
	/* What to do */
	int frames; /* of a burst */
	int rate; /* frames per second */
	int warm, bursts; /* not measured, and measured */
	/* What was measured; valid in DEVICE_ENDED */
	struct glitch_detector detector;
	double misses_ms[DEVICE_MISSES_MAX]; /* when glitches began, the first of them */
	int misses;
	long long xruns; /* bursts that were not there */
	long long callbacks; /* by the guest's word */
	long long late_ns; /* the longest time that the thread itself came late */
};

/* 0, or -1 after saying why not. */
int device_open(struct device *d, const char *name);
void device_close(struct device *d);

/* Begin to wait for a guest. The thread is a real-time task on the caller's pCPU. */
int device_start(struct device *d, int frames, int rate, int warm, int bursts);
void device_stop(struct device *d);

enum device_state device_state(const struct device *d);

#endif
