// SPDX-License-Identifier: GPL-2.0
/*
 * kvm-coop: capability, MSR, hypercall and the life of the shared page.
 *
 * First what must be refused, then what must work. What the earlier RFC
 * "Dynamic vcpu priority management in kvm" got wrong, and the test for it
 * (the rest of the list is in coop_boost_test.c):
 *
 *   writing 0 to the MSR did not disable		registered.disable
 *   writing 1 mapped GPA 0				vm.gpa_0, refused.*
 *   a bad GPA was taken				refused.*
 *   re-registration kept the old page			registered.move
 *   the MSR was not in the list to save		vm.in_msr_list, vm.restore
 *   unlimited log that a guest could trigger		vm.log_is_bounded
 */
#include <linux/capability.h>
#include <sys/mman.h>

#include "coop_test.h"

#define READONLY_SLOT	11
#define READONLY_GPA	(COOP_GPA + (1ULL << 24))
#define HOLE_GPA	(COOP_GPA + (1ULL << 26))
#define OTHER_SLOT	12
#define OTHER_GPA	(COOP_GPA + (1ULL << 27))

/* --- KVM_CAP_COOP --------------------------------------------------------- */

FIXTURE(cap) {
	struct kvm_vm *vm;
	struct kvm_coop_config config;
};

FIXTURE_SETUP(cap)
{
	COOP_REQUIRE();
	self->vm = vm_create_barebones();
	self->config = coop_config(KVM_COOP_POLICY_RT);
}

FIXTURE_TEARDOWN(cap)
{
	kvm_vm_free(self->vm);
}

static int enable_errno(struct kvm_vm *vm, const struct kvm_coop_config *config)
{
	return coop_enable(vm, config) ? errno : 0;
}

TEST_F(cap, bad_pointer)
{
	ASSERT_EQ(EFAULT, enable_errno(self->vm, NULL));
	ASSERT_EQ(EFAULT, enable_errno(self->vm, (void *)(1ULL << 63)));
	ASSERT_EQ(0, enable_errno(self->vm, &self->config));
}

TEST_F(cap, bad_size)
{
	static const uint32_t sizes[] = {
		0, 4, sizeof(struct kvm_coop_config) - 4,
		sizeof(struct kvm_coop_config) + 4, 0xffffffff,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		self->config.size = sizes[i];
		ASSERT_EQ(EINVAL, enable_errno(self->vm, &self->config));
	}
}

TEST_F(cap, unknown_bits)
{
	struct kvm_coop_config good = self->config;
	uint32_t offered = kvm_check_cap(KVM_CAP_COOP);
	int bit;

	for (bit = 0; bit < 32; bit++) {
		self->config = good;
		self->config.features = 1U << bit;
		if (offered & (1U << bit))
			continue;
		ASSERT_EQ(EINVAL, enable_errno(self->vm, &self->config));
	}
	for (bit = 2; bit < 32; bit++) {
		self->config = good;
		self->config.flags = 1U << bit;
		ASSERT_EQ(EINVAL, enable_errno(self->vm, &self->config));
	}
	self->config = good;
	self->config.notify_us = 2001;
	ASSERT_EQ(EINVAL, enable_errno(self->vm, &self->config));
	self->config = good;
	self->config.policy = KVM_COOP_POLICY_FAIR + 1;
	ASSERT_EQ(EINVAL, enable_errno(self->vm, &self->config));
	self->config.policy = ~0U;
	ASSERT_EQ(EINVAL, enable_errno(self->vm, &self->config));
}

/* Arguments that mean nothing yet must be zero. */
TEST_F(cap, unused_arguments)
{
	struct kvm_enable_cap cap;
	int i;

	for (i = 0; i < 4; i++) {
		cap = (struct kvm_enable_cap) {
			.cap = KVM_CAP_COOP,
			.args = { (uint64_t)&self->config },
		};
		if (i)
			cap.args[i] = 1;
		else
			cap.flags = 1;
		ASSERT_EQ(-1, __vm_ioctl(self->vm, KVM_ENABLE_CAP, &cap));
		ASSERT_EQ(EINVAL, errno);
	}
}

