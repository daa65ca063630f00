// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/vmload.h"
#include "lab/lib/proc.h"

#define START_LIMIT_MS 30000
/* A worker that has used this much CPU is past its set-up. */
#define WARM_NS 100000000ll

static pid_t start_worker(int cpu)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid)
		return pid;
	proc_child_setup(parent, cpu);
	/*
	 * One method only: the default goes through all of them, so that no two seconds are
	 * alike.
	 */
	execlp("stress-ng", "stress-ng", "--cpu", "1", "--cpu-method", "int64", "--timeout", "0",
	       "--quiet", "--temp-path", "/tmp", NULL);
	fprintf(stderr, "coop: cannot start stress-ng: %s\n", strerror(errno));
	_exit(127);
}

/* True once the worker of co-tenant I is past its set-up, and its parent past starting it. */
static bool is_warm(struct vmload *load, unsigned int i)
{
	load->worker[i] = proc_group_worker(load->pgid[i]);
	return load->worker[i] > 0 && vmload_cotenant_ns(load, i) >= WARM_NS;
}

int vmload_start(struct vmload *load, unsigned int n, int cpu)
{
	memset(load, 0, sizeof(*load));
	for (unsigned int i = 0; i < n && i < VMLOAD_COTENANTS_MAX; i++) {
		load->pgid[i] = start_worker(cpu);
		if (load->pgid[i] < 0)
			return -1;
		load->n++;
		for (int ms = 0; !is_warm(load, i); ms += 20) {
			if (ms >= START_LIMIT_MS || proc_wait(load->pgid[i], 0) >= 0) {
				fprintf(stderr, "coop: co-tenant %u does not run\n", i);
				return -1;
			}
			usleep(20000);
		}
		kill(-load->pgid[i], SIGSTOP);
	}
	return 0;
}

static void signal_all(const struct vmload *load, int sig)
{
	for (unsigned int i = 0; i < load->n; i++)
		kill(-load->pgid[i], sig);
}

void vmload_resume(struct vmload *load)
{
	signal_all(load, SIGCONT);
}

void vmload_pause(struct vmload *load)
{
	signal_all(load, SIGSTOP);
}

void vmload_begin(struct vmload *load)
{
	for (unsigned int i = 0; i < load->n; i++)
		load->start_ns[i] = proc_group_ns(load->pgid[i]);
}

void vmload_end(struct vmload *load)
{
	for (unsigned int i = 0; i < load->n; i++)
		load->run_ns[i] = proc_group_ns(load->pgid[i]) - load->start_ns[i];
}

void vmload_kill(struct vmload *load)
{
	for (unsigned int i = 0; i < load->n; i++)
		proc_kill_group(load->pgid[i]);
	load->n = 0;
}

long long vmload_cotenant_ns(const struct vmload *load, unsigned int i)
{
	return proc_thread_ns(load->worker[i], load->worker[i]);
}

/* ARGV goes to cyclictest, whose output is *out; CPU is as for proc_child_setup(). */
static pid_t start_cyclictest(int cpu, char *const argv[], int *out)
{
	pid_t parent = getpid();
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		proc_child_setup(parent, cpu);
		dup2(fds[1], STDOUT_FILENO);
		execvp("cyclictest", argv);
		fprintf(stderr, "coop: cannot start cyclictest: %s\n", strerror(errno));
		_exit(127);
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

pid_t vmload_cyclictest(int cpu, int seconds, int interval_us, int *out)
{
	char duration[16], interval[16];
	/* No -p: even -p 0 becomes SCHED_FIFO with a histogram. */
	char *argv[] = { "cyclictest", "-q",  "-D", duration, "-i", interval,
			 "-m",	       "-t1", "-h", "100000", NULL };

	snprintf(duration, sizeof(duration), "%d", seconds);
	snprintf(interval, sizeof(interval), "%d", interval_us);
	return start_cyclictest(cpu, argv, out);
}

/* cyclictest takes -a only within the CPUs that it may use at all: that is CPU here. */
pid_t vmload_cyclictest_fifo(int cpu, int other_cpu, int priority, int interval_us, int *out,
			     pid_t *tid)
{
	char level[16], interval[16];
	char *argv[] = { "cyclictest", "-q",  "-p", level,    "-i", interval,
			 "-m",	       "-t1", "-h", "100000", NULL };
	pid_t pid;

	snprintf(level, sizeof(level), "%d", priority);
	snprintf(interval, sizeof(interval), "%d", interval_us);
	pid = start_cyclictest(cpu, argv, out);
	for (int ms = 0; pid > 0 && ms < START_LIMIT_MS; ms += 20) {
		*tid = proc_other_thread(pid);
		if (*tid > 0 && !proc_pin(pid, other_cpu))
			return pid;
		usleep(20000);
	}
	if (pid > 0)
		close(*out);
	proc_kill_group(pid);
	return -1;
}

void vmload_cyclictest_end(pid_t pid)
{
	kill(pid, SIGINT);
}

int vmload_cyclictest_result(pid_t pid, int out, struct hist *h, struct hist_error *err)
{
	FILE *f = fdopen(out, "r");
	int n = f ? hist_read_cyclictest(f, h, 1, err) : -errno;

	if (f)
		fclose(f);
	else
		close(out);
	proc_kill_group(pid);
	return n == 1 ? 0 : -1;
}
