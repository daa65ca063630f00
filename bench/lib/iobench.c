// SPDX-License-Identifier: GPL-2.0
/*
 * One mode in one round: a guest, a second one if a case needs it, and one measurement per case,
 * while the guest's program says that it measures.
 */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/histrecord.h"
#include "bench/lib/iobench.h"
#include "bench/lib/latency.h"
#include "lab/lib/proc.h"
#include "lab/lib/record.h"

#define SETTLE_US 300000
/* How much longer the second guest works, so that its load is there until the first has ended. */
#define OTHER_SECONDS 5
#define EXPECT_BOOT 8
#define EXPECT_CASE 3

#define FAIL(b, ...) (snprintf((b)->error, sizeof((b)->error), __VA_ARGS__), -1)

/* Of QEMU's coalesce-stats: how often completions were held, and why others were delivered. */
static const struct {
	const char *stat, *metric;
} reasons[] = {
	{ "held", "held_per_req" },	      { "idle", "idle_per_req" },
	{ "slow", "slow_per_req" },	      { "ratio", "ratio_per_req" },
	{ "slice-end", "slice_end_per_req" }, { "preempted", "preempted_per_req" },
	{ "pause", "pause_per_req" },	      { "cap", "cap_per_req" },
};

#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

struct measurement {
	const struct iobench_mode *mode;
	const struct iobench_case *bench_case;
	int repeat;
	/* over the guest's measured interval */
	long long wall_ns, vcpu_ns, qemu_ns, exits, boosts;
	long long reasons[REASONS];
	long long requests, guest_ns, irqs, rx_irqs;
	struct hist hist;
	bool has_hist, has_counts;
};

static int count_reasons(struct iobench *b, struct iovm *g, struct measurement *m, int sign)
{
	json_t *stats = iovm_stats(g);
	int ret = 0;

	for (size_t i = 0; i < REASONS; i++) {
		const json_t *count = json_object_get(stats, reasons[i].stat);

		if (!count)
			ret = FAIL(b, "QEMU does not say %s: %.200s", reasons[i].stat,
				   g->qmp.error);
		m->reasons[i] += sign * json_integer_value(count);
	}
	json_decref(stats);
	return ret;
}

static int interval_begin(struct iobench *b, struct iovm *g, struct measurement *m)
{
	const struct vm *vm = &g->vm;
	int ret = count_reasons(b, g, m, -1);

	m->wall_ns = proc_now_ns();
	m->vcpu_ns = vm_vcpus_ns(vm);
	m->qemu_ns = proc_group_ns(vm->pid);
	m->exits = vm_stat(vm, "exits");
	m->boosts = vm_stat(vm, "coop_boosts_irq");
	vmload_begin(&b->load);
	return ret;
}

static int interval_end(struct iobench *b, struct iovm *g, struct measurement *m)
{
	const struct vm *vm = &g->vm;

	m->wall_ns = proc_now_ns() - m->wall_ns;
	m->vcpu_ns = vm_vcpus_ns(vm) - m->vcpu_ns;
	m->qemu_ns = proc_group_ns(vm->pid) - m->qemu_ns;
	m->exits = vm_stat(vm, "exits") - m->exits;
	m->boosts = vm_stat(vm, "coop_boosts_irq") - m->boosts;
	vmload_end(&b->load);
	vmload_pause(&b->load);
	return count_reasons(b, g, m, 1);
}

static int start_load(struct iobench *b, struct iovm *g, const struct iobench_case *c, int seconds,
		      bool other)
{
	char **argv = b->kind->job(b->arg, c, seconds, other);

	return vm_job(&g->vm, argv) ? FAIL(b, "%.255s", g->vm.error) : 0;
}

static int read_hist(struct iobench *b, struct measurement *m, const struct record *rec)
{
	char error[200];

	m->has_hist = !hist_receive(&m->hist, rec, error, sizeof(error));
	return m->has_hist ? 0 : FAIL(b, "%s", error);
}

static int read_counts(struct iobench *b, struct measurement *m, const struct record *rec)
{
	char text[256];

	snprintf(text, sizeof(text), "%.*s", (int)rec->size, rec->data);
	m->has_counts = sscanf(text, "requests %lld ns %lld irqs %lld rx_irqs %lld", &m->requests,
			       &m->guest_ns, &m->irqs, &m->rx_irqs) == 4;
	if (m->has_counts && m->requests > 0 && m->guest_ns > 0)
		return 0;
	return FAIL(b, "the guest completed no request");
}