static const struct {
	const char *parameter;
	size_t offset;
} ceilings[] = {
#define CEILING(parameter, field) \
	{ "coop_max_" #parameter, offsetof(struct kvm_coop_config, field) }
	CEILING(rt_priority, rt_priority),
	CEILING(irq_bound_us, irq_bound_us),
	CEILING(linger_us, linger_us),
	CEILING(grace_us, grace_us),
	CEILING(debt_limit_us, debt_limit_us),
	CEILING(rt_bound_us, rt_bound_us),
	CEILING(rate_permille, rt_rate_permille),
	CEILING(burst_us, rt_burst_us),
	CEILING(rate_permille, irq_rate_permille),
	CEILING(burst_us, irq_burst_us),
	CEILING(vm_rate_permille, vm_rt_rate_permille),
	CEILING(vm_burst_us, vm_rt_burst_us),
	CEILING(vm_rate_permille, vm_irq_rate_permille),
	CEILING(vm_burst_us, vm_irq_burst_us),
};

/* The ceilings themselves are permitted, one more is not. */
TEST_F(cap, ceilings)
{
	struct kvm_coop_config good = self->config;
	uint32_t *field, ceiling;
	int i;

	for (i = 0; i < ARRAY_SIZE(ceilings); i++) {
		ceiling = get_kvm_param_integer(ceilings[i].parameter);
		field = (void *)&self->config + ceilings[i].offset;
		self->config = good;
		*field = ceiling + 1;
		ASSERT_EQ(EINVAL, enable_errno(self->vm, &self->config)) {
			TH_LOG("%s + 1 was taken", ceilings[i].parameter);
		}
		*field = 0xffffffff;
		ASSERT_EQ(EINVAL, enable_errno(self->vm, &self->config));
	}
	self->config = good;
	for (i = 0; i < ARRAY_SIZE(ceilings); i++) {
		field = (void *)&self->config + ceilings[i].offset;
		*field = get_kvm_param_integer(ceilings[i].parameter);
	}
	ASSERT_EQ(0, enable_errno(self->vm, &self->config));
}

TEST_F(cap, slice_range)
{
	static const uint32_t bad[] = { 1, 99999, 100000001, 0xffffffff };
	int i;

	self->config.policy = KVM_COOP_POLICY_FAIR;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		self->config.slice_ns = bad[i];
		ASSERT_EQ(EINVAL, enable_errno(self->vm, &self->config));
	}
	self->config.slice_ns = 100000000;
	ASSERT_EQ(0, enable_errno(self->vm, &self->config));
}

TEST_F(cap, twice)
{
	ASSERT_EQ(0, enable_errno(self->vm, &self->config));
	ASSERT_EQ(EBUSY, enable_errno(self->vm, &self->config));
}

TEST_F(cap, after_vcpu)
{
	__vm_vcpu_add(self->vm, 0);
	ASSERT_EQ(EBUSY, enable_errno(self->vm, &self->config));
}

static void drop_capability(int capability)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	TEST_ASSERT(!syscall(SYS_capget, &header, data), "capget");
	data[capability / 32].effective &= ~(1U << (capability % 32));
	TEST_ASSERT(!syscall(SYS_capset, &header, data), "capset");
}

/* Time that nobody pays for is for the administrator to give. */
TEST_F(cap, no_charge_needs_capability)
{
	self->config.flags = KVM_COOP_CONFIG_NO_CHARGE;
	drop_capability(CAP_SYS_NICE);
	ASSERT_EQ(EPERM, enable_errno(self->vm, &self->config));
	self->config.flags = 0;
	ASSERT_EQ(0, enable_errno(self->vm, &self->config));
}

TEST_F(cap, switched_off)
{
	unsigned int offered;
	int err;

	coop_switch(false);
	offered = kvm_check_cap(KVM_CAP_COOP);
	err = enable_errno(self->vm, &self->config);
	coop_switch(true);
	ASSERT_EQ(0, offered);
	ASSERT_EQ(EPERM, err);
	ASSERT_EQ(0, enable_errno(self->vm, &self->config));
}

TEST_F(cap, defaults)
{
	struct kvm_coop_config minimal = { .size = sizeof(minimal) };

	ASSERT_EQ(0, enable_errno(self->vm, &minimal));
}

/* --- no MSR, no hypercall ------------------------------------------------- */

