// SPDX-License-Identifier: GPL-2.0
/* tests/fuzz/audio.c with seeded random input, bounded in time: audio_fuzz [SECONDS [SEED]] */
#include "tests/fuzz/audio.c"
#include "tests/unit/fuzz.h"

#define BATCH 100

/* Mostly a guest that is a little ahead and renders its sine. */
static void random_input(struct input *in)
{
	uint64_t frames = fuzz_next() % 4 ? 96 - 16 : fuzz_next();
	unsigned int phase = 0;

	*in = (struct input){ .first = fuzz_next() % 8 ? fuzz_next() % 1000 : fuzz_next(),
			      .frames = (uint16_t)frames,
			      .restart = (uint16_t)fuzz_next() };
	for (int i = 0; i < STEPS; i++) {
		struct step *s = &in->steps[i];

		*s = (struct step){ .written = in->first + i + 1 +
					       (fuzz_next() % 8 ? 0 : fuzz_next() % 40),
				    .slot = (uint16_t)(in->first + i),
				    .frames = 96,
				    .phase = (uint16_t)phase,
				    .noise = (int16_t)(fuzz_next() % 8 ? 0 : fuzz_next()) };
		if (!(fuzz_next() % 16))
			s->written = fuzz_next();
		if (!(fuzz_next() % 16))
			s->first = (uint16_t)fuzz_next();
		phase = (phase + 96 + !(fuzz_next() % 8)) % SINE_PERIOD;
	}
}

static void try_one(void)
{
	struct input in;

	random_input(&in);
	LLVMFuzzerTestOneInput((const uint8_t *)&in, sizeof(in));
}

int main(int argc, char **argv)
{
	return fuzz_main(argc, argv, BATCH, try_one);
}
