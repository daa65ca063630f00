#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A run that is interrupted says so and leaves no process; nobody can clean up after SIGKILL, but the machine has to go.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/lab.sh"

kill_run() { # SIGNAL STATUS
	local i rc=0 pid
	rm -rf "$OUT"
	env --default-signal=INT "$LAB" run --out "$OUT" --limit 60 -- \
		/bin/sh -c 'echo "progress 0 1 at work" >&3; exec sleep 100' >"$OUTPUT" 2>&1 </dev/null &
	pid=$!
	for ((i = 0; i < 300; i++)); do
		! grep -q "at work" "$OUTPUT" || break
		sleep 0.1
	done
	grep -q "at work" "$OUTPUT" || fail "the job did not start"
	kill -"$1" "$pid"
	wait "$pid" || rc=$?
	[ "$rc" -eq "$2" ] || fail "after SIG$1 the exit status is $rc instead of $2"
	expect_no_machine
}

kill_run INT 130
tail -n 1 "$OUTPUT" | grep -q "^coop: interrupted after .*(log: $OUT)" || fail "the last line does not say it"
kill_run TERM 130
kill_run KILL 137
