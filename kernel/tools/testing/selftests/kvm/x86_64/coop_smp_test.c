// SPDX-License-Identifier: GPL-2.0
/*
 * kvm-coop: vCPUs that register, move and drop their pages, ask, yield, sleep
 * and interrupt each other, while the host changes memory, signals threads and
 * switches the feature off and on. Nobody may hang, stay boosted, or miscount.
 */
#include "coop_test.h"

#define OTHER_SLOT	12
#define OTHER_GPA	(COOP_GPA + (1ULL << 27))
#define RUN_MS		2000
#define IPI_VECTOR	0xe2

static void count_irq(struct ex_regs *regs)
{
	struct coop_ctl *ctl = guest_ctl(x2apic_read_reg(APIC_ID));

	WRITE_ONCE(ctl->irqs, ctl->irqs + 1);
	x2apic_write_reg(APIC_EOI, 0);
}

static void sleep_a_little(void)
{
	x2apic_write_reg(APIC_TMICT, 200000);
	guest_halt();
}

static void guest_step(int id, uint32_t step)
{
	struct kvm_coop_page *page = guest_page(id);
	uint64_t gpa;
	int vector;

	switch (step % 11) {
	case 0:
	case 5:
		gpa = coop_page_gpa(id, step % 3 == 0);
		vector = wrmsr_safe(MSR_KVM_COOP, gpa | KVM_COOP_MSR_ENABLE);
		GUEST_ASSERT(!vector);
		break;
	case 1:
	case 6:
		WRITE_ONCE(page->guest.intent, KVM_COOP_INTENT_RT);
		break;
	case 2:
	case 7:
		x2apic_write_reg(APIC_ICR, APIC_DEST_ALLBUT | IPI_VECTOR);
		break;
	case 3:
		WRITE_ONCE(page->guest.intent, 0);
		kvm_hypercall(KVM_HC_COOP_YIELD, 0, 0, 0, 0);
		break;
	case 4:
	case 9:
		sleep_a_little();
		break;
	case 8:
		WRITE_ONCE(page->guest.irq_ack,
			   READ_ONCE(page->host.irq_ticket));
		break;
	case 10:
		if (step % 4 == 0)
			GUEST_ASSERT(!wrmsr_safe(MSR_KVM_COOP, 0));
		break;
	}
	guest_irq_window();
}

static void guest_busy(int id, uint64_t seed)
{
	struct coop_ctl *ctl = guest_ctl(id);

	x2apic_enable();
	x2apic_write_reg(APIC_TDCR, 0xb);
	x2apic_write_reg(APIC_LVTT, COOP_VECTOR);
	while (!READ_ONCE(ctl->stop)) {
		guest_step(id, seed + ctl->step);
		WRITE_ONCE(ctl->step, ctl->step + 1);
	}
}

FIXTURE(smp) {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpus[COOP_VCPUS];
	struct coop_thread threads[COOP_VCPUS];
	int stats[COOP_VCPUS];
	struct coop_hog hog;
};

FIXTURE_VARIANT(smp) {
	int vcpus;
	uint32_t policy;
};

FIXTURE_VARIANT_ADD(smp, 2_rt) { 2, KVM_COOP_POLICY_RT };
FIXTURE_VARIANT_ADD(smp, 4_rt) { 4, KVM_COOP_POLICY_RT };
FIXTURE_VARIANT_ADD(smp, 4_fair) { 4, KVM_COOP_POLICY_FAIR };
FIXTURE_VARIANT_ADD(smp, 4_none) { 4, KVM_COOP_POLICY_NONE };

FIXTURE_SETUP(smp)
{
	struct kvm_coop_config config = coop_config(variant->policy);
	int i;

	COOP_REQUIRE();
	self->vm = coop_vm(&config, variant->vcpus, self->vcpus);
	vm_install_exception_handler(self->vm, COOP_VECTOR, count_irq);
	vm_install_exception_handler(self->vm, IPI_VECTOR, count_irq);
	for (i = 0; i < variant->vcpus; i++) {
		coop_page_init(addr_gpa2hva(self->vm, coop_page_gpa(i, 1)));
		self->threads[i].vcpu = self->vcpus[i];
		self->threads[i].cpu = -1;
		self->stats[i] = vcpu_get_stats_fd(self->vcpus[i]);
	}
	coop_hog_start(&self->hog, 0);
}

FIXTURE_TEARDOWN(smp)
{
	coop_switch(true);
	coop_hog_stop(&self->hog);
	kvm_vm_free(self->vm);
}

static uint64_t sum(int fd, const char *const names[])
{
	uint64_t total = 0;

	while (*names)
		total += coop_read_stat(fd, *names++);
	return total;
}

static const char *const boosts[] = {
	"coop_boosts_irq", "coop_boosts_rt", "coop_deferrals", NULL,
};

static const char *const ends[] = {
	"coop_ends_yield", "coop_ends_exit", "coop_ends_expired",
	"coop_ends_wakeup", "coop_ends_user", NULL,
};

static void disturb(struct _test_data_smp *self, int vcpus)
{
	uint64_t end = coop_now_ns() + RUN_MS * COOP_MS;
	int round;

	for (round = 0; coop_now_ns() < end; round++) {
		if (round % 2)
			vm_mem_region_delete(self->vm, OTHER_SLOT);
		else
			vm_userspace_mem_region_add(self->vm,
						    VM_MEM_SRC_ANONYMOUS,
						    OTHER_GPA, OTHER_SLOT, 1, 0);
		pthread_kill(self->threads[round % vcpus].thread, COOP_SIGNAL);
		coop_switch(round % 8 != 7);
		usleep(20000);
	}
}

/* Has every vCPU got as far as the test wants to see? */
static bool all_progressed(struct _test_data_smp *self, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (!READ_ONCE(host_ctl(self->vm, i)->irqs) ||
		    READ_ONCE(host_ctl(self->vm, i)->step) <= 11)
			return false;
	return true;
}

TEST_F(smp, everything_at_once)
{
	int n = variant->vcpus, i, round;

	for (i = 0; i < n; i++)
		coop_thread_start(&self->threads[i], guest_busy, i * 3);
	/* an emulated host may need more than one round */
	for (round = 0; round < 20 && (!round || !all_progressed(self, n));
	     round++)
		disturb(self, n);
	for (i = 0; i < n; i++)
		WRITE_ONCE(host_ctl(self->vm, i)->stop, 1);
	for (i = 0; i < n; i++) {
		coop_thread_stop(&self->threads[i]);
		EXPECT_EQ(0, self->threads[i].runs_not_fair);
		EXPECT_LT(0, host_ctl(self->vm, i)->irqs);
		EXPECT_LT(11, host_ctl(self->vm, i)->step);
		EXPECT_EQ(sum(self->stats[i], boosts), sum(self->stats[i], ends));
		if (variant->policy != KVM_COOP_POLICY_RT)
			EXPECT_EQ(0, sum(self->stats[i], boosts));
	}
}

/* All vCPUs of a VM go away at the same time, boosted or not. */
TEST_F(smp, all_abandoned)
{
	int n = variant->vcpus, i;

	for (i = 0; i < n; i++)
		coop_thread_start(&self->threads[i], guest_busy, i * 3);
	usleep(300000);
	for (i = 0; i < n; i++)
		WRITE_ONCE(self->threads[i].give_up, true);
	for (i = 0; i < n; i++) {
		coop_thread_abandon(&self->threads[i]);
		EXPECT_EQ(0, self->threads[i].runs_not_fair);
	}
}

TEST_HARNESS_MAIN
