#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Two ./coop at once: the second says who is at work, and leaves it alone.

# shellcheck source=tests/faults/common.sh
. "$(dirname "$0")/common.sh"

isolate
mkdir "$WORK/bin"
cat >"$WORK/bin/gcc" <<'END'
#!/bin/sh
touch "$COOP_TEST_MARK"
while [ ! -e "$COOP_TEST_MARK.go" ]; do
	sleep 0.1
done
exec /usr/bin/gcc "$@"
END
chmod +x "$WORK/bin/gcc"
export COOP_TEST_MARK=$WORK/compiling
PATH=$WORK/bin:$PATH "$ROOT/coop" build tools >"$WORK/first" 2>&1 &
first=$!
for ((i = 0; i < 200; i++)); do
	[ ! -e "$COOP_TEST_MARK" ] || break
	sleep 0.1
done
for command in "build tools" "test build-usage" demo clean "bench blk --help"; do
	# shellcheck disable=SC2086 # words
	expect_failure 1 "another ./coop is at work \(pid $first: ./coop build tools\)" "$ROOT/coop" $command
done
kill -0 "$first" || fail "the first ./coop is gone"
touch "$COOP_TEST_MARK.go"
wait "$first" || fail "the first ./coop failed: $(tail -n 3 "$WORK/first")"
"$ROOT/coop" build tools >"$OUTPUT" 2>&1 || fail "the lock is not free afterwards"
flock "$XDG_CACHE_HOME/kvm-coop/lock" "$ROOT/coop" bench blk --help >"$OUTPUT" 2>&1 || fail "a benchmark's help wants the lock"
grep -q '^usage: coop-bench-blk' "$OUTPUT" || fail "a benchmark's help is not shown"
expect_nothing_left
