// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/guestanswer.h"
#include "bench/lib/histrecord.h"
#include "bench/lib/interference.h"
#include "bench/lib/latency.h"
#include "bench/lib/spin.h"
#include "lab/lib/proc.h"

#define EXPECT_CASE 4

#define COOP_ACCEL "kvm,coop-policy=rt"
#define COOP_CPU "host,kvm-coop=on"

/* The host's default is too short for an emulator, where guest code runs 20 to 50 times slower. */
#define GRACE_US 500

static char notify_accel[120] = COOP_ACCEL
	",coop-notify=on,coop-notify-us=2000,coop-defer=on,coop-grace-us=";

static const struct guest_mode modes[] = {
	{ "vanilla", VM_CLASS_NORMAL, "host", "kvm", "", false, false },
	{ "vanilla-aa", VM_CLASS_NORMAL, "host", "kvm", "", false, false },
	{ "coop-nonotify", VM_CLASS_NORMAL, COOP_CPU, COOP_ACCEL, "coop_module=kvm_coop_guest",
	  true, false },
	{ "coop-spread", VM_CLASS_NORMAL, COOP_CPU, COOP_ACCEL ",coop-spread=on",
	  "coop_module=kvm_coop_guest", true, false },
	/*
	 * An emulated guest needs longer than the default to answer. Deferral gets it out of
	 * critical sections, where it cannot be told.
	 */
	{ "coop", VM_CLASS_NORMAL, COOP_CPU, notify_accel, "coop_module=kvm_coop_guest", true,
	  false },
};

/* The rest of the usage is the benchmark's. */
static const char usage[] =
	"usage: coop-bench-%s [OPTION...]   runs in L1, as a job of coop-lab\n"
	"  --modes A,B         vanilla, coop-nonotify, coop (these); vanilla-aa comes with vanilla;\n"
	"                      coop-spread, for --unpinned\n"
	"  --vcpus N           as many as there are pCPUs, or fewer (2)\n"
	"  --unpinned          the vCPUs may run on each of their pCPUs\n"
	"  --cotenants N       beside an interfered vCPU (1)\n"
	"  --repeat N          rounds (1)\n"
	"  --grace US          the longest deferral, of coop (500); raises the host's ceiling\n"
	"  --host-slice US     the host's time slice, 100 to 100000 (as it is); in the lab a handshake takes about\n"
	"                      a third of the usual one\n"
	"  --no-aa             no second vanilla\n"
	"  --boot-limit S      until a guest says hello (60)\n"
	"  --result-limit S    longer than a measurement should take (60)\n"
	"%s";

