// SPDX-License-Identifier: GPL-2.0
/*
 * coop-test-options: what QEMU makes of kvm-coop's options, right ones and wrong ones. Runs in L1,
 * as a job of coop-lab. No guest is started: every VM is stopped from the beginning.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/lib/driver.h"
#include "lab/lib/proc.h"
#include "lab/lib/qmp.h"
#include "lab/lib/record.h"

#define QEMU_ERR "/run/coop/options.err"
#define QMP_PATH "/run/coop/options.qmp"
#define LIMIT_MS 20000

struct refused {
	const char *accel, *cpu;
	const char *says; /* part of the one error */
	bool host_off; /* with kvm.coop=0 */
};

#define ON "host,kvm-coop=on"

static const struct refused refused[] = {
	{ "coop-grace-us=-1", ON, "coop-grace-us=-1 is out of range", false },
	{ "coop-irq-bound-us=4294967296", ON, "out of range", false },
	{ "coop-rt-burst-us=99999999999999999999", ON, "coop-rt-burst-us", false },
	{ "coop-grace-us=fast", ON, "coop-grace-us", false },
	{ "coop-slice-ns=99999", ON, "give 100000 to 100000000", false },
	{ "coop-slice-ns=100000001", ON, "give 100000 to 100000000", false },
	{ "coop-rt-priority=50", ON, "coop-rt-priority=50 is above this host's ceiling of 49",
	  false },
	{ "coop-irq-bound-us=10001", ON, "above this host's ceiling of 10000", false },
	{ "coop-linger-us=5001", ON, "above this host's ceiling of 5000", false },
	{ "coop-grace-us=501", ON, "above this host's ceiling of 500", false },
	{ "coop-debt-limit-us=10001", ON, "above this host's ceiling of 10000", false },
	{ "coop-rt-rate-permille=901", ON, "above this host's ceiling of 900", false },
	{ "coop-rt-burst-us=50001", ON, "above this host's ceiling of 50000", false },
	{ "coop-policy=fast", ON, "coop-policy must be none, rt or fair, not 'fast'", false },
	{ "coop-policy=", ON, "coop-policy must be none, rt or fair", false },
	{ "coop-defer=maybe", ON, "coop-defer", false },
	{ "coop-defer=on,coop-defer=off", ON, "coop-defer is given twice", false },
	{ "coop-policy=rt,coop-policy=rt", ON, "coop-policy is given twice", false },
	{ "coop-grace-us=50,coop-grace-us=60", ON, "coop-grace-us is given twice", false },
	{ "coop-spread=1", ON, "coop-spread", false },
	{ "coop-spread=on,coop-spread=on", ON, "coop-spread is given twice", false },
	{ "coop-spread=on,coop-policy=none", ON, "coop-spread=on needs coop-policy=rt or fair",
	  false },
	{ "coop-speed=1", ON, "coop-speed", false },
	{ NULL, "host,kvm-coop=perhaps", "kvm-coop", false },
	{ NULL, ON, "the host kernel does not offer it", true },
};

struct accepted {
	const char *accel, *cpu;
	const char *policy; /* NULL: not enabled */
	bool host_off;
	const char *global; /* as libvirt users give it */
};

static const struct accepted accepted[] = {
	{ NULL, "host", NULL, false, NULL },
	{ NULL, "max", NULL, false, NULL },
	{ NULL, "host,kvm-coop=off", NULL, false, NULL },
	{ NULL, "host", NULL, true, NULL },
	{ NULL, ON, "rt", false, NULL },
	{ NULL, "max,kvm-coop=on", "rt", false, NULL },
	{ NULL, "qemu64,kvm-coop=on", "rt", false, NULL },
	{ NULL, "host,kvm-coop=on,kvm-pv-enforce-cpuid=on", "rt", false, NULL },
	{ "coop-policy=fair", ON, "fair", false, NULL },
	{ "coop-policy=none", ON, "none", false, NULL },
	{ "coop-grace-us=500,coop-rt-priority=49,coop-slice-ns=100000000,coop-defer=on", ON, "rt",
	  false, NULL },
	{ "coop-spread=on,coop-policy=fair,coop-charge=off", ON, "fair", false, NULL },
	{ NULL, "host", "rt", false, "x86_64-cpu.kvm-coop=on" },
	{ NULL, "qemu64", "rt", false, "x86_64-cpu.kvm-coop=on" },
	/* limits of a feature that the VM does not have */
	{ "coop-grace-us=50", "host", NULL, false, NULL },
};