static void expect_nothing_there(struct __test_metadata *_metadata,
				 struct kvm_vcpu *vcpu)
{
	uint64_t value = coop_page_gpa(0, 0) | KVM_COOP_MSR_ENABLE;

	EXPECT_EQ(GP_VECTOR, coop_call(vcpu, guest_rdmsr, 0)->vector);
	EXPECT_EQ(GP_VECTOR, coop_wrmsr(vcpu, value));
	EXPECT_EQ(GP_VECTOR, coop_wrmsr(vcpu, 0));
	EXPECT_EQ(-KVM_ENOSYS, (int64_t)coop_call(vcpu, guest_yield, 0)->value);
	EXPECT_EQ(0, host_page(vcpu->vm, 0)->host.status);
}

TEST(absent_without_cpuid_bit)
{
	struct kvm_coop_config config = coop_config(KVM_COOP_POLICY_RT);
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	COOP_REQUIRE();
	vm = coop_vm(&config, 1, &vcpu);
	vcpu_clear_cpuid_feature(vcpu, X86_FEATURE_KVM_COOP);
	expect_nothing_there(_metadata, vcpu);
	kvm_vm_free(vm);
}

/* A bit that the VMM put there by mistake is no feature. */
TEST(absent_without_capability)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	COOP_REQUIRE();
	vm = coop_vm(NULL, 1, &vcpu);
	expect_nothing_there(_metadata, vcpu);

	/* a VMM that saves all MSRs of the list must not stumble over it */
	EXPECT_EQ(0, vcpu_get_msr(vcpu, MSR_KVM_COOP));
	EXPECT_EQ(1, _vcpu_set_msr(vcpu, MSR_KVM_COOP, 0));
	EXPECT_NE(1, _vcpu_set_msr(vcpu, MSR_KVM_COOP,
				   coop_page_gpa(0, 0) | KVM_COOP_MSR_ENABLE));
	kvm_vm_free(vm);
}

/* KVM itself never offers it: whoever copies the CPUID gets no feature. */
TEST(not_in_supported_cpuid)
{
	EXPECT_FALSE(kvm_cpu_has(X86_FEATURE_KVM_COOP));
}

/* --- values that are refused ---------------------------------------------- */

FIXTURE(refused) {
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
};

FIXTURE_SETUP(refused)
{
	struct kvm_coop_config config = coop_config(KVM_COOP_POLICY_RT);

	COOP_REQUIRE();
	self->vm = coop_vm(&config, 1, &self->vcpu);
}

FIXTURE_TEARDOWN(refused)
{
	kvm_vm_free(self->vm);
}

/*
 * #GP without effect, be it the first write or one while registered: the old
 * registration stays and works.
 */
static void expect_refused(struct __test_metadata *_metadata,
			   struct kvm_vcpu *vcpu, uint64_t value)
{
	struct kvm_coop_page *page = host_page(vcpu->vm, 0);
	uint64_t good = coop_page_gpa(0, 0) | KVM_COOP_MSR_ENABLE;

	ASSERT_EQ(0, coop_wrmsr(vcpu, 0));
	EXPECT_EQ(GP_VECTOR, coop_wrmsr(vcpu, value)) {
		TH_LOG("%#lx was taken", value);
	}
	EXPECT_EQ(0, coop_rdmsr(vcpu));

	ASSERT_EQ(0, coop_wrmsr(vcpu, good));
	EXPECT_EQ(GP_VECTOR, coop_wrmsr(vcpu, value));
	EXPECT_EQ(good, coop_rdmsr(vcpu));
	page->host.status = 0;
	EXPECT_EQ(0, (int64_t)coop_call(vcpu, guest_yield, 0)->value);
	vcpu_set_msr(vcpu, MSR_KVM_COOP, good);
	coop_call(vcpu, guest_nothing, 0);
	EXPECT_EQ(KVM_COOP_STATUS_ACTIVE, page->host.status);
}

TEST_F(refused, reserved_bits)
{
	uint64_t good = coop_page_gpa(0, 0) | KVM_COOP_MSR_ENABLE;
	int bit;

	for (bit = 1; bit < 8; bit++)
		expect_refused(_metadata, self->vcpu, good | (1ULL << bit));
}

