// SPDX-License-Identifier: GPL-2.0
/*
 * kvm-coop: when a vCPU thread is boosted and when no more, as others see it.
 *
 * The vCPU thread and a competitor are pinned to one CPU, the test looks from
 * another one. What the earlier RFC "Dynamic vcpu priority management in kvm"
 * got wrong, and the test for it (the rest of the list is in coop_msr_test.c):
 *
 *   idle guests run into the bound of
 *	preempt-disabled time			boost.preempt_count_never_starts
 *   thread stays RT when the MSR is cleared	boost.unregister
 *   thread stays RT when the page is gone	boost.memory_deleted
 *   re-registration, reset and the end of the
 *	vCPU do not demote			boost.register_again, reset_by_init,
 *						boost.killed, boost.other_thread
 *   unboost drops an administrator's policy	boost.class_set_*
 *   the thread is RT in user space		boost.exit_to_user
 *   status and class disagree			boost.status_matches
 *   naive bound				boost.bound, boost.charge
 *   update on every exit			boost.idle_exits_unchanged
 *   guest memory outside of SRCU, no common
 *	lock					all, and coop_smp_test, on a kernel with
 *						PROVE_RCU, PROVE_LOCKING and KASAN
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include "coop_test.h"

#define VCPU_CPU	1
#define OTHER_CPU	0
#define OTHER_SLOT	12
#define OTHER_GPA	(COOP_GPA + (1ULL << 27))

/* Long enough for a slow emulator with a debug kernel. */
#define SOON_MS		5000

/* --- guest side ----------------------------------------------------------- */

static void ack(struct kvm_coop_page *page)
{
	WRITE_ONCE(page->guest.irq_ack, READ_ONCE(page->host.irq_ticket));
}

static bool boosted(const struct kvm_coop_page *page)
{
	return READ_ONCE(page->host.status) & KVM_COOP_STATUS_BOOSTED;
}

static void guest_delay_us(uint64_t us)
{
	uint64_t end = rdtsc() + us * guest_tsc_khz / 1000;

	while (rdtsc() < end)
		asm volatile("pause");
}

/* Or until the test ends. */
static void ask_until_boosted(struct kvm_coop_page *page,
			      const struct coop_ctl *ctl)
{
	WRITE_ONCE(page->guest.intent, KVM_COOP_INTENT_RT);
	while (!boosted(page) && !READ_ONCE(ctl->stop))
		asm volatile("pause");
}

/* Ask, yield as soon as it was granted, wait a little, again. */
static void guest_ask_and_yield(int id, uint64_t flags)
{
	struct kvm_coop_page *page = guest_page(id);
	struct coop_ctl *ctl = guest_ctl(id);

	while (!READ_ONCE(ctl->stop)) {
		ask_until_boosted(page, ctl);
		ack(page);
		WRITE_ONCE(page->guest.intent, 0);
		kvm_hypercall(KVM_HC_COOP_YIELD, flags, 0, 0, 0);
		ctl->value += boosted(page);
		WRITE_ONCE(ctl->step, ctl->step + 1);
		guest_delay_us(2000);
	}
}

/* What it asked for is done at an exit in the middle of a critical section. */
static void guest_end_in_section(int id, uint64_t us)
{
	struct kvm_coop_page *page = guest_page(id);
	struct coop_ctl *ctl = guest_ctl(id);
	uint32_t unused;

	while (!READ_ONCE(ctl->stop)) {
		ask_until_boosted(page, ctl);
		guest_delay_us(us);
		WRITE_ONCE(*guest_count(id), 1);
		WRITE_ONCE(page->guest.intent, 0);
		cpuid(0, &unused, &unused, &unused, &unused);
		WRITE_ONCE(*guest_count(id), 0);
		cpuid(0, &unused, &unused, &unused, &unused);
		WRITE_ONCE(ctl->step, ctl->step + 1);
	}
}

/* The bound comes in the middle of a critical section, without an exit. */
static void guest_bound_in_section(int id, uint64_t us)
{
	struct kvm_coop_page *page = guest_page(id);
	struct coop_ctl *ctl = guest_ctl(id);
	uint32_t unused;

	while (!READ_ONCE(ctl->stop)) {
		ask_until_boosted(page, ctl);
		WRITE_ONCE(*guest_count(id), 1);
		WRITE_ONCE(page->guest.intent, 0);
		guest_delay_us(us);
		WRITE_ONCE(*guest_count(id), 0);
		cpuid(0, &unused, &unused, &unused, &unused);
		WRITE_ONCE(ctl->step, ctl->step + 1);
	}
}

/* Be in user space as often as possible while boosted. */
static void guest_exit_boosted(int id, uint64_t times)
{
	struct kvm_coop_page *page = guest_page(id);
	struct coop_ctl *ctl = guest_ctl(id);

	WRITE_ONCE(page->guest.intent, KVM_COOP_INTENT_RT);
	while (!READ_ONCE(ctl->stop) && !boosted(page))
		asm volatile("pause");
	ctl->value += boosted(page);
	if (READ_ONCE(ctl->stop))
		WRITE_ONCE(page->guest.intent, 0);
}

/* Wait for a boost, then write the MSR and go on using CPU time. */
static void guest_wrmsr_boosted(int id, uint64_t value)
{
	struct kvm_coop_page *page = guest_page(id);
	struct coop_ctl *ctl = guest_ctl(id);

	ask_until_boosted(page, ctl);
	WRITE_ONCE(page->guest.intent, 0);
	ctl->vector = wrmsr_safe(MSR_KVM_COOP, value);
	WRITE_ONCE(ctl->step, 1);
	while (!READ_ONCE(ctl->stop))
		asm volatile("pause");
}

static void timer_handler(struct ex_regs *regs)
{
	struct coop_ctl *ctl = guest_ctl(0);

	WRITE_ONCE(ctl->irqs, ctl->irqs + 1);
	x2apic_write_reg(APIC_EOI, 0);
}

static void arm_timer_us(uint64_t us)
{
	/* the APIC bus has 1 GHz */
	x2apic_write_reg(APIC_TMICT, us * 1000);
}

static void timer_init(void)
{
	x2apic_enable();
	x2apic_write_reg(APIC_TDCR, 0xb);
	x2apic_write_reg(APIC_LVTT, COOP_VECTOR);
}

