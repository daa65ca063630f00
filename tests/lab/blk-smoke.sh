#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Coalesced completions: clearly fewer interrupts for a deep queue, none the less for a single request.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
program=$CACHE/build/tools/coop-bench-blk
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }

one=randread-4k-qd1-alone
deep=randread-4k-qd16-alone
for backend in null file; do
	rm -rf "$OUT"
	"$LAB" run --out "$OUT" --kernel "$image" --limit 200 -- "$program" --modes off,vic --no-aa --cases "$one,$deep" \
		--seconds 2 --backend "$backend" --disk-iops 300 "$@" || fail "the lab failed (exit $?)"
	expect_no_machine
	expect_runs "an interrupt now and then ($backend)" ".off.\"$deep\".irqs_per_req > 0.3 and .vic.\"$deep\".irqs_per_req > 0.02"
	expect_runs "fewer interrupts with 16 in flight ($backend)" ".vic.\"$deep\".irqs_per_req <= 0.7 * .off.\"$deep\".irqs_per_req"
	expect_runs "an interrupt for each single request ($backend)" ".vic.\"$one\".irqs_per_req >= 0.9 * .off.\"$one\".irqs_per_req"
	expect_runs "a single request at once, many held ($backend)" ".vic.\"$one\".held_per_req == 0 and .vic.\"$deep\".held_per_req > 0.3"
	"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
done
