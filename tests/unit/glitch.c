// SPDX-License-Identifier: GPL-2.0
/* What the audio benchmark's device hears: every kind of glitch, each of them once. */
#include <stdlib.h>
#include <string.h>

#include "bench/lib/audioring.h"
#include "bench/lib/glitch.h"
#include "tests/unit/check.h"

#define LEN 20000

static int16_t sine[SINE_PERIOD], wave[LEN];

/* A sine from FROM on that begins at PHASE. */
static void draw(int from, unsigned int phase)
{
	for (int i = from; i < LEN; i++)
		wave[i] = sine[(phase + i - from) % SINE_PERIOD];
}

static struct glitch_detector listen(int from)
{
	struct glitch_detector d;

	glitch_init(&d);
	glitch_feed(&d, wave, from);
	glitch_restart(&d);
	glitch_feed(&d, wave + from, LEN - from);
	return d;
}

static void test_table(void)
{
	int crossings = 0;

	sine_table(sine);
	for (int i = 0; i < SINE_PERIOD; i++) {
		for (int j = 0; j < i; j++)
			CHECK(sine[i] != sine[j], "%d and %d are equal", i, j);
		crossings += (sine[i] >= 0) != (sine[(i + 1) % SINE_PERIOD] >= 0);
		CHECK(abs(sine[i]) <= SINE_AMPLITUDE, "%d is too loud: %d", i, sine[i]);
		CHECK(abs(sine[i] - sine[(i + 1) % SINE_PERIOD]) < 1400, "a step after %d", i);
		CHECK(sine[i] == -sine[(SINE_PERIOD - i) % SINE_PERIOD], "%d: not odd", i);
	}
	CHECK(crossings == 2, "%d crossings of zero in a period", crossings);
}

static void test_clean(void)
{
	struct glitch_detector d;

	for (unsigned int phase = 0; phase < SINE_PERIOD; phase++) {
		draw(0, phase);
		d = listen(2 * SINE_PERIOD);
		CHECK(!d.glitches && d.clean == d.frames && d.longest == d.frames,
		      "phase %u: %llu glitches", phase, (unsigned long long)d.glitches);
	}
	CHECK(d.frames == LEN - 2 * SINE_PERIOD, "frames");
	/* What was never a sine is one glitch that does not end. */
	memset(wave, 0, sizeof(wave));
	d = listen(SINE_PERIOD);
	CHECK(d.glitches == 1 && !d.longest && !d.clean && glitch_lasts(&d), "silence");
	/* Without the first period it is not known where the sine is, nor that it is one. */
	draw(0, 3);
	d = listen(0);
	CHECK(d.glitches == 1 && d.longest == LEN - SINE_PERIOD && !glitch_lasts(&d), "start");
}

/* One wrong frame: one glitch, at any place, that takes it and a period. */
static void test_wrong(void)
{
	struct glitch_detector d;

	for (int at = 500; at < 500 + SINE_PERIOD; at++) {
		draw(0, 0);
		wave[at] = ~wave[at];
		d = listen(200);
		CHECK(d.glitches == 1, "frame %d: %llu glitches", at,
		      (unsigned long long)d.glitches);
		CHECK(d.longest == (uint64_t)LEN - at - 1 - SINE_PERIOD, "frame %d: %llu clean", at,
		      (unsigned long long)d.longest);
		CHECK(d.clean == at - 200 + d.longest, "frame %d: clean", at);
	}
}

/* Frames left out, or played twice: any number of them but whole periods. */
static void test_missing(void)
{
	struct glitch_detector d;

	for (unsigned int n = 1; n < SINE_PERIOD; n++) {
		draw(0, 0);
		draw(1000, 1000 + n);
		d = listen(200);
		CHECK(d.glitches == 1 && !glitch_lasts(&d), "%u frames: %llu glitches", n,
		      (unsigned long long)d.glitches);
	}
	for (int frames = 16; frames <= AUDIO_FRAMES_MAX; frames += 16)
		for (int n = 1; n < SINE_PERIOD; n++)
			CHECK(frames * n % SINE_PERIOD, "%d bursts of %d are not heard", n, frames);
}

