// SPDX-License-Identifier: GPL-2.0
/*
 * kvm-coop: the page that the VMM maps from a vCPU's file descriptor. Nobody
 * can write it or map it so, it says what happens to the vCPU, and without the
 * capability there is nothing.
 */
#include <setjmp.h>
#include <sys/mman.h>

#include "coop_test.h"

#define VCPU_CPU	1
#define OTHER_CPU	0

/* Long enough for a slow emulator with a debug kernel. */
#define SOON_MS		5000

/* what a test looks at */
#define SLICES		100

static void *map_page(struct kvm_vcpu *vcpu, int prot, int flags, int pages)
{
	return mmap(NULL, pages * PAGE_SIZE, prot, flags, vcpu->fd,
		    KVM_COOP_VMM_PAGE_OFFSET * PAGE_SIZE);
}

static const struct kvm_coop_vmm_page *map_ro(struct kvm_vcpu *vcpu)
{
	const struct kvm_coop_vmm_page *page = map_page(vcpu, PROT_READ, MAP_SHARED, 1);

	TEST_ASSERT(page != MAP_FAILED, "mmap: %s", strerror(errno));
	return page;
}

/* One line as of one moment. */
static void read_line(void *to, const void *line, size_t size, const uint32_t *seq)
{
	uint32_t before;

	do {
		before = READ_ONCE(*seq) & ~1U;
		asm volatile("" ::: "memory");
		memcpy(to, line, size);
		asm volatile("" ::: "memory");
	} while (READ_ONCE(*seq) != before);
}

static struct kvm_coop_vmm_run read_run(const struct kvm_coop_vmm_page *page)
{
	struct kvm_coop_vmm_run run;

	read_line(&run, &page->run, sizeof(run), &page->run.seq);
	return run;
}

static struct kvm_coop_vmm_grant read_grant(const struct kvm_coop_vmm_page *page)
{
	struct kvm_coop_vmm_grant grant;

	read_line(&grant, &page->grant, sizeof(grant), &page->grant.seq);
	return grant;
}

static bool has_slice_end(const struct kvm_coop_vmm_page *page, struct kvm_coop_vmm_run *run)
{
	*run = read_run(page);
	return run->slice_end_ns;
}

static bool has_state(const struct kvm_coop_vmm_page *page, struct kvm_coop_vmm_run *run,
		      uint32_t state)
{
	*run = read_run(page);
	return run->state == state;
}

static bool has_flag(const struct kvm_coop_vmm_page *page, struct kvm_coop_vmm_grant *grant,
		     uint32_t flag)
{
	*grant = read_grant(page);
	return grant->flags & flag;
}

static sigjmp_buf fault;

static void fault_handler(int sig)
{
	siglongjmp(fault, sig);
}

/* The signal that an access raises, 0 for none. */
static int touch(uint32_t *word, bool write)
{
	struct sigaction sa = { .sa_handler = fault_handler }, bus, segv;
	int sig;

	sigaction(SIGBUS, &sa, &bus);
	sigaction(SIGSEGV, &sa, &segv);
	sig = sigsetjmp(fault, 1);
	if (!sig) {
		if (write)
			WRITE_ONCE(*word, 1);
		else
			READ_ONCE(*word);
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return sig;
}

/* Spin with this intent until told to stop. */
static void guest_spin(int id, uint64_t intent)
{
	WRITE_ONCE(guest_page(id)->guest.intent, intent);
	while (!READ_ONCE(guest_ctl(id)->stop))
		asm volatile("pause");
	WRITE_ONCE(guest_page(id)->guest.intent, 0);
}

static void guest_sleep(int id, uint64_t unused)
{
	guest_halt();
}

TEST(vmm_page_needs_capability)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	uint32_t *page;

	COOP_REQUIRE();
	vm = coop_vm(NULL, 1, &vcpu);
	page = map_page(vcpu, PROT_READ, MAP_SHARED, 1);
	if (page != MAP_FAILED)
		EXPECT_EQ(SIGBUS, touch(page, false));
	kvm_vm_free(vm);
}

FIXTURE(vmm_page) {
	struct kvm_coop_config config;
	struct coop_thread thread;
	struct coop_hog hog;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	const struct kvm_coop_vmm_page *page;
};

FIXTURE_SETUP(vmm_page)
{
	COOP_REQUIRE();
	coop_pin(OTHER_CPU);
	self->config = coop_config(KVM_COOP_POLICY_RT);
	self->vm = coop_vm(&self->config, 1, &self->vcpu);
	self->thread = (struct coop_thread) { .vcpu = self->vcpu, .cpu = VCPU_CPU };
	self->page = NULL;
}

