// SPDX-License-Identifier: GPL-2.0
/* The result as plain text, at most COLUMNS wide. */
#include "bench/report/report.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS		120
#define CELL		48
#define OTHER_MAX	64

struct grid {
	size_t rows, cols;
	char (*cell)[CELL];
};

static bool grid_init(struct grid *g, size_t rows, size_t cols)
{
	g->rows = rows;
	g->cols = cols;
	g->cell = calloc(rows * cols, sizeof(*g->cell));
	return g->cell;
}

static char *at(const struct grid *g, size_t row, size_t col)
{
	return g->cell[row * g->cols + col];
}

static void set(const struct grid *g, size_t row, size_t col, const char *text)
{
	snprintf(at(g, row, col), CELL, "%s", text);
}

/* 0: nothing below the heading, the column is left out. */
static size_t col_width(const struct grid *g, size_t col)
{
	size_t row, width = strlen(at(g, 0, col)), below = 0;

	for (row = 1; row < g->rows; row++) {
		size_t len = strlen(at(g, row, col));

		below = len > below ? len : below;
	}
	if (!below)
		return 0;
	return below > width ? below : width;
}

static size_t grid_width(const struct grid *g)
{
	size_t col, width = 0;

	for (col = 0; col < g->cols; col++) {
		size_t w = col_width(g, col);

		width += w ? w + (width ? 1 : 0) : 0;
	}
	return width;
}

static bool row_is_empty(const struct grid *g, size_t row)
{
	size_t col;

	for (col = 1; col < g->cols; col++) {
		if (*at(g, row, col))
			return false;
	}
	return true;
}

static size_t last_cell(const struct grid *g, size_t row)
{
	size_t col = g->cols - 1;

	while (col && !*at(g, row, col))
		col--;
	return col;
}

/* Spare room goes between the columns. */
static void grid_print(const struct grid *g, FILE *out)
{
	bool wide = grid_width(g) + g->cols <= COLUMNS;
	size_t row, col, last;

	/* Names without a column beside them say nothing. */
	if (grid_width(g) == col_width(g, 0))
		return;
	for (row = 0; row < g->rows; row++) {
		if (row_is_empty(g, row))
			continue;
		fprintf(out, "%-*s", (int)col_width(g, 0), at(g, row, 0));
		last = last_cell(g, row);
		for (col = 1; col <= last; col++) {
			int w = (int)col_width(g, col);

			if (w)
				fprintf(out, "%s%*s", wide ? "  " : " ", w, at(g, row, col));
		}
		fputc('\n', out);
	}
}

struct column {
	const char *label;
	const char *key;
	enum { US, PERCENT, NUMBER } unit;
	bool spread;
	bool compared;
};

static const struct column columns[] = {
	{ "min", "guest_min_us", US, false, false },
	{ "avg", "guest_avg_us", US, true, true },
	{ "p50", "guest_p50_us", US, true, true },
	{ "p99", "guest_p99_us", US, true, true },
	{ "p99.9", "guest_p999_us", US, true, true },
	{ "max", "guest_max_us", US, true, true },
	{ "co-ten.%", SHARE_METRIC, PERCENT, true, true },
	{ "vCPU %", "vcpu_share", PERCENT, true, true },
	{ "exits/s", "exits_per_s", NUMBER, false, true },
};

#define NCOLUMNS	(sizeof(columns) / sizeof(columns[0]))

/* Columns of the grid that do not hold one metric. */
enum { COL_NAME, COL_FIRST, COL_ALL_P999 = COL_FIRST + NCOLUMNS, COL_WORST, COL_SAMPLES, COL_END };

enum { ROW_MEDIAN, ROW_SPREAD, ROW_RATIO, ROWS_PER_MODE };

static void format_value(char *text, size_t size, const struct column *c, double v, bool tight)
{
	if (c->unit == US)
		format_us(text, size, v, tight);
	else if (c->unit == PERCENT)
		snprintf(text, size, "%.1f", v * 100);
	else
		snprintf(text, size, "%.0f", v);
}

