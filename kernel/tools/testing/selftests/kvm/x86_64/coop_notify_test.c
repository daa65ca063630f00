// SPDX-License-Identifier: GPL-2.0
/*
 * kvm-coop: a guest is told before it loses its CPU, and what it makes of that.
 *
 * The vCPU thread and its competitor are pinned to one CPU, the test looks from
 * another one, where a second vCPU is halted. The guest does not balance anything
 * here; it answers, or not.
 */
#include "coop_test.h"

#define VCPU_CPU	1
#define OTHER_CPU	0

#define NOTIFY_VECTOR	0xe1
#define OTHER_VECTOR	0xe2

/* the bit of the preempt count for it */
#define HARDIRQ		0x10000

#define RUN_MS		2000

/*
 * A fair share, in parts per thousand, less what a stall of the machine may leave
 * to one of two. Who gained notify_us with each slice would leave less than 300.
 */
#define HALF		450

#define SOON_MS		5000

/* What the guest's handler does, in the ctl page's @value. */
#define ANSWER		1
#define YIELD		2

/* --- guest ---------------------------------------------------------------- */

static void notify_handler(struct ex_regs *regs)
{
	struct kvm_coop_page *page = guest_page(0);
	struct coop_ctl *ctl = guest_ctl(0);

	WRITE_ONCE(ctl->irqs, ctl->irqs + 1);
	x2apic_write_reg(APIC_EOI, 0);
	if (ctl->value & ANSWER)
		WRITE_ONCE(page->guest.notify_ack,
			   READ_ONCE(page->host.notify_seq));
	if (ctl->value & YIELD)
		kvm_hypercall(KVM_HC_COOP_YIELD, 0, 0, 0, 0);
}

/* Interrupts on as long as *@word is @value; see guest_irq_window() for the stack. */
static void spin_while(const void *word, uint32_t value)
{
	asm volatile("sub $128, %%rsp\n\t"
		     "sti\n"
		     "1:\tpause\n\t"
		     "cmpl %1, (%0)\n\t"
		     "je 1b\n\t"
		     "cli\n\t"
		     "add $128, %%rsp"
		     : : "r"(word), "r"(value) : "memory", "cc");
}

static void guest_spin(int id, uint64_t reaction)
{
	struct coop_ctl *ctl = guest_ctl(id);

	x2apic_enable();
	ctl->value = reaction;
	spin_while(&ctl->stop, 0);
}

/*
 * Most of the time in an interrupt's handler, as far as the preempt count says, and
 * with interrupts off, @loops of a cheap loop each time; for ever if it is 0.
 */
static void guest_handle_irqs(int id, uint64_t loops)
{
	struct coop_ctl *ctl = guest_ctl(id);
	uint64_t i;

	x2apic_enable();
	ctl->value = ANSWER | YIELD;
	while (!READ_ONCE(ctl->stop)) {
		WRITE_ONCE(*guest_count(id), HARDIRQ);
		for (i = 0; (!loops || i < loops) && !READ_ONCE(ctl->stop); i++)
			barrier();
		WRITE_ONCE(*guest_count(id), 0);
		guest_irq_window();
	}
}

/*
 * Give a boost back at the end of an interrupt's handler, as a tracepoint there
 * does: interrupts are off, and preemption is disabled for nobody but itself.
 */
static void guest_yield_in_irq(int id, uint64_t loops)
{
	struct kvm_coop_page *page = guest_page(id);
	struct coop_ctl *ctl = guest_ctl(id);
	uint64_t i;

	x2apic_enable();
	ctl->value = ANSWER | YIELD;
	while (!READ_ONCE(ctl->stop)) {
		WRITE_ONCE(*guest_count(id), HARDIRQ | 1);
		WRITE_ONCE(page->guest.intent, KVM_COOP_INTENT_REQUEST);
		for (i = 0; i < loops; i++)
			barrier();
		WRITE_ONCE(page->guest.intent, 0);
		kvm_hypercall(KVM_HC_COOP_YIELD, KVM_COOP_YIELD_UNLOCKED,
			      0, 0, 0);
		WRITE_ONCE(*guest_count(id), 0);
		guest_irq_window();
	}
}

