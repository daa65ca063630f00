// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/driver.h"
#include "bench/lib/hist.h"
#include "tests/programs/migration/machine.h"

#define BOOT_LIMIT_MS 120000
#define THREADS_LIMIT_MS 20000
#define MIGRATE_LIMIT_MS 60000
#define SOAK_LIMIT_MS 90000
#define QUIT_LIMIT_MS 30000
#define STATE_LIMIT_MS 20000
#define INTERVAL "2170"
#define BUCKETS "200000"

char error[600];

static void fill_extra(struct machine *m, const char *name, bool incoming,
		       const char *const extra[])
{
	int n = 0;

	snprintf(m->paths[0], sizeof(m->paths[0]), "unix:/run/coop/%s.qmp,server=on,wait=off",
		 name);
	snprintf(m->paths[1], sizeof(m->paths[1]), "/run/coop/%s.qmp", name);
	snprintf(m->paths[2], sizeof(m->paths[2]), "unix:/run/coop/%s.migration", name);
	m->extra[n++] = "-qmp";
	m->extra[n++] = m->paths[0];
	if (incoming) {
		m->extra[n++] = "-incoming";
		m->extra[n++] = m->paths[2];
	}
	while (extra && *extra)
		m->extra[n++] = (char *)*extra++;
}

/* As soon as there are threads, so that everything happens beside the co-tenant. */
static int place_vcpus(struct vm *vm)
{
	long long end = proc_now_ns() + THREADS_LIMIT_MS * 1000000ll;

	while (vm_find_vcpus(vm)) {
		if (proc_now_ns() > end)
			return FAIL("%s", vm->error);
		usleep(20000);
	}
	return vm_pin_vcpus(vm, CPU_GUEST) ? FAIL("%s", vm->error) : 0;
}

int machine_start(struct machine *m, const char *name, bool coop, bool incoming,
		  const char *const extra[])
{
	struct vm_config config;

	memset(m, 0, sizeof(*m));
	m->qmp.fd = -1;
	fill_extra(m, name, incoming, extra);
	vm_config_init(&config);
	config.name = name;
	config.cpu = coop ? "host,kvm-coop=on" : "host";
	config.append = "coop_role=l2 coop_module=kvm_coop_guest";
	config.mem = 128;
	config.qemu_cpu = CPU_REST;
	config.extra = m->extra;
	if (vm_start(&m->vm, &config))
		return FAIL("%s", m->vm.error);
	m->alive = true;
	if (qmp_open(&m->qmp, m->paths[1], THREADS_LIMIT_MS))
		return FAIL("%s: %s", name, m->qmp.error);
	return place_vcpus(&m->vm);
}

int machine_wait_hello(struct machine *m)
{
	return vm_wait_hello(&m->vm, BOOT_LIMIT_MS) ? FAIL("%s", m->vm.error) : 0;
}

int machine_quit(struct machine *m)
{
	m->alive = false;
	qmp_close(&m->qmp);
	return vm_quit(&m->vm, QUIT_LIMIT_MS) ? FAIL("%s", m->vm.error) : 0;
}

void machine_kill(struct machine *m)
{
	if (!m->alive)
		return;
	m->alive = false;
	qmp_close(&m->qmp);
	vm_kill(&m->vm);
}

int machine_migrate(struct machine *from, struct machine *to)
{
	if (qmp_migrate(&from->qmp, to->paths[2], MIGRATE_LIMIT_MS))
		return FAIL("%s", from->qmp.error);
	vm_take_over(&to->vm, &from->vm);
	return 0;
}

/* The verdict of the guest's job. Files of the guest go to HIST if it is there. */
static int wait_verdict(struct machine *m, int limit_ms, struct hist *hist, char *text, size_t size)
{
	long long end = proc_now_ns() + limit_ms * 1000000ll;
	struct hist_error err;
	struct record rec;
	int ret;

	while ((ret = vm_next(&m->vm, (end - proc_now_ns()) / 1000000, &rec)) > 0) {
		if (rec.type == RECORD_FILE && hist && !strcmp(rec.text, "guest.hist")) {
			FILE *f = fmemopen((void *)rec.data, rec.size, "r");

			if (!f || hist_read(hist, f, &err))
				return FAIL("the guest's histogram cannot be read");
			fclose(f);
		} else if (rec.type == RECORD_VERDICT) {
			snprintf(text, size, "%s", rec.text);
			return rec.pass ? 0 : FAIL("guest: %s", rec.text);
		}
	}
	return ret ? FAIL("%s", m->vm.error) :
		     FAIL("the guest has not finished within %d s: an interrupt was lost",
			  limit_ms / 1000);
}

