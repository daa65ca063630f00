#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Build our KVM selftests out of the grafted tree: the selftest library and coop_*_test, nothing else.

set -eu
if [ -z "${COOP_ROOT:-}" ] || ! declare -F build_parts >/dev/null; then
	# shellcheck source=scripts/common.sh
	. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
	# shellcheck source=scripts/build-lib.sh
	. "$COOP_ROOT/scripts/build-lib.sh"
fi

SELFTESTS=tools/testing/selftests/kvm

# The kernel's headers for user space need no configuration; they change with ours in include/uapi only.
selftests_headers() { # DIR
	local id
	local -a files
	mapfile -d '' -t files < <(files_below "$COOP_ROOT/kernel/include/uapi")
	id=$(fingerprint "${files[@]}" <<<"$LINUX_VERSION $LINUX_ID")
	stamp_is "$1/.coop-headers" "$id" && return 0
	job selftests-headers "headers for user space" 25 meter_none 0 make -C "$GRAFT_TREE" "O=$1/headers" \
		"INSTALL_HDR_PATH=$1/usr" "-j$JOBS" headers_install
	stamp_set "$1/.coop-headers" "$id"
}

# Upstream's own Makefile, with its list of tests replaced by ours.
selftests_make() { # DIR PROGRAM...
	local dir=$1
	shift
	ccache_env
	job selftests "selftests" 15 meter_none 0 make -C "$GRAFT_TREE/$SELFTESTS" "OUTPUT=$dir" "CC=ccache gcc" \
		"INSTALL_HDR_PATH=$dir/usr" "KHDR_INCLUDES=-isystem $dir/usr/include" EXTRA_CFLAGS=-Werror \
		"TEST_GEN_PROGS=$*" TEST_GEN_PROGS_EXTENDED= TEST_PROGS= SPLIT_TESTS= "-j$JOBS" "$@"
}

build_selftests() {
	local dir=$CACHE/build/selftests id name
	local -a files programs=()
	graft_linux
	mkdir -p "$dir"
	selftests_headers "$dir"
	mapfile -d '' -t files < <(files_below "$COOP_ROOT/kernel/$SELFTESTS")
	id=$(fingerprint "${files[@]}" "$COOP_ROOT/scripts/build-selftests.sh" "$dir/.coop-headers" \
		<<<"$(gcc --version | head -n 1)")
	if stamp_is "$dir/.coop-stamp" "$id"; then
		say "selftests: up to date"
		return 0
	fi
	# a test that is gone must not be run any more
	rm -rf "$dir/x86_64"
	for name in "$COOP_ROOT/kernel/$SELFTESTS"/x86_64/coop_*_test.c; do
		name=${name##*/}
		programs+=("$dir/x86_64/${name%.c}")
	done
	selftests_make "$dir" "${programs[@]}"
	stamp_set "$dir/.coop-stamp" "$id"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	supervise_signals
	lock_take build-selftests
	build_selftests
fi