/* Sleep until the timer, work for @us, acknowledge. */
static void guest_timer(int id, uint64_t us)
{
	struct kvm_coop_page *page = guest_page(id);
	struct coop_ctl *ctl = guest_ctl(id);
	uint64_t seen;

	timer_init();
	while (!READ_ONCE(ctl->stop)) {
		seen = READ_ONCE(ctl->irqs);
		arm_timer_us(3170);
		while (READ_ONCE(ctl->irqs) == seen)
			guest_halt();
		guest_delay_us(us);
		ack(page);
	}
}

/* Use CPU time with this intent, interrupted all the time. */
#define IRQ_NO_ACK	BIT_ULL(32)

static void guest_spin_with_timer(int id, uint64_t intent)
{
	struct kvm_coop_page *page = guest_page(id);
	struct coop_ctl *ctl = guest_ctl(id);
	uint64_t seen;

	WRITE_ONCE(page->guest.intent, (uint32_t)intent);
	timer_init();
	while (!READ_ONCE(ctl->stop)) {
		seen = READ_ONCE(ctl->irqs);
		arm_timer_us(500);
		while (READ_ONCE(ctl->irqs) == seen)
			guest_irq_window();
		if (!(intent & IRQ_NO_ACK))
			ack(page);
	}
}

/* Sleep until somebody else interrupts, work for @us. */
static void guest_wait(int id, uint64_t us)
{
	struct kvm_coop_page *page = guest_page(id);
	struct coop_ctl *ctl = guest_ctl(id);

	x2apic_enable();
	WRITE_ONCE(ctl->step, 1);
	while (!READ_ONCE(ctl->stop)) {
		guest_halt();
		guest_delay_us(us);
		ack(page);
	}
}

/* One interrupt, never acknowledged, then only CPU time. */
static void guest_no_ack(int id, uint64_t unused)
{
	struct coop_ctl *ctl = guest_ctl(id);
	uint64_t seen = READ_ONCE(ctl->irqs);

	timer_init();
	arm_timer_us(20000);
	while (READ_ONCE(ctl->irqs) == seen)
		guest_halt();
	WRITE_ONCE(ctl->step, 1);
	while (!READ_ONCE(ctl->stop))
		asm volatile("pause");
}

static void guest_send_init(int id, uint64_t target)
{
	x2apic_enable();
	x2apic_write_reg(APIC_ICR, (target << 32) | APIC_DM_INIT |
				   APIC_INT_ASSERT);
}

/* --- fixture -------------------------------------------------------------- */

FIXTURE(boost) {
	struct kvm_coop_config config;
	struct kvm_vcpu *vcpus[2];
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	int stats;
	struct kvm_coop_page *page;
	struct coop_ctl *ctl;
	struct coop_thread t;
	struct coop_hog hog;
};

FIXTURE_SETUP(boost)
{
	COOP_REQUIRE();
	__TEST_REQUIRE(sysconf(_SC_NPROCESSORS_ONLN) >= 2, "one CPU only");
	self->config = coop_config(KVM_COOP_POLICY_RT);
	/* a vCPU that always runs is often in debt: tests wait for boosts */
	self->config.debt_limit_us = get_kvm_param_integer("coop_max_debt_limit_us");
	coop_pin(OTHER_CPU);
	coop_hog_start(&self->hog, VCPU_CPU);
}

FIXTURE_TEARDOWN(boost)
{
	coop_hog_stop(&self->hog);
}

/* The VM comes last: tests change the configuration before. */
static void prepare(struct _test_data_boost *self)
{
	self->vm = coop_vm(&self->config, 2, self->vcpus);
	self->vcpu = self->vcpus[0];
	self->page = host_page(self->vm, 0);
	self->ctl = host_ctl(self->vm, 0);
	vm_install_exception_handler(self->vm, COOP_VECTOR, timer_handler);
	coop_register(self->vcpu);
	self->stats = vcpu_get_stats_fd(self->vcpu);
	self->t.vcpu = self->vcpu;
	self->t.cpu = VCPU_CPU;
}

/* Register with a preempt count, in which @mask says "preemption disabled". */
static void prepare_count(struct _test_data_boost *self, uint32_t mask)
{
	prepare(self);
	self->page->setup.preempt_count_gpa = coop_count_gpa(0);
	self->page->setup.pc_preempt_mask = mask;
	coop_register(self->vcpu);
}

static void begin(struct _test_data_boost *self, coop_guest_fn fn, uint64_t arg)
{
	prepare(self);
	coop_thread_start(&self->t, fn, arg);
}

static uint64_t counter(struct _test_data_boost *self, const char *name)
{
	return coop_read_stat(self->stats, name);
}

static uint64_t counter_boosts(struct _test_data_boost *self)
{
	return counter(self, "coop_boosts_irq") + counter(self, "coop_boosts_rt") +
	       counter(self, "coop_deferrals");
}

static uint64_t counter_ends(struct _test_data_boost *self)
{
	return counter(self, "coop_ends_yield") + counter(self, "coop_ends_exit") +
	       counter(self, "coop_ends_expired") +
	       counter(self, "coop_ends_wakeup") + counter(self, "coop_ends_user");
}

static bool is_fifo(struct _test_data_boost *self)
{
	return coop_getattr(self->t.tid).policy == SCHED_FIFO;
}

static bool is_fair(struct _test_data_boost *self)
{
	return coop_getattr(self->t.tid).policy == SCHED_OTHER;
}

static bool wait_fifo(struct _test_data_boost *self)
{
	return coop_wait(is_fifo(self), SOON_MS);
}

/*
 * The guest asks for nothing any more, and KVM knows: a look at the page that
 * was under way may still boost, and the exit after it ends that.
 */
static bool end_intent(struct _test_data_boost *self)
{
	uint64_t exits;

	WRITE_ONCE(self->page->guest.intent, 0);
	exits = counter(self, "exits");
	return coop_wait(counter(self, "exits") >= exits + 3, SOON_MS);
}

/* Boosted at no time within @ms? */
static bool stays_fair(struct _test_data_boost *self, int ms)
{
	return !coop_wait(!is_fair(self), ms);
}

