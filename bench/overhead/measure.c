// SPDX-License-Identifier: GPL-2.0
/* The operations that need no guest kernel. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/lib/driver.h"
#include "bench/lib/stats.h"
#include "bench/overhead/bench.h"
#include "bench/overhead/machine.h"
#include "bench/overhead/setup.h"
#include "kernel/include/uapi/linux/kvm_coop.h"
#include "lab/lib/proc.h"

#define BATCH 32 /* exits per sample */
/* An interrupt with all around it takes longer than a batch: there are fewer of them. */
#define SAMPLES_PER_IRQ 2
#define WARM_UP 10
#define LIMIT_MS 60000
#define ANSWER_LIMIT_NS 10000000000ll

/* A number that is no hypercall: the exit and nothing else. */
#define HC_NOTHING 0x4b42

/*
 * Other threads of the host come by on the vCPU's pCPU now and then, and a boost is right then; an
 * interrupt may come before a vCPU that goes to sleep has left its pCPU, and needs none. A slow
 * machine has many of both. So many of 100 interrupts may be boosted where none should be, or not
 * where all should be.
 */
#define STRAY_PERCENT 40

struct counters {
	long long boosts, yields, refused_debt, refused_budget;
};

struct samples {
	double *signal, *irq, *hypercall; /* ns */
	size_t n;
};

static int samples_init(struct bench *b, struct samples *s, size_t n)
{
	*s = (struct samples){ .n = n };
	s->signal = calloc(3 * n, sizeof(double));
	s->irq = s->signal + n;
	s->hypercall = s->irq + n;
	return s->signal ? 0 : FAIL(b, "out of memory");
}

static void add_number(json_t *metrics, const char *name, const char *suffix, double value)
{
	char key[64];

	snprintf(key, sizeof(key), "%s%s", name, suffix);
	json_object_set_new(metrics, key, json_real(value));
}

void bench_add_times(json_t *metrics, const char *name, const double *ns, size_t n)
{
	struct stats_summary s;

	if (stats_summarize(&s, ns, n))
		return;
	add_number(metrics, name, "_ns", s.median);
	add_number(metrics, name, "_min_ns", s.min);
	add_number(metrics, name, "_spread_ns", s.q3 - s.q1);
	json_object_set_new(metrics, "samples", json_integer((json_int_t)n));
}

static struct counters read_counters(struct machine *m)
{
	struct counters c = {
		.boosts = machine_stat(m, "coop_boosts_irq") + machine_stat(m, "coop_boosts_rt"),
		.yields = machine_stat(m, "coop_ends_yield"),
		.refused_debt = machine_stat(m, "coop_refused_debt"),
		.refused_budget = machine_stat(m, "coop_refused_budget"),
	};

	return c;
}

/* In so many operations; at least MIN of them with a boost and a yield that ended it. */
static int check_boosts(struct bench *b, struct machine *m, size_t operations, long long min,
			long long max, json_t *metrics)
{
	struct counters c = read_counters(m);

	if (c.boosts < 0 || c.yields < 0)
		return FAIL(b, "KVM has no kvm-coop statistics");
	json_object_set_new(metrics, "exits_ratio",
			    json_real((double)machine_stat(m, "exits") / (double)operations));
	json_object_set_new(metrics, "boosts_count", json_integer(c.boosts));
	if (c.boosts > max)
		return FAIL(b, "%lld boosts in %zu operations that should have none", c.boosts,
			    operations);
	if (c.boosts < min || c.yields < min)
		return FAIL(
			b,
			"%lld boosts and %lld ends by yield, %lld refused for debt and %lld by a "
			"budget, for %zu interrupts",
			c.boosts, c.yields, c.refused_debt, c.refused_budget, operations);
	return 0;
}

int setup_begin(struct bench *b, struct setup *s, const struct mode *mode)
{
	s->m = MACHINE_NONE;
	s->other = MACHINE_NONE;
	if (driver_switch(mode->coop || mode->other))
		return FAIL(b, "this host kernel has no kvm-coop");
	if (mode->other && machine_create(&s->other, true))
		return FAIL(b, "%s", s->other.error);
	if (machine_create(&s->m, mode->coop) || machine_boot(&s->m))
		return FAIL(b, "%s", s->m.error);
	return 0;
}

void setup_end(struct setup *s)
{
	machine_destroy(&s->m);
	machine_destroy(&s->other);
}

static int time_exits(struct bench *b, struct machine *m, const char *routine, uint32_t nr,
		      const char *name, json_t *metrics)
{
	const uint32_t *taken = (const uint32_t *)(m->mem + GUEST_SAMPLES);
	volatile struct guest_ctl *ctl = machine_ctl(m);
	size_t n = (size_t)b->o->samples;
	struct samples s;

	if (samples_init(b, &s, n))
		return -1;
	ctl->nr = nr;
	ctl->batch = BATCH;
	ctl->count = (uint32_t)n;
	if (machine_start(m, routine) || machine_join(m, LIMIT_MS)) {
		free(s.signal);
		return FAIL(b, "%s", m->error);
	}
	for (size_t i = 0; i < n; i++)
		s.signal[i] = machine_ns(m, taken[i]) / BATCH;
	bench_add_times(metrics, name, s.signal, n);
	free(s.signal);
	return 0;
}

int measure_exit(struct bench *b, const struct mode *mode, json_t *metrics)
{
	size_t exits = 2 * (size_t)b->o->samples * BATCH;
	struct setup s;
	int ret = setup_begin(b, &s, mode);

	if (!ret)
		ret = time_exits(b, &s.m, guest_cpuid, 0, "exit", metrics);
	if (!ret)
		ret = time_exits(b, &s.m, guest_hypercall, HC_NOTHING, "hypercall", metrics);
	if (!ret)
		ret = check_boosts(b, &s.m, exits, 0, 0, metrics);
	setup_end(&s);
	return ret;
}

