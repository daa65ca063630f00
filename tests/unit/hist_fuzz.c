// SPDX-License-Identifier: GPL-2.0
/* tests/fuzz/hist.c with seeded mutations of valid files: hist_fuzz [ROUNDS [SEED]] */
#include <string.h>

#include "tests/fuzz/hist.c"
#include "tests/unit/fuzz.h"

#define ROUNDS	30000
#define SIZE	2048

static const char *const seeds[] = {
	"# unit us\n# samples 3\n# overflow 0\n# min 5\n# max 9\n# sum 23\n5 1\n9 2\n",
	"# unit us\n# samples 1002\n# overflow 2\n# overflow_from 700\n# min 5\n# max 4321\n# sum 12345\n"
	"5 400\n9 300\n690 300\n",
	"# Histogram\n000000 000000\t000001\n000001 000002\t000003\n000002 000000\t000000\n"
	"# Total: 000000002 000000004\n# Min Latencies: 00001 00000\n# Avg Latencies: 00001 00000\n"
	"# Max Latencies: 00001 00001\n# Histogram Overflows: 00000 00000\n"
	"# Histogram Overflow at cycle number:\n# Thread 0:\n# Thread 1:\n\n",
	"# /dev/cpu_dma_latency set to 0us\n# Histogram\n000000 000000\n000001 000000\n"
	"# Total: 000000000\n# Min Latencies: 00038\n# Avg Latencies: 00062\n# Max Latencies: 01966\n"
	"# Histogram Overflows: 00998\n# Histogram Overflow at cycle number:\n# Thread 0: 00000 # 00997 others\n",
};

static const char *const words[] = {
	"0", "-", "18446744073709551615", "4294967296", "999999", "1000000", "# ", "\n", "\t", "\0x",
	"# Total:", "# max ", "# overflow 1\n", "# overflow_from 0\n",
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static size_t below(size_t n)
{
	return (fuzz_next() >> 16) % n;
}

static size_t insert(char *text, size_t size, size_t at, const char *word, size_t len)
{
	if (size + len > SIZE)
		return size;
	memmove(text + at + len, text + at, size - at);
	memcpy(text + at, word, len);
	return size + len;
}

static size_t mutate(char *text, size_t size)
{
	size_t at = size ? below(size) : 0, len;
	const char *word;

	switch (size ? below(6) : 0) {
	case 0:
		word = words[below(COUNT(words))];
		return insert(text, size, at, word, *word ? strlen(word) : 1);
	case 1:
		text[at] = (char)below(256);
		return size;
	case 2:
		text[at] = (char)('0' + below(10));
		return size;
	case 3:
		len = 1 + below(size - at);
		memmove(text + at, text + at + len, size - at - len);
		return size - len;
	case 4:
		len = 1 + below(size - at < 60 ? size - at : 60);
		word = memcpy((char[60]){ 0 }, text + at, len);
		return insert(text, size, below(size), word, len);
	default:
		return at;
	}
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : ROUNDS, i;
	char text[SIZE];
	size_t size, n;

	fuzz_seed(argc > 2 ? argv[2] : NULL);
	for (i = 0; i < rounds; i++) {
		const char *seed = seeds[i % COUNT(seeds)];

		size = strlen(seed);
		memcpy(text, seed, size);
		/* The first rounds are the seeds themselves. */
		for (n = i < COUNT(seeds) ? 0 : 1 + below(4); n; n--)
			size = mutate(text, size);
		LLVMFuzzerTestOneInput((const uint8_t *)text, size);
	}
	printf("PASS: %lu inputs\n", rounds);
	return 0;
}
