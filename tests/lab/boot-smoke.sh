#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Both levels come up, a guest measures something in every mode, no kernel log has a splat.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
modes=vanilla,slice,coop,static
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }
"$LAB" run --out "$OUT" --kernel "$image" --limit 400 -- "$CYCLICTEST" --modes "$modes" --no-aa \
	--cases idle,busy-hog --seconds 1 --boot-limit 120 --interval auto || fail "the lab failed (exit $?)"
expect_no_machine
want=$((2 * $(tr ',' '\n' <<<"$modes" | wc -l)))
[ "$(wc -l <"$OUT/runs.jsonl")" -eq "$want" ] || fail "not $want measurements: $(cat "$OUT/runs.jsonl")"
! grep -q '"samples":0' "$OUT/runs.jsonl" || fail "a measurement without samples"
jq -e '.interval_us as $i | .task_share_at_2170_us as $share | [2170, 5425, 10850, 21700] | index($i) as $n |
	($i == 21700 or $share * 2170 / $i <= 0.2) and ($n == 0 or $share * 2170 / .[$n - 1] > 0.2)' "$OUT/parameters.json" >"$OUTPUT" ||
	fail "not the interval that leaves room: $(cat "$OUT/parameters.json")"
"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
for file in l1-console.log l1-dmesg.log l2/vanilla-1-console.log l2/vanilla-1-dmesg.log; do
	[ -s "$OUT/$file" ] || fail "$file is missing or empty"
done
