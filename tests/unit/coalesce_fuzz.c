// SPDX-License-Identifier: GPL-2.0
/* tests/fuzz/coalesce.c with seeded random input, bounded in time: coalesce_fuzz [SECONDS [SEED]] */
#include "tests/fuzz/coalesce.c"
#include "tests/unit/fuzz.h"

#define BATCH 100

/* Values that loads have, and those that only a mistake has. */
static uint64_t word(uint64_t usual)
{
	switch (fuzz_next() % 16) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return fuzz_next() >> (fuzz_next() % 64);
	default:
		return fuzz_next() % usual;
	}
}

static void random_limits(struct input *in, int i)
{
	in->limits[i].epoch_ns = word(2 * MS);
	in->limits[i].max_ns = word(5 * MS);
	in->limits[i].cutoff_ns = word(500 * US);
	in->limits[i].inflight = word(8);
	in->limits[i].iops = word(20000);
	in->limits[i].rate_hz = word(10000);
	in->limits[i].policy = fuzz_next();
	in->limits[i].stream = fuzz_next();
}

/* Mostly a clock that goes forward, in steps that an epoch has many of. */
static void random_input(struct input *in)
{
	uint64_t now = word(1000 * MS);

	random_limits(in, 0);
	random_limits(in, 1);
	for (int i = 0; i < STEPS; i++) {
		struct step *step = &in->steps[i];

		now = fuzz_next() % 32 ? now + fuzz_next() % (200 * US) : word(1000 * MS);
		*step = (struct step){ .time = now,
				       .slice_left_ns = word(3 * MS),
				       .inflight = word(64),
				       .turn = word(2),
				       .valid = fuzz_next(),
				       .running = fuzz_next(),
				       .flush = fuzz_next(),
				       .other = fuzz_next() };
	}
}

static void try_one(void)
{
	struct input in;

	memset(&in, 0, sizeof(in));
	random_input(&in);
	LLVMFuzzerTestOneInput((const uint8_t *)&in, sizeof(in));
}

int main(int argc, char **argv)
{
	return fuzz_main(argc, argv, BATCH, try_one);
}
