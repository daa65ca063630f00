// SPDX-License-Identifier: GPL-2.0
/*
 * coop-bench-barrier: how long a parallel program takes whose vCPUs do not all get a pCPU of their
 * own. Each vCPU is alone on its pCPU, but for those that a co-tenant interferes with.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/guestbench.h"
#include "bench/lib/spin.h"
#include "lab/lib/proc.h"

#define COTENANTS 1
#define EXPECT_CASE 4

#define COOP_ACCEL "kvm,coop-policy=rt"
#define COOP_CPU "host,kvm-coop=on"

/* The host's default is too short for an emulator, where guest code runs 20 to 50 times slower. */
#define GRACE_US 500

static char notify_accel[120] =
	COOP_ACCEL ",coop-notify=on,coop-notify-us=2000,coop-defer=on,coop-grace-us=";

static const struct guest_mode modes[] = {
	{ "vanilla", VM_CLASS_NORMAL, "host", "kvm", "", false, false },
	{ "vanilla-aa", VM_CLASS_NORMAL, "host", "kvm", "", false, false },
	{ "coop-nonotify", VM_CLASS_NORMAL, COOP_CPU, COOP_ACCEL, "coop_module=kvm_coop_guest",
	  true, false },
	/*
	 * An emulated guest needs longer than the default to answer. The host's tick comes with the
	 * guest's: without deferral most preemptions hit its interrupt, where it cannot be told.
	 */
	{ "coop", VM_CLASS_NORMAL, COOP_CPU, notify_accel, "coop_module=kvm_coop_guest", true,
	  false },
};

static const char *const workloads[] = { "blocking", "spinning", "pipeline", "mutex", "stealing" };

#define WORKLOADS (sizeof(workloads) / sizeof(workloads[0]))
#define CASES_MAX (WORKLOADS * (VM_VCPUS_MAX + 1))

struct barrier {
	int vcpus, work_us, grace_us;
	unsigned long loops_per_us;
	const char *cases; /* as said */
	struct guest_case table[CASES_MAX];
	char names[CASES_MAX][24];
	char all[CASES_MAX * 24]; /* the names with commas between */
};

#define VARIANT(workload, hogs) ((workload) * (VM_VCPUS_MAX + 1) + (hogs))

static unsigned int hogs_of(const struct guest_case *c)
{
	return c->variant % (VM_VCPUS_MAX + 1);
}

static const char *workload_of(const struct guest_case *c)
{
	return workloads[c->variant / (VM_VCPUS_MAX + 1)];
}

/* What the guest's program and its module said, and KVM's counters over the measured interval. */
struct answer {
	double runtime_ms, useful_ms;
	long long notified, acked, preempted;
	char *text;
};

static const char usage[] =
	"usage: coop-bench-barrier [OPTION...]   runs in L1, as a job of coop-lab\n"
	"  --modes A,B         vanilla, coop-nonotify, coop (these); vanilla-aa comes with vanilla\n"
	"  --cases A,B         WORKLOAD-<n>of<N>: blocking, spinning, pipeline, mutex, stealing, with co-tenants beside n of\n"
	"                      the N vCPUs (all)\n"
	"  --vcpus N           as many as there are pCPUs, or fewer (2)\n"
	"  --repeat N          rounds (1)\n"
	"  --seconds S         of CPU time that the work takes per thread (2)\n"
	"  --work US           of CPU time between two meetings of the threads (10000)\n"
	"  --grace US          the longest deferral, of coop (500); raises the host's ceiling\n"
	"  --no-aa             no second vanilla\n"
	"  --boot-limit S      until a guest says hello (60)\n"
	"  --result-limit S    longer than a measurement should take (60)\n";

