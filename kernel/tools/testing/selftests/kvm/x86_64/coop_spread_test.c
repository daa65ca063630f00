// SPDX-License-Identifier: GPL-2.0
/*
 * kvm-coop: where a vCPU wakes whose sibling uses the pCPU, or did a moment ago.
 *
 * The sibling is pinned to one CPU. The vCPU looked at slept there last and may
 * run anywhere; the test looks from the other CPU.
 */
#include "coop_test.h"

#define SIBLING_CPU	1
#define OTHER_CPU	0

#define WATCH_MS	1000

/*
 * The APIC timer's ticks are ns. A task that has used up its share sleeps on the run
 * queue, and its wakeup places it nowhere: beside a competitor it naps for longer.
 */
#define SHORT_NAP	2000000
#define NAP		20000000
#define LONG_NAP	1000000000

#define SOON_MS		15000

/* --- guest ---------------------------------------------------------------- */

static void timer_handler(struct ex_regs *regs)
{
	x2apic_write_reg(APIC_EOI, 0);
}

static void guest_nap(int id, uint64_t ticks)
{
	struct coop_ctl *ctl = guest_ctl(id);

	x2apic_enable();
	x2apic_write_reg(APIC_TDCR, 0xb);
	x2apic_write_reg(APIC_LVTT, COOP_VECTOR);
	while (!READ_ONCE(ctl->stop)) {
		x2apic_write_reg(APIC_TMICT, ticks);
		guest_halt();
		WRITE_ONCE(ctl->step, ctl->step + 1);
	}
}

static void guest_compute(int id, uint64_t unused)
{
	struct coop_ctl *ctl = guest_ctl(id);

	while (!READ_ONCE(ctl->stop))
		barrier();
}

/* --- fixture -------------------------------------------------------------- */

FIXTURE(spread) {
	struct kvm_coop_config config;
	struct kvm_vcpu *vcpus[2];
	struct coop_thread t, sibling;
	struct coop_hog hog;
	struct kvm_vm *vm;
	int stats;
};

FIXTURE_SETUP(spread)
{
	COOP_REQUIRE();
	__TEST_REQUIRE(sysconf(_SC_NPROCESSORS_ONLN) >= 2, "one CPU only");
	self->config = coop_config(KVM_COOP_POLICY_RT);
	self->config.flags = KVM_COOP_CONFIG_SPREAD;
	coop_pin(OTHER_CPU);
}

FIXTURE_TEARDOWN(spread)
{
}

static void allow(struct coop_thread *t, bool other_cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(SIBLING_CPU, &set);
	if (other_cpu)
		CPU_SET(OTHER_CPU, &set);
	TEST_ASSERT(!sched_setaffinity(t->tid, sizeof(set), &set), "affinity");
}

/* Both run where the sibling is; coop_vm() has registered nobody. */
static void begin(struct _test_data_spread *self, uint64_t nap,
		  coop_guest_fn sibling, uint64_t arg)
{
	int i;

	self->vm = coop_vm(&self->config, 2, self->vcpus);
	vm_install_exception_handler(self->vm, COOP_VECTOR, timer_handler);
	for (i = 0; i < 2; i++)
		coop_register(self->vcpus[i]);
	self->stats = vcpu_get_stats_fd(self->vcpus[0]);
	self->t = (struct coop_thread){
		.vcpu = self->vcpus[0], .cpu = SIBLING_CPU,
	};
	self->sibling = (struct coop_thread){
		.vcpu = self->vcpus[1], .cpu = SIBLING_CPU,
	};
	coop_thread_start(&self->sibling, sibling, arg);
	coop_thread_start(&self->t, guest_nap, nap);
	TEST_ASSERT(coop_wait(READ_ONCE(host_ctl(self->vm, 0)->step) > 2, 5000),
		    "the vCPU does not run");
}

static void finish(struct __test_metadata *_metadata,
		   struct _test_data_spread *self)
{
	coop_thread_stop(&self->t);
	coop_thread_abandon(&self->sibling);
	EXPECT_EQ(0, self->t.runs_not_fair);
	close(self->stats);
	kvm_vm_free(self->vm);
}

/* The scheduler itself finds an idle CPU; so there is none. */
static void begin_beside_hog(struct _test_data_spread *self)
{
	coop_hog_start(&self->hog, OTHER_CPU);
	begin(self, NAP, guest_compute, 0);
}

static void finish_beside_hog(struct __test_metadata *_metadata,
			      struct _test_data_spread *self)
{
	finish(_metadata, self);
	coop_hog_stop(&self->hog);
}

static uint64_t spread(struct _test_data_spread *self)
{
	return coop_read_stat(self->stats, "coop_spread");
}

/* Let it run anywhere for a while: how often was it put elsewhere? */
static uint64_t watch(struct _test_data_spread *self)
{
	allow(&self->t, true);
	usleep(WATCH_MS * 1000);
	return spread(self);
}

/*
 * Let it run anywhere until it was. Asleep: a CPU that is used here is a busy one. If
 * the scheduler itself has moved it, it is brought back for another attempt.
 */
static bool soon_spread(struct _test_data_spread *self)
{
	uint64_t end = coop_now_ns() + SOON_MS * COOP_MS;

	while (!spread(self) && coop_now_ns() < end) {
		allow(&self->t, false);
		usleep(2 * NAP / 1000);
		allow(&self->t, true);
		usleep(5 * NAP / 1000);
	}
	return spread(self);
}

/* --- what it must leave alone --------------------------------------------- */

TEST_F(spread, none_touches_nobody)
{
	struct kvm_vm *vm = vm_create(1);

	self->config.policy = KVM_COOP_POLICY_NONE;
	EXPECT_EQ(-1, coop_enable(vm, &self->config));
	EXPECT_EQ(EINVAL, errno);
	kvm_vm_free(vm);
}

TEST_F(spread, off)
{
	self->config.flags = 0;
	begin_beside_hog(self);
	EXPECT_EQ(0, watch(self));
	finish_beside_hog(_metadata, self);
}

TEST_F(spread, pinned)
{
	begin_beside_hog(self);
	usleep(WATCH_MS * 1000);
	EXPECT_EQ(0, spread(self));
	finish_beside_hog(_metadata, self);
}

/* One that has nothing to do for long does not keep its CPU. */
TEST_F(spread, sleeping_sibling)
{
	begin(self, SHORT_NAP, guest_nap, LONG_NAP);
	usleep(100000);
	/* around the sibling's own wakeups, of which there are two */
	EXPECT_GE(20, watch(self));
	finish(_metadata, self);
}

/* --- what it is for ------------------------------------------------------- */

TEST_F(spread, computing_sibling)
{
	begin_beside_hog(self);
	EXPECT_TRUE(soon_spread(self));
	finish_beside_hog(_metadata, self);
}

/* Its CPU looks idle in between: "deceptive idleness". */
TEST_F(spread, napping_sibling)
{
	begin(self, SHORT_NAP, guest_nap, SHORT_NAP * 3 / 2);
	EXPECT_TRUE(soon_spread(self));
	finish(_metadata, self);
}

/* A vCPU that leaves KVM_RUN and comes back has lost nothing of that. */
TEST_F(spread, run_again)
{
	int i;

	begin_beside_hog(self);
	for (i = 0; i < 20; i++) {
		pthread_kill(self->t.thread, COOP_SIGNAL);
		usleep(5000);
	}
	EXPECT_EQ(0, spread(self));
	EXPECT_TRUE(soon_spread(self));
	finish_beside_hog(_metadata, self);
}

TEST_HARNESS_MAIN
