// SPDX-License-Identifier: GPL-2.0
/* One self-contained page: no script, no font and no picture from elsewhere. */
#include "bench/report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OTHER_MAX	64

void html_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

/* Mode colours keep a contrast of 3:1 or more, and differ in lightness and dashes too. */
static const char head[] =
"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
"<meta name=\"color-scheme\" content=\"light dark\">\n"
"<title>kvm-coop: measured result</title>\n<style>\n"
":root{--bg:#fff;--fg:#1b1f24;--soft:#59636e;--line:#d5dae0;--box:#f3f5f8;--mark:#0b62c4;--noise:#59636e22;\n"
"--c0:#5b6470;--c2:#0067b8;--c3:#008055;--c4:#7d4fc4;--c5:#c4420e;--c6:#8a6100;--c7:#b3266f}\n"
"@media (prefers-color-scheme:dark){:root{--bg:#15181c;--fg:#e4e8ec;--soft:#9aa5b1;--line:#343b43;--box:#1e2329;\n"
"--mark:#62a8ff;--noise:#9aa5b12e;--c0:#a7b0ba;--c2:#58b0f5;--c3:#3fce97;--c4:#b99af0;--c5:#ff9257;--c6:#e0b341;--c7:#f583b6}}\n"
"@media print{:root{--bg:#fff;--fg:#000;--soft:#444;--line:#bbb;--box:#f6f6f6;--mark:#0b62c4;--noise:#00000018;\n"
"--c0:#5b6470;--c2:#0067b8;--c3:#008055;--c4:#7d4fc4;--c5:#c4420e;--c6:#8a6100;--c7:#b3266f}}\n"
"@page{size:A4;margin:13mm}\n"
"*{box-sizing:border-box}\n"
"body{margin:0 auto;padding:24px 20px 48px;max-width:1100px;background:var(--bg);color:var(--fg);\n"
"font:16px/1.5 system-ui,-apple-system,\"Segoe UI\",\"Noto Sans\",\"DejaVu Sans\",sans-serif}\n"
"h1{font-size:1.7em;line-height:1.2;margin:0 0 .5em}h2{font-size:1.3em;margin:2em 0 .3em}h3{font-size:1.05em;margin:1.6em 0 .3em}\n"
"p{margin:.5em 0;max-width:82ch}.soft,figcaption,caption{color:var(--soft)}\n"
".verdict{background:var(--box);border-left:5px solid var(--mark);padding:.7em 1em;margin:1.2em 0;max-width:none;overflow-wrap:anywhere}\n"
".wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
".main{width:100%;font-size:.88em}caption{text-align:left;font-size:1em;padding-bottom:.3em}\n"
"th,td{padding:.35em .4em;text-align:right;vertical-align:top;border-bottom:1px solid var(--line);white-space:nowrap}\n"
"th{font-weight:600}th:first-child,td:first-child{text-align:left}thead th{border-bottom:2px solid var(--line);vertical-align:bottom}\n"
".sub{display:block;font-size:.8em;color:var(--soft)}.ratio{display:block;font-size:.88em;color:var(--soft)}\n"
".ratio.real{color:var(--fg);font-weight:600}.worst{font-weight:700}\n"
".facts td{text-align:left;white-space:normal;overflow-wrap:anywhere}.facts td:first-child{color:var(--soft);white-space:nowrap}\n"
".facts{font-size:.88em}dl{display:grid;grid-template-columns:max-content 1fr;gap:.25em 1em;margin:.6em 0}dt{font-weight:600}dd{margin:0}\n"
"figure{margin:1em 0;max-width:800px}figcaption{font-size:.88em}svg{display:block;width:100%;height:auto;overflow:visible}\n"
"svg text{font-family:inherit;font-size:13px;fill:var(--fg)}.tick{font-size:12px!important;fill:var(--soft)!important}\n"
".axis{fill:var(--soft)!important}.panel{font-weight:600;font-size:14px!important}\n"
".grid{stroke:var(--line);fill:none;stroke-width:1}\n"
".m0{--c:var(--c0)}.m1{--c:var(--c0);--d:2 3}.m2{--c:var(--c2);--d:7 3}.m3{--c:var(--c3);--w:2.8}\n"
".m4{--c:var(--c4);--d:11 3}.m5{--c:var(--c5);--d:9 3 2 3}.m6{--c:var(--c6);--d:4 2}.m7{--c:var(--c7);--d:5 2 1 2}\n"
".curve{fill:none;stroke:var(--c);stroke-width:var(--w,2);stroke-dasharray:var(--d,none);stroke-linejoin:round}\n"
".unknown{stroke-dasharray:1 5;stroke-linecap:round}.dot{fill:var(--c)}.see{fill-opacity:.55;stroke:var(--c);stroke-width:1}\n"
".name{fill:var(--c)!important;font-weight:600}.leader{stroke:var(--c);fill:none;stroke-width:.8;opacity:.6}\n"
".bar{fill:var(--c)}.pale{fill-opacity:.28;stroke:var(--c);stroke-width:1}.whisker{stroke:var(--fg);stroke-width:1.2;opacity:.7}\n"
".median{stroke:var(--fg);stroke-width:2}.fair{stroke:var(--fg);stroke-width:1.3;stroke-dasharray:5 4;fill:none}\n"
".halo{paint-order:stroke;stroke:var(--bg);stroke-width:4px;stroke-linejoin:round}.noise{fill:var(--noise)}\n"
".miss{stroke:var(--c);stroke-width:1.3;fill:none}\n"
".key{color:var(--c);font-weight:600}\n"
"@media print{body{font-size:10pt;padding:0;max-width:none;print-color-adjust:exact;-webkit-print-color-adjust:exact}\n"
".main{font-size:6.9pt}th,td{padding:.25em .3em}.wide{overflow:visible}figure,table,.verdict{break-inside:avoid}\n"
"h2,h3,h2+p{break-after:avoid}.wide{break-inside:avoid}figure{max-width:165mm}}\n"
"</style></head><body>\n";

