#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Which tests are run again: those of the lab that failed while this machine was taken away, twice at most.

# shellcheck source=tests/faults/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/test-again.sh
. "$ROOT/scripts/test-again.sh"

# In the place of a test: takes the exit statuses of RESULTS one by one, and USED and STOLEN of CPU time.
run_test() { # NAME LIMIT LOG COMMAND
	RC=${RESULTS%% *} RESULTS=${RESULTS#* } SECONDS_USED=1.0 RUNS=$((RUNS + 1))
	cpu_used=$((cpu_used + USED)) cpu_stolen=$((cpu_stolen + STOLEN))
	cpu_line
}

# Idle and waiting for a disk is neither; guest time is in user time.
cpu_line() {
	echo "cpu  $((cpu_used - 40)) 10 10 $((7 * cpu_used)) $((3 * cpu_used)) 10 10 $cpu_stolen $cpu_used 0" >"$STAT"
}

wait_unstolen() {
	WAITS=$((WAITS + 1))
}

row() { # KIND USED STOLEN RESULTS -> RUNS, RC
	USED=$2 STOLEN=$3 RESULTS="$4 -" RUNS=0 WAITS=0
	run_row a-test "$1" 10 "$WORK/log" true >"$OUTPUT"
}

expect() { # RUNS RC WHAT
	[ "$RUNS-$RC-$WAITS" = "$1-$2-$(($1 - 1))" ] || fail "$3: $RUNS runs, exit $RC, $WAITS waits"
	[ "$(grep -c '^again .* a-test (exit [0-9]*): [0-9]* % of the CPU time was stolen' "$OUTPUT")" -eq $(($1 - 1)) ] ||
		fail "$3: it says $(cat "$OUTPUT")"
}

STAT=$WORK/stat cpu_used=1000 cpu_stolen=50
cpu_line
echo 'the last line' >"$WORK/log"

row lab 100 0 '1 0'
expect 1 1 'a failure on a machine of our own'
row lab 86 14 '1 0'
expect 1 1 'a failure below the threshold'
row fault 10 90 '1 0'
expect 1 1 'a test without times'
row lab 10 90 '0 1'
expect 1 0 'a pass'
row lab 10 90 '77 0'
expect 1 77 'a skip'
row lab 0 0 '1 0'
expect 1 1 'no CPU time at all'
row lab 85 15 '1 0'
expect 2 0 'a pass at the second attempt'
row lab 10 90 '1 124 0'
expect 3 0 'a pass at the third'
row lab 10 90 '1 1 2 0'
expect 3 2 'none at the third'
begin=$SECONDS SECONDS=$AGAIN_UNTIL
row lab 10 90 '1 0'
expect 1 1 'too late'
SECONDS=$begin

# What the kernel says.
STAT=/proc/stat
before=$(cpu_times)
timeout 1 sha256sum /dev/zero || true
percent=$(stolen_since "$before")
read -r used stolen <<<"$before"
read -r now_used now_stolen < <(cpu_times)
[ "$now_used" -gt "$used" ] || fail "no CPU time in a second: $used, $now_used"
[ "$now_stolen" -ge "$stolen" ] || fail "time was given back: $stolen, $now_stolen"
if [ "$percent" -lt 0 ] || [ "$percent" -gt 100 ]; then fail "stolen: $percent %"; fi
