// SPDX-License-Identifier: GPL-2.0
/*
 * Both histogram readers on arbitrary bytes: they refuse, or what they accept
 * can be written, read back and is consistent.
 *
 * With a fuzzer: clang -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I.
 * tests/fuzz/hist.c bench/lib/hist.c. Without: tests/unit/hist_fuzz.c.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/lib/hist.h"

#define THREADS	4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "hist: %s\n", what);
	abort();
}

static void check_read(const struct hist *h)
{
	struct hist_error err;
	struct hist back;
	char *text = NULL;
	uint64_t low, high;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	require(hist_below(h, HIST_BUCKETS_MAX) + h->overflow == h->samples, "samples are lost");
	require(h->min_us <= h->max_us, "extremes");
	require(!h->samples || (hist_mean(h) >= (double)h->min_us - 1e-9 &&
				hist_mean(h) <= (double)h->max_us + 1e-9) || h->overflow, "mean");
	hist_percentile(h, HIST_P50, &low);
	hist_percentile(h, HIST_P99, &high);
	require(low <= high && high <= h->max_us, "percentiles");
	require(f && !hist_write(h, f) && !fclose(f), "write");
	f = fmemopen(text, size, "r");
	require(f && !hist_read(&back, f, &err), "what was written is refused");
	fclose(f);
	require(back.samples == h->samples && back.max_us == h->max_us &&
		back.min_us == h->min_us && back.sum_us == h->sum_us &&
		back.overflow == h->overflow, "what was written reads differently");
	hist_free(&back);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hist h[THREADS];
	struct hist_error err;
	int n, i;
	FILE *f;

	if (!size)
		return 0;
	f = fmemopen((void *)data, size, "r");
	require(f != NULL, "fmemopen");
	if (!hist_read(h, f, &err)) {
		check_read(h);
		hist_free(h);
	} else {
		require(err.text[0], "refused without a reason");
	}
	rewind(f);
	n = hist_read_cyclictest(f, h, THREADS, &err);
	require(n > 0 || err.text[0], "refused without a reason");
	for (i = 0; i < n; i++) {
		check_read(&h[i]);
		hist_free(&h[i]);
	}
	fclose(f);
	return 0;
}
