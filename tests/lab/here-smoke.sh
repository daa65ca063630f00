#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# --accel here, on a host that is L1: a benchmark measures, a job that fails says why, the switch is as it was.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }

# One line: a job's words have no others. $0 is coop-lab, $1 the benchmark.
# shellcheck disable=SC2016 # for the shell in L1
script='set -eu; switch=/sys/module/kvm/parameters/coop; was=$(cat $switch);
here() { "$0" run --accel here --out /run/here --qemu "$COOP_QEMU" --kernel "$COOP_KERNEL" --initrd "$COOP_INITRD" --limit 90 -- "$@"; };
here "$1" --modes coop --no-aa --cases idle --seconds 1;
cat /run/here/runs.jsonl; test -s /run/here/l2/coop-1-dmesg.log; test "$(cat $switch)" = "$was";
rc=0; here sh -c "echo the reason; exit 3" || rc=$?; test $rc -eq 1; echo all of it'
"$LAB" run --out "$OUT" --kernel "$image" --limit 150 -- bash -c "${script//$'\n'/ }" "$LAB" "$CYCLICTEST" || fail "the lab failed (exit $?): $(cat "$OUT/job-output.log")"
expect_no_machine
"$LAB" scan "$OUT"/l1-*.log || fail "splat in a kernel log"
grep -q '"mode":"coop","case":"idle".*"samples":[1-9]' "$OUT/job-output.log" || fail "nothing was measured: $(cat "$OUT/job-output.log")"
grep -q '^coop: the job failed: it ended without success: the reason' "$OUT/job-output.log" || fail "no reason: $(cat "$OUT/job-output.log")"
grep -qx 'all of it' "$OUT/job-output.log" || fail "the job did not end well: $(cat "$OUT/job-output.log")"
