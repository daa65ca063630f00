// SPDX-License-Identifier: GPL-2.0
/* One guest, all cases: what is measured where, and over which interval. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cyclictest/bench.h"
#include "lab/lib/proc.h"

/*
 * 100 ms, twice the hole that RT throttling makes. cyclictest prints all of them, which takes L2
 * seconds under nested emulation; what is longer is counted as an overflow, its maximum is exact.
 */
#define BUCKETS "100000"

/* After boot, and between the cases. */
#define SETTLE_US 300000
#define QUIT_LIMIT_MS 30000

#define FAIL(b, ...) (snprintf((b)->error, sizeof((b)->error), __VA_ARGS__), -1)

struct measurement {
	const struct mode *mode;
	const struct bench_case *bench_case;
	int repeat;
	long long wall_ns, vcpu_ns, exits; /* over the guest's measured interval */
	pid_t host;
	int host_out;
	struct hist guest_hist, host_hist;
	bool has_guest, has_host, ended;
};

/*
 * The guest says when it begins and ends; both messages take the same way, so their delay cancels
 * out.
 */
static void interval_begin(struct bench *b, const struct vm *vm, struct measurement *m)
{
	const struct options *o = b->o;

	if (m->bench_case->cotenants && o->host_cyclictest)
		m->host = vmload_cyclictest(CPU_GUEST, o->seconds, o->interval_us, &m->host_out);
	m->wall_ns = proc_now_ns();
	m->vcpu_ns = vm_vcpus_ns(vm);
	m->exits = vm_stat(vm, "exits");
	vmload_begin(&b->load);
}

static void interval_end(struct bench *b, const struct vm *vm, struct measurement *m)
{
	m->ended = true;
	m->wall_ns = proc_now_ns() - m->wall_ns;
	m->vcpu_ns = vm_vcpus_ns(vm) - m->vcpu_ns;
	m->exits = vm_stat(vm, "exits") - m->exits;
	vmload_end(&b->load);
	vmload_pause(&b->load);
}

static int read_guest_hist(struct bench *b, struct measurement *m, const struct record *rec)
{
	FILE *f = fmemopen((void *)rec->data, rec->size, "r");
	struct hist_error err = { 0 };
	int ret = f ? hist_read(&m->guest_hist, f, &err) : -errno;

	if (f)
		fclose(f);
	m->has_guest = !ret;
	return ret ? FAIL(b, "the guest's histogram, line %lu: %s", err.line, err.text) : 0;
}

static int send_job(struct bench *b, struct vm *vm, const struct measurement *m)
{
	char hogs[16], seconds[16], interval[16];
	char *argv[] = { "@cyclictest", hogs, "-q", "-D",  seconds, "-i",    interval,
			 "-m",		"-p", "80", "-t1", "-h",    BUCKETS, NULL };

	snprintf(hogs, sizeof(hogs), "%d", m->bench_case->hog ? b->o->vcpus : 0);
	snprintf(seconds, sizeof(seconds), "%d", b->o->seconds);
	snprintf(interval, sizeof(interval), "%d", b->o->interval_us);
	return vm_job(vm, argv) ? FAIL(b, "%s", vm->error) : 0;
}