/* The handler of a guest with something to halt for: its only work moved away. */
static void guest_halt_when_told(int id, uint64_t unused)
{
	struct coop_ctl *ctl = guest_ctl(id);

	x2apic_enable();
	x2apic_write_reg(APIC_TDCR, 0xb);
	x2apic_write_reg(APIC_LVTT, OTHER_VECTOR);
	ctl->value = ANSWER;
	while (!READ_ONCE(ctl->stop)) {
		spin_while(&ctl->irqs, (uint32_t)READ_ONCE(ctl->irqs));
		x2apic_write_reg(APIC_TMICT, 20000000);
		guest_halt();
	}
}

static void timer_handler(struct ex_regs *regs)
{
	x2apic_write_reg(APIC_EOI, 0);
}

static void guest_self_ipi(int id, uint64_t unused)
{
	struct coop_ctl *ctl = guest_ctl(id);

	x2apic_enable();
	ctl->value = ANSWER;
	while (!READ_ONCE(ctl->stop)) {
		x2apic_write_reg(APIC_ICR, APIC_DEST_SELF | NOTIFY_VECTOR);
		guest_irq_window();
	}
}

/* Nothing wakes it. */
static void guest_sleep(int id, uint64_t unused)
{
	guest_halt();
}

/* Register again and again, with the one vector and with the other. */
static void guest_change_vector(int id, uint64_t msr)
{
	struct kvm_coop_page *page = guest_page(id);
	struct coop_ctl *ctl = guest_ctl(id);
	int i;

	x2apic_enable();
	ctl->value = ANSWER | YIELD;
	while (!READ_ONCE(ctl->stop)) {
		page->setup.notify_vector ^= NOTIFY_VECTOR ^ OTHER_VECTOR;
		wrmsr(MSR_KVM_COOP, msr);
		for (i = 0; i < 5000; i++)
			guest_irq_window();
	}
}

/* --- fixture -------------------------------------------------------------- */

FIXTURE(notify) {
	struct kvm_coop_config config;
	struct kvm_vcpu *vcpus[2];
	struct kvm_coop_page *page;
	struct coop_thread t, sibling;
	struct coop_hog hog;
	struct coop_ctl *ctl;
	struct kvm_vm *vm;
	int stats;
};

FIXTURE_SETUP(notify)
{
	COOP_REQUIRE();
	__TEST_REQUIRE(sysconf(_SC_NPROCESSORS_ONLN) >= 2, "one CPU only");
	self->config = coop_config(KVM_COOP_POLICY_RT);
	self->config.features |= KVM_COOP_F_NOTIFY;
	/*
	 * An emulated guest on a checked kernel needs far more than the default,
	 * and on a slow machine some answers are late all the same.
	 */
	coop_set_parameter("coop_max_notify_us", "20000");
	self->config.notify_us = 10000;
	coop_pin(OTHER_CPU);
	coop_hog_start(&self->hog, VCPU_CPU);
}

FIXTURE_TEARDOWN(notify)
{
	coop_set_parameter("coop_max_notify_us", "2000");
	coop_hog_stop(&self->hog);
}

/* The VM comes last: tests change the configuration before. */
static void prepare(struct _test_data_notify *self)
{
	self->vm = coop_vm(&self->config, 2, self->vcpus);
	self->page = host_page(self->vm, 0);
	self->ctl = host_ctl(self->vm, 0);
	vm_install_exception_handler(self->vm, NOTIFY_VECTOR, notify_handler);
	vm_install_exception_handler(self->vm, OTHER_VECTOR, notify_handler);
	self->page->setup.notify_vector = NOTIFY_VECTOR;
	self->stats = vcpu_get_stats_fd(self->vcpus[0]);
	self->t.vcpu = self->vcpus[0];
	self->t.cpu = VCPU_CPU;
	self->sibling.vcpu = self->vcpus[1];
	self->sibling.cpu = OTHER_CPU;
}

static void count_irqs(struct _test_data_notify *self)
{
	self->page->setup.preempt_count_gpa = coop_count_gpa(0);
	self->page->setup.pc_hardirq_mask = HARDIRQ;
}

