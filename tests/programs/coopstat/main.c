// SPDX-License-Identifier: GPL-2.0
/*
 * coop-test-coopstat: coopstat beside two busy guests, one with kvm-coop, in all its outputs. What
 * it says must lie between what /proc and KVM say before and after. One guest ends meanwhile, and
 * another one begins. Runs in L1, as a job of coop-lab.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/lib/driver.h"
#include "lab/lib/vm.h"

#define BOOT_LIMIT_MS 120000
#define LINE_LIMIT_MS 30000
#define STEPS 7
#define REFRESHES 4

static char error[600];

#define FAIL(...) (snprintf(error, sizeof(error), __VA_ARGS__), -1)

/* Names in coopstat's output and of the host's counters. */
static const char *const counters[] = { "boosts_irq", "boosts_rt", "yields", "preempted",
					"boosted_ns" };

#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

struct reading {
	unsigned long long run_ns, wait_ns, executions;
	long long counter[COUNTERS];
};

struct coopstat {
	pid_t pid;
	FILE *out;
};

static char coopstat_path[300];

/* Beside this program. */
static int find_coopstat(void)
{
	ssize_t n = readlink("/proc/self/exe", coopstat_path, sizeof(coopstat_path) - 20);
	char *slash;

	if (n <= 0)
		return -1;
	coopstat_path[n] = 0;
	slash = strrchr(coopstat_path, '/');
	strcpy(slash, "/coopstat");
	return access(coopstat_path, X_OK);
}

static int coopstat_start(struct coopstat *c, char *const argv[])
{
	pid_t parent = getpid();
	int out[2];

	if (pipe2(out, O_CLOEXEC))
		return FAIL("pipe: %s", strerror(errno));
	c->pid = fork();
	if (!c->pid) {
		proc_child_setup(parent, CPU_REST);
		dup2(out[1], STDOUT_FILENO);
		execv(coopstat_path, argv);
		_exit(127);
	}
	close(out[1]);
	c->out = fdopen(out[0], "r");
	return c->pid < 0 || !c->out ? FAIL("coopstat does not start") : 0;
}

static json_t *next_line(struct coopstat *c)
{
	struct pollfd pfd = { .fd = fileno(c->out), .events = POLLIN };
	char *line = NULL;
	size_t size = 0;
	json_t *object = NULL;

	if (poll(&pfd, 1, LINE_LIMIT_MS) > 0 && getline(&line, &size, c->out) > 0)
		object = json_loads(line, 0, NULL);
	free(line);
	if (!object)
		(void)FAIL("coopstat says nothing, or no JSON");
	return object;
}

static json_t *find(json_t *line, const char *name)
{
	json_t *vm;
	size_t i;

	json_array_foreach(json_object_get(line, "vms"), i,
			   vm) if (!strcmp(json_string_value(json_object_get(vm, "name")),
					   name)) return vm;
	return NULL;
}

static int read_host(const struct vm *vm, struct reading *r)
{
	char path[80], *text;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", vm->pid, vm->vcpu[0]);
	text = proc_read_file(path, NULL);
	n = text ? sscanf(text, "%llu %llu %llu", &r->run_ns, &r->wait_ns, &r->executions) : 0;
	free(text);
	for (size_t i = 0; i < COUNTERS; i++) {
		snprintf(path, sizeof(path), "coop_%s", counters[i]);
		r->counter[i] = vm_stat(vm, path);
	}
	return n == 3 && r->counter[0] >= 0 ? 0 : FAIL("no statistics of %s", vm->config.name);
}

static int between(const char *name, json_t *object, const char *key, long long before,
		   long long after)
{
	json_t *value = json_object_get(object, key);
	long long n = json_integer_value(value);

	if (json_is_integer(value) && n >= before && n <= after)
		return 0;
	return FAIL("%s: %s is %lld, not between %lld and %lld", name, key, n, before, after);
}

static int check_totals(const char *name, json_t *total, const struct reading *before,
			const struct reading *after)
{
	json_t *counter = json_object_get(total, "counters");

	if (between(name, total, "run_ns", before->run_ns, after->run_ns) ||
	    between(name, total, "wait_ns", before->wait_ns, after->wait_ns) ||
	    between(name, total, "executions", before->executions, after->executions))
		return -1;
	for (size_t i = 0; i < COUNTERS; i++)
		if (between(name, counter, counters[i], before->counter[i], after->counter[i]))
			return -1;
	return 0;
}

