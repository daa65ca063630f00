// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "bench/lib/guestbench.h"
#include "lab/lib/proc.h"
#include "lab/lib/record.h"

/* After boot, and between the cases. */
#define SETTLE_US 300000
#define QUIT_LIMIT_MS 30000
/* Of a fair share. */
#define ROOM 0.6
/* Measured under TCG: boot and power off of a guest. */
#define EXPECT_BOOT 7

int guest_bench_option(struct guest_bench *b, int opt)
{
	switch (opt) {
	case 'm':
		return driver_choose(&b->modes, optarg);
	case 'c':
		return driver_choose(&b->cases, optarg);
	case 'r':
		return proc_option_number("repeat", optarg, 1, 1000, &b->repeat);
	case 's':
		return proc_option_number("seconds", optarg, 1, 3600, &b->seconds);
	case 'C':
		return proc_option_number("cotenants", optarg, 1, VMLOAD_COTENANTS_MAX,
					  &b->cotenants);
	case 'A':
		b->no_aa = true;
		return 0;
	case 'b':
		return proc_option_number("boot-limit", optarg, 1, 3600, &b->boot.limit);
	case 'R':
		return proc_option_number("result-limit", optarg, 1, 3600, &b->result_limit);
	}
	return -1;
}

int guest_bench_complete(struct guest_bench *b, const char *modes, const char *cases)
{
	if (!b->modes.n && driver_choose(&b->modes, modes))
		return -1;
	if (!b->cases.n && driver_choose(&b->cases, cases))
		return -1;
	if (!b->no_aa)
		driver_choose_twins(&b->modes);
	return 0;
}

static unsigned int pcpus(const struct guest_bench *b)
{
	return b->boot.pcpus ? b->boot.pcpus : 1;
}

/* On how many pCPUs has this case co-tenants? */
static unsigned int loaded(const struct guest_bench *b, const struct guest_case *c)
{
	if (!c->cotenants)
		return 0;
	return b->loaded ? b->loaded(c) : pcpus(b);
}

static void each_load(struct guest_bench *b, void (*call)(struct vmload *load))
{
	for (unsigned int i = 0; i < pcpus(b); i++)
		call(&b->load[i]);
}

void guest_bench_pause(struct guest_bench *b)
{
	each_load(b, vmload_pause);
}

void guest_bench_resume(struct guest_measurement *m)
{
	for (unsigned int i = 0; i < loaded(m->bench, m->guest_case); i++)
		vmload_resume(&m->bench->load[i]);
}

void guest_measure_begin(struct guest_measurement *m)
{
	m->wall_ns = proc_now_ns();
	m->vcpu_ns = vm_vcpus_ns(m->vm);
	m->exits = vm_stat(m->vm, "exits");
	each_load(m->bench, vmload_begin);
}

void guest_measure_end(struct guest_measurement *m)
{
	m->wall_ns = proc_now_ns() - m->wall_ns;
	m->vcpu_ns = vm_vcpus_ns(m->vm) - m->vcpu_ns;
	m->exits = vm_stat(m->vm, "exits") - m->exits;
	each_load(m->bench, vmload_end);
	guest_bench_pause(m->bench);
}

static void add_interval(json_t *metrics, const struct guest_measurement *m)
{
	const struct guest_bench *b = m->bench;
	double min = 0, sum = 0;
	unsigned int n = 0;

	driver_metric(metrics, "vcpu_share", (double)m->vcpu_ns / m->wall_ns);
	driver_metric(metrics, "exits_per_s", m->exits * 1e9 / m->wall_ns);
	for (unsigned int i = 0; i < loaded(b, m->guest_case); i++) {
		for (unsigned int k = 0; k < b->load[i].n; k++, n++) {
			double share = (double)b->load[i].run_ns[k] / m->wall_ns;

			min = !n || share < min ? share : min;
			sum += share;
		}
	}
	if (!n)
		return;
	driver_metric(metrics, "cotenant_share_min", min);
	driver_metric(metrics, "cotenant_share_mean", sum / n);
}

int guest_measure_send(struct guest_measurement *m, json_t *metrics, json_t *histograms,
		       json_t *misses_ms)
{
	json_t *run;

	add_interval(metrics, m);
	run = json_pack("{s:s, s:s, s:s, s:i, s:o, s:o*, s:o*}", "bench", m->bench->name, "mode",
			m->mode->name, "case", m->guest_case->name, "repeat", m->repeat, "metrics",
			metrics, "histograms", histograms, "misses_ms", misses_ms);
	return driver_send_run(m->bench->record_fd, run) ?
		       GUEST_FAIL(m->bench, "cannot send a result") :
		       0;
}