static void end_vm(struct _test_data_boost *self)
{
	close(self->stats);
	kvm_vm_free(self->vm);
}

/* End the run; every test leaves the thread and the counters in order. */
static void finish(struct __test_metadata *_metadata,
		   struct _test_data_boost *self)
{
	coop_thread_stop(&self->t);
	EXPECT_EQ(0, self->t.runs_not_fair);
	EXPECT_EQ(counter_boosts(self), counter_ends(self));
	end_vm(self);
}

static uint64_t share_once(struct _test_data_boost *self, int ms)
{
	uint64_t hog = coop_cpu_ns(self->hog.clock);
	uint64_t vcpu = coop_cpu_ns(self->t.clock);

	usleep(ms * 1000);
	hog = coop_cpu_ns(self->hog.clock) - hog;
	vcpu = coop_cpu_ns(self->t.clock) - vcpu;
	return hog * 1000 / (hog + vcpu);
}

/*
 * Parts per thousand that the competitor gets while the guest runs. Median of
 * three, since an emulator that stands still for a while spoils a measurement.
 */
static uint64_t competitor_share(struct __test_metadata *_metadata,
				 struct _test_data_boost *self)
{
	uint64_t share[3];
	int i;

	usleep(200000);
	for (i = 0; i < 3; i++)
		share[i] = share_once(self, 2000);
	TH_LOG("competitor: %lu, %lu, %lu of 1000", share[0], share[1], share[2]);
	return coop_median(share[0], share[1], share[2]);
}

/* --- a boost begins ------------------------------------------------------- */

/* One more is for a thread that has used less than its share. */
static bool has_priority(struct coop_sched_attr attr, int configured)
{
	return attr.priority == configured || attr.priority == configured + 1;
}

TEST_F(boost, rt_intent)
{
	struct coop_sched_attr attr;

	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	EXPECT_TRUE(wait_fifo(self));
	do {
		attr = coop_getattr(self->t.tid);
	} while (attr.policy != SCHED_FIFO);
	EXPECT_TRUE(has_priority(attr, 1));
	EXPECT_TRUE(coop_wait(boosted(self->page), SOON_MS));
	EXPECT_TRUE(coop_wait(is_fair(self), SOON_MS));
	finish(_metadata, self);
}

TEST_F(boost, explicit_request)
{
	begin(self, guest_ask, KVM_COOP_INTENT_REQUEST);
	EXPECT_TRUE(wait_fifo(self));
	finish(_metadata, self);
}

TEST_F(boost, configured_priority)
{
	struct coop_sched_attr attr;

	self->config.rt_priority = 7;
	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	EXPECT_TRUE(coop_wait((attr = coop_getattr(self->t.tid)).policy ==
			      SCHED_FIFO, SOON_MS));
	EXPECT_TRUE(has_priority(attr, 7));
	finish(_metadata, self);
}

/*
 * The guest that always asks stands before its competitors most of the time, one
 * that sleeps a lot does not.
 */
static bool boosted_higher(struct _test_data_boost *self)
{
	struct coop_sched_attr attr = coop_getattr(self->t.tid);

	return attr.policy == SCHED_FIFO && attr.priority == 2;
}

static bool boosted_lower(struct _test_data_boost *self)
{
	struct coop_sched_attr attr = coop_getattr(self->t.tid);

	return attr.policy == SCHED_FIFO && attr.priority == 1;
}

TEST_F(boost, lower_priority_when_ahead)
{
	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	EXPECT_TRUE(coop_wait(boosted_lower(self), SOON_MS));
	finish(_metadata, self);
}

TEST_F(boost, higher_priority_when_behind)
{
	begin(self, guest_timer, 100);
	EXPECT_TRUE(coop_wait(boosted_higher(self), SOON_MS));
	finish(_metadata, self);
}

TEST_F(boost, timer_wakes)
{
	begin(self, guest_timer, 1000);
	EXPECT_TRUE(wait_fifo(self));
	EXPECT_TRUE(coop_wait(READ_ONCE(self->ctl->irqs) > 20, SOON_MS));
	EXPECT_LT(0, counter(self, "coop_boosts_irq"));
	EXPECT_EQ(0, counter(self, "coop_boosts_rt"));
	EXPECT_NE(0, READ_ONCE(self->page->host.irq_ticket));
	EXPECT_LT(0, counter(self, "coop_wake_hist"));
	finish(_metadata, self);
}

/* From a thread on another CPU, as a device's completion would. */
TEST_F(boost, msi_wakes)
{
	bool seen = false;
	int i;

	begin(self, guest_wait, 2000);
	EXPECT_TRUE(coop_wait(READ_ONCE(self->ctl->step) == 1, SOON_MS));
	for (i = 0; i < 100 && !seen; i++) {
		coop_send_msi(self->vm);
		seen = coop_wait(is_fifo(self), 20);
	}
	EXPECT_TRUE(seen);
	EXPECT_LT(0, counter(self, "coop_boosts_irq"));
	EXPECT_EQ(0, counter(self, "coop_boosts_rt"));
	WRITE_ONCE(self->ctl->stop, 1);
	coop_send_msi(self->vm);
	finish(_metadata, self);
}

/* --- or it does not ------------------------------------------------------- */

TEST_F(boost, no_intent)
{
	begin(self, guest_ask, 0);
	EXPECT_TRUE(stays_fair(self, 500));
	EXPECT_EQ(0, counter_boosts(self));
	finish(_metadata, self);
}

/* Unknown bits and the idle bit are no reason. */
TEST_F(boost, unknown_intent)
{
	begin(self, guest_ask, ~(KVM_COOP_INTENT_RT | KVM_COOP_INTENT_REQUEST));
	EXPECT_TRUE(stays_fair(self, 500));
	EXPECT_EQ(0, counter_boosts(self));
	finish(_metadata, self);
}

TEST_F(boost, policy_none)
{
	self->config.policy = KVM_COOP_POLICY_NONE;
	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	EXPECT_TRUE(stays_fair(self, 500));
	EXPECT_EQ(0, counter_boosts(self));
	EXPECT_LT(0, READ_ONCE(self->page->facts.preempted_total));
	finish(_metadata, self);
}

