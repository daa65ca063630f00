#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# ./coop bench: one benchmark, with options of the user's.

set -eu
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/run-lib.sh
. "$COOP_ROOT/scripts/run-lib.sh"

usage() {
	cat <<END
usage: ./coop bench NAME [--json FILE] [--accel auto|tcg|kvm|here] [--limit SECONDS] [OPTION...]

NAME is one of: $(bench_names | xargs)
The other options are the benchmark's own: ./coop bench NAME --help (builds the tools first).
--accel here measures this machine itself, without the lab, as root: docs/hardware.md.
Results and report.html go to results/<time>/; --json also writes the result to FILE.
END
}

name=${1:-}
case $name in
-h | --help)
	usage
	exit 0
	;;
'') usage_error "bench: give the name of a benchmark: $(bench_names | xargs)" ;;
esac
bench_names | grep -qxF -- "$name" || usage_error "bench: unknown benchmark '$name': one of $(bench_names | xargs)"
shift
json='' accel=auto limit=7200
args=()
while [ $# -gt 0 ]; do
	case $1 in
	--json | --accel | --limit)
		[ $# -gt 1 ] || usage_error "bench: $1 needs a value"
		declare "${1#--}=$2"
		shift
		;;
	*) args+=("$1") ;;
	esac
	shift
done
bench_options_check "$accel" "$limit"
supervise_signals
if help_wanted ${args[@]+"${args[@]}"}; then
	# also beside a benchmark that holds the lock
	if ! tools_current; then
		lock_take "bench $name"
		build_parts tools
	fi
	exec "$CACHE/build/tools/coop-bench-$name" --help
fi
lock_take "bench $name"
build_parts tools
bench_arguments_check "$name" ${args[@]+"${args[@]}"}
parts=(all)
[[ "${args[*]-}" != *coop-stock* ]] || parts+=(guest-stock)
build_parts "${parts[@]}"
accel=$(accelerator_for "$accel")
say_accelerator "$accel"
bench_run "$name" "$accel" "$limit" "$json" ${args[@]+"${args[@]}"}
