# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# For fault tests of the lab: machines that fail, short limits, and what has to be left of them.

# shellcheck source=tests/faults/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

CACHE=${COOP_CACHE:-${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kvm-coop}}
export COOP_CACHE=$CACHE
LAB=$CACHE/build/tools/coop-lab
export CYCLICTEST=$CACHE/build/tools/coop-bench-cyclictest
export OUT=$WORK/out

# What a run started carries the run's directory on its command line.
expect_no_machine() {
	local p left='' tries
	for tries in 1 2 3 4 5 6 7 8 9 10; do
		left=
		for p in /proc/[0-9]*; do
			[ "${p#/proc/}" = $$ ] || ! grep -qaF "$OUT" "$p/cmdline" 2>/dev/null || left+=" ${p#/proc/}"
		done
		[ -n "$left" ] || return 0
		sleep "0.$tries"
	done
	fail "left running:$left"
}

# A run that has to fail: exit status, the last line's pattern, then coop-lab's options and the job.
expect_lab_failure() { # STATUS PATTERN ARG...
	local status=$1 pattern=$2
	shift 2
	rm -rf "$OUT"
	expect_failure "$status" "$pattern.*\(log: $OUT" "$LAB" run --quiet --out "$OUT" "$@"
	expect_no_machine
	sed -n '$s/^/ok: /p' "$OUTPUT.err"
}

# Of the last run's measurements, as {MODE: {CASE: METRICS}}. Fails without a number, too: jq then says null.
expect_runs() { # WHAT JQ-CONDITION
	jq -se "reduce .[] as \$r ({}; .[\$r.mode][\$r.case] = \$r.metrics) | $2" "$OUT/runs.jsonl" >"$OUTPUT" ||
		fail "not $1: $(cat "$OUT/runs.jsonl")"
}
