#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The lock benchmark counts preemptions in all modes; the one that may defer them hits fewer critical sections. The grace is
# for an emulator, where a VM exit takes some 100 us.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
program=$CACHE/build/tools/coop-bench-lock
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }
"$LAB" run --out "$OUT" --kernel "$image" --limit 330 -- "$program" --modes observe,defer --loops 150 \
	--grace 4000 ||
	fail "the lab failed (exit $?)"
expect_no_machine
has() { # MODE PATTERN
	grep "\"mode\":\"$1\"" "$OUT/runs.jsonl" | grep -qE -- "$2" || fail "no $2 in $1: $(cat "$OUT/runs.jsonl")"
}
has observe '"preempted_per_s":[1-9]'
has observe '"preempted_critical_per_s":[1-9]'
has observe '"deferrals_per_s":0'
has defer '"deferrals_per_s":[0-9.]*[1-9]'
critical() { # MODE
	sed -nE "s/.*\"mode\":\"$1\".*\"preempted_critical_share\":([0-9.e-]+).*/\1/p" "$OUT/runs.jsonl"
}
awk -v a="$(critical observe)" -v b="$(critical defer)" 'BEGIN { exit !(a > 0.1 && b < 0.6 * a) }' ||
	fail "critical sections hit: $(critical observe) of all preemptions without deferral, $(critical defer) with it"
"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
