// SPDX-License-Identifier: GPL-2.0
#include "bench/report/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define JSON_BYTES_MAX	(64l << 20)

static const struct {
	const char *name;
	const char *about;
} modes[] = {
	{ "vanilla", "the virtual CPU is an ordinary task of the host" },
	{ "vanilla-aa", "vanilla once more in every round: how much it differs from vanilla is noise" },
	{ "slice", "vanilla, but the virtual CPU's thread asked once for a time slice of 0.1 ms, what any user can do without a patch" },
	{ "coop", "kvm-coop: the virtual CPU is boosted while it has something urgent, and pays the time back" },
	{ "coop-fair", "kvm-coop without the real-time class: boosts stay within the fair scheduler" },
	{ "coop-nonotify", "kvm-coop, but the guest is not told before a preemption" },
	{ "coop-spread", "coop-nonotify, and virtual CPUs of one guest do not wake on one pCPU" },
	{ "coop-nocharge", "kvm-coop, but one guest does not pay back what it borrows: to see whether theft would be noticed" },
	{ "static", "the virtual CPU's thread is always a real-time task (SCHED_FIFO)" },
	{ "off", "the virtual machine and its host are without kvm-coop" },
	{ "off-aa", "off once more in every round: how much it differs from off is noise" },
	{ "other", "another virtual machine of the host has kvm-coop" },
	{ "on", "the virtual machine has kvm-coop and its guest is registered" },
	{ "rate", "completion interrupts come at a fixed frequency" },
	{ "vic", "completion interrupts are held by the requests in flight and their rate" },
	{ "auto", "as slice, with batches that shrink when they time out" },
	{ "coop+off", "off, but kvm-coop boosts the guest" },
	{ "coop+rate", "rate, and kvm-coop boosts the guest" },
	{ "coop+vic", "vic, and kvm-coop boosts the guest" },
	{ "coop+slice", "slice, and kvm-coop boosts the guest" },
	{ "coop+auto", "auto, and kvm-coop boosts the guest" },
	{ "coop+off-urgent", "coop+off, and all of the device's interrupts boost, under load, too" },
	{ "coop+off-bulk", "coop+off, but the device's interrupts boost nobody" },
	{ "coop+slice-urgent", "coop+slice, and all of the device's interrupts boost, under load, too" },
	{ "coop+slice-bulk", "coop+slice, but the device's interrupts boost nobody" },
};

static const struct {
	const char *name;
	const char *about;
} cases[] = {
	{ "idle", "nothing else wants the virtual CPU's pCPU" },
	{ "busy", "co-tenants keep the virtual CPU's pCPU busy" },
	{ "busy-hog", "co-tenants keep the virtual CPU's pCPU busy, and the guest has background work of its own" },
	{ "exit", "the guest leaves to the hypervisor and comes back" },
	{ "irq-running", "a running virtual CPU is interrupted" },
	{ "irq-halted", "a sleeping virtual CPU is interrupted" },
	{ "boost", "a sleeping virtual CPU that has a competitor is interrupted and yields" },
	{ "notify", "a virtual CPU is told that it is about to be preempted, and yields" },
	{ "switch", "tasks of the guest take turns" },
	{ "none", "the other guest only takes its CPU" },
	{ "always", "the other guest always asks for a boost" },
	{ "toggle", "the other guest asks and does not ask, as fast as it can" },
	{ "noack", "the other guest never says that it has handled an interrupt" },
	{ "selfipi", "the other guest interrupts itself as fast as it can" },
	{ "timer", "the other guest has an urgent timer every 50 us" },
	{ "yieldstorm", "the other guest does nothing but hypercalls" },
	{ "reregister", "the other guest registers and unregisters in a loop" },
	{ "random", "the other guest's page has random content" },
	{ "badcount", "the other guest's preempt count is where none can be" },
	{ "unmap", "the other guest takes away the memory that the host uses" },
	{ "shared", "two virtual CPUs of the other guest share a page" },
	{ "overcommit", "four virtual CPUs of the other guest always ask for a boost" },
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static size_t mode_rank(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT(modes); i++) {
		if (!strcmp(name, modes[i].name))
			break;
	}
	return i;
}

const char *mode_about(const char *name)
{
	size_t i = mode_rank(name);

	return i < COUNT(modes) ? modes[i].about : NULL;
}

/* Variants follow a '-', as in busy-96: the longest known name wins. */
static size_t case_rank(const char *name)
{
	size_t i;

	for (i = COUNT(cases); i-- > 0;) {
		size_t len = strlen(cases[i].name);

		if (!strncmp(name, cases[i].name, len) && (!name[len] || name[len] == '-'))
			break;
	}
	return i;
}