static void fill_metric(const struct grid *t, size_t row, size_t col, const struct group *g,
			const struct mode *m, bool tight)
{
	const struct column *c = &columns[col];
	const struct mode *vanilla = group_mode(g, "vanilla");
	struct stats_comparison cmp;
	struct stats_summary s;
	char text[CELL], high[12];

	if (!mode_summary(m, c->key, &s))
		return;
	format_value(at(t, row + ROW_MEDIAN, COL_FIRST + col), CELL, c, s.median, tight);
	if (c->spread && s.n > 1) {
		format_value(text, CELL / 2, c, s.min, tight);
		format_value(high, sizeof(high), c, s.max, tight);
		snprintf(at(t, row + ROW_SPREAD, COL_FIRST + col), CELL, "%.15s-%s", text, high);
	}
	if (c->compared && m != vanilla && strcmp(m->name, "vanilla-aa") &&
	    group_compare(g, m, vanilla, c->key, &cmp))
		format_comparison(at(t, row + ROW_RATIO, COL_FIRST + col), CELL, &cmp);
}

static void fill_merged(const struct grid *t, size_t row, const struct mode *m, bool tight)
{
	const struct hist *h = mode_hist(m, "guest");
	uint64_t us;

	if (!h || !h->samples)
		return;
	if (hist_percentile(h, HIST_P999, &us) == HIST_BEYOND)
		strcpy(at(t, row, COL_ALL_P999), "<=");
	format_us(at(t, row, COL_ALL_P999) + strlen(at(t, row, COL_ALL_P999)), CELL - 2,
		  (double)us, tight);
	format_us(at(t, row, COL_WORST), CELL, (double)h->max_us, tight);
	snprintf(at(t, row, COL_SAMPLES), CELL, "%llu", (unsigned long long)h->samples);
}

static bool fill_main(struct grid *t, const struct group *g, bool tight)
{
	size_t m, c;

	if (!grid_init(t, 1 + g->nmodes * ROWS_PER_MODE, COL_END))
		return false;
	set(t, 0, COL_NAME, "mode");
	for (c = 0; c < NCOLUMNS; c++)
		set(t, 0, COL_FIRST + c, columns[c].label);
	set(t, 0, COL_ALL_P999, "all p99.9");
	set(t, 0, COL_WORST, "worst");
	set(t, 0, COL_SAMPLES, "samples");
	for (m = 0; m < g->nmodes; m++) {
		size_t row = 1 + m * ROWS_PER_MODE;

		set(t, row + ROW_MEDIAN, COL_NAME, g->modes[m].name);
		set(t, row + ROW_SPREAD, COL_NAME, "  spread");
		set(t, row + ROW_RATIO, COL_NAME, "  /vanilla");
		for (c = 0; c < NCOLUMNS; c++)
			fill_metric(t, row, c, g, &g->modes[m], tight);
		fill_merged(t, row, &g->modes[m], tight);
	}
	return true;
}

static void print_main(const struct group *g, FILE *out)
{
	struct grid t;

	if (!fill_main(&t, g, false))
		return;
	if (grid_width(&t) > COLUMNS) {
		free(t.cell);
		if (!fill_main(&t, g, true))
			return;
	}
	grid_print(&t, out);
	free(t.cell);
}

static bool fill_other(struct grid *t, const struct group *g, const char **keys, size_t n,
		       bool spread)
{
	struct stats_summary s;
	size_t m, k;

	if (!grid_init(t, 1 + n, 1 + g->nmodes))
		return false;
	set(t, 0, 0, "also measured");
	for (m = 0; m < g->nmodes; m++)
		set(t, 0, 1 + m, g->modes[m].name);
	for (k = 0; k < n; k++) {
		set(t, 1 + k, 0, keys[k]);
		for (m = 0; m < g->nmodes; m++) {
			if (!mode_summary(&g->modes[m], keys[k], &s))
				continue;
			if (spread && s.n > 1)
				snprintf(at(t, 1 + k, 1 + m), CELL, "%.5g (%.4g-%.4g)", s.median,
					 s.min, s.max);
			else
				snprintf(at(t, 1 + k, 1 + m), CELL, "%.5g", s.median);
		}
	}
	return true;
}

static void print_other(const struct group *g, FILE *out)
{
	const char *keys[OTHER_MAX];
	size_t n = other_metrics(g, keys, OTHER_MAX);
	struct grid t;

	if (!n || !fill_other(&t, g, keys, n, true))
		return;
	if (grid_width(&t) > COLUMNS) {
		free(t.cell);
		if (!fill_other(&t, g, keys, n, false))
			return;
	}
	grid_print(&t, out);
	free(t.cell);
}

