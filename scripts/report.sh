#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# ./coop report: a report again from its result, or one result against another.

set -eu
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/run-lib.sh
. "$COOP_ROOT/scripts/run-lib.sh"

usage() {
	cat <<'END'
usage: ./coop report RESULT          table, verdict, and report.html again, beside the result
       ./coop report RESULT RESULT   compare the second with the first

RESULT is a result.json or the directory that holds it, as in results/<time>.
END
}

for arg in "$@"; do
	case $arg in
	-h | --help)
		usage
		exit 0
		;;
	-*) usage_error "report: unknown option '$arg': see ./coop report --help" ;;
	*) [ -e "$arg" ] || usage_error "report: there is no $arg: give a result.json or its directory" ;;
	esac
done
[ $# -eq 1 ] || [ $# -eq 2 ] || usage_error "report: give one result, or two to compare: see ./coop report --help"
supervise_signals
lock_take report
build_parts tools >&2
report=$CACHE/build/tools/coop-report
if [ $# -eq 1 ]; then
	"$report" html "$1" || die "no report could be made from $1"
else
	"$report" compare "$1" "$2" || die "$1 and $2 could not be compared"
fi
