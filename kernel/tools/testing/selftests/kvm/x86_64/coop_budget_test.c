// SPDX-License-Identifier: GPL-2.0
/*
 * kvm-coop: what a guest that always asks can get. Budgets per vCPU and VM, and
 * the charge in cgroups: weights, quota, nesting, and changes while it runs.
 *
 * vCPU threads and competitors are pinned to one CPU, the test looks from
 * another one. Shares are in parts per thousand of that CPU.
 */
#include <sys/resource.h>
#include <sys/stat.h>

#include "coop_test.h"

#define VCPU_CPU	1
#define OTHER_CPU	0

#define CGROUPS		"/sys/fs/cgroup/"
#define VM_GROUP	CGROUPS "coop_vm"
#define INNER_GROUP	VM_GROUP "/inner"
#define HOG_GROUP	CGROUPS "coop_hog"

#define ROUNDS		3
#define ROUND_MS	2000
/* Interrupts of which the latency is measured. */
#define IRQS		150

/* As guest_ask(); counts in @value how often a refusal came without its end. */
static void guest_ask_and_look(int id, uint64_t intent)
{
	struct kvm_coop_page *page = guest_page(id);
	struct coop_ctl *ctl = guest_ctl(id);
	uint64_t refill_at, begin = rdtsc();
	uint32_t status;

	WRITE_ONCE(page->guest.intent, intent);
	while (!READ_ONCE(ctl->stop)) {
		status = READ_ONCE(page->host.status);
		refill_at = READ_ONCE(page->host.refill_at);
		if (!(status & KVM_COOP_STATUS_THROTTLED) ||
		    status != READ_ONCE(page->host.status))
			continue;
		WRITE_ONCE(ctl->step, ctl->step + 1);
		/* one written before this began, or a second ahead, is none */
		ctl->value += refill_at < begin ||
			      refill_at > rdtsc() + guest_tsc_khz * 1000ULL;
	}
}

static void burst_handler(struct ex_regs *regs)
{
	struct kvm_coop_page *page = guest_page(0);
	struct coop_ctl *ctl = guest_ctl(0);

	WRITE_ONCE(ctl->irqs, ctl->irqs + 1);
	WRITE_ONCE(page->guest.irq_ack, READ_ONCE(page->host.irq_ticket));
	WRITE_ONCE(page->guest.intent, KVM_COOP_INTENT_RT);
	x2apic_write_reg(APIC_EOI, 0);
}

/* What is urgent after an interrupt: @us of CPU time. */
static void burst(int id, uint64_t us)
{
	uint64_t until = rdtsc() + us * guest_tsc_khz / 1000;

	while (rdtsc() < until)
		asm volatile("pause");
	WRITE_ONCE(guest_page(id)->guest.intent, 0);
	guest_yield(id, 0);
}

/* Use CPU time, and @us of it after each interrupt urgently. vCPU 0 only. */
static void guest_in_bursts(int id, uint64_t us)
{
	x2apic_enable();
	while (!READ_ONCE(guest_ctl(id)->stop)) {
		guest_irq_window();
		if (READ_ONCE(guest_page(id)->guest.intent))
			burst(id, us);
	}
}

/* Sleep, and use @us of CPU time urgently after each interrupt. vCPU 0 only. */
static void guest_asleep(int id, uint64_t us)
{
	x2apic_enable();
	while (!READ_ONCE(guest_ctl(id)->stop)) {
		guest_halt();
		burst(id, us);
	}
}

/* --- cgroups -------------------------------------------------------------- */

static void write_file(const char *dir, const char *file, const char *text)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY);
	TEST_ASSERT(fd >= 0 && write(fd, text, strlen(text)) >= 0,
		    "writing '%s' to %s: %s", text, path, strerror(errno));
	close(fd);
}

/* For single threads of this process, which itself stays where it is. */
static void group_make(const char *dir, const char *weight)
{
	TEST_ASSERT(!mkdir(dir, 0755) || errno == EEXIST, "mkdir %s: %s", dir,
		    strerror(errno));
	write_file(dir, "cgroup.type", "threaded");
	write_file(dir, "cpu.weight", weight);
}

/* A thread that was joined is in its group a moment longer. */
static void group_remove(const char *dir)
{
	bool removed = coop_wait(!rmdir(dir) || errno == ENOENT, 5000);

	TEST_ASSERT(removed, "rmdir %s: %s", dir, strerror(errno));
}