int machine_run(struct machine *m, char *const argv[])
{
	char text[200];

	if (vm_job(&m->vm, argv))
		return FAIL("%s", m->vm.error);
	return wait_verdict(m, QMP_LIMIT_MS, NULL, text, sizeof(text));
}

int soak_start(struct machine *m, int samples)
{
	char loops[16];
	char *argv[] = { "@soak",  "-q", "-m",	"-p80", "-t1",	 "-i",
			 INTERVAL, "-l", loops, "-h",	BUCKETS, NULL };

	snprintf(loops, sizeof(loops), "%d", samples);
	return vm_job(&m->vm, argv) ? FAIL("%s", m->vm.error) : 0;
}

int soak_wait_progress(struct machine *m)
{
	long long end = proc_now_ns() + SOAK_LIMIT_MS * 1000000ll;
	struct record rec;
	long done = -1;
	int ret;

	while ((ret = vm_next(&m->vm, (end - proc_now_ns()) / 1000000, &rec)) > 0) {
		if (rec.type == RECORD_VERDICT)
			return FAIL("the soak is over too soon: %s", rec.text);
		if (rec.type != RECORD_PROGRESS)
			continue;
		if (done >= 0 && rec.done > done)
			return 0;
		done = rec.done;
	}
	return ret ? FAIL("%s", m->vm.error) : FAIL("the soak makes no progress");
}

int soak_end(struct machine *m, int samples, struct soak *s)
{
	char text[200];
	struct hist hist;
	int ret;

	hist_init(&hist);
	ret = wait_verdict(m, SOAK_LIMIT_MS, &hist, text, sizeof(text));
	if (!ret && sscanf(text, "samples %lu checksums %lu wrong %lu", &s->samples, &s->checksums,
			   &s->wrong) != 3)
		ret = FAIL("not the result of a soak: %s", text);
	if (!ret && (s->samples != (unsigned long)samples || !s->checksums || s->wrong))
		ret = FAIL("%d samples were to come: %s", samples, text);
	s->average_us = hist_mean(&hist);
	hist_free(&hist);
	return ret;
}

int machine_coop(struct machine *m, struct qmp_coop *sum)
{
	return qmp_coop(&m->qmp, sum, QMP_LIMIT_MS) ? FAIL("%s", m->qmp.error) : 0;
}

int expect_registered(struct machine *m, size_t vcpus)
{
	long long end = proc_now_ns() + STATE_LIMIT_MS * 1000000ll;
	struct qmp_coop sum;

	do {
		if (machine_coop(m, &sum))
			return -1;
		if (sum.vcpus == vcpus && sum.registered == vcpus && sum.features)
			return 0;
		usleep(50000);
	} while (proc_now_ns() < end);
	return FAIL("%zu of %zu vCPUs are registered, not %zu", sum.registered, sum.vcpus, vcpus);
}

/* The same counters by the general command. */
static long long query_stats_boosts(struct machine *m)
{
	json_t *result =
		qmp_call(&m->qmp, "query-stats",
			 json_pack("{s:s, s:[{s:s, s:[s, s]}]}", "target", "vcpu", "providers",
				   "provider", "kvm", "names", "coop_boosts_irq", "coop_boosts_rt"),
			 QMP_LIMIT_MS);
	json_t *vcpu, *stat;
	long long sum = 0;
	size_t i, j;

	json_array_foreach(result, i, vcpu)
		json_array_foreach(json_object_get(vcpu, "stats"), j, stat)
			sum += json_integer_value(json_object_get(stat, "value"));
	json_decref(result);
	return sum;
}

/* Of a stopped VM the counters stand still. */
static int expect_same_counters(struct machine *m, const struct qmp_coop *sum)
{
	long long stats = query_stats_boosts(m), host = machine_boosts(m);

	if (sum->boosts == stats && (stats == host || m->unplugged))
		return 0;
	return FAIL("query-kvm-coop counts %lld boosts, query-stats %lld, the host %lld",
		    sum->boosts, stats, host);
}

int expect_no_boost(struct machine *m)
{
	struct qmp_coop sum;

	if (qmp_do(&m->qmp, "stop", NULL, QMP_LIMIT_MS))
		return FAIL("%s", m->qmp.error);
	if (machine_coop(m, &sum))
		return -1;
	if (sum.boosted)
		return FAIL("%zu vCPUs of a stopped VM are boosted", sum.boosted);
	for (unsigned int i = 0; i < m->vm.config.vcpus; i++) {
		int policy = sched_getscheduler(m->vm.vcpu[i]);

		if (policy != SCHED_OTHER)
			return FAIL("vCPU %u of a stopped VM has scheduling class %d", i, policy);
	}
	return expect_same_counters(m, &sum);
}

long long machine_boosts(const struct machine *m)
{
	return vm_stat(&m->vm, "coop_boosts_irq") + vm_stat(&m->vm, "coop_boosts_rt");
}
