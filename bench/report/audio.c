// SPDX-License-Identifier: GPL-2.0
/* Glitches of sound: one table of all loads and burst sizes, modes below each other. */
#include "bench/lib/glitch.h"
#include "bench/report/report.h"

#include <stdlib.h>
#include <string.h>

#define GLITCHES	"glitches"
#define GROUPS_MAX	32

/*
 * The target: of vanilla's glitches, coop has AUDIO_RATIO at most with co-tenants and short bursts,
 * and no more than static with any.
 */
#define AUDIO_RATIO	0.05
#define AUDIO_SHORT	256

static const struct section {
	const char *key;
	const char *title;
	double scale;
	int digits;
	bool compared;	/* with spread and ratio to vanilla */
} sections[] = {
	{ GLITCHES, "glitches", 1, 0, true },
	{ "xruns", "XRuns: bursts that were not there in time", 1, 0, false },
	{ "longest_clean_ms", "longest time without a glitch, s", 1e-3, 2, false },
	{ "glitch_share", "time in glitches, %", 100, 2, false },
};

#define NSECTIONS	(sizeof(sections) / sizeof(sections[0]))

bool group_is_audio(const struct group *g)
{
	return !strcmp(g->bench, "audio");
}

static int frames_of(const struct group *g)
{
	const char *last = strrchr(g->case_name, '-');

	return last ? atoi(last + 1) : 0;
}

double audio_buffer_us(const struct result *r, const struct group *g)
{
	return result_parameter(r, "buffer_bursts", 0) * frames_of(g) * 1e6 /
	       result_parameter(r, "rate", AUDIO_RATE);
}

static const char *load_of(const struct group *g)
{
	if (!strncmp(g->case_name, "busy-hog", 8))
		return "busy, guest too";
	return strncmp(g->case_name, "busy", 4) ? "no load" : "busy";
}

static size_t audio_groups(const struct result *r, const struct group **g)
{
	size_t n = 0, i;

	for (i = 0; i < r->ngroups && n < GROUPS_MAX; i++)
		if (group_is_audio(&r->groups[i]))
			g[n++] = &r->groups[i];
	return n;
}

static void print_head(const struct group **g, size_t n, const struct section *s, FILE *out)
{
	size_t i, last = 0;

	fprintf(out, "%s\n  %-12s", s->title, "");
	for (i = 0; i < n; i++) {
		if (i && !strcmp(load_of(g[i]), load_of(g[i - 1])))
			continue;
		fprintf(out, "%*s %11s", (int)(i - last) * 12, "", load_of(g[i]));
		last = i + 1;
	}
	fprintf(out, "\n  %-12s", "frames/burst");
	for (i = 0; i < n; i++)
		fprintf(out, " %11d", frames_of(g[i]));
	fputc('\n', out);
}

enum row { ROW_MEDIAN, ROW_SPREAD, ROW_RATIO };

/* Empty where there is nothing to say. */
static void cell(char *text, size_t size, const struct group *g, const char *mode,
		 const struct section *s, enum row row)
{
	const struct mode *m = group_mode(g, mode), *base = group_base(g);
	struct stats_comparison c;
	struct stats_summary sum;
	double median;

	text[0] = '\0';
	if (!m || !mode_summary(m, s->key, &sum))
		return;
	median = sum.median * s->scale;
	if (row == ROW_MEDIAN)
		snprintf(text, size, "%.*f", s->digits || median == (long)median ? s->digits : 1, median);
	else if (row == ROW_SPREAD && sum.n > 1)
		snprintf(text, size, "%.*f-%.*f", s->digits, sum.min * s->scale, s->digits,
			 sum.max * s->scale);
	else if (row == ROW_RATIO && m != base && group_compare(g, m, base, s->key, &c))
		format_comparison(text, size, &c);
}

static void print_row(const struct group **g, size_t n, const char *name, const char *mode,
		      const struct section *s, enum row row, FILE *out)
{
	char cells[GROUPS_MAX][24];
	bool any = false;
	size_t i;

	for (i = 0; i < n; i++) {
		cell(cells[i], sizeof(cells[i]), g[i], mode, s, row);
		any |= cells[i][0];
	}
	if (!any)
		return;
	for (; !cells[n - 1][0]; n--)
		;
	fprintf(out, "  %-12s", name);
	for (i = 0; i < n; i++)
		fprintf(out, " %11s", cells[i]);
	fputc('\n', out);
}

static void print_mode(const struct group **g, size_t n, const char *mode, const struct section *s,
		       FILE *out)
{
	print_row(g, n, mode, mode, s, ROW_MEDIAN, out);
	if (!s->compared)
		return;
	print_row(g, n, "  spread", mode, s, ROW_SPREAD, out);
	if (strcmp(mode, "vanilla-aa"))
		print_row(g, n, "  /vanilla", mode, s, ROW_RATIO, out);
}

static void print_floor(const struct group **g, size_t n, const struct section *s, FILE *out)
{
	char floor[32];
	size_t i;

	fprintf(out, "  %-12s", "noise floor");
	for (i = 0; i < n; i++) {
		format_floor(floor, sizeof(floor), group_floor(g[i], s->key, NULL));
		fprintf(out, " %11s", floor);
	}
	fputc('\n', out);
}

/* Each mode once, in the order of the group that has most of them. */
static const struct group *fullest(const struct group **g, size_t n)
{
	const struct group *most = g[0];
	size_t i;

	for (i = 1; i < n; i++)
		if (g[i]->nmodes > most->nmodes)
			most = g[i];
	return most;
}

