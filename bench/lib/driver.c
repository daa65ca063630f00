// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/driver.h"
#include "lab/lib/proc.h"
#include "lab/lib/record.h"

int driver_check_machine(void)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) <= CPU_GUEST) {
		fprintf(stderr, "coop: this needs 2 pCPUs: one for the guest and its co-tenants, "
				"one for the rest\n");
		return -1;
	}
	if (access("/dev/kvm", R_OK | W_OK)) {
		fprintf(stderr, "coop: this kernel has no KVM: run it in L1, with coop-lab\n");
		return -1;
	}
	return proc_pin(0, CPU_REST);
}

int driver_switch(bool on)
{
	return proc_write_file("/sys/module/kvm/parameters/coop", on ? "1" : "0");
}

int driver_list(const char *list, int (*add)(void *arg, const char *word), void *arg)
{
	char *copy = strdup(list);
	int ret = copy ? 0 : -1;

	for (char *word = copy ? strtok(copy, ",") : NULL; word && !ret; word = strtok(NULL, ","))
		ret = add(arg, word);
	free(copy);
	return ret;
}

int driver_send_parameters(int fd, json_t *parameters)
{
	char *text = parameters ? json_dumps(parameters, JSON_INDENT(2)) : NULL;
	int ret = text ? record_data(fd, "parameters.json", text, strlen(text)) : -1;

	free(text);
	json_decref(parameters);
	if (ret)
		fprintf(stderr, "coop: cannot send the parameters\n");
	return ret;
}

int driver_send_run(int fd, json_t *run)
{
	char *line = run ? json_dumps(run, JSON_COMPACT | JSON_REAL_PRECISION(7)) : NULL;
	int ret = line ? record_run(fd, line) : -1;

	free(line);
	json_decref(run);
	return ret;
}
