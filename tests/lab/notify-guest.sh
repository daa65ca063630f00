#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A guest moves tasks away from a vCPU that is about to be preempted, but not those that must stay; a CPU that is taken
# down, and the module's end, come in between.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }

"$LAB" run --out "$OUT" --kernel "$image" --limit 150 -- "$CACHE/build/tools/coop-test-notify" ||
	fail "the lab failed (exit $?): $(tail -n 20 "$OUT/job-output.log")"
expect_no_machine
"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
cat "$OUT/job-output.log"