static char error[600];

#define FAIL(...) (snprintf(error, sizeof(error), __VA_ARGS__), -1)

/* MORE options, or NULL. */
static pid_t start_qemu(const char *options, const char *cpu, const char *const more[])
{
	struct proc_args args = { .n = 0 };
	pid_t parent = getpid(), pid;
	char accel[300];

	unlink(QMP_PATH);
	snprintf(accel, sizeof(accel), "kvm%s%s", options ? "," : "", options ? options : "");
	proc_args_add(&args, getenv("COOP_QEMU"), "-L", "/usr/share/seabios", "-L",
		      "/usr/share/qemu", "-M", "pc", "-S", "-nodefaults", "-display", "none");
	proc_args_add(&args, "-m", "64", "-accel", accel, "-cpu", cpu, "-qmp",
		      "unix:" QMP_PATH ",server=on,wait=off");
	if (more)
		proc_args_list(&args, more);
	pid = fork();
	if (!pid) {
		int err = open(QEMU_ERR, O_WRONLY | O_CREAT | O_TRUNC, 0644);

		proc_child_setup(parent, -1);
		dup2(err, STDERR_FILENO);
		execv(args.argv[0], args.argv);
		_exit(127);
	}
	return pid;
}

/* QEMU warns of every CPU feature that the host lacks, and goes on; an error ends it. */
static int count_errors(const char *text)
{
	int n = 0;

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += !!*line)
		n += !strstr(line, "warning: ") || strstr(line, "warning: ") > strchr(line, '\n');
	return n;
}

static int check_refused(const struct refused *r)
{
	pid_t pid = start_qemu(r->accel, r->cpu, NULL);
	int status = proc_wait(pid, LIMIT_MS), ret = 0;
	char *text = proc_read_file(QEMU_ERR, NULL);

	if (status == -1) {
		proc_kill_group(pid);
		ret = FAIL("QEMU starts");
	} else if (!WIFEXITED(status) || WEXITSTATUS(status) != 1) {
		ret = FAIL("status %#x: %s", status, text);
	} else if (!text || count_errors(text) != 1 || !strstr(text, r->says)) {
		ret = FAIL("not one error with \"%s\": %s", r->says, text);
	}
	free(text);
	return ret;
}

static bool charged(const struct accepted *a)
{
	return !a->accel || !strstr(a->accel, "coop-charge=off");
}

static bool spread(const struct accepted *a)
{
	return a->accel && strstr(a->accel, "coop-spread=on");
}

static bool wrong_flag(const json_t *info, const char *name, bool want)
{
	const json_t *flag = json_object_get(info, name);

	return !json_is_boolean(flag) || json_is_true(flag) != want;
}

static int check_info(const struct accepted *a, struct qmp *q)
{
	json_t *info = qmp_call(q, "query-kvm-coop", NULL, LIMIT_MS);
	bool enabled = json_is_true(json_object_get(info, "enabled"));
	const char *policy = json_string_value(json_object_get(info, "policy"));
	size_t vcpus = json_array_size(json_object_get(info, "vcpus"));
	int ret = 0;

	if (!info)
		return FAIL("%s", q->error);
	if (enabled != !!a->policy || vcpus != enabled ||
	    (enabled && (!policy || strcmp(policy, a->policy))))
		ret = FAIL("enabled %d, policy %s, %zu vCPUs", enabled, policy ? policy : "none",
			   vcpus);
	else if (enabled &&
		 (wrong_flag(info, "charge", charged(a)) || wrong_flag(info, "spread", spread(a))))
		ret = FAIL("charge or spread: not what the command line says");
	json_decref(info);
	return ret;
}

