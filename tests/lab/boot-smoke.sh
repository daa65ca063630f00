#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The host comes up with one of our kernels, a guest with the normal one; it measures something in every mode, and no
# kernel log has a splat.
# Usage: boot-smoke.sh kernel|kernel-debug

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/$1/arch/x86/boot/bzImage
case $1 in
kernel) modes=vanilla,slice,static limit=240 ;;
kernel-debug) modes=vanilla limit=600 ;;
esac
# the checks are for the host: as a guest, nested and emulated, the checked kernel takes minutes to boot
guest=$CACHE/build/kernel/arch/x86/boot/bzImage
[ -f "$image" ] || { echo "no $image: ./coop build $1"; exit 77; }
"$LAB" run --out "$OUT" --kernel "$image" --limit "$limit" --boot-limit 180 -- /usr/bin/env "COOP_KERNEL=$guest" \
	"$CYCLICTEST" --modes "$modes" --no-aa --cases idle,busy-hog --seconds 1 --boot-limit 240 || fail "the lab failed with $1 (exit $?)"
expect_no_machine
want=$((2 * $(tr ',' '\n' <<<"$modes" | wc -l)))
[ "$(wc -l <"$OUT/runs.jsonl")" -eq "$want" ] || fail "not $want measurements: $(cat "$OUT/runs.jsonl")"
! grep -q '"samples":0' "$OUT/runs.jsonl" || fail "a measurement without samples"
"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
for file in l1-console.log l1-dmesg.log l2/vanilla-1-console.log l2/vanilla-1-dmesg.log; do
	[ -s "$OUT/$file" ] || fail "$file is missing or empty"
done
