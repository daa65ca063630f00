#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The checked kernel survives everything that a guest can do to it, and KVM can be unloaded after that.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

build=$CACHE/build/kernel-debug
image=$build/arch/x86/boot/bzImage
program=$CACHE/build/tools/coop-bench-isolation
guest=$CACHE/build/kernel/arch/x86/boot/bzImage
[ -f "$image" ] || { echo "no $image: ./coop build kernel-debug"; exit 77; }
# The guest has the other kernel: the checked one would boot for minutes.
"$LAB" run --out "$OUT" --kernel "$image" --limit 560 -- "$ROOT/tests/lab/abuse.sh" "$build" \
	"$program" --abuse-only --modes coop --seconds 2 --boot-limit 300 --result-limit 200 --guest-kernel "$guest" ||
	fail "the lab failed (exit $?)"
expect_no_machine
# That nothing was asked for is no pass: there were boosts, refusals, and pages that were gone.
for key in coop_boosts_irq coop_boosts_rt coop_refused_debt coop_page_misses coop_yields; do
	grep -qE "^$key +[1-9]" "$OUT"/l2/abuser-coop-1-counters.txt ||
		fail "no $key: $(cat "$OUT"/l2/abuser-coop-1-counters.txt)"
done
"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