TEST_F(boost, feature_not_granted)
{
	self->config.features = KVM_COOP_F_IRQ;
	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	EXPECT_TRUE(stays_fair(self, 500));
	finish(_metadata, self);
}

TEST_F(boost, vector_not_urgent)
{
	prepare(self);
	memset(self->page->guest.urgent, 0, sizeof(self->page->guest.urgent));
	coop_thread_start(&self->t, guest_timer, 1000);
	EXPECT_TRUE(stays_fair(self, 300));
	EXPECT_TRUE(coop_wait(READ_ONCE(self->ctl->irqs) > 20, SOON_MS));
	EXPECT_EQ(0, counter_boosts(self));
	finish(_metadata, self);
}

static int bulk_errno(struct kvm_vm *vm, uint64_t vcpu, uint64_t vector,
		      uint64_t on)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_COOP_BULK_VECTOR,
		.args = { vcpu, vector, on },
	};

	return __vm_ioctl(vm, KVM_ENABLE_CAP, &cap) ? errno : 0;
}

TEST_F(boost, vector_bulk_refused)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_COOP_BULK_VECTOR,
		.args = { 0, COOP_VECTOR, 1, 1 },
	};

	prepare(self);
	EXPECT_EQ(EINVAL, bulk_errno(self->vm, 0, 15, 1));
	EXPECT_EQ(EINVAL, bulk_errno(self->vm, 0, 256, 1));
	EXPECT_EQ(EINVAL, bulk_errno(self->vm, 0, ~0ULL, 1));
	EXPECT_EQ(EINVAL, bulk_errno(self->vm, 0, COOP_VECTOR, 2));
	EXPECT_EQ(EINVAL, bulk_errno(self->vm, 1ULL << 32, COOP_VECTOR, 1));
	EXPECT_EQ(ENOENT, bulk_errno(self->vm, 99, COOP_VECTOR, 1));
	EXPECT_EQ(-1, __vm_ioctl(self->vm, KVM_ENABLE_CAP, &cap));
	EXPECT_EQ(EINVAL, errno);
}

/* The VMM knows better than the guest which device can wait. */
TEST_F(boost, vector_bulk)
{
	prepare(self);
	EXPECT_EQ(0, bulk_errno(self->vm, 0, COOP_VECTOR, 1));
	coop_thread_start(&self->t, guest_timer, 1000);
	EXPECT_TRUE(stays_fair(self, 300));
	EXPECT_TRUE(coop_wait(READ_ONCE(self->ctl->irqs) > 20, SOON_MS));
	EXPECT_EQ(0, counter_boosts(self));
	EXPECT_EQ(0, bulk_errno(self->vm, 0, COOP_VECTOR, 0));
	EXPECT_TRUE(coop_wait(counter(self, "coop_boosts_irq"), SOON_MS));
	EXPECT_EQ(0, bulk_errno(self->vm, 0, COOP_VECTOR + 1, 1));
	finish(_metadata, self);
}

/* The guest says that its timers can wait, and then that they cannot. */
TEST_F(boost, timer_not_due)
{
	prepare(self);
	WRITE_ONCE(self->page->guest.timer_due, ~0ULL);
	coop_thread_start(&self->t, guest_timer, 1000);
	EXPECT_TRUE(stays_fair(self, 300));
	EXPECT_TRUE(coop_wait(READ_ONCE(self->ctl->irqs) > 20, SOON_MS));
	EXPECT_EQ(0, counter_boosts(self));
	WRITE_ONCE(self->page->guest.timer_due, 1);
	EXPECT_TRUE(coop_wait(counter(self, "coop_boosts_irq"), SOON_MS));
	finish(_metadata, self);
}

/* Who did not negotiate it cannot switch its timers off by accident. */
TEST_F(boost, timer_due_not_granted)
{
	self->config.features = KVM_COOP_F_IRQ;
	prepare(self);
	WRITE_ONCE(self->page->guest.timer_due, ~0ULL);
	coop_thread_start(&self->t, guest_timer, 1000);
	EXPECT_TRUE(coop_wait(counter(self, "coop_boosts_irq"), SOON_MS));
	finish(_metadata, self);
}

/* Nobody competes: there is nothing to win. */
TEST_F(boost, alone)
{
	coop_hog_stop(&self->hog);
	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	usleep(300000);
	EXPECT_GT(20, counter_boosts(self));
	finish(_metadata, self);
	coop_hog_start(&self->hog, VCPU_CPU);
}

/*
 * Preemption disabled is no request; the idle task runs that way for hours.
 * It counts as critical section unless the guest says that it is idle.
 */
TEST_F(boost, preempt_count_never_starts)
{
	prepare_count(self, 0xff);
	self->page->guest.intent = KVM_COOP_INTENT_IDLE;
	*host_count(self->vm, 0) = 1;

	coop_thread_start(&self->t, guest_ask, KVM_COOP_INTENT_IDLE);
	EXPECT_TRUE(stays_fair(self, 300));
	coop_thread_stop(&self->t);
	EXPECT_EQ(0, counter(self, "coop_preempted_critical"));

	coop_thread_start(&self->t, guest_ask, 0);
	EXPECT_TRUE(stays_fair(self, 300));
	EXPECT_LT(0, counter(self, "coop_preempted_critical"));
	EXPECT_EQ(0, counter_boosts(self));
	finish(_metadata, self);
}

/*
 * A guest that is always in a critical section: deferred once per time slice,
 * ended by the grace, and in the end it has no more than its share.
 */
TEST_F(boost, deferral_is_bounded)
{
	uint64_t deferrals, share;

	self->config.features |= KVM_COOP_F_DEFER;
	prepare_count(self, 0xff);
	*host_count(self->vm, 0) = 1;
	coop_thread_start(&self->t, guest_ask, 0);
	EXPECT_TRUE(coop_wait(counter(self, "coop_deferrals") > 20, SOON_MS));
	EXPECT_LT(0, counter(self, "coop_ends_expired"));
	EXPECT_EQ(0, counter(self, "coop_boosts_irq"));
	EXPECT_EQ(0, counter(self, "coop_boosts_rt"));
	deferrals = counter(self, "coop_deferrals");
	EXPECT_GE(READ_ONCE(self->page->facts.preempted_total) + 2, deferrals);
	EXPECT_FALSE(boosted(self->page));
	share = competitor_share(_metadata, self);
	EXPECT_LE(470, share);
	finish(_metadata, self);
}