TEST_F(refused, enable_clear)
{
	expect_refused(_metadata, self->vcpu, coop_page_gpa(0, 0));
	expect_refused(_metadata, self->vcpu, 2);
	expect_refused(_metadata, self->vcpu, 1ULL << 63);
}

static int maxphyaddr(struct kvm_vcpu *vcpu)
{
	return vcpu_get_cpuid_entry(vcpu, 0x80000008)->eax & 0xff;
}

TEST_F(refused, beyond_maxphyaddr)
{
	int bits = maxphyaddr(self->vcpu);
	int bit;

	for (bit = bits; bit < 64; bit++)
		expect_refused(_metadata, self->vcpu,
			       (1ULL << bit) | KVM_COOP_MSR_ENABLE);
}

TEST_F(refused, no_memory)
{
	int bits = maxphyaddr(self->vcpu);

	expect_refused(_metadata, self->vcpu, HOLE_GPA | KVM_COOP_MSR_ENABLE);
	expect_refused(_metadata, self->vcpu,
		       APIC_DEFAULT_GPA | KVM_COOP_MSR_ENABLE);
	expect_refused(_metadata, self->vcpu,
		       ((1ULL << bits) - KVM_COOP_PAGE_SIZE) |
		       KVM_COOP_MSR_ENABLE);
}

/* The header is good, but the host could never answer. */
TEST_F(refused, readonly_memory)
{
	vm_userspace_mem_region_add(self->vm, VM_MEM_SRC_ANONYMOUS, READONLY_GPA,
				    READONLY_SLOT, 1, KVM_MEM_READONLY);
	coop_page_init(addr_gpa2hva(self->vm, READONLY_GPA));
	expect_refused(_metadata, self->vcpu, READONLY_GPA | KVM_COOP_MSR_ENABLE);
}

TEST_F(refused, bad_header)
{
	uint64_t value = coop_page_gpa(0, 1) | KVM_COOP_MSR_ENABLE;
	struct kvm_coop_page *page;

	page = addr_gpa2hva(self->vm, coop_page_gpa(0, 1));
	expect_refused(_metadata, self->vcpu, value);

	coop_page_init(page);
	page->setup.abi_version = KVM_COOP_ABI_VERSION + 1;
	expect_refused(_metadata, self->vcpu, value);
	page->setup.abi_version = 0;
	expect_refused(_metadata, self->vcpu, value);

	coop_page_init(page);
	page->setup.size = KVM_COOP_PAGE_SIZE - 1;
	expect_refused(_metadata, self->vcpu, value);
	page->setup.size = 0;
	expect_refused(_metadata, self->vcpu, value);
}

/* An address of the preempt count that leads nowhere is just no information. */
TEST_F(refused, but_not_a_bad_count_address)
{
	static const uint64_t bad[] = {
		1, 2, COOP_GPA + 1, HOLE_GPA, APIC_DEFAULT_GPA, 1ULL << 51,
		1ULL << 63, ~0ULL, ~3ULL,
	};
	struct kvm_coop_page *page = host_page(self->vm, 0);
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		page->setup.preempt_count_gpa = bad[i];
		page->setup.pc_preempt_mask = ~0U;
		coop_register(self->vcpu);
		coop_call(self->vcpu, guest_nothing, 0);
		EXPECT_EQ(KVM_COOP_STATUS_ACTIVE, page->host.status);
	}
}

/* The VMM writes the MSR before the memory is there, but not nonsense. */
TEST_F(refused, format_from_the_vmm_too)
{
	int bits = maxphyaddr(self->vcpu);
	uint64_t good = coop_page_gpa(0, 0) | KVM_COOP_MSR_ENABLE;

	vcpu_set_msr(self->vcpu, MSR_KVM_COOP, good);
	EXPECT_NE(1, _vcpu_set_msr(self->vcpu, MSR_KVM_COOP, good | 2));
	EXPECT_NE(1, _vcpu_set_msr(self->vcpu, MSR_KVM_COOP, good & ~1ULL));
	EXPECT_NE(1, _vcpu_set_msr(self->vcpu, MSR_KVM_COOP,
				   good | (1ULL << bits)));
	EXPECT_EQ(good, vcpu_get_msr(self->vcpu, MSR_KVM_COOP));
}