/* Until the guest's verdict. */
static int follow_guest(struct bench *b, struct vm *vm, struct measurement *m)
{
	long long end = proc_now_ns() + (b->o->seconds + b->o->result_limit) * 1000000000ll;
	struct record rec;

	for (;;) {
		int ret = vm_next(vm, (end - proc_now_ns()) / 1000000, &rec);

		if (ret < 0)
			return FAIL(b, "%s", vm->error);
		if (!ret) {
			b->hung = true;
			return FAIL(b, "L2 hung %s: no result %d s after it should have ended",
				    m->ended ? "after the measurement" : "in the measurement",
				    b->o->result_limit);
		}
		if (rec.type == RECORD_PROGRESS && rec.done)
			interval_end(b, vm, m);
		else if (rec.type == RECORD_PROGRESS)
			interval_begin(b, vm, m);
		else if (rec.type == RECORD_FILE && !strcmp(rec.text, "guest.hist")) {
			if (read_guest_hist(b, m, &rec))
				return -1;
		} else if (rec.type == RECORD_VERDICT && rec.pass && m->has_guest)
			return 0;
		else if (rec.type == RECORD_VERDICT)
			return FAIL(b, "L2: %s", rec.text);
	}
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

static void add_number(json_t *metrics, const char *prefix, const char *name, double value)
{
	char key[64];

	snprintf(key, sizeof(key), "%s%s", prefix, name);
	json_object_set_new(metrics, key, json_real(value));
}

static double percentile(const struct hist *h, uint32_t ppm)
{
	uint64_t us = 0;

	hist_percentile(h, ppm, &us);
	return us;
}

static void add_latency(json_t *metrics, const char *prefix, const struct hist *h)
{
	add_number(metrics, prefix, "_min_us", h->min_us);
	add_number(metrics, prefix, "_avg_us", hist_mean(h));
	add_number(metrics, prefix, "_p50_us", percentile(h, HIST_P50));
	add_number(metrics, prefix, "_p99_us", percentile(h, HIST_P99));
	add_number(metrics, prefix, "_p999_us", percentile(h, HIST_P999));
	add_number(metrics, prefix, "_max_us", h->max_us);
}

static void add_shares(json_t *metrics, const struct vmload *load, const struct measurement *m)
{
	double min = 0, sum = 0;

	add_number(metrics, "", "vcpu_share", (double)m->vcpu_ns / m->wall_ns);
	if (!m->bench_case->cotenants || !load->n)
		return;
	for (unsigned int i = 0; i < load->n; i++) {
		double share = (double)load->run_ns[i] / m->wall_ns;

		min = !i || share < min ? share : min;
		sum += share;
	}
	add_number(metrics, "", "cotenant_share_min", min);
	add_number(metrics, "", "cotenant_share_mean", sum / load->n);
}

static int send_hist(struct bench *b, const struct measurement *m, const char *side,
		     const struct hist *h, json_t *refs)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	char name[200];
	int ret = f ? hist_write(h, f) : -1;

	snprintf(name, sizeof(name), "hist/cyclictest-%s-%s-%d-%s.hist", m->bench_case->name,
		 m->mode->name, m->repeat, side);
	if (f)
		fclose(f);
	if (!ret)
		ret = record_data(b->record_fd, name, text, size);
	free(text);
	json_object_set_new(refs, side, json_string(name));
	return ret ? FAIL(b, "cannot send %s", name) : 0;
}

static int send_run(struct bench *b, const struct measurement *m)
{
	json_t *metrics = json_object(), *refs = json_object();
	json_t *run;
	int ret;

	add_latency(metrics, "guest", &m->guest_hist);
	json_object_set_new(metrics, "samples", json_integer(m->guest_hist.samples));
	json_object_set_new(metrics, "overflow", json_integer(m->guest_hist.overflow));
	add_shares(metrics, &b->load, m);
	add_number(metrics, "", "exits_per_s", m->exits * 1e9 / m->wall_ns);
	ret = send_hist(b, m, "guest", &m->guest_hist, refs);
	if (!ret && m->has_host) {
		add_latency(metrics, "host", &m->host_hist);
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
	ret = send_job(b, vm, m);
	if (!ret)
		ret = follow_guest(b, vm, m);
	vmload_pause(&b->load);
	if (!ret)
		ret = host_result(b, m);
	if (!ret)
		ret = send_run(b, m);
	proc_kill_group(m->host);
	if (m->has_guest)
		hist_free(&m->guest_hist);
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

/* What the host counted for this guest, all cases together. */
static void send_counters(struct bench *b, const struct vm *vm, const char *name)
{
	static const char *const counters[] = {
		"exits",
		"hypercalls",
		"halt_exits",
		"irq_exits",
		"coop_boosts_irq",
		"coop_boosts_rt",
		"coop_boosts_kept",
		"coop_refused_debt",
		"coop_refused_class",
		"coop_ends_yield",
		"coop_ends_exit",
		"coop_ends_expired",
		"coop_ends_wakeup",
		"coop_ends_user",
		"coop_yields",
		"coop_boosted_ns",
		"coop_preempted",
		"coop_preempted_critical",
		"coop_page_misses",
	};
	char text[2048], file[100];
	int len = 0;

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		len += snprintf(text + len, sizeof(text) - len, "%-24s %lld\n", counters[i],
				vm_stat(vm, counters[i]));
	snprintf(file, sizeof(file), "l2/%s-counters.txt", name);
	record_data(b->record_fd, file, text, len);
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
		struct measurement m = { .mode = mode,
					 .bench_case = o->cases.chosen[i],
					 .repeat = repeat };

		record_progress(b->record_fd, b->done, b->total, "%s, round %d: %s", mode->name,
				repeat, m.bench_case->name);
		ret = measure_case(b, &vm, &m);
		b->done += !ret;
	}
	if (mode->coop && vm.pid > 0)
		send_counters(b, &vm, name);
	if (ret)
		vm_kill(&vm);
	else if (vm_quit(&vm, QUIT_LIMIT_MS))
		ret = FAIL(b, "%s", vm.error);
	return ret;
}
