// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/guestmode.h"

#define PLAIN_MODE(name, vm_class)                              \
	{                                                       \
		name, vm_class, "host", "kvm", "", false, false \
	}
#define COOP_MODE(name, accel, append, stock)                                         \
	{                                                                             \
		name, VM_CLASS_NORMAL, "host,kvm-coop=on", accel, append, true, stock \
	}

const struct guest_mode guest_modes[GUEST_MODES] = {
	PLAIN_MODE("vanilla", VM_CLASS_NORMAL),
	PLAIN_MODE("vanilla-aa", VM_CLASS_NORMAL),
	PLAIN_MODE("slice", VM_CLASS_SLICE),
	COOP_MODE("coop", "kvm,coop-policy=rt", "coop_module=kvm_coop_guest", false),
	COOP_MODE("coop-fair", "kvm,coop-policy=fair", "coop_module=kvm_coop_guest", false),
	PLAIN_MODE("static", VM_CLASS_FIFO),
	/* Debian's own kernel in the guest, with the module */
	COOP_MODE("coop-stock", "kvm,coop-policy=rt", "coop_module=kvm_coop_guest", true),
	/*
	 * A guest that always asks for a boost, and what it would get if it were not charged for
	 * it.
	 */
	COOP_MODE("rogue", "kvm,coop-policy=rt", "coop_module=coop_rogue,mode=always", false),
	COOP_MODE("rogue-nocharge", "kvm,coop-policy=rt,coop-charge=off",
		  "coop_module=coop_rogue,mode=always", false),
};

int guest_modes_switch(const struct driver_choice *modes)
{
	for (int i = 0; i < modes->n; i++) {
		const struct guest_mode *mode = modes->chosen[i];

		if (!mode->coop)
			continue;
		if (!driver_switch(true))
			return 0;
		fprintf(stderr,
			"coop: this host kernel has no kvm-coop: leave out the coop modes\n");
		return -1;
	}
	return 0;
}

struct stock_guest {
	char kernel[PATH_MAX], initrd[PATH_MAX];
};

/* Built by ./coop build guest-stock, beside the lab's own guest. */
static int use_stock_guest(struct vm_config *config, struct stock_guest *stock)
{
	const char *own = config->initrd ? config->initrd : "";
	const char *slash = strrchr(own, '/');
	int dir = slash ? (int)(slash - own + 1) : 0;

	snprintf(stock->kernel, sizeof(stock->kernel), "%.*sstock-vmlinuz", dir, own);
	snprintf(stock->initrd, sizeof(stock->initrd), "%.*sl2-stock.cpio.gz", dir, own);
	if (access(stock->kernel, R_OK) || access(stock->initrd, R_OK)) {
		fprintf(stderr, "coop: no stock guest (%s): run ./coop build guest-stock\n",
			stock->kernel);
		return -1;
	}
	config->kernel = stock->kernel;
	config->initrd = stock->initrd;
	return 0;
}

int guest_pcpu(unsigned int i)
{
	return (CPU_GUEST + i) % sysconf(_SC_NPROCESSORS_ONLN);
}

static int unpin(struct vm *vm, unsigned int vcpus, unsigned int pcpus)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (unsigned int i = 0; i < pcpus; i++)
		CPU_SET(guest_pcpu(i), &set);
	for (unsigned int i = 0; i < vcpus; i++)
		if (vm_allow_vcpu(vm, i, &set))
			return -1;
	return 0;
}

static int place(struct vm *vm, const struct guest_boot *boot)
{
	unsigned int pcpus = boot->pcpus ? boot->pcpus : 1;

	if (vm_find_vcpus(vm))
		return -1;
	for (unsigned int i = 0; i < boot->vcpus; i++)
		if (vm_pin_vcpu(vm, i, guest_pcpu(i % pcpus)))
			return -1;
	return boot->unpinned ? unpin(vm, boot->vcpus, pcpus) : 0;
}

int guest_boot(struct vm *vm, const struct guest_mode *mode, const struct guest_boot *boot,
	       bool *hung)
{
	struct stock_guest stock;
	struct vm_config config;
	char append[1024];

	vm_config_init(&config);
	snprintf(append, sizeof(append), "coop_role=l2 %s %s", mode->append,
		 boot->append ? boot->append : "");
	config.name = boot->name;
	config.cpu = mode->cpu;
	config.accel = mode->accel;
	config.append = append;
	config.extra = boot->extra;
	config.vcpus = boot->vcpus;
	config.qemu_cpu = CPU_REST;
	*hung = false;
	if (boot->initrd)
		config.initrd = boot->initrd;
	else if (mode->stock && use_stock_guest(&config, &stock))
		return -1;
	if (vm_start(vm, &config))
		return -1;
	*hung = vm_wait_hello(vm, boot->limit * 1000);
	if (*hung)
		return -1;
	return place(vm, boot) ? -1 : vm_set_class(vm, mode->vm_class);
}
