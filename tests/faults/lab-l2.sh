#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# L2 that never comes up, cannot be started, panics for want of an initramfs, hangs before its result, or warns.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/lab.sh"

guest() { # STATUS PATTERN OPTION...
	local status=$1 pattern=$2
	shift 2
	expect_lab_failure "$status" "$pattern" --limit 150 -- "$CYCLICTEST" --modes vanilla --no-aa --cases idle --seconds 1 "$@"
	[ -f "$OUT/l2/vanilla-1-console.log" ] || fail "L2's console is missing"
}

guest 1 "L2 gave no sign of life within 10 s \(0 of 1 measured, 1 hung\)" --boot-limit 10 --append coop_fault=hang-boot
guest 1 "L2's QEMU has ended" --initrd /dev/null
grep -q "error reading initrd" "$OUT/job-output.log" || fail "QEMU's own message is missing"
guest 4 "Kernel panic - not syncing: .*L2's QEMU has ended" --boot-limit 100 --initrd /bin/true
guest 1 "L2 hung after the measurement: no result 20 s" --append coop_fault=no-verdict --result-limit 20
guest 4 "WARNING:" --append coop_fault=warn
