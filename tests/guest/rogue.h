/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _COOP_ROGUE_H
#define _COOP_ROGUE_H

#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/kvm_para.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <uapi/linux/kvm_coop.h>

/**
 * struct rogue_cpu - one CPU that misbehaves
 * @own: the page that belongs to this CPU
 * @page: the page that is registered: @own, or one that it should not use
 * @gpa: where the host finds @page
 * @thread: takes all the CPU it gets, at normal priority
 * @rnd: for pages of random content
 * @timer: of modes with a period
 * @work: an interrupt from the CPU to itself
 * @next: when the next slow step is due, ns
 * @turn: slow steps so far
 */
struct rogue_cpu {
	struct kvm_coop_page	*own;
	struct kvm_coop_page	*page;
	phys_addr_t		gpa;
	struct task_struct	*thread;
	struct rnd_state	rnd;
	struct hrtimer		timer;
	struct irq_work		work;
	u64			next;
	unsigned int		turn;
};

DECLARE_PER_CPU(struct rogue_cpu, rogue_cpus);

/**
 * struct rogue_mode - one way to misbehave
 * @name: as given with mode=
 * @unregistered: never says anything to the host
 * @intent: right after registration, and then never changed unless by @step
 * @period_ns: of a timer of its own, armed again and again, 0 = none
 * @init: once, before any CPU begins; may be NULL, 0 or a negative errno
 * @exit: once, when all CPUs have ended and are unregistered; may be NULL
 * @setup: on each CPU, in its thread, before it registers; may be NULL
 * @step: over and over, in the thread; NULL = only take the CPU
 */
struct rogue_mode {
	const char	*name;
	bool		unregistered;
	u32		intent;
	u32		period_ns;
	int		(*init)(void);
	void		(*exit)(void);
	void		(*setup)(struct rogue_cpu *r);
	void		(*step)(struct rogue_cpu *r);
};

/* NULL if there is no such mode. */
const struct rogue_mode *rogue_mode_find(const char *name);

/* A valid page for the CPU that calls. */
void rogue_fill(struct kvm_coop_page *page);

/* 0, or -EIO for #GP. Context: the CPU that is meant. */
int rogue_write_msr(u64 value);
int rogue_register(struct rogue_cpu *r);

/*
 * True every 8 ms, for steps that the host has to see: it reads the page when
 * it preempts the vCPU. rogue_turn_again() begins the 8 ms anew: a step that
 * takes as long leaves the CPU to others.
 */
bool rogue_turn(struct rogue_cpu *r);
void rogue_turn_again(struct rogue_cpu *r);

int rogue_unmap_init(void);
void rogue_unmap_exit(void);
void rogue_unmap_setup(struct rogue_cpu *r);
void rogue_unmap_step(struct rogue_cpu *r);
void rogue_remap_step(struct rogue_cpu *r);

#endif /* _COOP_ROGUE_H */
