#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# QEMU's options for kvm-coop: off unless asked for, and one clear error for each that is wrong.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }
"$LAB" run --out "$OUT" --kernel "$image" --limit 200 -- "$CACHE/build/tools/coop-test-options" || {
	grep '^FAIL' "$OUT/job-output.log" || true
	fail "QEMU's options are not as they should be"
}
expect_no_machine
"$LAB" scan "$OUT"/l1-*.log || fail "splat in a kernel log"
