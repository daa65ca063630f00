/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COOP_TESTS_REPORT_SAMPLE_H
#define COOP_TESTS_REPORT_SAMPLE_H

/*
 * Seeded sample measurements with the shape of real ones, for tests of the
 * report. Included by the tests that need it; nothing here is a measurement.
 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/lib/hist.h"

struct sample_mode {
	const char *name;
	double base_us;		/* typical latency */
	double wait_p;		/* probability of a wait, exponential with... */
	double wait_us;		/* ...this mean... */
	double cap_us;		/* ...but never longer than this */
	double hole_p;		/* probability of a hole of about cap_us */
	double share;		/* of each co-tenant */
};

static const struct sample_mode sample_modes[] = {
	{ "vanilla", 190, 0.38, 3300, 21000, 0, 0.334 },
	{ "vanilla-aa", 190, 0.38, 3300, 21000, 0, 0.334 },
	{ "slice", 185, 0.34, 2300, 14500, 0, 0.333 },
	{ "coop", 180, 0.14, 600, 10500, 0, 0.332 },
	{ "static", 210, 0.20, 500, 7000, 0.0006, 0.026 },
};

#define SAMPLE_MODES	(sizeof(sample_modes) / sizeof(sample_modes[0]))

struct sample_options {
	uint64_t seed;
	int repeats;
	unsigned int samples;	/* per run */
	double noise;		/* relative, from repeat to repeat */
	double coop_slower;	/* factor on coop's latencies, 0: 1 */
	double coop_share;	/* of each co-tenant under coop, 0: fair */
	double demand;		/* of the measured task, part of the pCPU, 0: 0.3 */
	bool with_coop;
	bool with_audio;
	bool with_overhead;
	bool without_aa;
	bool only_vanilla;
};

static double sample_uniform(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return ((double)(*state >> 11) + 0.5) / 9007199254740992.0;
}

static double sample_normal(uint64_t *state)
{
	double u = sample_uniform(state), v = sample_uniform(state);

	return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static void sample_fill(struct hist *h, const struct sample_mode *m, double scale, unsigned int n,
			bool busy, uint64_t *state)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		double us = m->base_us * exp(0.16 * sample_normal(state));

		if (busy && sample_uniform(state) < m->wait_p)
			us += fmin(-log(sample_uniform(state)) * m->wait_us,
				   m->cap_us * (0.8 + 0.2 * sample_uniform(state)));
		if (busy && sample_uniform(state) < m->hole_p)
			us = 50000 + 2500 * sample_uniform(state);
		hist_add(h, (uint64_t)(us * scale));
	}
}

static double sample_percentile(const struct hist *h, uint32_t ppm)
{
	uint64_t us;

	hist_percentile(h, ppm, &us);
	return (double)us;
}

static int sample_hist_file(const char *dir, const char *file, const struct hist *h)
{
	char path[600];
	FILE *f;
	int ret;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "w");
	if (!f)
		return -errno;
	ret = hist_write(h, f);
	return fclose(f) ? -EIO : ret;
}

/* One line of runs.jsonl and its histogram. */
static int sample_run(FILE *out, const char *dir, const struct sample_options *o,
		      const char *case_name, const struct sample_mode *m, int repeat,
		      uint64_t *state)
{
	double scale = exp(o->noise * sample_normal(state)), share = m->share;
	bool busy = strcmp(case_name, "idle") != 0, coop = !strcmp(m->name, "coop");
	char file[128];
	struct hist h;
	int ret;

	if (coop && o->coop_slower > 0)
		scale *= o->coop_slower;
	if (coop && o->coop_share > 0)
		share = o->coop_share;
	if (!strcmp(case_name, "busy") && !strcmp(m->name, "static"))
		share = (1 - (o->demand > 0 ? o->demand : 0.3)) / 2;
	share *= 1 + 0.004 * sample_normal(state);
	hist_init(&h);
	sample_fill(&h, m, scale, o->samples, busy, state);
	snprintf(file, sizeof(file), "hist/cyclictest-%s-%s-%d-guest.hist", case_name, m->name, repeat);
	ret = sample_hist_file(dir, file, &h);
	fprintf(out, "{\"bench\":\"cyclictest\",\"mode\":\"%s\",\"case\":\"%s\",\"repeat\":%d,\"metrics\":{"
		"\"guest_min_us\":%.0f,\"guest_avg_us\":%.3f,\"guest_p50_us\":%.0f,\"guest_p99_us\":%.0f,"
		"\"guest_p999_us\":%.0f,\"guest_max_us\":%.0f,\"samples\":%llu,\"overflow\":0",
		m->name, case_name, repeat, (double)h.min_us, hist_mean(&h),
		sample_percentile(&h, HIST_P50), sample_percentile(&h, HIST_P99),
		sample_percentile(&h, HIST_P999), (double)h.max_us, (unsigned long long)h.samples);
	if (busy)
		fprintf(out, ",\"cotenant_share_min\":%.4f,\"cotenant_share_mean\":%.4f,\"vcpu_share\":%.4f",
			share * 0.997, share, 1 - 2 * share);
	fprintf(out, ",\"exits_per_s\":%.1f},\"histograms\":{\"guest\":\"%s\"}}\n",
		900 * exp(0.03 * sample_normal(state)), file);
	hist_free(&h);
	return ret;
}