/* Waiting for the next interrupt; the handler of the last one has begun before. */
static bool is_ready(struct machine *m, const char *routine, uint32_t interrupts)
{
	if (routine != guest_run)
		return machine_sleeps(m);
	return m->tid && machine_ctl(m)->ended == interrupts;
}

int wait_ready(struct bench *b, struct machine *m, const char *routine, uint32_t interrupts)
{
	long long end = proc_now_ns() + ANSWER_LIMIT_NS;

	while (!is_ready(m, routine, interrupts))
		if (m->ended || proc_now_ns() > end)
			return FAIL(b, "the guest is not ready after %u interrupts", interrupts);
	return 0;
}

/* From before the interrupt is signalled until the guest's handler runs. */
static int send_irq(struct bench *b, struct machine *m, uint32_t nr, double *signal, double *irq)
{
	volatile struct guest_ctl *ctl = machine_ctl(m);
	long long begin = proc_now_ns(), returned, seen;

	if (machine_signal(m))
		return FAIL(b, "%s", m->error);
	returned = proc_now_ns();
	do {
		seen = proc_now_ns();
	} while (ctl->begun != nr && seen - begin < ANSWER_LIMIT_NS);
	*signal = returned - begin;
	*irq = seen - begin;
	return ctl->begun == nr ? 0 : FAIL(b, "an interrupt was lost");
}

static int send_irqs(struct bench *b, struct machine *m, const char *routine, struct samples *s)
{
	double *signal = s->signal, *irq = s->irq;
	uint32_t nr = 0;

	while (nr < WARM_UP + s->n) {
		if (wait_ready(b, m, routine, nr) || send_irq(b, m, ++nr, signal, irq))
			return -1;
		signal += nr > WARM_UP;
		irq += nr > WARM_UP;
	}
	return wait_ready(b, m, routine, nr);
}

/* The guest waits in ROUTINE and is interrupted; the thread that interrupts is on CPU_REST. */
static int time_irqs(struct bench *b, struct machine *m, const char *routine, struct samples *s)
{
	const uint32_t *taken = (const uint32_t *)(m->mem + GUEST_SAMPLES);

	machine_ctl(m)->nr = KVM_HC_COOP_YIELD;
	if (machine_start(m, routine))
		return FAIL(b, "%s", m->error);
	if (send_irqs(b, m, routine, s))
		return -1;
	machine_ctl(m)->stop = 1;
	if (routine != guest_run && machine_signal(m))
		return FAIL(b, "%s", m->error);
	if (machine_join(m, LIMIT_MS))
		return FAIL(b, "%s", m->error);
	for (size_t i = 0; i < s->n; i++)
		s->hypercall[i] = machine_ns(m, taken[WARM_UP + i]);
	return 0;
}

static int measure_irq(struct bench *b, const struct mode *mode, json_t *metrics,
		       const char *routine)
{
	size_t n = (size_t)b->o->samples / SAMPLES_PER_IRQ;
	long long all = (long long)n + WARM_UP, stray = all * STRAY_PERCENT / 100;
	bool boosts = mode->coop && routine == guest_sleep_hypercall;
	struct setup setup;
	struct samples s;
	int ret;

	if (samples_init(b, &s, n))
		return -1;
	ret = setup_begin(b, &setup, mode);
	if (!ret)
		ret = time_irqs(b, &setup.m, routine, &s);
	if (!ret)
		ret = check_boosts(b, &setup.m, (size_t)all, boosts ? all - stray : 0,
				   boosts ? LLONG_MAX : stray, metrics);
	if (!ret)
		bench_add_times(metrics, "irq", s.irq, n);
	if (!ret && routine == guest_sleep_hypercall) {
		bench_add_times(metrics, "signal", s.signal, n);
		bench_add_times(metrics, "hypercall", s.hypercall, n);
	}
	setup_end(&setup);
	free(s.signal);
	return ret;
}

int measure_irq_running(struct bench *b, const struct mode *mode, json_t *metrics)
{
	return measure_irq(b, mode, metrics, guest_run);
}

int measure_irq_halted(struct bench *b, const struct mode *mode, json_t *metrics)
{
	return measure_irq(b, mode, metrics, guest_sleep);
}

static void *compete(void *arg)
{
	const struct sched_param param = { 0 };
	struct competitor *c = arg;

	c->failed = proc_pin(0, CPU_GUEST) || sched_setscheduler(0, c->policy, &param);
	while (!c->stop && !c->failed)
		;
	return NULL;
}

int competitor_begin(struct bench *b, struct competitor *c, int policy)
{
	*c = (struct competitor){ .policy = policy };
	return pthread_create(&c->thread, NULL, compete, c) ? FAIL(b, "no competitor") : 0;
}

int competitor_end(struct bench *b, struct competitor *c)
{
	c->stop = true;
	pthread_join(c->thread, NULL);
	return c->failed ? FAIL(b, "the competitor failed") : 0;
}

/*
 * SCHED_IDLE: it competes, so that boosts are granted, but it lets a vCPU that was just unboosted
 * go on, so that the yield's cost is not drowned in a time slice.
 */
int measure_boost(struct bench *b, const struct mode *mode, json_t *metrics)
{
	struct competitor c;
	int ret;

	if (competitor_begin(b, &c, SCHED_IDLE))
		return -1;
	ret = measure_irq(b, mode, metrics, guest_sleep_hypercall);
	return competitor_end(b, &c) ? -1 : ret;
}