/* The end of a boost comes behind the critical section that it would hit. */
static void expect_ends_behind_section(struct __test_metadata *_metadata,
				       struct _test_data_boost *self,
				       void (*guest)(int id, uint64_t us),
				       uint64_t us)
{
	uint64_t steps;

	self->config.features |= KVM_COOP_F_DEFER;
	/*
	 * In an emulator two exits may take longer than the ceiling allows, and
	 * who is in debt by then is refused.
	 */
	coop_set_parameter("coop_max_grace_us", "20000");
	self->config.grace_us = 20000;
	coop_set_parameter("coop_max_debt_limit_us", "50000");
	self->config.debt_limit_us = 50000;
	prepare(self);
	self->page->setup.preempt_count_gpa = coop_count_gpa(0);
	/* in a lock it would linger */
	self->page->setup.pc_hardirq_mask = 0xff;
	coop_register(self->vcpu);
	coop_thread_start(&self->t, guest, us);
	EXPECT_TRUE(coop_wait(READ_ONCE(self->ctl->step) > 50, SOON_MS));
	steps = self->ctl->step;
	TH_LOG("%lu ends, preempted %lu, critical %lu, bound reached %lu, refused %lu",
	       steps, counter(self, "coop_preempted"),
	       counter(self, "coop_preempted_critical"),
	       counter(self, "coop_ends_expired"),
	       counter(self, "coop_refused_debt"));
	EXPECT_LE(steps / 2, counter(self, "coop_preempted"));
	EXPECT_GE(steps / 4, counter(self, "coop_preempted_critical"));
	finish(_metadata, self);
	coop_set_parameter("coop_max_grace_us", "500");
	coop_set_parameter("coop_max_debt_limit_us", "10000");
}

TEST_F(boost, end_in_critical_section)
{
	expect_ends_behind_section(_metadata, self, guest_end_in_section, 2000);
}

TEST_F(boost, bound_in_critical_section)
{
	self->config.rt_bound_us = 1000;
	self->config.linger_us = 5000;
	expect_ends_behind_section(_metadata, self, guest_bound_in_section, 3000);
}

/* Outside of critical sections, and for the idle task, there is none. */
TEST_F(boost, deferral_needs_section)
{
	self->config.features |= KVM_COOP_F_DEFER;
	prepare_count(self, 0xff);
	coop_thread_start(&self->t, guest_ask, 0);
	EXPECT_TRUE(stays_fair(self, 300));
	coop_thread_stop(&self->t);

	/* before the count: the guest may be preempted before it says so itself */
	WRITE_ONCE(self->page->guest.intent, KVM_COOP_INTENT_IDLE);
	*host_count(self->vm, 0) = 1;
	coop_thread_start(&self->t, guest_ask, KVM_COOP_INTENT_IDLE);
	EXPECT_TRUE(stays_fair(self, 300));
	EXPECT_EQ(0, counter_boosts(self));
	finish(_metadata, self);
}

/* A task was woken in the guest: the boost lasts until the switch to it. */
TEST_F(boost, guest_reschedule)
{
	prepare(self);
	self->page->setup.preempt_count_gpa = coop_count_gpa(0);
	self->page->setup.pc_resched_mask = 1U << 31;
	self->page->setup.pc_flags = KVM_COOP_PC_RESCHED_INVERTED;
	*host_count(self->vm, 0) = 1U << 31;
	coop_register(self->vcpu);

	coop_thread_start(&self->t, guest_ask, 0);
	EXPECT_TRUE(stays_fair(self, 300));
	*host_count(self->vm, 0) = 0;
	EXPECT_TRUE(wait_fifo(self));
	*host_count(self->vm, 0) = 1U << 31;
	EXPECT_TRUE(coop_wait(is_fair(self), SOON_MS));
	finish(_metadata, self);
}

/* An interrupt that may not boost must not end what the RT intent began. */
TEST_F(boost, irq_not_granted)
{
	self->config.features = KVM_COOP_F_RT;
	self->config.flags = KVM_COOP_CONFIG_NO_CHARGE;
	self->config.rt_rate_permille = 900;
	self->config.rt_burst_us = 50000;
	begin(self, guest_spin_with_timer, KVM_COOP_INTENT_RT);
	EXPECT_TRUE(coop_wait(READ_ONCE(self->ctl->irqs) > 200, SOON_MS));
	/* RT work is looked at again every 3 ms, whatever the interrupts do */
	EXPECT_GT(self->ctl->irqs / 2, counter_ends(self));
	EXPECT_EQ(0, counter(self, "coop_boosts_irq"));
	finish(_metadata, self);
}

/* --- how it ends ---------------------------------------------------------- */

TEST_F(boost, yield)
{
	/* on a slow machine its exit would end the boost before it is handled */
	self->config.linger_us = get_kvm_param_integer("coop_max_linger_us");
	begin(self, guest_ask_and_yield, 0);
	EXPECT_TRUE(coop_wait(READ_ONCE(self->ctl->step) > 20, SOON_MS));
	coop_thread_stop(&self->t);
	EXPECT_LT(0, counter(self, "coop_ends_yield"));
	EXPECT_EQ(self->ctl->step, counter(self, "coop_yields"));
	/* not boosted any more when the hypercall returns, but for wakeups */
	EXPECT_GE(self->ctl->step / 4, self->ctl->value);
	coop_thread_start(&self->t, guest_nothing, 0);
	finish(_metadata, self);
}

/* A guest that yields in a critical section, over and over. */
#define yield_in_section(self, flags) do {					\
	(self)->config.linger_us = get_kvm_param_integer("coop_max_linger_us");	\
	prepare(self);								\
	(self)->page->setup.preempt_count_gpa = coop_count_gpa(0);		\
	(self)->page->setup.pc_preempt_mask = 0xff;				\
	*host_count((self)->vm, 0) = 1;						\
	coop_register((self)->vcpu);						\
	coop_thread_start(&(self)->t, guest_ask_and_yield, flags);		\
	EXPECT_TRUE(coop_wait(READ_ONCE((self)->ctl->step) > 20, SOON_MS));	\
	EXPECT_TRUE(coop_wait(counter(self, "coop_ends_yield") > 5, SOON_MS));	\
	coop_thread_stop(&(self)->t);						\
} while (0)

