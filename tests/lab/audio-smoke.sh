#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The glitches that a guest makes are found, as many as there are, beside co-tenants too; a buffer that is too short
# is heard; and what cannot be measured is refused before anything boots.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
program=$CACHE/build/tools/coop-bench-audio
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }

expect_failure 2 "unknown case 'busy-100'" "$program" --cases busy-100
expect_failure 2 "--force 40 is too much for 1 s of idle-96: at most 19" "$program" --cases idle-96 --seconds 1 --force 40
expect_failure 2 "buffer" "$program" --buffer 9
for rate in 5999 48001 fast; do
	expect_failure 2 "rate" "$program" --rate "$rate"
done

# Fails without a number: jq then says null.
expect() { # WHAT JQ-CONDITION, with the runs as {CASE: METRICS}
	jq -se "reduce .[] as \$r ({}; .[\$r.case] = \$r.metrics) | $2" "$OUT/runs.jsonl" >"$OUTPUT" ||
		fail "not $1: $(cat "$OUT/runs.jsonl")"
}

run() { # ARG...
	rm -rf "$OUT"
	"$LAB" run --out "$OUT" --kernel "$image" --limit 150 -- "$program" --no-aa --seconds 4 "$@" || fail "the lab failed (exit $?)"
	expect_no_machine
	"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
}

# 375 bursts. A third of the glitches are wrong frames, a third missing ones, and a third late callbacks, XRuns of two
# bursts or more.
run --modes coop --cases idle-512,busy-512 --force 9 --buffer 8
for case in idle-512 busy-512; do
	expect 'nine glitches' ".\"$case\" | .glitches == 9 and .forced_count == 9"
	expect 'three XRuns at least' ".\"$case\" | .xruns >= 6 and .xruns < 60"
	expect 'a callback per burst' ".\"$case\" | .callbacks > 300 and .callbacks <= 385"
	samples=$(sed -n 's/^# samples //p' "$OUT/hist/audio-$case-coop-1-guest.hist")
	[[ $samples =~ ^[0-9]+$ && $samples -ge 150 && $samples -le 375 ]] || fail "$samples callbacks in the histogram of $case"
	expect 'a tenth of the time without one' ".\"$case\" | .longest_clean_ms > 380 and .longest_clean_ms < 900"
done
# At a quarter of the rate the same bursts come a quarter as often.
run --modes coop --cases idle-256 --rate 12000
expect 'as many callbacks as the rate says' '."idle-256" | .callbacks >= 180 and .callbacks <= 190'
run --modes vanilla --cases idle-96 --rate auto
expect 'no more than there is time for' '."idle-96" | .vcpu_share < 0.4'
jq -e '.rate as $rate | [48000, 24000, 12000, 6000] | index($rate)' "$OUT/parameters.json" >/dev/null || fail "no rate was chosen: $(cat "$OUT/parameters.json")"
run --modes vanilla --cases busy-hog-96 --buffer 1
expect 'glitches where there is no time' '."busy-hog-96" | .glitches > 20 and .xruns >= .glitches and .longest_clean_ms < 2000'