FIXTURE_TEARDOWN(vmm_page)
{
	if (self->page)
		munmap((void *)self->page, PAGE_SIZE);
	kvm_vm_free(self->vm);
}

/* Not writable in any way: at once, later, privately, hidden among others. */
TEST_F(vmm_page, cannot_be_written)
{
	uint32_t *page;

	EXPECT_EQ(MAP_FAILED, map_page(self->vcpu, PROT_READ | PROT_WRITE, MAP_SHARED, 1));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(MAP_FAILED, map_page(self->vcpu, PROT_WRITE, MAP_PRIVATE, 1));
	EXPECT_EQ(MAP_FAILED, map_page(self->vcpu, PROT_READ | PROT_EXEC, MAP_SHARED, 1));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 32 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				   self->vcpu->fd, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				   self->vcpu->fd,
				   (KVM_COOP_VMM_PAGE_OFFSET - 1) * PAGE_SIZE));

	page = map_page(self->vcpu, PROT_READ, MAP_SHARED, 1);
	ASSERT_NE(MAP_FAILED, page);
	EXPECT_EQ(0, touch(page, false));
	EXPECT_EQ(SIGSEGV, touch(page, true));
	EXPECT_EQ(-1, mprotect(page, PAGE_SIZE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(page, PAGE_SIZE, PROT_READ | PROT_EXEC));
	EXPECT_EQ(sizeof(struct kvm_coop_vmm_page), *page);
	munmap(page, PAGE_SIZE);
}

/* What lies around it is as before. */
TEST_F(vmm_page, other_offsets_unchanged)
{
	uint32_t *pages = map_page(self->vcpu, PROT_READ, MAP_SHARED, 2);
	void *run;

	ASSERT_NE(MAP_FAILED, pages);
	EXPECT_EQ(0, touch(pages, false));
	EXPECT_EQ(SIGBUS, touch(pages + PAGE_SIZE / sizeof(*pages), false));
	munmap(pages, 2 * PAGE_SIZE);
	run = mmap(NULL, 3 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, self->vcpu->fd, 0);
	EXPECT_NE(MAP_FAILED, run);
	munmap(run, 3 * PAGE_SIZE);
}

static void expect_state(struct __test_metadata *_metadata,
			 const struct kvm_coop_vmm_page *page, uint32_t state)
{
	EXPECT_TRUE(coop_wait(read_run(page).state == state, SOON_MS)) {
		TH_LOG("state %u instead of %u", read_run(page).state, state);
	}
}

/* The guest registers nothing, and is seen running, waiting, asleep, stopped. */
TEST_F(vmm_page, run_state_without_guest)
{
	const struct kvm_coop_vmm_page *page = map_ro(self->vcpu);
	uint64_t since;

	self->page = page;
	expect_state(_metadata, page, KVM_COOP_STATE_USER);
	EXPECT_EQ(0, read_grant(page).flags);
	EXPECT_EQ(0, page->run.seq & 1);

	coop_thread_start(&self->thread, guest_spin, 0);
	expect_state(_metadata, page, KVM_COOP_STATE_RUNNING);
	since = read_run(page).since_ns;
	EXPECT_GE(coop_now_ns(), since);
	EXPECT_GE(since + SOON_MS * COOP_MS, coop_now_ns());

	coop_hog_start(&self->hog, VCPU_CPU);
	expect_state(_metadata, page, KVM_COOP_STATE_PREEMPTED);
	EXPECT_EQ(0, read_grant(page).flags);
	expect_state(_metadata, page, KVM_COOP_STATE_RUNNING);
	EXPECT_LT(since, read_run(page).since_ns);
	coop_hog_stop(&self->hog);

	coop_thread_stop(&self->thread);
	expect_state(_metadata, page, KVM_COOP_STATE_USER);
	EXPECT_EQ(0, read_run(page).slice_end_ns);

	coop_thread_start(&self->thread, guest_sleep, 0);
	expect_state(_metadata, page, KVM_COOP_STATE_BLOCKED);
	coop_thread_abandon(&self->thread);
	expect_state(_metadata, page, KVM_COOP_STATE_USER);
}

/* With a competitor a slice has an end, and it lies ahead of its beginning. */
TEST_F(vmm_page, slice_end)
{
	const struct kvm_coop_vmm_page *page = map_ro(self->vcpu);
	struct kvm_coop_vmm_run run = { };

	self->page = page;
	coop_hog_start(&self->hog, VCPU_CPU);
	coop_thread_start(&self->thread, guest_spin, 0);
	EXPECT_TRUE(coop_wait(has_slice_end(page, &run), SOON_MS));
	EXPECT_EQ(KVM_COOP_STATE_RUNNING, run.state);
	EXPECT_LT(run.since_ns, run.slice_end_ns);
	EXPECT_GT(run.since_ns + 100 * COOP_MS, run.slice_end_ns);
	coop_thread_stop(&self->thread);
	coop_hog_stop(&self->hog);
}

