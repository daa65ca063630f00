// SPDX-License-Identifier: GPL-2.0
/* Charts as inline SVG. Colours and line styles are in the style sheet of html.c. */
#include "bench/report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH		760
#define LABELS_MAX	32

unsigned int plot_style(const char *mode)
{
	static const char *const known[] = {
		"vanilla", "vanilla-aa", "slice", "coop", "coop-fair", "static",
	};
	/* Benchmarks whose modes have other names have no more of them than colours. */
	static const char *const others[] = { "off", "off-aa", "other", "on" };
	unsigned int i, n = sizeof(known) / sizeof(known[0]);

	for (i = 0; i < n; i++) {
		if (!strcmp(mode, known[i]) ||
		    (i < sizeof(others) / sizeof(others[0]) && !strcmp(mode, others[i])))
			return i;
	}
	/* Two more colours for whatever else was measured. */
	return n + (unsigned int)strlen(mode) % 2;
}

/* A logarithmic axis: @lo is drawn at @from, @hi at @to. */
struct axis {
	double lo, hi;
	double from, to;
};

static double place(const struct axis *a, double v)
{
	v = v < a->lo ? a->lo : v > a->hi ? a->hi : v;
	return a->from + (a->to - a->from) * log(v / a->lo) / log(a->hi / a->lo);
}

/* A bit of room at both ends; what is below 1, us or ns, is drawn as 1. */
static void span(struct axis *a, double lo, double hi)
{
	lo = lo < 1 ? 1 : lo;
	hi = hi < lo ? lo : hi;
	a->lo = lo / 1.15;
	a->hi = hi * 1.2;
}

static void tick_text(char *text, size_t size, double us)
{
	if (us >= 1e6)
		snprintf(text, size, "%.3g s", us / 1e6);
	else if (us >= 1e3)
		snprintf(text, size, "%.3g ms", us / 1e3);
	else
		snprintf(text, size, "%.3g \302\265s", us);
}

/* Ticks of an axis: 1, 2, 5, 10, ... or the powers of ten, or even steps on a short axis. */
struct ticks {
	double step;	/* 0: not even */
	bool tens;
};

/* The smallest of 1, 2, 5, 10, ... that is not below @v; the powers of ten alone if @tens. */
static double round_up(double v, bool tens)
{
	static const double steps[] = { 1, 2, 5, 10 };
	double decade = pow(10, floor(log10(v) + 1e-9));
	size_t i;

	for (i = 0; i < 3; i += tens ? 3 : 1) {
		if (steps[i] * decade >= v * (1 - 1e-9))
			break;
	}
	return steps[i] * decade;
}

/* Labels are @least_px apart or more. */
static struct ticks choose_ticks(const struct axis *a, double least_px)
{
	double px = fabs(a->to - a->from), per_decade = px / log10(a->hi / a->lo);
	struct ticks t = { 0, per_decade * 0.3 < least_px };

	/* Where the axis is densest, at its upper end, a step is step/hi wide in logarithm. */
	if (a->hi / a->lo < 6)
		t.step = round_up(a->hi * least_px * M_LN10 / per_decade, false);
	return t;
}

static double next_tick(const struct ticks *t, double v)
{
	if (t->step > 0)
		return ceil(v / t->step - 1e-9) * t->step;
	return round_up(v, t->tens);
}

static void svg_open(FILE *out, int height, const char *title)
{
	fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, height);
	html_text(out, title);
	fputs("\">\n", out);
}

