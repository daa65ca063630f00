// SPDX-License-Identifier: GPL-2.0
/*
 * coop-test-migration: a guest that uses kvm-coop is moved, saved, restored, reset, and gets and
 * loses a vCPU, while cyclictest and a checksum loop run in it beside a co-tenant. Runs in L1, as
 * a job of coop-lab.
 */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/lib/driver.h"
#include "bench/lib/vmload.h"
#include "tests/programs/migration/machine.h"

#define SAMPLES 1000
#define SAMPLES_SHORT 500
/* The emulator's speed varies by more than half; without boosts latency is four times as large. */
#define LEAST_FLOOR 2
#define JOB_LIMIT_MS 60000
#define DISK "/run/coop/snapshot"

struct test {
	const char *name;
	int (*run)(void);
	int seconds; /* as expected */
};

/* Of the test that runs; what is still alive at its end is killed. */
static struct machine machines[3];

static int start(struct machine *m, const char *name, bool coop)
{
	return machine_start(m, name, coop, false, NULL) || machine_wait_hello(m);
}

static int start_incoming(struct machine *m, const char *name, bool coop)
{
	return machine_start(m, name, coop, true, NULL);
}

static int short_soak(struct machine *m, struct soak *s)
{
	long long boosts = machine_boosts(m);

	if (soak_start(m, SAMPLES_SHORT) || soak_end(m, SAMPLES_SHORT, s))
		return -1;
	printf("%s: average latency %.0f us, %lld boosts for %d samples\n", m->vm.config.name,
	       s->average_us, machine_boosts(m) - boosts, SAMPLES_SHORT);
	return 0;
}

/* Of two soaks before and two after: how far equal ones differ is the noise floor. */
static int compare(const struct soak before[2], const struct soak after[2])
{
	double low = fmin(before[0].average_us, before[1].average_us);
	double high = fmax(before[0].average_us, before[1].average_us);
	double noise = fmax(high / low, LEAST_FLOOR);

	printf("average latency %.0f to %.0f us before and %.0f, %.0f after, noise floor %.2fx\n",
	       low, high, after[0].average_us, after[1].average_us, noise);
	if (fmin(after[0].average_us, after[1].average_us) > high * noise ||
	    fmax(after[0].average_us, after[1].average_us) < low / noise)
		return FAIL("the latency after the migration is another than before");
	return 0;
}

/* A boost must have happened since BEFORE: the co-tenant competes all the time. */
static int expect_boosts(struct machine *m, long long before)
{
	long long now = machine_boosts(m);

	return now > before ? 0 : FAIL("%lld boosts, %lld before", now, before);
}

/* --- to a host with the feature ------------------------------------------- */

static int live(void)
{
	struct machine *from = &machines[0], *to = &machines[1];
	struct soak s, before[2], after[2];

	if (start(from, "live-from", true) || expect_registered(from, 1) ||
	    short_soak(from, &before[0]) || short_soak(from, &before[1]) ||
	    start_incoming(to, "live-to", true))
		return -1;
	if (soak_start(from, SAMPLES) || soak_wait_progress(from) || machine_migrate(from, to))
		return -1;
	if (expect_no_boost(from) || soak_wait_progress(to) || soak_end(to, SAMPLES, &s))
		return -1;
	if (expect_registered(to, 1) || expect_boosts(to, 0) || short_soak(to, &after[0]) ||
	    short_soak(to, &after[1]) || compare(before, after))
		return -1;
	if (expect_no_boost(to) || qmp_do(&to->qmp, "cont", NULL, QMP_LIMIT_MS))
		return -1;
	return machine_quit(to);
}

/* --- to a VM without it ---------------------------------------------------- */

/* The guest goes on, nothing boosts it, and a way back does not revive the old registration. */
static int without(void)
{
	struct machine *from = &machines[0], *to = &machines[1], *back = &machines[2];
	struct qmp_coop sum;
	struct soak s;

	if (start(from, "without-from", true) || expect_registered(from, 1) ||
	    start_incoming(to, "without-to", false))
		return -1;
	if (soak_start(from, SAMPLES) || soak_wait_progress(from) || machine_migrate(from, to) ||
	    soak_wait_progress(to) || soak_end(to, SAMPLES, &s))
		return -1;
	if (machine_coop(to, &sum) || sum.enabled || machine_boosts(to) > 0)
		return FAIL("the VM without kvm-coop has it: %lld boosts", machine_boosts(to));
	if (start_incoming(back, "without-back", true) || machine_migrate(to, back) ||
	    short_soak(back, &s) || machine_coop(back, &sum))
		return -1;
	if (!sum.enabled || sum.registered)
		return FAIL("back, %zu vCPUs are registered", sum.registered);
	return machine_quit(back);
}

