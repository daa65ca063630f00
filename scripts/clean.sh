#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# ./coop clean: remove what was built.

set -eu
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

usage() {
	cat <<END
usage: ./coop clean [--all]

Removes builds, packages, work trees and logs from $CACHE; with --all also the upstream
sources, apt's private state and the compiler cache. results/ is never touched.
END
}

what=(build packages tree tmp log)
case ${1:-} in
'') ;;
--all) what+=(src apt ccache) ;;
-h | --help)
	usage
	exit 0
	;;
*) usage_error "clean: unknown option '$1': see ./coop clean --help" ;;
esac
supervise_signals
lock_take "clean $*"
for dir in "${what[@]}"; do
	rm -rf "${CACHE:?}/$dir"
done
say "removed ${what[*]} from $CACHE"
