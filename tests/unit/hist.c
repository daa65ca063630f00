// SPDX-License-Identifier: GPL-2.0
#include "bench/lib/hist.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/check.h"

#define THREADS	4

static FILE *text_file(const char *text, size_t len)
{
	FILE *f = fmemopen((void *)text, len, "r");

	if (!f) {
		perror("fmemopen");
		exit(1);
	}
	return f;
}

static int read_compact(struct hist *h, const char *text, struct hist_error *err)
{
	FILE *f = text_file(text, strlen(text));
	int ret = hist_read(h, f, err);

	fclose(f);
	return ret;
}

static int read_tool(struct hist *h, const char *text, struct hist_error *err)
{
	FILE *f = text_file(text, strlen(text));
	int ret = hist_read_cyclictest(f, h, THREADS, err);

	fclose(f);
	return ret;
}

struct bad {
	const char *text;
	const char *error;	/* a part of it */
	unsigned long line;
};

#define HEAD	"# unit us\n# samples 3\n# overflow 0\n# max 9\n"

static const struct bad bad_compact[] = {
	{ "x", "expected '<us> <count>'", 1 },
	{ "\n", "expected '<us> <count>'", 1 },
	{ "# unit ms\n", "unknown header", 1 },
	{ "# unit us\n# samples -1\n", "one whole number", 2 },
	{ "# unit us\n# samples 1 2\n", "one whole number", 2 },
	{ "# unit us\n# samples 99999999999999999999999\n", "one whole number", 2 },
	{ "# unit us\n# samples 3\n# samples 3\n", "twice", 3 },
	{ "# unit us\n# colour 3\n", "unknown header", 2 },
	{ HEAD "5 -3\n", "expected '<us> <count>'", 5 },
	{ HEAD "5 1.5\n", "expected '<us> <count>'", 5 },
	{ HEAD "5\n", "expected '<us> <count>'", 5 },
	{ HEAD "5 1 1\n", "expected '<us> <count>'", 5 },
	{ HEAD "9 2\n5 1\n", "out of order", 6 },
	{ HEAD "5 2\n5 1\n", "out of order", 6 },
	{ HEAD "5 0\n", "is empty", 5 },
	{ HEAD "1000000 3\n", "out of range", 5 },
	{ HEAD "5 18446744073709551615\n", "too many samples", 5 },
	{ HEAD "5 1\n# samples 3\n9 2\n", "expected '<us> <count>'", 6 },
	{ HEAD "5 1\n", "truncated", 0 },
	{ HEAD "5 3\n", "maximum 9 us, but the last bucket is 5", 0 },
	{ "# samples 1\n# overflow 0\n# max 5\n5 1\n", "'# unit us' is missing", 0 },
	{ "# unit us\n# overflow 0\n# max 5\n5 1\n", "'# samples' is missing", 0 },
	{ "# unit us\n# samples 1\n# overflow 0\n5 1\n", "'# max' is missing", 0 },
	{ "# unit us\n# samples 1\n# overflow 1\n# max 7\n", "'# overflow_from' is missing", 0 },
	{ HEAD "# min 4\n5 1\n9 2\n", "minimum 4 us, but the first bucket is 5", 0 },
	{ HEAD "# sum 24\n5 1\n9 2\n", "sum 24", 0 },
	{ "# unit us\n# samples 0\n# overflow 0\n# max 5\n", "maximum without samples", 0 },
	{ "# unit us\n# samples 1\n# overflow 1\n# overflow_from 10\n# min 9\n# max 9\n# sum 9\n",
	  "overflows from 10 us", 0 },
	{ "# unit us\n# samples 1\n# overflow 1\n# overflow_from 10\n# min 9\n# max 99999999999\n# sum 9\n",
	  "out of range", 0 },
};

#define TWO	"# Histogram\n000000 000000\t000001\n000001 000002\t000003\n"
#define FOOT	"# Min Latencies: 00001 00000\n# Avg Latencies: 00001 00000\n" \
		"# Max Latencies: 00001 00001\n# Histogram Overflows: 00000 00000\n"

