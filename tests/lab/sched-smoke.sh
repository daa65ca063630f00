#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# hackbench and wake-ups give numbers in the guest and on the host, with the boosts of a guest beside them; and the
# matrix has all its cells.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }

expect_failure 2 "unknown case 'full'" "$CACHE/build/tools/coop-bench-sched" --cases full
expect_failure 2 "--matrix has its own cases" "$CYCLICTEST" --matrix --cases idle
expect_failure 2 "--matrix takes 4 intervals at most" "$CYCLICTEST" --matrix=200,300,400,500,600

# Fails without a number: jq then says null.
expect() { # WHAT JQ-CONDITION, with the runs as {CASE: METRICS}
	jq -se "reduce .[] as \$r ({}; .[\$r.case] = \$r.metrics) | $2" "$OUT/runs.jsonl" >"$OUTPUT" ||
		fail "not $1: $(cat "$OUT/runs.jsonl")"
}

run() { # BENCHMARK ARG...
	local program=$CACHE/build/tools/coop-bench-$1
	shift
	rm -rf "$OUT"
	"$LAB" run --out "$OUT" --kernel "$image" --limit 150 -- "$program" --modes coop --no-aa "$@" || fail "the lab failed (exit $?)"
	expect_no_machine
	"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
}

run sched --seconds 3 --loops 50 --cases busy-hackbench,idle-wakeup,busy-host-hackbench,busy-host-wakeup
expect 'work done in the guest' '."busy-hackbench" | .work_s > 0.05 and .messages_per_s > 50 and .cotenant_share_min > 0.1'
expect 'wake-ups in the guest' '."idle-wakeup" | .samples > 100 and .samples <= 1300 and .guest_min_us > 0 and .guest_max_us < 1000000'
# the guest's busy loop has a part of the pCPU
expect 'work done on the host' '."busy-host-hackbench" | .messages_per_s > 50 and .vcpu_share > 0.1 and .vcpu_share < 0.95'
expect 'wake-ups on the host' '."busy-host-wakeup" | .host_min_us > 0 and .host_p99_us >= .host_avg_us and .vcpu_share > 0.2'
grep -q '^# samples [1-9][0-9][0-9]' "$OUT"/hist/sched-busy-host-wakeup-coop-1-host.hist || fail "no histogram of the host's wake-ups"

run cyclictest --seconds 2 --matrix=5850,10850
for case in idle-5850 idle-10850 busy-5850 busy-10850; do
	expect "guest and host in $case" ".\"$case\" | .guest_avg_us > 0 and .guest_max_us > 0 and .host_avg_us > 0 and .host_max_us > 0"
done
# A machine that stalls makes fewer of both; none makes more than the interval allows.
expect 'fewer wake-ups at twice the interval' \
	'(."idle-10850".samples | . > 50 and . < 190) and (."idle-5850".samples | . > 150 and . < 350) and
	 (."idle-5850".samples > ."idle-10850".samples)'
