// SPDX-License-Identifier: GPL-2.0
/* Tables with a row per case and a column per mode. */
#include "bench/report/report.h"

#include <string.h>

#define MODES_MAX	10

/* At least as wide as "12345678.9". */
static int column_width(const struct group *head, size_t m)
{
	int width = (int)strlen(head->modes[m].name);

	return width > 10 ? width : 10;
}

void row_print_modes(const struct group *head, FILE *out)
{
	size_t m;

	fprintf(out, "  %-17s", "");
	for (m = 0; m < head->nmodes && m < MODES_MAX; m++)
		fprintf(out, " %*s", column_width(head, m), head->modes[m].name);
	fputs(" noise floor\n", out);
}

void row_print_values(const char *name, const struct group *g, const struct group *head,
		      const char *key, int digits, FILE *out)
{
	struct stats_summary s;
	char floor[32];
	size_t m;

	fprintf(out, "  %-17s", name);
	for (m = 0; m < head->nmodes && m < MODES_MAX; m++) {
		const struct mode *mode = group_mode(g, head->modes[m].name);

		if (mode && mode_summary(mode, key, &s))
			fprintf(out, " %*.*f", column_width(head, m), digits, s.median);
		else
			fprintf(out, " %*s", column_width(head, m), "-");
	}
	format_floor(floor, sizeof(floor), group_floor(g, key, NULL));
	fprintf(out, " %11s\n", floor);
}

void row_print_ratios(const struct group *g, const struct group *head, const char *key, FILE *out)
{
	const struct mode *base = group_base(g);
	char cell[MODES_MAX][32];
	size_t m, n = 0;

	for (m = 0; m < head->nmodes && m < MODES_MAX; m++) {
		const char *name = head->modes[m].name;
		struct stats_comparison c;

		cell[m][0] = '\0';
		if (!base || !strcmp(name, base->name) || !strcmp(name, "vanilla-aa") ||
		    !group_compare(g, group_mode(g, name), base, key, &c))
			continue;
		format_comparison(cell[m], sizeof(cell[m]), &c);
		n = m + 1;
	}
	if (!n)
		return;
	fprintf(out, "  %-17s", "  /vanilla");
	for (m = 0; m < n; m++)
		fprintf(out, " %*s", column_width(head, m), cell[m]);
	fputc('\n', out);
}

static void print_table(const struct result *r, const struct group *head, const struct row_table *t,
			FILE *out)
{
	bool any = false;
	size_t i;

	for (i = 0; i < r->ngroups; i++) {
		const struct group *g = &r->groups[i];

		if (strcmp(g->bench, head->bench) || !groups_measured(&g, 1, t->key))
			continue;
		if (!any) {
			fprintf(out, "%s, %s\n", g->bench, t->title);
			row_print_modes(head, out);
		}
		any = true;
		row_print_values(g->case_name, g, head, t->key, t->digits, out);
		if (!t->bare)
			row_print_ratios(g, head, t->key, out);
	}
	if (any)
		fputc('\n', out);
}

bool row_print_tables(const struct result *r, const char *bench, const struct row_table *t, size_t n,
		      FILE *out)
{
	const struct group *head = result_group(r, bench, NULL);
	size_t i;

	for (i = 0; i < n && head; i++)
		print_table(r, head, &t[i], out);
	return head;
}