static void group_add(const char *dir, pid_t tid)
{
	char text[20];

	snprintf(text, sizeof(text), "%d", tid);
	write_file(dir, "cgroup.threads", text);
}

/* --- fixture -------------------------------------------------------------- */

FIXTURE(budget) {
	struct kvm_coop_config config;
	struct kvm_vcpu *vcpus[COOP_VCPUS];
	struct coop_thread t[COOP_VCPUS];
	struct coop_hog hog;
	struct coop_hog mate;
	struct kvm_vm *vm;
	int stats[COOP_VCPUS];
	/* of the guest function; of guest_ask(), 0: it never asks */
	uint32_t arg;
};

FIXTURE_SETUP(budget)
{
	COOP_REQUIRE();
	__TEST_REQUIRE(sysconf(_SC_NPROCESSORS_ONLN) >= 2, "one CPU only");
	__TEST_REQUIRE(!access(CGROUPS "cgroup.subtree_control", W_OK),
		       "cgroup v2 is not mounted");
	self->config = coop_config(KVM_COOP_POLICY_RT);
	self->arg = KVM_COOP_INTENT_RT;
	coop_pin(OTHER_CPU);
	write_file(CGROUPS, "cgroup.subtree_control", "+cpu");
	group_make(VM_GROUP, "50");
	group_make(HOG_GROUP, "100");
	coop_hog_start(&self->hog, VCPU_CPU);
}

FIXTURE_TEARDOWN(budget)
{
	coop_hog_stop(&self->hog);
	group_remove(INNER_GROUP);
	group_remove(VM_GROUP);
	group_remove(HOG_GROUP);
}

static void start(struct _test_data_budget *self, int i, coop_guest_fn fn,
		  uint64_t arg)
{
	coop_register(self->vcpus[i]);
	/* impossible while it runs */
	self->stats[i] = vcpu_get_stats_fd(self->vcpus[i]);
	self->t[i].vcpu = self->vcpus[i];
	self->t[i].cpu = VCPU_CPU;
	coop_thread_start(&self->t[i], fn, arg);
}

/* vCPUs that all do the same; the VM comes last, tests configure it before. */
static void begin(struct _test_data_budget *self, int vcpus, coop_guest_fn fn)
{
	int i;

	self->vm = coop_vm(&self->config, COOP_VCPUS, self->vcpus);
	vm_install_exception_handler(self->vm, COOP_VECTOR, burst_handler);
	for (i = 0; i < vcpus; i++)
		start(self, i, fn, self->arg);
}

static void begin_in(struct _test_data_budget *self, const char *group,
		     coop_guest_fn fn)
{
	begin(self, 1, fn);
	group_add(group, self->t[0].tid);
	group_add(HOG_GROUP, self->hog.tid);
}

static void finish(struct __test_metadata *_metadata,
		   struct _test_data_budget *self, int vcpus)
{
	int i;

	for (i = 0; i < vcpus; i++) {
		coop_thread_stop(&self->t[i]);
		EXPECT_EQ(0, self->t[i].runs_not_fair);
		close(self->stats[i]);
	}
	kvm_vm_free(self->vm);
}

/*
 * The share of one clock's thread, beside whatever else runs. Median of three,
 * since an emulator that stands still for a while spoils a measurement.
 * @disturb, if any, is called about each millisecond.
 */
static uint64_t share_of(struct __test_metadata *_metadata,
			 struct _test_data_budget *self, clockid_t clock,
			 void (*disturb)(struct _test_data_budget *self, int n))
{
	uint64_t share[ROUNDS], used, wall;
	int i, n = 0;

	usleep(200000);
	for (i = 0; i < ROUNDS; i++) {
		used = coop_cpu_ns(clock);
		wall = coop_now_ns();
		while (coop_now_ns() - wall < ROUND_MS * COOP_MS) {
			usleep(disturb ? 1000 : 100000);
			if (disturb)
				disturb(self, n++);
		}
		wall = coop_now_ns() - wall;
		share[i] = (coop_cpu_ns(clock) - used) * 1000 / wall;
	}
	TH_LOG("share: %lu, %lu, %lu of 1000", share[0], share[1], share[2]);
	return coop_median(share[0], share[1], share[2]);
}

static uint64_t counter(struct _test_data_budget *self, int vcpu,
			const char *name)
{
	return coop_read_stat(self->stats[vcpu], name);
}

