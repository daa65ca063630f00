#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Nothing is lost when completions are held: data and deadlines are checked by tests/programs/NAME.
# Usage: io-faults.sh NAME [OPTION...]

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
program=$CACHE/build/tools/coop-test-$1
shift
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }
"$LAB" run --out "$OUT" --kernel "$image" --limit "${COOP_TEST_LIMIT:-200}" -- "$program" "$@" ||
	fail "the lab failed (exit $?): $(cat "$OUT/job-output.log")"
expect_no_machine
sed 's/^/ok: /' "$OUT/job-output.log"
"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
