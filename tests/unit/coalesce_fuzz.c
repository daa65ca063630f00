// SPDX-License-Identifier: GPL-2.0
/* tests/fuzz/coalesce.c with seeded random input, bounded in time: coalesce_fuzz [SECONDS [SEED]] */
#include <time.h>

#include "tests/fuzz/coalesce.c"

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

/* Values that loads have, and those that only a mistake has. */
static uint64_t word(uint64_t usual)
{
	switch (next() % 16) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return next() >> (next() % 64);
	default:
		return next() % usual;
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
	in->limits[i].policy = next();
	in->limits[i].urgent = next();
	in->limits[i].stream = next();
}

/* Mostly a clock that goes forward, in steps that an epoch has many of. */
static void random_input(struct input *in)
{
	uint64_t now = word(1000 * MS);

	random_limits(in, 0);
	random_limits(in, 1);
	for (int i = 0; i < STEPS; i++) {
		struct step *step = &in->steps[i];

		now = next() % 32 ? now + next() % (200 * US) : word(1000 * MS);
		*step = (struct step){ now, word(3 * MS), word(64), next(), next(), next(), next() };
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
			memset(&in, 0, sizeof(in));
			random_input(&in);
			LLVMFuzzerTestOneInput((const uint8_t *)&in, sizeof(in));
		}
	}
	printf("PASS: %lu inputs\n", inputs);
	return 0;
}
