// SPDX-License-Identifier: GPL-2.0
/* The truth tables of what a vCPU's published facts mean: kernel/virt/kvm/coop/decide.h in user space. */
#include <string.h>

#include "tests/unit/coop_decide.h"
#include "tests/unit/check.h"

/* Linux on x86: count in the low bits, NEED_RESCHED folded in as an inverted bit 31. */
static const struct kvm_coop_guest_setup linux_setup = {
	.abi_version = KVM_COOP_ABI_VERSION,
	.size = KVM_COOP_PAGE_SIZE,
	.pc_preempt_mask = 0x000000ff,
	.pc_softirq_mask = 0x0000ff00,
	.pc_hardirq_mask = 0x000f0000,
	.pc_nmi_mask = 0x00f00000,
	.pc_resched_mask = 0x80000000,
	.pc_flags = KVM_COOP_PC_RESCHED_INVERTED,
};

#define QUIET	0x80000000u /* no reschedule wanted, nothing disabled */
#define RT	KVM_COOP_INTENT_RT
#define REQUEST	KVM_COOP_INTENT_REQUEST
#define IDLE	KVM_COOP_INTENT_IDLE

static const struct {
	const char *what;
	struct coop_facts facts;
	enum coop_reason reason;
	bool critical;
} linux_rows[] = {
	{ "nothing", { .have_count = true, .preempt_count = QUIET }, COOP_REASON_NONE, false },
	{ "preemption disabled", { .have_count = true, .preempt_count = QUIET | 1 }, COOP_REASON_NONE, true },
	{ "nested", { .have_count = true, .preempt_count = QUIET | 0xff }, COOP_REASON_NONE, true },
	{ "softirq", { .have_count = true, .preempt_count = QUIET | 0x100 }, COOP_REASON_NONE, true },
	{ "softirq disabled", { .have_count = true, .preempt_count = QUIET | 0x200 }, COOP_REASON_NONE, true },
	{ "hardirq", { .have_count = true, .preempt_count = QUIET | 0x10000 }, COOP_REASON_NONE, true },
	{ "NMI", { .have_count = true, .preempt_count = QUIET | 0x100000 }, COOP_REASON_NONE, true },
	{ "resched", { .have_count = true, .preempt_count = 0 }, COOP_REASON_IRQ, false },
	{ "resched, disabled", { .have_count = true, .preempt_count = 1 }, COOP_REASON_IRQ, true },
	{ "idle task", { .intent = IDLE, .have_count = true, .preempt_count = QUIET | 1 }, COOP_REASON_NONE, false },
	{ "idle, softirq", { .intent = IDLE, .have_count = true, .preempt_count = QUIET | 0x101 }, COOP_REASON_NONE,
	  true },
	{ "idle, hardirq", { .intent = IDLE, .have_count = true, .preempt_count = QUIET | 0x10001 }, COOP_REASON_NONE,
	  true },
	{ "idle, resched", { .intent = IDLE, .have_count = true, .preempt_count = 1 }, COOP_REASON_IRQ, false },
	{ "RT", { .intent = RT, .have_count = true, .preempt_count = QUIET }, COOP_REASON_RT, false },
	{ "request", { .intent = REQUEST, .have_count = true, .preempt_count = QUIET }, COOP_REASON_RT, false },
	{ "RT in hardirq", { .intent = RT, .have_count = true, .preempt_count = QUIET | 0x10000 }, COOP_REASON_RT,
	  true },
	{ "RT, open ticket", { .intent = RT, .ticket = 1 }, COOP_REASON_RT, false },
	{ "open ticket", { .ticket = 1, .irq_ack = 0 }, COOP_REASON_IRQ, false },
	{ "ticket wrapped", { .ticket = 0, .irq_ack = 0xffffffff }, COOP_REASON_IRQ, false },
	{ "ack ahead", { .ticket = 5, .irq_ack = 6 }, COOP_REASON_IRQ, false },
	{ "acknowledged", { .ticket = 0xffffffff, .irq_ack = 0xffffffff }, COOP_REASON_NONE, false },
	{ "pending", { .irq_pending = true }, COOP_REASON_IRQ, false },
	{ "unknown intent", { .intent = ~(RT | REQUEST | IDLE) }, COOP_REASON_NONE, false },
	/* without the count its value means nothing */
	{ "no count", { .preempt_count = 0x00ffffff }, COOP_REASON_NONE, false },
	{ "no count, resched", { .preempt_count = 0 }, COOP_REASON_NONE, false },
	{ "bits of nobody", { .have_count = true, .preempt_count = QUIET | 0x7f000000 }, COOP_REASON_NONE, false },
};