const char *case_about(const char *name)
{
	size_t i = case_rank(name);

	return i < COUNT(cases) ? cases[i].about : NULL;
}

/* By number, so that 96 comes before 256; without a number by name. */
static int compare_variants(const char *a, const char *b)
{
	const char *x = strrchr(a, '-'), *y = strrchr(b, '-');
	int d = (x ? atoi(x + 1) : 0) - (y ? atoi(y + 1) : 0);

	return d ? d : strcmp(a, b);
}

static int by_group_and_repeat(const void *pa, const void *pb)
{
	const struct run *a = pa, *b = pb;
	int d = strcmp(a->bench, b->bench);

	if (!d)
		d = (int)case_rank(a->case_name) - (int)case_rank(b->case_name);
	if (!d)
		d = compare_variants(a->case_name, b->case_name);
	if (!d)
		d = (int)mode_rank(a->mode) - (int)mode_rank(b->mode);
	if (!d)
		d = strcmp(a->mode, b->mode);
	return d ? d : a->repeat - b->repeat;
}

static bool same_group(const struct run *a, const struct run *b)
{
	return !strcmp(a->bench, b->bench) && !strcmp(a->case_name, b->case_name);
}

static bool same_mode(const struct run *a, const struct run *b)
{
	return same_group(a, b) && !strcmp(a->mode, b->mode);
}

static void fill_runs(struct result *r, const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item) {
		struct run *run = &r->runs[i];

		run->index = i;
		run->bench = json_string_value(json_object_get(item, "bench"));
		run->mode = json_string_value(json_object_get(item, "mode"));
		run->case_name = json_string_value(json_object_get(item, "case"));
		run->repeat = (int)json_integer_value(json_object_get(item, "repeat"));
		run->metrics = json_object_get(item, "metrics");
		run->histograms = json_object_get(item, "histograms");
		run->misses_ms = json_object_get(item, "misses_ms");
	}
}

static int refuse_twice(const struct result *r, struct result_error *err)
{
	size_t i;

	for (i = 1; i < r->nruns; i++) {
		const struct run *a = &r->runs[i - 1], *b = &r->runs[i];

		if (same_mode(a, b) && a->repeat == b->repeat)
			return result_fail(err, "$.runs[%zu]: %s, mode %s, case %s, repeat %d is there already, in $.runs[%zu]",
					   a->index > b->index ? a->index : b->index, a->bench,
					   a->mode, a->case_name, a->repeat,
					   a->index < b->index ? a->index : b->index);
	}
	return 0;
}

/* runs[] is sorted: groups and modes are ranges of it. */
static int make_groups(struct result *r)
{
	size_t i;

	r->groups = calloc(r->nruns, sizeof(*r->groups));
	if (!r->groups)
		return -ENOMEM;
	for (i = 0; i < r->nruns; i++) {
		struct run *run = &r->runs[i];
		struct group *g;
		struct mode *m;

		if (!i || !same_group(run, run - 1)) {
			g = &r->groups[r->ngroups++];
			g->bench = run->bench;
			g->case_name = run->case_name;
		}
		g = &r->groups[r->ngroups - 1];
		if (!g->nmodes || !same_mode(run, run - 1)) {
			m = realloc(g->modes, (g->nmodes + 1) * sizeof(*m));
			if (!m)
				return -ENOMEM;
			g->modes = m;
			m = &g->modes[g->nmodes++];
			memset(m, 0, sizeof(*m));
			m->name = run->mode;
			m->runs = run;
		}
		g->modes[g->nmodes - 1].nruns++;
	}
	return 0;
}

/* The numbers of a run must be those of its histogram. */
static int check_against(const struct run *run, const char *name, const struct hist *h,
			 struct result_error *err)
{
	const json_t *samples = json_object_get(run->metrics, "samples"), *max;
	char key[80];

	snprintf(key, sizeof(key), "%s_max_us", name);
	max = json_object_get(run->metrics, key);
	if ((!strcmp(name, "guest") || !strcmp(name, "honest")) && samples && json_number_value(samples) != (double)h->samples)
		return result_fail(err, "$.runs[%zu].metrics.samples: %.0f, but the histogram has %llu",
				   run->index, json_number_value(samples),
				   (unsigned long long)h->samples);
	if (max && json_number_value(max) != (double)h->max_us)
		return result_fail(err, "$.runs[%zu].metrics.%s: %.0f, but the histogram's maximum is %llu",
				   run->index, key, json_number_value(max),
				   (unsigned long long)h->max_us);
	return 0;
}

