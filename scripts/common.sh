# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Shared by all scripts: paths, messages, the lock, supervised children, progress.

COOP_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[ -n "${XDG_CACHE_HOME:-${HOME:-}}" ] || { echo "coop: neither HOME nor XDG_CACHE_HOME is set: set one" >&2; exit 1; }
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/kvm-coop
JOBS=${COOP_JOBS:-$(nproc)}
export COOP_ROOT CACHE JOBS
# shellcheck source=VERSIONS disable=SC1091
. "$COOP_ROOT/VERSIONS"

# A message that starts like this is all a user has to read of a failure.
die() {
	printf 'coop: %s\n' "$1" >&2
	exit "${2:-1}"
}

usage_error() {
	die "$1" 2
}

say() {
	printf 'coop: %s\n' "$*"
}

minutes() { # SECONDS -> m:ss
	printf '%d:%02d' $(($1 / 60)) $(($1 % 60))
}

# Where a line of our own ends up last in a log, with the tool's own errors before it.
die_with_log() { # MESSAGE LOG
	grep -aE 'error:|Error [0-9]|undefined reference|FAILED:|^E: |^make.*\*\*\*' "$2" | tail -n 8 >&2 || true
	die "$1 (log: $2)"
}

# make, QEMU's options and the kernel's command line cannot take it.
[[ $CACHE$COOP_ROOT != *[[:space:],:]* ]] ||
	die "blanks, commas and colons in a path do not work here ($COOP_ROOT, $CACHE): move the project or set XDG_CACHE_HOME"

# ---- children -----------------------------------------------------------------------------------------

CHILD=
COOP_TMP=

descendants() { # PID -> PID and all below it
	ps -eo pid=,ppid= | awk -v root="$1" '
		{ kids[$2] = kids[$2] " " $1 }
		function walk(p,  n, i, list) {
			print p
			n = split(kids[p], list, " ")
			for (i = 1; i <= n; i++)
				walk(list[i])
		}
		END { walk(root) }'
}

# A child gets 10 s to end its own children; whatever is left then is killed.
child_stop() {
	local pids i
	[ -n "$CHILD" ] || return 0
	pids=$(descendants "$CHILD")
	kill -TERM "$CHILD" 2>/dev/null || true
	for ((i = 0; i < 100; i++)); do
		kill -0 "$CHILD" 2>/dev/null || break
		sleep 0.1
	done
	# shellcheck disable=SC2086 # a list of pids
	kill -KILL $pids 2>/dev/null || true
	wait "$CHILD" 2>/dev/null || true
	CHILD=
}

cleanup() {
	local rc=$?
	trap - EXIT
	trap '' INT TERM HUP
	child_stop
	[ -z "$COOP_TMP" ] || rm -rf "$COOP_TMP"
	exit "$rc"
}

# Every script ends through here, so that a signal leaves no process and no temporary file.
supervise_signals() {
	trap cleanup EXIT
	trap 'interrupted 130' INT
	trap 'interrupted 143' TERM
	trap 'interrupted 129' HUP
}

interrupted() { # STATUS
	[ ! -t 1 ] || printf '\n'
	die "interrupted: what is built is kept, the same command goes on from there" "$1"
}

temp_dir() {
	[ -z "$COOP_TMP" ] || return 0
	mkdir -p "$CACHE/tmp"
	COOP_TMP=$(mktemp -d "$CACHE/tmp/$$.XXXXXX")
}

# What a child runs under: told to stop, or when this shell dies of whatever, it stops its whole process group.
# shellcheck disable=SC2016 # expanded by the child
CHILD_LEADER='stop() { trap "" TERM; kill -TERM 0; wait "$pid"; exit 143; }
	trap stop TERM; "$@" & pid=$!; wait "$pid"'

# Start a command in a session of its own.
child_start() { # LOG COMMAND...  (LOG "-": our own output)
	local log=$1
	shift
	set -- setsid setpriv --pdeathsig TERM bash -c "$CHILD_LEADER" coop-child "$@"
	if [ "$log" = - ]; then
		"$@" </dev/null &
	else
		"$@" </dev/null >"$log" 2>&1 &
	fi
	CHILD=$!
}

child_wait() {
	local rc=0
	wait "$CHILD" || rc=$?
	CHILD=
	return "$rc"
}

run_child() {
	child_start - "$@"
	child_wait
}

# ---- progress -----------------------------------------------------------------------------------------

meter_none() {
	:
}

# Lines of make's output against their number in the last full build.
meter_lines() { # LOG TOTAL
	local n
	n=$(wc -l <"$1")
	[ "$2" -gt 0 ] || { echo "step $n"; return; }
	[ "$n" -lt "$2" ] || n=$(($2 - 1))
	echo "$((100 * n / $2)) %"
}

