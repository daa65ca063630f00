// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/lib/proc.h"
#include "lab/lib/vm.h"

/* How often a waiting driver looks for new console output. */
#define CONSOLE_MS 500
/* From QEMU's start to its vCPU threads; a checked L1 on a busy machine took 10 s. */
#define THREADS_LIMIT_MS 60000

#define FAIL(vm, ...) (snprintf((vm)->error, sizeof((vm)->error), __VA_ARGS__), -1)

void vm_config_init(struct vm_config *config)
{
	*config = (struct vm_config){
		.name = "vm",
		.qemu = getenv("COOP_QEMU"),
		.kernel = getenv("COOP_KERNEL"),
		.initrd = getenv("COOP_INITRD"),
		.accel = "kvm",
		.cpu = "host",
		.vcpus = 1,
		.mem = 256,
		.qemu_cpu = -1,
	};
}

int vm_build_args(struct vm_args *args, const struct vm_config *c, int port)
{
	char(*text)[PATH_MAX + 64] = args->text;

	args->list.n = 0;
	if (!c->qemu || !c->kernel || !c->initrd) {
		fprintf(stderr,
			"coop: COOP_QEMU, COOP_KERNEL and COOP_INITRD must name L2's files: run this in L1\n");
		return -1;
	}
	snprintf(text[0], sizeof(text[0]), "%u", c->vcpus);
	snprintf(text[1], sizeof(text[1]), "%u", c->mem);
	snprintf(text[2], sizeof(text[2]), "%s,debug-threads=on", c->name);
	snprintf(text[3], sizeof(text[3]), "console=ttyS0 loglevel=6 panic=-1 %s",
		 c->append ? c->append : "");
	proc_args_add(&args->list, c->qemu, "-L", "/usr/share/seabios", "-L", "/usr/share/qemu",
		      "-M", "pc,hpet=off", "-no-reboot");
	proc_args_add(&args->list, "-accel", c->accel, "-cpu", c->cpu, "-smp", text[0], "-m",
		      text[1], "-name", text[2]);
	proc_args_add(&args->list, "-vga", "none", "-display", "none", "-nodefaults");
	proc_args_add(&args->list, "-kernel", c->kernel, "-initrd", c->initrd, "-append", text[3]);
	if (port >= 0) {
		snprintf(text[4], sizeof(text[4]), "file:/run/coop/%s-console.log", c->name);
		snprintf(text[5], sizeof(text[5]), "socket,id=coop,fd=%d", port);
		proc_args_add(&args->list, "-serial", text[4], "-device", "virtio-serial-pci",
			      "-chardev", text[5]);
		proc_args_add(&args->list, "-device",
			      "virtserialport,chardev=coop,name=" RECORD_PORT);
	} else {
		proc_args_add(&args->list, "-chardev", "stdio,id=con,signal=off,mux=on", "-serial",
			      "chardev:con");
		proc_args_add(&args->list, "-mon", "con");
	}
	if (c->extra)
		proc_args_list(&args->list, (const char *const *)c->extra);
	return 0;
}

static void exec_qemu(const struct vm *vm, int port, pid_t parent)
{
	struct vm_args *args = malloc(sizeof(*args));

	proc_child_setup(parent, vm->config.qemu_cpu);
	fcntl(port, F_SETFD, 0);
	if (args && !vm_build_args(args, &vm->config, port)) {
		execv(args->list.argv[0], args->list.argv);
		fprintf(stderr, "coop: cannot start %s: %s\n", args->list.argv[0], strerror(errno));
	}
	_exit(127);
}

