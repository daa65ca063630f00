// SPDX-License-Identifier: GPL-2.0
/*
 * coop-guest-notify: tasks that lose their CPU, seen from inside of them. CPU 0 is interfered with
 * by the host, CPU 1 idles. A task that may leave has to be moved to CPU 1; who must not has to
 * stay. Runs in a guest with the module. Prints "NAME VALUE" lines, which are notify.txt.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/include/uapi/linux/kvm_coop.h"
#include "lab/lib/proc.h"
#include "lab/lib/record.h"

#define STATS "/sys/kernel/debug/kvm_coop_guest/stats"
#define CPU1_ONLINE "/sys/devices/system/cpu/cpu1/online"

#define STAY_NS 2000000000ll
#define TRIES 10
#define TRY_NS 400000000ll
#define TOGGLES 6
/* Many ticks. */
#define WOKEN_US 40000

/* CPUs 0 and 1. */
static void allow(bool first, bool second)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (first)
		CPU_SET(0, &set);
	if (second)
		CPU_SET(1, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Does CPU 1 ask for a boost? */
static bool requests(void)
{
	char *text = proc_read_file(STATS, NULL), *cpu = text ? strstr(text, "cpu 1 ") : NULL;
	unsigned int intent = 0;

	cpu = cpu ? strstr(cpu, "intent ") : NULL;
	if (cpu)
		sscanf(cpu, "intent %x", &intent);
	free(text);
	return intent & KVM_COOP_INTENT_REQUEST;
}

/* Woken on the idle CPU 1: how often does that one ask for a boost, at once, and after a while? */
static int woken(int *later)
{
	int now = 0;

	allow(false, true);
	*later = 0;
	for (int i = 0; i < TRIES; i++) {
		long long end;

		usleep(WOKEN_US);
		now += requests();
		end = proc_now_ns() + WOKEN_US * 1000ll;
		while (proc_now_ns() < end)
			;
		*later += requests();
	}
	return now;
}

/* Compute on CPU 0 for so long, or until that is not where it is any more. */
static bool leaves(long long ns)
{
	long long end = proc_now_ns() + ns;

	while (proc_now_ns() < end)
		if (sched_getcpu())
			return true;
	return false;
}

static int pinned(void)
{
	allow(true, false);
	return leaves(STAY_NS);
}

/* It may run on either, but is not for a balancer of ordinary tasks to move. */
static int realtime(void)
{
	struct sched_param param = { .sched_priority = 10 }, normal = { 0 };
	int left;

	allow(true, false);
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		return -1;
	allow(true, true);
	left = leaves(STAY_NS);
	sched_setscheduler(0, SCHED_OTHER, &normal);
	return left;
}

/* From CPU 0 again and again: how often is it elsewhere soon? */
static int free_to_go(void)
{
	int moved = 0;

	for (int i = 0; i < TRIES; i++) {
		allow(true, false);
		allow(true, true);
		moved += leaves(TRY_NS);
	}
	return moved;
}

static void *toggle(void *arg)
{
	int *failed = arg;

	for (int i = 0; i < TOGGLES; i++) {
		*failed += proc_write_file(CPU1_ONLINE, i % 2 ? "1" : "0") != 0;
		usleep(150000);
	}
	return NULL;
}

/* The target comes and goes; how often could it not be switched? */
static int hotplug(void)
{
	int failed = 0;
	pthread_t thread;

	if (pthread_create(&thread, NULL, toggle, &failed))
		return -1;
	for (int i = 0; i < TOGGLES; i++) {
		allow(true, false);
		allow(true, true);
		leaves(150000000);
	}
	pthread_join(thread, NULL);
	return failed;
}

static void *unload(void *arg)
{
	int *err = arg;

	usleep(200000);
	*err = syscall(SYS_delete_module, "kvm_coop_guest", O_NONBLOCK) ? errno : 0;
	return NULL;
}

/* The module goes while it is being called. */
static int unloaded(void)
{
	pthread_t thread;
	int err = 0;

	if (pthread_create(&thread, NULL, unload, &err))
		return -1;
	for (int i = 0; i < 6; i++) {
		allow(true, false);
		allow(true, true);
		leaves(100000000);
	}
	pthread_join(thread, NULL);
	return err;
}

/* The module's counters, those of both CPUs added up. */
static long long counter(const char *name)
{
	char *text = proc_read_file(STATS, NULL), word[32];
	long long sum = text ? 0 : -1;

	snprintf(word, sizeof(word), " %s ", name);
	for (char *p = text ? strstr(text, word) : NULL; p; p = strstr(p + 1, word))
		sum += atoll(p + strlen(word));
	free(text);
	return sum;
}

int main(void)
{
	int fd = record_fd();
	char text[600];
	int size, now, later;

	now = woken(&later);
	size = snprintf(text, sizeof(text), "woken_requests %d\nwoken_requests_later %d\n", now,
			later);
	size += snprintf(text + size, sizeof(text) - size, "pinned_left %d\n", pinned());
	size += snprintf(text + size, sizeof(text) - size, "realtime_left %d\n", realtime());
	size += snprintf(text + size, sizeof(text) - size, "class %lld\n", counter("class"));
	size += snprintf(text + size, sizeof(text) - size, "free_left %d\nfree_tries %d\n",
			 free_to_go(), TRIES);
	size += snprintf(text + size, sizeof(text) - size, "notified %lld\nmoved %lld\nbusy %lld\n",
			 counter("notified"), counter("moved"), counter("busy"));
	size += snprintf(text + size, sizeof(text) - size, "hotplug_failed %d\n", hotplug());
	size += snprintf(text + size, sizeof(text) - size, "unload_error %d\n", unloaded());
	fputs(text, stdout);
	return record_data(fd, "notify.txt", text, size) ? 1 : 0;
}
