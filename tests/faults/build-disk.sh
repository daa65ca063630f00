#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Too little room is found out before anything is fetched.

# shellcheck source=tests/faults/common.sh
. "$(dirname "$0")/common.sh"

isolate
export COOP_DISK_NEED_GIB=1000000
expect_failure 1 'disk too small: 1000000\.0 GiB needed .*, [0-9.]+ GiB free: ' "$ROOT/coop" build kernel
[ ! -d "$XDG_CACHE_HOME/kvm-coop/src" ] || fail "something was unpacked nevertheless"
"$ROOT/coop" doctor >"$OUTPUT" 2>&1 && fail "doctor is content with it"
grep -q '^FAIL  disk' "$OUTPUT" || fail "doctor does not name the disk"
expect_nothing_left
