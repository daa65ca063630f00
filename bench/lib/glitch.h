/* SPDX-License-Identifier: GPL-2.0 */
/* Glitches in a sine of which every frame is known: the player's side of the audio benchmark. */
#ifndef BENCH_LIB_GLITCH_H
#define BENCH_LIB_GLITCH_H

#include <stdbool.h>
#include <stdint.h>

/* Frames per second, of a device that is not told to be slower. */
#define AUDIO_RATE 48000
#define AUDIO_RATE_LEAST 6000

/*
 * Frames of the sine's period, 607.6 Hz. Prime, so that a burst that is lost, or comes twice, does
 * not end where it began: only 79 of them in a row would.
 */
#define SINE_PERIOD 79
#define SINE_AMPLITUDE 16384

/* The frames of one period. No two are equal, so that each of them tells the phase. */
void sine_table(int16_t table[SINE_PERIOD]);

/*
 * A glitch begins with the first frame that does not continue the sine, and ends after one whole
 * period that does. Frames are compared exactly: both sides use the same table.
 */
struct glitch_detector {
	int16_t table[SINE_PERIOD];
	unsigned int phase; /* of the next frame, if it continues the sine */
	unsigned int good; /* frames that did, in a row, while there is a glitch; else SINE_PERIOD */
	uint64_t frames; /* since glitch_restart() */
	uint64_t glitches; /* begun since then, and one that lasted then */
	uint64_t clean; /* frames outside of glitches */
	uint64_t run, longest; /* frames without a glitch in between: now, and at most */
};

/* Begins in a glitch, which the first good period ends. */
void glitch_init(struct glitch_detector *d);

/* Count from here on; the phase stays known. */
void glitch_restart(struct glitch_detector *d);

void glitch_feed(struct glitch_detector *d, const int16_t *frames, unsigned int n);

bool glitch_lasts(const struct glitch_detector *d);

#endif
