#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# ./coop shell: an interactive L1.

set -eu
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/build-lib.sh
. "$COOP_ROOT/scripts/build-lib.sh"

usage() {
	cat <<'END'
usage: ./coop shell [OPTION...]

Boots the host under test with this machine's files read-only and gives you its console. Options go to
coop-lab shell, for example --accel tcg, --smp 2, --mem 4096.
END
}

case ${1:-} in
-h | --help)
	usage
	exit 0
	;;
esac
supervise_signals
lock_take "shell $*"
build_parts all
# The terminal is L1's console, so the program takes this process's place.
[ -z "$COOP_TMP" ] || rm -rf "$COOP_TMP"
trap - EXIT INT TERM HUP
exec "$CACHE/build/tools/coop-lab" shell "$@"