/* Inside of a critical section the end waits for the section's, not long. */
TEST_F(boost, yield_in_critical_section)
{
	/* whether it is over when the hypercall returns depends on the machine */
	yield_in_section(self, 0);
	coop_thread_start(&self->t, guest_nothing, 0);
	finish(_metadata, self);
}

/* Unless the guest says that nobody waits. */
TEST_F(boost, yield_unlocked)
{
	yield_in_section(self, KVM_COOP_YIELD_UNLOCKED);
	EXPECT_GE(self->ctl->step / 4, self->ctl->value);
	coop_thread_start(&self->t, guest_nothing, 0);
	finish(_metadata, self);
}

/* A ticket that is never acknowledged holds a boost for the bound, no more. */
TEST_F(boost, bound)
{
	uint64_t ends;

	self->config.irq_bound_us = 8000;
	begin(self, guest_no_ack, 0);
	EXPECT_TRUE(coop_wait(READ_ONCE(self->ctl->step) == 1, SOON_MS));
	EXPECT_TRUE(coop_wait(is_fair(self), SOON_MS));
	EXPECT_TRUE(coop_wait(counter(self, "coop_ends_expired"), SOON_MS));
	EXPECT_NE(READ_ONCE(self->page->host.irq_ticket),
		  READ_ONCE(self->page->guest.irq_ack));
	usleep(200000);
	ends = counter_ends(self);
	/* time used boosted, per boost; an emulator may stand still meanwhile */
	EXPECT_GE(ends * 24 * COOP_MS, counter(self, "coop_boosted_ns"));
	finish(_metadata, self);
}

TEST_F(boost, unregister)
{
	begin(self, guest_wrmsr_boosted, 0);
	EXPECT_TRUE(coop_wait(READ_ONCE(self->ctl->step) == 1, SOON_MS));
	EXPECT_EQ(0, self->ctl->vector);
	EXPECT_TRUE(stays_fair(self, 200));
	finish(_metadata, self);
}

TEST_F(boost, register_again)
{
	prepare(self);
	coop_page_init(addr_gpa2hva(self->vm, coop_page_gpa(0, 1)));
	coop_thread_start(&self->t, guest_wrmsr_boosted,
			  coop_page_gpa(0, 1) | KVM_COOP_MSR_ENABLE);
	EXPECT_TRUE(coop_wait(READ_ONCE(self->ctl->step) == 1, SOON_MS));
	EXPECT_EQ(0, self->ctl->vector);
	EXPECT_TRUE(stays_fair(self, 200));
	finish(_metadata, self);
}

/* A refused WRMSR changes nothing: the boost ends as it would have. */
TEST_F(boost, bad_address)
{
	begin(self, guest_wrmsr_boosted, OTHER_GPA | KVM_COOP_MSR_ENABLE);
	EXPECT_TRUE(coop_wait(READ_ONCE(self->ctl->step) == 1, SOON_MS));
	EXPECT_EQ(GP_VECTOR, self->ctl->vector);
	EXPECT_TRUE(coop_wait(stays_fair(self, 200), SOON_MS));
	finish(_metadata, self);
}

/* The page goes away while its intent says RT. */
TEST_F(boost, memory_deleted)
{
	struct kvm_coop_page *page;

	prepare(self);
	vm_userspace_mem_region_add(self->vm, VM_MEM_SRC_ANONYMOUS, OTHER_GPA,
				    OTHER_SLOT, 1, 0);
	page = addr_gpa2hva(self->vm, OTHER_GPA);
	coop_page_init(page);
	page->guest.intent = KVM_COOP_INTENT_RT;
	ASSERT_EQ(0, coop_wrmsr(self->vcpu, OTHER_GPA | KVM_COOP_MSR_ENABLE));
	coop_thread_start(&self->t, guest_ask, 0);
	EXPECT_TRUE(wait_fifo(self));
	vm_mem_region_delete(self->vm, OTHER_SLOT);
	EXPECT_TRUE(coop_wait(stays_fair(self, 200), SOON_MS));
	finish(_metadata, self);
}

/* Other memory changes while the guest runs: the page stays in use. */
TEST_F(boost, memory_changed)
{
	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	EXPECT_TRUE(wait_fifo(self));
	vm_userspace_mem_region_add(self->vm, VM_MEM_SRC_ANONYMOUS, OTHER_GPA,
				    OTHER_SLOT, 1, 0);
	/* whatever ran before has ended after that */
	usleep(100000);
	EXPECT_TRUE(wait_fifo(self));
	EXPECT_TRUE(coop_wait(boosted(self->page), SOON_MS));
	finish(_metadata, self);
}

TEST_F(boost, reset_by_init)
{
	prepare(self);
	coop_register(self->vcpus[1]);
	self->t.vcpu = self->vcpus[1];
	coop_thread_start(&self->t, guest_ask, KVM_COOP_INTENT_RT);
	EXPECT_TRUE(wait_fifo(self));
	coop_call(self->vcpus[0], guest_send_init, 1);
	EXPECT_TRUE(coop_wait(stays_fair(self, 200), SOON_MS));
	coop_thread_abandon(&self->t);
	EXPECT_EQ(0, vcpu_get_msr(self->vcpus[1], MSR_KVM_COOP));
	end_vm(self);
}

TEST_F(boost, switched_off)
{
	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	EXPECT_TRUE(wait_fifo(self));
	coop_switch(false);
	EXPECT_TRUE(coop_wait(stays_fair(self, 300), SOON_MS));
	coop_switch(true);
	EXPECT_TRUE(wait_fifo(self));
	finish(_metadata, self);
}

/* --- user space ----------------------------------------------------------- */

/* The thread looks at itself after each KVM_RUN. */
TEST_F(boost, exit_to_user)
{
	int i;

	prepare(self);
	for (i = 0; i < 20; i++) {
		coop_thread_start(&self->t, guest_exit_boosted, 0);
		pthread_join(self->t.thread, NULL);
		EXPECT_EQ(0, self->t.runs_not_fair);
	}
	EXPECT_LE(20, self->ctl->value);
	EXPECT_LT(0, counter(self, "coop_ends_user"));
	coop_thread_start(&self->t, guest_ask, 0);
	finish(_metadata, self);
}