static void test_linux(void)
{
	struct coop_masks masks;

	coop_setup_masks(&linux_setup, &masks);
	for (size_t i = 0; i < sizeof(linux_rows) / sizeof(*linux_rows); i++) {
		const struct coop_facts *f = &linux_rows[i].facts;

		CHECK(coop_reason(f, &masks, ~0u) == linux_rows[i].reason, "%s: reason %d", linux_rows[i].what,
		      coop_reason(f, &masks, ~0u));
		CHECK(coop_critical(f, &masks) == linux_rows[i].critical, "%s: critical", linux_rows[i].what);
	}
}

static const struct {
	const char *what;
	struct coop_facts facts;
	bool notify;
} notify_rows[] = {
	{ "a task runs", { .have_count = true, .preempt_count = QUIET }, true },
	{ "no count", { .preempt_count = 0x00ffffff }, true },
	{ "the idle task runs", { .intent = IDLE, .have_count = true, .preempt_count = QUIET | 1 }, false },
	{ "a lock is held", { .have_count = true, .preempt_count = QUIET | 1 }, false },
	{ "in an interrupt", { .have_count = true, .preempt_count = QUIET | 0x10000 }, true },
	{ "in one upon a lock", { .have_count = true, .preempt_count = QUIET | 0x10001 }, false },
	{ "in a softirq", { .have_count = true, .preempt_count = QUIET | 0x100 }, false },
	{ "in one upon the idle task", { .intent = IDLE, .have_count = true, .preempt_count = QUIET | 0x10001 }, false },
	{ "answered", { .notify_seq = 7, .notify_ack = 7 }, true },
	{ "not answered", { .notify_seq = 8, .notify_ack = 7 }, false },
	{ "answer ahead", { .notify_seq = 0xffffffff, .notify_ack = 0 }, false },
};

static void test_notify(void)
{
	struct coop_masks masks;

	coop_setup_masks(&linux_setup, &masks);
	for (size_t i = 0; i < sizeof(notify_rows) / sizeof(*notify_rows); i++)
		CHECK(coop_may_notify(&notify_rows[i].facts, &masks) == notify_rows[i].notify, "%s",
		      notify_rows[i].what);
}

/* Who does not want to be notified may write what it likes. */
static void test_notify_vector(void)
{
	struct kvm_coop_guest_setup setup = linux_setup;

	for (unsigned int v = 0; v < 1024; v++) {
		setup.notify_vector = v;
		setup.features = 0;
		CHECK(coop_setup_valid(&setup), "%u is looked at", v);
		setup.features = KVM_COOP_F_NOTIFY;
		CHECK(coop_setup_valid(&setup) == (!v || (v >= 32 && v <= 254)), "%u", v);
	}
	setup.notify_vector = 0x80000040;
	CHECK(!coop_setup_valid(&setup), "upper bits are lost");
}

/* A kernel that sets a bit when it wants to reschedule. */
static void test_resched_not_inverted(void)
{
	struct kvm_coop_guest_setup setup = linux_setup;
	struct coop_facts f = { .have_count = true };
	struct coop_masks masks;

	setup.pc_flags = 0;
	coop_setup_masks(&setup, &masks);
	CHECK(coop_reason(&f, &masks, ~0u) == COOP_REASON_NONE, "bit clear");
	f.preempt_count = setup.pc_resched_mask;
	CHECK(coop_reason(&f, &masks, ~0u) == COOP_REASON_IRQ, "bit set");
	f.have_count = false;
	CHECK(coop_reason(&f, &masks, ~0u) == COOP_REASON_NONE, "no count");
}

