#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A guest is migrated, saved and restored, reset, and gets and loses a vCPU, while it uses kvm-coop.
# Usage: migration-matrix.sh [TEST...]: live, without, refused, snapshots, hotplug, reset, kexec

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }
"$LAB" run --out "$OUT" --kernel "$image" --limit 850 -- "$CACHE/build/tools/coop-test-migration" "$@" || {
	grep '^FAIL' "$OUT/job-output.log" || true
	fail "the lab failed"
}
expect_no_machine
"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
grep -vE '^(stress-ng|QEMU)' "$OUT/job-output.log"