/* What fails alone on its pCPU says nothing about who schedules it. */
static void print_alone(const struct group **g, size_t n, FILE *out)
{
	struct stats_summary s;
	size_t i;

	for (i = 0; i < n; i++) {
		const struct mode *m = group_mode(g[i], "vanilla");

		if (strcmp(load_of(g[i]), "no load") || !m || !mode_summary(m, GLITCHES, &s) ||
		    s.median <= 0)
			continue;
		fprintf(out, "This machine does not keep up with %d frames even without load: a larger --buffer gives it more time.\n",
			frames_of(g[i]));
	}
}

bool audio_print(const struct result *r, FILE *out)
{
	double buffer = result_parameter(r, "buffer_bursts", 0);
	double seconds = result_parameter(r, "seconds", 0);
	const struct group *g[GROUPS_MAX], *most;
	size_t n = audio_groups(r, g), i, m;

	if (!n)
		return false;
	most = fullest(g, n);
	fprintf(out, "audio: a sine at %g kHz, rendered in the guest and listened to on the host",
		result_parameter(r, "rate", AUDIO_RATE) / 1000);
	if (buffer > 0 && seconds > 0)
		fprintf(out, "; %.0f bursts of buffer, %.0f s each", buffer, seconds);
	fputs("\n\n", out);
	for (i = 0; i < NSECTIONS; i++) {
		if (!groups_measured(g, n, sections[i].key))
			continue;
		print_head(g, n, &sections[i], out);
		for (m = 0; m < most->nmodes; m++)
			print_mode(g, n, most->modes[m].name, &sections[i], out);
		if (sections[i].compared)
			print_floor(g, n, &sections[i], out);
		fputc('\n', out);
	}
	print_alone(g, n, out);
	fputs("Medians over the repeats; spread: smallest-largest repeat; /vanilla: ratio of the medians, ~ within the noise\n"
	      "floor, ? not enough evidence. A glitch lasts from the first wrong or missing frame to one good period.\n", out);
	return true;
}

struct tally {
	size_t cases, reached, missed;
};

static void count(struct tally *t, bool reached, bool missed)
{
	t->cases++;
	t->reached += reached;
	t->missed += missed && !reached;
}

static const char *word(const struct tally *t)
{
	if (!t->cases)
		return "no verdict (not measured)";
	if (t->missed)
		return "missed";
	return t->reached == t->cases ? "reached" : "no verdict";
}

static void say_against(FILE *out, const struct group *g, const struct stats_comparison *c)
{
	char text[32];

	format_comparison(text, sizeof(text), c);
	fprintf(out, " %s %s", g->case_name, text);
}

/* Few enough, for certain. Where vanilla has no glitch there is nothing to cut. */
static void judge_vanilla(const struct group *g, struct tally *t, FILE *out)
{
	const struct mode *coop = group_mode(g, "coop"), *vanilla = group_mode(g, "vanilla");
	struct stats_comparison c;
	struct stats_summary s;

	if (!group_compare(g, coop, vanilla, GLITCHES, &c) || !mode_summary(vanilla, GLITCHES, &s) ||
	    s.median <= 0)
		return;
	count(t, c.outcome == STATS_BELOW && c.ratio <= AUDIO_RATIO,
	      c.outcome != STATS_TOO_FEW && c.outcome != STATS_NO_FLOOR && c.ratio > AUDIO_RATIO);
	say_against(out, g, &c);
}

static void judge_static(const struct group *g, struct tally *t, FILE *out)
{
	const struct mode *coop = group_mode(g, "coop"), *st = group_mode(g, "static");
	struct stats_comparison c;

	if (!group_compare(g, coop, st, GLITCHES, &c))
		return;
	count(t, c.outcome != STATS_TOO_FEW && c.outcome != STATS_NO_FLOOR && c.ratio <= 1,
	      c.outcome == STATS_ABOVE);
	if (c.ratio > 1)
		say_against(out, g, &c);
}

/* Of the modes that are judged, in the group that has the fewest. */
static size_t fewest_repeats(const struct group **g, size_t n)
{
	static const char *const names[] = { "vanilla", "coop", "static" };
	size_t fewest = RESULT_REPEATS_MAX, i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < 3; k++) {
			const struct mode *m = group_mode(g[i], names[k]);

			if (m && m->nruns < fewest)
				fewest = m->nruns;
		}
	}
	return fewest;
}

static void judge(const struct group **g, size_t n, FILE *out)
{
	char beyond[500] = "";
	FILE *st = fmemopen(beyond, sizeof(beyond), "w");
	struct tally cut = { 0 }, level = { 0 };
	size_t i;

	if (!st)
		return;
	fprintf(out, "of vanilla's glitches on a busy host coop has");
	for (i = 0; i < n; i++) {
		if (strcmp(load_of(g[i]), "no load") && frames_of(g[i]) <= AUDIO_SHORT)
			judge_vanilla(g[i], &cut, out);
		judge_static(g[i], &level, st);
	}
	fclose(st);
	fprintf(out, "%s, target %.2fx: %s; no more than static: %s", cut.cases ? "" : " nothing to cut",
		AUDIO_RATIO, word(&cut), word(&level));
	if (*beyond)
		fprintf(out, " (coop/static:%s)", beyond);
}

void audio_verdict(const struct result *r, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");
	const struct group *g[GROUPS_MAX];
	size_t n = audio_groups(r, g), repeats = fewest_repeats(g, n);

	if (!out)
		return;
	if (repeats < STATS_REPEATS_MIN)
		fprintf(out, "no verdict: audio: %zu repeat%s, %d are needed; seen: ", repeats,
			repeats == 1 ? "" : "s", STATS_REPEATS_MIN);
	else
		fprintf(out, "verdict: audio: ");
	judge(g, n, out);
	fclose(out);
}