static const struct option long_options[] = {
	GUEST_BENCH_OPTIONS,
	{ "vcpus", required_argument, NULL, 'v' },
	{ "work", required_argument, NULL, 'w' },
	{ "grace", required_argument, NULL, 'G' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_option(void *arg, int opt)
{
	struct guest_bench *b = arg;
	struct barrier *s = b->arg;

	switch (opt) {
	case 'c':
		/* what there is depends on --vcpus */
		s->cases = optarg;
		return 0;
	case 'v':
		return proc_option_number("vcpus", optarg, 2, VM_VCPUS_MAX, &s->vcpus);
	case 'w':
		return proc_option_number("work", optarg, 10, 1000000, &s->work_us);
	case 'G':
		return proc_option_number("grace", optarg, 1, 10000, &s->grace_us);
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return guest_bench_option(b, opt);
}

static void make_cases(struct guest_bench *b, struct barrier *s)
{
	unsigned int n = 0;

	for (unsigned int w = 0; w < WORKLOADS; w++)
		for (int hogs = 0; hogs <= s->vcpus; hogs++, n++) {
			snprintf(s->names[n], sizeof(s->names[n]), "%s-%dof%d", workloads[w], hogs,
				 s->vcpus);
			s->table[n] = (struct guest_case){ .name = s->names[n],
							   .cotenants = hogs,
							   .variant = VARIANT(w, hogs) };
			strcat(strcat(s->all, n ? "," : ""), s->names[n]);
		}
	b->cases.known = n;
}

/* What a co-tenant each at equal weight leaves of the pCPUs. */
static double ideal_cpus(const struct guest_measurement *m)
{
	const struct barrier *s = m->bench->arg;

	return s->vcpus - hogs_of(m->guest_case) / 2.0;
}

static int start_job(struct guest_measurement *m)
{
	const struct barrier *s = m->bench->arg;
	char threads[16], work[16], rounds[16], loops[24];
	char *argv[] = { "coop-guest-barrier",
			 "--workload",
			 (char *)workload_of(m->guest_case),
			 "--threads",
			 threads,
			 "--work",
			 work,
			 "--rounds",
			 rounds,
			 "--loops-per-us",
			 loops,
			 NULL };

	snprintf(threads, sizeof(threads), "%d", s->vcpus);
	snprintf(work, sizeof(work), "%d", s->work_us);
	snprintf(rounds, sizeof(rounds), "%d", m->bench->seconds * 1000000 / s->work_us);
	snprintf(loops, sizeof(loops), "%lu", s->loops_per_us);
	return vm_job(m->vm, argv) ? GUEST_FAIL(m->bench, "%s", m->vm->error) : 0;
}

static void count(const struct guest_measurement *m, struct answer *a, int sign)
{
	a->notified += sign * vm_stat(m->vm, "coop_notified");
	a->acked += sign * vm_stat(m->vm, "coop_notified_acked");
	a->preempted += sign * vm_stat(m->vm, "coop_preempted");
}

static int take(struct guest_measurement *m, struct answer *a, const struct record *rec)
{
	if (rec->type == RECORD_PROGRESS && !rec->done) {
		guest_measure_begin(m);
		count(m, a, -1);
	} else if (rec->type == RECORD_PROGRESS) {
		guest_measure_end(m);
		count(m, a, 1);
	} else if (rec->type == RECORD_FILE && !strcmp(rec->text, "barrier.txt") && !a->text) {
		a->text = strndup(rec->data, rec->size);
		if (!a->text || sscanf(a->text, "runtime_ns %lf\nuseful_ns %lf", &a->runtime_ms,
				       &a->useful_ms) != 2)
			return GUEST_FAIL(m->bench, "L2 sent no runtime");
		a->runtime_ms /= 1e6;
		a->useful_ms /= 1e6;
	}
	return 0;
}

static int follow(struct guest_measurement *m, struct answer *a)
{
	int limit_s = m->bench->seconds * ((struct barrier *)m->bench->arg)->vcpus * 2 +
		      m->bench->result_limit;
	long long limit = proc_now_ns() + limit_s * 1000000000ll;
	struct record rec;

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
	return a->text ? 0 : GUEST_FAIL(m->bench, "L2 sent no runtime");
}

/* The sum over all CPUs of one of the module's counters; they begin with the guest. */
static long long sum_of(const char *text, const char *name)
{
	size_t length = strlen(name);
	long long sum = 0;

	for (const char *p = strstr(text, name); p; p = strstr(p + length, name))
		if (p[-1] == ' ' && p[length] == ' ')
			sum += atoll(p + length + 1);
	return sum;
}

static int send(struct guest_measurement *m, const struct answer *a)
{
	json_t *metrics = json_object();

	driver_metric(metrics, "runtime_ms", a->runtime_ms);
	/* the work at the speed that it was done at, if no pCPU's time were lost */
	driver_metric(metrics, "ideal_ms", a->useful_ms / ideal_cpus(m));
	driver_metric(metrics, "ideal_ratio", a->runtime_ms * ideal_cpus(m) / a->useful_ms);
	if (m->mode->coop) {
		driver_metric(metrics, "preempted_per_s", a->preempted * 1e9 / m->wall_ns);
		driver_metric(metrics, "notified_per_s", a->notified * 1e9 / m->wall_ns);
		if (a->notified)
			driver_metric(metrics, "notified_acked_share",
				      (double)a->acked / a->notified);
		driver_metric(metrics, "moved_count", sum_of(a->text, "moved"));
		driver_metric(metrics, "pulled_count", sum_of(a->text, "pulled"));
		driver_metric(metrics, "taken_back_count", sum_of(a->text, "taken_back"));
	}
	return guest_measure_send(m, metrics, NULL, NULL);
}

static int measure(struct guest_measurement *m)
{
	struct answer a = { 0 };
	int ret = start_job(m);

	if (!ret)
		ret = follow(m, &a);
	if (!ret)
		ret = send(m, &a);
	free(a.text);
	return ret;
}

static int check_pcpus(const struct barrier *s)
{
	if (s->vcpus <= sysconf(_SC_NPROCESSORS_ONLN))
		return 0;
	fprintf(stderr, "coop: --vcpus %d: this machine has %ld pCPUs\n", s->vcpus,
		sysconf(_SC_NPROCESSORS_ONLN));
	return -1;
}

int main(int argc, char **argv)
{
	struct barrier s = { .vcpus = 2, .work_us = 10000, .grace_us = GRACE_US };
	struct guest_bench b = { .name = "barrier",
				 .modes = DRIVER_CHOICE("mode", modes),
				 .cases = DRIVER_CHOICE("case", s.table),
				 .repeat = 1,
				 .seconds = 2,
				 .result_limit = 60,
				 .cotenants = COTENANTS,
				 .expect_s = EXPECT_CASE,
				 .boot = { .limit = 60 },
				 .measure = measure,
				 .loaded = hogs_of,
				 .arg = &s };
	int ret = proc_options(argc, argv, long_options, set_option, &b);
	size_t n = strlen(notify_accel);
	char *ceiling;

	if (ret)
		return ret < 0 ? 2 : 0;
	make_cases(&b, &s);
	if (guest_bench_complete(&b, "vanilla,coop-nonotify,coop", s.cases ? s.cases : s.all) ||
	    check_pcpus(&s))
		return 2;
	b.boot.vcpus = s.vcpus;
	b.boot.pcpus = s.vcpus;
	s.loops_per_us = spin_calibrate();
	snprintf(notify_accel + n, sizeof(notify_accel) - n, "%d", s.grace_us);
	if (driver_allow_grace(s.grace_us, &ceiling))
		return 2;
	ret = guest_bench_run(&b, json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "seconds", b.seconds,
					    "repeat", b.repeat, "vcpus", s.vcpus, "cotenants",
					    COTENANTS, "work_us", s.work_us, "grace_us",
					    s.grace_us));
	driver_restore_grace(ceiling);
	return ret;
}