TEST_F(boost, signalled)
{
	int i;

	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	for (i = 0; i < 20; i++) {
		EXPECT_TRUE(wait_fifo(self));
		pthread_kill(self->t.thread, COOP_SIGNAL);
		EXPECT_TRUE(coop_wait(is_fair(self), SOON_MS));
	}
	finish(_metadata, self);
	EXPECT_LT(10, self->t.runs);
}

/* A vCPU may be run by one thread after the other; each is boosted. */
TEST_F(boost, other_thread)
{
	pid_t first;

	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	EXPECT_TRUE(wait_fifo(self));
	first = self->t.tid;
	coop_thread_stop(&self->t);
	coop_thread_start(&self->t, guest_ask, KVM_COOP_INTENT_RT);
	EXPECT_NE(first, self->t.tid);
	EXPECT_TRUE(wait_fifo(self));
	finish(_metadata, self);
}

/* The loan belongs to one run queue, and the thread goes to another one. */
TEST_F(boost, migrated)
{
	struct coop_hog other;
	cpu_set_t set;
	int i;

	coop_hog_start(&other, OTHER_CPU);
	begin(self, guest_spin_with_timer, KVM_COOP_INTENT_RT);
	for (i = 0; i < 200; i++) {
		CPU_ZERO(&set);
		CPU_SET(i % 2 ? VCPU_CPU : OTHER_CPU, &set);
		EXPECT_EQ(0, sched_setaffinity(self->t.tid, sizeof(set), &set));
		coop_wait(is_fifo(self), 10);
	}
	EXPECT_LT(20, counter_boosts(self));
	coop_hog_stop(&other);
	finish(_metadata, self);
}

static void set_online(int cpu, bool online)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	fd = open(path, O_WRONLY);
	TEST_ASSERT(fd >= 0 && write(fd, online ? "1" : "0", 1) == 1,
		    "CPU %d: %s", cpu, strerror(errno));
	close(fd);
}

/*
 * So does the timer that ends it. With all threads on one CPU nobody can look
 * while there is a boost: ask the counters.
 */
TEST_F(boost, cpu_offline)
{
	uint64_t boosts, ends;
	cpu_set_t set;
	int i;

	CPU_ZERO(&set);
	CPU_SET(VCPU_CPU, &set);
	begin(self, guest_spin_with_timer, KVM_COOP_INTENT_RT);
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(wait_fifo(self));
		set_online(VCPU_CPU, false);
		boosts = counter_boosts(self);
		ends = counter_ends(self);
		EXPECT_TRUE(coop_wait(counter_boosts(self) > boosts + 2 &&
				      counter_ends(self) > ends + 2, SOON_MS));
		set_online(VCPU_CPU, true);
		EXPECT_EQ(0, sched_setaffinity(self->t.tid, sizeof(set), &set));
		EXPECT_EQ(0, pthread_setaffinity_np(self->hog.thread,
						    sizeof(set), &set));
	}
	finish(_metadata, self);
}

/* Nothing is left of a VMM that is killed while it is boosted. */
TEST_F(boost, killed)
{
	uint64_t end = coop_now_ns() + 3 * SOON_MS * COOP_MS;
	int status, ready[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	if (!pid) {
		begin(self, guest_ask, KVM_COOP_INTENT_RT);
		wait_fifo(self);
		write(ready[1], "", 1);
		pause();
	}
	EXPECT_EQ(1, read(ready[0], &byte, 1));
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, WNOHANG) != pid && coop_now_ns() < end)
		usleep(1000);
	EXPECT_TRUE(WIFSIGNALED(status));
}

/* --- what belongs to the administrator ------------------------------------ */

static void set_class(pid_t tid, int policy, int priority)
{
	struct coop_sched_attr attr = { .policy = policy, .priority = priority };

	coop_setattr(tid, attr);
}

static void fifo_before(struct coop_thread *t)
{
	set_class(0, SCHED_FIFO, 5);
}

TEST_F(boost, class_set_before)
{
	struct coop_sched_attr attr;

	self->t.before = fifo_before;
	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	usleep(300000);
	attr = coop_getattr(self->t.tid);
	EXPECT_EQ(SCHED_FIFO, attr.policy);
	EXPECT_EQ(5, attr.priority);
	EXPECT_EQ(0, counter_boosts(self));
	coop_thread_stop(&self->t);
	end_vm(self);
}

TEST_F(boost, class_set_during)
{
	struct coop_sched_attr attr;

	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	EXPECT_TRUE(wait_fifo(self));
	set_class(self->t.tid, SCHED_RR, 7);
	usleep(300000);
	attr = coop_getattr(self->t.tid);
	EXPECT_EQ(SCHED_RR, attr.policy);
	EXPECT_EQ(7, attr.priority);
	coop_thread_stop(&self->t);
	EXPECT_EQ(self->t.runs, self->t.runs_not_fair);
	EXPECT_EQ(counter_boosts(self), counter_ends(self));
	end_vm(self);
}

/*
 * "No RT" is a decision as well. Whether a boost is still running when the
 * class is set is a race, so there are some attempts.
 */
TEST_F(boost, class_set_to_fair_during)
{
	bool left_alone = false;
	int attempts = 10;

	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	while (!left_alone && attempts--) {
		EXPECT_TRUE(wait_fifo(self));
		set_class(self->t.tid, SCHED_BATCH, 0);
		left_alone = !coop_wait(is_fifo(self), 300);
	}
	EXPECT_TRUE(left_alone);
	EXPECT_EQ(SCHED_BATCH, coop_getattr(self->t.tid).policy);
	coop_thread_stop(&self->t);
	end_vm(self);
}

static void attributes_before(struct coop_thread *t)
{
	struct coop_sched_attr attr = {
		.policy = SCHED_BATCH,
		.flags = 1 /* SCHED_FLAG_RESET_ON_FORK */,
		.nice = 3,
		.runtime = 1500000,
	};

	coop_setattr(0, attr);
}