static double number(json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static double gained(json_t *last, json_t *now, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(now, "total"), key)) -
	       json_integer_value(json_object_get(json_object_get(last, "total"), key));
}

/*
 * The rates have to be the difference of the totals, and together all of the time. A wait is
 * counted when it ends, and may be longer than the time: no more of it than is left.
 */
static int check_rates(const char *name, json_t *last, json_t *now)
{
	double run = gained(last, now, "run_ns"), wait = gained(last, now, "wait_ns");
	double seconds = number(now, "seconds"), running = number(now, "running");
	double waiting = number(now, "waiting"), sum = running + waiting + number(now, "blocked");

	if (fabs(running * seconds * 1e9 - run) > 1000)
		return FAIL("%s: %g of %g s, but %g ns", name, running, seconds, run);
	wait = fmin(wait, fmax(seconds * 1e9 - run, 0));
	if (fabs(waiting * seconds * 1e9 - wait) > 1000)
		return FAIL("%s: waits %g of %g s, but %g ns", name, waiting, seconds, wait);
	if (seconds < 0.5 || seconds > 20 || sum < 0.99 || sum > 1.05)
		return FAIL("%s: %g s, parts that make %g", name, seconds, sum);
	return 0;
}

static json_t *vcpu(json_t *line, const char *name)
{
	json_t *vcpus = json_object_get(find(line, name), "vcpus");

	return json_array_size(vcpus) == 1 ? json_array_get(vcpus, 0) : NULL;
}

static int check_refresh(const struct vm *vm, json_t *last, json_t *line,
			 const struct reading *before)
{
	const char *name = vm->config.name;
	json_t *now = vcpu(line, name);
	struct reading after;

	if (!now || json_integer_value(json_object_get(now, "tid")) != vm->vcpu[0])
		return FAIL("%s is missing, or its thread is not %d", name, vm->vcpu[0]);
	if (read_host(vm, &after))
		return -1;
	return check_totals(name, json_object_get(now, "total"), before, &after) ||
	       check_rates(name, vcpu(last, name), now);
}

/* Both guests, several times: each refresh comes after what was read before it. */
static int check_refreshes(struct coopstat *c, const struct vm vm[2])
{
	json_t *last = next_line(c), *line;
	struct reading before[2];
	int ret = 0;

	for (int i = 0; i < REFRESHES && last && !ret; i++) {
		if (read_host(&vm[0], &before[0]) || read_host(&vm[1], &before[1]))
			return -1;
		line = next_line(c);
		ret = !line || check_refresh(&vm[0], last, line, &before[0]) ||
		      check_refresh(&vm[1], last, line, &before[1]);
		json_decref(last);
		last = line;
	}
	if (!ret && last) {
		json_t *total = json_object_get(vcpu(last, vm[0].config.name), "total");
		json_t *counter = json_object_get(total, "counters");

		if (!json_integer_value(json_object_get(counter, "boosts_irq")))
			ret = FAIL("the guest with kvm-coop has had no boost");
	}
	json_decref(last);
	return ret || !last ? -1 : 0;
}

static int start_guest(struct vm *vm, const char *name, const char *cpu)
{
	char *soak[] = { "@soak", "-q", "-p80", "-t1", "-i", "2170", "-l", "100000", NULL };
	struct vm_config config;

	vm_config_init(&config);
	config.name = name;
	config.cpu = cpu;
	config.append = "coop_role=l2 coop_module=kvm_coop_guest";
	config.mem = 128;
	config.qemu_cpu = CPU_REST;
	if (vm_start(vm, &config) || vm_wait_hello(vm, BOOT_LIMIT_MS) || vm_find_vcpus(vm) ||
	    vm_pin_vcpus(vm, CPU_GUEST) || vm_job(vm, soak))
		return FAIL("%s", vm->error);
	return 0;
}

/* Some lines were written while nobody read, as a guest booted. */
static int wait_for(struct coopstat *c, const char *name, bool there)
{
	for (int i = 0; i < 60; i++) {
		json_t *line = next_line(c);
		bool found = find(line, name);

		if (!line)
			return -1;
		json_decref(line);
		if (found == there)
			return 0;
	}
	return FAIL("%s is %s in coopstat's output", name, there ? "not" : "still");
}

/* KVM's directory goes when nobody holds the VM any more, coopstat included. */
static int check_released(pid_t pid)
{
	struct vm gone = { .pid = pid };

	for (int i = 0; i < 50; i++) {
		if (vm_stat(&gone, "exits") < 0)
			return 0;
		usleep(100000);
	}
	return FAIL("the VM that ended is still there: its statistics are held open");
}