/* HMP's text, of the same. */
static int check_text(const struct accepted *a, struct qmp *q)
{
	json_t *text = qmp_call(q, "human-monitor-command",
				json_pack("{s:s}", "command-line", "info kvm-coop"), LIMIT_MS);
	char want[80] = "not enabled";
	int ret = 0;

	if (a->policy)
		snprintf(want, sizeof(want), "policy %s, charge %s, spread %s, features: irq",
			 a->policy, charged(a) ? "on" : "off", spread(a) ? "on" : "off");
	if (!text || !strstr(json_string_value(text), want) ||
	    (a->policy && !strstr(json_string_value(text), "user, not registered")))
		ret = FAIL("info kvm-coop: %.200s", text ? json_string_value(text) : q->error);
	json_decref(text);
	return ret;
}

static int check_accepted(const struct accepted *a)
{
	const char *const global[] = { "-global", a->global, NULL };
	pid_t pid = start_qemu(a->accel, a->cpu, a->global ? global : NULL);
	char *text = NULL;
	struct qmp q;
	int ret;

	ret = qmp_open(&q, QMP_PATH, LIMIT_MS) ? FAIL("%s", q.error) :
						 check_info(a, &q) || check_text(a, &q);
	if (!ret)
		ret = qmp_do(&q, "quit", NULL, LIMIT_MS) ? FAIL("%s", q.error) : 0;
	if (!ret && proc_wait(pid, LIMIT_MS))
		ret = FAIL("QEMU does not end well");
	else if (ret)
		proc_kill_group(pid);
	qmp_close(&q);
	text = proc_read_file(QEMU_ERR, NULL);
	if (text && *text)
		ret = FAIL("%s, and QEMU says: %.300s", ret ? "fails" : "works", text);
	free(text);
	return ret;
}

/* The thread of QEMU's iothread ID, or -1. */
static long long iothread_tid(struct qmp *q, const char *id)
{
	json_t *threads = qmp_call(q, "query-iothreads", NULL, LIMIT_MS), *thread;
	long long tid = -1;
	size_t i;

	json_array_foreach(threads, i, thread)
	{
		if (!strcmp(json_string_value(json_object_get(thread, "id")), id))
			tid = json_integer_value(json_object_get(thread, "thread-id"));
	}
	json_decref(threads);
	return tid;
}

/* How often the kernel took this thread, by QEMU's trace. */
static int count_taken(long long tid)
{
	char *text = proc_read_file(QEMU_ERR, NULL), line[80];
	int n = 0;

	snprintf(line, sizeof(line), "kvm_coop_io_thread thread %lld: 0\n", tid);
	for (const char *s = text; s && (s = strstr(s, line)); s++)
		n++;
	free(text);
	return n;
}

/* Added while QEMU runs, removed, and added again: charged like those of the command line. */
static int add_iothreads(struct qmp *q, pid_t pid)
{
	if (count_taken(pid) != 1)
		return FAIL("the main loop is not charged once");
	for (int i = 0; i < 2; i++) {
		if (qmp_do(q, "object-add",
			   json_pack("{s:s, s:s}", "qom-type", "iothread", "id", "io"), LIMIT_MS))
			return FAIL("%s", q->error);
		if (count_taken(iothread_tid(q, "io")) != 1)
			return FAIL("an iothread of object-add is not charged once");
		if (qmp_do(q, "object-del", json_pack("{s:s}", "id", "io"), LIMIT_MS))
			return FAIL("%s", q->error);
	}
	return 0;
}

/* How many vhost workers are among PID's threads, and how many of them the kernel took once. */
static int count_workers(pid_t pid, int *taken)
{
	char path[80], *name;
	struct dirent *entry;
	int n = 0;
	DIR *dir;

	*taken = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/comm", (int)pid, entry->d_name);
		name = proc_read_file(path, NULL);
		if (name && !strncmp(name, "vhost-", strlen("vhost-"))) {
			n++;
			*taken += count_taken(atoll(entry->d_name)) == 1;
		}
		free(name);
	}
	if (dir)
		closedir(dir);
	return n;
}