struct cell_column {
	const char *label;
	const char *key;
	double scale;
	int digits;
	bool latency;
	bool compared;	/* with spread and ratio to vanilla */
};

static const struct cell_column cells[] = {
	{ "min", "guest_min_us", 1, 0, true, false },
	{ "average", "guest_avg_us", 1, 0, true, true },
	{ "p50", "guest_p50_us", 1, 0, true, true },
	{ "p99", "guest_p99_us", 1, 0, true, true },
	{ "p99.9", "guest_p999_us", 1, 0, true, true },
	{ "max", "guest_max_us", 1, 0, true, true },
	{ "co-tenant,<br>%", SHARE_METRIC, 100, 1, false, true },
	{ "vCPU,<br>%", "vcpu_share", 100, 1, false, true },
	{ "exits/s", "exits_per_s", 1, 0, false, false },
};

#define NCELLS	(sizeof(cells) / sizeof(cells[0]))

static bool column_used(const struct group *g, const char *key)
{
	struct stats_summary s;
	size_t m;

	for (m = 0; m < g->nmodes; m++) {
		if (mode_summary(&g->modes[m], key, &s))
			return true;
	}
	return false;
}

static void write_ratio(const struct group *g, const struct mode *m, const char *key, FILE *out)
{
	const struct mode *vanilla = group_mode(g, "vanilla");
	struct stats_comparison c;
	char text[32];
	bool real;

	if (m == vanilla || !strcmp(m->name, "vanilla-aa") ||
	    !group_compare(g, m, vanilla, key, &c))
		return;
	real = c.outcome == STATS_BELOW || c.outcome == STATS_ABOVE;
	format_comparison(text, sizeof(text), &c);
	fprintf(out, "<span class=\"ratio%s\" title=\"ratio to vanilla; p = %.2g\">%s</span>",
		real ? " real" : "", c.p, text);
}