static void begin_beside(struct _test_data_notify *self, coop_guest_fn sibling,
			 coop_guest_fn fn, uint64_t arg)
{
	coop_register(self->vcpus[1]);
	coop_thread_start(&self->sibling, sibling, 0);
	coop_register(self->vcpus[0]);
	coop_thread_start(&self->t, fn, arg);
}

static void begin(struct _test_data_notify *self, coop_guest_fn fn, uint64_t arg)
{
	begin_beside(self, guest_sleep, fn, arg);
}

static uint64_t counter(struct _test_data_notify *self, const char *name)
{
	return coop_read_stat(self->stats, name);
}

/*
 * Let it run. Of what both used, parts per thousand that were left to the
 * competitor: the kernel's own threads take some of a slow machine's CPU.
 */
static uint64_t run(struct __test_metadata *_metadata,
		    struct _test_data_notify *self)
{
	uint64_t hog, vcpu, share;

	usleep(200000);
	hog = coop_cpu_ns(self->hog.clock);
	vcpu = coop_cpu_ns(self->t.clock);
	usleep(RUN_MS * 1000);
	hog = coop_cpu_ns(self->hog.clock) - hog;
	vcpu = coop_cpu_ns(self->t.clock) - vcpu;
	share = hog * 1000 / (hog + vcpu);
	TH_LOG("hog %lu of 1000, preempted %lu, notified %lu, answered %lu, handled %lu",
	       share, counter(self, "coop_preempted"),
	       counter(self, "coop_notified"),
	       counter(self, "coop_notified_acked"), self->ctl->irqs);
	return share;
}

/* Returns how many interrupts the guest's handler saw. */
static uint64_t finish(struct __test_metadata *_metadata,
		       struct _test_data_notify *self)
{
	uint64_t irqs;

	coop_thread_stop(&self->t);
	EXPECT_EQ(0, self->t.runs_not_fair);
	coop_thread_abandon(&self->sibling);
	irqs = self->ctl->irqs;
	close(self->stats);
	kvm_vm_free(self->vm);
	return irqs;
}

/* It loses its CPU all the same. */
static void expect_untold(struct __test_metadata *_metadata,
			  struct _test_data_notify *self)
{
	run(_metadata, self);
	EXPECT_LT(0, counter(self, "coop_preempted"));
	EXPECT_EQ(0, counter(self, "coop_notified"));
	finish(_metadata, self);
}

/* --- what is refused ------------------------------------------------------ */

/* Exceptions, what is no vector at all, and the spurious one. */
TEST_F(notify, bad_vectors)
{
	static const uint32_t vectors[] = { 255, 256, 0x80000040, ~0U };
	uint64_t msr;
	uint32_t v;

	prepare(self);
	coop_register(self->vcpus[0]);
	msr = coop_rdmsr(self->vcpus[0]);
	for (v = 1; v < 32 + ARRAY_SIZE(vectors); v++) {
		self->page->setup.notify_vector = v < 32 ? v : vectors[v - 32];
		EXPECT_EQ(GP_VECTOR, coop_wrmsr(self->vcpus[0], msr)) {
			TH_LOG("%#x", self->page->setup.notify_vector);
		}
	}
	EXPECT_EQ(msr, coop_rdmsr(self->vcpus[0]));
	close(self->stats);
	kvm_vm_free(self->vm);
}

/* Who does not want to be told may write there what it likes. */
TEST_F(notify, not_wanted)
{
	prepare(self);
	self->page->setup.features &= ~KVM_COOP_F_NOTIFY;
	self->page->setup.notify_vector = 3;
	begin(self, guest_spin, ANSWER | YIELD);
	run(_metadata, self);
	EXPECT_EQ(0, self->page->host.features & KVM_COOP_F_NOTIFY);
	EXPECT_EQ(0, counter(self, "coop_notified"));
	finish(_metadata, self);
}

TEST_F(notify, no_vector)
{
	prepare(self);
	self->page->setup.notify_vector = 0;
	begin(self, guest_spin, ANSWER | YIELD);
	run(_metadata, self);
	EXPECT_EQ(0, self->page->host.features & KVM_COOP_F_NOTIFY);
	EXPECT_EQ(0, counter(self, "coop_notified"));
	finish(_metadata, self);
}