bool group_has_table(const struct group *g)
{
	return group_is_overhead(g) || group_is_isolation(g) || group_is_io(g) ||
	       group_is_audio(g) || group_is_barrier(g) || group_is_server(g);
}

/* Only where the benchmark chose it. */
static void print_interval(const struct result *r, FILE *out)
{
	double share = result_parameter(r, "task_share_at_2170_us", 0);
	double interval = result_parameter(r, "interval_us", 0);
	double fair = 1 / (result_parameter(r, "cotenants", 0) + 1);

	if (share <= 0 || interval <= 0)
		return;
	fprintf(out, "A wake-up every %.0f us: every 2170 us the task alone takes %.0f %% of the pCPU, of which %.0f %% are fair.\n",
		interval, share * 100, fair * 100);
}

void table_print(const struct result *r, FILE *out)
{
	bool any = false;
	char floors[200];
	size_t i;

	if (matrix_print(r, out))
		fputc('\n', out);
	for (i = 0; i < r->ngroups; i++) {
		const struct group *g = &r->groups[i];

		if (group_has_table(g))
			continue;
		any = true;
		fprintf(out, "%s, %s: %s\n", g->bench, g->case_name, case_about(g->case_name));
		print_main(g, out);
		print_other(g, out);
		format_floors(floors, sizeof(floors), g);
		fprintf(out, "noise floor: %s\n", floors);
		if (group_overflow(g))
			fprintf(out, "overflow: %llu samples were above the histogram's last bucket\n",
				group_overflow(g));
		fputc('\n', out);
	}
	audio_print(r, out);
	barrier_print(r, out);
	server_print(r, out);
	io_print(r, out);
	if (overhead_print(r, out) && any)
		fputc('\n', out);
	if (isolation_print(r, out) && any)
		fputc('\n', out);
	if (!any)
		return;
	print_interval(r, out);
	fputs("Guest latencies in us, medians over the repeats; spread: smallest-largest repeat; /vanilla: ratio of the\n"
	      "medians, ~ within the noise floor, ? not enough evidence; all p99.9, worst, samples: all repeats together;\n"
	      "co-ten.%: CPU share of the worst-off co-tenant, 100 = one pCPU.\n", out);
}

/* Two results: not interleaved with each other, so the larger noise floor counts. */

/* Values that were compared, and those that differ. */
struct tally {
	size_t compared, differ;
	char names[500];	/* of those that differ, as far as there is room */
};

static bool compare_values(struct stats_comparison *c, const struct group *a, const struct group *b,
			   const char *mode, const char *key, struct stats_summary *sa,
			   struct stats_summary *sb)
{
	const struct mode *ma = group_mode(a, mode), *mb = group_mode(b, mode);
	double fa = group_floor(a, key, NULL), fb = group_floor(b, key, NULL);
	double va[RESULT_REPEATS_MAX], vb[RESULT_REPEATS_MAX];

	return ma && mb && mode_summary(ma, key, sa) && mode_summary(mb, key, sb) &&
	       !stats_compare(c, vb, mode_values(mb, key, vb), va, mode_values(ma, key, va),
			      fa < 0 || fb < 0 ? -1 : fa > fb ? fa : fb, RESULT_SEED);
}

static void note(struct tally *t, const struct group *g, const char *mode, const char *key,
		 const struct stats_comparison *c)
{
	size_t used = strlen(t->names);
	char ratio[16];

	t->compared++;
	if (c->outcome != STATS_BELOW && c->outcome != STATS_ABOVE)
		return;
	t->differ++;
	format_comparison(ratio, sizeof(ratio), c);
	if (used + 100 < sizeof(t->names))
		snprintf(t->names + used, sizeof(t->names) - used, "%s%.20s %.30s %.24s %s",
			 used ? ", " : "", g->case_name, mode, key, ratio);
}

static bool compare_cell(char *text, const struct group *a, const struct group *b,
			 const char *mode, const struct column *col, struct tally *t)
{
	char first[8], second[8], ratio[16];
	struct stats_summary sa, sb;
	struct stats_comparison c;

	if (!compare_values(&c, a, b, mode, col->key, &sa, &sb))
		return false;
	note(t, a, mode, col->key, &c);
	format_value(first, sizeof(first), col, sa.median, false);
	format_value(second, sizeof(second), col, sb.median, false);
	format_comparison(ratio, sizeof(ratio), &c);
	snprintf(text, CELL, "%s %s %s", first, second, ratio);
	return true;
}

