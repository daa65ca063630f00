#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Unknown words: one line, exit status 2, nothing built.

# shellcheck source=tests/faults/common.sh
. "$(dirname "$0")/common.sh"

isolate
expect_failure 2 "unknown command 'nonsense'" "$ROOT/coop" nonsense
expect_failure 2 "unknown part 'nonsense'" "$ROOT/coop" build nonsense
expect_failure 2 "unknown part '--nonsense'" "$ROOT/coop" build --nonsense
expect_failure 2 "unknown benchmark 'nonsense'" "$ROOT/coop" bench nonsense
expect_failure 2 "unknown accelerator 'nonsense'" "$ROOT/coop" bench cyclictest --accel nonsense
expect_failure 2 "unknown option '--nonsense'" "$ROOT/coop" demo --nonsense
expect_failure 2 "--json needs a file" "$ROOT/coop" demo --json
expect_failure 2 "unknown option '--nonsense'" "$ROOT/coop" test --nonsense
expect_failure 2 "no test is called 'nonsense'" "$ROOT/coop" test nonsense
expect_failure 2 "unknown option '--nonsense'" "$ROOT/coop" doctor --nonsense
expect_failure 2 "unknown option '--nonsense'" "$ROOT/coop" clean --nonsense
expect_failure 2 "give linux or qemu" "$ROOT/scripts/graft.sh" nonsense
for command in demo test bench report build shell doctor clean; do
	"$ROOT/coop" "$command" --help >"$OUTPUT" 2>&1 || fail "$command --help fails"
	grep -q "^usage: ./coop $command" "$OUTPUT" || fail "$command --help does not show its usage"
done
[ -z "$(find "$WORK/cache/kvm-coop" -mindepth 1)" ] || fail "something was written to the cache"
# a mode is the benchmark's own word, so its program is built, and nothing else
expect_failure 2 "unknown mode 'nonsense'" "$ROOT/coop" bench cyclictest --modes vanilla,nonsense
[ ! -d "$XDG_CACHE_HOME/kvm-coop/src" ] || fail "an unknown mode unpacked sources"
expect_nothing_left