static struct named_hist *named(struct mode *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->nhists; i++) {
		if (!strcmp(m->hists[i].name, name))
			return &m->hists[i];
	}
	if (m->nhists == RESULT_HISTS_MAX)
		return NULL;
	m->hists[m->nhists].name = name;
	hist_init(&m->hists[m->nhists].hist);
	return &m->hists[m->nhists++];
}

static int merge_file(struct mode *m, const struct run *run, const char *name,
		      const char *file, const char *dir, struct result_error *err)
{
	struct hist_error he = { 0 };
	struct named_hist *to;
	char path[4096];
	struct hist h;
	FILE *f;
	int ret;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "r");
	if (!f)
		return result_fail(err, "$.runs[%zu].histograms.%s: cannot open %s: %s", run->index,
				   name, path, strerror(errno));
	ret = hist_read(&h, f, &he);
	fclose(f);
	if (ret)
		return result_fail(err, "$.runs[%zu].histograms.%s: %s:%lu: %s", run->index, name,
				   path, he.line, he.text[0] ? he.text : strerror(-ret));
	ret = check_against(run, name, &h, err);
	to = named(m, name);
	if (!ret && (!to || hist_merge(&to->hist, &h)))
		ret = result_fail(err, "$.runs[%zu].histograms.%s: too many histograms or samples",
				  run->index, name);
	hist_free(&h);
	return ret;
}

static int merge_mode(struct mode *m, const char *dir, struct result_error *err)
{
	const char *name;
	json_t *file;
	size_t i;
	int ret;

	for (i = 0; i < m->nruns; i++) {
		json_object_foreach((json_t *)m->runs[i].histograms, name, file) {
			ret = merge_file(m, &m->runs[i], name, json_string_value(file), dir, err);
			if (ret)
				return ret;
		}
	}
	return 0;
}

static int merge_all(struct result *r, const char *dir, struct result_error *err)
{
	size_t g, m;
	int ret;

	for (g = 0; g < r->ngroups; g++) {
		for (m = 0; m < r->groups[g].nmodes; m++) {
			ret = merge_mode(&r->groups[g].modes[m], dir, err);
			if (ret)
				return ret;
		}
	}
	return 0;
}

int result_build(struct result *r, json_t *root, const char *dir, struct result_error *err)
{
	const json_t *list;
	int ret;

	memset(r, 0, sizeof(*r));
	r->root = root;
	ret = result_check(root, err);
	if (ret)
		goto fail;
	list = json_object_get(root, "runs");
	r->environment = json_object_get(root, "environment");
	r->parameters = json_object_get(root, "parameters");
	r->nruns = json_array_size(list);
	r->runs = calloc(r->nruns, sizeof(*r->runs));
	if (!r->runs) {
		ret = result_fail(err, "out of memory");
		goto fail;
	}
	fill_runs(r, list);
	qsort(r->runs, r->nruns, sizeof(*r->runs), by_group_and_repeat);
	ret = refuse_twice(r, err);
	if (!ret && make_groups(r))
		ret = result_fail(err, "out of memory");
	if (!ret)
		ret = merge_all(r, dir, err);
	if (!ret)
		return 0;
fail:
	result_free(r);
	return ret;
}

void result_free(struct result *r)
{
	size_t g, m, h;

	for (g = 0; g < r->ngroups; g++) {
		for (m = 0; m < r->groups[g].nmodes; m++) {
			struct mode *mode = &r->groups[g].modes[m];

			for (h = 0; h < mode->nhists; h++)
				hist_free(&mode->hists[h].hist);
		}
		free(r->groups[g].modes);
	}
	free(r->groups);
	free(r->runs);
	json_decref(r->root);
	memset(r, 0, sizeof(*r));
}

