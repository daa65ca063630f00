// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/iovm.h"
#include "lab/lib/proc.h"
#include "tests/programs/stress/machine.h"

#define VCPUS 2
#define MEM_MIB 160
#define DISK_IOPS 400
#define SPARE "spare"
#define VCPU "third"
#define POLICY "slice"
/* Batches as large as the cap allows, so that something is held nearly always. */
#define INFLIGHT 1
#define MIGRATE_LIMIT_MS 60000
#define UNPLUG_LIMIT_MS 60000
#define ASK_AGAIN_MS 25000
#define POLL_US 20000

#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

int machine_on(struct machine *m, int ret)
{
	return ret < 0 ? MACHINE_FAIL(m, "%s", m->vm->error) : ret;
}

/* One queue, so that its interrupt has to move when a vCPU goes; and no thread of its own. */
static json_t *spare_device(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:i, s:i, s:i}", "driver",
			 "virtio-blk-pci", "id", SPARE, "serial", SPARE, "drive", "spare-disk",
			 "num-queues", 1, "coalesce", POLICY, "coalesce-inflight", INFLIGHT,
			 "coalesce-iops", 0, "coalesce-max-us", HOLD_US);
}

static int start(struct machine *m, struct iovm *g, const char *name, const char *incoming)
{
	json_t *spare = spare_device();
	char *disk = json_dumps(spare, JSON_COMPACT);
	char *vcpu = m->vcpu ? json_dumps(m->vcpu, JSON_COMPACT) : NULL;
	struct proc_args extra = { 0 };
	const struct iovm_config config = { .name = name,
					    .policy = POLICY,
					    .coop = true,
					    .file = true,
					    .image = IO_IMAGE,
					    .iothread = true,
					    .vcpus = VCPUS,
					    .plugged = vcpu ? 1 : 0,
					    .queues = VCPUS,
					    .mem = MEM_MIB,
					    .disk_iops = DISK_IOPS,
					    .inflight = INFLIGHT,
					    .iops = 0,
					    .max_us = HOLD_US,
					    .cutoff_us = 100,
					    .incoming = incoming,
					    .extra = extra.argv };
	int ret;

	proc_args_add(&extra, "-smp", "maxcpus=3", "-object",
		      "throttle-group,id=spare-pace,x-iops-total=" TEXT(DISK_IOPS));
	proc_args_add(&extra, "-blockdev",
		      "node-name=spare-disk,driver=throttle,throttle-group=spare-pace,"
		      "file.driver=file,file.filename=" SPARE_IMAGE ",file.aio=io_uring");
	if (m->spare)
		proc_args_add(&extra, "-device", disk);
	if (vcpu)
		proc_args_add(&extra, "-device", vcpu);
	ret = iovm_boot(g, &config);
	free(vcpu);
	free(disk);
	json_decref(spare);
	return ret;
}

int machine_boot(struct machine *m)
{
	m->vm = &m->vms[0];
	m->spare = true;
	if (iovm_make_disk(IO_IMAGE) || iovm_make_disk(SPARE_IMAGE))
		return MACHINE_FAIL(m, "cannot make the disks");
	return machine_on(m, start(m, m->vm, "stress-0", NULL));
}

void machine_end(struct machine *m)
{
	for (int i = 0; i < 2; i++)
		if (*m->vms[i].name)
			iovm_kill(&m->vms[i]);
	json_decref(m->vcpu);
	unlink(IO_IMAGE);
	unlink(SPARE_IMAGE);
}

/* The old QEMU is done before the new one runs. */
static int wait_running(struct machine *m)
{
	long long end = proc_now_ns() + MIGRATE_LIMIT_MS * 1000000ll;

	while (proc_now_ns() < end) {
		json_t *status = qmp_call(&m->vm->qmp, "query-status", NULL, MIGRATE_LIMIT_MS);
		bool running = json_is_true(json_object_get(status, "running"));

		if (!status)
			return MACHINE_FAIL(m, "%s", m->vm->qmp.error);
		json_decref(status);
		if (running)
			return 0;
		usleep(POLL_US);
	}
	return MACHINE_FAIL(m, "the VM does not run where it has been moved to");
}

int machine_migrate_begin(struct machine *m)
{
	char name[40], uri[80];

	m->to = &m->vms[m->vm == m->vms];
	snprintf(name, sizeof(name), "stress-%d", ++m->moves);
	snprintf(uri, sizeof(uri), "unix:/run/coop/%s.migration", name);
	if (start(m, m->to, name, uri))
		return MACHINE_FAIL(m, "%s", m->to->error);
	if (qmp_migrate_begin(&m->vm->qmp, uri, MIGRATE_LIMIT_MS))
		return MACHINE_FAIL(m, "%s", m->vm->qmp.error);
	return 0;
}

