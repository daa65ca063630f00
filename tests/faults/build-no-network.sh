#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# No network: one line, soon. The proxy is a port of this machine where nobody listens.

# shellcheck source=tests/faults/common.sh
. "$(dirname "$0")/common.sh"

isolate
export COOP_APT_OPTIONS="-o Acquire::http::Proxy=http://127.0.0.1:9/ -o Acquire::https::Proxy=http://127.0.0.1:9/ -o Acquire::Retries=0"
start=$SECONDS
expect_failure 1 'package archive cannot be used: check the network .*log: ' "$ROOT/scripts/graft.sh" qemu
[ $((SECONDS - start)) -lt 60 ] || fail "it took $((SECONDS - start)) s to say so"
[ ! -e "$XDG_CACHE_HOME/kvm-coop/tree/qemu" ] || fail "a tree was made from nothing"
expect_nothing_left