static const struct bad bad_cyclictest[] = {
	{ "garbage\n", "no '# Histogram' line", 2 },
	{ "# Histogram\n", "without buckets", 2 },
	{ "# Histogram\nfoo\n", "expected a bucket", 2 },
	{ "# Histogram\n000000\n", "expected a bucket", 2 },
	{ "# Histogram\n000000 -00001\n", "expected a bucket", 2 },
	{ "# Histogram\n000000 1 1 1 1 1\n", "expected a bucket and up to 4 counts", 2 },
	{ "# Histogram\n000001 000000\n", "expected bucket 0, found 1", 2 },
	{ TWO "000003 000000\t000000\n", "expected bucket 2, found 3", 4 },
	{ TWO "000002 000000\n", "1 counts instead of 2", 4 },
	{ TWO "000002 99999999999999999999\t000000\n", "expected a bucket", 4 },
	{ TWO "000002 9999999999999\t000000\n", "too many samples", 4 },
	{ TWO, "truncated: '# Total:' is missing", 4 },
	{ TWO "# Total: 000000002\n", "needs 2 whole numbers", 4 },
	{ TWO "# Total: 000000002 x\n", "needs 2 whole numbers", 4 },
	{ TWO "# Total: 000000002 000000004\n# Total: 000000002 000000004\n", "twice", 5 },
	{ TWO "# Total: 000000002 000000004\n000002 000000 000000\n", "bucket after the totals", 5 },
	{ TWO "# Total: 000000002 000000005\n" FOOT, "thread 1: total 5, but 4 in the buckets", 0 },
	{ TWO "# Total: 000000002 000000004\n# Min Latencies: 00001 00000\n# Avg Latencies: 00001 00000\n"
	  "# Max Latencies: 00001 00001\n", "'# Histogram Overflows:' is missing", 8 },
	{ TWO "# Total: 000000002 000000004\n# Min Latencies: 00000 00000\n# Avg Latencies: 00001 00000\n"
	  "# Max Latencies: 00001 00001\n# Histogram Overflows: 00000 00000\n",
	  "minimum 0 us, but the first bucket is 1", 0 },
	{ TWO "# Total: 000000002 000000004\n# Min Latencies: 00001 00000\n# Avg Latencies: 00001 00000\n"
	  "# Max Latencies: 00001 00001\n# Histogram Overflows: 00001 00000\n",
	  "overflows from 2 us", 0 },
};

static void test_bad(void)
{
	struct hist h[THREADS];
	struct hist_error err;
	size_t i;
	int ret;

	for (i = 0; i < sizeof(bad_compact) / sizeof(bad_compact[0]); i++) {
		const struct bad *b = &bad_compact[i];

		ret = read_compact(h, b->text, &err);
		CHECK(ret == -EINVAL && strstr(err.text, b->error) && err.line == b->line,
		      "compact %zu: %d, line %lu: %s, expected line %lu: %s", i, ret, err.line,
		      err.text, b->line, b->error);
	}
	for (i = 0; i < sizeof(bad_cyclictest) / sizeof(bad_cyclictest[0]); i++) {
		const struct bad *b = &bad_cyclictest[i];

		ret = read_tool(h, b->text, &err);
		CHECK(ret == -EINVAL && strstr(err.text, b->error) && err.line == b->line,
		      "cyclictest %zu: %d, line %lu: %s, expected line %lu: %s", i, ret, err.line,
		      err.text, b->line, b->error);
	}
}

/* Lines that do not end, binary data, and a file without an end. */
static void test_huge(void)
{
	const size_t len = 1 << 20;
	char *text = malloc(len + 1);
	struct hist h[THREADS];
	struct hist_error err;
	FILE *f;

	memset(text, '7', len);
	text[len] = '\0';
	CHECK(read_compact(h, text, &err) == -EINVAL && strstr(err.text, "too long"), "%s", err.text);
	memcpy(text, "# Histogram\n", 12);
	CHECK(read_tool(h, text, &err) == -EINVAL && strstr(err.text, "too long"), "%s", err.text);
	text[100] = '\0';
	f = text_file(text, len);
	CHECK(hist_read(h, f, &err) == -EINVAL, "%s", err.text);
	fclose(f);
	free(text);

	f = fopen("/dev/zero", "r");
	CHECK(f && hist_read_cyclictest(f, h, THREADS, &err) == -EINVAL &&
	      strstr(err.text, "binary"), "%s", err.text);
	fclose(f);
	f = fopen("/", "r");
	CHECK(f && hist_read(h, f, &err) == -EIO && strstr(err.text, "cannot read"), "%s", err.text);
	fclose(f);
}