/* A host that has it switched off: QEMU does not start there, and the guest stays where it is. */
static int refused(void)
{
	struct machine *from = &machines[0], *to = &machines[1];
	struct soak s;
	int ret;

	if (start(from, "refused-from", true) || expect_registered(from, 1) ||
	    soak_start(from, SAMPLES) || soak_wait_progress(from))
		return -1;
	driver_switch(false);
	ret = start_incoming(to, "refused-to", true);
	driver_switch(true);
	if (!ret)
		return FAIL("QEMU starts where the host does not offer kvm-coop");
	machine_kill(to);
	if (soak_wait_progress(from) || soak_end(from, SAMPLES, &s) || expect_registered(from, 1))
		return -1;
	return machine_quit(from);
}

/* --- snapshots ------------------------------------------------------------- */

/* Jobs of QEMU's end as "concluded", with or without an error. 1, 0 while it runs. */
static int job_state(struct machine *m, const char *id)
{
	json_t *jobs = qmp_call(&m->qmp, "query-jobs", NULL, QMP_LIMIT_MS), *job;
	const char *status, *why;
	int ret = 0;
	size_t i;

	if (!jobs)
		return FAIL("%s", m->qmp.error);
	json_array_foreach(jobs, i, job)
	{
		status = json_string_value(json_object_get(job, "status"));
		why = json_string_value(json_object_get(job, "error"));
		if (strcmp(id, json_string_value(json_object_get(job, "id"))) ||
		    strcmp(status, "concluded"))
			continue;
		ret = why ? FAIL("%s: %s", id, why) : 1;
	}
	json_decref(jobs);
	return ret;
}

static int job(struct machine *m, const char *command, const char *id, json_t *arguments)
{
	long long end = proc_now_ns() + JOB_LIMIT_MS * 1000000ll;
	int ret;

	json_object_set_new(arguments, "job-id", json_string(id));
	if (qmp_do(&m->qmp, command, arguments, QMP_LIMIT_MS))
		return FAIL("%s", m->qmp.error);
	while (!(ret = job_state(m, id)) && proc_now_ns() < end)
		usleep(50000);
	if (!ret)
		return FAIL("%s has not ended within %d s", command, JOB_LIMIT_MS / 1000);
	if (ret < 0)
		return -1;
	return qmp_do(&m->qmp, "job-dismiss", json_pack("{s:s}", "id", id), QMP_LIMIT_MS) ?
		       FAIL("%s", m->qmp.error) :
		       0;
}

static int add_disk(struct machine *m)
{
	json_t *file = json_pack("{s:s, s:s, s:s}", "driver", "file", "node-name", "file",
				 "filename", DISK);
	json_t *disk = json_pack("{s:s, s:s, s:s}", "driver", "qcow2", "node-name", "disk", "file",
				 "file");

	if (job(m, "blockdev-create", "create-file",
		json_pack("{s:{s:s, s:s, s:i}}", "options", "driver", "file", "filename", DISK,
			  "size", 0)) ||
	    qmp_do(&m->qmp, "blockdev-add", file, QMP_LIMIT_MS) ||
	    job(m, "blockdev-create", "create-disk",
		json_pack("{s:{s:s, s:s, s:i}}", "options", "driver", "qcow2", "file", "file",
			  "size", 1 << 20)) ||
	    qmp_do(&m->qmp, "blockdev-add", disk, QMP_LIMIT_MS))
		return FAIL("the disk for snapshots: %.200s", *m->qmp.error ? m->qmp.error : error);
	return 0;
}

static int snapshot(struct machine *m, const char *command, const char *id)
{
	return job(m, command, id,
		   json_pack("{s:s, s:s, s:[s]}", "tag", "soaking", "vmstate", "disk", "devices",
			     "disk"));
}