static bool compare_columns(const struct group *a, const struct group *b, struct tally *t, FILE *out)
{
	static const size_t shown[] = { 1, 3, 4, 5, 6 };
	const size_t n = sizeof(shown) / sizeof(shown[0]);
	bool any = false;
	struct grid g;
	size_t m, c;

	if (!grid_init(&g, 1 + a->nmodes, 1 + n))
		return false;
	set(&g, 0, 0, "mode");
	for (c = 0; c < n; c++)
		set(&g, 0, 1 + c, columns[shown[c]].label);
	for (m = 0; m < a->nmodes; m++) {
		set(&g, 1 + m, 0, a->modes[m].name);
		for (c = 0; c < n; c++)
			any |= compare_cell(at(&g, 1 + m, 1 + c), a, b, a->modes[m].name,
					    &columns[shown[c]], t);
	}
	if (any) {
		fprintf(out, "%s, %s: first, second, second/first\n", a->bench, a->case_name);
		grid_print(&g, out);
		fputc('\n', out);
	}
	free(g.cell);
	return any;
}

/* What has no column: a line per metric and mode. */
static bool compare_others(const struct group *a, const struct group *b, struct tally *t, FILE *out)
{
	const char *keys[OTHER_MAX];
	size_t n = other_metrics(a, keys, OTHER_MAX), k, m;
	bool any = false;

	for (k = 0; k < n; k++) {
		for (m = 0; m < a->nmodes; m++) {
			struct stats_summary sa, sb;
			struct stats_comparison c;
			char ratio[16];

			if (!compare_values(&c, a, b, a->modes[m].name, keys[k], &sa, &sb))
				continue;
			if (!any)
				fprintf(out, "%s, %s, also measured: first, second, second/first\n",
					a->bench, a->case_name);
			any = true;
			note(t, a, a->modes[m].name, keys[k], &c);
			format_comparison(ratio, sizeof(ratio), &c);
			fprintf(out, "  %-28s %-14s %12.5g %12.5g %10s\n", keys[k],
				a->modes[m].name, sa.median, sb.median, ratio);
		}
	}
	if (any)
		fputc('\n', out);
	return any;
}

static void note_difference(const struct result *a, const struct result *b, FILE *out)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)a->environment, key, value) {
		if (!json_equal(value, json_object_get(b->environment, key)))
			fprintf(out, "environment differs: %s\n", key);
	}
	json_object_foreach((json_t *)a->parameters, key, value) {
		if (!json_equal(value, json_object_get(b->parameters, key)))
			fprintf(out, "parameters differ: %s\n", key);
	}
}

static void compare_verdict(const struct tally *t, FILE *out)
{
	if (!t->differ) {
		fprintf(out, "no verdict: none of the %zu values differs\n", t->compared);
		return;
	}
	fprintf(out, "verdict: %zu of %zu values differ, of which chance explains %.1f: %s%s\n",
		t->differ, t->compared, (double)t->compared * STATS_ALPHA, t->names,
		t->differ > 1 && strlen(t->names) + 100 >= sizeof(t->names) ? ", ..." : "");
}

void table_compare(const struct result *a, const struct result *b, FILE *out)
{
	struct tally t = { 0 };
	bool any = false;
	size_t i, j;

	for (i = 0; i < a->ngroups; i++) {
		for (j = 0; j < b->ngroups; j++) {
			if (strcmp(a->groups[i].bench, b->groups[j].bench) ||
			    strcmp(a->groups[i].case_name, b->groups[j].case_name))
				continue;
			any |= compare_columns(&a->groups[i], &b->groups[j], &t, out);
			any |= compare_others(&a->groups[i], &b->groups[j], &t, out);
		}
	}
	note_difference(a, b, out);
	if (!any) {
		fputs("no verdict: nothing to compare: the results have no benchmark, case and mode in common\n",
		      out);
		return;
	}
	fputs("The two were not interleaved: a difference may come from the machine. ~ within the larger of the two noise\n"
	      "floors, ? not enough evidence.\n", out);
	compare_verdict(&t, out);
}
