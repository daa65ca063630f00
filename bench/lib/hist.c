// SPDX-License-Identifier: GPL-2.0
#include "bench/lib/hist.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PPM		1000000u

/* Bounds on hostile input: bucket lines plus headers, and bytes in total. */
#define LINES_MAX	(HIST_BUCKETS_MAX + 100000ul)
#define BYTES_MAX	(256ul << 20)

void hist_init(struct hist *h)
{
	memset(h, 0, sizeof(*h));
}

void hist_free(struct hist *h)
{
	free(h->count);
	hist_init(h);
}

/* Make room for bucket @us, which is below HIST_BUCKETS_MAX. */
static int grow(struct hist *h, uint64_t us)
{
	uint32_t want = h->buckets ? h->buckets : 1024;
	uint64_t *count;

	if (us < h->buckets)
		return 0;
	while (want <= us)
		want *= 2;
	if (want > HIST_BUCKETS_MAX)
		want = HIST_BUCKETS_MAX;
	count = realloc(h->count, want * sizeof(*count));
	if (!count)
		return -ENOMEM;
	memset(count + h->buckets, 0, (want - h->buckets) * sizeof(*count));
	h->count = count;
	h->buckets = want;
	return 0;
}

static void widen(struct hist *h, uint64_t min_us, uint64_t max_us)
{
	if (!h->samples || min_us < h->min_us)
		h->min_us = min_us;
	if (!h->samples || max_us > h->max_us)
		h->max_us = max_us;
}

static bool room_for(const struct hist *h, uint64_t n)
{
	return n <= HIST_SAMPLES_MAX && h->samples <= HIST_SAMPLES_MAX - n;
}

static void note_overflow(struct hist *h, uint64_t n, uint64_t from)
{
	if (!h->overflow || from < h->overflow_from)
		h->overflow_from = from;
	h->overflow += n;
}

/* Add @n samples of @us, which may be an overflow. */
static int add_many(struct hist *h, uint64_t us, uint64_t n)
{
	int ret;

	if (!n)
		return 0;
	if (us > HIST_US_MAX || !room_for(h, n))
		return -ERANGE;
	if (us < HIST_BUCKETS_MAX) {
		ret = grow(h, us);
		if (ret)
			return ret;
		h->count[us] += n;
	} else {
		note_overflow(h, n, HIST_BUCKETS_MAX);
	}
	widen(h, us, us);
	h->samples += n;
	h->sum_us += us * n;
	return 0;
}

int hist_add(struct hist *h, uint64_t us)
{
	return add_many(h, us, 1);
}

int hist_merge(struct hist *to, const struct hist *from)
{
	uint32_t us, last = from->buckets;
	int ret;

	if (!from->samples)
		return 0;
	if (!room_for(to, from->samples))
		return -ERANGE;
	while (last && !from->count[last - 1])
		last--;
	if (last) {
		ret = grow(to, last - 1);
		if (ret)
			return ret;
	}
	for (us = 0; us < last; us++)
		to->count[us] += from->count[us];
	if (from->overflow)
		note_overflow(to, from->overflow, from->overflow_from);
	widen(to, from->min_us, from->max_us);
	to->samples += from->samples;
	to->sum_us += from->sum_us;
	return 0;
}

enum hist_rank hist_percentile(const struct hist *h, uint32_t ppm, uint64_t *us)
{
	uint64_t n = h->samples, limit = h->buckets, rank, seen = 0, i;

	*us = h->max_us;
	if (!n)
		return HIST_EMPTY;
	if (ppm > PPM)
		ppm = PPM;
	/* ceil(n * ppm / PPM) without leaving 64 bits */
	rank = n / PPM * ppm + (n % PPM * ppm + PPM - 1) / PPM;
	if (rank >= n)
		return HIST_EXACT;
	if (rank <= 1) {
		*us = h->min_us;
		return HIST_EXACT;
	}
	/* After a merge, buckets may lie above where overflows can be: unordered. */
	if (h->overflow && h->overflow_from < limit)
		limit = h->overflow_from;
	for (i = 0; i < limit; i++) {
		seen += h->count[i];
		if (seen >= rank) {
			*us = i;
			return HIST_EXACT;
		}
	}
	return HIST_BEYOND;
}

