// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lab/lib/proc.h"

long long proc_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

int proc_write_all(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		size -= n;
	}
	return 0;
}

char *proc_read_file(const char *path, size_t *size)
{
	size_t len = 0, cap = 16384;
	char *buf = malloc(cap);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	while (buf && fd >= 0) {
		n = read(fd, buf + len, cap - len - 1);
		if (n <= 0)
			break;
		len += n;
		if (cap - len < 2) {
			char *more = realloc(buf, cap *= 2);

			if (!more) {
				n = -1;
				break;
			}
			buf = more;
		}
	}
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		free(buf);
		return NULL;
	}
	buf[len] = 0;
	if (size)
		*size = len;
	return buf;
}

int proc_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int ret;

	if (fd < 0)
		return -1;
	ret = proc_write_all(fd, text, strlen(text));
	close(fd);
	return ret;
}

int proc_make_parents(const char *path)
{
	char *copy = strdup(path);
	int ret = copy ? 0 : -1;

	for (char *p = copy ? strchr(copy + 1, '/') : NULL; p && !ret; p = strchr(p + 1, '/')) {
		*p = 0;
		if (mkdir(copy, 0755) && errno != EEXIST)
			ret = -1;
		*p = '/';
	}
	free(copy);
	return ret;
}

void proc_args_list(struct proc_args *args, const char *const words[])
{
	for (; *words && args->n < PROC_ARGS_MAX - 1; words++)
		args->argv[args->n++] = (char *)*words;
	args->argv[args->n] = NULL;
}

pid_t proc_start_hog(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	proc_child_setup(parent, -1);
	for (;;)
		__asm__ volatile("" ::: "memory");
}

int proc_pin(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(tid, sizeof(set), &set);
}

void proc_child_setup(pid_t parent, int cpu)
{
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (cpu >= 0 && proc_pin(0, cpu))
		_exit(127);
}

void proc_kill_group(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int proc_wait(pid_t pid, int limit_ms)
{
	long long end = proc_now_ns() + limit_ms * 1000000ll;
	int status;

	for (;;) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		if (proc_now_ns() >= end)
			return -1;
		usleep(20000);
	}
}

static long long read_schedstat(const char *path)
{
	char *text = proc_read_file(path, NULL);
	long long ns = text ? atoll(text) : 0;

	free(text);
	return ns;
}

long long proc_thread_ns(pid_t pid, pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid, tid);
	return read_schedstat(path);
}

static long long process_ns(const char *pid)
{
	long long sum = 0;
	char path[600];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/task/%s/schedstat", pid, e->d_name);
		sum += read_schedstat(path);
	}
	if (dir)
		closedir(dir);
	return sum;
}

/* All of a group: the sum, and in *worker the one with the most beside the first. */
static long long group_ns(pid_t pgid, pid_t *worker)
{
	DIR *dir = opendir("/proc");
	long long sum = 0, most = -1;
	struct dirent *e;

	*worker = 0;
	while (dir && (e = readdir(dir))) {
		pid_t pid = atoi(e->d_name);
		long long ns;

		if (pid <= 0 || getpgid(pid) != pgid)
			continue;
		ns = process_ns(e->d_name);
		sum += ns;
		if (pid == pgid || ns <= most)
			continue;
		*worker = pid;
		most = ns;
	}
	if (dir)
		closedir(dir);
	return sum;
}

long long proc_group_ns(pid_t pgid)
{
	pid_t worker;

	return group_ns(pgid, &worker);
}

pid_t proc_group_worker(pid_t pgid)
{
	pid_t worker;

	group_ns(pgid, &worker);
	return worker;
}

pid_t proc_other_thread(pid_t pid)
{
	struct dirent *e;
	char path[64];
	pid_t tid = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && !tid && (e = readdir(dir)))
		if (isdigit((unsigned char)e->d_name[0]) && atoi(e->d_name) != pid)
			tid = atoi(e->d_name);
	if (dir)
		closedir(dir);
	return tid;
}

int proc_options(int argc, char **argv, const struct option *options,
		 int (*set)(void *arg, int opt), void *arg)
{
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		ret = set(arg, opt);
		if (ret)
			return ret;
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "coop: unexpected argument '%s'\n", argv[optind]);
	return -1;
}

int proc_option_number(const char *name, const char *text, int min, int max, int *value)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (!*text || *end || n < min || n > max) {
		fprintf(stderr, "coop: --%s %s: expected a number from %d to %d\n", name, text,
			min, max);
		return -1;
	}
	*value = (int)n;
	return 0;
}
