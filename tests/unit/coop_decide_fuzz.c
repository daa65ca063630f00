// SPDX-License-Identifier: GPL-2.0
/* tests/fuzz/coop_decide.c with seeded random input, for a bounded time: coop_decide_fuzz [SECONDS [SEED]] */
#include "tests/fuzz/coop_decide.c"
#include "tests/unit/fuzz.h"

#define BATCH 1000

/* Words of all magnitudes, and those in which bits are few or many; equal words where equality matters. */
static u64 word(void)
{
	switch (fuzz_next() % 6) {
	case 0:
		return 0;
	case 1:
		return ~0ull;
	case 2:
		return 1ull << (fuzz_next() % 64);
	case 3:
		return fuzz_next() & fuzz_next() & fuzz_next();
	default:
		return fuzz_next() >> (fuzz_next() % 64);
	}
}

static void random_input(struct input *in)
{
	u64 words[sizeof(*in) / sizeof(u64)], now = word();

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		words[i] = word();
	memcpy(in, words, sizeof(words));
	if (fuzz_next() % 2)
		in->ticket = in->line.irq_ack;
	/* mostly a clock that goes forward */
	for (int i = 0; i < 8 && fuzz_next() % 8; i++) {
		in->times[i] = now;
		now += fuzz_next() % 4 ? fuzz_next() % 10000000 : word();
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