/* --- a registered page ---------------------------------------------------- */

FIXTURE(registered) {
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	struct kvm_coop_page *page;
};

FIXTURE_SETUP(registered)
{
	struct kvm_coop_config config = coop_config(KVM_COOP_POLICY_RT);

	COOP_REQUIRE();
	self->vm = coop_vm(&config, 1, &self->vcpu);
	self->page = host_page(self->vm, 0);
	/* so that there is something to publish all the time */
	self->page->guest.intent = KVM_COOP_INTENT_RT;
	coop_register(self->vcpu);
}

FIXTURE_TEARDOWN(registered)
{
	kvm_vm_free(self->vm);
}

/* Long enough to be scheduled in and out, with the tick and a competitor. */
static void guest_spin(int id, uint64_t ms)
{
	uint64_t end = rdtsc() + ms * guest_tsc_khz;

	while (rdtsc() < end && !READ_ONCE(guest_ctl(id)->stop))
		asm volatile("pause");
}

static void run_contended(struct kvm_vcpu *vcpu)
{
	struct coop_hog hog;

	coop_pin(0);
	coop_hog_start(&hog, 0);
	coop_call(vcpu, guest_spin, 60);
	coop_hog_stop(&hog);
}

static void fill(void *hva)
{
	memset(hva, 0xa5, PAGE_SIZE);
}

static bool is_filled(const uint8_t *hva, size_t from, size_t to)
{
	while (from < to)
		if (hva[from++] != 0xa5)
			return false;
	return true;
}

TEST_F(registered, host_answers)
{
	run_contended(self->vcpu);
	EXPECT_TRUE(self->page->host.status & KVM_COOP_STATUS_ACTIVE);
	EXPECT_EQ(KVM_COOP_F_IRQ | KVM_COOP_F_RT | KVM_COOP_F_OBSERVE |
		  KVM_COOP_F_TIMER,
		  self->page->host.features);
	EXPECT_EQ(0, self->page->facts.seq & 1);
	EXPECT_NE(0, self->page->facts.seq);
	EXPECT_LT(0, self->page->facts.run_ns);
	EXPECT_LT(0, self->page->facts.wait_ns);
	EXPECT_LT(0, self->page->facts.preempted_total);
}

/* Only the host's lines are written, and nothing around the page. */
TEST_F(registered, host_writes_its_lines_only)
{
	struct kvm_coop_page before = *self->page;
	uint8_t *frame = addr_gpa2hva(self->vm, coop_area(0) + PAGE_SIZE);

	coop_wrmsr(self->vcpu, 0);
	fill(frame);
	*self->page = before;
	coop_register(self->vcpu);
	run_contended(self->vcpu);
	EXPECT_EQ(0, memcmp(&before, self->page,
			    offsetof(struct kvm_coop_page, host)));
	EXPECT_TRUE(is_filled(frame, 0, COOP_PAGE_OFFSET));
	EXPECT_TRUE(is_filled(frame, COOP_PAGE_OFFSET + KVM_COOP_PAGE_SIZE,
			      PAGE_SIZE));
}

TEST_F(registered, disable)
{
	uint8_t *frame = addr_gpa2hva(self->vm, coop_area(0) + PAGE_SIZE);

	run_contended(self->vcpu);
	EXPECT_EQ(0, coop_wrmsr(self->vcpu, 0));
	EXPECT_EQ(0, coop_rdmsr(self->vcpu));
	fill(frame);
	run_contended(self->vcpu);
	EXPECT_TRUE(is_filled(frame, 0, PAGE_SIZE));
	EXPECT_EQ(-KVM_ENOSYS,
		  (int64_t)coop_call(self->vcpu, guest_yield, 0)->value);
	EXPECT_TRUE(is_filled(frame, 0, PAGE_SIZE));
}

TEST_F(registered, move)
{
	uint64_t value = coop_page_gpa(0, 1) | KVM_COOP_MSR_ENABLE;
	uint8_t *frame = addr_gpa2hva(self->vm, coop_area(0) + PAGE_SIZE);
	struct kvm_coop_page *page;

	page = addr_gpa2hva(self->vm, coop_page_gpa(0, 1));
	coop_page_init(page);
	EXPECT_EQ(0, coop_wrmsr(self->vcpu, value));
	EXPECT_EQ(value, coop_rdmsr(self->vcpu));
	fill(frame);
	run_contended(self->vcpu);
	EXPECT_TRUE(is_filled(frame, 0, PAGE_SIZE));
	EXPECT_TRUE(page->host.status & KVM_COOP_STATUS_ACTIVE);
}

