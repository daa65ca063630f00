// SPDX-License-Identifier: GPL-2.0
/* tests/fuzz/audio.c with seeded random input, bounded in time: audio_fuzz [SECONDS [SEED]] */
#include <time.h>

#include "tests/fuzz/audio.c"

#define SECONDS 3
#define BATCH 100

static uint64_t state;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Mostly a guest that is a little ahead and renders its sine. */
static void random_input(struct input *in)
{
	uint64_t frames = next() % 4 ? 96 - 16 : next();
	unsigned int phase = 0;

	*in = (struct input){ .first = next() % 8 ? next() % 1000 : next(),
			      .frames = (uint16_t)frames,
			      .restart = (uint16_t)next() };
	for (int i = 0; i < STEPS; i++) {
		struct step *s = &in->steps[i];

		*s = (struct step){ .written = in->first + i + 1 + (next() % 8 ? 0 : next() % 40),
				    .slot = (uint16_t)(in->first + i),
				    .frames = 96,
				    .phase = (uint16_t)phase,
				    .noise = (int16_t)(next() % 8 ? 0 : next()) };
		if (!(next() % 16))
			s->written = next();
		if (!(next() % 16))
			s->first = (uint16_t)next();
		phase = (phase + 96 + !(next() % 8)) % SINE_PERIOD;
	}
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : SECONDS);
	unsigned long inputs = 0;
	struct input in;

	state = (argc > 2 ? strtoull(argv[2], NULL, 10) : 1) * 0x9e3779b97f4a7c15ull;
	while (time(NULL) <= end) {
		for (int i = 0; i < BATCH; i++, inputs++) {
			random_input(&in);
			LLVMFuzzerTestOneInput((const uint8_t *)&in, sizeof(in));
		}
	}
	printf("PASS: %lu inputs\n", inputs);
	return 0;
}
