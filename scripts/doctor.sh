#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# ./coop doctor: one line per fact, and what to do about each.

set -eu
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/build-lib.sh
. "$COOP_ROOT/scripts/build-lib.sh"
# shellcheck source=scripts/machine.sh
. "$COOP_ROOT/scripts/machine.sh"

usage() {
	cat <<'END'
usage: ./coop doctor

Says what this machine has and lacks. Exit status 0 if the lab can run here (what is missing can be installed
and built by ./coop demo), 1 if something must be done first. Changes nothing.
END
}

BAD=0

line() { # ok|note|FAIL WHAT TEXT
	printf '%-5s %-13s %s\n' "$1" "$2" "$3"
	[ "$1" != FAIL ] || BAD=1
}

check_distribution() {
	local id version
	# shellcheck disable=SC1091
	read -r id version < <(. /etc/os-release 2>/dev/null && echo "${ID:-unknown} ${VERSION_ID:-0}") || true
	case $id/$version in
	debian/12 | debian/13) line ok distribution "$(distribution)" ;;
	*)
		if command -v apt-get >/dev/null; then
			line note distribution "$(distribution): tested on Debian 12; COOP_LINUX_SRC and COOP_QEMU_SRC may be needed"
		else
			line FAIL distribution "$(distribution): no apt-get: use Debian 12 or 13, in a VM or container"
		fi
		;;
	esac
}

check_architecture() {
	if [ "$(uname -m)" = x86_64 ]; then
		line ok architecture x86_64
	else
		line FAIL architecture "$(uname -m): the lab is x86_64 only"
	fi
}

check_disk() {
	local need free
	need=$(for part in kernel kernel-debug qemu tools guest; do part_mib "$part"; done | awk '{ sum += $1 } END { print sum + 256 }')
	[ -z "${COOP_DISK_NEED_GIB:-}" ] || need=$((COOP_DISK_NEED_GIB * 1024))
	free=$(disk_free)
	if [ "$free" -ge "$need" ]; then
		line ok disk "$(gib "$free") GiB free, $(gib "$need") GiB still needed in $CACHE"
	else
		line FAIL disk "$(gib "$free") GiB free, $(gib "$need") GiB needed in $CACHE: make room or set XDG_CACHE_HOME"
	fi
}

check_cores() {
	if [ "$(nproc)" -ge 2 ]; then
		line ok cores "$(nproc)"
	else
		line FAIL cores "$(nproc): L1 needs two processors that really run at once"
	fi
}

check_memory() {
	local total available
	total=$(memory_mib)
	available=$(awk '/^MemAvailable/ { printf "%d\n", $2 / 1024 }' /proc/meminfo)
	if [ "$available" -ge 5120 ]; then
		line ok memory "$(gib "$total") GiB, $(gib "$available") GiB available"
	else
		line FAIL memory "$(gib "$available") of $(gib "$total") GiB available: L1 needs 4 GiB and 1 GiB beside it"
	fi
}

check_kvm() {
	local why
	why=$(kvm_why_not)
	if [ -z "$why" ]; then
		line ok accelerator "kvm: nested virtualization works here"
	else
		line note accelerator "tcg (emulation, slower): $why"
	fi
}

check_packages() {
	local missing
	parts_packages kernel qemu tools guest-fio
	# shellcheck disable=SC2086 # a list of words
	missing=$(packages_missing $PACKAGES $PACKAGES_TEST | xargs)
	if [ -z "$missing" ]; then
		line ok tools "all packages are installed"
	elif [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null; then
		line note tools "./coop demo and ./coop test install: $missing"
	else
		line FAIL tools "no sudo here: as root: apt-get install $missing"
	fi
}

check_part() { # PART FILE
	if [ ! -e "$CACHE/build/$1/$2" ]; then
		line note "$1" "not built: ./coop build $1"
	elif [ -n "$(find "$COOP_ROOT/$3" "$COOP_ROOT/configs" -newer "$CACHE/build/$1/$2" -type f -print -quit)" ]; then
		line note "$1" "built, older than $3/ or configs/: ./coop build $1"
	else
		line ok "$1" "built $(date -r "$CACHE/build/$1/$2" '+%Y-%m-%d %H:%M')"
	fi
}

case ${1:-} in
'') ;;
-h | --help)
	usage
	exit 0
	;;
*) usage_error "doctor: unknown option '$1': see ./coop doctor --help" ;;
esac
check_distribution
check_architecture
check_cores
check_memory
check_disk
check_kvm
check_packages
check_part kernel arch/x86/boot/bzImage kernel
check_part kernel-debug arch/x86/boot/bzImage kernel
check_part qemu qemu-system-x86_64 qemu-patches
check_part tools coop-lab lab
check_part guest l2.cpio.gz lab/init
if [ "$BAD" -ne 0 ]; then
	die "the lab cannot run here yet: see the lines that begin with FAIL"
fi