/* Horizontal grid lines with latencies left of them. */
static void y_ticks(const struct axis *y, double x0, double x1, FILE *out)
{
	struct ticks t = choose_ticks(y, 20);
	double v;
	char text[24];

	for (v = next_tick(&t, y->lo); v <= y->hi; v = next_tick(&t, v * 1.001)) {
		tick_text(text, sizeof(text), v);
		fprintf(out, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>"
			"<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			x0, place(y, v), x1, x0 - 8, place(y, v) + 4, text);
	}
}

/* @us: what one on the axis is in microseconds. */
static void x_ticks(const struct axis *x, double us, double y0, double y1, FILE *out)
{
	struct ticks t = choose_ticks(x, 56);
	double v;
	char text[24];

	for (v = next_tick(&t, x->lo); v <= x->hi; v = next_tick(&t, v * 1.001)) {
		tick_text(text, sizeof(text), v * us);
		fprintf(out, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>"
			"<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
			place(x, v), y0, y1, place(x, v), y1 + 16, text);
	}
}

/* Percentiles */

enum { P_LEFT = 74, P_RIGHT = 606, P_TOP = 14, P_BOTTOM = 336, P_HEIGHT = 388 };

struct percentile_plot {
	struct axis y;
	double decades;		/* of 1 - p on the x axis */
};

struct end_label {
	const struct mode *mode;
	double x, y;		/* where the curve ends */
	double at;		/* where the text goes */
	char text[96];
};

/* Position of the fraction @p < 1 of all samples. */
static double p_place(const struct percentile_plot *plot, double p)
{
	return P_LEFT + (P_RIGHT - P_LEFT) * -log10(1 - p) / plot->decades;
}

static void p_ticks(const struct percentile_plot *plot, FILE *out)
{
	static const struct { double p; const char *text; } ticks[] = {
		{ 0, "0" }, { 0.5, "50" }, { 0.9, "90" }, { 0.99, "99" }, { 0.999, "99.9" },
		{ 0.9999, "99.99" }, { 0.99999, "99.999" }, { 0.999999, "99.9999" },
	};
	size_t i;

	for (i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
		double x = p_place(plot, ticks[i].p);

		if (x > P_RIGHT + 0.5)
			break;
		fprintf(out, "<path class=\"grid\" d=\"M%.1f %dV%d\"/>"
			"<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
			x, P_TOP, P_BOTTOM, x, P_BOTTOM + 17, ticks[i].text);
	}
	fprintf(out, "<text class=\"axis\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">"
		"percentile: so many %% of the wake-ups were at most this late</text>\n",
		(P_LEFT + P_RIGHT) / 2, P_BOTTOM + 40);
}

/* Steps from bucket to bucket, as far as one sees them. @last_x, @last_y: where they end. */
static void p_steps(const struct percentile_plot *plot, const struct hist *h, uint64_t limit,
		    double *last_x, double *last_y, FILE *out)
{
	double n = (double)h->samples;
	uint64_t seen = 0, us;

	*last_x = P_LEFT;
	*last_y = place(&plot->y, (double)h->min_us);
	fprintf(out, "<path class=\"curve\" d=\"M%.1f %.1f", *last_x, *last_y);
	for (us = 0; us < limit; us++) {
		double x, y;

		if (!h->count[us])
			continue;
		x = p_place(plot, (double)seen / n);
		y = place(&plot->y, (double)us);
		seen += h->count[us];
		if (x - *last_x < 0.8 && fabs(y - *last_y) < 0.8)
			continue;
		fprintf(out, "H%.1fV%.1f", x, y);
		*last_x = x;
		*last_y = y;
	}
	if (seen < h->samples) {
		*last_x = p_place(plot, (double)seen / n);
		fprintf(out, "H%.1f", *last_x);
	}
}

static void p_curve(const struct percentile_plot *plot, const struct hist *h, FILE *out)
{
	double end = p_place(plot, 1 - 1 / (double)h->samples);
	double top = place(&plot->y, (double)h->max_us), x, y;
	uint64_t limit = h->buckets;

	if (h->overflow && h->overflow_from < limit)
		limit = h->overflow_from;
	p_steps(plot, h, limit, &x, &y, out);
	/* Between the last known percentile and the maximum nothing is known. */
	if (h->overflow)
		fprintf(out, "\"/><path class=\"curve unknown\" d=\"M%.1f %.1fL%.1f %.1f", x, y, end, top);
	else
		fprintf(out, "H%.1fV%.1f", end, top);
	fprintf(out, "\"/><circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>", end, top);
}

static void p_title(const struct mode *m, const struct hist *h, FILE *out)
{
	static const struct { uint32_t ppm; const char *name; } shown[] = {
		{ HIST_P50, "p50" }, { HIST_P99, "p99" }, { HIST_P999, "p99.9" },
		{ HIST_P9999, "p99.99" },
	};
	size_t i;

	fputs("<title>", out);
	html_text(out, m->name);
	fprintf(out, ": %llu samples", (unsigned long long)h->samples);
	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		uint64_t us;
		bool beyond = hist_percentile(h, shown[i].ppm, &us) == HIST_BEYOND;

		fprintf(out, ", %s %s%llu us", shown[i].name, beyond ? "at most " : "",
			(unsigned long long)us);
	}
	fprintf(out, ", worst %llu us</title>", (unsigned long long)h->max_us);
}