TEST_F(registered, same_page_again)
{
	int i;

	for (i = 0; i < 100; i++)
		coop_register(self->vcpu);
	run_contended(self->vcpu);
	EXPECT_TRUE(self->page->host.status & KVM_COOP_STATUS_ACTIVE);
}

/* A paused VM's memory is stable, whatever else is done with the vCPU. */
TEST_F(registered, nothing_outside_run)
{
	struct kvm_coop_page before;
	struct kvm_regs regs;
	struct coop_hog hog;
	uint64_t end;

	coop_pin(0);
	coop_hog_start(&hog, 0);
	coop_call(self->vcpu, guest_spin, 30);
	before = *self->page;
	end = coop_now_ns() + 60 * COOP_MS;
	while (coop_now_ns() < end) {
		vcpu_regs_get(self->vcpu, &regs);
		vcpu_regs_set(self->vcpu, &regs);
		vcpu_get_msr(self->vcpu, MSR_KVM_COOP);
	}
	EXPECT_EQ(0, memcmp(&before, self->page, sizeof(before)));
	usleep(20000);
	EXPECT_EQ(0, memcmp(&before, self->page, sizeof(before)));
	coop_hog_stop(&hog);
}

/* What the guest writes after WRMSR to its setup has no effect. */
TEST_F(registered, setup_is_copied_once)
{
	memset(&self->page->setup, 0xff, sizeof(self->page->setup));
	run_contended(self->vcpu);
	EXPECT_EQ(KVM_COOP_F_IRQ | KVM_COOP_F_RT | KVM_COOP_F_OBSERVE |
		  KVM_COOP_F_TIMER,
		  self->page->host.features);
	EXPECT_EQ(0, coop_stat(self->vcpu, "coop_preempted_critical"));
}

static struct kvm_coop_page *register_elsewhere(struct kvm_vcpu *vcpu)
{
	struct kvm_coop_page *page;

	vm_userspace_mem_region_add(vcpu->vm, VM_MEM_SRC_ANONYMOUS, OTHER_GPA,
				    OTHER_SLOT, 1, 0);
	page = addr_gpa2hva(vcpu->vm, OTHER_GPA);
	coop_page_init(page);
	TEST_ASSERT(!coop_wrmsr(vcpu, OTHER_GPA | KVM_COOP_MSR_ENABLE),
		    "registration failed");
	return page;
}

/* The guest goes on without its page, and with it when it is back. */
TEST_F(registered, deleted_memory)
{
	struct kvm_coop_page *page = register_elsewhere(self->vcpu);
	uint64_t misses;

	run_contended(self->vcpu);
	EXPECT_NE(0, page->facts.seq);
	misses = coop_stat(self->vcpu, "coop_page_misses");
	vm_mem_region_delete(self->vm, OTHER_SLOT);
	run_contended(self->vcpu);
	EXPECT_LT(misses, coop_stat(self->vcpu, "coop_page_misses"));
	EXPECT_EQ(OTHER_GPA | KVM_COOP_MSR_ENABLE, coop_rdmsr(self->vcpu));

	vm_userspace_mem_region_add(self->vm, VM_MEM_SRC_ANONYMOUS, OTHER_GPA,
				    OTHER_SLOT, 1, 0);
	page = addr_gpa2hva(self->vm, OTHER_GPA);
	run_contended(self->vcpu);
	EXPECT_NE(0, page->facts.seq);
	EXPECT_EQ(0, coop_wrmsr(self->vcpu, 0));
}

/*
 * A change of other memory makes KVM's caches stale; the page has to be in use
 * again soon after, without the guest doing anything.
 */
TEST_F(registered, other_memory_changes)
{
	uint32_t seq;

	run_contended(self->vcpu);
	vm_userspace_mem_region_add(self->vm, VM_MEM_SRC_ANONYMOUS, OTHER_GPA,
				    OTHER_SLOT, 1, 0);
	run_contended(self->vcpu);
	seq = self->page->facts.seq;
	run_contended(self->vcpu);
	EXPECT_NE(seq, self->page->facts.seq);
}

