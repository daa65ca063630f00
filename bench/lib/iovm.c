// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/iovm.h"
#include "bench/lib/driver.h"
#include "bench/lib/tap.h"

#define DEVICE "io"
#define BOOT_LIMIT_MS 120000
#define QUIT_LIMIT_MS 30000
#define MONITOR_LIMIT_MS 20000

#define FAIL(g, ...) (snprintf((g)->error, sizeof((g)->error), __VA_ARGS__), -1)

int iovm_make_disk(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int ret = fd < 0 ? -1 : ftruncate(fd, IOVM_DISK_BYTES);

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
	return snprintf(g->device, sizeof(g->device),
			"virtio-blk-pci,drive=disk,serial=" DEVICE ",num-queues=%u%s", c->queues,
			c->iothread ? ",iothread=thread" : "");
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
	if (c->incoming)
		proc_args_add(args, "-incoming", c->incoming);
	n = c->net ? add_nic(g, c, args) : add_disk(g, c, args);
	n += snprintf(g->device + n, sizeof(g->device) - n,
		      ",id=%s,coalesce=%s,coalesce-inflight=%d,coalesce-iops=%d,coalesce-max-us=%d"
		      ",coalesce-cutoff-us=%d",
		      DEVICE, c->policy, c->inflight, c->iops, c->max_us, c->cutoff_us);
	if (c->urgent)
		snprintf(g->device + n, sizeof(g->device) - n, ",coalesce-urgent=%s", c->urgent);
	proc_args_add(args, "-device", g->device);
	if (c->extra)
		proc_args_list(args, (const char *const *)c->extra);
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
	g->queues = c->queues;
	g->own_disk = !c->image;
	if (c->image)
		snprintf(g->disk, sizeof(g->disk), "%s", c->image);
	else
		snprintf(g->disk, sizeof(g->disk), "/tmp/%s.disk", g->name);
	build_args(g, c, &args);
	vm_config_init(&config);
	config.name = g->name;
	config.vcpus = c->vcpus;
	config.extra = args.argv;
	config.mem = c->mem ? c->mem : config.mem;
	config.qemu_cpu = CPU_REST;
	config.cpu = c->coop || c->facts ? "host,kvm-coop=on" : "host";
	if (c->facts)
		config.accel = "kvm,coop-policy=none";
	config.append = c->coop ? "coop_role=l2 coop_module=kvm_coop_guest" : "coop_role=l2";
	if (!c->net && c->file && g->own_disk && iovm_make_disk(g->disk))
		return FAIL(g, "cannot make %s: %s", g->disk, strerror(errno));
	if (c->net && tap_make(c->network))
		return FAIL(g, "cannot make a tap device: %s", strerror(errno));
	if (vm_start(&g->vm, &config))
		return FAIL(g, "%s", g->vm.error);
	if (qmp_open(&g->qmp, g->socket, MONITOR_LIMIT_MS))
		return FAIL(g, "%s", g->qmp.error);
	g->vm.config.vcpus += c->plugged;
	if (place(g))
		return -1;
	if (c->incoming)
		return 0;
	return vm_wait_hello(&g->vm, BOOT_LIMIT_MS) ? FAIL(g, "%s", g->vm.error) : 0;
}

int iovm_do(struct iovm *g, const char *command, json_t *arguments)
{
	return qmp_do(&g->qmp, command, arguments, MONITOR_LIMIT_MS) ? FAIL(g, "%s", g->qmp.error) :
								       0;
}

static json_t *property(const char *device, const char *name)
{
	char path[80];

	snprintf(path, sizeof(path), "/machine/peripheral/%s", device);
	return json_pack("{s:s, s:s}", "path", path, "property", name);
}

int iovm_set_device(struct iovm *g, const char *device, const char *name, json_t *value)
{
	json_t *arguments = property(device, name);

	json_object_set_new(arguments, "value", value);
	return iovm_do(g, "qom-set", arguments);
}

int iovm_set(struct iovm *g, const char *name, json_t *value)
{
	return iovm_set_device(g, DEVICE, name, value);
}

static json_t *get_stats(struct iovm *g, const char *device)
{
	return qmp_call(&g->qmp, "qom-get", property(device, "coalesce-stats"), MONITOR_LIMIT_MS);
}

json_t *iovm_stats(struct iovm *g)
{
	return get_stats(g, DEVICE);
}

long long iovm_stat_device(struct iovm *g, const char *device, const char *name)
{
	json_t *stats = get_stats(g, device);
	const json_t *value = json_object_get(stats, name);
	long long n = value ? json_integer_value(value) : FAIL(g, "%s", g->qmp.error);

	json_decref(stats);
	return n;
}

long long iovm_stat(struct iovm *g, const char *name)
{
	return iovm_stat_device(g, DEVICE, name);
}

static void describe(struct iovm *g, FILE *to, const char *command, json_t *arguments)
{
	json_t *answer = qmp_call(&g->qmp, command, arguments, MONITOR_LIMIT_MS);
	char *text = json_dumps(answer, JSON_ENCODE_ANY);

	fprintf(to, "%s: %s\n", command, text ? text : g->qmp.error);
	free(text);
	json_decref(answer);
}

void iovm_describe(struct iovm *g, FILE *to)
{
	static const char *const monitor[] = { "info registers -a", "info lapic 0", "info lapic 1" };

	describe(g, to, "query-status", NULL);
	for (unsigned int i = 0; i < g->queues; i++)
		describe(g, to, "x-query-virtio-queue-status",
			 json_pack("{s:s, s:i}", "path",
				   "/machine/peripheral/" DEVICE "/virtio-backend", "queue", i));
	describe(g, to, "qom-get", property(DEVICE, "coalesce-stats"));
	for (size_t i = 0; i < sizeof(monitor) / sizeof(*monitor); i++)
		describe(g, to, "human-monitor-command",
			 json_pack("{s:s}", "command-line", monitor[i]));
}

int iovm_pause(struct iovm *g, int us)
{
	if (iovm_do(g, "stop", NULL))
		return -1;
	usleep(us);
	return iovm_do(g, "cont", NULL);
}

/* A resize to the present size does it. */
int iovm_drain(struct iovm *g)
{
	return iovm_do(g, "block_resize",
		       json_pack("{s:s, s:i}", "node-name", "disk", "size", IOVM_DISK_BYTES));
}

int iovm_follow(struct iovm *g, int limit_ms, bool until_it_works)
{
	long long end = proc_now_ns() + limit_ms * 1000000ll;
	struct record rec;

	for (;;) {
		int ret = vm_next(&g->vm, (end - proc_now_ns()) / 1000000, &rec);

		if (ret <= 0)
			return ret ? FAIL(g, "%s", g->vm.error) : 0;
		if (rec.type == RECORD_PROGRESS && until_it_works)
			return 1;
		if (rec.type != RECORD_VERDICT)
			continue;
		if (!rec.pass)
			return FAIL(g, "L2: %.390s", rec.text);
		snprintf(g->said, sizeof(g->said), "%s", rec.text);
		return 1;
	}
}

void iovm_kill(struct iovm *g)
{
	qmp_close(&g->qmp);
	if (g->vm.pid)
		vm_kill(&g->vm);
	if (g->own_disk)
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
