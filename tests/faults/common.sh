# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# For fault tests: a project and a cache of their own, and what every failure has to look like.

set -eu
WORK=$(mktemp -d "${TMPDIR:-/tmp}/coop-fault.XXXXXX")
ROOT=${COOP_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
OUTPUT=$WORK/output

# A wrong turn of the test itself must leave nothing behind either, but for a lab run that explains a failure.
fault_cleanup() {
	local rc=$?
	pkill_below $$
	if [ "$rc" -ne 0 ] && [ -n "${COOP_TEST_KEEP:-}" ] && [ -d "$WORK/out" ]; then
		rm -rf "$COOP_TEST_KEEP"
		mv "$WORK/out" "$COOP_TEST_KEEP"
		echo "the lab run is kept in $COOP_TEST_KEEP" >&2
	fi
	rm -rf --one-file-system "$WORK"
}
trap fault_cleanup EXIT
trap 'exit 143' INT TERM

pkill_below() { # PID: its children and theirs
	local child
	for child in $(ps -o pid= --ppid "$1"); do
		pkill_below "$child"
		[ "$child" = "$BASHPID" ] || kill -KILL "$child" 2>/dev/null || true
	done
}

fail() {
	echo "$*" >&2
	[ ! -f "$OUTPUT" ] || sed 's/^/output: /' "$OUTPUT" >&2
	exit 1
}

# The commands under test must neither take part in our lock nor find our cache.
isolate() {
	unset COOP_LOCK_FD COOP_ROOT CACHE COOP_LINUX_SRC COOP_QEMU_SRC COOP_DISK_NEED_GIB COOP_APT_OPTIONS COOP_PACKAGE_CONFIG
	export XDG_CACHE_HOME=$WORK/cache
	mkdir -p "$XDG_CACHE_HOME/kvm-coop"
}

# A copy of the project that a test may break.
project_copy() {
	mkdir "$WORK/project"
	(cd "$ROOT" && tar -cf - --exclude=./.git --exclude=./results .) | tar -xf - -C "$WORK/project"
}

# Run a command that has to fail: this exit status, and exactly one line "coop: ..." that says TEXT (a pattern).
expect_failure() { # STATUS PATTERN COMMAND...
	local status=$1 pattern=$2 rc=0
	shift 2
	"$@" >"$OUTPUT" 2>"$OUTPUT.err" </dev/null || rc=$?
	cat "$OUTPUT.err" >>"$OUTPUT"
	[ "$rc" -eq "$status" ] || fail "exit status $rc instead of $status: $*"
	[ "$(grep -c '^coop: ' "$OUTPUT.err")" -eq 1 ] || fail "not exactly one line of error: $*"
	tail -n 1 "$OUTPUT.err" | grep -qE -- "$pattern" || fail "the error does not say '$pattern': $*"
}

# What the commands under test started carries the test's own cache in its environment.
left_running() {
	local p
	for p in /proc/[0-9]*; do
		! grep -qaF "$WORK/cache" "$p/environ" 2>/dev/null || echo "${p#/proc/}"
	done
}

expect_nothing_left() {
	local left tries=10
	while [ "$tries" -gt 0 ]; do
		tries=$((tries - 1))
		left=$(left_running)
		[ -n "$left" ] || break
		sleep 0.2
	done
	[ -z "$left" ] || fail "left running: $(ps -o pid=,args= -p "${left//$'\n'/,}")"
	[ -z "$(find "$WORK/cache/kvm-coop/tmp" -mindepth 1 2>/dev/null)" ] || fail "temporary files are left"
}