static uint64_t boosted_ns(struct _test_data_budget *self, int vcpus)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < vcpus; i++)
		sum += counter(self, i, "coop_boosted_ns");
	return sum;
}

/*
 * Parts per thousand of a CPU that the vCPUs used boosted, together. Median of
 * three, as share_of().
 */
static uint64_t boosted_share(struct __test_metadata *_metadata,
			      struct _test_data_budget *self, int vcpus)
{
	uint64_t share[ROUNDS], used, wall;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		used = boosted_ns(self, vcpus);
		wall = coop_now_ns();
		usleep(ROUND_MS * 1000);
		used = boosted_ns(self, vcpus) - used;
		wall = coop_now_ns() - wall;
		share[i] = used * 1000 / wall;
	}
	TH_LOG("boosted: %lu, %lu, %lu of 1000", share[0], share[1], share[2]);
	return coop_median(share[0], share[1], share[2]);
}

/* Nothing but the budget is to limit the guest. */
static void only_budget(struct _test_data_budget *self)
{
	self->config.flags = KVM_COOP_CONFIG_NO_CHARGE;
	self->config.features = KVM_COOP_F_RT;
	self->config.rt_rate_permille = 900;
	self->config.vm_rt_rate_permille = 2000;
	self->config.rt_burst_us = 5000;
	self->config.vm_rt_burst_us = 5000;
}

/* --- budgets -------------------------------------------------------------- */

TEST_F(budget, vcpu)
{
	uint64_t share;

	only_budget(self);
	self->config.rt_rate_permille = 200;
	begin(self, 1, guest_ask);
	usleep(500000);
	share = boosted_share(_metadata, self, 1);
	/* a debug kernel's timers are late, and what they let pass is owed */
	EXPECT_GE(230, share);
	EXPECT_LE(100, share);
	finish(_metadata, self, 1);
}

TEST_F(budget, vm)
{
	only_budget(self);
	self->config.vm_rt_rate_permille = 200;
	begin(self, 2, guest_ask);
	usleep(500000);
	EXPECT_GE(230, boosted_share(_metadata, self, 2));
	finish(_metadata, self, 2);
}

/* An empty budget is told to the guest, with its end, and counted. */
TEST_F(budget, throttled)
{
	struct coop_ctl *ctl;

	only_budget(self);
	self->config.rt_rate_permille = 100;
	begin(self, 1, guest_ask_and_look);
	ctl = host_ctl(self->vm, 0);
	EXPECT_TRUE(coop_wait(READ_ONCE(ctl->step) > 100, 10000));
	EXPECT_LT(0, counter(self, 0, "coop_throttles"));
	EXPECT_LT(0, counter(self, 0, "coop_refused_budget"));
	EXPECT_EQ(0, counter(self, 0, "coop_refused_debt"));
	EXPECT_GE(1 + ctl->step / 100, ctl->value);
	finish(_metadata, self, 1);
}

/* --- cgroups: weight ------------------------------------------------------ */

/* 100 : 50; what the group's task used while boosted is the group's. */
TEST_F(budget, weight)
{
	begin_in(self, VM_GROUP, guest_ask);
	EXPECT_LE(646, share_of(_metadata, self, self->hog.clock, NULL));
	finish(_metadata, self, 1);
}

TEST_F(budget, weight_nested)
{
	write_file(VM_GROUP, "cgroup.subtree_control", "+cpu");
	group_make(INNER_GROUP, "100");
	begin_in(self, INNER_GROUP, guest_ask);
	EXPECT_LE(646, share_of(_metadata, self, self->hog.clock, NULL));
	finish(_metadata, self, 1);
}

/* The tests above can see something. */
TEST_F(budget, weight_no_charge)
{
	self->config.flags = KVM_COOP_CONFIG_NO_CHARGE;
	self->config.rt_rate_permille = 900;
	self->config.rt_burst_us = 50000;
	begin_in(self, VM_GROUP, guest_ask);
	EXPECT_GE(400, share_of(_metadata, self, self->hog.clock, NULL));
	finish(_metadata, self, 1);
}

/* The group stays queued while its vCPU is boosted: another task of it waits. */
TEST_F(budget, weight_with_mate)
{
	coop_hog_start(&self->mate, VCPU_CPU);
	group_add(VM_GROUP, self->mate.tid);
	begin_in(self, VM_GROUP, guest_ask);
	EXPECT_LE(646, share_of(_metadata, self, self->hog.clock, NULL));
	/* and has its half of what the group has */
	EXPECT_LE(140, share_of(_metadata, self, self->mate.clock, NULL));
	finish(_metadata, self, 1);
	coop_hog_stop(&self->mate);
}

