// SPDX-License-Identifier: GPL-2.0
/* One guest, all cases: what is measured where, and over which interval. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cyclictest/bench.h"
#include "bench/lib/latency.h"
#include "lab/lib/proc.h"

/* After boot, and between the cases. */
#define SETTLE_US 300000
#define QUIT_LIMIT_MS 30000

#define FAIL(b, ...) (snprintf((b)->error, sizeof((b)->error), __VA_ARGS__), -1)

struct measurement {
	struct bench *bench;
	const struct vm *vm;
	const struct mode *mode;
	const struct bench_case *bench_case;
	int repeat;
	long long wall_ns, vcpu_ns, exits; /* over the guest's measured interval */
	pid_t host;
	int host_out;
	struct latency guest;
	struct hist host_hist;
	bool has_host;
};

static void interval_begin(void *arg)
{
	struct measurement *m = arg;
	const struct options *o = m->bench->o;

	if (m->bench_case->cotenants && o->host_cyclictest)
		m->host = vmload_cyclictest(CPU_GUEST, o->seconds, o->interval_us, &m->host_out);
	m->wall_ns = proc_now_ns();
	m->vcpu_ns = vm_vcpus_ns(m->vm);
	m->exits = vm_stat(m->vm, "exits");
	vmload_begin(&m->bench->load);
}

static void interval_end(void *arg)
{
	struct measurement *m = arg;

	m->wall_ns = proc_now_ns() - m->wall_ns;
	m->vcpu_ns = vm_vcpus_ns(m->vm) - m->vcpu_ns;
	m->exits = vm_stat(m->vm, "exits") - m->exits;
	vmload_end(&m->bench->load);
	vmload_pause(&m->bench->load);
}

static int measure_guest(struct bench *b, struct vm *vm, struct measurement *m)
{
	const struct options *o = b->o;

	m->guest = (struct latency){ .hogs = m->bench_case->hog ? o->vcpus : 0,
				     .seconds = o->seconds,
				     .interval_us = o->interval_us,
				     .result_limit = o->result_limit,
				     .begin = interval_begin,
				     .end = interval_end,
				     .arg = m };
	if (!latency_measure(&m->guest, vm))
		return 0;
	b->hung |= m->guest.hung;
	return FAIL(b, "%s", m->guest.error);
}

static int host_result(struct bench *b, struct measurement *m)
{
	struct hist_error err = { 0 };

	if (m->host <= 0)
		return 0;
	m->has_host = !vmload_cyclictest_result(m->host, m->host_out, &m->host_hist, &err);
	m->host = 0;
	return m->has_host ? 0 : FAIL(b, "the host's cyclictest, line %lu: %s", err.line, err.text);
}

static void add_number(json_t *metrics, const char *name, double value)
{
	json_object_set_new(metrics, name, json_real(value));
}

static void add_shares(json_t *metrics, const struct vmload *load, const struct measurement *m)
{
	double min = 0, sum = 0;

	add_number(metrics, "vcpu_share", (double)m->vcpu_ns / m->wall_ns);
	if (!m->bench_case->cotenants || !load->n)
		return;
	for (unsigned int i = 0; i < load->n; i++) {
		double share = (double)load->run_ns[i] / m->wall_ns;

		min = !i || share < min ? share : min;
		sum += share;
	}
	add_number(metrics, "cotenant_share_min", min);
	add_number(metrics, "cotenant_share_mean", sum / load->n);
}

static int send_hist(struct bench *b, const struct measurement *m, const char *side,
		     const struct hist *h, json_t *refs)
{
	char name[200];

	snprintf(name, sizeof(name), "hist/cyclictest-%s-%s-%d-%s.hist", m->bench_case->name,
		 m->mode->name, m->repeat, side);
	if (latency_send(b->record_fd, name, side, h, refs))
		return FAIL(b, "cannot send %s", name);
	return 0;
}

