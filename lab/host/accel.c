// SPDX-License-Identifier: GPL-2.0
/*
 * A /dev/kvm node alone proves nothing: L1 must be able to run KVM itself, so the processor needs
 * svm or vmx, the module must allow nesting, and creating a VM must work.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lab/host/lab.h"
#include "lab/lib/proc.h"

static bool cpu_has_virtualization(void)
{
	char *info = proc_read_file("/proc/cpuinfo", NULL);
	char *flags = info ? strstr(info, "\nflags") : NULL;
	bool ret = false;

	if (flags) {
		flags[1 + strcspn(flags + 1, "\n")] = 0;
		ret = strstr(flags, " svm") || strstr(flags, " vmx");
	}
	free(info);
	return ret;
}

static bool nesting_allowed(void)
{
	static const char *const params[] = {
		"/sys/module/kvm_amd/parameters/nested",
		"/sys/module/kvm_intel/parameters/nested",
	};

	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		char *text = proc_read_file(params[i], NULL);
		bool on = text && (*text == 'Y' || *text == '1');

		free(text);
		if (on)
			return true;
	}
	return false;
}

static bool vm_can_be_created(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = -1;

	if (kvm >= 0 && ioctl(kvm, KVM_GET_API_VERSION, 0) == KVM_API_VERSION)
		vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm >= 0)
		close(vm);
	if (kvm >= 0)
		close(kvm);
	return vm >= 0;
}

static const char *why_not_kvm(void)
{
	if (access("/dev/kvm", F_OK))
		return "there is no /dev/kvm";
	if (access("/dev/kvm", R_OK | W_OK))
		return "/dev/kvm is not accessible to this user";
	if (!cpu_has_virtualization())
		return "the processor shows neither svm nor vmx";
	if (!vm_can_be_created())
		return "/dev/kvm cannot create a VM";
	if (!nesting_allowed())
		return "the kvm module does not allow nesting (parameter nested)";
	return NULL;
}

int accel_choose(struct lab_options *o)
{
	const char *why = strcmp(o->accel, "tcg") ? why_not_kvm() : "asked for";

	if (!strcmp(o->accel, "kvm") && why) {
		fprintf(stderr, "coop: no KVM for the lab: %s: use --accel tcg\n", why);
		return -1;
	}
	o->accel = why ? "tcg" : "kvm";
	if (o->quiet)
		return 0;
	if (why)
		fprintf(stderr,
			"coop: lab: accelerator TCG (emulated AMD SVM; %s): L1 boots in about 5 s\n",
			why);
	else
		fprintf(stderr, "coop: lab: accelerator KVM with nesting: L1 boots in about 2 s\n");
	return 0;
}
