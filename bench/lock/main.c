// SPDX-License-Identifier: GPL-2.0
/*
 * coop-bench-lock: how often a vCPU is preempted inside a critical section of its guest, and what
 * it changes to let the section end first. A guest with two vCPUs runs hackbench, which spends its
 * time under wait queues' and run queues' locks; a co-tenant competes on each vCPU's pCPU.
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/driver.h"
#include "bench/lib/vmload.h"
#include "lab/lib/proc.h"
#include "lab/lib/vm.h"

#define VCPUS 2

#define SETTLE_US 300000
#define QUIT_LIMIT_MS 30000
#define BOOT_LIMIT_MS 120000
#define EXPECT_BOOT 8
#define EXPECT_JOB 12

#define FAIL(b, ...) (snprintf((b)->error, sizeof((b)->error), __VA_ARGS__), -1)

struct mode {
	const char *name;
	const char *cpu, *accel; /* QEMU's */
	const char *append; /* for the guest's kernel command line */
	bool coop; /* counts where preemptions hit */
	bool defer;
};

/* The guest asks for nothing but this: KVM_COOP_F_OBSERVE, and KVM_COOP_F_DEFER with it. */
static const struct mode modes[] = {
	{ "vanilla", "host", "kvm", "", false, false },
	{ "vanilla-aa", "host", "kvm", "", false, false },
	{ "observe", "host,kvm-coop=on", "kvm", "coop_module=kvm_coop_guest,features=8", true,
	  false },
	{ "observe-aa", "host,kvm-coop=on", "kvm", "coop_module=kvm_coop_guest,features=8", true,
	  false },
	{ "defer", "host,kvm-coop=on", "kvm,coop-defer=on",
	  "coop_module=kvm_coop_guest,features=12", true, true },
};

struct options {
	struct driver_choice modes; /* of struct mode */
	int repeat, groups, loops, grace_us, result_limit;
};

struct bench {
	const struct options *o;
	int record_fd;
	struct vmload load[VCPUS]; /* one co-tenant on each pCPU */
	int done, total;
	char error[400];
};

/* Of KVM, per VM. */
enum { PREEMPTED, CRITICAL, DEFERRALS, EXPIRED, REFUSED_DEBT, REFUSED_BUDGET, COUNTS };

static const struct {
	const char *stat, *metric;
} counters[COUNTS] = {
	[PREEMPTED] = { "coop_preempted", "preempted_per_s" },
	[CRITICAL] = { "coop_preempted_critical", "preempted_critical_per_s" },
	[DEFERRALS] = { "coop_deferrals", "deferrals_per_s" },
	[EXPIRED] = { "coop_ends_expired", "deferrals_expired_per_s" },
	[REFUSED_DEBT] = { "coop_refused_debt", "deferrals_refused_debt_per_s" },
	[REFUSED_BUDGET] = { "coop_refused_budget", "deferrals_refused_budget_per_s" },
};

struct measurement {
	long long wall_ns, vcpu_ns, exits;
	long long counts[COUNTS];
	double seconds; /* hackbench's own, by the guest's clock */
};

static const char usage[] =
	"usage: coop-bench-lock [OPTION...]   runs in L1, as a job of coop-lab\n"
	"  --modes A,B         vanilla, observe, defer (these); vanilla-aa comes with vanilla, observe-aa with\n"
	"                      observe\n"
	"  --repeat N          rounds (1)\n"
	"  --groups N          of hackbench: 10 senders and 10 receivers each (2)\n"
	"  --loops N           messages that each sender sends (400)\n"
	"  --grace US          the longest deferral, of defer (the host's default); raises its ceiling\n"
	"  --result-limit S    until hackbench has ended (120)\n";

