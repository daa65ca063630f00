#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# ./coop demo: from nothing to the table.

set -eu
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/run-lib.sh
. "$COOP_ROOT/scripts/run-lib.sh"

usage() {
	cat <<'END'
usage: ./coop demo [--quick] [--json FILE]

Installs packages and builds what is missing, boots the lab, compares the modes under load, prints the table and
one verdict line, and writes results/<time>/ with report.html, result.json, raw histograms and kernel logs.

  --quick      fewer measurements, about 3 minutes once everything is built
  --json FILE  also write the result to FILE
END
}

json=''
# per measurement as the benchmark announces it: 7 s for a guest, 1 s beside each case; before them, 10 s for the interval
args=(--cases "busy,busy-hog" --repeat 5 --seconds 6 --interval auto)
seconds=$((10 + 6 * 5 * (7 + 2 * 7)))
while [ $# -gt 0 ]; do
	case $1 in
	--quick)
		args=(--cases "busy-hog" --repeat 2 --seconds 8 --interval auto)
		seconds=$((10 + 6 * 2 * (7 + 9)))
		;;
	--json)
		[ $# -gt 1 ] || usage_error "demo: --json needs a file"
		json=$2
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	*) usage_error "demo: unknown option '$1': see ./coop demo --help" ;;
	esac
	shift
done
supervise_signals
lock_take "demo"
say_build_time kernel qemu
build_parts all
accel=$(accelerator_for auto)
say_accelerator "$accel"
say "measuring takes about $(((seconds + 59) / 60)) minutes"
bench_run cyclictest "$accel" 3600 "$json" "${args[@]}"
