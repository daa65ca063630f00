/* SPDX-License-Identifier: GPL-2.0 */
/* Seeded random numbers, and a fuzzer's inputs made of them for a bounded time. */
#ifndef TESTS_UNIT_FUZZ_H
#define TESTS_UNIT_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t fuzz_state;

/* From the command line's text, or NULL. */
static inline void fuzz_seed(const char *text)
{
	fuzz_state = (text ? strtoull(text, NULL, 10) : 1) * 0x9e3779b97f4a7c15ull;
}

static inline uint64_t fuzz_next(void)
{
	fuzz_state ^= fuzz_state << 13;
	fuzz_state ^= fuzz_state >> 7;
	fuzz_state ^= fuzz_state << 17;
	return fuzz_state;
}

#define FUZZ_SECONDS 3

/* The main() of "NAME_fuzz [SECONDS [SEED]]": TRY_ONE tries one input. The time is looked at after BATCH of them. */
static inline int fuzz_main(int argc, char **argv, int batch, void (*try_one)(void))
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : FUZZ_SECONDS);
	unsigned long inputs = 0;

	fuzz_seed(argc > 2 ? argv[2] : NULL);
	while (time(NULL) <= end)
		for (int i = 0; i < batch; i++, inputs++)
			try_one();
	printf("PASS: %lu inputs\n", inputs);
	return 0;
}

#endif
