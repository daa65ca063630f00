// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/iovm.h"
#include "bench/lib/driver.h"
#include "bench/lib/tap.h"

#define DEVICE_PATH "/machine/peripheral/io"
#define BOOT_LIMIT_MS 120000
#define QUIT_LIMIT_MS 30000
#define MONITOR_LIMIT_MS 10000

#define FAIL(g, ...) (snprintf((g)->error, sizeof((g)->error), __VA_ARGS__), -1)

/* A file on L1's /tmp, which is memory. */
static int make_disk(struct iovm *g)
{
	int fd = open(g->disk, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int ret = fd < 0 ? -1 : ftruncate(fd, IOVM_DISK_BYTES);

	if (ret)
		(void)FAIL(g, "cannot make %s: %s", g->disk, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ret;
}

/* A disk that takes its time for one request after the other, or only QEMU's for all at once. */
static void describe_disk(struct iovm *g, const struct iovm_config *c)
{
	const char *below = c->disk_iops ? "file." : "";
	int n = snprintf(g->backend, sizeof(g->backend), "node-name=disk,%s",
			 c->disk_iops ? "driver=throttle,throttle-group=pace," : "");

	if (c->file)
		snprintf(g->backend + n, sizeof(g->backend) - n,
			 "%sdriver=file,%sfilename=%s,%saio=io_uring", below, below, g->disk,
			 below);
	else
		snprintf(g->backend + n, sizeof(g->backend) - n,
			 "%sdriver=null-co,%ssize=%d,%slatency-ns=%d000,%sread-zeroes=on", below,
			 below, IOVM_DISK_BYTES, below, c->latency_us, below);
	snprintf(g->pace, sizeof(g->pace), "throttle-group,id=pace,x-iops-total=%d", c->disk_iops);
}

/* Backend and the beginning of the device's description, whose length is returned. */
static int add_disk(struct iovm *g, const struct iovm_config *c, struct proc_args *args)
{
	describe_disk(g, c);
	if (c->disk_iops)
		proc_args_add(args, "-object", g->pace);
	if (c->iothread)
		proc_args_add(args, "-object", "iothread,id=thread");
	proc_args_add(args, "-blockdev", g->backend);
	return snprintf(g->device, sizeof(g->device), "virtio-blk-pci,drive=disk,num-queues=%u%s",
			c->queues, c->iothread ? ",iothread=thread" : "");
}

/* vhost would notify the guest by itself. */
static int add_nic(struct iovm *g, const struct iovm_config *c, struct proc_args *args)
{
	char tap[TAP_NAME_MAX];

	tap_name(tap, c->network);
	snprintf(g->backend, sizeof(g->backend),
		 "tap,id=net,ifname=%s,script=no,downscript=no,vhost=off", tap);
	proc_args_add(args, "-netdev", g->backend);
	return snprintf(g->device, sizeof(g->device), "virtio-net-pci,netdev=net,romfile=");
}

static void build_args(struct iovm *g, const struct iovm_config *c, struct proc_args *args)
{
	int n;

	snprintf(g->socket, sizeof(g->socket), "/run/coop/%s.qmp", g->name);
	snprintf(g->monitor, sizeof(g->monitor), "unix:%s,server=on,wait=off", g->socket);
	args->n = 0;
	proc_args_add(args, "-qmp", g->monitor);
	n = c->net ? add_nic(g, c, args) : add_disk(g, c, args);
	snprintf(g->device + n, sizeof(g->device) - n,
		 ",id=io,coalesce=%s,coalesce-inflight=%d,coalesce-iops=%d,coalesce-max-us=%d",
		 c->policy, c->inflight, c->iops, c->max_us);
	proc_args_add(args, "-device", g->device);
}

/* A QEMU that has a monitor has its vCPUs. Two of them on one pCPU would boot for minutes. */
static int place(struct iovm *g)
{
	int ret = vm_find_vcpus(&g->vm);

	for (unsigned int i = 0; i < g->vm.config.vcpus && !ret; i++)
		ret = vm_pin_vcpu(&g->vm, i, i % 2 ? CPU_REST : CPU_GUEST);
	return ret ? FAIL(g, "%s", g->vm.error) : 0;
}

int iovm_boot(struct iovm *g, const struct iovm_config *c)
{
	struct vm_config config;
	struct proc_args args;

	*g = (struct iovm){ .qmp.fd = -1 };
	snprintf(g->name, sizeof(g->name), "%s", c->name);
	snprintf(g->disk, sizeof(g->disk), "/tmp/%s.disk", g->name);
	build_args(g, c, &args);
	vm_config_init(&config);
	config.name = g->name;
	config.vcpus = c->vcpus;
	config.extra = args.argv;
	config.qemu_cpu = CPU_REST;
	config.cpu = c->coop || c->facts ? "host,kvm-coop=on" : "host";
	if (c->facts)
		config.accel = "kvm,coop-policy=none";
	config.append = c->coop ? "coop_role=l2 coop_module=kvm_coop_guest" : "coop_role=l2";
	if (!c->net && c->file && make_disk(g))
		return -1;
	if (c->net && tap_make(c->network))
		return FAIL(g, "cannot make a tap device: %s", strerror(errno));
	if (vm_start(&g->vm, &config))
		return FAIL(g, "%s", g->vm.error);
	if (qmp_open(&g->qmp, g->socket, MONITOR_LIMIT_MS))
		return FAIL(g, "%s", g->qmp.error);
	if (place(g))
		return -1;
	return vm_wait_hello(&g->vm, BOOT_LIMIT_MS) ? FAIL(g, "%s", g->vm.error) : 0;
}

int iovm_set(struct iovm *g, const char *name, json_t *value)
{
	json_t *arguments =
		json_pack("{s:s, s:s, s:o}", "path", DEVICE_PATH, "property", name, "value", value);

	return qmp_do(&g->qmp, "qom-set", arguments, MONITOR_LIMIT_MS) ?
		       FAIL(g, "%s", g->qmp.error) :
		       0;
}

long long iovm_stat(struct iovm *g, const char *name)
{
	json_t *stats =
		qmp_call(&g->qmp, "qom-get",
			 json_pack("{s:s, s:s}", "path", DEVICE_PATH, "property", "coalesce-stats"),
			 MONITOR_LIMIT_MS);
	const json_t *value = json_object_get(stats, name);
	long long n = value ? json_integer_value(value) : FAIL(g, "%s", g->qmp.error);

	json_decref(stats);
	return n;
}

void iovm_kill(struct iovm *g)
{
	qmp_close(&g->qmp);
	if (g->vm.pid)
		vm_kill(&g->vm);
	unlink(g->disk);
}

int iovm_quit(struct iovm *g)
{
	int ret = vm_quit(&g->vm, QUIT_LIMIT_MS);

	if (ret)
		(void)FAIL(g, "%s", g->vm.error);
	g->vm.pid = 0;
	iovm_kill(g);
	return ret;
}