/* The guest's memory is where user space moved it. */
TEST_F(registered, backing_replaced)
{
	void *frame = addr_gpa2hva(self->vm, coop_area(0) + PAGE_SIZE);
	uint8_t copy[PAGE_SIZE];
	uint32_t seq;

	memcpy(copy, frame, PAGE_SIZE);
	ASSERT_EQ(0, madvise(frame, PAGE_SIZE, MADV_DONTNEED));
	memcpy(frame, copy, PAGE_SIZE);
	run_contended(self->vcpu);
	seq = self->page->facts.seq;
	run_contended(self->vcpu);
	EXPECT_NE(seq, self->page->facts.seq);
}

/* --- a VM of its own ------------------------------------------------------ */

static void guest_send_init(int id, uint64_t target)
{
	x2apic_enable();
	x2apic_write_reg(APIC_ICR, (target << 32) | APIC_DM_INIT |
				   APIC_INT_ASSERT);
}

TEST(vm_reset_by_init)
{
	struct kvm_coop_config config = coop_config(KVM_COOP_POLICY_RT);
	uint8_t *frame;
	struct kvm_mp_state state;
	struct kvm_vcpu *vcpus[2];
	struct kvm_vm *vm;

	COOP_REQUIRE();
	vm = coop_vm(&config, 2, vcpus);
	frame = addr_gpa2hva(vm, coop_area(1) + PAGE_SIZE);
	coop_register(vcpus[1]);
	EXPECT_NE(0, vcpu_get_msr(vcpus[1], MSR_KVM_COOP));
	coop_call(vcpus[0], guest_send_init, 1);
	fill(frame);
	vcpu_mp_state_get(vcpus[1], &state);
	EXPECT_EQ(KVM_MP_STATE_INIT_RECEIVED, state.mp_state);
	EXPECT_EQ(0, vcpu_get_msr(vcpus[1], MSR_KVM_COOP));
	EXPECT_TRUE(is_filled(frame, 0, PAGE_SIZE));
	kvm_vm_free(vm);
}

/* GPA 0 is an address like any other, not a way to say "off". */
TEST(vm_gpa_0)
{
	struct kvm_coop_config config = coop_config(KVM_COOP_POLICY_RT);
	struct kvm_coop_page saved, *page;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	COOP_REQUIRE();
	vm = coop_vm(&config, 1, &vcpu);
	page = addr_gpa2hva(vm, 0);
	saved = *page;
	EXPECT_EQ(GP_VECTOR, coop_wrmsr(vcpu, KVM_COOP_MSR_ENABLE));
	EXPECT_EQ(0, memcmp(&saved, page, sizeof(saved)));

	coop_page_init(page);
	EXPECT_EQ(0, coop_wrmsr(vcpu, KVM_COOP_MSR_ENABLE));
	EXPECT_EQ(KVM_COOP_MSR_ENABLE, coop_rdmsr(vcpu));
	EXPECT_EQ(KVM_COOP_STATUS_ACTIVE, page->host.status);
	EXPECT_EQ(0, coop_wrmsr(vcpu, 0));
	memset(page, 0xa5, sizeof(*page));
	run_contended(vcpu);
	EXPECT_TRUE(is_filled((void *)page, 0, sizeof(*page)));
	kvm_vm_free(vm);
}

TEST(vm_in_msr_list)
{
	const struct kvm_msr_list *list = kvm_get_msr_index_list();
	bool found = false;
	int i;

	for (i = 0; i < list->nmsrs; i++)
		found |= list->indices[i] == MSR_KVM_COOP;
	EXPECT_TRUE(found);
}

