#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A build that is interrupted leaves no process and no temporary file, frees the lock, and resumes. A compiler
# that takes its time stands in for a long build.

# shellcheck source=tests/faults/common.sh
. "$(dirname "$0")/common.sh"

isolate
mkdir "$WORK/bin"
cat >"$WORK/bin/gcc" <<'END'
#!/bin/sh
touch "$COOP_TEST_MARK"
sleep "${COOP_TEST_DELAY:-0}"
exec /usr/bin/gcc "$@"
END
chmod +x "$WORK/bin/gcc"
export PATH=$WORK/bin:$PATH COOP_TEST_MARK=$WORK/compiling

interrupt() { # SIGNAL STATUS
	local i rc=0 pid
	rm -f "$COOP_TEST_MARK"
	# a session of its own, as a terminal or service manager would give it; the signal goes to ./coop alone
	COOP_TEST_DELAY=300 setsid env --default-signal=INT "$ROOT/coop" build tools >"$OUTPUT" 2>&1 &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		[ ! -e "$COOP_TEST_MARK" ] || break
		sleep 0.1
	done
	[ -e "$COOP_TEST_MARK" ] || fail "the build never started to compile"
	kill -"$1" "$pid"
	wait "$pid" || rc=$?
	[ "$rc" -eq "$2" ] || fail "after SIG$1 the exit status is $rc instead of $2"
	expect_nothing_left
}

interrupt TERM 143
interrupt INT 130
# nobody can clean up after SIGKILL, but the children have to go and the lock with them
interrupt KILL 137
"$ROOT/coop" build tools >"$OUTPUT" 2>&1 || fail "the build does not resume"
[ -x "$XDG_CACHE_HOME/kvm-coop/build/tools/coop-lab" ] || fail "the resumed build is not complete"
expect_nothing_left