TEST_F(notify, not_allowed)
{
	self->config.features &= ~KVM_COOP_F_NOTIFY;
	prepare(self);
	begin(self, guest_spin, ANSWER | YIELD);
	run(_metadata, self);
	EXPECT_EQ(0, counter(self, "coop_notified"));
	EXPECT_EQ(0, self->ctl->irqs);
	finish(_metadata, self);
}

/* --- whom it does not help ------------------------------------------------ */

TEST_F(notify, interrupts_masked)
{
	prepare(self);
	begin(self, guest_ask, 0);
	expect_untold(_metadata, self);
}

TEST_F(notify, idle)
{
	prepare(self);
	self->page->guest.intent = KVM_COOP_INTENT_IDLE;
	begin(self, guest_spin, ANSWER | YIELD);
	run(_metadata, self);
	EXPECT_EQ(0, counter(self, "coop_notified"));
	finish(_metadata, self);
}

TEST_F(notify, critical_section)
{
	prepare(self);
	self->page->setup.preempt_count_gpa = coop_count_gpa(0);
	self->page->setup.pc_preempt_mask = 0xff;
	*host_count(self->vm, 0) = 1;
	begin(self, guest_spin, ANSWER | YIELD);
	expect_untold(_metadata, self);
}

/* In an interrupt it is told as soon as that is over ... */
TEST_F(notify, interrupt)
{
	uint64_t told;

	prepare(self);
	count_irqs(self);
	begin(self, guest_handle_irqs, 5000);
	run(_metadata, self);
	told = counter(self, "coop_notified");
	EXPECT_LE(5, told);
	EXPECT_LE(told / 2, counter(self, "coop_notified_acked"));
	finish(_metadata, self);
}

/* ... and if it never is, that was the last time. */
TEST_F(notify, interrupt_for_ever)
{
	uint64_t share;

	prepare(self);
	count_irqs(self);
	begin(self, guest_handle_irqs, 0);
	share = run(_metadata, self);
	EXPECT_EQ(1, counter(self, "coop_notified"));
	EXPECT_EQ(0, counter(self, "coop_notified_acked"));
	EXPECT_LE(HALF, share);
	finish(_metadata, self);
}

/* The end of a boost is where it loses its CPU, and it says that it may. */
TEST_F(notify, yield_in_interrupt)
{
	uint64_t told;

	/* on a checked kernel the yield's exit alone takes longer than the default ... */
	self->config.linger_us = get_kvm_param_integer("coop_max_linger_us");
	prepare(self);
	count_irqs(self);
	self->page->setup.pc_preempt_mask = 0xff;
	/* ... and than a short interrupt, which the host's tick then seldom meets */
	begin(self, guest_yield_in_irq, 100000);
	run(_metadata, self);
	told = counter(self, "coop_notified");
	EXPECT_LE(2, told);
	EXPECT_LE(told / 2, counter(self, "coop_notified_acked"));
	finish(_metadata, self);
}

/* A lock below it cannot be moved. */
TEST_F(notify, interrupt_upon_lock)
{
	prepare(self);
	count_irqs(self);
	self->page->setup.pc_preempt_mask = HARDIRQ;
	begin(self, guest_handle_irqs, 0);
	expect_untold(_metadata, self);
}

/* Nor has it anybody to give its work to if they all work, ... */
TEST_F(notify, busy_sibling)
{
	prepare(self);
	begin_beside(self, guest_spin, guest_spin, ANSWER | YIELD);
	expect_untold(_metadata, self);
}

/* ... or if the one that is halted has no page to say so. */
TEST_F(notify, unregistered_sibling)
{
	prepare(self);
	coop_thread_start(&self->sibling, guest_sleep, 0);
	coop_register(self->vcpus[0]);
	coop_thread_start(&self->t, guest_spin, ANSWER | YIELD);
	expect_untold(_metadata, self);
}