/* Until the guest's verdict; M is NULL for the guest that is only load. */
static int follow(struct iobench *b, struct iovm *g, struct measurement *m, bool until_it_measures)
{
	long long end = proc_now_ns() + (b->seconds + b->result_limit) * 1000000000ll;
	struct record rec;
	int ret = 0;

	while (!ret) {
		ret = vm_next(&g->vm, (end - proc_now_ns()) / 1000000, &rec);
		if (ret < 0)
			return FAIL(b, "%s", g->vm.error);
		if (!ret)
			return FAIL(b, "L2 hung: no result %d s after it should have ended",
				    b->result_limit);
		ret = 0;
		if (rec.type == RECORD_VERDICT)
			return rec.pass ? 0 : FAIL(b, "L2: %s", rec.text);
		if (rec.type == RECORD_PROGRESS && until_it_measures)
			return 0;
		if (rec.type == RECORD_PROGRESS && m)
			ret = (rec.done ? interval_end : interval_begin)(b, g, m);
		else if (rec.type == RECORD_FILE && m && !strcmp(rec.text, "guest.hist"))
			ret = read_hist(b, m, &rec);
		else if (rec.type == RECORD_FILE && m && !strcmp(rec.text, "counts.txt"))
			ret = read_counts(b, m, &rec);
	}
	return ret;
}

static void add_shares(json_t *metrics, const struct vmload *load, const struct measurement *m)
{
	double min = 0, sum = 0;

	for (unsigned int i = 0; i < load->n; i++) {
		double share = (double)load->run_ns[i] / m->wall_ns;

		min = !i || share < min ? share : min;
		sum += share;
	}
	driver_metric(metrics, "cotenant_share_min", min);
	driver_metric(metrics, "cotenant_share_mean", sum / load->n);
}

static json_t *metrics_of(struct iobench *b, const struct measurement *m)
{
	json_t *metrics = json_object();
	double n = m->requests;

	driver_metric(metrics, "iops", n * 1e9 / m->guest_ns);
	latency_request_metrics(metrics, &m->hist);
	driver_metric(metrics, "irqs_per_req", m->irqs / n);
	if (m->rx_irqs >= 0)
		driver_metric(metrics, "rx_irqs_per_req", m->rx_irqs / n);
	for (size_t i = 0; i < REASONS; i++)
		driver_metric(metrics, reasons[i].metric, m->reasons[i] / n);
	if (m->mode->coop)
		driver_metric(metrics, "boosts_per_req", m->boosts / n);
	driver_metric(metrics, "guest_cpu_us_per_req", m->vcpu_ns / 1e3 / n);
	driver_metric(metrics, "host_cpu_us_per_req", (m->qemu_ns - m->vcpu_ns) / 1e3 / n);
	driver_metric(metrics, "exits_per_s", m->exits * 1e9 / m->wall_ns);
	if (scenario_has_hogs(m->bench_case->scenario))
		add_shares(metrics, &b->load, m);
	return metrics;
}

static int send_run(struct iobench *b, const struct measurement *m)
{
	json_t *refs = json_object(), *run;
	char name[200];

	snprintf(name, sizeof(name), "hist/%s-%s-%s-%d-guest.hist", b->kind->name,
		 m->bench_case->name, m->mode->name, m->repeat);
	if (latency_send(b->record_fd, name, "guest", &m->hist, refs)) {
		json_decref(refs);
		return FAIL(b, "cannot send %s", name);
	}
	run = json_pack("{s:s, s:s, s:s, s:i, s:o, s:o}", "bench", b->kind->name, "mode",
			m->mode->name, "case", m->bench_case->name, "repeat", m->repeat, "metrics",
			metrics_of(b, m), "histograms", refs);
	return driver_send_run(b->record_fd, run) ? FAIL(b, "cannot send a result") : 0;
}

static int measure_case(struct iobench *b, struct iovm *g, struct iovm *other,
			struct measurement *m)
{
	const struct iobench_case *c = m->bench_case;
	bool hogs = scenario_has_hogs(c->scenario);
	int ret = 0;

	usleep(SETTLE_US);
	if (other)
		ret = start_load(b, other, c, b->seconds + OTHER_SECONDS, true) ||
		      follow(b, other, NULL, true);
	if (hogs)
		vmload_resume(&b->load);
	if (!ret)
		ret = start_load(b, g, c, b->seconds, false) || follow(b, g, m, false);
	if (hogs)
		vmload_pause(&b->load);
	if (!ret && other)
		ret = follow(b, other, NULL, false);
	if (!ret && !(m->has_hist && m->has_counts))
		ret = FAIL(b, "L2 sent no result");
	if (!ret)
		ret = send_run(b, m);
	if (m->has_hist)
		hist_free(&m->hist);
	b->done += !ret;
	return ret;
}