static int by_height(const void *a, const void *b)
{
	double x = ((const struct end_label *)a)->y, y = ((const struct end_label *)b)->y;

	return (x > y) - (x < y);
}

/* Labels keep their order and get a line of their own each. */
static void p_labels(struct end_label *l, size_t n, FILE *out)
{
	const double step = 17;
	size_t i;

	qsort(l, n, sizeof(*l), by_height);
	for (i = 0; i < n; i++) {
		l[i].at = l[i].y;
		if (i && l[i].at < l[i - 1].at + step)
			l[i].at = l[i - 1].at + step;
	}
	for (i = n; i-- > 0;) {
		double lowest = i + 1 < n ? l[i + 1].at - step : P_BOTTOM;

		l[i].at = l[i].at > lowest ? lowest : l[i].at;
	}
	for (i = 0; i < n; i++) {
		fprintf(out, "<g class=\"m%u\"><path class=\"leader\" d=\"M%.1f %.1fL%d %.1f\"/>"
			"<text class=\"name\" x=\"%d\" y=\"%.1f\">", plot_style(l[i].mode->name),
			l[i].x + 5, l[i].y, P_RIGHT + 16, l[i].at, P_RIGHT + 19, l[i].at + 4.5);
		html_text(out, l[i].text);
		fputs("</text></g>\n", out);
	}
}

static bool p_range(struct percentile_plot *plot, const struct group *g, const char *hist,
		    double limit_us)
{
	double lo = INFINITY, hi = limit_us, most = 0;
	size_t m;

	for (m = 0; m < g->nmodes; m++) {
		const struct hist *h = mode_hist(&g->modes[m], hist);

		if (!h || !h->samples)
			continue;
		lo = fmin(lo, (double)h->min_us);
		hi = fmax(hi, (double)h->max_us);
		most = fmax(most, (double)h->samples);
	}
	span(&plot->y, lo, hi);
	plot->y.from = P_BOTTOM;
	plot->y.to = P_TOP;
	plot->decades = fmax(1, log10(fmax(most, 1)) + 0.05);
	return most > 0;
}

/* What is above this is too late. */
static void p_limit(const struct percentile_plot *plot, double us, FILE *out)
{
	double y = place(&plot->y, us);
	char text[24];

	tick_text(text, sizeof(text), us);
	fprintf(out, "<path class=\"fair\" d=\"M%d %.1fH%d\"/>"
		"<text class=\"tick halo\" x=\"%d\" y=\"%.1f\">buffer: %s</text>\n",
		P_LEFT, y, P_RIGHT, P_LEFT + 6, y - 5, text);
}