/* Beside nobody but the kernel's own threads there is little to tell. */
TEST_F(notify, alone)
{
	prepare(self);
	coop_hog_stop(&self->hog);
	begin(self, guest_spin, ANSWER | YIELD);
	usleep(RUN_MS * 1000);
	EXPECT_GE(50, counter(self, "coop_notified"));
	coop_hog_start(&self->hog, VCPU_CPU);
	finish(_metadata, self);
}

/* --- what it is for ------------------------------------------------------- */

/* Most preemptions of a guest that always computes are announced. */
TEST_F(notify, answered)
{
	uint64_t told, share;

	prepare(self);
	begin(self, guest_spin, ANSWER | YIELD);
	share = run(_metadata, self);
	told = counter(self, "coop_notified");
	EXPECT_LE(20, told);
	EXPECT_LE(told / 2, counter(self, "coop_notified_acked"));
	EXPECT_LE(HALF, share);
	EXPECT_LE(told, finish(_metadata, self));
}

/* Work that is refused a boost can be moved like any other, and its yield counts. */
TEST_F(notify, refused_work)
{
	uint64_t told;

	self->config.rt_burst_us = 1;
	prepare(self);
	self->page->guest.intent = KVM_COOP_INTENT_REQUEST;
	begin(self, guest_spin, ANSWER | YIELD);
	run(_metadata, self);
	EXPECT_LE(20, counter(self, "coop_refused_budget"));
	EXPECT_EQ(0, counter(self, "coop_boosts_rt"));
	told = counter(self, "coop_notified");
	EXPECT_LE(20, told);
	EXPECT_LE(told / 2, counter(self, "coop_notified_acked"));
	finish(_metadata, self);
}

/* To have nothing left to run is an answer, too. */
TEST_F(notify, halted)
{
	uint64_t told;

	prepare(self);
	/* the timer boosts nobody */
	memset(self->page->guest.urgent, 0, sizeof(self->page->guest.urgent));
	vm_install_exception_handler(self->vm, OTHER_VECTOR, timer_handler);
	begin(self, guest_halt_when_told, 0);
	run(_metadata, self);
	told = counter(self, "coop_notified");
	EXPECT_LE(5, told);
	EXPECT_LE(told / 2, counter(self, "coop_notified_acked"));
	finish(_metadata, self);
}

/* --- abuse ---------------------------------------------------------------- */

/* No answer: it is told once, gains what that is worth once, and never again. */
TEST_F(notify, never_answers)
{
	uint64_t share;

	prepare(self);
	begin(self, guest_spin, 0);
	share = run(_metadata, self);
	EXPECT_EQ(1, counter(self, "coop_notified"));
	EXPECT_EQ(0, counter(self, "coop_notified_acked"));
	EXPECT_LE(HALF, share);
	EXPECT_EQ(1, finish(_metadata, self));
}

/* Says that it is done, and runs on: until its bound, and that is charged. */
TEST_F(notify, never_yields)
{
	uint64_t share;

	prepare(self);
	begin(self, guest_spin, ANSWER);
	share = run(_metadata, self);
	EXPECT_LE(5, counter(self, "coop_notified"));
	EXPECT_EQ(0, counter(self, "coop_notified_acked"));
	EXPECT_LE(5, counter(self, "coop_ends_expired"));
	EXPECT_LE(HALF, share);
	finish(_metadata, self);
}

/* Its own interrupt is not one that is worth a boost. */
TEST_F(notify, storm)
{
	uint64_t share;

	prepare(self);
	begin(self, guest_self_ipi, 0);
	share = run(_metadata, self);
	EXPECT_LT(counter(self, "coop_notified"), self->ctl->irqs);
	EXPECT_EQ(0, counter(self, "coop_boosts_irq"));
	EXPECT_LE(HALF, share);
	finish(_metadata, self);
}

TEST_F(notify, vector_changes)
{
	uint64_t told;

	prepare(self);
	begin(self, guest_change_vector,
	      coop_page_gpa(0, 0) | KVM_COOP_MSR_ENABLE);
	run(_metadata, self);
	told = counter(self, "coop_notified");
	EXPECT_LE(5, told);
	EXPECT_LE(told, finish(_metadata, self));
}

TEST_HARNESS_MAIN