/* They are one as long as there is no good period in between. */
static void test_distance(void)
{
	struct glitch_detector d;

	for (int distance = 2; distance < 200; distance++) {
		draw(0, 0);
		wave[1000] = ~wave[1000];
		wave[1000 + distance] = ~wave[1000 + distance];
		d = listen(200);
		CHECK(d.glitches == (distance > SINE_PERIOD ? 2 : 1),
		      "%d frames apart: %llu glitches", distance, (unsigned long long)d.glitches);
	}
}

/* As many as were made, in every kind and order, whatever the bursts are. */
static void test_planted(unsigned int seed)
{
	struct glitch_detector d;
	unsigned int made = 0, phase = 7;
	int at = 300;

	srand(seed);
	draw(0, phase);
	while (at < LEN - 600) {
		int kind = rand() % 3, n = 2 + rand() % 200;

		phase = (phase + rand()) % SINE_PERIOD;
		if (kind == 0)
			wave[at] = ~wave[at];
		else if (kind == 1)
			memset(wave + at, 0, n * sizeof(*wave));
		else
			draw(at, wave[at] == sine[phase] ? phase + 1 : phase);
		made++;
		at += n + SINE_PERIOD + 2 + rand() % 500;
	}
	d = listen(200);
	CHECK(d.glitches == made, "seed %u: %u made, %llu found", seed, made,
	      (unsigned long long)d.glitches);
}

static void test_restart(void)
{
	struct glitch_detector d;

	draw(0, 0);
	memset(wave + 900, 0, 200 * sizeof(*wave));
	glitch_init(&d);
	glitch_feed(&d, wave, 1000);
	CHECK(d.glitches == 1 && glitch_lasts(&d), "the glitch before");
	glitch_restart(&d);
	glitch_feed(&d, wave + 1000, LEN - 1000);
	CHECK(d.glitches == 1 && d.frames == LEN - 1000, "one that lasts belongs to both");
}

static void test_ring(void)
{
	static struct audio_ring r;
	int16_t burst[AUDIO_FRAMES_MAX];
	uint64_t k;

	audio_ring_reset(&r);
	memset(burst, 1, sizeof(burst));
	CHECK(!audio_ring_take(&r, 0, burst, 96) && r.taken == 1 && !burst[95], "nothing written");
	r.slot[3][95] = 7;
	r.written = 4;
	CHECK(audio_ring_take(&r, 3, burst, 96) && burst[95] == 7 && r.taken == 4, "burst 3");
	CHECK(!audio_ring_take(&r, 4, burst, 96) && !burst[95], "burst 4 is not there yet");
	/* Claims that cannot be true are silence, too. */
	r.written = 3 + AUDIO_SLOTS + 1;
	CHECK(!audio_ring_take(&r, 3, burst, 96), "overwritten");
	r.written = UINT64_MAX;
	CHECK(!audio_ring_take(&r, 5, burst, 96), "any number");
	r.written = 3 + AUDIO_SLOTS;
	CHECK(audio_ring_take(&r, 3, burst, 96) && burst[95] == 7, "as far ahead as possible");
	/* Ten hours of bursts do not drift. */
	for (k = 1; k < 18000000; k += 1000003)
		CHECK(audio_burst_ns(k, 96, 48000) == k * 2000000, "burst %llu",
		      (unsigned long long)k);
	CHECK(audio_burst_ns(3 * 48000, 512, 48000) == 512ull * 3 * 1000000000, "512");
	CHECK(audio_burst_ns(10, 96, 12000) == 80000000, "slower");
}

int main(void)
{
	test_table();
	test_clean();
	test_wrong();
	test_missing();
	test_distance();
	for (unsigned int seed = 1; seed <= 200; seed++)
		test_planted(seed);
	test_restart();
	test_ring();
	return check_result();
}
