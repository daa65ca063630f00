#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# coopstat beside two guests agrees with KVM's statistics and /proc, also while guests come and go.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }
"$LAB" run --out "$OUT" --kernel "$image" --limit 250 -- "$CACHE/build/tools/coop-test-coopstat" ||
	fail "the lab failed (exit $?)"
expect_no_machine
"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
grep -E '^(VM|coop:|another:)' "$OUT/job-output.log" | tail -n 5
