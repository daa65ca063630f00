/* SPDX-License-Identifier: GPL-2.0 */
/*
 * coopstat: how the host schedules its VMs' vCPUs, and what kvm-coop does for them.
 *
 * A refresh reads everything once (scan.c). What is shown is the difference to an earlier refresh,
 * the last one or the oldest one within --average (rates.c).
 */
#ifndef TOOLS_COOPSTAT_H
#define TOOLS_COOPSTAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The counters of kvm-coop, in KVM's binary statistics: coop_NAME. */
#define COUNTERS(X)           \
	X(boosts_irq)         \
	X(boosts_rt)          \
	X(boosts_kept)        \
	X(deferrals)          \
	X(notified)           \
	X(notified_acked)     \
	X(refused_debt)       \
	X(refused_budget)     \
	X(throttles)          \
	X(refused_class)      \
	X(ends_yield)         \
	X(ends_exit)          \
	X(ends_expired)       \
	X(ends_wakeup)        \
	X(ends_user)          \
	X(yields)             \
	X(boosted_ns)         \
	X(preempted)          \
	X(preempted_critical) \
	X(page_misses)

#define COUNTER_ENUM(name) COUNTER_##name,
enum counter { COUNTERS(COUNTER_ENUM) COUNTER_NR };

extern const char *const counter_names[COUNTER_NR];

/* All since the thread or the vCPU began. */
struct sample {
	int64_t at_ns; /* CLOCK_MONOTONIC */
	uint64_t run_ns, wait_ns; /* of the thread, as /proc/PID/task/TID/schedstat says */
	uint64_t executions; /* how often it got a pCPU */
	uint64_t counter[COUNTER_NR];
	bool has_counters; /* the VMM keeps the statistics open, and the kernel has kvm-coop */
};

#define HISTORY 128 /* samples kept for --average */

struct history {
	struct sample sample[HISTORY]; /* a ring */
	unsigned int n; /* taken up to now */
};

struct vcpu {
	int id;
	pid_t tid;
	int stats_fd; /* its number in the VMM's process, -1 if unknown */
	bool seen;
	struct history history;
};

struct vm {
	pid_t pid;
	char dir[32]; /* below debugfs: PID-FD */
	char name[64];
	bool seen;
	struct history io; /* only at_ns and run_ns: all other threads of the process */
	struct vcpu *vcpu;
	int vcpus;
};

struct vms {
	struct vm *vm; /* sorted by PID, then by name of the directory */
	int n;
};

/* Read everything again: VMs and vCPUs that came are added, those that went are removed. */
int scan(struct vms *vms);
void scan_free(struct vms *vms);

/* Can this machine be looked at? -1 after saying what is missing. */
int scan_check(void);

/* The VMM's counters of one vCPU into SAMPLE->counter; -1 if they cannot be had. */
int stats_read(pid_t pid, struct vcpu *vcpu, struct sample *sample);

/* What happened between two samples. */
struct rates {
	double seconds;
	double running, waiting, blocked; /* parts of the time */
	double boosted; /* the same, of CPU time used boosted */
	double run_us, wait_us; /* per execution period: from getting a pCPU to losing it */
	uint64_t executions;
	uint64_t counter[COUNTER_NR];
};

const struct sample *history_last(const struct history *h);
void history_add(struct history *h, const struct sample *s);
/* Over AVERAGE_NS at least if there are samples for it, 0: since the sample before. False: not yet.
 */
bool history_rates(const struct history *h, int64_t average_ns, struct rates *r);

struct view {
	int64_t average_ns;
	bool per_second; /* counters are divided by the time */
};

void show_plain(const struct vms *vms, const struct view *view);
int show_json(const struct vms *vms, const struct view *view);

/* Full screen; screen_wait() returns true if the user wants to leave. */
int screen_begin(void);
void screen_show(const struct vms *vms, const struct view *view);
bool screen_wait(int ms);
void screen_end(void);

/* One line of the table, without a line feed: the head if VCPU is NULL. */
#define LINE_MAX_LEN 200
void format_head(char *line);
void format_vcpu(char *line, const struct vm *vm, const struct vcpu *vcpu, const struct view *view);
void format_io(char *line, const struct vm *vm, const struct view *view);

#endif
