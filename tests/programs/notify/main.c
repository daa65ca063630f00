// SPDX-License-Identifier: GPL-2.0
/*
 * coop-test-notify: a guest with two vCPUs, one of which a co-tenant interferes with. Its tasks
 * tell who was moved away and who was not, KVM whether the guest answers in time. Runs in L1, as a
 * job of coop-lab.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/driver.h"
#include "bench/lib/guestmode.h"
#include "bench/lib/vmload.h"
#include "lab/lib/proc.h"

#define RESULT_LIMIT_S 60
#define QUIT_LIMIT_MS 30000

static char error[600];

#define FAIL(...) (snprintf(error, sizeof(error), __VA_ARGS__), -1)

/* rt=0: the host sees an RT task as any other, so that it is for the guest to leave it alone. */
static const struct guest_mode mode = {
	"notify",
	VM_CLASS_NORMAL,
	"host,kvm-coop=on",
	"kvm,coop-policy=rt,coop-notify=on,coop-notify-us=2000,coop-defer=on,coop-grace-us=500",
	"coop_module=kvm_coop_guest,rt=0",
	true,
	false,
};

/*
 * About one guest in six is hardly ever told, as long as it lives: most likely its tick comes with
 * the host's, so that each preemption hits its handler. So many are tried.
 */
#define GUESTS 3
#define NOTIFIED_MIN 20

/* What the guest's program says has to lie between these. */
static const struct bound {
	const char *name;
	long long min, max;
} bounds[] = {
	{ "pinned_left", 0, 0 },     { "realtime_left", 0, 0 },
	{ "class", 1, 1000000 },     { "free_left", 5, 10 },
	{ "moved", 5, 1000000 },     { "notified", NOTIFIED_MIN, 1000000 },
	{ "hotplug_failed", 0, 0 },  { "unload_error", 0, 0 },
	{ "woken_requests", 2, 10 }, { "woken_requests_later", 0, 0 },
};

/* Of KVM's counters, those answered in time, percent. The rest were expired grants. */
#define ACKED_MIN 80

static int check_answer(const char *text)
{
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		const struct bound *b = &bounds[i];
		char word[40];
		const char *p;
		long long n;

		snprintf(word, sizeof(word), "\n%s ", b->name);
		p = strstr(text, word);
		if (!p)
			return FAIL("%s is missing", b->name);
		n = atoll(p + strlen(word));
		if (n < b->min || n > b->max)
			return FAIL("%s is %lld, not %lld to %lld", b->name, n, b->min, b->max);
	}
	return 0;
}

static int check_host(const struct vm *vm)
{
	long long notified = vm_stat(vm, "coop_notified");
	long long acked = vm_stat(vm, "coop_notified_acked");

	printf("host: notified %lld acked %lld\n", notified, acked);
	if (acked * 100 < notified * ACKED_MIN)
		return FAIL("%lld of %lld notifications were answered in time", acked, notified);
	return 0;
}

/* *TEXT is what the guest said, to be freed. */
static int follow(struct vm *vm, char **text)
{
	long long limit = proc_now_ns() + RESULT_LIMIT_S * 1000000000ll;
	struct record rec;
	int ret;

	while ((ret = vm_next(vm, (limit - proc_now_ns()) / 1000000, &rec)) > 0) {
		if (rec.type == RECORD_VERDICT)
			break;
		/* a line break before the first name, too */
		if (rec.type == RECORD_FILE && !strcmp(rec.text, "notify.txt") && !*text &&
		    asprintf(text, "\n%.*s", (int)rec.size, (const char *)rec.data) < 0)
			*text = NULL;
	}
	if (ret > 0 && *text)
		printf("guest:%s", *text);
	if (ret <= 0)
		return FAIL("L2: %s", ret ? vm->error : "no result");
	if (!rec.pass || !*text)
		return FAIL("L2: %s", rec.pass ? "no result" : rec.text);
	return 0;
}

/* 1: it was told too rarely to know anything. */
static int check(struct vm *vm)
{
	char *text = NULL;
	int ret = follow(vm, &text);

	if (!ret && vm_stat(vm, "coop_notified") < NOTIFIED_MIN)
		ret = 1;
	else if (!ret)
		ret = check_answer(text) || check_host(vm) ? -1 : 0;
	free(text);
	return ret;
}

static int run(int fd, struct vm *vm, struct vmload *load)
{
	const struct guest_boot boot = { .name = "notify", .vcpus = 2, .pcpus = 2, .limit = 120 };
	char *argv[] = { "coop-guest-notify", NULL };
	bool hung;

	record_progress(fd, 0, 2, "booting");
	if (guest_boot(vm, &mode, &boot, &hung))
		return FAIL("%s", vm->error);
	record_progress(fd, 1, 2, "tasks that are moved, and tasks that are not");
	/* vCPU 0 is on the first of these */
	if (vmload_start(load, 1, guest_pcpu(0)))
		return FAIL("the co-tenant does not start");
	vmload_resume(load);
	if (vm_job(vm, argv))
		return FAIL("%s", vm->error);
	return check(vm);
}

/* One guest after the other, until one is told that it is about to be preempted. */
static int run_guests(int fd, struct vm *vm)
{
	struct vmload load = { 0 };
	int ret = 1;

	for (int i = 0; i < GUESTS && ret > 0; i++) {
		ret = run(fd, vm, &load);
		vmload_kill(&load);
		if (ret > 0) {
			printf("guest %d of at most %d was hardly ever told\n", i + 1, GUESTS);
			vm_kill(vm);
		}
	}
	return ret > 0 ? FAIL("no guest was told more than %d times", NOTIFIED_MIN) : ret;
}

int main(void)
{
	struct vm vm = { 0 };
	int fd = record_fd(), ret;

	if (driver_check_machine())
		return 2;
	if (driver_switch(true)) {
		fprintf(stderr, "coop: this host kernel has no kvm-coop\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	record_expect(fd, 30);
	ret = run_guests(fd, &vm);
	if (ret && vm.pid > 0)
		vm_kill(&vm);
	else if (!ret && vm_quit(&vm, QUIT_LIMIT_MS))
		ret = FAIL("%s", vm.error);
	record_verdict(fd, !ret, "%s", ret ? error : "who may leave was moved, and nobody else");
	return ret ? 1 : 0;
}