/* Each time the guest goes on in the middle of the same soak, and finishes it. */
static int restore(struct machine *m, const char *id)
{
	long long before = machine_boosts(m);
	struct soak s;

	if (snapshot(m, "snapshot-load", id) || expect_registered(m, 1) ||
	    soak_end(m, SAMPLES, &s) || expect_boosts(m, before))
		return -1;
	printf("restored: average latency %.0f us\n", s.average_us);
	return 0;
}

static int snapshots(void)
{
	struct machine *m = &machines[0];
	struct soak s;

	unlink(DISK);
	if (start(m, "snapshots", true) || expect_registered(m, 1) || add_disk(m) ||
	    soak_start(m, SAMPLES) || soak_wait_progress(m) || snapshot(m, "snapshot-save", "save"))
		return -1;
	if (soak_end(m, SAMPLES, &s) || restore(m, "first") || restore(m, "second") ||
	    expect_no_boost(m) || qmp_do(&m->qmp, "cont", NULL, QMP_LIMIT_MS))
		return -1;
	unlink(DISK);
	return machine_quit(m);
}

/* --- vCPUs ----------------------------------------------------------------- */

static int plug(struct machine *m)
{
	char *online[] = { "sh", "-c",
			   "f=/sys/devices/system/cpu/cpu1/online; n=0;"
			   "until [ -e $f ] || [ $n = 50 ]; do n=$((n+1)); sleep 0.1; done;"
			   "echo 1 >$f",
			   NULL };
	json_t *slot = qmp_free_vcpu(&m->qmp, "second", QMP_LIMIT_MS);

	if (!slot)
		return FAIL("no vCPU can be plugged: %.200s", m->qmp.error);
	if (qmp_do(&m->qmp, "device_add", slot, QMP_LIMIT_MS))
		return FAIL("%s", m->qmp.error);
	m->vm.config.vcpus = 2;
	return machine_run(m, online) || expect_registered(m, 2);
}

/* The guest has to take the CPU down first, beside the soak that runs on it. */
static int unplug(struct machine *m)
{
	long long end = proc_now_ns() + QMP_LIMIT_MS * 1000000ll;
	struct qmp_coop sum = { 0 };

	if (qmp_do(&m->qmp, "device_del", json_pack("{s:s}", "id", "second"), QMP_LIMIT_MS))
		return FAIL("%s", m->qmp.error);
	while (sum.vcpus != 1) {
		if (machine_coop(m, &sum))
			return -1;
		if (proc_now_ns() > end)
			return FAIL("the vCPU is still there after %d s", QMP_LIMIT_MS / 1000);
		usleep(50000);
	}
	m->vm.config.vcpus = 1;
	m->unplugged = true;
	return 0;
}

static int plug_soak_unplug(struct machine *m)
{
	struct soak s;

	return plug(m) || soak_start(m, SAMPLES) || soak_wait_progress(m) || unplug(m) ||
	       soak_end(m, SAMPLES, &s) || expect_registered(m, 1);
}

/* Twice: the second time KVM's vCPU is the one that was unplugged. */
static int hotplug(void)
{
	static const char *const extra[] = { "-smp", "maxcpus=2", NULL };
	struct machine *m = &machines[0];

	if (machine_start(m, "hotplug", true, false, extra) || machine_wait_hello(m) ||
	    expect_registered(m, 1) || plug_soak_unplug(m) || plug_soak_unplug(m))
		return -1;
	if (expect_no_boost(m) || qmp_do(&m->qmp, "cont", NULL, QMP_LIMIT_MS))
		return -1;
	return machine_quit(m);
}

/* --- reset ----------------------------------------------------------------- */

static int reset(void)
{
	static const char *const extra[] = { "-action", "reboot=reset", NULL };
	struct machine *m = &machines[0];
	struct qmp_coop sum;
	struct soak s;

	if (machine_start(m, "reset", true, false, extra) || machine_wait_hello(m) ||
	    expect_registered(m, 1) || soak_start(m, SAMPLES) || soak_wait_progress(m) ||
	    expect_no_boost(m))
		return -1;
	record_stream_forget(&m->vm.port);
	if (qmp_do(&m->qmp, "system_reset", NULL, QMP_LIMIT_MS))
		return FAIL("%s", m->qmp.error);
	/* the reset happens in QEMU's main loop */
	for (int i = 0; i < 100; i++) {
		if (machine_coop(m, &sum))
			return -1;
		if (!sum.registered)
			break;
		usleep(50000);
	}
	if (sum.registered || sum.features)
		return FAIL("registered after a reset");
	if (qmp_do(&m->qmp, "cont", NULL, QMP_LIMIT_MS) || machine_wait_hello(m) ||
	    expect_registered(m, 1) || soak_start(m, SAMPLES) || soak_end(m, SAMPLES, &s))
		return -1;
	return machine_quit(m);
}