void plot_percentiles(const struct group *g, const char *hist, double limit_us, FILE *out)
{
	struct end_label labels[LABELS_MAX];
	struct percentile_plot plot;
	size_t m, n = 0;

	if (!p_range(&plot, g, hist, limit_us))
		return;
	svg_open(out, P_HEIGHT, "latency by percentile, one curve per mode");
	y_ticks(&plot.y, P_LEFT, P_RIGHT, out);
	p_ticks(&plot, out);
	for (m = 0; m < g->nmodes; m++) {
		const struct hist *h = mode_hist(&g->modes[m], hist);
		struct end_label *l = &labels[n];
		char worst[24];

		if (!h || !h->samples)
			continue;
		fprintf(out, "<g class=\"m%u\">", plot_style(g->modes[m].name));
		p_title(&g->modes[m], h, out);
		p_curve(&plot, h, out);
		fputs("</g>\n", out);
		if (n == LABELS_MAX)
			continue;
		l->mode = &g->modes[m];
		l->x = p_place(&plot, 1 - 1 / (double)h->samples);
		l->y = place(&plot.y, (double)h->max_us);
		tick_text(worst, sizeof(worst), (double)h->max_us);
		snprintf(l->text, sizeof(l->text), "%.40s %s", g->modes[m].name, worst);
		n++;
	}
	if (limit_us > 0)
		p_limit(&plot, limit_us, out);
	p_labels(labels, n, out);
	fputs("</svg>\n", out);
}

/* Shares of the processor */

enum { S_LEFT = 110, S_RIGHT = 690, S_TOP = 22, S_ROW = 46, S_BAR = 15 };

static double s_place(double share, double full)
{
	return S_LEFT + (S_RIGHT - S_LEFT) * share / full;
}

static double widest_share(const struct group *g, bool *any)
{
	static const char *const keys[] = { SHARE_METRIC, "vcpu_share" };
	struct stats_summary s;
	double widest = 1;
	size_t m, k;

	*any = false;
	for (m = 0; m < g->nmodes; m++) {
		for (k = 0; k < 2; k++) {
			if (!mode_summary(&g->modes[m], keys[k], &s))
				continue;
			*any |= !k;
			widest = fmax(widest, s.median);
		}
	}
	return widest;
}

static void s_bar(const struct mode *m, const char *key, const char *label, double y, double full,
		  FILE *out)
{
	struct stats_summary s;
	double x;

	if (!mode_summary(m, key, &s))
		return;
	x = s_place(s.median, full);
	fprintf(out, "<g><title>%s: %.1f %% (%.1f to %.1f %% over %zu repeats)</title>"
		"<rect class=\"%s\" x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>"
		"<path class=\"whisker\" d=\"M%.1f %.1fH%.1f\"/>"
		"<text class=\"tick halo\" x=\"%.1f\" y=\"%.1f\">%s %.1f %%</text></g>\n",
		label, s.median * 100, s.min * 100, s.max * 100, s.n,
		!strcmp(key, SHARE_METRIC) ? "bar" : "bar pale", S_LEFT, y, x - S_LEFT, S_BAR,
		s_place(s.min, full), y + S_BAR / 2.0, s_place(fmin(s.max, full), full),
		fmax(x, s_place(fmin(s.max, full), full)) + 6, y + S_BAR - 3, label,
		s.median * 100);
}

static void s_axis(double full, int bottom, FILE *out)
{
	int percent, step = full > 2 ? 100 : 25;

	for (percent = 0; percent <= full * 100 + 0.5; percent += step)
		fprintf(out, "<path class=\"grid\" d=\"M%.1f %dV%d\"/>"
			"<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d %%</text>\n",
			s_place(percent / 100.0, full), S_TOP, bottom,
			s_place(percent / 100.0, full), bottom + 16, percent);
	fprintf(out, "<text class=\"axis\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">"
		"share of one pCPU</text>\n", (S_LEFT + S_RIGHT) / 2, bottom + 36);
}

void plot_shares(const struct result *r, const struct group *g, FILE *out)
{
	double cotenants = result_parameter(r, "cotenants", 0), full;
	int bottom = S_TOP + (int)g->nmodes * S_ROW;
	size_t m;
	bool any;

	full = widest_share(g, &any);
	if (!any)
		return;
	svg_open(out, bottom + 46, "shares of the processor, per mode");
	s_axis(full, bottom, out);
	for (m = 0; m < g->nmodes; m++) {
		const struct mode *mode = &g->modes[m];
		double y = S_TOP + (double)m * S_ROW + 6;

		fprintf(out, "<g class=\"m%u\"><text class=\"name\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
			plot_style(mode->name), S_LEFT - 8, y + S_BAR + 5);
		html_text(out, mode->name);
		fputs("</text>\n", out);
		s_bar(mode, SHARE_METRIC, "co-tenant", y, full, out);
		s_bar(mode, "vcpu_share", "vCPU", y + S_BAR + 3, full, out);
		fputs("</g>\n", out);
	}
	if (cotenants >= 1) {
		double x = s_place(1 / (cotenants + 1), full);

		fprintf(out, "<path class=\"fair\" d=\"M%.1f %dV%d\"/>"
			"<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">fair share %.1f %%</text>\n",
			x, S_TOP - 6, bottom, x, S_TOP - 10, 100 / (cotenants + 1));
	}
	fputs("</svg>\n", out);
}