/* What the VM may not have is no reason, and hides none. */
static void test_features(void)
{
	static const struct {
		u32 intent;
		bool irq_pending;
		u32 features;
		enum coop_reason reason;
	} rows[] = {
		{ KVM_COOP_INTENT_RT, true, 0, COOP_REASON_NONE },
		{ KVM_COOP_INTENT_RT, true, KVM_COOP_F_DEFER | KVM_COOP_F_NOTIFY, COOP_REASON_NONE },
		{ KVM_COOP_INTENT_RT, true, KVM_COOP_F_IRQ, COOP_REASON_IRQ },
		{ KVM_COOP_INTENT_RT, true, KVM_COOP_F_RT, COOP_REASON_RT },
		{ 0, true, KVM_COOP_F_RT, COOP_REASON_NONE },
		{ KVM_COOP_INTENT_REQUEST, false, KVM_COOP_F_IRQ, COOP_REASON_NONE },
	};
	struct coop_masks masks = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct coop_facts f = { .intent = rows[i].intent, .irq_pending = rows[i].irq_pending };

		CHECK(coop_reason(&f, &masks, rows[i].features) == rows[i].reason, "row %zu", i);
	}
}

/* No masks: the guest has no such bits, inverted or not. */
static void test_no_masks(void)
{
	struct coop_facts f = { .have_count = true };
	struct coop_masks masks = { .resched_inverted = true };

	for (int i = 0; i < 2; i++, f.preempt_count = 0xffffffff) {
		CHECK(coop_reason(&f, &masks, ~0u) == COOP_REASON_NONE, "%#x starts something", f.preempt_count);
		CHECK(!coop_critical(&f, &masks), "%#x is critical", f.preempt_count);
	}
}

static void test_masks(void)
{
	struct coop_masks masks;

	coop_setup_masks(&linux_setup, &masks);
	CHECK(masks.preempt == linux_setup.pc_preempt_mask, "%#x", masks.preempt);
	CHECK(masks.softirq == linux_setup.pc_softirq_mask, "%#x", masks.softirq);
	CHECK(masks.irq == (linux_setup.pc_hardirq_mask | linux_setup.pc_nmi_mask), "%#x", masks.irq);
	CHECK(masks.resched == linux_setup.pc_resched_mask, "%#x", masks.resched);
	CHECK(masks.resched_inverted, "not inverted");
}

static void test_setup(void)
{
	static const struct {
		__u32 version, size;
		bool valid;
	} rows[] = {
		{ 1, 256, true }, { 1, 4096, true }, { 1, 0xffffffff, true },
		{ 1, 255, false }, { 1, 0, false }, { 0, 256, false }, { 2, 256, false }, { 0xffffffff, 256, false },
	};
	static const struct {
		u64 gpa;
		bool valid;
	} gpas[] = {
		{ 0, false }, { 1, false }, { 2, false }, { 3, false }, { 4, true }, { 0xffc, true }, { 0xffe, false },
		{ ~0ull, false }, { ~3ull, true },
	};
	struct kvm_coop_guest_setup setup = linux_setup;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		setup.abi_version = rows[i].version;
		setup.size = rows[i].size;
		CHECK(coop_setup_valid(&setup) == rows[i].valid, "version %u size %u", setup.abi_version, setup.size);
	}
	for (size_t i = 0; i < sizeof(gpas) / sizeof(*gpas); i++)
		CHECK(coop_count_gpa_valid(gpas[i].gpa) == gpas[i].valid, "%#llx", (unsigned long long)gpas[i].gpa);
}

int main(void)
{
	test_linux();
	test_notify();
	test_notify_vector();
	test_resched_not_inverted();
	test_features();
	test_no_masks();
	test_masks();
	test_setup();
	return check_result();
}
