// SPDX-License-Identifier: GPL-2.0
/* The table, and JSON: one object and one line per refresh. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/coopstat/coopstat.h"

static const struct {
	const char *head;
	enum counter counter;
} columns[] = {
	{ "irq", COUNTER_boosts_irq },	    { "rt", COUNTER_boosts_rt },
	{ "throttled", COUNTER_throttles }, { "deferred", COUNTER_deferrals },
	{ "notified", COUNTER_notified },   { "yields", COUNTER_yields },
	{ "preempted", COUNTER_preempted },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static int width(size_t column)
{
	return strlen(columns[column].head) > 7 ? 10 : 8;
}

void format_head(char *line)
{
	int n = snprintf(line, LINE_MAX_LEN, "%-20.20s %4s %7s %7s %7s %7s %9s %9s", "VM", "vCPU",
			 "run%", "wait%", "block%", "boost%", "run/us", "wait/us");

	for (size_t i = 0; i < COLUMNS; i++)
		n += snprintf(line + n, LINE_MAX_LEN - n, "%*s", width(i), columns[i].head);
}

static void label(char *text, size_t size, const struct vm *vm)
{
	snprintf(text, size, "%.12s:%d", vm->name, vm->pid);
}

static int format_counters(char *line, int n, const struct rates *r, const struct sample *s,
			   const struct view *view)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		double value = r->counter[columns[i].counter];

		if (!s->has_counters)
			n += snprintf(line + n, LINE_MAX_LEN - n, "%*s", width(i), "-");
		else if (view->per_second)
			n += snprintf(line + n, LINE_MAX_LEN - n, "%*.1f", width(i),
				      value / r->seconds);
		else
			n += snprintf(line + n, LINE_MAX_LEN - n, "%*.0f", width(i), value);
	}
	return n;
}

void format_vcpu(char *line, const struct vm *vm, const struct vcpu *vcpu, const struct view *view)
{
	struct rates r;
	char name[40];
	int n;

	label(name, sizeof(name), vm);
	if (!history_rates(&vcpu->history, view->average_ns, &r)) {
		snprintf(line, LINE_MAX_LEN, "%-20.20s %4d %7s", name, vcpu->id, "-");
		return;
	}
	n = snprintf(line, LINE_MAX_LEN, "%-20.20s %4d %7.2f %7.2f %7.2f %7.2f %9.0f %9.0f", name,
		     vcpu->id, 100 * r.running, 100 * r.waiting, 100 * r.blocked, 100 * r.boosted,
		     r.run_us, r.wait_us);
	format_counters(line, n, &r, history_last(&vcpu->history), view);
}

void format_io(char *line, const struct vm *vm, const struct view *view)
{
	struct rates r;
	char name[40];

	label(name, sizeof(name), vm);
	if (history_rates(&vm->io, view->average_ns, &r))
		snprintf(line, LINE_MAX_LEN, "%-20.20s %4s %7.2f", name, "I/O", 100 * r.running);
	else
		snprintf(line, LINE_MAX_LEN, "%-20.20s %4s %7s", name, "I/O", "-");
}

void show_plain(const struct vms *vms, const struct view *view)
{
	char line[LINE_MAX_LEN], text[40];
	time_t now = time(NULL);

	strftime(text, sizeof(text), "%F %T", localtime(&now));
	format_head(line);
	printf("%s  %d VM%s\n%s\n", text, vms->n, vms->n == 1 ? "" : "s", line);
	for (int i = 0; i < vms->n; i++) {
		const struct vm *vm = &vms->vm[i];

		for (int j = 0; j < vm->vcpus; j++) {
			format_vcpu(line, vm, &vm->vcpu[j], view);
			puts(line);
		}
		format_io(line, vm, view);
		puts(line);
	}
	putchar('\n');
	fflush(stdout);
}

static json_t *counters_json(const uint64_t *counter)
{
	json_t *object = json_object();

	for (int i = 0; i < COUNTER_NR; i++)
		json_object_set_new(object, counter_names[i], json_integer(counter[i]));
	return object;
}

static json_t *total_json(const struct sample *s)
{
	json_t *total = json_pack("{s:I, s:I, s:I}", "run_ns", (json_int_t)s->run_ns, "wait_ns",
				  (json_int_t)s->wait_ns, "executions", (json_int_t)s->executions);

	json_object_set_new(total, "counters",
			    s->has_counters ? counters_json(s->counter) : json_null());
	return total;
}

static json_t *vcpu_json(const struct vcpu *vcpu, const struct view *view)
{
	const struct sample *s = history_last(&vcpu->history);
	json_t *object = json_pack("{s:i, s:i, s:o}", "vcpu", vcpu->id, "tid", vcpu->tid, "total",
				   total_json(s));
	struct rates r;

	if (!history_rates(&vcpu->history, view->average_ns, &r))
		return object;
	json_object_update_new(object,
			       json_pack("{s:f, s:f, s:f, s:f, s:f, s:I, s:f, s:f}", "seconds",
					 r.seconds, "running", r.running, "waiting", r.waiting,
					 "blocked", r.blocked, "boosted", r.boosted, "executions",
					 (json_int_t)r.executions, "run_per_execution_us", r.run_us,
					 "wait_per_execution_us", r.wait_us));
	json_object_set_new(object, "counters",
			    s->has_counters ? counters_json(r.counter) : json_null());
	return object;
}

static json_t *vm_json(const struct vm *vm, const struct view *view)
{
	json_t *vcpus = json_array(), *object;
	struct rates r;

	for (int i = 0; i < vm->vcpus; i++)
		json_array_append_new(vcpus, vcpu_json(&vm->vcpu[i], view));
	object = json_pack("{s:s, s:i, s:o}", "name", vm->name, "pid", vm->pid, "vcpus", vcpus);
	if (history_rates(&vm->io, view->average_ns, &r))
		json_object_set_new(object, "io", json_real(r.running));
	return object;
}

int show_json(const struct vms *vms, const struct view *view)
{
	json_t *list = json_array(), *object;
	struct timespec now;
	int ret;

	clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 0; i < vms->n; i++)
		json_array_append_new(list, vm_json(&vms->vm[i], view));
	object = json_pack("{s:f, s:o}", "time", now.tv_sec + now.tv_nsec / 1e9, "vms", list);
	ret = !object || json_dumpf(object, stdout, JSON_COMPACT) ? -1 : 0;
	json_decref(object);
	putchar('\n');
	return fflush(stdout) ? -1 : ret;
}