/* Every prefix of a valid file is either refused or, at the very end, complete. */
static void test_truncated(void)
{
	static const char compact[] = HEAD "# min 5\n# sum 23\n5 1\n9 2\n";
	static const char tool[] = "WARN: something\n" TWO "# Total: 000000002 000000004\n" FOOT
		"# Histogram Overflow at cycle number:\n# Thread 0:\n\n";
	struct hist_error err;
	struct hist h[THREADS];
	size_t len;
	FILE *f;

	for (len = 1; len < sizeof(compact) - 2; len++) {
		f = text_file(compact, len);
		CHECK(hist_read(h, f, &err) == -EINVAL, "%zu bytes were accepted", len);
		fclose(f);
	}
	/* cyclictest's zero-padded last number cannot be cut unnoticed before its first digit. */
	for (len = 1; len < (size_t)(strstr(tool, "Overflows: 00000 ") - tool) + 17; len++) {
		f = text_file(tool, len);
		CHECK(hist_read_cyclictest(f, h, THREADS, &err) == -EINVAL, "%zu bytes were accepted",
		      len);
		fclose(f);
	}
	CHECK(read_tool(h, tool, &err) == 2, "%s", err.text);
	CHECK(h[0].samples == 2 && h[1].samples == 4 && h[1].min_us == 0 && h[1].max_us == 1 &&
	      h[1].sum_us == 3, "%" PRIu64 " and %" PRIu64 " samples", h[0].samples, h[1].samples);
	hist_free(&h[0]);
	hist_free(&h[1]);
}

/* What rt-tests 2.4 printed for -q -h 20 -t2; the first thread has overflows only. */
static void test_overflows(void)
{
	static const char text[] =
		"# /dev/cpu_dma_latency set to 0us\n# Histogram\n000000 000000\t000000\n"
		"000001 000000\t000004\n000002 000000\t000000\n# Total: 000000000 000000004\n"
		"# Min Latencies: 00038 00001\n# Avg Latencies: 00062 00040\n"
		"# Max Latencies: 01966 00105\n# Histogram Overflows: 00998 00002\n"
		"# Histogram Overflow at cycle number:\n# Thread 0: 00000 00001 # 00996 others\n"
		"# Thread 1: 00003 00005\n\n";
	struct hist h[THREADS], all;
	struct hist_error err;
	uint64_t us;

	CHECK(read_tool(h, text, &err) == 2, "%s", err.text);
	CHECK(h[0].samples == 998 && h[0].overflow == 998 && h[0].overflow_from == 3,
	      "%" PRIu64 " samples", h[0].samples);
	CHECK(h[0].min_us == 38 && h[0].max_us == 1966, "%" PRIu64, h[0].max_us);
	CHECK(hist_mean(&h[0]) > 62 && hist_mean(&h[0]) < 63, "mean %f", hist_mean(&h[0]));
	CHECK(hist_percentile(&h[0], HIST_P50, &us) == HIST_BEYOND && us == 1966, "%" PRIu64, us);
	CHECK(hist_percentile(&h[0], 1, &us) == HIST_EXACT && us == 38, "%" PRIu64, us);
	CHECK(hist_percentile(&h[0], HIST_P100, &us) == HIST_EXACT && us == 1966, "%" PRIu64, us);
	CHECK(hist_percentile(&h[1], HIST_P50, &us) == HIST_EXACT && us == 1, "%" PRIu64, us);
	CHECK(hist_percentile(&h[1], 800000, &us) == HIST_BEYOND, "%" PRIu64, us);

	hist_init(&all);
	CHECK(!hist_merge(&all, &h[0]) && !hist_merge(&all, &h[1]) && !hist_add(&all, 7), "merge");
	CHECK(all.samples == 1005 && all.overflow == 1000 && all.min_us == 1 && all.max_us == 1966,
	      "%" PRIu64 " samples", all.samples);
	/* 7 us lies above where the overflows may be: nobody knows its rank. */
	CHECK(hist_percentile(&all, 5000, &us) == HIST_BEYOND, "%" PRIu64, us);
	hist_free(&h[0]);
	hist_free(&h[1]);
	hist_free(&all);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	return *s ^= *s << 17;
}

static bool same(const struct hist *a, const struct hist *b)
{
	uint32_t i, n = a->buckets < b->buckets ? a->buckets : b->buckets;

	for (i = 0; i < n; i++) {
		if (a->count[i] != b->count[i])
			return false;
	}
	return hist_below(a, HIST_BUCKETS_MAX) == hist_below(b, HIST_BUCKETS_MAX) &&
	       a->samples == b->samples && a->overflow == b->overflow &&
	       (!a->overflow || a->overflow_from == b->overflow_from) && a->min_us == b->min_us &&
	       a->max_us == b->max_us && a->sum_us == b->sum_us;
}