/* A boost changes nothing but the class, and that only while it lasts. */
TEST_F(boost, attributes_survive)
{
	struct coop_sched_attr after;

	/* the policy's slice, not the one from before */
	self->config.slice_ns = 2000000;
	self->t.before = attributes_before;
	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	EXPECT_TRUE(wait_fifo(self));
	EXPECT_TRUE(coop_wait(counter_ends(self) > 0, SOON_MS));
	EXPECT_TRUE(end_intent(self));
	after = coop_getattr(self->t.tid);
	EXPECT_EQ(SCHED_BATCH, after.policy);
	EXPECT_EQ(1, after.flags);
	EXPECT_EQ(3, after.nice);
	EXPECT_EQ(2000000, after.runtime);
	coop_thread_stop(&self->t);
	end_vm(self);
}

/* The weight that /proc/PID/sched shows, 1024 for nice 0. */
static uint64_t load_weight(pid_t tid)
{
	uint64_t weight = 0;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/sched", tid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "se.load.weight : %lu", &weight) == 1)
			break;
	if (f)
		fclose(f);
	return weight / 1024;
}

/* Nice is no class: set during a boost it takes effect with its end. */
TEST_F(boost, nice_set_during)
{
	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	EXPECT_EQ(1024, load_weight(self->t.tid)) {
		TH_LOG("no weight in /proc: is CONFIG_SCHED_DEBUG on?");
	}
	EXPECT_TRUE(coop_wait(is_fifo(self) &&
			      !setpriority(PRIO_PROCESS, self->t.tid, 5),
			      SOON_MS));
	EXPECT_TRUE(end_intent(self));
	EXPECT_TRUE(is_fair(self));
	EXPECT_EQ(5, coop_getattr(self->t.tid).nice);
	EXPECT_EQ(335, load_weight(self->t.tid));
	finish(_metadata, self);
}

/* --- fair share ----------------------------------------------------------- */

static void attributes_fair(struct coop_thread *t)
{
	struct coop_sched_attr attr = {
		.policy = SCHED_OTHER,
		.flags = 1 /* SCHED_FLAG_RESET_ON_FORK */,
		.nice = 2,
	};

	coop_setattr(0, attr);
}

/* A short slice and nothing else. */
TEST_F(boost, policy_fair)
{
	struct coop_sched_attr attr;

	self->config.policy = KVM_COOP_POLICY_FAIR;
	self->config.slice_ns = 300000;
	self->t.before = attributes_fair;
	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	EXPECT_TRUE(stays_fair(self, 500));
	attr = coop_getattr(self->t.tid);
	EXPECT_EQ(300000, attr.runtime);
	EXPECT_EQ(2, attr.nice);
	EXPECT_EQ(1, attr.flags);
	EXPECT_EQ(0, counter_boosts(self));
	finish(_metadata, self);
}

TEST_F(boost, charge)
{
	uint64_t share;

	self->config.debt_limit_us = 0;
	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	share = competitor_share(_metadata, self);
	EXPECT_LE(450, share);
	/* nor is a guest punished for asking */
	EXPECT_GE(600, share);
	EXPECT_LT(0, counter_boosts(self));
	finish(_metadata, self);
}

/* The test above can see something: without the charge it looks different. */
TEST_F(boost, no_charge)
{
	self->config.flags = KVM_COOP_CONFIG_NO_CHARGE;
	self->config.rt_rate_permille = 900;
	self->config.rt_burst_us = 50000;
	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	EXPECT_GE(250, competitor_share(_metadata, self));
	finish(_metadata, self);
}

/* Interrupts that the guest never acknowledges, as many as it can get. */
TEST_F(boost, charge_unacknowledged)
{
	self->config.debt_limit_us = 0;
	begin(self, guest_spin_with_timer, IRQ_NO_ACK);
	EXPECT_LE(450, competitor_share(_metadata, self));
	EXPECT_LT(0, counter_boosts(self));
	finish(_metadata, self);
}

/* --- what others rely on -------------------------------------------------- */

static bool is_running(const struct kvm_coop_page *page)
{
	return READ_ONCE(page->facts.state) == KVM_COOP_STATE_RUNNING;
}

/* Do status and class agree most of the time, of half a second? */
static bool status_agrees(struct __test_metadata *_metadata,
			  struct _test_data_boost *self)
{
	uint64_t end = coop_now_ns() + 500 * COOP_MS;
	int agree = 0, disagree = 0;
	bool before, fifo;

	while (coop_now_ns() < end) {
		before = boosted(self->page);
		fifo = is_fifo(self);
		if (before != boosted(self->page) || !is_running(self->page))
			continue;
		if (before == fifo)
			agree++;
		else
			disagree++;
	}
	TH_LOG("agree %d, disagree %d", agree, disagree);
	return disagree * 2 < agree;
}

/*
 * The status is written before a VM entry, so it is looked at only while the
 * vCPU runs; even so a pair of looks may be torn by a change, and an emulated
 * host that stands still between the two makes a long time of it: not ten times
 * in a row.
 */
TEST_F(boost, status_matches)
{
	bool agrees = false;
	int i;

	begin(self, guest_ask, KVM_COOP_INTENT_RT);
	for (i = 0; i < 10 && !agrees; i++)
		agrees = status_agrees(_metadata, self);
	EXPECT_TRUE(agrees);
	finish(_metadata, self);
}

static void guest_exits(int id, uint64_t times)
{
	while (times--)
		kvm_hypercall(KVM_HC_KICK_CPU, 0, 0, 0, 0);
}

/* Exits without a boost write nothing and count nothing. */
TEST_F(boost, idle_exits_unchanged)
{
	struct kvm_coop_page before;
	int changed = 0, i;

	coop_hog_stop(&self->hog);
	prepare(self);
	coop_call(self->vcpu, guest_exits, 10);
	for (i = 0; i < 20; i++) {
		before = *self->page;
		coop_call(self->vcpu, guest_exits, 50);
		changed += memcmp(&before.host, &self->page->host,
				  offsetof(struct kvm_coop_host_line, slice_end));
	}
	EXPECT_EQ(0, changed);
	EXPECT_EQ(0, counter_boosts(self));
	EXPECT_EQ(0, counter(self, "coop_page_misses"));
	end_vm(self);
	coop_hog_start(&self->hog, VCPU_CPU);
}

TEST_HARNESS_MAIN
