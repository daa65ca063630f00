#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Both levels come up, a guest measures something in every mode, no kernel log has a splat.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
modes=vanilla,slice,coop,static
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }
"$LAB" run --out "$OUT" --kernel "$image" --limit 400 -- "$CYCLICTEST" --modes "$modes" --no-aa \
	--cases idle,busy-hog --seconds 1 --boot-limit 120 || fail "the lab failed (exit $?)"
expect_no_machine
want=$((2 * $(tr ',' '\n' <<<"$modes" | wc -l)))
[ "$(wc -l <"$OUT/runs.jsonl")" -eq "$want" ] || fail "not $want measurements: $(cat "$OUT/runs.jsonl")"
! grep -q '"samples":0' "$OUT/runs.jsonl" || fail "a measurement without samples"
"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
for file in l1-console.log l1-dmesg.log l2/vanilla-1-console.log l2/vanilla-1-dmesg.log; do
	[ -s "$OUT/$file" ] || fail "$file is missing or empty"
done