/* Single repeats */

enum { R_LEFT = 92, R_PANEL = 270, R_GAP = 110, R_HEAD = 30, R_ROW = 20, R_FOOT = 42 };

static bool r_range(struct axis *x, const struct group *g, const char *key)
{
	double lo = INFINITY, hi = 0;
	struct stats_summary s;
	size_t m;

	for (m = 0; m < g->nmodes; m++) {
		if (!mode_summary(&g->modes[m], key, &s))
			continue;
		lo = fmin(lo, s.min);
		hi = fmax(hi, s.max);
	}
	span(x, lo, hi);
	return hi > 0;
}

/* Whatever has its median in here is level with the base. */
static void r_floor(const struct group *g, const char *key, const struct axis *x, double top,
		    double bottom, FILE *out)
{
	const struct mode *base = group_base(g);
	double floor = group_floor(g, key, NULL), from, to;
	struct stats_summary s;

	if (floor < 0 || !base || !mode_summary(base, key, &s))
		return;
	from = place(x, s.median / (1 + floor));
	to = place(x, s.median * (1 + floor));
	fprintf(out, "<rect class=\"noise\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
		"<title>noise floor around %s: %.1f %%</title></rect>\n", from, top,
		fmax(to - from, 1), bottom - top, base->name, floor * 100);
}

static void r_row(const struct mode *m, const struct plot_metric *t, const struct axis *x, double y,
		  FILE *out)
{
	double v[RESULT_REPEATS_MAX];
	size_t n = mode_values(m, t->key, v), i;
	struct stats_summary s;
	char text[24];

	fprintf(out, "<g class=\"m%u\"><text class=\"name\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">",
		plot_style(m->name), x->from - 8, y + 4.5);
	html_text(out, m->name);
	fputs("</text>", out);
	for (i = 0; i < n; i++) {
		tick_text(text, sizeof(text), v[i] * t->us);
		fprintf(out, "<circle class=\"dot see\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>%s</title></circle>",
			place(x, v[i]), y, text);
	}
	if (!stats_summarize(&s, v, n)) {
		tick_text(text, sizeof(text), s.median * t->us);
		fprintf(out, "<path class=\"median\" d=\"M%.1f %.1fv16\"><title>median %s</title></path>",
			place(x, s.median), y - 8, text);
	}
	fputs("</g>\n", out);
}

static void r_panel(const struct group *g, const struct plot_metric *t, double left, double top,
		    FILE *out)
{
	double bottom = top + (double)g->nmodes * R_ROW + 8;
	struct axis x = { .from = left, .to = left + R_PANEL };
	size_t m;

	if (!r_range(&x, g, t->key))
		return;
	fprintf(out, "<text class=\"panel\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", left, top - 9,
		t->label);
	r_floor(g, t->key, &x, top, bottom, out);
	x_ticks(&x, t->us, top, bottom, out);
	for (m = 0; m < g->nmodes; m++)
		r_row(&g->modes[m], t, &x, top + 14 + (double)m * R_ROW, out);
}

void plot_repeats(const struct group *g, const struct plot_metric *t, size_t n, FILE *out)
{
	int panel = R_HEAD + (int)g->nmodes * R_ROW + R_FOOT;
	struct axis unused;
	size_t i;

	if (!n || !r_range(&unused, g, t[0].key))
		return;
	svg_open(out, (int)(n + 1) / 2 * panel, "every repeat as a dot, per metric and mode");
	for (i = 0; i < n; i++)
		r_panel(g, &t[i], R_LEFT + (double)(i % 2) * (R_PANEL + R_GAP),
			(double)(i / 2) * panel + R_HEAD, out);
	fputs("</svg>\n", out);
}

