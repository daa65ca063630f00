#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The lock benchmark counts preemptions in both modes, and defers some in the one that may.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
program=$CACHE/build/tools/coop-bench-lock
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }
"$LAB" run --out "$OUT" --kernel "$image" --limit 280 -- "$program" --modes observe,defer --loops 100 ||
	fail "the lab failed (exit $?)"
expect_no_machine
has() { # MODE PATTERN
	grep "\"mode\":\"$1\"" "$OUT/runs.jsonl" | grep -qE -- "$2" || fail "no $2 in $1: $(cat "$OUT/runs.jsonl")"
}
has observe '"preempted_per_s":[1-9]'
has observe '"preempted_critical_per_s":[1-9]'
has observe '"deferrals_per_s":0'
has defer '"deferrals_per_s":[0-9.]*[1-9]'
"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