double hist_mean(const struct hist *h)
{
	return h->samples ? (double)h->sum_us / (double)h->samples : 0;
}

uint64_t hist_below(const struct hist *h, uint64_t us)
{
	uint64_t n = 0, i;

	for (i = 0; i < us && i < h->buckets; i++)
		n += h->count[i];
	return n;
}

/* Line reader: bounded, and every error carries the line number. */

struct reader {
	FILE *f;
	struct hist_error *err;
	unsigned long line;
	unsigned long bytes;
	bool cut;		/* the line was longer than buf */
	char buf[4096];
};

__attribute__((format(printf, 2, 3)))
static int refuse(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	r->err->line = r->line;
	va_start(ap, fmt);
	vsnprintf(r->err->text, sizeof(r->err->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static void reader_init(struct reader *r, FILE *f, struct hist_error *err)
{
	r->f = f;
	r->err = err;
	r->line = 0;
	r->bytes = 0;
	err->line = 0;
	err->text[0] = '\0';
}

/* Returns 1 with a line in buf, 0 at the end of the file, or an error. */
static int next_line(struct reader *r)
{
	size_t len = 0;
	int c;

	r->cut = false;
	r->line++;
	while ((c = getc(r->f)) != EOF && c != '\n') {
		if (++r->bytes > BYTES_MAX || r->line > LINES_MAX)
			return refuse(r, "the file is too long");
		if (c == '\0')
			return refuse(r, "binary data");
		if (len + 1 < sizeof(r->buf))
			r->buf[len++] = (char)c;
		else
			r->cut = true;
	}
	if (len && r->buf[len - 1] == '\r')
		len--;
	r->buf[len] = '\0';
	if (ferror(r->f)) {
		refuse(r, "cannot read: %s", strerror(errno));
		return -EIO;
	}
	return c != EOF || len;
}

/*
 * Decimal numbers separated by blanks, zero-padded or not. Returns how many,
 * or -1 on anything else (a sign, a letter, a number above 64 bits).
 */
static int numbers(const char *s, uint64_t *v, unsigned int max)
{
	unsigned int n = 0;

	for (;;) {
		uint64_t x = 0;

		while (*s == ' ' || *s == '\t')
			s++;
		if (!*s)
			return (int)n;
		if (*s < '0' || *s > '9' || n == max)
			return -1;
		for (; *s >= '0' && *s <= '9'; s++) {
			if (__builtin_mul_overflow(x, 10, &x) ||
			    __builtin_add_overflow(x, *s - '0', &x))
				return -1;
		}
		v[n++] = x;
	}
}

static uint64_t first_bucket(const struct hist *h)
{
	uint64_t i = 0;

	while (i < h->buckets && !h->count[i])
		i++;
	return i;
}

static uint64_t last_bucket(const struct hist *h)
{
	uint64_t i = h->buckets;

	while (i && !h->count[i - 1])
		i--;
	return i ? i - 1 : 0;
}

/*
 * @h has its buckets; join the overflows and extremes that the file states,
 * after checking that they can be true of these buckets.
 */
static int add_stated(struct reader *r, struct hist *h, uint64_t overflow,
		      uint64_t from, uint64_t min_us, uint64_t max_us)
{
	if (max_us > HIST_US_MAX)
		return refuse(r, "maximum %" PRIu64 " us is out of range", max_us);
	if (min_us > max_us)
		return refuse(r, "minimum %" PRIu64 " us is above the maximum %" PRIu64 " us",
			      min_us, max_us);
	if (h->samples) {
		uint64_t first = first_bucket(h), last = last_bucket(h);

		if (min_us != first && !(overflow && min_us >= from && min_us < first))
			return refuse(r, "minimum %" PRIu64 " us, but the first bucket is %" PRIu64
				      " us", min_us, first);
		if (max_us != last && !(overflow && max_us > last))
			return refuse(r, "maximum %" PRIu64 " us, but the last bucket is %" PRIu64
				      " us", max_us, last);
	}
	if (!overflow)
		return 0;
	if (max_us < from || (!h->samples && min_us < from))
		return refuse(r, "overflows from %" PRIu64 " us, but extremes %" PRIu64 " to %" PRIu64
			      " us", from, min_us, max_us);
	if (!room_for(h, overflow))
		return refuse(r, "too many samples");
	note_overflow(h, overflow, from);
	widen(h, min_us, max_us);
	h->samples += overflow;
	return 0;
}

/* The sum of all samples is only known roughly: keep it within what is possible. */
static void set_sum(struct hist *h, uint64_t in_buckets, uint64_t stated)
{
	uint64_t low = in_buckets + h->overflow * h->overflow_from;
	uint64_t high = in_buckets + h->overflow * h->max_us;

	h->sum_us = stated < low ? low : stated > high ? high : stated;
}

/* The compact format. */

enum { H_SAMPLES, H_OVERFLOW, H_FROM, H_MIN, H_MAX, H_SUM, H_COUNT };

static const char *const header_name[H_COUNT] = {
	[H_SAMPLES] = "samples", [H_OVERFLOW] = "overflow",
	[H_FROM] = "overflow_from", [H_MIN] = "min", [H_MAX] = "max", [H_SUM] = "sum",
};

struct header {
	bool unit;
	bool set[H_COUNT];
	uint64_t v[H_COUNT];
};

static int read_header_line(struct reader *r, struct header *hd)
{
	const char *key = r->buf + 2;
	size_t len = strcspn(key, " ");
	unsigned int i;

	if (!strcmp(r->buf, "# unit us")) {
		hd->unit = true;
		return 0;
	}
	for (i = 0; i < H_COUNT; i++) {
		if (strlen(header_name[i]) != len || strncmp(key, header_name[i], len))
			continue;
		if (hd->set[i])
			return refuse(r, "'# %s' is there twice", header_name[i]);
		if (numbers(key + len, &hd->v[i], 1) != 1)
			return refuse(r, "'# %s' needs one whole number", header_name[i]);
		hd->set[i] = true;
		return 0;
	}
	return refuse(r, "unknown header '%.40s'", r->buf);
}

static int read_bucket_line(struct reader *r, struct hist *h, uint64_t *next)
{
	uint64_t v[2];
	int ret;

	if (numbers(r->buf, v, 2) != 2)
		return refuse(r, "expected '<us> <count>', found '%.40s'", r->buf);
	if (v[0] >= HIST_BUCKETS_MAX)
		return refuse(r, "bucket %" PRIu64 " us is out of range", v[0]);
	if (v[0] < *next)
		return refuse(r, "bucket %" PRIu64 " us is out of order", v[0]);
	if (!v[1])
		return refuse(r, "bucket %" PRIu64 " us is empty", v[0]);
	*next = v[0] + 1;
	ret = add_many(h, v[0], v[1]);
	return ret == -ERANGE ? refuse(r, "too many samples") : ret;
}

static int finish_compact(struct reader *r, struct hist *h, struct header *hd)
{
	uint64_t n = h->samples;
	uint64_t in_buckets = h->sum_us;
	int i, ret;

	r->line = 0;
	if (!hd->unit)
		return refuse(r, "'# unit us' is missing");
	for (i = 0; i < H_COUNT; i++) {
		/* What can be computed may be left out. */
		bool needed = i == H_SAMPLES || i == H_OVERFLOW || i == H_MAX ||
			      hd->v[H_OVERFLOW];

		if (needed && !hd->set[i])
			return refuse(r, "'# %s' is missing", header_name[i]);
	}
	if (hd->v[H_OVERFLOW] > HIST_SAMPLES_MAX || n + hd->v[H_OVERFLOW] != hd->v[H_SAMPLES])
		return refuse(r, "truncated or garbled: %" PRIu64 " samples stated, %" PRIu64
			      " in the buckets, %" PRIu64 " overflows", hd->v[H_SAMPLES], n,
			      hd->v[H_OVERFLOW]);
	if (!hd->set[H_MIN])
		hd->v[H_MIN] = n ? first_bucket(h) : 0;
	ret = add_stated(r, h, hd->v[H_OVERFLOW], hd->v[H_FROM], hd->v[H_MIN], hd->v[H_MAX]);
	if (ret)
		return ret;
	if (!h->samples && hd->v[H_MAX])
		return refuse(r, "a maximum without samples");
	if (h->overflow)
		set_sum(h, in_buckets, hd->v[H_SUM]);
	else if (hd->set[H_SUM] && hd->v[H_SUM] != in_buckets)
		return refuse(r, "sum %" PRIu64 ", but the buckets add up to %" PRIu64,
			      hd->v[H_SUM], in_buckets);
	return 0;
}

int hist_read(struct hist *h, FILE *f, struct hist_error *err)
{
	struct header hd = { 0 };
	uint64_t next = 0;
	struct reader r;
	int ret;

	hist_init(h);
	reader_init(&r, f, err);
	while ((ret = next_line(&r)) > 0) {
		if (r.cut)
			ret = refuse(&r, "the line is too long");
		else if (r.buf[0] == '#' && r.buf[1] == ' ' && !next)
			ret = read_header_line(&r, &hd);
		else
			ret = read_bucket_line(&r, h, &next);
		if (ret)
			break;
	}
	if (!ret)
		ret = finish_compact(&r, h, &hd);
	if (ret)
		hist_free(h);
	return ret;
}

int hist_write(const struct hist *h, FILE *f)
{
	uint64_t i;

	fprintf(f, "# unit us\n# samples %" PRIu64 "\n# overflow %" PRIu64 "\n",
		h->samples, h->overflow);
	if (h->overflow)
		fprintf(f, "# overflow_from %" PRIu64 "\n", h->overflow_from);
	fprintf(f, "# min %" PRIu64 "\n# max %" PRIu64 "\n# sum %" PRIu64 "\n",
		h->min_us, h->max_us, h->sum_us);
	for (i = 0; i < h->buckets; i++) {
		if (h->count[i])
			fprintf(f, "%" PRIu64 " %" PRIu64 "\n", i, h->count[i]);
	}
	return ferror(f) ? -EIO : 0;
}

/* Output of cyclictest. */

#define COLUMNS_MAX	512

enum { C_TOTAL, C_MIN, C_AVG, C_MAX, C_OVERFLOW, C_COUNT };

static const char *const footer_name[C_COUNT] = {
	[C_TOTAL] = "# Total:", [C_MIN] = "# Min Latencies:", [C_AVG] = "# Avg Latencies:",
	[C_MAX] = "# Max Latencies:", [C_OVERFLOW] = "# Histogram Overflows:",
};

struct cyclictest {
	struct hist *h;
	unsigned int max;
	unsigned int threads;		/* known after the first bucket line */
	uint64_t buckets;
	bool in_histogram;
	bool set[C_COUNT];
	uint64_t footer[C_COUNT][COLUMNS_MAX];
};

static int read_columns(struct reader *r, struct cyclictest *c)
{
	uint64_t v[COLUMNS_MAX + 1];
	int n = numbers(r->buf, v, c->max + 1), ret;
	unsigned int i;

	if (n < 2)
		return refuse(r, "expected a bucket and up to %u counts, found '%.40s'",
			      c->max, r->buf);
	if (c->set[C_TOTAL])
		return refuse(r, "a bucket after the totals");
	if (v[0] != c->buckets || v[0] >= HIST_BUCKETS_MAX)
		return refuse(r, "expected bucket %" PRIu64 ", found %" PRIu64, c->buckets, v[0]);
	if (!c->buckets)
		c->threads = (unsigned int)n - 1;
	else if (c->threads != (unsigned int)n - 1)
		return refuse(r, "%d counts instead of %u", n - 1, c->threads);
	c->buckets++;
	for (i = 0; i < c->threads; i++) {
		ret = add_many(&c->h[i], v[0], v[i + 1]);
		if (ret)
			return ret == -ERANGE ? refuse(r, "too many samples") : ret;
	}
	return 0;
}

static int read_footer(struct reader *r, struct cyclictest *c)
{
	size_t len;
	int i;

	for (i = 0; i < C_COUNT; i++) {
		len = strlen(footer_name[i]);
		if (strncmp(r->buf, footer_name[i], len))
			continue;
		if (c->set[i])
			return refuse(r, "'%s' is there twice", footer_name[i]);
		if (r->cut || numbers(r->buf + len, c->footer[i], c->max) != (int)c->threads)
			return refuse(r, "'%s' needs %u whole numbers", footer_name[i],
				      c->threads);
		c->set[i] = true;
		return 0;
	}
	/* Other comments: the cycle numbers of overflows, of any length. */
	return 0;
}

static int read_cyclictest_line(struct reader *r, struct cyclictest *c)
{
	if (!c->in_histogram) {
		/* Warnings and settings may come first. */
		c->in_histogram = !strcmp(r->buf, "# Histogram");
		return 0;
	}
	if (r->buf[0] == '#')
		return read_footer(r, c);
	if (r->cut)
		return refuse(r, "the line is too long");
	/* An empty line ends the output. */
	return r->buf[0] ? read_columns(r, c) : 0;
}

static int finish_thread(struct reader *r, struct cyclictest *c, unsigned int t)
{
	struct hist *h = &c->h[t];
	uint64_t overflow = c->footer[C_OVERFLOW][t];
	uint64_t in_buckets = h->sum_us;
	int ret;

	if (c->footer[C_TOTAL][t] != h->samples)
		return refuse(r, "thread %u: total %" PRIu64 ", but %" PRIu64 " in the buckets", t,
			      c->footer[C_TOTAL][t], h->samples);
	/* Without samples cyclictest prints the initial values of its minimum and maximum. */
	if (!h->samples && !overflow)
		return 0;
	ret = add_stated(r, h, overflow, c->buckets, c->footer[C_MIN][t], c->footer[C_MAX][t]);
	if (ret)
		return ret;
	if (!overflow)
		return 0;
	if (c->footer[C_AVG][t] > h->max_us)
		return refuse(r, "thread %u: the average is above the maximum", t);
	/* The average is rounded down: the middle is the best guess. */
	set_sum(h, in_buckets, c->footer[C_AVG][t] * h->samples + h->samples / 2);
	return 0;
}

static int finish_cyclictest(struct reader *r, struct cyclictest *c)
{
	unsigned int t;
	int i, ret;

	if (!c->in_histogram)
		return refuse(r, "no '# Histogram' line: not the output of cyclictest -q -h");
	if (!c->buckets)
		return refuse(r, "a histogram without buckets");
	for (i = 0; i < C_COUNT; i++) {
		if (!c->set[i])
			return refuse(r, "truncated: '%s' is missing", footer_name[i]);
	}
	r->line = 0;
	for (t = 0; t < c->threads; t++) {
		ret = finish_thread(r, c, t);
		if (ret)
			return ret;
	}
	return (int)c->threads;
}

int hist_read_cyclictest(FILE *f, struct hist *h, unsigned int max, struct hist_error *err)
{
	struct cyclictest *c;
	struct reader r;
	unsigned int t;
	int ret;

	reader_init(&r, f, err);
	if (!max)
		return refuse(&r, "room for no thread");
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->h = h;
	c->max = max < COLUMNS_MAX ? max : COLUMNS_MAX;
	for (t = 0; t < max; t++)
		hist_init(&h[t]);
	while ((ret = next_line(&r)) > 0) {
		ret = read_cyclictest_line(&r, c);
		if (ret)
			break;
	}
	if (!ret)
		ret = finish_cyclictest(&r, c);
	free(c);
	for (t = 0; ret < 0 && t < max; t++)
		hist_free(&h[t]);
	return ret;
}