static void write_cell(const struct group *g, const struct mode *m, const struct cell_column *c,
		       FILE *out)
{
	struct stats_summary s;

	fputs("<td>", out);
	if (mode_summary(m, c->key, &s)) {
		fprintf(out, "%.*f", c->digits, s.median * c->scale);
		if (s.n > 1 && c->compared)
			fprintf(out, "<span class=\"sub\">%.*f\342\200\223%.*f</span>", c->digits,
				s.min * c->scale, c->digits, s.max * c->scale);
		if (c->compared)
			write_ratio(g, m, c->key, out);
	}
	fputs("</td>", out);
}

static void write_merged(const struct mode *m, FILE *out)
{
	const struct hist *h = mode_hist(m, "guest");
	uint64_t us;

	if (!h || !h->samples) {
		fputs("<td></td><td></td><td></td>", out);
		return;
	}
	fprintf(out, "<td>%s", hist_percentile(h, HIST_P999, &us) == HIST_BEYOND ? "\342\211\244" : "");
	fprintf(out, "%llu</td><td class=\"worst\">%llu</td><td>%llu</td>", (unsigned long long)us,
		(unsigned long long)h->max_us, (unsigned long long)h->samples);
}

static void write_table(const struct group *g, FILE *out)
{
	bool merged = false;
	size_t c, m;

	for (m = 0; m < g->nmodes; m++)
		merged |= mode_hist(&g->modes[m], "guest") != NULL;
	fputs("<div class=\"wide\"><table class=\"main\"><thead><tr><th>mode</th>", out);
	for (c = 0; c < NCELLS; c++) {
		if (merged && c && cells[c - 1].latency && !cells[c].latency)
			fputs("<th>p99.9,<br>all</th><th>worst</th><th>samples</th>", out);
		if (column_used(g, cells[c].key))
			fprintf(out, "<th>%s</th>", cells[c].label);
	}
	fputs("</tr></thead><tbody>\n", out);
	for (m = 0; m < g->nmodes; m++) {
		fprintf(out, "<tr><td><span class=\"key m%u\">", plot_style(g->modes[m].name));
		html_text(out, g->modes[m].name);
		fputs("</span></td>", out);
		for (c = 0; c < NCELLS; c++) {
			if (merged && c && cells[c - 1].latency && !cells[c].latency)
				write_merged(&g->modes[m], out);
			if (column_used(g, cells[c].key))
				write_cell(g, &g->modes[m], &cells[c], out);
		}
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

static void write_other(const struct group *g, FILE *out)
{
	const char *keys[OTHER_MAX];
	size_t n = other_metrics(g, keys, OTHER_MAX), k, m;
	struct stats_summary s;

	if (!n)
		return;
	fputs("<h3>Also measured</h3><div class=\"wide\"><table class=\"main\"><thead><tr><th>metric</th>", out);
	for (m = 0; m < g->nmodes; m++) {
		fputs("<th>", out);
		html_text(out, g->modes[m].name);
		fputs("</th>", out);
	}
	fputs("</tr></thead><tbody>\n", out);
	for (k = 0; k < n; k++) {
		fprintf(out, "<tr><td>%s</td>", keys[k]);
		for (m = 0; m < g->nmodes; m++) {
			fputs("<td>", out);
			if (mode_summary(&g->modes[m], keys[k], &s)) {
				fprintf(out, "%.5g", s.median);
				if (s.n > 1)
					fprintf(out, "<span class=\"sub\">%.4g\342\200\223%.4g</span>",
						s.min, s.max);
				write_ratio(g, &g->modes[m], keys[k], out);
			}
			fputs("</td>", out);
		}
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

/* The case that the verdict is about comes first, then the others in their order. */
static const struct group *nth_group(const struct result *r, size_t n)
{
	const struct group *first = verdict_group(r);
	size_t at = first ? (size_t)(first - r->groups) : 0;

	if (!n)
		return &r->groups[at];
	return &r->groups[n <= at ? n - 1 : n];
}

static void write_tables(const struct result *r, FILE *out)
{
	bool any = false;
	char floors[200];
	size_t i;

	for (i = 0; i < r->ngroups; i++) {
		const struct group *g = nth_group(r, i);

		if (group_has_table(g))
			continue;
		any = true;
		fprintf(out, "<h2>%s, %s</h2><p class=\"soft\">In this case %s.</p>\n", g->bench,
			g->case_name, case_about(g->case_name));
		write_table(g, out);
		format_floors(floors, sizeof(floors), g);
		fprintf(out, "<p class=\"soft\">Noise floor: %s.", floors);
		if (group_overflow(g))
			fprintf(out, " %llu samples were above the histogram's last bucket.",
				group_overflow(g));
		fputs("</p>\n", out);
		write_other(g, out);
	}
	if (!any)
		return;
	fputs("<p class=\"soft\">Latencies in \302\265s: how late the guest's task was woken. Each number is the median over the "
	      "repeats; below it the smallest and largest repeat, then the ratio to vanilla: bold is a difference, ~ is within the "
	      "noise floor, ? is not enough evidence. \342\200\234All\342\200\235, \342\200\234worst\342\200\235 and \342\200\234samples\342\200\235 put all "
	      "repeats together. \342\200\234Co-tenant\342\200\235 is the processor share of the worst-off other program.</p>\n", out);
}

static void figure(const char *caption, FILE *out)
{
	fprintf(out, "<figcaption>%s</figcaption></figure>\n", caption);
}

static const char *guest_title(const struct group *g)
{
	if (group_is_io(g) || group_is_server(g))
		return "How long does a request take?";
	return group_is_audio(g) ? "How late is the callback that renders a burst?" :
				   "How late is the guest's task?";
}

static void write_percentiles(const struct result *r, const struct group *g, FILE *out)
{
	double limit = group_is_audio(g) ? audio_buffer_us(r, g) : 0;
	const struct { const char *hist, *title; } shown[] = {
		{ "guest", guest_title(g) },
		{ "honest", "How late is the honest guest's task?" },
		{ "host", "How late is a task of the host?" },
	};
	size_t i, m;

	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		bool any = false;

		for (m = 0; m < g->nmodes; m++)
			any |= mode_hist(&g->modes[m], shown[i].hist) != NULL;
		if (!any)
			continue;
		fprintf(out, "<figure><h3>%s</h3>\n", shown[i].title);
		plot_percentiles(g, shown[i].hist, limit, out);
		figure(limit > 0 ? "Lower is better, to the right are the rare long delays; the dot is the worst case. A callback that "
				   "comes after all of the buffer was played is a glitch. Both axes are logarithmic." :
				   "Lower is better, to the right are the rare long delays; the dot is the worst case. Both axes are logarithmic.",
		       out);
	}
}

static bool has_hist(const struct group *g)
{
	size_t m;

	for (m = 0; m < g->nmodes; m++)
		if (g->modes[m].nhists)
			return true;
	return false;
}

#define REPEATS_MAX 4

/* What is shown repeat by repeat: the latencies that have a table of their own, and what operations cost. */
static size_t repeated_metrics(const struct group *g, struct plot_metric *t)
{
	size_t i;

	if (group_is_overhead(g))
		return overhead_metrics(g, t, REPEATS_MAX);
	if (!column_used(g, tail_metrics[0].key) || group_has_table(g))
		return 0;
	for (i = 0; i < TAIL_METRICS; i++)
		t[i] = (struct plot_metric){ tail_metrics[i].key, tail_metrics[i].label, 1 };
	return TAIL_METRICS;
}

/* Charts of one case; most of them need what only some benchmarks have. */
static void write_case_charts(const struct result *r, const struct group *g, FILE *out)
{
	struct plot_metric metrics[REPEATS_MAX];
	size_t nrepeats = repeated_metrics(g, metrics);
	bool shares = column_used(g, SHARE_METRIC), misses = plot_has_misses(g);

	if (!has_hist(g) && !shares && !nrepeats && !misses)
		return;
	fprintf(out, "<h2>Charts: %s, %s</h2>\n", g->bench, g->case_name);
	write_percentiles(r, g, out);
	if (misses) {
		fputs("<figure><h3>When was something missed?</h3>\n", out);
		plot_misses(r, g, out);
		figure("One strip per repeat, one stroke per glitch, from the begin of the measurement to its end.", out);
	}
	if (shares) {
		fputs("<figure><h3>Who pays for it?</h3>\n", out);
		plot_shares(r, g, out);
		figure("What the worst-off co-tenant (solid) and the guest's virtual CPU (pale) got of the processor; "
		       "the line shows smallest to largest repeat. Fair is what vanilla gives.", out);
	}
	if (nrepeats) {
		fputs("<figure><h3>How far do the repeats differ?</h3>\n", out);
		plot_repeats(g, metrics, nrepeats, out);
		fprintf(out, "<figcaption>%s, one dot per repeat, the stroke is the median. The grey band is the noise floor around "
			"%s: a median inside it is no difference.</figcaption></figure>\n",
			group_is_overhead(g) ? "What it costs" : "Guest latency",
			group_base(g) ? group_base(g)->name : "vanilla");
	}
}

static void write_charts(const struct result *r, FILE *out)
{
	size_t i;

	for (i = 0; i < r->ngroups; i++)
		write_case_charts(r, nth_group(r, i), out);
}

static const char *environment_text(const struct result *r, const char *key)
{
	const char *text = json_string_value(json_object_get(r->environment, key));

	return text ? text : "";
}

/* As in the terminal. */
static void write_plain(const struct result *r, const char *title,
			bool (*print)(const struct result *r, FILE *out), FILE *out)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	bool any = f && print(r, f);

	if (f)
		fclose(f);
	if (any) {
		fprintf(out, "<h2>%s</h2><div class=\"wide\"><pre>", title);
		html_text(out, text);
		fputs("</pre></div>\n", out);
	}
	free(text);
}

static void write_lead(const struct result *r, FILE *out)
{
	double interval = result_parameter(r, "interval_us", 0);
	double cotenants = result_parameter(r, "cotenants", 0);
	double seconds = result_parameter(r, "seconds", 0);
	size_t most = 0, i, m;

	for (i = 0; i < r->ngroups; i++) {
		for (m = 0; m < r->groups[i].nmodes; m++)
			most = r->groups[i].modes[m].nruns > most ? r->groups[i].modes[m].nruns : most;
	}
	fputs("<h1>kvm-coop: measured result</h1>\n<p>A virtual machine, the <b>guest</b>, ran on a host whose processor it shares "
	      "with other programs, the <b>co-tenants</b>", out);
	if (cotenants >= 1)
		fprintf(out, " (%.0f of them on the processor of the guest's virtual CPU, the <b>vCPU</b>)", cotenants);
	fputs(". ", out);
	if (result_group(r, "cyclictest", NULL)) {
		fputs("In the guest, cyclictest asked to be woken", out);
		if (interval > 0)
			fprintf(out, " every %.0f \302\265s", interval);
		fputs(" and noted how late each wake-up came: what one hears as a crackle or sees as a missed deadline. ", out);
	}
	if (result_group(r, "audio", NULL))
		fputs("In the guest, a real-time task renders a tone in short bursts, and the host plays each of them at its "
		      "time: a burst that is late is a <b>glitch</b>, which one hears as a crackle. ", out);
	fprintf(out, "This was repeated %zu time%s", most, most == 1 ? "" : "s");
	if (seconds > 0)
		fprintf(out, " for %.0f s each", seconds);
	fputs(" under several ways for the host to schedule the guest, the <b>modes</b>, in turns, so that drifts of the machine hit all "
	      "of them. The aim of kvm-coop is the tail latency of <b>static</b> real-time priority at the fairness of <b>vanilla</b>.</p>\n", out);
	if (strstr(environment_text(r, "accelerator"), "tcg"))
		fputs("<p>The host itself was emulated (TCG): compare the modes with each other, the times themselves are longer than "
		      "on real hardware.</p>\n", out);
}

static void write_modes(const struct result *r, FILE *out)
{
	static const char *const names[] = {
		"vanilla", "vanilla-aa", "slice", "coop", "coop-fair", "static",
	};
	size_t i, g;

	fputs("<dl>\n", out);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		/* blk and net have a slice that is something else */
		for (g = 0; g < r->ngroups && (group_is_io(&r->groups[g]) ||
					       !group_mode(&r->groups[g], names[i])); g++)
			;
		if (g < r->ngroups)
			fprintf(out, "<dt class=\"m%u\"><span class=\"key\">%s</span></dt><dd>%s</dd>\n",
				plot_style(names[i]), names[i], mode_about(names[i]));
	}
	fputs("</dl>\n", out);
}

static void write_json_value(const json_t *v, FILE *out)
{
	char *text;
	size_t i;
	json_t *item;

	if (json_is_string(v)) {
		html_text(out, json_string_value(v));
		return;
	}
	if (json_is_array(v)) {
		json_array_foreach((json_t *)v, i, item) {
			fputs(i ? ", " : "", out);
			write_json_value(item, out);
		}
		return;
	}
	text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
	html_text(out, text ? text : "");
	free(text);
}

static void write_facts(const char *title, const json_t *object, FILE *out)
{
	const char *key;
	json_t *value;

	if (!json_object_size(object))
		return;
	fprintf(out, "<h2>%s</h2><table class=\"facts\"><tbody>\n", title);
	json_object_foreach((json_t *)object, key, value) {
		fputs("<tr><td>", out);
		html_text(out, key);
		fputs("</td><td>", out);
		write_json_value(value, out);
		fputs("</td></tr>\n", out);
	}
	fputs("</tbody></table>\n", out);
}

static void write_method(FILE *out)
{
	fprintf(out, "<h2>When is a difference a difference?</h2><p>Every round of modes runs vanilla twice, as vanilla and vanilla-aa. "
		"These runs, put together and split at random into two halves, show by how much medians differ without any reason: "
		"%.0f %% of the splits stay within the noise floor. A claim needs a ratio of medians outside that floor, at least %d "
		"repeats, and a permutation test with p &lt; %.2g. Raw histograms lie beside result.json.</p>\n",
		STATS_FLOOR_PART * 100, STATS_REPEATS_MIN, STATS_ALPHA);
}

int html_write(const struct result *r, FILE *out)
{
	char verdict[2000];

	verdict_text(r, verdict, sizeof(verdict));
	fputs(head, out);
	write_lead(r, out);
	fputs("<p class=\"verdict\">", out);
	html_text(out, verdict);
	fputs("</p>\n", out);
	write_modes(r, out);
	write_plain(r, "cyclictest at several intervals", matrix_print, out);
	write_tables(r, out);
	write_plain(r, "audio", audio_print, out);
	write_plain(r, "blk, net", io_print, out);
	write_plain(r, "barrier", barrier_print, out);
	write_plain(r, "server", server_print, out);
	write_plain(r, "overhead", overhead_print, out);
	write_plain(r, "isolation", isolation_print, out);
	write_charts(r, out);
	write_method(out);
	write_facts("Environment", r->environment, out);
	write_facts("Parameters", r->parameters, out);
	fputs("</body></html>\n", out);
	return ferror(out) ? -EIO : 0;
}
