# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# One measurement: boot the lab, run a benchmark's driver in it, make the report.

# shellcheck source=scripts/build-lib.sh
. "$COOP_ROOT/scripts/build-lib.sh"
# shellcheck source=scripts/machine.sh
. "$COOP_ROOT/scripts/machine.sh"

bench_names() {
	find "$COOP_ROOT/bench" -mindepth 1 -maxdepth 1 -type d ! -name lib ! -name report -printf '%f\n' | LC_ALL=C sort
}

results_new() { # sets OUT
	local name
	name=$(date +%Y-%m-%dT%H-%M-%S)
	OUT=$COOP_ROOT/results/$name
	[ ! -e "$OUT" ] || OUT=$OUT-$$
	mkdir -p "$OUT"
}

accelerator_for() { # auto|tcg|kvm
	if [ "$1" = auto ]; then
		accelerator
	else
		echo "$1"
	fi
}

bench_options_check() { # ACCELERATOR LIMIT
	[[ $1 == @(auto|tcg|kvm|here) ]] || usage_error "bench: unknown accelerator '$1': auto, tcg, kvm or here"
	[[ $2 =~ ^[1-9][0-9]*$ ]] || usage_error "bench: --limit takes a number of seconds, not '$2'"
}

help_wanted() { # ARG...
	local arg
	for arg in "$@"; do
		[[ $arg != --help && $arg != -h ]] || return 0
	done
	return 1
}

# The driver reads its arguments up to --help before anything runs: better here than after the boot.
bench_arguments_check() { # NAME ARG...
	local program=$CACHE/build/tools/coop-bench-$1
	shift
	"$program" "$@" --help >/dev/null || exit 2
}

say_accelerator() { # ACCELERATOR
	if [ "$1" = kvm ]; then
		say "accelerator: kvm"
	elif [ "$1" = here ]; then
		say "no lab: this machine is the host, with Linux $(uname -r)"
	else
		say "accelerator: tcg, so absolute numbers are those of an emulator; compare the modes ($(kvm_why_not))"
	fi
}

# Runs the driver in L1. The lab's exit status says what went wrong; it has said so itself by then.
bench_run() { # NAME ACCELERATOR LIMIT JSON ARG...
	local name=$1 accel=$2 limit=$3 json=$4 rc=0 tools=$CACHE/build/tools
	shift 4
	results_new
	environment_json "$accel" >"$OUT/environment.json"
	run_child "$tools/coop-lab" run --out "$OUT" --accel "$accel" --limit "$limit" -- "$tools/coop-bench-$name" "$@" || rc=$?
	[ "$rc" -eq 0 ] || die "$name did not complete (exit $rc): see the messages above (log: $OUT/l1-console.log)" "$rc"
	"$tools/coop-report" make "$OUT" ${json:+--json "$json"} || die "no report could be made from $OUT"
	say "report: $OUT/report.html"
}
