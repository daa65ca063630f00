// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
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

static int setting_change(struct driver_setting *s, long long value, const char *what)
{
	char text[24];

	s->before = proc_read_file(s->path, NULL);
	snprintf(text, sizeof(text), "%lld", value);
	if (s->before && !proc_write_file(s->path, text))
		return 0;
	fprintf(stderr, "coop: cannot set %s to %lld: %s: %s\n", what, value, s->path,
		strerror(errno));
	free(s->before);
	s->before = NULL;
	return -1;
}

int driver_allow_grace(int us, struct driver_setting *s)
{
	char *ceiling;
	int ret = 0;

	*s = (struct driver_setting){ "/sys/module/kvm/parameters/coop_max_grace_us", NULL };
	ceiling = proc_read_file(s->path, NULL);
	if (!ceiling || atoi(ceiling) < us)
		ret = setting_change(s, us, "the ceiling of a grace in us");
	free(ceiling);
	return ret;
}

int driver_set_slice(int us, struct driver_setting *s)
{
	*s = (struct driver_setting){ "/sys/kernel/debug/sched/base_slice_ns", NULL };
	if (!us)
		return 0;
	return setting_change(s, us * 1000ll, "the host's time slice in ns");
}

void driver_restore(struct driver_setting *s)
{
	if (s->before)
		proc_write_file(s->path, s->before);
	free(s->before);
	s->before = NULL;
}

static const void *entry(const struct driver_choice *c, int i)
{
	return (const char *)c->table + i * c->size;
}

static const char *name_of(const void *entry)
{
	return *(const char *const *)entry;
}

static const void *find(const struct driver_choice *c, const char *name)
{
	for (int i = 0; i < c->known; i++)
		if (!strcmp(name_of(entry(c, i)), name))
			return entry(c, i);
	return NULL;
}

static void choose(struct driver_choice *c, const void *entry)
{
	for (int i = 0; i < c->n; i++)
		if (c->chosen[i] == entry)
			return;
	if (c->n < DRIVER_CHOSEN_MAX)
		c->chosen[c->n++] = entry;
}

static int unknown(const struct driver_choice *c, const char *name)
{
	fprintf(stderr, "coop: unknown %s '%s': expected one of", c->what, name);
	for (int i = 0; i < c->known; i++)
		fprintf(stderr, " %s", name_of(entry(c, i)));
	fprintf(stderr, "\n");
	return -1;
}

int driver_choose(struct driver_choice *c, const char *list)
{
	char *copy = strdup(list);
	int ret = copy ? 0 : -1;

	for (char *word = copy ? strtok(copy, ",") : NULL; word && !ret; word = strtok(NULL, ",")) {
		const void *found = find(c, word);

		if (found)
			choose(c, found);
		else
			ret = unknown(c, word);
	}
	free(copy);
	return ret;
}

void driver_choose_twins(struct driver_choice *c)
{
	for (int i = c->n - 1; i >= 0; i--) {
		const void *twin;
		char name[64];

		snprintf(name, sizeof(name), "%s-aa", name_of(c->chosen[i]));
		twin = find(c, name);
		if (twin)
			choose(c, twin);
	}
}

int driver_rounds(const struct driver_choice *modes, int n,
		  int (*measure)(void *arg, const void *mode, int round), void *arg)
{
	for (int round = 0; round < n; round++)
		for (int i = 0; i < modes->n; i++)
			if (measure(arg, modes->chosen[(i + round) % modes->n], round + 1))
				return -1;
	return 0;
}

void driver_metric(json_t *metrics, const char *name, double value)
{
	json_object_set_new(metrics, name, json_real(value));
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

void driver_send_counters(int fd, const struct vm *vm)
{
	static const char *const counters[] = {
		"exits",
		"hypercalls",
		"halt_exits",
		"irq_exits",
		"coop_boosts_irq",
		"coop_boosts_rt",
		"coop_boosts_kept",
		"coop_refused_debt",
		"coop_refused_class",
		"coop_refused_budget",
		"coop_throttles",
		"coop_ends_yield",
		"coop_ends_exit",
		"coop_ends_expired",
		"coop_ends_wakeup",
		"coop_ends_user",
		"coop_yields",
		"coop_boosted_ns",
		"coop_preempted",
		"coop_preempted_critical",
		"coop_spread",
		"coop_page_misses",
	};
	char text[2048], file[100];
	int len = 0;

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		len += snprintf(text + len, sizeof(text) - len, "%-24s %lld\n", counters[i],
				vm_stat(vm, counters[i]));
	snprintf(file, sizeof(file), "l2/%s-counters.txt", vm->config.name);
	record_data(fd, file, text, len);
}