/* The second one finds the boost of the first. */
static void interrupt(struct _test_data_budget *self, int n)
{
	coop_send_msi(self->vm);
	coop_send_msi(self->vm);
}

static void expect_shares(struct __test_metadata *_metadata,
			  struct _test_data_budget *self, uint64_t vcpu,
			  uint64_t hog)
{
	EXPECT_LE(vcpu, share_of(_metadata, self, self->t[0].clock, interrupt));
	/* that it did borrow; how often is the machine's matter */
	EXPECT_LT(200, counter(self, 0, "coop_boosts_irq"));
	EXPECT_LE(hog, share_of(_metadata, self, self->hog.clock, interrupt));
	finish(_metadata, self, 1);
}

/*
 * Whoever borrows often, and wants to run all the time, gets its share, too: what
 * it waited for before a boost is not forgotten.
 */
TEST_F(budget, bursts)
{
	self->arg = 200;
	begin(self, 1, guest_in_bursts);
	expect_shares(_metadata, self, 480, 480);
}

TEST_F(budget, bursts_in_group)
{
	self->arg = 200;
	begin_in(self, VM_GROUP, guest_in_bursts);
	expect_shares(_metadata, self, 320, 646);
}

static int compare_ns(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * After how many ns are interrupts handled? The 90th percentile. There are so many
 * @competitors, of which vCPU 0 is one. They come as seldom as it takes, on a slow machine, that
 * the bursts need but half of its share: beyond that they wait for what they owe.
 */
static uint64_t irq_latency(struct _test_data_budget *self, int competitors)
{
	uint64_t begin = coop_now_ns(), boosted = boosted_ns(self, 1), sent;
	struct coop_ctl *ctl = host_ctl(self->vm, 0);
	uint64_t ns[IRQS];
	uint32_t seen;
	int i;

	for (i = 0; i < IRQS; i++) {
		seen = READ_ONCE(ctl->irqs);
		sent = coop_now_ns();
		coop_send_msi(self->vm);
		coop_wait(READ_ONCE(ctl->irqs) != seen, 1000);
		ns[i] = coop_now_ns() - sent;
		do {
			usleep(10000);
		} while ((boosted_ns(self, 1) - boosted) * 2 * competitors >
			 coop_now_ns() - begin);
	}
	qsort(ns, IRQS, sizeof(*ns), compare_ns);
	return ns[IRQS * 9 / 10];
}

/*
 * Beside @abusers that borrow whenever they can and for long: the bursts of another
 * one do not wait for the ends of their grants, nor for what they owe each other.
 * What the machine is late by is seen beside as many that just compute.
 */
static void expect_bursts_first(struct __test_metadata *_metadata,
				struct _test_data_budget *self,
				coop_guest_fn bursts, uint64_t us,
				int abusers)
{
	struct coop_hog hogs[COOP_VCPUS] = { };
	uint64_t usual, latency, most;
	int i;

	/* a slow machine takes milliseconds until the guest has the interrupt */
	self->config.irq_bound_us = 10000;
	self->config.irq_rate_permille = 900;
	self->config.rt_bound_us = 50000;
	self->config.rt_burst_us = 50000;
	self->config.vm_rt_burst_us = 200000;
	self->config.rt_rate_permille = 900;
	self->config.vm_rt_rate_permille = 2000;
	self->config.debt_limit_us = 10000;
	self->arg = us;
	begin(self, 1, bursts);
	for (i = 1; i <= abusers; i++)
		coop_hog_start(&hogs[i], VCPU_CPU);
	usleep(500000);
	usual = irq_latency(self, abusers + 2);
	for (i = 1; i <= abusers; i++)
		coop_hog_stop(&hogs[i]);
	for (i = 1; i <= abusers; i++)
		start(self, i, guest_ask, KVM_COOP_INTENT_RT);
	usleep(500000);
	latency = irq_latency(self, abusers + 2);
	TH_LOG("p90: %lu us, usually %lu us", latency / 1000, usual / 1000);
	most = 2 * usual;
	if (most < 5 * COOP_MS)
		most = 5 * COOP_MS;
	EXPECT_GE(most, latency);
	for (i = 1; i <= abusers; i++)
		EXPECT_LT(0, counter(self, i, "coop_boosts_rt"));
	/* one that sleeps has to be woken to see it */
	WRITE_ONCE(host_ctl(self->vm, 0)->stop, 1);
	coop_send_msi(self->vm);
	finish(_metadata, self, 1 + abusers);
}

TEST_F(budget, order_of_borrowers)
{
	expect_bursts_first(_metadata, self, guest_in_bursts, 1000, 1);
}

/* These are behind their share themselves, for having waited for each other. */
TEST_F(budget, sleeper_before_many)
{
	expect_bursts_first(_metadata, self, guest_asleep, 200, 3);
}

/* Reweighting bounds the lag; it must not forgive the debt. */
static void change_weight(struct _test_data_budget *self, int n)
{
	write_file(VM_GROUP, "cpu.weight", n & 1 ? "50" : "49");
}

/*
 * What a group in debt runs by itself before it is reweighted is forgiven as far
 * as its lag is bounded: 1 % is lost for that, 5 % on a slow debug kernel.
 */
static void expect_same_with_changes(struct __test_metadata *_metadata,
				     struct _test_data_budget *self)
{
	uint64_t without, with;

	self->arg = 0;
	begin_in(self, VM_GROUP, guest_ask);
	without = share_of(_metadata, self, self->hog.clock, change_weight);
	finish(_metadata, self, 1);

	self->arg = KVM_COOP_INTENT_RT;
	begin_in(self, VM_GROUP, guest_ask);
	with = share_of(_metadata, self, self->hog.clock, change_weight);
	EXPECT_LE(without * 97 / 100, with);
	finish(_metadata, self, 1);
}

TEST_F(budget, weight_changes)
{
	expect_same_with_changes(_metadata, self);
}

TEST_F(budget, weight_changes_with_mate)
{
	coop_hog_start(&self->mate, VCPU_CPU);
	group_add(VM_GROUP, self->mate.tid);
	expect_same_with_changes(_metadata, self);
	coop_hog_stop(&self->mate);
}

/* --- the thread itself ---------------------------------------------------- */

static void change_nice(struct _test_data_budget *self, int n)
{
	setpriority(PRIO_PROCESS, self->t[0].tid, n & 1);
}

/* nice 0 and 1 by turns: 1024 and 820 against 1024 */
TEST_F(budget, nice_changes)
{
	begin(self, 1, guest_ask);
	EXPECT_LE(480, share_of(_metadata, self, self->hog.clock, change_nice));
	finish(_metadata, self, 1);
}

static void move_vcpu(struct _test_data_budget *self, int n)
{
	cpu_set_t set;

	if (n % 5)
		return;
	CPU_ZERO(&set);
	CPU_SET(n / 5 % 2 ? VCPU_CPU : OTHER_CPU, &set);
	sched_setaffinity(self->t[0].tid, sizeof(set), &set);
}

/*
 * Half of the time on either CPU, on which it gets half: a quarter of each. The
 * test's own use of OTHER_CPU makes the vCPU wait there; of VCPU_CPU it cannot
 * take more for that.
 */
TEST_F(budget, migration)
{
	coop_hog_start(&self->mate, OTHER_CPU);
	begin(self, 1, guest_ask);
	EXPECT_LE(700, share_of(_metadata, self, self->hog.clock, move_vcpu));
	finish(_metadata, self, 1);
	coop_hog_stop(&self->mate);
}

/* --- cgroups: quota ------------------------------------------------------- */

/* Boosted time uses the quota, and an empty quota ends the boost. */
TEST_F(budget, quota)
{
	write_file(VM_GROUP, "cpu.max", "20000 100000");
	begin_in(self, VM_GROUP, guest_ask);
	EXPECT_GE(230, share_of(_metadata, self, self->t[0].clock, NULL));
	finish(_metadata, self, 1);
	write_file(VM_GROUP, "cpu.max", "max 100000");
}

TEST_F(budget, quota_alone)
{
	write_file(VM_GROUP, "cpu.max", "20000 100000");
	begin_in(self, VM_GROUP, guest_ask);
	coop_hog_stop(&self->hog);
	EXPECT_GE(230, share_of(_metadata, self, self->t[0].clock, NULL));
	finish(_metadata, self, 1);
	write_file(VM_GROUP, "cpu.max", "max 100000");
	coop_hog_start(&self->hog, VCPU_CPU);
}

TEST_HARNESS_MAIN
