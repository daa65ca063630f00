// SPDX-License-Identifier: GPL-2.0
/* coop-bench-overhead: what single operations cost with the feature off, on, and in use. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/lib/driver.h"
#include "bench/overhead/bench.h"
#include "lab/lib/record.h"

/* A round's runs stay here until it is complete, since one is told in units of another. */
struct round {
	json_t *metrics[DRIVER_CHOSEN_MAX][DRIVER_CHOSEN_MAX];
};

static const struct mode *mode_at(const struct options *o, int i)
{
	return o->modes.chosen[i];
}

static const struct bench_case *case_at(const struct options *o, int i)
{
	return o->cases.chosen[i];
}

static json_t *metrics_of(const struct bench *b, const struct round *r, const char *bench_case,
			  const char *mode)
{
	const struct options *o = b->o;

	for (int c = 0; c < o->cases.n; c++)
		for (int m = 0; m < o->modes.n; m++)
			if (!strcmp(case_at(o, c)->name, bench_case) &&
			    !strcmp(mode_at(o, m)->name, mode))
				return r->metrics[c][m];
	return NULL;
}

static double value_of(const json_t *metrics, const char *name)
{
	return json_number_value(json_object_get(metrics, name));
}

/*
 * Boost and unboost, beyond what the same interrupt and the same hypercall cost without. The empty
 * hypercall is the unit. 0 if it is lost in the noise.
 */
static void add_boost_ratio(const struct bench *b, struct round *r)
{
	const json_t *off = metrics_of(b, r, "boost", "off");
	json_t *on = metrics_of(b, r, "boost", "on");
	double unit = value_of(off, "hypercall_ns");
	double more = value_of(on, "signal_ns") - value_of(off, "signal_ns") +
		      value_of(on, "hypercall_ns") - value_of(off, "hypercall_ns");

	if (on && unit > 0)
		json_object_set_new(on, "boost_ratio", json_real(fmax(more, 0) / unit));
}

/* An answer's time in units of what an interrupt to a halted vCPU takes in the same round. */
static void add_handshake_ratio(const struct bench *b, struct round *r)
{
	json_t *on = metrics_of(b, r, "notify", "on");
	double unit = value_of(metrics_of(b, r, "irq-halted", "off"), "irq_ns");

	if (!on || unit <= 0)
		return;
	json_object_set_new(on, "handshake_p50_ratio",
			    json_real(value_of(on, "handshake_p50_ns") / unit));
	json_object_set_new(on, "handshake_p99_ratio",
			    json_real(value_of(on, "handshake_p99_ns") / unit));
}

static int send_round(struct bench *b, struct round *r, int repeat)
{
	const struct options *o = b->o;

	add_boost_ratio(b, r);
	add_handshake_ratio(b, r);
	for (int m = 0; m < o->modes.n; m++)
		for (int c = 0; c < o->cases.n; c++) {
			if (!r->metrics[c][m])
				continue;
			if (driver_send_run(b->record_fd,
					    json_pack("{s:s, s:s, s:s, s:i, s:O}", "bench",
						      "overhead", "mode", mode_at(o, m)->name,
						      "case", case_at(o, c)->name, "repeat", repeat,
						      "metrics", r->metrics[c][m])))
				return FAIL(b, "cannot send a result");
		}
	return 0;
}

static int measure_one(struct bench *b, struct round *r, int mode, int bench_case, int repeat)
{
	const struct bench_case *c = case_at(b->o, bench_case);
	json_t *metrics = json_object();

	record_progress(b->record_fd, b->done, b->total, "%s, round %d: %s",
			mode_at(b->o, mode)->name, repeat, c->name);
	r->metrics[bench_case][mode] = metrics;
	if (!metrics)
		return FAIL(b, "out of memory");
	b->done++;
	return c->measure(b, mode_at(b->o, mode), metrics);
}

/*
 * The modes follow each other case by case, so that what is compared is close in time. Every round
 * begins with another mode, so that none is always the first.
 */
static int measure_round(struct bench *b, int repeat)
{
	const struct options *o = b->o;
	struct round r = { 0 };
	int ret = 0;

	for (int c = 0; c < o->cases.n && !ret; c++)
		for (int i = 0; i < o->modes.n && !ret; i++) {
			int m = (i + repeat) % o->modes.n;
			char why[sizeof(b->error)];

			ret = measure_one(b, &r, m, c, repeat);
			if (!ret)
				continue;
			memcpy(why, b->error, sizeof(why));
			snprintf(b->error, sizeof(b->error), "mode %s, case %s, round %d: %.300s",
				 mode_at(o, m)->name, case_at(o, c)->name, repeat, why);
		}
	if (!ret)
		ret = send_round(b, &r, repeat);
	for (int c = 0; c < o->cases.n; c++)
		for (int m = 0; m < o->modes.n; m++)
			json_decref(r.metrics[c][m]);
	return ret;
}

static int expected_seconds(const struct options *o)
{
	int sum = 0;

	for (int c = 0; c < o->cases.n; c++)
		sum += case_at(o, c)->expect;
	return sum * o->modes.n * o->repeat;
}

int main(int argc, char **argv)
{
	struct options o;
	struct bench b = { .o = &o };
	int ret = options_parse(&o, argc, argv);

	if (ret)
		return ret < 0 ? 2 : 0;
	if (driver_check_machine())
		return 2;
	b.record_fd = record_fd();
	b.total = o.repeat * o.modes.n * o.cases.n;
	record_expect(b.record_fd, expected_seconds(&o));
	if (driver_send_parameters(b.record_fd, json_pack("{s:i, s:i}", "repeat", o.repeat,
							  "samples", o.samples)))
		return 1;
	for (int repeat = 1; repeat <= o.repeat && !ret; repeat++)
		ret = measure_round(&b, repeat);
	if (ret)
		record_verdict(b.record_fd, false, "%s", b.error);
	else
		record_verdict(b.record_fd, true, "%d measurements", b.done);
	return ret ? 1 : 0;
}