static void round_trip(const struct hist *h)
{
	struct hist_error err = { 0 };
	struct hist back;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	CHECK(!hist_write(h, f) && !fclose(f), "write");
	CHECK(!read_compact(&back, text, &err), "line %lu: %s", err.line, err.text);
	CHECK(same(h, &back), "the histogram came back changed:\n%s", text);
	hist_free(&back);
	free(text);
}

/* Against sorting the samples, for all sizes where rounding of the rank could go wrong. */
static void brute_force(size_t n, uint64_t range, uint64_t *state)
{
	static const uint32_t ppm[] = { 0, 1, 100000, HIST_P50, HIST_P90, HIST_P99, HIST_P999,
					HIST_P9999, HIST_P100 };
	uint64_t *v = malloc(n * sizeof(*v)), us, sum = 0;
	struct hist whole, half[2];
	size_t i;

	hist_init(&whole);
	hist_init(&half[0]);
	hist_init(&half[1]);
	for (i = 0; i < n; i++) {
		v[i] = next_random(state) % range;
		sum += v[i];
		CHECK(!hist_add(&whole, v[i]) && !hist_add(&half[i % 2], v[i]), "add");
	}
	qsort(v, n, sizeof(*v), by_value);
	for (i = 0; i < sizeof(ppm) / sizeof(ppm[0]); i++) {
		uint64_t rank = (n * (uint64_t)ppm[i] + 999999) / 1000000;
		uint64_t expected = v[rank ? rank - 1 : 0];
		enum hist_rank r = hist_percentile(&whole, ppm[i], &us);

		if (expected < HIST_BUCKETS_MAX || rank == n)
			CHECK(r == HIST_EXACT && us == expected, "%zu samples, %u ppm: %" PRIu64
			      " instead of %" PRIu64, n, ppm[i], us, expected);
		else
			CHECK(r == HIST_BEYOND && us == v[n - 1], "%zu samples, %u ppm", n, ppm[i]);
	}
	CHECK(whole.sum_us == sum && whole.min_us == v[0] && whole.max_us == v[n - 1], "extremes");
	CHECK(!hist_merge(&half[0], &half[1]) && same(&half[0], &whole), "halves of %zu", n);
	round_trip(&whole);
	hist_free(&whole);
	hist_free(&half[0]);
	hist_free(&half[1]);
	free(v);
}

static void test_percentiles(void)
{
	uint64_t state = 1;
	size_t n;

	for (n = 1; n < 300; n++)
		brute_force(n, 1 + next_random(&state) % 500, &state);
	brute_force(1000, 60000, &state);
	brute_force(1001, 999999, &state);
	brute_force(9999, 100, &state);
	brute_force(10000, 2500000, &state);
	brute_force(100000, 30000, &state);
}

static void test_limits(void)
{
	struct hist h, empty;
	uint64_t us = 1;

	hist_init(&h);
	hist_init(&empty);
	CHECK(hist_percentile(&h, HIST_P50, &us) == HIST_EMPTY && us == 0, "%" PRIu64, us);
	CHECK(hist_mean(&h) == 0, "%f", hist_mean(&h));
	round_trip(&h);
	CHECK(hist_add(&h, HIST_US_MAX + 1) == -ERANGE && !h.samples, "added");
	CHECK(!hist_add(&h, HIST_US_MAX) && h.overflow == 1 && h.max_us == HIST_US_MAX, "not added");
	CHECK(!hist_add(&h, HIST_BUCKETS_MAX - 1) && h.overflow == 1, "%" PRIu64, h.overflow);
	CHECK(!hist_merge(&h, &empty) && h.samples == 2, "%" PRIu64, h.samples);
	round_trip(&h);
	h.samples = HIST_SAMPLES_MAX;
	CHECK(hist_add(&h, 1) == -ERANGE, "too many samples");
	CHECK(hist_merge(&h, &h) == -ERANGE, "too many samples");
	hist_free(&h);
}

int main(void)
{
	test_bad();
	test_huge();
	test_truncated();
	test_overflows();
	test_percentiles();
	test_limits();
	return check_result();
}