static int measure_case(struct guest_measurement *m)
{
	struct guest_bench *b = m->bench;
	int ret;

	record_progress(b->record_fd, b->done, b->total, "%s, round %d: %s", m->mode->name,
			m->repeat, m->guest_case->name);
	usleep(SETTLE_US);
	guest_bench_resume(m);
	ret = b->measure(m);
	guest_bench_pause(b);
	b->done += !ret;
	return ret;
}

int guest_bench_with(struct guest_bench *b, const struct guest_mode *mode, const char *name,
		     int (*use)(struct guest_measurement *m))
{
	struct vm vm;
	struct guest_measurement m = { .bench = b, .vm = &vm, .mode = mode };
	int ret;

	b->boot.name = name;
	ret = guest_boot(&vm, mode, &b->boot, &b->hung);
	if (ret)
		(void)GUEST_FAIL(b, "%s", vm.error);
	else
		ret = use(&m);
	if (mode->coop && vm.pid > 0)
		driver_send_counters(b->record_fd, &vm);
	if (ret)
		vm_kill(&vm);
	else if (vm_quit(&vm, QUIT_LIMIT_MS))
		ret = GUEST_FAIL(b, "%s", vm.error);
	return ret;
}

int guest_bench_period(const struct guest_bench *b, double share, const int *periods, int n)
{
	double room = ROOM / (b->cotenants + 1);
	int i = 0;

	while (i < n - 1 && share * periods[0] / periods[i] > room)
		i++;
	return periods[i];
}

static int measure_cases(struct guest_measurement *m)
{
	struct guest_bench *b = m->bench;
	int ret = 0;

	for (int i = 0; i < b->cases.n && !ret; i++) {
		struct guest_measurement one = *m;

		one.guest_case = b->cases.chosen[i];
		one.repeat = b->round;
		ret = measure_case(&one);
	}
	return ret;
}

static int measure(void *arg, const void *entry, int round)
{
	const struct guest_mode *mode = entry;
	struct guest_bench *b = arg;
	char name[64];

	b->round = round;
	snprintf(name, sizeof(name), "%s-%d", mode->name, round);
	record_progress(b->record_fd, b->done, b->total, "%s, round %d: booting L2", mode->name,
			round);
	if (!guest_bench_with(b, mode, name, measure_cases))
		return 0;
	record_verdict(b->record_fd, false, "mode %s, round %d: %s (%d of %d measured, %d hung)",
		       mode->name, round, b->error, b->done, b->total, b->hung);
	return -1;
}

static int start_cotenants(struct guest_bench *b)
{
	bool wanted = false;
	int ret = 0;

	for (int i = 0; i < b->cases.n; i++) {
		const struct guest_case *c = b->cases.chosen[i];

		wanted |= c->cotenants;
	}
	for (unsigned int i = 0; i < pcpus(b) && wanted && !ret; i++)
		ret = vmload_start(&b->load[i], b->cotenants, guest_pcpu(i));
	if (!ret)
		return 0;
	record_verdict(b->record_fd, false, "the co-tenants do not start (see job-output.log)");
	return -1;
}

int guest_bench_run(struct guest_bench *b, json_t *parameters)
{
	int ret;

	if (driver_check_machine() || guest_modes_switch(&b->modes)) {
		json_decref(parameters);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	b->record_fd = record_fd();
	b->total = b->repeat * b->modes.n * b->cases.n;
	record_expect(b->record_fd,
		      b->repeat * b->modes.n *
			      (EXPECT_BOOT + b->cases.n * (b->seconds + b->expect_s)));
	if (b->prepare && b->prepare(b, parameters)) {
		json_decref(parameters);
		record_verdict(b->record_fd, false, "%s", b->error);
		return 1;
	}
	if (driver_send_parameters(b->record_fd, parameters))
		return 1;
	ret = start_cotenants(b) || driver_rounds(&b->modes, b->repeat, measure, b);
	if (!ret)
		record_verdict(b->record_fd, true, "%d measurements", b->done);
	each_load(b, vmload_kill);
	return ret;
}
