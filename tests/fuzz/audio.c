// SPDX-License-Identifier: GPL-2.0
/*
 * The audio device on whatever a guest may have in the shared memory, and may change while it is
 * read: nothing outside of the ring is touched, and the counts stay possible.
 *
 * With a fuzzer: clang -fsanitize=fuzzer,address,undefined -I. tests/fuzz/audio.c
 * bench/lib/audioring.c bench/lib/glitch.c. Without: tests/unit/audio_fuzz.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/lib/audioring.h"
#include "bench/lib/glitch.h"

#define STEPS 24

/* What the guest has done before the device takes the next burst. */
struct step {
	uint64_t written;
	uint16_t slot, first, frames, phase; /* a piece of sine, or of something else */
	int16_t noise; /* added to one of its frames */
};

struct input {
	uint64_t first; /* burst */
	uint16_t frames, restart;
	struct step steps[STEPS];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "audio: %s\n", what);
	abort();
}

static void write_slot(struct audio_ring *r, const struct glitch_detector *d, const struct step *s)
{
	int16_t *slot = r->slot[s->slot % AUDIO_SLOTS];
	unsigned int first = s->first % AUDIO_FRAMES_MAX, i;

	for (i = 0; i < s->frames && first + i < AUDIO_FRAMES_MAX; i++)
		slot[first + i] = d->table[(s->phase + i) % SINE_PERIOD];
	slot[first] = (int16_t)(slot[first] + s->noise);
	r->written = s->written;
}

static void check(const struct glitch_detector *d, uint64_t frames)
{
	require(d->frames == frames, "frames are lost");
	require(d->clean <= frames && d->longest <= d->clean && d->run <= d->longest,
		"clean frames");
	require(d->glitches <= frames / (SINE_PERIOD + 1) + 2,
		"more glitches than there is room for");
	require(d->glitches || d->clean == frames, "wrong frames without a glitch");
	require(!glitch_lasts(d) || d->glitches, "a glitch that nobody counted");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct audio_ring ring;
	int16_t burst[AUDIO_FRAMES_MAX];
	struct glitch_detector d;
	struct input in;
	uint64_t frames = 0;
	unsigned int n;

	if (size < sizeof(in))
		return 0;
	memcpy(&in, data, sizeof(in));
	n = 16 + in.frames % (AUDIO_FRAMES_MAX - 15);
	audio_ring_reset(&ring);
	glitch_init(&d);
	glitch_restart(&d);
	for (int i = 0; i < STEPS; i++) {
		write_slot(&ring, &d, &in.steps[i]);
		audio_ring_take(&ring, in.first + i, burst, n);
		require(ring.taken == in.first + i + 1, "the device lost its place");
		if (i == in.restart % (2 * STEPS)) {
			glitch_restart(&d);
			frames = 0;
		}
		glitch_feed(&d, burst, n);
		frames += n;
		check(&d, frames);
	}
	return 0;
}