int vm_start(struct vm *vm, const struct vm_config *config)
{
	pid_t parent = getpid();
	int pair[2];

	memset(vm, 0, sizeof(*vm));
	vm->config = *config;
	vm->record_fd = record_fd();
	vm->port.fd = -1;
	snprintf(vm->console, sizeof(vm->console), "/run/coop/%.32s-console.log", config->name);
	if (config->vcpus < 1 || config->vcpus > VM_VCPUS_MAX)
		return FAIL(vm, "%u vCPUs: 1 to %d are possible", config->vcpus, VM_VCPUS_MAX);
	unlink(vm->console);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return FAIL(vm, "socketpair: %s", strerror(errno));
	vm->pid = fork();
	if (!vm->pid)
		exec_qemu(vm, pair[1], parent);
	close(pair[1]);
	record_stream_init(&vm->port, pair[0]);
	return vm->pid < 0 ? FAIL(vm, "fork: %s", strerror(errno)) : 0;
}

/*
 * What the guest's console said since the last time; the machine keeps it even if L1 hangs
 * afterwards.
 */
static void pass_console_on(struct vm *vm)
{
	int fd = open(vm->console, O_RDONLY | O_CLOEXEC);
	char name[80], buf[16384];
	ssize_t n;

	if (fd < 0)
		return;
	snprintf(name, sizeof(name), "l2/%.32s-console.log", vm->config.name);
	/* Even an empty console is something to look at. */
	if (!vm->console_sent)
		record_append(vm->record_fd, name, buf, 0);
	while ((n = pread(fd, buf, sizeof(buf), vm->console_sent)) > 0) {
		record_append(vm->record_fd, name, buf, n);
		vm->console_sent += n;
	}
	close(fd);
}

int vm_next(struct vm *vm, int timeout_ms, struct record *rec)
{
	long long end = proc_now_ns() + timeout_ms * 1000000ll;

	for (;;) {
		long long left = (end - proc_now_ns()) / 1000000;
		int ret = record_next(&vm->port,
				      left < 0		? 0 :
				      left < CONSOLE_MS ? (int)left :
							  CONSOLE_MS,
				      rec);

		if (ret)
			return ret < 0 ?
				       FAIL(vm,
					    "L2's QEMU has ended (its messages are in job-output.log)") :
				       ret;
		pass_console_on(vm);
		if (left <= 0)
			return 0;
	}
}

int vm_wait_hello(struct vm *vm, int limit_ms)
{
	struct record rec;
	int ret = vm_next(vm, limit_ms, &rec);

	if (ret < 0)
		return -1;
	if (!ret)
		return FAIL(vm, "L2 gave no sign of life within %d s", limit_ms / 1000);
	if (rec.type != RECORD_HELLO)
		return FAIL(vm, "L2 said something else than hello");
	snprintf(vm->release, sizeof(vm->release), "%s", rec.text);
	return 0;
}

/* QEMU names these threads "CPU 0/KVM" with debug-threads=on. */
static int vcpu_index(pid_t pid, const char *tid)
{
	char path[300];
	char *comm;
	int index = -1;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", pid, tid);
	comm = proc_read_file(path, NULL);
	if (!comm || sscanf(comm, "CPU %d/KVM", &index) != 1 || index >= VM_VCPUS_MAX)
		index = -1;
	free(comm);
	return index;
}

int vm_find_vcpus(struct vm *vm)
{
	unsigned int found = 0;
	struct dirent *e;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", vm->pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		int index = vcpu_index(vm->pid, e->d_name);

		if (index < 0)
			continue;
		vm->vcpu[index] = atoi(e->d_name);
		found++;
	}
	if (dir)
		closedir(dir);
	return found == vm->config.vcpus ?
		       0 :
		       FAIL(vm, "found %u of %u vCPU threads", found, vm->config.vcpus);
}

int vm_wait_vcpus(struct vm *vm)
{
	long long end = proc_now_ns() + THREADS_LIMIT_MS * 1000000ll;

	while (vm_find_vcpus(vm)) {
		if (proc_now_ns() > end)
			return -1;
		usleep(20000);
	}
	return 0;
}

int vm_pin_vcpu(struct vm *vm, unsigned int vcpu, int cpu)
{
	if (proc_pin(vm->vcpu[vcpu], cpu))
		return FAIL(vm, "cannot pin vCPU %u to pCPU %d: %s", vcpu, cpu, strerror(errno));
	return 0;
}

