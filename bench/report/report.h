/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COOP_REPORT_REPORT_H
#define COOP_REPORT_REPORT_H

#include "bench/report/result.h"

/*
 * The target: the tail latency of static RT at the fairness of vanilla.
 *
 * Tail: each of the four metrics is below static's, or level with it: no
 * difference is found, the ratio is at most 1 + TAIL_LEVEL, and the noise floor
 * is at most TAIL_LEVEL, since a blunt comparison finds no difference either.
 * Fairness: the worst-off co-tenant keeps FAIR_RATIO of its share under vanilla,
 * known to within FAIR_FLOOR_MAX.
 */
#define TAIL_LEVEL	0.25
#define FAIR_RATIO	0.97
#define FAIR_FLOOR_MAX	0.03

#define TAIL_METRICS	4
extern const struct tail_metric {
	const char *key;
	const char *label;
} tail_metrics[TAIL_METRICS];

/* The share that fairness is judged by: of the worst-off co-tenant. */
#define SHARE_METRIC	"cotenant_share_min"

/*
 * Isolation: whatever another guest does, a co-tenant keeps FAIR_RATIO of a fair
 * share in every second, and an honest guest's average latency grows to HONEST_RATIO
 * at most. So does its p99, where it can be told: a few hundred wakeups have two or
 * three beyond it, so it need not, but it must be known to within HONEST_FLOOR_MAX.
 * Without the charge the share falls below DETECT_RATIO, or nothing is tested: the
 * budgets, half a pCPU per vCPU, leave one of two co-tenants about half of its share.
 */
#define HONEST_RATIO	(1 / 0.9)
#define HONEST_FLOOR_MAX	0.5
#define DETECT_RATIO	0.75

/* A metric in a chart, whose unit is US microseconds. */
struct plot_metric {
	const char *key, *label;
	double us;
};

/* One line without the newline, "verdict: ..." or "no verdict: ...". */
void verdict_text(const struct result *r, char *text, size_t size);
/* The case that the verdict is about, or NULL. */
const struct group *verdict_group(const struct result *r);

void table_print(const struct result *r, FILE *out);
void table_compare(const struct result *a, const struct result *b, FILE *out);

/* The groups of bench overhead have one table for all, none each. */
bool group_is_overhead(const struct group *g);
bool overhead_print(const struct result *r, FILE *out);
/* The operations of a group, up to MAX. */
size_t overhead_metrics(const struct group *g, struct plot_metric *t, size_t max);

/* Those of bench isolation have one per mode, and a verdict of their own. */
bool group_is_isolation(const struct group *g);
bool isolation_print(const struct result *r, FILE *out);
void isolation_verdict(const struct result *r, char *text, size_t size);

/* Is it in a table of its benchmark, and has none of its own? */
bool group_has_table(const struct group *g);

/* Those of bench blk and bench net have tables of their own, and one of them the verdict; NULL without one. */
bool group_is_io(const struct group *g);
bool io_print(const struct result *r, FILE *out);
const struct group *io_verdict_group(const struct result *r);

/* Those of bench audio are one table, and have a verdict of their own. */
bool group_is_audio(const struct group *g);
/* How late a callback may be, by the buffer that was asked for; 0 if that is unknown. */
double audio_buffer_us(const struct result *r, const struct group *g);
bool audio_print(const struct result *r, FILE *out);
void audio_verdict(const struct result *r, char *text, size_t size);

/* In how many cases of BENCH mode coop is slower, and in how many faster. */
void slower_verdict(const struct result *r, const char *bench, char *text, size_t size);

/* Those of bench barrier and of bench server are tables of all cases; the first have a verdict of their own. */
bool group_is_barrier(const struct group *g);
bool group_is_server(const struct group *g);
bool barrier_print(const struct result *r, FILE *out);
bool server_print(const struct result *r, FILE *out);
void barrier_verdict(const struct result *r, char *text, size_t size);

/*
 * Tables with a column for each mode of the group HEAD: their names, the medians of KEY in a group's modes, and these by the base.
 * No ratio below the base, and none for what is noise by definition.
 */
void row_print_modes(const struct group *head, FILE *out);
void row_print_values(const char *name, const struct group *g, const struct group *head,
		      const char *key, int digits, FILE *out);
void row_print_ratios(const struct group *g, const struct group *head, const char *key, FILE *out);

/* A table of one metric, with a row for each case that has it. */
struct row_table {
	const char *title;
	const char *key;
	int digits;
	bool bare;	/* without ratios */
};

/* Each of the N tables, of all cases of BENCH; false without any case. */
bool row_print_tables(const struct result *r, const char *bench, const struct row_table *t, size_t n,
		      FILE *out);

/* Cases of cyclictest with an interval, idle-500 and so on, together; false without any. */
bool matrix_print(const struct result *r, FILE *out);

/* 0 or -EIO. */
int html_write(const struct result *r, FILE *out);

/* Charts of one group as inline SVG; nothing is written where data is missing. */
/* @limit_us: what is later than that comes too late; 0: there is no such time. */
void plot_percentiles(const struct group *g, const char *hist, double limit_us, FILE *out);
void plot_shares(const struct result *r, const struct group *g, FILE *out);
/* A panel for each of N metrics. */
void plot_repeats(const struct group *g, const struct plot_metric *t, size_t n, FILE *out);
void plot_misses(const struct result *r, const struct group *g, FILE *out);
/* Were the times of misses noted in any of its runs? */
bool plot_has_misses(const struct group *g);
/* Number of the colour and line style of a mode, see the style sheet. */
unsigned int plot_style(const char *mode);
/* Escaped, for text and attributes. */
void html_text(FILE *out, const char *text);

/* "1402", "1.2s" from one second on; @tight: "52ms" from 10 ms on. */
void format_us(char *text, size_t size, double us, bool tight);
/* "0.29x", with a mark unless it is a difference: '~' level, '?' not enough evidence. */
void format_comparison(char *text, size_t size, const struct stats_comparison *c);
/* "4.2x below vanilla", "1.3x above static" */
void format_effect(char *text, size_t size, double ratio, const char *base);
/* "8 %", or "unknown" */
void format_floor(char *text, size_t size, double floor);
/* "avg 8 %, p99 12 %, ...", or that it is unknown */
void format_floors(char *text, size_t size, const struct group *g);
/* Samples above the histogram's last bucket in all modes. */
unsigned long long group_overflow(const struct group *g);

/* Metrics of a group that have no column in the main table, in order of appearance. */
size_t other_metrics(const struct group *g, const char **keys, size_t max);

#endif
