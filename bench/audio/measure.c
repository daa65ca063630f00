// SPDX-License-Identifier: GPL-2.0
/* One case. The device says when it measures; CPU times are taken over the same time. */
#include <stdio.h>
#include <string.h>

#include "bench/audio/bench.h"
#include "bench/lib/histrecord.h"
#include "bench/lib/latency.h"
#include "lab/lib/proc.h"

/* How often the driver looks at the device. */
#define LOOK_MS 20

static int start_player(struct guest_measurement *m)
{
	const struct guest_case *c = m->guest_case;
	const struct audio *a = m->bench->arg;
	const struct {
		char *name;
		int value;
	} options[] = {
		{ "--frames", c->variant },
		{ "--rate", a->rate },
		{ "--buffer", a->buffer },
		{ "--hogs", c->hog ? m->bench->boot.vcpus : 0 },
		{ "--warm", bursts_warm(m->bench, c) },
		{ "--bursts", bursts_measured(m->bench, c) },
		{ "--force", a->force },
	};
	enum { N = sizeof(options) / sizeof(options[0]) };
	char values[N][16], *argv[1 + 2 * N + 1] = { "coop-guest-audio" };

	for (int i = 0; i < N; i++) {
		snprintf(values[i], sizeof(values[i]), "%d", options[i].value);
		argv[1 + 2 * i] = options[i].name;
		argv[2 + 2 * i] = values[i];
	}
	return vm_job(m->vm, argv) ? GUEST_FAIL(m->bench, "%s", m->vm->error) : 0;
}

static void look_at_device(struct guest_measurement *m, enum device_state *seen)
{
	const struct audio *a = m->bench->arg;
	enum device_state state = device_state(&a->device);

	if (state >= DEVICE_MEASURES && *seen < DEVICE_MEASURES)
		guest_measure_begin(m);
	if (state == DEVICE_ENDED && *seen < DEVICE_ENDED)
		guest_measure_end(m);
	*seen = state;
}

static int read_lateness(struct guest_measurement *m, const struct record *rec)
{
	struct audio *a = m->bench->arg;
	char error[200] = "a second histogram";

	if (a->has_lateness || hist_receive(&a->lateness, rec, error, sizeof(error)))
		return GUEST_FAIL(m->bench, "%s", error);
	a->has_lateness = true;
	return 0;
}

/* Until the player has ended, which the device makes it do. */
static int follow_guest(struct guest_measurement *m)
{
	struct guest_bench *b = m->bench;
	const struct audio *a = b->arg;
	long long limit = proc_now_ns() + (b->seconds + b->result_limit) * 1000000000ll;
	enum device_state seen = DEVICE_WAITS;
	struct record rec;

	while (proc_now_ns() < limit) {
		int ret = vm_next(m->vm, LOOK_MS, &rec);

		look_at_device(m, &seen);
		if (ret < 0)
			return GUEST_FAIL(b, "%s", m->vm->error);
		if (ret && rec.type == RECORD_FILE && !strcmp(rec.text, "lateness.hist") &&
		    read_lateness(m, &rec))
			return -1;
		if (!ret || rec.type != RECORD_VERDICT)
			continue;
		if (rec.pass && seen == DEVICE_ENDED && a->has_lateness)
			return 0;
		return GUEST_FAIL(b, "L2: %s", rec.text);
	}
	b->hung = true;
	return GUEST_FAIL(b, "L2 hung: %s %d s after it should have ended",
			  seen == DEVICE_WAITS ? "it had not begun to play" : "it still played",
			  b->result_limit);
}

static json_t *misses_of(const struct device *d)
{
	json_t *list = json_array();

	for (int i = 0; i < d->misses; i++)
		json_array_append_new(list, json_real(d->misses_ms[i]));
	return list;
}

static int send_run(struct guest_measurement *m)
{
	const struct audio *a = m->bench->arg;
	const struct device *d = &a->device;
	const struct glitch_detector *g = &d->detector;
	json_t *metrics = json_object(), *refs = json_object();
	char name[160];

	snprintf(name, sizeof(name), "hist/audio-%s-%s-%d-guest.hist", m->guest_case->name,
		 m->mode->name, m->repeat);
	if (a->lateness.samples &&
	    latency_send(m->bench->record_fd, name, "guest", &a->lateness, refs)) {
		json_decref(metrics);
		json_decref(refs);
		return GUEST_FAIL(m->bench, "the callbacks' histogram cannot be stored");
	}
	json_object_set_new(metrics, "glitches", json_integer(g->glitches));
	json_object_set_new(metrics, "xruns", json_integer(d->xruns));
	json_object_set_new(metrics, "callbacks", json_integer(d->callbacks));
	driver_metric(metrics, "longest_clean_ms", g->longest * 1e3 / a->rate);
	driver_metric(metrics, "glitch_share", 1 - (double)g->clean / g->frames);
	driver_metric(metrics, "device_late_max_us", d->late_ns / 1e3);
	if (a->force)
		driver_metric(metrics, "forced_count", a->force);
	return guest_measure_send(m, metrics, refs, misses_of(d));
}

/* The proof of the detector: it hears what was made, no more and no less. */
static int check_forced(struct guest_measurement *m)
{
	const struct audio *a = m->bench->arg;
	const struct device *d = &a->device;

	if (!a->force || d->detector.glitches == (uint64_t)a->force)
		return 0;
	return GUEST_FAIL(
		m->bench, "%s: %d glitches were made and %llu found, with %lld XRuns: %s",
		m->guest_case->name, a->force, (unsigned long long)d->detector.glitches, d->xruns,
		d->detector.glitches > (uint64_t)a->force ?
			"a machine that cannot keep up adds its own: try a larger --buffer" :
			"some were missed");
}

static void forget_lateness(struct audio *a)
{
	if (a->has_lateness)
		hist_free(&a->lateness);
	a->has_lateness = false;
}

int play_case(struct guest_measurement *m)
{
	struct audio *a = m->bench->arg;
	int ret;

	forget_lateness(a);
	if (device_start(&a->device, m->guest_case->variant, a->rate,
			 bursts_warm(m->bench, m->guest_case),
			 bursts_measured(m->bench, m->guest_case)))
		return GUEST_FAIL(m->bench, "the device does not start (see job-output.log)");
	ret = start_player(m);
	if (!ret)
		ret = follow_guest(m);
	device_stop(&a->device);
	return ret;
}

int measure(struct guest_measurement *m)
{
	int ret = play_case(m);

	if (!ret)
		ret = send_run(m);
	forget_lateness(m->bench->arg);
	return ret ? ret : check_forced(m);
}