/* Of ns: how far apart two times are in their places between ticks. */
static uint64_t phase_apart(uint64_t a, uint64_t b, uint64_t tick)
{
	uint64_t apart = (a % tick + tick - b % tick) % tick;

	return apart < tick - apart ? apart : tick - apart;
}

/*
 * The tick ends slices, so the page's ends are whole ticks apart. How long slices are
 * is judged coarsely, as on a busy machine a tick is milliseconds late.
 */
TEST_F(vmm_page, slice_end_is_met)
{
	const struct kvm_coop_vmm_page *page = map_ro(self->vcpu);
	struct kvm_coop_vmm_run run = { }, next = { };
	int i, met = 0, at_tick = 0;
	struct timespec tick = { };
	uint64_t said, was, last = 0;

	self->page = page;
	/* of the coarse clock, the tick is the resolution */
	ASSERT_EQ(0, clock_getres(CLOCK_MONOTONIC_COARSE, &tick));
	coop_hog_start(&self->hog, VCPU_CPU);
	coop_thread_start(&self->thread, guest_spin, 0);
	for (i = 0; i < SLICES; i++) {
		EXPECT_TRUE(coop_wait(has_state(page, &run, KVM_COOP_STATE_RUNNING), SOON_MS));
		EXPECT_TRUE(coop_wait(has_state(page, &next, KVM_COOP_STATE_PREEMPTED), SOON_MS));
		at_tick += phase_apart(run.slice_end_ns, last, tick.tv_nsec) < COOP_MS / 4;
		said = run.slice_end_ns - run.since_ns;
		was = next.since_ns - run.since_ns;
		met += was >= said / 2 && was <= 2 * said;
		last = run.slice_end_ns;
	}
	EXPECT_LT(SLICES * 3 / 4, at_tick) {
		TH_LOG("%d of %d ends whole ticks from the last", at_tick, SLICES);
	}
	EXPECT_LT(SLICES / 3, met) {
		TH_LOG("%d of %d slices about as long as said", met, SLICES);
	}
	coop_thread_stop(&self->thread);
	coop_hog_stop(&self->hog);
}

/* A page that is mapped when the vCPU runs already has the grant as it is. */
TEST_F(vmm_page, boost)
{
	const struct kvm_coop_vmm_page *page;
	struct kvm_coop_vmm_grant grant = { };

	coop_register(self->vcpu);
	coop_hog_start(&self->hog, VCPU_CPU);
	coop_thread_start(&self->thread, guest_spin, KVM_COOP_INTENT_RT);
	page = map_ro(self->vcpu);
	self->page = page;
	EXPECT_TRUE(read_grant(page).flags & KVM_COOP_VMM_REGISTERED);
	EXPECT_TRUE(coop_wait(has_flag(page, &grant, KVM_COOP_VMM_BOOSTED), SOON_MS));
	EXPECT_EQ(self->config.features, grant.features);
	EXPECT_NE(0, grant.bound_ns);
	EXPECT_NE(0, grant.budget_left_ns);
	/* it asks for more than its budget */
	EXPECT_TRUE(coop_wait(has_flag(page, &grant, KVM_COOP_VMM_THROTTLED), SOON_MS));
	coop_thread_stop(&self->thread);
	coop_hog_stop(&self->hog);

	grant = read_grant(page);
	EXPECT_EQ(0, grant.flags & KVM_COOP_VMM_BOOSTED);
	EXPECT_EQ(0, grant.bound_ns);
	EXPECT_EQ(0, coop_wrmsr(self->vcpu, 0));
	grant = read_grant(page);
	EXPECT_EQ(0, grant.flags & KVM_COOP_VMM_REGISTERED);
	EXPECT_EQ(0, grant.features);
}

/* The mapping keeps the vCPU alive, whatever is closed. */
TEST_F(vmm_page, outlives_the_vm)
{
	struct kvm_coop_config config = coop_config(KVM_COOP_POLICY_RT);
	const struct kvm_coop_vmm_page *page;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	vm = coop_vm(&config, 1, &vcpu);
	page = map_ro(vcpu);
	kvm_vm_free(vm);
	EXPECT_EQ(sizeof(*page), READ_ONCE(page->size));
	EXPECT_EQ(KVM_COOP_STATE_USER, read_run(page).state);
	munmap((void *)page, PAGE_SIZE);
}

TEST_HARNESS_MAIN
