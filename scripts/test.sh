#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# ./coop test: run the rows of tests/tests.list.

set -eu
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/build-lib.sh
. "$COOP_ROOT/scripts/build-lib.sh"
# shellcheck source=scripts/test-again.sh
. "$COOP_ROOT/scripts/test-again.sh"

LIST=$COOP_ROOT/tests/tests.list

usage() {
	sed "s/STOLEN_PERCENT/$STOLEN_PERCENT/" <<'END'
usage: ./coop test [--quick] [--list] [NAME...]

Builds what is missing and runs the tests of tests/tests.list; NAME is a test's name, a shell pattern, or what the
names of a group begin with: migration for all of migration-*.

  --quick   leave out the tests that boot the lab
  --list    name the tests, run none

A test that boots the lab measures time. If it fails while another hypervisor took more than STOLEN_PERCENT % of the CPU
time from this machine (steal in /proc/stat), it is run again when that is over, at most twice, and not after an hour.

A test passes with exit status 0 and is skipped with 77; a skip is not a pass. Logs lie in the cache's log/test/.
The last line is "N passed, N failed, N skipped"; the exit status is 0 only if none failed.
END
}

# The rows wanted, as "name kind limit command": all, or those that a pattern names.
select_tests() { # QUICK NAME...
	local quick=$1 name kind limit command pattern
	shift
	while read -r name kind limit command; do
		[ "$quick" -eq 0 ] || [ "$kind" != lab ] || continue
		[ $# -gt 0 ] || { echo "$name $kind $limit $command"; continue; }
		for pattern in "$@"; do
			# shellcheck disable=SC2053 # a pattern is meant
			[[ $name == $pattern ]] || continue
			echo "$name $kind $limit $command"
			break
		done
	done < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$LIST")
}

# A name that is no test's stands for its group.
expand_names() {
	local i
	for i in "${!names[@]}"; do
		[ -n "$(select_tests 0 "${names[i]}")" ] || names[i]+='-*'
	done
}

# A name that selects nothing is a typing error, and a test file that no row names would never run.
check_list() { # NAME...
	local pattern file twice
	twice=$(select_tests 0 | cut -d' ' -f1 | sort | uniq -d | xargs)
	[ -z "$twice" ] || die "tests/tests.list has more than one row for: $twice: rename or remove one"
	for pattern in "$@"; do
		[ -n "$(select_tests 0 "$pattern")" ] || usage_error "test: no test is called '${pattern%-\*}': see ./coop test --list"
	done
	for file in "$COOP_ROOT"/tests/{unit,abi}/*.c "$COOP_ROOT"/tests/{faults,lab}/*-*.sh; do
		[ ! -f "$file" ] || grep -qE "/$(basename "${file%.*}")(\.sh)?( |\$)" "$LIST" ||
			die "${file#"$COOP_ROOT/"} is not in tests/tests.list: add a row"
	done
}

# What the selected rows need. The checked kernel is named by those that boot it, and takes longest.
build_for() { # ROWS
	local kinds kernels=(kernel)
	kinds=$(awk '{ print $2 }' <<<"$1" | sort -u)
	[[ $1 != *-debug* ]] || kernels+=(kernel-debug)
	case $kinds in
	*lab*)
		say_build_time "${kernels[@]}" qemu
		build_parts "${kernels[@]}" qemu tools guest-fio
		;;
	*fault*)
		say_build_time kernel qemu
		build_parts kernel qemu tools guest
		;;
	*) build_parts tools ;;
	esac
	# shellcheck disable=SC2086 # a list of words
	[[ $kinds != *unit* ]] || packages_install $PACKAGES_TEST
	tools_make tools unit
}

# Run one test under its limit; sets RC, and SECONDS_USED with a decimal.
run_test() { # NAME LIMIT LOG COMMAND
	local start end tick
	start=$(date +%s%N)
	end=$((SECONDS + $2))
	[ ! -t 1 ] || printf '\r\033[K%s ...' "$1"
	exec {tick}<> <(:)
	RC=0
	child_start "$3" env -C "$COOP_ROOT" "TOOLS=$CACHE/build/tools" \
		"COOP_TEST_KEEP=$CACHE/log/test/$1.out" "COOP_TEST_TRY=$TRY" bash -c "$4"
	while kill -0 "$CHILD" 2>/dev/null && [ "$SECONDS" -le "$end" ]; do
		read -rt 0.1 -u "$tick" || true
	done
	exec {tick}>&-
	if kill -0 "$CHILD" 2>/dev/null; then
		child_stop
		echo "coop: not done after $2 s" >>"$3"
		RC=124
	else
		child_wait || RC=$?
	fi
	SECONDS_USED=$(awk -v ns=$(($(date +%s%N) - start)) 'BEGIN { printf "%.1f", ns / 1e9 }')
	[ ! -t 1 ] || printf '\r\033[K'
}

report_test() { # NAME LIMIT LOG
	case $RC in
	0)
		PASSED=$((PASSED + 1))
		printf 'pass %8s s  %s\n' "$SECONDS_USED" "$1"
		;;
	77)
		SKIPPED=$((SKIPPED + 1))
		printf 'skip %8s s  %s: %s\n' "$SECONDS_USED" "$1" "$(tail -n 1 "$3")"
		;;
	*)
		FAILED=$((FAILED + 1))
		printf 'FAIL %8s s  %s (exit %d, log: %s)\n' "$SECONDS_USED" "$1" "$RC" "$3"
		tail -n 15 "$3" | sed 's/^/    | /'
		;;
	esac
}

quick=0
names=()
for arg in "$@"; do
	case $arg in
	--quick) quick=1 ;;
	--list)
		select_tests 0 | awk '{ printf "%-32s %-6s %4d s\n", $1, $2, $3 }'
		exit 0
		;;
	-h | --help)
		usage
		exit 0
		;;
	-*) usage_error "test: unknown option '$arg': see ./coop test --help" ;;
	*) names+=("$arg") ;;
	esac
done
expand_names
check_list ${names[@]+"${names[@]}"}
rows=$(select_tests "$quick" ${names[@]+"${names[@]}"})
[ -n "$rows" ] || usage_error "test: nothing is selected: see ./coop test --list"
supervise_signals
lock_take "test $*"
build_for "$rows"
mkdir -p "$CACHE/log/test"
PASSED=0 FAILED=0 SKIPPED=0
history=$CACHE/log/test/.seconds-$quick
say "$(wc -l <<<"$rows") tests$([ ! -f "$history" ] || echo ", all of them took $(minutes "$(cat "$history")") last time")"
begin=$SECONDS
while read -r name kind limit command; do
	run_row "$name" "$kind" "$limit" "$CACHE/log/test/$name.log" "$command"
	report_test "$name" "$limit" "$CACHE/log/test/$name.log"
done <<<"$rows"
[ ${#names[@]} -gt 0 ] || echo $((SECONDS - begin)) >"$history"
echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
[ "$FAILED" -eq 0 ]
