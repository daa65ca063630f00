#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What cannot start says why, before anything is booted.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/lab.sh"

run() { # PATTERN ARG...
	local pattern=$1
	shift
	expect_failure 2 "$pattern" "$LAB" "$@"
}

touch "$WORK/kernel image"
run "unknown command 'walk'" walk
run "run needs --out DIR and a program" run --out "$OUT"
run "--limit 0: expected a number" run --out "$OUT" --limit 0 -- /bin/true
run "--accel xen: expected auto, tcg, kvm or here" run --out "$OUT" --accel xen -- /bin/true
run "a shell needs L1" shell --accel here
run "--kernel /nonexistent: No such file" run --out "$OUT" --kernel /nonexistent -- /bin/true
run "a path with a blank" run --out "$OUT" --kernel "$WORK/kernel image" -- /bin/true
run "cannot write /proc/x" run --quiet --accel tcg --out /proc/x -- /bin/true
run "scan needs" scan
run "cannot read /nonexistent" scan /nonexistent
expect_failure 2 "unknown mode 'fast'" "$CYCLICTEST" --modes fast
expect_failure 2 "unknown case 'full'" "$CYCLICTEST" --cases full
[ ! -e "$OUT" ] || fail "something was written to $OUT"