int vm_allow_vcpu(struct vm *vm, unsigned int vcpu, const cpu_set_t *cpus)
{
	if (sched_setaffinity(vm->vcpu[vcpu], sizeof(*cpus), cpus))
		return FAIL(vm, "cannot let vCPU %u run on %d pCPUs: %s", vcpu, CPU_COUNT(cpus),
			    strerror(errno));
	return 0;
}

int vm_pin_vcpus(struct vm *vm, int cpu)
{
	for (unsigned int i = 0; i < vm->config.vcpus; i++)
		if (vm_pin_vcpu(vm, i, cpu))
			return -1;
	return 0;
}

/* The first version of the kernel's struct sched_attr; the C library of Debian 12 has none. */
struct vm_sched_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

int vm_set_class(struct vm *vm, enum vm_class vm_class)
{
	struct vm_sched_attr attr = { .size = sizeof(attr) };

	if (vm_class == VM_CLASS_NORMAL)
		return 0;
	if (vm_class == VM_CLASS_FIFO) {
		attr.policy = SCHED_FIFO;
		attr.priority = VM_FIFO_PRIORITY;
	} else {
		attr.policy = SCHED_OTHER;
		attr.runtime = VM_SLICE_NS;
	}
	for (unsigned int i = 0; i < vm->config.vcpus; i++)
		if (syscall(SYS_sched_setattr, vm->vcpu[i], &attr, 0))
			return FAIL(vm, "cannot set the class of vCPU %u: %s", i, strerror(errno));
	return 0;
}

long long vm_vcpus_ns(const struct vm *vm)
{
	long long sum = 0;

	for (unsigned int i = 0; i < vm->config.vcpus; i++)
		sum += proc_thread_ns(vm->pid, vm->vcpu[i]);
	return sum;
}

void vm_stop(const struct vm *vm)
{
	kill(vm->pid, SIGSTOP);
}

void vm_cont(const struct vm *vm)
{
	kill(vm->pid, SIGCONT);
}

/* One directory per VM, named "<pid>-<fd>". */
long long vm_stat(const struct vm *vm, const char *name)
{
	DIR *dir = opendir("/sys/kernel/debug/kvm");
	long long value = -1;
	struct dirent *e;
	char path[600];

	while (dir && value < 0 && (e = readdir(dir))) {
		char *text;

		if (atoi(e->d_name) != vm->pid)
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%s/%s", e->d_name, name);
		text = proc_read_file(path, NULL);
		if (text)
			value = atoll(text);
		free(text);
	}
	if (dir)
		closedir(dir);
	return value;
}

void vm_take_over(struct vm *to, struct vm *from)
{
	record_stream_continue(&to->port, &from->port);
	pass_console_on(from);
}

int vm_job(struct vm *vm, char *const argv[])
{
	return record_job(vm->port.fd, argv) ? FAIL(vm, "cannot send a job to L2") : 0;
}

void vm_kill(struct vm *vm)
{
	proc_kill_group(vm->pid);
	vm->pid = 0;
	pass_console_on(vm);
	record_stream_free(&vm->port);
}

int vm_quit(struct vm *vm, int limit_ms)
{
	long long end = proc_now_ns() + limit_ms * 1000000ll;
	struct record rec;
	char name[80];
	int ret = 0;

	snprintf(name, sizeof(name), "l2/%.32s-dmesg.log", vm->config.name);
	record_quit(vm->port.fd);
	/* The stream ends when QEMU does. */
	while (proc_now_ns() < end) {
		ret = vm_next(vm, (end - proc_now_ns()) / 1000000, &rec);
		if (ret <= 0)
			break;
		if (rec.type == RECORD_FILE)
			record_data(vm->record_fd, name, rec.data, rec.size);
	}
	vm_kill(vm);
	return ret < 0 ? 0 : FAIL(vm, "L2 did not power off within %d s", limit_ms / 1000);
}