static const struct option long_options[] = {
	{ "modes", required_argument, NULL, 'm' },
	{ "repeat", required_argument, NULL, 'r' },
	{ "groups", required_argument, NULL, 'g' },
	{ "loops", required_argument, NULL, 'l' },
	{ "grace", required_argument, NULL, 'G' },
	{ "result-limit", required_argument, NULL, 'R' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_option(void *options, int opt)
{
	struct options *o = options;

	switch (opt) {
	case 'm':
		return driver_choose(&o->modes, optarg);
	case 'r':
		return proc_option_number("repeat", optarg, 1, 1000, &o->repeat);
	case 'g':
		return proc_option_number("groups", optarg, 1, 100, &o->groups);
	case 'l':
		return proc_option_number("loops", optarg, 1, 1000000, &o->loops);
	case 'G':
		return proc_option_number("grace", optarg, 1, 10000, &o->grace_us);
	case 'R':
		return proc_option_number("result-limit", optarg, 1, 3600, &o->result_limit);
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return -1;
}

static int options_parse(struct options *o, int argc, char **argv)
{
	int ret;

	*o = (struct options){ .modes = DRIVER_CHOICE("mode", modes),
			       .repeat = 1,
			       .groups = 2,
			       .loops = 400,
			       .result_limit = 120 };
	ret = proc_options(argc, argv, long_options, set_option, o);
	if (ret)
		return ret;
	if (!o->modes.n && driver_choose(&o->modes, "vanilla,observe,defer"))
		return -1;
	driver_choose_twins(&o->modes);
	return 0;
}

/* Before the guest boots: two vCPUs on one pCPU do it for minutes. */
static int place_vcpus(struct vm *vm)
{
	if (vm_wait_vcpus(vm))
		return -1;
	for (int i = 0; i < VCPUS; i++)
		if (vm_pin_vcpu(vm, i, i))
			return -1;
	return 0;
}

static int boot_guest(struct bench *b, struct vm *vm, const struct mode *mode, const char *name)
{
	struct vm_config config;
	char append[200], accel[80];

	snprintf(append, sizeof(append), "coop_role=l2 %s", mode->append);
	snprintf(accel, sizeof(accel), "%s", mode->accel);
	if (mode->defer && b->o->grace_us)
		snprintf(accel, sizeof(accel), "%s,coop-grace-us=%d", mode->accel, b->o->grace_us);
	vm_config_init(&config);
	config.name = name;
	config.cpu = mode->cpu;
	config.accel = accel;
	config.append = append;
	config.vcpus = VCPUS;
	config.qemu_cpu = CPU_REST;
	if (vm_start(vm, &config) || place_vcpus(vm) || vm_wait_hello(vm, BOOT_LIMIT_MS))
		return FAIL(b, "%s", vm->error);
	return 0;
}

/* What is counted up to now; measurement_end() subtracts. */
static void measurement_begin(struct bench *b, const struct vm *vm, struct measurement *m)
{
	m->wall_ns = proc_now_ns();
	m->vcpu_ns = vm_vcpus_ns(vm);
	m->exits = vm_stat(vm, "exits");
	for (int i = 0; i < COUNTS; i++)
		m->counts[i] = vm_stat(vm, counters[i].stat);
	for (int i = 0; i < VCPUS; i++)
		vmload_begin(&b->load[i]);
}

static void measurement_end(struct bench *b, const struct vm *vm, struct measurement *m)
{
	for (int i = 0; i < VCPUS; i++)
		vmload_end(&b->load[i]);
	m->wall_ns = proc_now_ns() - m->wall_ns;
	m->vcpu_ns = vm_vcpus_ns(vm) - m->vcpu_ns;
	m->exits = vm_stat(vm, "exits") - m->exits;
	for (int i = 0; i < COUNTS; i++)
		m->counts[i] = vm_stat(vm, counters[i].stat) - m->counts[i];
}

static int start_hackbench(struct bench *b, struct vm *vm)
{
	char groups[16], loops[16];
	char *argv[] = { "hackbench", "--pipe",	 "--fds", "10", "--groups",
			 groups,      "--loops", loops,	  NULL };

	snprintf(groups, sizeof(groups), "%d", b->o->groups);
	snprintf(loops, sizeof(loops), "%d", b->o->loops);
	return vm_job(vm, argv) ? FAIL(b, "%s", vm->error) : 0;
}

static int follow_guest(struct bench *b, struct vm *vm, struct measurement *m)
{
	long long end = proc_now_ns() + b->o->result_limit * 1000000000ll;
	struct record rec;

	for (;;) {
		int ret = vm_next(vm, (end - proc_now_ns()) / 1000000, &rec);
		const char *time;

		if (ret < 0)
			return FAIL(b, "%s", vm->error);
		if (!ret)
			return FAIL(b, "L2 hung: hackbench has not ended within %d s",
				    b->o->result_limit);
		if (rec.type == RECORD_FILE && !strcmp(rec.text, "job-output.log")) {
			time = memmem(rec.data, rec.size, "Time: ", 6);
			m->seconds = time ? strtod(time + 6, NULL) : 0;
		} else if (rec.type == RECORD_VERDICT) {
			if (rec.pass && m->seconds > 0)
				return 0;
			return FAIL(b, "L2: %s", rec.text);
		}
	}
}

static void add_number(json_t *metrics, const char *name, double value)
{
	json_object_set_new(metrics, name, json_real(value));
}

static void add_counts(json_t *metrics, const struct measurement *m)
{
	long long preempted = m->counts[PREEMPTED];

	for (int i = 0; i < COUNTS; i++)
		add_number(metrics, counters[i].metric, m->counts[i] * 1e9 / m->wall_ns);
	add_number(metrics, "preempted_critical_share",
		   preempted ? (double)m->counts[CRITICAL] / preempted : 0);
}

static int send_run(struct bench *b, const struct mode *mode, int repeat,
		    const struct measurement *m)
{
	json_t *metrics = json_object(), *run;
	double min = 1e9, sum = 0;

	for (int i = 0; i < VCPUS; i++) {
		double share = (double)b->load[i].run_ns[0] / m->wall_ns;

		min = share < min ? share : min;
		sum += share;
	}
	add_number(metrics, "work_s", m->seconds);
	add_number(metrics, "messages_per_s", 10.0 * b->o->groups * b->o->loops * 10 / m->seconds);
	if (mode->coop)
		add_counts(metrics, m);
	add_number(metrics, "vcpu_share", (double)m->vcpu_ns / m->wall_ns);
	add_number(metrics, "cotenant_share_min", min);
	add_number(metrics, "cotenant_share_mean", sum / VCPUS);
	add_number(metrics, "exits_per_s", m->exits * 1e9 / m->wall_ns);
	run = json_pack("{s:s, s:s, s:s, s:i, s:o}", "bench", "lock", "mode", mode->name, "case",
			"busy", "repeat", repeat, "metrics", metrics);
	return driver_send_run(b->record_fd, run) ? FAIL(b, "cannot send a result") : 0;
}

static int measure_guest(struct bench *b, struct vm *vm, struct measurement *m)
{
	int ret;

	usleep(SETTLE_US);
	for (int i = 0; i < VCPUS; i++)
		vmload_resume(&b->load[i]);
	measurement_begin(b, vm, m);
	ret = start_hackbench(b, vm);
	if (!ret)
		ret = follow_guest(b, vm, m);
	measurement_end(b, vm, m);
	for (int i = 0; i < VCPUS; i++)
		vmload_pause(&b->load[i]);
	return ret;
}

static int measure_mode(struct bench *b, const struct mode *mode, int repeat)
{
	struct measurement m = { 0 };
	char name[64];
	struct vm vm;
	int ret;

	snprintf(name, sizeof(name), "%s-%d", mode->name, repeat);
	record_progress(b->record_fd, b->done, b->total, "%s, round %d", mode->name, repeat);
	ret = boot_guest(b, &vm, mode, name);
	if (!ret)
		ret = measure_guest(b, &vm, &m);
	if (!ret)
		ret = send_run(b, mode, repeat, &m);
	b->done += !ret;
	if (ret)
		vm_kill(&vm);
	else if (vm_quit(&vm, QUIT_LIMIT_MS))
		ret = FAIL(b, "%s", vm.error);
	return ret;
}

static int measure(void *arg, const void *entry, int round)
{
	const struct mode *mode = entry;
	struct bench *b = arg;

	if (!measure_mode(b, mode, round))
		return 0;
	record_verdict(b->record_fd, false, "mode %s, round %d: %s", mode->name, round, b->error);
	return -1;
}

static json_t *parameters(const struct options *o)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i}", "repeat", o->repeat, "vcpus", VCPUS, "groups",
			 o->groups, "loops", o->loops, "grace_us", o->grace_us);
}

