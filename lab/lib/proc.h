/* SPDX-License-Identifier: GPL-2.0 */
/* Small helpers around files, processes and threads, without state. */
#ifndef LAB_LIB_PROC_H
#define LAB_LIB_PROC_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

long long proc_now_ns(void);
int proc_write_all(int fd, const void *data, size_t size);

/* The whole file, NUL-terminated; works for /proc, where sizes are unknown. NULL on error. */
char *proc_read_file(const char *path, size_t *size);
int proc_write_file(const char *path, const char *text);

/* Create all the directories above PATH. */
int proc_make_parents(const char *path);

/* A command line under construction, always NULL-terminated; words beyond the limit are dropped. */
#define PROC_ARGS_MAX 128

struct proc_args {
	char *argv[PROC_ARGS_MAX];
	int n;
};

void proc_args_list(struct proc_args *args, const char *const words[]);
#define proc_args_add(args, ...) proc_args_list(args, (const char *const[]){ __VA_ARGS__, NULL })

/*
 * The first half of starting a child: its own process group, killed with its parent, on CPU (or
 * -1), signals and mask as at start. Call in the child. PARENT closes the race with a parent that
 * is already gone.
 */
void proc_child_setup(pid_t parent, int cpu);

/* A child that uses CPU time, at normal priority, until it is killed. Its pid, or -1. */
pid_t proc_start_hog(void);

int proc_pin(pid_t tid, int cpu);

/* Kill the process group of PID and reap PID itself. */
void proc_kill_group(pid_t pid);

/* Reap PID within the limit. Returns its wait status, or -1 if it is still running. */
int proc_wait(pid_t pid, int limit_ms);

/* CPU time of one thread, or of every thread of every process in a group. */
long long proc_thread_ns(pid_t pid, pid_t tid);
long long proc_group_ns(pid_t pgid);

/* Of the processes beside the group's first one, that with the most CPU time; 0 = there is none. */
pid_t proc_group_worker(pid_t pgid);

/* A thread of PID beside its first one; 0 = there is none. */
pid_t proc_other_thread(pid_t pid);

/*
 * Call SET for each option. What SET returns other than 0 ends it; -1 after saying so for an unknown
 * option or an argument, of which these programs have none.
 */
int proc_options(int argc, char **argv, const struct option *options,
		 int (*set)(void *arg, int opt), void *arg);

/* The value TEXT of the option --NAME, from MIN to MAX. -1 after saying what is wrong. */
int proc_option_number(const char *name, const char *text, int min, int max, int *value);

#endif