static const struct option long_options[] = {
	GUEST_BENCH_OPTIONS,
	{ "vcpus", required_argument, NULL, 'v' },
	{ "work", required_argument, NULL, 'w' },
	{ "grace", required_argument, NULL, 'G' },
	{ "host-slice", required_argument, NULL, 'L' },
	{ "unpinned", no_argument, NULL, 'U' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

#define VARIANT(load, hogs) ((load) * (VM_VCPUS_MAX + 1) + (hogs))

static unsigned int hogs_of(const struct guest_case *c)
{
	return c->variant % (VM_VCPUS_MAX + 1);
}

int interference_load(const struct guest_case *c)
{
	return c->variant / (VM_VCPUS_MAX + 1);
}

const struct interference *interference_of(const struct guest_measurement *m)
{
	return m->bench->arg;
}

const char *interference_load_name(const struct guest_measurement *m)
{
	return interference_of(m)->kind->loads[interference_load(m->guest_case)];
}

double interference_cpus(const struct guest_measurement *m)
{
	int cotenants = m->bench->cotenants;

	return interference_of(m)->vcpus - hogs_of(m->guest_case) * cotenants / (cotenants + 1.0);
}

static int set_option(void *arg, int opt)
{
	struct interference *s = arg;

	switch (opt) {
	case 'c':
		/* what there is depends on --vcpus */
		s->wanted = optarg;
		return 0;
	case 'v':
		return proc_option_number("vcpus", optarg, 2, VM_VCPUS_MAX, &s->vcpus);
	case 'w':
		return proc_option_number("work", optarg, 10, 1000000, &s->work_us);
	case 'G':
		return proc_option_number("grace", optarg, 1, 10000, &s->grace_us);
	case 'L':
		return proc_option_number("host-slice", optarg, DRIVER_SLICE_MIN_US,
					  DRIVER_SLICE_MAX_US, &s->slice_us);
	case 'U':
		s->bench.boot.unpinned = true;
		return 0;
	case 'h':
		printf(usage, s->kind->name, s->kind->usage);
		return 1;
	}
	return guest_bench_option(&s->bench, opt);
}

static void make_cases(struct interference *s)
{
	unsigned int n = 0;

	for (int load = 0; load < s->kind->nloads; load++)
		for (int hogs = 0; hogs <= s->vcpus; hogs++, n++) {
			snprintf(s->names[n], sizeof(s->names[n]), "%s-%dof%d",
				 s->kind->loads[load], hogs, s->vcpus);
			s->table[n] = (struct guest_case){ .name = s->names[n],
							   .cotenants = hogs,
							   .variant = VARIANT(load, hogs) };
			strcat(strcat(s->all, n ? "," : ""), s->names[n]);
		}
	s->bench.cases.known = n;
}

static int check_pcpus(const struct interference *s)
{
	if (s->vcpus <= sysconf(_SC_NPROCESSORS_ONLN))
		return 0;
	fprintf(stderr, "coop: --vcpus %d: this machine has %ld pCPUs\n", s->vcpus,
		sysconf(_SC_NPROCESSORS_ONLN));
	return -1;
}

static void init(struct interference *s, const struct interference_kind *kind)
{
	*s = (struct interference){
		.kind = kind, .vcpus = 2, .work_us = kind->work_us, .grace_us = GRACE_US
	};
	s->bench = (struct guest_bench){ .name = kind->name,
					 .modes = DRIVER_CHOICE("mode", modes),
					 .cases = DRIVER_CHOICE("case", s->table),
					 .repeat = 1,
					 .seconds = kind->seconds,
					 .result_limit = 60,
					 .cotenants = 1,
					 .expect_s = EXPECT_CASE,
					 .boot = { .limit = 60 },
					 .measure = kind->measure,
					 .loaded = hogs_of,
					 .arg = s };
}

static json_t *parameters(const struct interference *s)
{
	const struct guest_bench *b = &s->bench;

	/* host_slice_us: 0 if it is the host's own */
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b}", "seconds", b->seconds,
			 "repeat", b->repeat, "vcpus", s->vcpus, "cotenants", b->cotenants,
			 "work_us", s->work_us, "grace_us", s->grace_us, "host_slice_us",
			 s->slice_us, "unpinned", b->boot.unpinned);
}

static int run_all(struct interference *s)
{
	struct guest_bench *b = &s->bench;
	size_t n = strlen(notify_accel);
	struct driver_setting ceiling, slice;
	int ret;

	b->boot.vcpus = s->vcpus;
	b->boot.pcpus = s->vcpus;
	s->loops_per_us = spin_calibrate();
	snprintf(notify_accel + n, sizeof(notify_accel) - n, "%d", s->grace_us);
	if (driver_allow_grace(s->grace_us, &ceiling))
		return 2;
	ret = 2;
	if (!driver_set_slice(s->slice_us, &slice))
		ret = guest_bench_run(b, parameters(s));
	driver_restore(&slice);
	driver_restore(&ceiling);
	return ret;
}

int interference_main(int argc, char **argv, const struct interference_kind *kind)
{
	static struct interference s;
	int ret;

	init(&s, kind);
	ret = proc_options(argc, argv, long_options, set_option, &s);
	if (ret)
		return ret < 0 ? 2 : 0;
	make_cases(&s);
	if (guest_bench_complete(&s.bench, "vanilla,coop-nonotify,coop",
				 s.wanted ? s.wanted : s.all) ||
	    check_pcpus(&s))
		return 2;
	return run_all(&s);
}

static int start_job(struct guest_measurement *m, char *const own[])
{
	const struct interference *s = interference_of(m);
	char program[64], threads[16], work[16], loops[24];
	struct proc_args args = { .n = 0 };

	snprintf(program, sizeof(program), "coop-guest-%s", s->kind->name);
	snprintf(threads, sizeof(threads), "%d", s->vcpus);
	snprintf(work, sizeof(work), "%d", s->work_us);
	snprintf(loops, sizeof(loops), "%lu", s->loops_per_us);
	proc_args_add(&args, program, "--threads", threads, "--work", work, "--loops-per-us",
		      loops);
	proc_args_list(&args, (const char *const *)own);
	return vm_job(m->vm, args.argv) ? GUEST_FAIL(m->bench, "%s", m->vm->error) : 0;
}