static int start_cotenants(struct bench *b)
{
	for (int i = 0; i < VCPUS; i++)
		if (vmload_start(&b->load[i], 1, i)) {
			record_verdict(b->record_fd, false,
				       "the co-tenants do not start (see job-output.log)");
			return -1;
		}
	return 0;
}

int main(int argc, char **argv)
{
	struct options o;
	struct bench b = { .o = &o };
	struct driver_setting ceiling;
	int ret = options_parse(&o, argc, argv);

	if (ret)
		return ret < 0 ? 2 : 0;
	if (driver_check_machine())
		return 2;
	if (driver_switch(true)) {
		fprintf(stderr, "coop: this host kernel has no kvm-coop\n");
		return 2;
	}
	if (driver_allow_grace(o.grace_us, &ceiling))
		return 2;
	signal(SIGPIPE, SIG_IGN);
	b.record_fd = record_fd();
	b.total = o.repeat * o.modes.n;
	record_expect(b.record_fd, b.total * (EXPECT_BOOT + EXPECT_JOB));
	ret = driver_send_parameters(b.record_fd, parameters(&o)) || start_cotenants(&b) ||
	      driver_rounds(&o.modes, o.repeat, measure, &b);
	if (!ret)
		record_verdict(b.record_fd, true, "%d measurements", b.done);
	for (int i = 0; i < VCPUS; i++)
		vmload_kill(&b.load[i]);
	driver_restore(&ceiling);
	return ret;
}