json_t *result_read_json(const char *path, struct result_error *err)
{
	json_error_t je;
	struct stat st;
	json_t *root;

	if (stat(path, &st)) {
		result_fail(err, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > JSON_BYTES_MAX) {
		result_fail(err, "%s: not a regular file of at most %ld MiB", path,
			    JSON_BYTES_MAX >> 20);
		return NULL;
	}
	root = json_load_file(path, RESULT_JSON_FLAGS, &je);
	if (!root)
		result_fail(err, "%s:%d:%d: not JSON: %s", path, je.line, je.column, je.text);
	return root;
}

int result_load(struct result *r, const char *path, struct result_error *err)
{
	struct result_error inner = { "" };
	char file[4096], dir[4096], *slash;
	struct stat st;
	json_t *root;

	if (snprintf(file, sizeof(file), "%s", path) >= (int)sizeof(file) - 16)
		return result_fail(err, "%.60s...: the path is too long", path);
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		strcat(file, "/result.json");
	root = result_read_json(file, err);
	if (!root)
		return -EINVAL;
	strcpy(dir, file);
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	else
		strcpy(dir, ".");
	if (!result_build(r, root, dir, &inner))
		return 0;
	return result_fail(err, "%s: %s", file, inner.text);
}

const struct mode *group_mode(const struct group *g, const char *name)
{
	size_t i;

	for (i = 0; i < g->nmodes; i++) {
		if (!strcmp(g->modes[i].name, name))
			return &g->modes[i];
	}
	return NULL;
}

const struct hist *mode_hist(const struct mode *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->nhists; i++) {
		if (!strcmp(m->hists[i].name, name))
			return &m->hists[i].hist;
	}
	return NULL;
}

double result_parameter(const struct result *r, const char *name, double missing)
{
	const json_t *v = json_object_get(r->parameters, name);

	return json_is_number(v) ? json_number_value(v) : missing;
}

size_t mode_values_by(const struct mode *m, const char *metric, const char *by, double *v)
{
	size_t i, n = 0;

	for (i = 0; i < m->nruns; i++) {
		const json_t *metrics = m->runs[i].metrics;
		const json_t *value = json_object_get(metrics, metric);
		double unit = by ? json_number_value(json_object_get(metrics, by)) : 1;

		if (value && unit > 0)
			v[n++] = json_number_value(value) / unit;
	}
	return n;
}

size_t mode_values(const struct mode *m, const char *metric, double *v)
{
	return mode_values_by(m, metric, NULL, v);
}

bool mode_summary(const struct mode *m, const char *metric, struct stats_summary *s)
{
	double v[RESULT_REPEATS_MAX];

	return !stats_summarize(s, v, mode_values(m, metric, v));
}

bool groups_measured(const struct group **g, size_t n, const char *metric)
{
	struct stats_summary s;
	size_t i, m;

	for (i = 0; i < n; i++)
		for (m = 0; m < g[i]->nmodes; m++)
			if (mode_summary(&g[i]->modes[m], metric, &s))
				return true;
	return false;
}

const struct group *result_group(const struct result *r, const char *bench, const char *case_name)
{
	size_t i;

	for (i = 0; i < r->ngroups; i++) {
		if (!strcmp(r->groups[i].bench, bench) &&
		    (!case_name || !strcmp(r->groups[i].case_name, case_name)))
			return &r->groups[i];
	}
	return NULL;
}

const struct mode *group_base(const struct group *g)
{
	const struct mode *vanilla = group_mode(g, "vanilla");

	return vanilla ? vanilla : group_mode(g, "off");
}

static const struct mode *twin(const struct group *g, const struct mode *m)
{
	char name[80];

	snprintf(name, sizeof(name), "%s-aa", m->name);
	return group_mode(g, name);
}

/* Whose repetition tells the floor: the base's, if it measures METRIC, or another mode's. */
static const struct mode *twofold(const struct group *g, const char *metric)
{
	const struct mode *base = group_base(g);
	double v[RESULT_REPEATS_MAX];

	if (base && twin(g, base) && mode_values(base, metric, v))
		return base;
	for (size_t i = 0; i < g->nmodes; i++)
		if (twin(g, &g->modes[i]) && mode_values(&g->modes[i], metric, v))
			return &g->modes[i];
	return NULL;
}

double group_floor(const struct group *g, const char *metric, size_t *runs)
{
	const struct mode *a = twofold(g, metric);
	double va[RESULT_REPEATS_MAX], vaa[RESULT_REPEATS_MAX];
	size_t na, naa;

	na = a ? mode_values(a, metric, va) : 0;
	naa = a ? mode_values(twin(g, a), metric, vaa) : 0;
	if (runs)
		*runs = na < naa ? na : naa;
	return stats_noise_floor(va, na, vaa, naa, RESULT_SEED);
}

bool group_compare(const struct group *g, const struct mode *m, const struct mode *base,
		   const char *metric, struct stats_comparison *c)
{
	double v[RESULT_REPEATS_MAX], vb[RESULT_REPEATS_MAX];
	size_t n, nb;

	if (!m || !base)
		return false;
	n = mode_values(m, metric, v);
	nb = mode_values(base, metric, vb);
	return !stats_compare(c, v, n, vb, nb, group_floor(g, metric, NULL), RESULT_SEED);
}