static void count(const struct guest_measurement *m, struct interference_answer *a, int sign)
{
	a->notified += sign * vm_stat(m->vm, "coop_notified");
	a->acked += sign * vm_stat(m->vm, "coop_notified_acked");
	a->preempted += sign * vm_stat(m->vm, "coop_preempted");
	a->spread += sign * vm_stat(m->vm, "coop_spread");
}

static int take_file(struct guest_measurement *m, struct interference_answer *a,
		     const struct record *rec)
{
	char error[200];

	if (!strcmp(rec->text, GUEST_ANSWER) && !a->text) {
		a->text = strndup(rec->data, rec->size);
	} else if (!strcmp(rec->text, "guest.hist") && !a->has_hist) {
		a->has_hist = !hist_receive(&a->hist, rec, error, sizeof(error));
		if (!a->has_hist)
			return GUEST_FAIL(m->bench, "%s", error);
	}
	return 0;
}

static int take(struct guest_measurement *m, struct interference_answer *a,
		const struct record *rec)
{
	if (rec->type == RECORD_FILE)
		return take_file(m, a, rec);
	if (rec->type == RECORD_PROGRESS && !rec->done) {
		guest_measure_begin(m);
		count(m, a, -1);
	} else if (rec->type == RECORD_PROGRESS) {
		guest_measure_end(m);
		count(m, a, 1);
	}
	return 0;
}

int interference_run(struct guest_measurement *m, char *const own[], int limit_s,
		     struct interference_answer *a)
{
	long long limit = proc_now_ns();
	struct record rec;

	*a = (struct interference_answer){ 0 };
	limit_s += m->bench->result_limit;
	limit += limit_s * 1000000000ll;
	if (start_job(m, own))
		return -1;
	for (;;) {
		int got = vm_next(m->vm, (limit - proc_now_ns()) / 1000000, &rec);

		if (got < 0)
			return GUEST_FAIL(m->bench, "%s", m->vm->error);
		m->bench->hung = !got;
		if (!got)
			return GUEST_FAIL(m->bench, "L2 hung: no result within %d s", limit_s);
		if (rec.type == RECORD_VERDICT)
			break;
		if (take(m, a, &rec))
			return -1;
	}
	if (!rec.pass)
		return GUEST_FAIL(m->bench, "L2: %s", rec.text);
	return a->text ? 0 : GUEST_FAIL(m->bench, "L2 sent no %s", GUEST_ANSWER);
}

void interference_free(struct interference_answer *a)
{
	free(a->text);
	if (a->has_hist)
		hist_free(&a->hist);
}

static void add_answer(json_t *metrics, const struct guest_measurement *m,
		       const struct interference_answer *a)
{
	driver_metric(metrics, "preempted_per_s", a->preempted * 1e9 / m->wall_ns);
	driver_metric(metrics, "notified_per_s", a->notified * 1e9 / m->wall_ns);
	if (a->notified)
		driver_metric(metrics, "notified_acked_share", (double)a->acked / a->notified);
	driver_metric(metrics, "spread_per_s", a->spread * 1e9 / m->wall_ns);
	driver_metric(metrics, "moved_count", guest_answer_counter(a->text, "moved"));
	driver_metric(metrics, "pulled_count", guest_answer_counter(a->text, "pulled"));
	driver_metric(metrics, "taken_back_count", guest_answer_counter(a->text, "taken_back"));
}

int interference_send(struct guest_measurement *m, json_t *metrics,
		      const struct interference_answer *a)
{
	json_t *refs = a->has_hist ? json_object() : NULL;
	char name[200];

	if (m->mode->coop)
		add_answer(metrics, m, a);
	snprintf(name, sizeof(name), "hist/%s-%s-%s-%d-guest.hist", m->bench->name,
		 m->guest_case->name, m->mode->name, m->repeat);
	if (refs && latency_send(m->bench->record_fd, name, "guest", &a->hist, refs)) {
		json_decref(metrics);
		json_decref(refs);
		return GUEST_FAIL(m->bench, "cannot send %s", name);
	}
	return guest_measure_send(m, metrics, refs, NULL);
}