/* Misses over time */

enum { T_LEFT = 110, T_RIGHT = 720, T_TOP = 8, T_GAP = 10, T_STRIP = 9, T_STRIPS_MAX = 10 };

static double t_place(double ms, double length)
{
	return T_LEFT + (T_RIGHT - T_LEFT) * fmin(ms, length) / length;
}

static size_t t_strips(const struct mode *m)
{
	return m->nruns < T_STRIPS_MAX ? m->nruns : T_STRIPS_MAX;
}

/* Until the end of the measurement, or the last miss where nobody says how long it was. */
static double t_length(const struct result *r, const struct group *g, size_t *strips)
{
	double length = result_parameter(r, "seconds", 0) * 1000;
	size_t m, i;

	*strips = 0;
	for (m = 0; m < g->nmodes; m++) {
		*strips += t_strips(&g->modes[m]);
		for (i = 0; i < g->modes[m].nruns; i++) {
			const json_t *misses = g->modes[m].runs[i].misses_ms;
			size_t n = json_array_size(misses);

			if (n)
				length = fmax(length, json_number_value(json_array_get(misses, n - 1)));
		}
	}
	return fmax(length, 1);
}

static void t_strip(const struct run *run, double y, double length, FILE *out)
{
	size_t n = json_array_size(run->misses_ms), i;
	json_t *value;

	fprintf(out, "<g><title>repeat %d: %zu</title><path class=\"grid\" d=\"M%d %.1fH%d\"/>",
		run->repeat, n, T_LEFT, y + T_STRIP - 1, T_RIGHT);
	if (n) {
		fputs("<path class=\"miss\" d=\"", out);
		json_array_foreach((json_t *)run->misses_ms, i, value)
			fprintf(out, "M%.1f %.1fv%d", t_place(json_number_value(value), length), y,
				T_STRIP - 2);
		fputs("\"/>", out);
	}
	fputs("</g>\n", out);
}

static void t_axis(double length, double bottom, FILE *out)
{
	double s = length / 1000, step = round_up(s / 8, false), at;

	for (at = 0; at <= s * 1.0001; at += step)
		fprintf(out, "<path class=\"grid\" d=\"M%.1f %dV%.1f\"/>"
			"<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.3g s</text>\n",
			t_place(at * 1000, length), T_TOP, bottom, t_place(at * 1000, length),
			bottom + 16, at);
}

bool plot_has_misses(const struct group *g)
{
	size_t m, i;

	for (m = 0; m < g->nmodes; m++)
		for (i = 0; i < g->modes[m].nruns; i++)
			if (g->modes[m].runs[i].misses_ms)
				return true;
	return false;
}

void plot_misses(const struct result *r, const struct group *g, FILE *out)
{
	double length, y = T_TOP, bottom;
	size_t strips, m, i;

	if (!plot_has_misses(g))
		return;
	length = t_length(r, g, &strips);
	bottom = T_TOP + (double)strips * T_STRIP + (double)g->nmodes * T_GAP;
	svg_open(out, (int)bottom + 24, "when something was missed, a strip per repeat");
	t_axis(length, bottom, out);
	for (m = 0; m < g->nmodes; m++) {
		const struct mode *mode = &g->modes[m];

		fprintf(out, "<g class=\"m%u\"><text class=\"name\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
			plot_style(mode->name), T_LEFT - 8,
			y + (double)t_strips(mode) * T_STRIP / 2 + 4.5);
		html_text(out, mode->name);
		fputs("</text>\n", out);
		for (i = 0; i < t_strips(mode); i++, y += T_STRIP)
			t_strip(&mode->runs[i], y, length, out);
		fputs("</g>\n", out);
		y += T_GAP;
	}
	fputs("</svg>\n", out);
}