static int check_coming_and_going(struct coopstat *c, struct vm vm[2])
{
	pid_t pid = vm[1].pid;

	vm_kill(&vm[1]);
	if (wait_for(c, "plain", false) || check_released(pid) ||
	    start_guest(&vm[1], "another", "host") || wait_for(c, "another", true))
		return -1;
	return wait_for(c, "coop", true);
}

static int ends_well(struct coopstat *c, int sig)
{
	int status;

	if (sig)
		kill(c->pid, sig);
	status = proc_wait(c->pid, LINE_LIMIT_MS);
	fclose(c->out);
	return status ? FAIL("coopstat ends with status %#x", status) : 0;
}

static int check_json(struct vm vm[2])
{
	char *argv[] = { "coopstat", "--json", "--interval", "1", NULL };
	struct coopstat c;

	if (coopstat_start(&c, argv))
		return -1;
	if (!check_refreshes(&c, vm) && !check_coming_and_going(&c, vm))
		return ends_well(&c, SIGTERM);
	proc_kill_group(c.pid);
	return -1;
}

static int expect_text(const char *text, const char *part)
{
	return strstr(text, part) ? 0 : FAIL("'%s' is not in the output: %.300s", part, text);
}

static int check_plain(const struct vm *vm)
{
	char *argv[] = { "coopstat", "--plain",	  "--count", "2", "--interval",
			 "0.5",	     "--average", "1",	     NULL };
	char text[8192], name[64];
	struct coopstat c;
	size_t n;

	if (coopstat_start(&c, argv))
		return -1;
	n = fread(text, 1, sizeof(text) - 1, c.out);
	text[n] = 0;
	snprintf(name, sizeof(name), "coop:%d", vm->pid);
	printf("%s", text);
	return ends_well(&c, 0) || expect_text(text, "2 VMs") || expect_text(text, name) ||
	       expect_text(text, "another:");
}

/* On a terminal it fills the screen, until a key is pressed. */
static int check_screen(void)
{
	struct winsize size = { .ws_row = 24, .ws_col = 132 };
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), status;
	pid_t parent = getpid(), pid;
	char text[16384];
	ssize_t n, len = 0;

	if (master < 0 || grantpt(master) || unlockpt(master) || ioctl(master, TIOCSWINSZ, &size))
		return FAIL("no pseudo terminal: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		int slave = open(ptsname(master), O_RDWR);

		proc_child_setup(parent, CPU_REST);
		for (int fd = 0; fd < 3; fd++)
			dup2(slave, fd);
		setenv("TERM", "vt100", 1);
		execl(coopstat_path, "coopstat", "--interval", "0.5", NULL);
		_exit(127);
	}
	fcntl(master, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 40; i++) {
		usleep(100000);
		n = read(master, text + len, sizeof(text) - 1 - len);
		len += n > 0 ? n : 0;
	}
	text[len] = 0;
	if (write(master, "q", 1) != 1)
		return FAIL("nobody reads the terminal");
	status = proc_wait(pid, LINE_LIMIT_MS);
	close(master);
	if (status == -1)
		proc_kill_group(pid);
	return status ? FAIL("coopstat ends with status %#x: %.200s", status, text) :
			expect_text(text, "q: leave") || expect_text(text, "another:") ||
				expect_text(text, "I/O");
}

static int run(int fd, struct vm vm[2])
{
	record_progress(fd, 0, STEPS, "booting");
	if (start_guest(&vm[0], "coop", "host,kvm-coop=on") || start_guest(&vm[1], "plain", "host"))
		return -1;
	record_progress(fd, 3, STEPS, "JSON");
	if (check_json(vm))
		return -1;
	record_progress(fd, 5, STEPS, "table");
	if (check_plain(&vm[0]))
		return -1;
	record_progress(fd, 6, STEPS, "full screen");
	return check_screen();
}

int main(void)
{
	struct vm vm[2] = { 0 };
	int fd = record_fd(), ret;

	if (driver_check_machine())
		return 2;
	if (driver_switch(true) || find_coopstat()) {
		fprintf(stderr, "coop: this host kernel has no kvm-coop, or coopstat is missing\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	record_expect(fd, 45);
	ret = run(fd, vm);
	for (int i = 0; i < 2; i++)
		if (vm[i].pid > 0)
			vm_kill(&vm[i]);
	record_verdict(fd, !ret, "%s", ret ? error : "coopstat agrees with KVM and /proc");
	return ret ? 1 : 0;
}
