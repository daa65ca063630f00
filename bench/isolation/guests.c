// SPDX-License-Identifier: GPL-2.0
/* The two guests: one is honest, one is not. */
#include <stdio.h>
#include <string.h>

#include "bench/isolation/bench.h"
#include "lab/lib/proc.h"

#define QUIT_LIMIT_MS 30000

/* The vCPUs begin on different pCPUs, or one guest would boot at half the speed. */
static int start(struct bench *b, struct vm *vm, const char *name, const char *accel,
		 const struct mode *mode, unsigned int vcpus, int boot_cpu, const char *append)
{
	/*
	 * Or the host fills huge pages while it is measured, wherever an abuse makes it read what
	 * the guest has not touched yet: in an emulator 5 ms without a timer interrupt each.
	 */
	static char *const prealloc[] = { "-mem-prealloc", NULL };
	struct vm_config config;
	char words[200];

	snprintf(words, sizeof(words), "coop_role=l2 %s", append);
	vm_config_init(&config);
	config.name = name;
	config.cpu = mode->cpu;
	config.accel = accel;
	config.append = words;
	config.vcpus = vcpus;
	config.qemu_cpu = CPU_REST;
	config.extra = prealloc;
	if (b->o->guest_kernel)
		config.kernel = b->o->guest_kernel;
	if (vm_start(vm, &config) || vm_wait_vcpus(vm) || vm_pin_vcpus(vm, boot_cpu))
		return FAIL(b, "%s: %s", name, vm->error);
	return 0;
}

/*
 * Where something is measured all vCPUs compete for one pCPU. Where the host only has to survive
 * they are spread: two of them use one page at the same time only there, and on a checked host the
 * ticks of two may take more than a pCPU, so that neither gets anything done.
 */
static int place(struct bench *b, struct vm *vm)
{
	for (unsigned int i = 0; i < vm->config.vcpus; i++)
		if (vm_pin_vcpu(vm, i, b->o->abuse_only && i % 2 ? CPU_REST : CPU_GUEST))
			return -1;
	return 0;
}

static int booted(struct bench *b, struct vm *vm)
{
	if (vm_wait_hello(vm, b->o->boot_limit * 1000) || place(b, vm))
		return FAIL(b, "%s: %s", vm->config.name, vm->error);
	return 0;
}

int guests_boot(struct bench *b, const struct mode *mode, int round)
{
	static char honest[64], abuser[64]; /* as long as the guests live */
	bool both = !b->o->abuse_only;

	snprintf(honest, sizeof(honest), "honest-%s-%d", mode->name, round);
	snprintf(abuser, sizeof(abuser), "abuser-%s-%d", mode->name, round);
	/* On a checked host a guest can starve itself for longer than its watchdog likes. */
	if (start(b, &b->abuser, abuser, mode->abuser_accel, mode, ABUSER_VCPUS, CPU_GUEST,
		  both ? "maxcpus=1" : "maxcpus=1 nowatchdog") ||
	    (both &&
	     start(b, &b->honest, honest, mode->honest_accel, mode, 1, CPU_REST, mode->append)))
		return -1;
	return booted(b, &b->abuser) || (both && booted(b, &b->honest)) ? -1 : 0;
}

static int quit(struct bench *b, struct vm *vm)
{
	int ret = 0;

	if (vm->pid > 0 && vm_quit(vm, QUIT_LIMIT_MS))
		ret = FAIL(b, "%s: %s", vm->config.name, vm->error);
	vm->pid = 0;
	return ret;
}

int guests_quit(struct bench *b)
{
	int ret = quit(b, &b->honest);

	return quit(b, &b->abuser) || ret ? -1 : 0;
}

void guests_kill(struct bench *b)
{
	if (b->honest.pid > 0)
		vm_kill(&b->honest);
	if (b->abuser.pid > 0)
		vm_kill(&b->abuser);
}

/* A shell script in the abusive guest; it has to succeed. */
static int run_script(struct bench *b, char *script)
{
	long long end = proc_now_ns() + b->o->result_limit * 1000000000ll;
	char *argv[] = { "sh", "-ec", script, NULL };
	struct vm *vm = &b->abuser;
	struct record rec;
	int ret;

	if (vm_job(vm, argv))
		return FAIL(b, "abuser: %s", vm->error);
	while ((ret = vm_next(vm, (end - proc_now_ns()) / 1000000, &rec)) > 0)
		if (rec.type == RECORD_VERDICT)
			return rec.pass ? 0 : FAIL(b, "abuser: %s", rec.text);
	return ret ? FAIL(b, "abuser: %s", vm->error) :
		     FAIL(b, "the abusive guest hung: no answer within %d s", b->o->result_limit);
}

int abuse_begin(struct bench *b, const struct bench_case *c, int seed)
{
	char script[512];

	/* A job's words have neither tabs nor ends of lines. */
	snprintf(script, sizeof(script),
		 "for c in $(busybox seq 1 %d); do "
		 "f=/sys/devices/system/cpu/cpu$c/online want=$((c < %d)); "
		 "[ $(cat $f) -eq $want ] || echo $want >$f; done; "
		 "busybox insmod /lib/modules/coop/coop_rogue.ko mode=%s seed=%d",
		 ABUSER_VCPUS - 1, c->vcpus, c->module_mode, seed);
	return run_script(b, script);
}

int abuse_end(struct bench *b)
{
	char script[] = "busybox rmmod coop_rogue";

	return run_script(b, script);
}