static int send_run(struct bench *b, const struct measurement *m)
{
	const struct hist *h = &m->guest.hist;
	json_t *metrics = json_object(), *refs = json_object();
	json_t *run;
	int ret;

	latency_metrics(metrics, "guest", h);
	json_object_set_new(metrics, "samples", json_integer(h->samples));
	json_object_set_new(metrics, "overflow", json_integer(h->overflow));
	add_shares(metrics, &b->load, m);
	add_number(metrics, "exits_per_s", m->exits * 1e9 / m->wall_ns);
	ret = send_hist(b, m, "guest", h, refs);
	if (!ret && m->has_host) {
		latency_metrics(metrics, "host", &m->host_hist);
		ret = send_hist(b, m, "host", &m->host_hist, refs);
	}
	run = json_pack("{s:s, s:s, s:s, s:i, s:o, s:o}", "bench", "cyclictest", "mode",
			m->mode->name, "case", m->bench_case->name, "repeat", m->repeat, "metrics",
			metrics, "histograms", refs);
	if (ret)
		json_decref(run);
	else if (driver_send_run(b->record_fd, run))
		ret = FAIL(b, "cannot send a result");
	return ret;
}

static int measure_case(struct bench *b, struct vm *vm, struct measurement *m)
{
	int ret;

	usleep(SETTLE_US);
	if (m->bench_case->cotenants)
		vmload_resume(&b->load);
	ret = measure_guest(b, vm, m);
	vmload_pause(&b->load);
	if (!ret)
		ret = host_result(b, m);
	if (!ret)
		ret = send_run(b, m);
	proc_kill_group(m->host);
	if (m->guest.has_hist)
		hist_free(&m->guest.hist);
	if (m->has_host)
		hist_free(&m->host_hist);
	return ret;
}

struct stock_guest {
	char kernel[PATH_MAX], initrd[PATH_MAX];
};

/* Built by ./coop build guest-stock, beside the lab's own guest. */
static void use_stock_guest(struct vm_config *config, struct stock_guest *stock)
{
	const char *own = config->initrd ? config->initrd : "";
	const char *slash = strrchr(own, '/');
	int dir = slash ? (int)(slash - own + 1) : 0;

	snprintf(stock->kernel, sizeof(stock->kernel), "%.*sstock-vmlinuz", dir, own);
	snprintf(stock->initrd, sizeof(stock->initrd), "%.*sl2-stock.cpio.gz", dir, own);
	config->kernel = stock->kernel;
	config->initrd = stock->initrd;
}

static int boot_guest(struct bench *b, struct vm *vm, const struct mode *mode, const char *name)
{
	struct stock_guest stock;
	struct vm_config config;
	char append[1024];

	vm_config_init(&config);
	snprintf(append, sizeof(append), "coop_role=l2 %s %s", mode->append,
		 b->o->append ? b->o->append : "");
	config.name = name;
	config.cpu = mode->cpu;
	config.accel = mode->accel;
	config.append = append;
	config.vcpus = b->o->vcpus;
	config.qemu_cpu = CPU_REST;
	if (b->o->initrd)
		config.initrd = b->o->initrd;
	else if (mode->stock)
		use_stock_guest(&config, &stock);
	if (vm_start(vm, &config))
		return FAIL(b, "%s", vm->error);
	if (vm_wait_hello(vm, b->o->boot_limit * 1000)) {
		b->hung = true;
		return FAIL(b, "%s", vm->error);
	}
	if (vm_find_vcpus(vm) || vm_pin_vcpus(vm, CPU_GUEST) || vm_set_class(vm, mode->vm_class))
		return FAIL(b, "%s", vm->error);
	return 0;
}

int measure_mode(struct bench *b, const struct mode *mode, int repeat)
{
	const struct options *o = b->o;
	char name[64];
	struct vm vm;
	int ret;

	snprintf(name, sizeof(name), "%s-%d", mode->name, repeat);
	record_progress(b->record_fd, b->done, b->total, "%s, round %d: booting L2", mode->name,
			repeat);
	ret = boot_guest(b, &vm, mode, name);
	for (int i = 0; i < o->cases.n && !ret; i++) {
		struct measurement m = { .bench = b,
					 .vm = &vm,
					 .mode = mode,
					 .bench_case = o->cases.chosen[i],
					 .repeat = repeat };

		record_progress(b->record_fd, b->done, b->total, "%s, round %d: %s", mode->name,
				repeat, m.bench_case->name);
		ret = measure_case(b, &vm, &m);
		b->done += !ret;
	}
	if (mode->coop && vm.pid > 0)
		driver_send_counters(b->record_fd, &vm);
	if (ret)
		vm_kill(&vm);
	else if (vm_quit(&vm, QUIT_LIMIT_MS))
		ret = FAIL(b, "%s", vm.error);
	return ret;
}