# ninja's own [n/m]
meter_ninja() { # LOG
	tail -c 4000 "$1" | awk '
		match($0, /^\[[0-9]+\/[0-9]+\]/) { split(substr($0, 2, RLENGTH - 2), f, "/"); n = f[1]; m = f[2] }
		END { if (m) printf "%d %%\n", 100 * n / m }'
}

progress_line() { # NAME STATE ELAPSED EXPECTED
	local text expected=$4 percent=${2% %}
	# once there is something to go by, what this very run shows is better than history
	if [[ $2 == *%* && $percent -ge 10 ]]; then
		expected=$((100 * $3 / percent))
	fi
	text="coop: $1: ${2:-working}, $(minutes "$3") of about $(minutes "$expected")"
	if [ -t 1 ]; then
		printf '\r\033[K%s' "$text"
	else
		printf '%s\n' "$text"
	fi
}

# Run a long command: log, progress, and the reason when it fails. The caller says how it is called.
job() { # NAME WHAT EXPECTED_SECONDS METER TOTAL COMMAND...
	local name=$1 what=$2 expect=$3 meter=$4 total=$5 log start last=-1 step=30 now rc=0 tick
	shift 5
	mkdir -p "$CACHE/log"
	log=$CACHE/log/$name.log
	start=$SECONDS
	[ ! -t 1 ] || step=1
	exec {tick}<> <(:)
	child_start "$log" "$@"
	while kill -0 "$CHILD" 2>/dev/null; do
		now=$(((SECONDS - start) / step))
		if [ "$now" -ne "$last" ]; then
			progress_line "$what" "$("$meter" "$log" "$total")" $((SECONDS - start)) "$expect"
			last=$now
		fi
		read -rt 0.2 -u "$tick" || true
	done
	exec {tick}>&-
	child_wait || rc=$?
	[ ! -t 1 ] || printf '\r\033[K'
	JOB_SECONDS=$((SECONDS - start))
	[ "$rc" -eq 0 ] || die_with_log "$what failed (exit $rc)" "$log"
	say "$what: done in $(minutes "$JOB_SECONDS")"
}

# ---- stamps -------------------------------------------------------------------------------------------

# The content of files, and any text on stdin, as one word.
fingerprint() { # FILE...
	{
		cat
		[ $# -eq 0 ] || sha256sum -- "$@"
	} | sha256sum | cut -d' ' -f1
}

# Every regular file below some directories, in a fixed order, NUL separated.
files_below() { # DIR...
	find -L "$@" -type f -print0 | LC_ALL=C sort -z
}

stamp_is() { # FILE VALUE
	[ -f "$1" ] && [ "$(cat "$1")" = "$2" ]
}

stamp_set() { # FILE VALUE
	printf '%s\n' "$2" >"$1.new"
	mv "$1.new" "$1"
}

# Compare dotted versions: true if $1 <= $2.
version_le() {
	[ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

version_check() { # WHAT VERSION MIN MAX SERIES TESTED
	if ! [[ $2 == "$5".* ]] || ! version_le "$3" "$2" || ! version_le "$2" "$4"; then
		die "$1 $2 is outside the accepted range $3 to $4 (tested: $6): use such a source, see VERSIONS"
	fi
}

# ---- machine ------------------------------------------------------------------------------------------

# MiB free where the cache is or will be.
disk_free() {
	local dir=$CACHE
	while [ ! -d "$dir" ]; do
		dir=$(dirname "$dir")
	done
	df -Pm "$dir" | awk 'NR == 2 { print $4 }'
}

# Refuse to start what cannot end: MiB free on the cache's file system.
disk_check() { # MIB_NEEDED
	local need=$1 free
	[ -z "${COOP_DISK_NEED_GIB:-}" ] || need=$((COOP_DISK_NEED_GIB * 1024))
	free=$(disk_free)
	[ "$free" -ge "$need" ] ||
		die "disk too small: $(gib "$need") GiB needed in $CACHE, $(gib "$free") GiB free: make room or set XDG_CACHE_HOME"
}

gib() { # MIB
	awk -v m="$1" 'BEGIN { printf "%.1f", m / 1024 }'
}

# One ./coop at a time; one that a test of ours starts inherits the lock.
lock_take() {
	local holder
	mkdir -p "$CACHE"
	if [ -n "${COOP_LOCK_FD:-}" ] && [ "/proc/$$/fd/$COOP_LOCK_FD" -ef "$CACHE/lock" ]; then
		return 0
	fi
	exec 9>>"$CACHE/lock"
	if ! flock -n 9; then
		holder=$(head -n 1 "$CACHE/lock")
		die "another ./coop is at work (${holder:-starting}): wait for it or stop it"
	fi
	printf 'pid %d: ./coop %s\n' "$$" "$*" >"$CACHE/lock"
	export COOP_LOCK_FD=9
	rm -rf "$CACHE/tmp"
}