/* Save, restore into a VM whose memory comes later, and go on there. */
TEST(vm_restore)
{
	struct kvm_coop_config config = coop_config(KVM_COOP_POLICY_RT);
	struct kvm_coop_page *page;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	uint64_t value;

	COOP_REQUIRE();
	vm = coop_vm(&config, 1, &vcpu);
	coop_register(vcpu);
	value = vcpu_get_msr(vcpu, MSR_KVM_COOP);
	EXPECT_EQ(coop_page_gpa(0, 0) | KVM_COOP_MSR_ENABLE, value);
	kvm_vm_free(vm);

	vm = vm_create(1);
	ASSERT_EQ(0, coop_enable(vm, &config));
	virt_map(vm, COOP_GPA, COOP_GPA, COOP_PAGES);
	vcpu = coop_add_vcpu(vm, 0);
	vcpu_set_msr(vcpu, MSR_KVM_COOP, value);
	coop_add_memory(vm, 1);
	page = host_page(vm, 0);
	EXPECT_EQ(0, page->host.status);
	EXPECT_EQ(value, coop_rdmsr(vcpu));
	EXPECT_EQ(KVM_COOP_STATUS_ACTIVE, page->host.status);
	EXPECT_EQ(0, (int64_t)coop_call(vcpu, guest_yield, 0)->value);
	kvm_vm_free(vm);
}

/* Restored, but the memory is not what it should be: no crash, no feature. */
TEST(vm_restore_without_memory)
{
	struct kvm_coop_config config = coop_config(KVM_COOP_POLICY_RT);
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	COOP_REQUIRE();
	vm = coop_vm(&config, 1, &vcpu);
	vcpu_set_msr(vcpu, MSR_KVM_COOP, HOLE_GPA | KVM_COOP_MSR_ENABLE);
	coop_call(vcpu, guest_nothing, 0);
	EXPECT_EQ(HOLE_GPA | KVM_COOP_MSR_ENABLE, coop_rdmsr(vcpu));
	EXPECT_EQ(-KVM_ENOSYS, (int64_t)coop_call(vcpu, guest_yield, 0)->value);

	/* the guest can still register properly, and unregister */
	coop_register(vcpu);
	EXPECT_EQ(KVM_COOP_STATUS_ACTIVE, host_page(vm, 0)->host.status);
	EXPECT_EQ(0, coop_wrmsr(vcpu, 0));
	kvm_vm_free(vm);
}

TEST(vm_yield_unregistered)
{
	struct kvm_coop_config config = coop_config(KVM_COOP_POLICY_RT);
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	COOP_REQUIRE();
	vm = coop_vm(&config, 1, &vcpu);
	EXPECT_EQ(-KVM_ENOSYS, (int64_t)coop_call(vcpu, guest_yield, 0)->value);
	coop_register(vcpu);
	EXPECT_EQ(0, (int64_t)coop_call(vcpu, guest_yield, 0)->value);
	EXPECT_EQ(0, (int64_t)coop_call(vcpu, guest_yield, KVM_COOP_YIELD_UNLOCKED)->value);
	for (int bit = 1; bit < 64; bit++)
		EXPECT_EQ(-KVM_EINVAL, (int64_t)coop_call(vcpu, guest_yield, 1ULL << bit)->value);
	EXPECT_EQ(0, coop_wrmsr(vcpu, 0));
	EXPECT_EQ(-KVM_ENOSYS, (int64_t)coop_call(vcpu, guest_yield, 0)->value);
	kvm_vm_free(vm);
}

static void guest_storm(int id, uint64_t times)
{
	while (times--) {
		wrmsr_safe(MSR_KVM_COOP, times | (1ULL << 63));
		wrmsr_safe(MSR_KVM_COOP, HOLE_GPA | KVM_COOP_MSR_ENABLE);
		wrmsr_safe(MSR_KVM_COOP, 0);
		kvm_hypercall(KVM_HC_COOP_YIELD, times, times, times, times);
	}
}

/* Whatever the guest does, the host's log does not grow with it. */
TEST(vm_log_is_bounded)
{
	struct kvm_coop_config config = coop_config(KVM_COOP_POLICY_RT);
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	int lines = 0, fd;
	char record[1024];

	COOP_REQUIRE();
	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, fd);
	lseek(fd, 0, SEEK_END);
	vm = coop_vm(&config, 1, &vcpu);
	coop_call(vcpu, guest_storm, 500);
	while (read(fd, record, sizeof(record)) > 0)
		lines++;
	EXPECT_GE(20, lines);
	close(fd);
	kvm_vm_free(vm);
}

TEST_HARNESS_MAIN
