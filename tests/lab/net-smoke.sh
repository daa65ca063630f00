#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Coalesced packets: clearly fewer interrupts for a stream, none held when each is an answer that somebody waits for. And
# boosts: for such answers, and not under load, unless all are asked for.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
program=$CACHE/build/tools/coop-bench-net
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }
one=rr-64-qd1-alone
burst=rx-64-qd16-alone
"$LAB" run --out "$OUT" --kernel "$image" --limit 200 -- "$program" --modes off,vic --no-aa --cases "$one,$burst" \
	--seconds 2 "$@" || fail "the lab failed (exit $?)"
expect_no_machine
expect_runs 'packets in all of them' "all(.[][]; .iops > 10 and .samples > 20)"
expect_runs 'an interrupt now and then' ".off.\"$burst\".irqs_per_req > 0.3 and .vic.\"$burst\".irqs_per_req > 0.02"
expect_runs 'fewer interrupts for bursts' ".vic.\"$burst\".irqs_per_req <= 0.9 * .off.\"$burst\".irqs_per_req"
expect_runs 'an interrupt for each answer' "all(.[].\"$one\"; .rx_irqs_per_req >= 0.9)"
expect_runs 'packets of a burst held' ".vic.\"$burst\".held_per_req > 0.3 and .vic.\"$burst\".rx_irqs_per_req < 0.5"
"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"

one=rr-64-qd1-hogs
many=rr-64-qd16-hogs
rm -rf "$OUT"
"$LAB" run --out "$OUT" --kernel "$image" --limit 200 -- "$program" --modes coop+off,coop+off-urgent,coop+off-bulk --no-aa \
	--cases "$one,$many" --seconds 2 "$@" || fail "the lab failed (exit $?)"
expect_no_machine
expect_runs 'boosts for answers' ".\"coop+off\".\"$one\".boosts_per_req > 0.3 and .\"coop+off-urgent\".\"$one\".boosts_per_req > 0.3"
expect_runs 'fewer of a bulk device' ".\"coop+off-bulk\".\"$one\".boosts_per_req < 0.5 * .\"coop+off-urgent\".\"$one\".boosts_per_req"
expect_runs 'boosts under load if asked for' ".\"coop+off-urgent\".\"$many\".boosts_per_req > 0.02"
expect_runs 'hardly any otherwise' ".\"coop+off\".\"$many\".boosts_per_req < 0.4 * .\"coop+off-urgent\".\"$many\".boosts_per_req"
"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