/* --- kexec ----------------------------------------------------------------- */

/*
 * The guest's kernel is replaced by another, the same one, that knows nothing of the first. The
 * module of the first gives up what it has: nothing may write to pages that are somebody else's now.
 */
static int kexec(void)
{
	static const char *const extra[] = {
		"-virtfs",
		"local,path=/,mount_tag=hostfs,security_model=none,readonly=on,multidevs=remap",
		NULL
	};
	struct machine *m = &machines[0];
	char *argv[] = { "@kexec", NULL, NULL, NULL };
	struct soak s;

	if (machine_start(m, "kexec", true, false, extra) || machine_wait_hello(m) ||
	    expect_registered(m, 1))
		return -1;
	argv[1] = (char *)m->vm.config.kernel;
	argv[2] = (char *)m->vm.config.initrd;
	if (vm_job(&m->vm, argv))
		return FAIL("%s", m->vm.error);
	if (machine_wait_hello(m) || expect_registered(m, 1) || short_soak(m, &s) ||
	    expect_boosts(m, 0) || expect_no_boost(m) ||
	    qmp_do(&m->qmp, "cont", NULL, QMP_LIMIT_MS))
		return -1;
	return machine_quit(m);
}

static const struct test tests[] = {
	{ "live", live, 30 },		{ "without", without, 25 }, { "refused", refused, 15 },
	{ "snapshots", snapshots, 30 }, { "hotplug", hotplug, 30 }, { "reset", reset, 20 },
	{ "kexec", kexec, 25 },
};

#define TESTS (sizeof(tests) / sizeof(tests[0]))

static const struct test *find(const char *name)
{
	for (size_t i = 0; i < TESTS; i++)
		if (!strcmp(tests[i].name, name))
			return &tests[i];
	return NULL;
}

static int run(const struct test *t)
{
	long long begin = proc_now_ns();
	int ret = t->run();

	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		machine_kill(&machines[i]);
	printf("%s %s, %.0f s%s%s\n", ret ? "FAIL" : "ok", t->name, (proc_now_ns() - begin) / 1e9,
	       ret ? ": " : "", ret ? error : "");
	fflush(stdout);
	return ret;
}

/* Which of them: all, or those that are named. */
static int choose(int argc, char **argv, const struct test *chosen[])
{
	int n = 0;

	if (argc > (int)TESTS + 1)
		argc = TESTS + 1;
	for (int i = 1; i < argc; i++) {
		chosen[n] = find(argv[i]);
		if (!chosen[n++]) {
			fprintf(stderr,
				"coop: no test '%s': live, without, refused, snapshots, hotplug, reset, kexec\n",
				argv[i]);
			return -1;
		}
	}
	for (size_t i = 0; argc == 1 && i < TESTS; i++)
		chosen[n++] = &tests[i];
	return n;
}

int main(int argc, char **argv)
{
	const struct test *chosen[TESTS];
	int n = choose(argc, argv, chosen), failed = 0, seconds = 0, fd = record_fd();
	struct vmload load;

	if (n < 0 || driver_check_machine())
		return 2;
	if (driver_switch(true)) {
		fprintf(stderr, "coop: this host kernel has no kvm-coop\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < n; i++)
		seconds += chosen[i]->seconds;
	record_expect(fd, seconds);
	if (vmload_start(&load, 1, CPU_GUEST))
		return 1;
	vmload_resume(&load);
	for (int i = 0; i < n; i++) {
		record_progress(fd, i, n, "%s", chosen[i]->name);
		failed += !!run(chosen[i]);
	}
	vmload_kill(&load);
	record_verdict(fd, !failed, "%d of %d tests of migration passed", n - failed, n);
	return failed ? 1 : 0;
}
