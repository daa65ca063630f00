// SPDX-License-Identifier: GPL-2.0
/* Which VMs and vCPUs there are, and what /proc says of their threads. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/lib/proc.h"
#include "tools/coopstat/coopstat.h"

#define KVM_DIR "/sys/kernel/debug/kvm"

int scan_check(void)
{
	DIR *dir = opendir(KVM_DIR);

	if (!dir) {
		fprintf(stderr,
			"coop: cannot read " KVM_DIR
			": %s: run as root, with debugfs mounted and KVM loaded\n",
			strerror(errno));
		return -1;
	}
	closedir(dir);
	return 0;
}

/* What "-name" of QEMU says, "guest=" or not; other VMMs go by their program's name. */
static void find_name(struct vm *vm)
{
	char path[64], *text, *p, *name = NULL;
	size_t size = 0;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", vm->pid);
	text = proc_read_file(path, &size);
	for (p = text; p && p < text + size && !name; p += strlen(p) + 1)
		if (!strcmp(p, "-name") && p + 6 < text + size)
			name = p + 6;
	if (name) {
		name += strncmp(name, "guest=", 6) ? 0 : 6;
		snprintf(vm->name, sizeof(vm->name), "%.*s", (int)strcspn(name, ","), name);
	}
	free(text);
	if (*vm->name)
		return;
	snprintf(path, sizeof(path), "/proc/%d/comm", vm->pid);
	text = proc_read_file(path, NULL);
	snprintf(vm->name, sizeof(vm->name), "%.*s", (int)strcspn(text ? text : "", "\n"),
		 text ? text : "");
	free(text);
}

/* Directories of VMs are called PID-FD. */
static bool vm_dir(const char *name, pid_t *pid)
{
	int end = 0;

	return isdigit((unsigned char)*name) && sscanf(name, "%d-%*d%n", pid, &end) == 1 && end &&
	       !name[end];
}

static struct vm *find_vm(struct vms *vms, pid_t pid, const char *dir)
{
	struct vm *vm;

	for (int i = 0; i < vms->n; i++)
		if (!strcmp(vms->vm[i].dir, dir))
			return &vms->vm[i];
	vm = realloc(vms->vm, (vms->n + 1) * sizeof(*vm));
	if (!vm)
		return NULL;
	vms->vm = vm;
	vm += vms->n++;
	memset(vm, 0, sizeof(*vm));
	vm->pid = pid;
	snprintf(vm->dir, sizeof(vm->dir), "%.31s", dir);
	find_name(vm);
	return vm;
}

static struct vcpu *find_vcpu(struct vm *vm, int id)
{
	struct vcpu *vcpu;

	for (int i = 0; i < vm->vcpus; i++)
		if (vm->vcpu[i].id == id)
			return &vm->vcpu[i];
	vcpu = realloc(vm->vcpu, (vm->vcpus + 1) * sizeof(*vcpu));
	if (!vcpu)
		return NULL;
	vm->vcpu = vcpu;
	vcpu += vm->vcpus++;
	memset(vcpu, 0, sizeof(*vcpu));
	vcpu->id = id;
	vcpu->stats_fd = -1;
	return vcpu;
}

static int read_schedstat(pid_t pid, pid_t tid, struct sample *s)
{
	unsigned long long run, wait, executions;
	char path[80];
	char *text;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid, tid);
	text = proc_read_file(path, NULL);
	n = text ? sscanf(text, "%llu %llu %llu", &run, &wait, &executions) : 0;
	free(text);
	if (n != 3)
		return -1;
	s->at_ns = proc_now_ns();
	s->run_ns += run;
	s->wait_ns += wait;
	s->executions += executions;
	return 0;
}

static void scan_vcpu(struct vm *vm, int id)
{
	struct vcpu *vcpu = find_vcpu(vm, id);
	struct sample s = { 0 };
	char path[120];
	pid_t tid = 0;
	char *text;

	snprintf(path, sizeof(path), KVM_DIR "/%s/vcpu%d/pid", vm->dir, id);
	text = proc_read_file(path, NULL);
	if (text)
		tid = atoi(text);
	free(text);
	/* no thread has run it yet; or a thread of the past did */
	if (!vcpu || !tid || read_schedstat(vm->pid, tid, &s))
		return;
	if (vcpu->tid != tid)
		vcpu->history.n = 0;
	vcpu->tid = tid;
	vcpu->seen = true;
	s.has_counters = !stats_read(vm->pid, vcpu, &s);
	history_add(&vcpu->history, &s);
}

static bool is_vcpu_thread(const struct vm *vm, pid_t tid)
{
	for (int i = 0; i < vm->vcpus; i++)
		if (vm->vcpu[i].tid == tid)
			return true;
	return false;
}

static void scan_io(struct vm *vm)
{
	const struct sample *last = history_last(&vm->io);
	struct sample s = { .at_ns = proc_now_ns() };
	struct dirent *e;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", vm->pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (isdigit((unsigned char)*e->d_name) && !is_vcpu_thread(vm, atoi(e->d_name)))
			read_schedstat(vm->pid, atoi(e->d_name), &s);
	if (dir)
		closedir(dir);
	/* a worker that ended takes its time with it */
	if (last && s.run_ns < last->run_ns)
		s.run_ns = last->run_ns;
	history_add(&vm->io, &s);
}

static int by_id(const void *a, const void *b)
{
	return ((const struct vcpu *)a)->id - ((const struct vcpu *)b)->id;
}

static void scan_vm(struct vm *vm)
{
	char path[64];
	struct dirent *e;
	DIR *dir;
	int n = 0, id;

	for (int i = 0; i < vm->vcpus; i++)
		vm->vcpu[i].seen = false;
	snprintf(path, sizeof(path), KVM_DIR "/%s", vm->dir);
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (sscanf(e->d_name, "vcpu%d", &id) == 1)
			scan_vcpu(vm, id);
	if (dir)
		closedir(dir);
	for (int i = 0; i < vm->vcpus; i++)
		if (vm->vcpu[i].seen)
			vm->vcpu[n++] = vm->vcpu[i];
	vm->vcpus = n;
	qsort(vm->vcpu, n, sizeof(*vm->vcpu), by_id);
	vm->seen = n > 0;
	if (vm->seen)
		scan_io(vm);
}

static int by_pid(const void *a, const void *b)
{
	const struct vm *x = a, *y = b;

	return x->pid != y->pid ? x->pid - y->pid : strcmp(x->dir, y->dir);
}

static void remove_gone(struct vms *vms)
{
	int n = 0;

	for (int i = 0; i < vms->n; i++) {
		if (vms->vm[i].seen)
			vms->vm[n++] = vms->vm[i];
		else
			free(vms->vm[i].vcpu);
	}
	vms->n = n;
	qsort(vms->vm, n, sizeof(*vms->vm), by_pid);
}

int scan(struct vms *vms)
{
	DIR *dir = opendir(KVM_DIR);
	struct dirent *e;
	pid_t pid;

	if (!dir)
		return -1;
	for (int i = 0; i < vms->n; i++)
		vms->vm[i].seen = false;
	while ((e = readdir(dir))) {
		struct vm *vm = vm_dir(e->d_name, &pid) ? find_vm(vms, pid, e->d_name) : NULL;

		if (vm)
			scan_vm(vm);
	}
	closedir(dir);
	remove_gone(vms);
	return 0;
}

void scan_free(struct vms *vms)
{
	for (int i = 0; i < vms->n; i++)
		free(vms->vm[i].vcpu);
	free(vms->vm);
	*vms = (struct vms){ 0 };
}