static int expect_workers(pid_t pid, int want)
{
	int taken, n = count_workers(pid, &taken);

	if (n != want || taken != want)
		return FAIL("%d vhost workers, not %d, of which %d are charged once", n, want,
			    taken);
	return 0;
}

static int add_vhost(struct qmp *q, const char *netdev)
{
	return qmp_do(q, "netdev_add",
		      json_pack("{s:s, s:s, s:s, s:b, s:s, s:s}", "type", "tap", "id", netdev,
				"ifname", netdev, "vhost", 1, "script", "no", "downscript", "no"),
		      LIMIT_MS) ||
	       qmp_do(q, "device_add",
		      json_pack("{s:s, s:s, s:s}", "driver", "virtio-net-pci", "netdev", netdev,
				"romfile", ""),
		      LIMIT_MS);
}

/* One that is there from the beginning, and two that are added while QEMU runs. */
static int add_workers(struct qmp *q, pid_t pid)
{
	static const char *const netdevs[] = { "coop1", "coop2" };

	if (expect_workers(pid, 1))
		return -1;
	for (int i = 0; i < 2; i++) {
		if (add_vhost(q, netdevs[i]))
			return FAIL("%s", q->error);
		if (expect_workers(pid, 2 + i))
			return -1;
	}
	return 0;
}

/* QEMU with the trace that count_taken() reads, and what ADD does to it. */
static int check_threads(const char *const more[], int (*add)(struct qmp *q, pid_t pid))
{
	pid_t pid = start_qemu("coop-io-rate-permille=500", ON, more);
	struct qmp q;
	char *text;
	int ret;

	if (!qmp_open(&q, QMP_PATH, LIMIT_MS)) {
		ret = add(&q, pid);
	} else {
		text = proc_read_file(QEMU_ERR, NULL);
		ret = FAIL("%s: %.300s", q.error, text ? text : "");
		free(text);
	}
	qmp_close(&q);
	proc_kill_group(pid);
	return ret;
}

static const char *const with_trace[] = { "-trace", "kvm_coop_io_thread", NULL };
static const char *const with_vhost[] = {
	"-trace",  "kvm_coop_io_thread",
	"-netdev", "tap,id=net0,ifname=coop0,vhost=on,script=no,downscript=no",
	"-device", "virtio-net-pci,netdev=net0,romfile=",
	NULL,
};

static void report(const char *accel, const char *cpu, int ret, int *failed)
{
	printf("%s -accel kvm,%s -cpu %s%s%s\n", ret ? "FAIL" : "ok", accel ? accel : "", cpu,
	       ret ? ": " : "", ret ? error : "");
	*failed += !!ret;
}

int main(void)
{
	int n = 0, failed = 0, fd = record_fd();
	int total =
		sizeof(refused) / sizeof(refused[0]) + sizeof(accepted) / sizeof(accepted[0]) + 2;

	if (!getenv("COOP_QEMU") || driver_switch(true)) {
		fprintf(stderr, "coop: this runs in L1, with a kernel that has kvm-coop\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	record_expect(fd, 2 * total);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		record_progress(fd, n++, total, "%s", refused[i].says);
		driver_switch(!refused[i].host_off);
		report(refused[i].accel, refused[i].cpu, check_refused(&refused[i]), &failed);
	}
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		record_progress(fd, n++, total, "-cpu %s", accepted[i].cpu);
		driver_switch(!accepted[i].host_off);
		report(accepted[i].accel, accepted[i].cpu, check_accepted(&accepted[i]), &failed);
	}
	report("object-add iothread", ON, check_threads(with_trace, add_iothreads), &failed);
	report("netdev tap,vhost=on", ON, check_threads(with_vhost, add_workers), &failed);
	record_verdict(fd, !failed, "%d command lines, %d wrong", total, failed);
	return failed ? 1 : 0;
}