int machine_migrate_state(struct machine *m)
{
	int ret = qmp_migrate_state(&m->vm->qmp, MIGRATE_LIMIT_MS);

	return ret < 0 ? MACHINE_FAIL(m, "%s", m->vm->qmp.error) : ret;
}

int machine_migrate_end(struct machine *m)
{
	struct iovm *from = m->vm, *to = m->to;

	vm_take_over(&to->vm, &from->vm);
	if (machine_count(m))
		return -1;
	iovm_kill(from);
	*from = (struct iovm){ .qmp.fd = -1 };
	m->vm = to;
	return wait_running(m);
}

int machine_set_policy(struct machine *m, const char *policy, const char *urgent, int max_us)
{
	static const char *const devices[] = { "io", SPARE };
	int ret = 0;

	for (int i = 0; i < 1 + m->spare && !ret; i++)
		ret = iovm_set_device(m->vm, devices[i], "coalesce", json_string(policy)) ||
		      iovm_set_device(m->vm, devices[i], "coalesce-urgent", json_string(urgent)) ||
		      iovm_set_device(m->vm, devices[i], "coalesce-max-us", json_integer(max_us));
	return machine_on(m, -!!ret);
}

static bool has_disk(struct machine *m)
{
	return iovm_stat_device(m->vm, SPARE, "held") >= 0;
}

static bool has_vcpu(struct machine *m)
{
	json_t *vcpus = qmp_call(&m->vm->qmp, "query-cpus-fast", NULL, UNPLUG_LIMIT_MS);
	bool ret = json_array_size(vcpus) > VCPUS;

	json_decref(vcpus);
	return ret;
}

/*
 * The guest may refuse, and has to be asked again. Not soon: a second request that it is slow to
 * take would unplug what is plugged next.
 */
static int unplug(struct machine *m, const char *id, bool (*has)(struct machine *m))
{
	long long begin = proc_now_ns(), now = begin, asked = 0;

	while (now < begin + UNPLUG_LIMIT_MS * 1000000ll) {
		if (now > asked + ASK_AGAIN_MS * 1000000ll) {
			if (iovm_do(m->vm, "device_del", json_pack("{s:s}", "id", id)) && has(m))
				return machine_on(m, -1);
			asked = now;
		}
		usleep(POLL_US);
		if (!has(m))
			return 0;
		now = proc_now_ns();
	}
	return MACHINE_FAIL(m, "%s is still there after %d s", id, UNPLUG_LIMIT_MS / 1000);
}

static int count_device(struct machine *m, const char *id, int i)
{
	struct counts *c = &m->counts;
	const struct {
		const char *name;
		long long *sum;
	} sums[] = { { "held", &c->held },
		     { "slice-end", &c->slice_end },
		     { "ratio", &c->ratio },
		     { "cap", &c->cap },
		     { "pause", &c->pause },
		     { "flush", &c->flush } };
	long long longest = iovm_stat_device(m->vm, id, "longest-us");

	for (size_t j = 0; longest >= 0 && j < sizeof(sums) / sizeof(sums[0]); j++)
		*sums[j].sum += iovm_stat_device(m->vm, id, sums[j].name);
	if (longest > c->longest_us[i])
		c->longest_us[i] = longest;
	return longest < 0 ? machine_on(m, -1) : 0;
}

static int count_boosts(struct machine *m)
{
	struct qmp_coop sum;

	if (qmp_coop(&m->vm->qmp, &sum, UNPLUG_LIMIT_MS))
		return MACHINE_FAIL(m, "%s", m->vm->qmp.error);
	m->counts.boosts += sum.boosts;
	return 0;
}

int machine_count(struct machine *m)
{
	if (count_boosts(m) || count_device(m, "io", 0))
		return -1;
	return m->spare ? count_device(m, SPARE, 1) : 0;
}

int machine_unplug_disk(struct machine *m)
{
	if (count_device(m, SPARE, 1) || unplug(m, SPARE, has_disk))
		return -1;
	m->spare = false;
	return 0;
}

int machine_plug_disk(struct machine *m)
{
	m->spare = true;
	return machine_on(m, iovm_do(m->vm, "device_add", spare_device()));
}

int machine_unplug_vcpu(struct machine *m)
{
	if (unplug(m, VCPU, has_vcpu))
		return -1;
	json_decref(m->vcpu);
	m->vcpu = NULL;
	return 0;
}

int machine_plug_vcpu(struct machine *m)
{
	m->vcpu = qmp_free_vcpu(&m->vm->qmp, VCPU, UNPLUG_LIMIT_MS);
	if (!m->vcpu)
		return MACHINE_FAIL(m, "no vCPU can be plugged: %s", m->vm->qmp.error);
	return machine_on(m, iovm_do(m->vm, "device_add", json_deep_copy(m->vcpu)));
}
