#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Coalesced completions: clearly fewer interrupts for a deep queue, none the less for a single request.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
program=$CACHE/build/tools/coop-bench-blk
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }

# Fails without a number: jq then says null.
expect() { # WHAT JQ-CONDITION, with the runs as {MODE: {CASE: METRICS}}
	jq -se "reduce .[] as \$r ({}; .[\$r.mode][\$r.case] = \$r.metrics) | $2" "$OUT/runs.jsonl" >"$OUTPUT" ||
		fail "$backend: not $1: $(cat "$OUT/runs.jsonl")"
}

one=randread-4k-qd1-alone
deep=randread-4k-qd16-alone
for backend in null file; do
	rm -rf "$OUT"
	"$LAB" run --out "$OUT" --kernel "$image" --limit 200 -- "$program" --modes off,vic --no-aa --cases "$one,$deep" \
		--seconds 2 --backend "$backend" --disk-iops 300 "$@" || fail "the lab failed (exit $?)"
	expect_no_machine
	expect 'an interrupt now and then' ".off.\"$deep\".irqs_per_req > 0.3 and .vic.\"$deep\".irqs_per_req > 0.02"
	expect 'fewer interrupts with 16 in flight' ".vic.\"$deep\".irqs_per_req <= 0.7 * .off.\"$deep\".irqs_per_req"
	expect 'an interrupt for each single request' ".vic.\"$one\".irqs_per_req >= 0.9 * .off.\"$one\".irqs_per_req"
	expect 'a single request at once, many held' ".vic.\"$one\".held_per_req == 0 and .vic.\"$deep\".held_per_req > 0.3"
	"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
done
