// SPDX-License-Identifier: GPL-2.0
/*
 * kernel/virt/kvm/coop/decide.h on whatever a guest may write: what has no meaning must have no effect, and the
 * budget stays within its bounds.
 *
 * With a fuzzer: clang -fsanitize=fuzzer,address,undefined -I. tests/fuzz/coop_decide.c.
 * Without: tests/unit/coop_decide_fuzz.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/coop_decide.h"

struct input {
	struct kvm_coop_guest_setup setup;
	struct kvm_coop_guest_line line;
	u32 preempt_count;
	u32 ticket;
	u32 other;
	u32 rate;
	u32 burst_us;
	u64 times[8];
	u64 used[8];
	uint8_t have_count;
	uint8_t irq_pending;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "coop_decide: %s\n", what);
	abort();
}

static bool same(const struct coop_facts *a, const struct coop_facts *b, const struct coop_masks *m)
{
	return coop_reason(a, m, ~0u) == coop_reason(b, m, ~0u) && coop_critical(a, m) == coop_critical(b, m);
}

/* Changes that must not matter. */
static void check_without_effect(const struct coop_facts *f, const struct coop_masks *m, u32 other)
{
	const u32 known = KVM_COOP_INTENT_RT | KVM_COOP_INTENT_REQUEST | KVM_COOP_INTENT_IDLE;
	u32 meant = m->preempt | m->softirq | m->irq | m->resched;
	struct coop_facts g = *f;

	g.intent ^= other & ~known;
	require(same(f, &g, m), "an unknown intent bit matters");
	g = *f;
	g.preempt_count ^= other & ~meant;
	require(same(f, &g, m), "a bit of the count outside of all masks matters");
	g = *f;
	g.ticket += other;
	g.irq_ack += other;
	require(same(f, &g, m), "tickets matter by more than their difference");
	g = *f;
	g.have_count = false;
	if (!f->have_count) {
		g.preempt_count = other;
		require(same(f, &g, m), "the count matters although there is none");
	}
	require(!coop_critical(&g, m), "critical without count");
}

static void check_reason(const struct coop_facts *f, const struct coop_masks *m, u32 other)
{
	bool asks = f->intent & (KVM_COOP_INTENT_RT | KVM_COOP_INTENT_REQUEST);
	enum coop_reason reason = coop_reason(f, m, ~0u);
	struct coop_facts g = *f;

	require(reason < COOP_REASON_NR, "no such reason");
	require(asks == (reason == COOP_REASON_RT), "RT is not what the intent says");
	if (!asks && (f->irq_pending || f->irq_ack != f->ticket))
		require(reason == COOP_REASON_IRQ, "a pending interrupt is no reason");
	g.intent ^= KVM_COOP_INTENT_IDLE;
	require(coop_reason(&g, m, ~0u) == reason, "idle matters for the reason");
	g = *f;
	g.preempt_count ^= other & (m->preempt | m->softirq) & ~(m->irq | m->resched);
	require(coop_reason(&g, m, ~0u) == reason, "disabled preemption matters for the reason");
	reason = coop_reason(f, m, other);
	require(reason != COOP_REASON_RT || (other & KVM_COOP_F_RT), "RT without its feature");
	require(reason != COOP_REASON_IRQ || (other & KVM_COOP_F_IRQ), "an interrupt without its feature");
}

/* Idle hides sections, it makes none. */
static void check_critical(const struct coop_facts *f, const struct coop_masks *m)
{
	struct coop_facts idle = *f, busy = *f;

	idle.intent |= KVM_COOP_INTENT_IDLE;
	busy.intent &= ~KVM_COOP_INTENT_IDLE;
	require(!coop_critical(&idle, m) || coop_critical(&busy, m), "idle makes a section");
	if (f->have_count && (f->preempt_count & (m->irq | m->softirq)))
		require(coop_critical(&idle, m), "idle hides an interrupt");
}

/* One that did not answer, is idle or may hold a lock is left alone. */
static void check_notify(const struct coop_facts *f, const struct coop_masks *m, const struct input *in)
{
	if (coop_may_notify(f, m))
		require(f->notify_ack == f->notify_seq && !coop_may_hold_lock(f, m) &&
			!(f->intent & KVM_COOP_INTENT_IDLE), "a useless notification");
	if (coop_setup_valid(&in->setup) && (in->setup.features & KVM_COOP_F_NOTIFY))
		require(coop_notify_vector_valid(in->setup.notify_vector), "a bad vector is valid");
}

static void check_budget(const struct input *in)
{
	struct coop_budget b = { .stamp = in->times[0] };
	u64 burst = (u64)in->burst_us * 1000;
	__int128 given = 0;
	s64 before, least;
	u32 rate = in->rate % 1001;

	for (int i = 0; i < 8; i++) {
		before = b.tokens;
		coop_budget_refill(&b, rate, burst, in->times[i]);
		require(b.tokens <= (s64)burst && b.rest < 1000, "more tokens than the burst");
		require(b.tokens >= before, "a refill takes tokens");
		given += b.tokens - before;
		before = b.tokens;
		coop_budget_spend(&b, in->used[i]);
		least = before > COOP_BUDGET_LEAST ? COOP_BUDGET_LEAST : before;
		require(b.tokens >= least && b.tokens <= before, "a use gives tokens");
		require((__int128)b.tokens == (__int128)before - in->used[i] || b.tokens == least, "wrong change");
	}
	require(given * 1000 <= (__int128)(b.stamp - in->times[0]) * rate, "tokens from nothing");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct coop_masks masks;
	struct coop_facts facts;
	struct input in;

	memset(&in, 0, sizeof(in));
	memcpy(&in, data, size < sizeof(in) ? size : sizeof(in));
	coop_setup_masks(&in.setup, &masks);
	facts = (struct coop_facts){
		.intent = in.line.intent,
		.irq_ack = in.line.irq_ack,
		.preempt_count = in.preempt_count,
		.ticket = in.ticket,
		.notify_ack = in.line.notify_ack,
		.notify_seq = in.other & 1 ? in.line.notify_ack : in.ticket,
		.have_count = in.have_count & 1,
		.irq_pending = in.irq_pending & 1,
	};
	if (coop_setup_valid(&in.setup))
		require(in.setup.abi_version == KVM_COOP_ABI_VERSION && in.setup.size >= KVM_COOP_PAGE_SIZE,
			"a bad header is valid");
	require(!coop_count_gpa_valid(in.setup.preempt_count_gpa) || in.setup.preempt_count_gpa % 4 == 0,
		"an unaligned count is valid");
	check_without_effect(&facts, &masks, in.other);
	check_reason(&facts, &masks, in.other);
	check_critical(&facts, &masks);
	check_notify(&facts, &masks, &in);
	check_budget(&in);
	return 0;
}
