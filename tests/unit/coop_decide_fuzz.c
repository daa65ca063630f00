// SPDX-License-Identifier: GPL-2.0
/* tests/fuzz/coop_decide.c with seeded random input, for a bounded time: coop_decide_fuzz [SECONDS [SEED]] */
#include <time.h>

#include "tests/fuzz/coop_decide.c"

#define SECONDS	3
#define BATCH	1000

static u64 state;

static u64 next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Words of all magnitudes, and those in which bits are few or many; equal words where equality matters. */
static u64 word(void)
{
	switch (next() % 6) {
	case 0:
		return 0;
	case 1:
		return ~0ull;
	case 2:
		return 1ull << (next() % 64);
	case 3:
		return next() & next() & next();
	default:
		return next() >> (next() % 64);
	}
}

static void random_input(struct input *in)
{
	u64 *words = (u64 *)in, now = word();

	for (size_t i = 0; i < sizeof(*in) / sizeof(*words); i++)
		words[i] = word();
	if (next() % 2)
		in->ticket = in->line.irq_ack;
	/* mostly a clock that goes forward */
	for (int i = 0; i < 8 && next() % 8; i++, now += next() % 4 ? next() % 10000000 : word())
		in->times[i] = now;
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
