#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# fio compares what it reads while everything happens that may happen to held completions; and it finds what is wrong.
# Usage: blk-stress.sh [SECONDS [SEED]]

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
initrd=$CACHE/build/guest/l2-fio.cpio.gz
program=$CACHE/build/tools/coop-test-stress
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }
seconds=${1:-60}
[ -f "$initrd" ] || { echo "no $initrd: ./coop build guest-fio"; exit 77; }

expect_lab_failure 1 'fio on io: error 84: crc32c: verify failed' --kernel "$image" --initrd "$initrd" --limit 200 -- \
	"$program" --seconds 5 --corrupt
rm -rf "$OUT"
"$LAB" run --out "$OUT" --kernel "$image" --initrd "$initrd" --limit $((seconds + 240)) -- "$program" --seconds "$seconds" \
	--seed "${2:-1}" ||
	fail "the lab failed (exit $?): $(cat "$OUT/job-output.log")"
expect_no_machine
sed 's/^/ok: /' "$OUT/job-output.log"
"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
