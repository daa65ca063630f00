#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The job in L1: run the KVM selftests one after the other and send what they said. lab/README.md has the protocol.
# Usage: selftests.sh LIMIT KERNEL PROGRAM...
#	LIMIT: seconds for each program; KERNEL: directory in which L1's kernel was built, with KVM's modules if it has some

set -eu
# shellcheck source=tests/lab/modules.sh
. "$(dirname "$0")/modules.sh"
limit=$1
kernel=$2
shift 2
log=/run/selftest.log
names='' passed=0 failed=0 skipped=0 n=0

record() { # LINE
	printf '%s\n' "$1" >&"${COOP_RECORD_FD:-1}"
}

record_log() { # NAME
	printf 'file selftests/%s.log %d\n' "$1" "$(stat -c %s "$log")" >&"${COOP_RECORD_FD:-1}"
	cat "$log" >&"${COOP_RECORD_FD:-1}"
}

# The harness ends with "# Totals: pass:N fail:N ...": a program without that line counts as one failure.
count() { # NAME STATUS
	local pass fail skip
	# no <(...): there is no /dev/fd in L1
	read -r pass fail skip <<<"$(sed -nE 's/^# Totals: pass:([0-9]+) fail:([0-9]+) .*skip:([0-9]+).*/\1 \2 \3/p' "$log")"
	if [ -z "${skip:-}" ] || { [ "$2" -ne 0 ] && [ "$fail" -eq 0 ]; }; then
		fail=$((${fail:-0} + 1))
		names+=" $1(status $2)"
	fi
	passed=$((passed + ${pass:-0}))
	failed=$((failed + fail))
	skipped=$((skipped + ${skip:-0}))
	names+=$(sed -nE 's/^not ok [0-9]+ / /p' "$log" | tr -d '\n')
}

record "expect $((25 * $#))"
leaks_begin
modules_load "$kernel"
for program in "$@"; do
	name=${program##*/}
	record "progress $n $# $name"
	status=0
	timeout -s KILL "$limit" "$program" >"$log" 2>&1 || status=$?
	count "$name" "$status"
	record_log "$name"
	n=$((n + 1))
done
modules_unload
leaks_end
for name in ${MODULES_LEFT[@]+"${MODULES_LEFT[@]}"}; do
	names+=" $name(not unloaded)"
	failed=$((failed + 1))
done
record "progress $n $# done"

# What the lab cannot run is not tested: a skip is no pass.
if [ "$failed" -eq 0 ] && [ "$skipped" -eq 0 ] && [ "$passed" -gt 0 ]; then
	record "verdict pass $passed selftests passed"
else
	record "verdict fail $passed selftests passed, $failed failed, $skipped skipped:$names"
fi