static int boot(struct iobench *b, struct iovm *g, const struct iobench_mode *mode, int repeat,
		bool other)
{
	const char *which = other ? "-b" : "";
	char name[64];
	struct iovm_config config = { .name = name,
				      .policy = mode->policy,
				      .coop = mode->coop,
				      .facts = mode->facts,
				      .urgent = mode->urgent,
				      .vcpus = 1,
				      .queues = 1,
				      .inflight = b->inflight,
				      .iops = b->iops,
				      .max_us = b->max_us,
				      .cutoff_us = b->cutoff_us };

	snprintf(name, sizeof(name), "%s-%d%s", mode->name, repeat, which);
	record_progress(b->record_fd, b->done, b->total, "%s, round %d: booting L2%s", mode->name,
			repeat, which);
	b->kind->configure(b->arg, &config, other);
	return iovm_boot(g, &config) ? FAIL(b, "%s", g->error) : 0;
}

static int measure_cases(struct iobench *b, struct iovm *g, struct iovm *other,
			 const struct iobench_mode *mode, int repeat)
{
	for (int i = 0; i < b->ncases; i++) {
		const struct iobench_case *c = &b->cases[i];
		struct measurement m = { .mode = mode, .bench_case = c, .repeat = repeat };
		bool all = c->scenario == SCENARIO_ALLIO;

		record_progress(b->record_fd, b->done, b->total, "%s, round %d: %s", mode->name,
				repeat, c->name);
		if (all && !other->vm.pid && boot(b, other, mode, repeat, true))
			return -1;
		if (measure_case(b, g, all ? other : NULL, &m))
			return -1;
	}
	return 0;
}

static int end_guest(struct iobench *b, struct iovm *g, bool failed)
{
	if (!g->vm.pid)
		return 0;
	if (failed)
		iovm_kill(g);
	else if (iovm_quit(g))
		return FAIL(b, "%s", g->error);
	return 0;
}

static int measure_mode(struct iobench *b, const struct iobench_mode *mode, int repeat)
{
	struct iovm g = { 0 }, other = { 0 };
	int ret = boot(b, &g, mode, repeat, false);

	if (!ret)
		ret = measure_cases(b, &g, &other, mode, repeat);
	if (end_guest(b, &g, ret) || end_guest(b, &other, ret))
		ret = -1;
	return ret;
}

static int measure(void *arg, const void *entry, int round)
{
	const struct iobench_mode *mode = entry;
	struct iobench *b = arg;

	if (!measure_mode(b, mode, round))
		return 0;
	record_verdict(b->record_fd, false, "mode %s, round %d: %s", mode->name, round, b->error);
	return -1;
}

static bool needs_hogs(const struct iobench *b)
{
	for (int i = 0; i < b->ncases; i++)
		if (scenario_has_hogs(b->cases[i].scenario))
			return true;
	return false;
}

static bool needs_coop(const struct iobench *b)
{
	for (int i = 0; i < b->modes.n; i++) {
		const struct iobench_mode *mode = b->modes.chosen[i];

		if (mode->coop || mode->facts)
			return true;
	}
	return false;
}

static json_t *with_common(const struct iobench *b, json_t *parameters)
{
	json_t *common = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "repeat", b->repeat,
				   "seconds", b->seconds, "cotenants", b->cotenants,
				   "coalesce_inflight", b->inflight, "coalesce_iops", b->iops,
				   "coalesce_max_us", b->max_us, "coalesce_cutoff_us", b->cutoff_us,
				   "host_slice_us", b->slice_us);

	json_object_update(common, parameters);
	json_decref(parameters);
	return common;
}

static int prepare(struct iobench *b)
{
	if (driver_check_machine())
		return -1;
	if (needs_coop(b) && driver_switch(true)) {
		fprintf(stderr, "coop: this host kernel has no kvm-coop\n");
		return -1;
	}
	signal(SIGPIPE, SIG_IGN);
	b->record_fd = record_fd();
	b->total = b->repeat * b->modes.n * b->ncases;
	record_expect(b->record_fd,
		      b->repeat * b->modes.n * EXPECT_BOOT + b->total * (b->seconds + EXPECT_CASE));
	return 0;
}

static int run_all(struct iobench *b)
{
	int ret;

	if (needs_hogs(b) && vmload_start(&b->load, b->cotenants, CPU_GUEST)) {
		record_verdict(b->record_fd, false,
			       "the co-tenants do not start (see job-output.log)");
		return 1;
	}
	ret = driver_rounds(&b->modes, b->repeat, measure, b);
	if (!ret)
		record_verdict(b->record_fd, true, "%d measurements", b->done);
	vmload_kill(&b->load);
	return ret;
}

int iobench_run(struct iobench *b, json_t *parameters)
{
	struct driver_setting slice;
	int ret = 2;

	if (prepare(b)) {
		json_decref(parameters);
		return ret;
	}
	if (driver_send_parameters(b->record_fd, with_common(b, parameters)))
		return 1;
	if (!driver_set_slice(b->slice_us, &slice))
		ret = run_all(b);
	driver_restore(&slice);
	return ret;
}
