// SPDX-License-Identifier: GPL-2.0
/* Context switches need a Linux guest, with and without kvm-coop's module. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/driver.h"
#include "bench/overhead/bench.h"
#include "bench/overhead/machine.h"
#include "lab/lib/vm.h"

#define SWITCHES "100" /* per batch */
#define SAMPLES_PER_BATCH 10
#define BATCHES_MAX 1000
#define BOOT_LIMIT_MS 60000
#define JOB_LIMIT_MS 60000
#define QUIT_LIMIT_MS 30000
#define SETTLE_US 300000

static const char *const kinds[] = { "switch", "switch_rt" };

struct answer {
	double ns[2][BATCHES_MAX];
	size_t n[2];
	bool module; /* loaded, so the guest is registered */
};

static int boot(struct bench *b, struct vm *vm, const struct mode *mode)
{
	struct vm_config config;

	vm_config_init(&config);
	config.name = mode->name;
	config.vcpus = 1;
	config.qemu_cpu = CPU_REST;
	config.cpu = mode->coop ? "host,kvm-coop=on" : "host";
	config.accel = mode->coop ? "kvm,coop-policy=rt" : "kvm";
	config.append = mode->coop ? "coop_role=l2 coop_module=kvm_coop_guest" : "coop_role=l2";
	if (vm_start(vm, &config) || vm_wait_hello(vm, BOOT_LIMIT_MS) || vm_find_vcpus(vm) ||
	    vm_pin_vcpus(vm, CPU_GUEST))
		return FAIL(b, "%s", vm->error);
	return 0;
}

static void parse_times(struct answer *a, const char *text)
{
	char name[16];
	double ns;

	for (; sscanf(text, "%15s %lf", name, &ns) == 2; text = strchr(text, '\n') + 1)
		for (int k = 0; k < 2; k++)
			if (!strcmp(name, kinds[k]) && a->n[k] < BATCHES_MAX)
				a->ns[k][a->n[k]++] = ns;
}

static int take_file(struct bench *b, struct answer *a, const struct record *rec)
{
	char *text = strndup(rec->data, rec->size);

	if (!text)
		return FAIL(b, "out of memory");
	if (!strcmp(rec->text, "switch.txt"))
		parse_times(a, text);
	else if (!strcmp(rec->text, "modules.txt"))
		a->module = strstr(text, "kvm_coop_guest 0\n");
	free(text);
	return 0;
}

/* Until the guest's verdict. */
static int run_job(struct bench *b, struct vm *vm, struct answer *a)
{
	char batches[16];
	char *argv[] = { "@switch", SWITCHES, batches, NULL };
	struct record rec;
	int ret;

	snprintf(batches, sizeof(batches), "%d", b->o->samples / SAMPLES_PER_BATCH);
	if (vm_job(vm, argv))
		return FAIL(b, "%s", vm->error);
	while ((ret = vm_next(vm, JOB_LIMIT_MS, &rec)) > 0) {
		if (rec.type == RECORD_FILE && take_file(b, a, &rec))
			return -1;
		if (rec.type == RECORD_VERDICT)
			return rec.pass ? 0 : FAIL(b, "L2: %s", rec.text);
	}
	return ret ? FAIL(b, "%s", vm->error) : FAIL(b, "L2 does not answer");
}

static int add_answer(struct bench *b, struct vm *vm, const struct mode *mode,
		      const struct answer *a, json_t *metrics)
{
	long long boosts = vm_stat(vm, "coop_boosts_irq") + vm_stat(vm, "coop_boosts_rt");

	if (!a->n[0] || !a->n[1])
		return FAIL(b, "L2 sent no times");
	if (mode->coop != a->module)
		return FAIL(b, "L2's module kvm_coop_guest is %s",
			    a->module ? "loaded" : "missing");
	for (int k = 0; k < 2; k++)
		bench_add_times(metrics, kinds[k], a->ns[k], a->n[k]);
	json_object_set_new(metrics, "boosts_count", json_integer(boosts));
	return 0;
}

static int measure_guest(struct bench *b, struct vm *vm, const struct mode *mode, json_t *metrics)
{
	struct answer *a = calloc(1, sizeof(*a));
	int ret = a ? 0 : FAIL(b, "out of memory");

	usleep(SETTLE_US);
	if (!ret)
		ret = run_job(b, vm, a);
	if (!ret)
		ret = add_answer(b, vm, mode, a, metrics);
	free(a);
	return ret;
}

int measure_switch(struct bench *b, const struct mode *mode, json_t *metrics)
{
	struct machine other = MACHINE_NONE;
	struct vm vm;
	int ret;

	if (driver_switch(mode->coop || mode->other))
		return FAIL(b, "this host kernel has no kvm-coop");
	if (mode->other && machine_create(&other, true))
		return FAIL(b, "%s", other.error);
	ret = boot(b, &vm, mode);
	if (!ret)
		ret = measure_guest(b, &vm, mode, metrics);
	if (ret)
		vm_kill(&vm);
	else if (vm_quit(&vm, QUIT_LIMIT_MS))
		ret = FAIL(b, "%s", vm.error);
	machine_destroy(&other);
	return ret;
}
