#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Every case of the overhead benchmark gives numbers, boosts where they belong and nowhere else.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
program=$CACHE/build/tools/coop-bench-overhead
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }
# The program itself fails if a mode has boosts that it should not have, or lacks them.
"$LAB" run --out "$OUT" --kernel "$image" --limit 200 -- "$program" --modes on --repeat 1 --samples 100 ||
	fail "the lab failed (exit $?)"
expect_no_machine
for key in exit/exit_ns exit/hypercall_ns irq-running/irq_ns irq-halted/irq_ns boost/signal_ns boost/hypercall_ns \
	notify/handshake_p50_ns notify/handshake_p99_ns \
	switch/switch_ns switch/switch_rt_ns; do
	grep "\"case\":\"${key%/*}\"" "$OUT/runs.jsonl" | grep -qE "\"${key#*/}\":[1-9]" || fail "no $key: $(cat "$OUT/runs.jsonl")"
done
grep '"case":"boost"' "$OUT/runs.jsonl" | grep -qE '"boosts_count":[1-9]' || fail "no boosts were counted"
"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