static int sample_facts(const char *dir)
{
	static const char environment[] =
		"{\"accelerator\":\"tcg\",\"kernel\":\"6.12.0-sample\",\"qemu\":\"10.0.0\","
		"\"commit\":\"0000000000\",\"config_hash\":\"sample\",\"cores\":2}\n";
	static const char parameters[] =
		"{\"cotenants\":2,\"vcpus\":1,\"interval_us\":2170,\"seconds\":10,\"seed\":1,\"buffer_bursts\":2,"
		"\"task_share_at_2170_us\":0.44}\n";
	char path[600];
	FILE *f;

	snprintf(path, sizeof(path), "%s/environment.json", dir);
	f = fopen(path, "w");
	if (!f || fputs(environment, f) < 0 || fclose(f))
		return -EIO;
	snprintf(path, sizeof(path), "%s/parameters.json", dir);
	f = fopen(path, "w");
	if (!f || fputs(parameters, f) < 0 || fclose(f))
		return -EIO;
	return 0;
}

/* How late the callbacks of a run were: as tasks that wake up are. */
static int sample_lateness(const char *dir, const char *file, const char *mode, uint64_t *state)
{
	const struct sample_mode *m = sample_modes;
	struct hist h;
	int ret;

	while (strcmp(m->name, mode))
		m++;
	hist_init(&h);
	sample_fill(&h, m, 1, 5000, true, state);
	ret = sample_hist_file(dir, file, &h);
	hist_free(&h);
	return ret;
}

/* An audio benchmark as well, with glitches at random times. */
static int sample_audio(FILE *f, const char *dir, const struct sample_options *o)
{
	static const struct { const char *name; double glitches, share; } modes[] = {
		{ "vanilla", 60, 0.34 }, { "vanilla-aa", 60, 0.34 }, { "coop", 2, 0.335 }, { "static", 0.4, 0.3 },
	};
	uint64_t state = o->seed * 2654435761u + 88172645463325252ull;
	int repeat, ret = 0;
	char file[128];
	size_t m;

	for (repeat = 1; repeat <= o->repeats; repeat++) {
		for (m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
			double at = 0, share = modes[m].share * (1 + 0.01 * sample_normal(&state));
			int n = 0;

			snprintf(file, sizeof(file), "hist/audio-busy-96-%s-%d-guest.hist", modes[m].name, repeat);
			ret |= sample_lateness(dir, file, modes[m].name, &state);

			fprintf(f, "{\"bench\":\"audio\",\"mode\":\"%s\",\"case\":\"busy-96\",\"repeat\":%d,\"misses_ms\":[",
				modes[m].name, repeat);
			while ((at += -log(sample_uniform(&state)) * 10000 / modes[m].glitches) < 10000)
				fprintf(f, "%s%.1f", n++ ? "," : "", at);
			fprintf(f, "],\"metrics\":{\"glitches\":%d,\"xruns\":%d,\"callbacks\":5000,\"longest_clean_ms\":%.1f,"
				"\"cotenant_share_min\":%.4f,\"vcpu_share\":%.4f},\"histograms\":{\"guest\":\"%s\"}}\n",
				n, 2 * n, 10000. / (n + 1), share, 1 - 2 * share, file);
		}
	}
	return ret;
}

/* What a boost costs. */
static void sample_overhead(FILE *f, const struct sample_options *o)
{
	static const struct { const char *name; double cost; } modes[] = {
		{ "off", 1 }, { "off-aa", 1 }, { "other", 1 }, { "on", 1.3 },
	};
	uint64_t state = o->seed * 2654435761u + 88172645463325252ull;
	int repeat;
	size_t m;

	for (repeat = 1; repeat <= o->repeats; repeat++) {
		for (m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
			double noise = exp(0.02 * sample_normal(&state));

			fprintf(f, "{\"bench\":\"overhead\",\"mode\":\"%s\",\"case\":\"boost\",\"repeat\":%d,\"metrics\":{"
				"\"signal_ns\":%.0f,\"irq_ns\":%.0f,\"hypercall_ns\":%.0f,\"boosts_count\":%d}}\n",
				modes[m].name, repeat, 900 * noise * modes[m].cost, 4200 * noise * modes[m].cost,
				700 * noise, m == 3 ? 200 : 0);
		}
	}
}

/* Fills the existing directory @dir as a benchmark would. */
static int sample_write(const char *dir, const struct sample_options *o)
{
	static const char *const cases[] = { "idle", "busy", "busy-hog" };
	uint64_t state = o->seed * 2654435761u + 88172645463325252ull;
	char path[600];
	int repeat, ret;
	size_t c, m;
	FILE *f;

	snprintf(path, sizeof(path), "%s/hist", dir);
	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	snprintf(path, sizeof(path), "%s/runs.jsonl", dir);
	f = fopen(path, "w");
	if (!f)
		return -errno;
	ret = sample_facts(dir);
	for (repeat = 1; repeat <= o->repeats; repeat++) {
		for (c = 0; c < 3; c++) {
			for (m = 0; m < SAMPLE_MODES && !ret; m++) {
				const char *name = sample_modes[m].name;

				if ((!o->with_coop && !strcmp(name, "coop")) ||
				    (o->without_aa && !strcmp(name, "vanilla-aa")) ||
				    (o->only_vanilla && strcmp(name, "vanilla")))
					continue;
				ret = sample_run(f, dir, o, cases[c], &sample_modes[m], repeat, &state);
			}
		}
	}
	if (o->with_audio && !ret)
		ret = sample_audio(f, dir, o);
	if (o->with_overhead)
		sample_overhead(f, o);
	return fclose(f) ? -EIO : ret;
}

#endif
