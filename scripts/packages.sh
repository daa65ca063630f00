# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Distribution packages, by what they are for.
# shellcheck disable=SC2034 # read by the scripts that source this

PACKAGES_BUILD="gcc make patch rsync ccache bison flex bc cpio lz4 kmod libelf-dev libssl-dev libc6-dev pkg-config xz-utils util-linux procps"
PACKAGES_KERNEL="linux-source-$LINUX_SERIES"
PACKAGES_QEMU="dpkg-dev debian-archive-keyring ninja-build python3 python3-venv python3-distlib libglib2.0-dev libpixman-1-dev
	zlib1g-dev liburing-dev libcap-ng-dev libattr1-dev"
PACKAGES_TOOLS="libjansson-dev libncurses-dev liburing-dev jq"
PACKAGES_LAB="seabios qemu-system-data ipxe-qemu busybox-static rt-tests stress-ng par2"
PACKAGES_FIO="fio"
PACKAGES_PACKAGING="debhelper dh-dkms dpkg-dev"
PACKAGES_TEST="shellcheck chromium"

# apt-get as this project calls it; COOP_APT_OPTIONS are the user's own.
# shellcheck disable=SC2206 # a list of words
APT=(apt-get -q -o APT::Update::Error-Mode=any -o Acquire::Retries=2 -o Acquire::http::Timeout=30
	-o Acquire::https::Timeout=30 ${COOP_APT_OPTIONS:-})

# Run a command of apt with a log, and keep what it says when it fails.
apt_logged() { # NAME COMMAND...
	local log=$CACHE/log/$1.log rc=0
	shift
	mkdir -p "$CACHE/log"
	if [ "$1" = sudo ]; then
		# sudo asks on the terminal, which a session of its own would not have
		"$@" >"$log" 2>&1 || rc=$?
	else
		child_start "$log" "$@"
		child_wait || rc=$?
	fi
	[ "$rc" -ne 0 ] || return 0
	APT_WHY=$(grep -aE '^(E|W|Err): ?' "$log" | head -n 1 | cut -d' ' -f2-)
	APT_WHY="${APT_WHY:-apt-get failed} (log: $log)"
	return 1
}

die_no_archive() {
	die "the package archive cannot be used: check the network and apt's proxy, then run again: $APT_WHY"
}

apt_as_root() { # NAME APT-ARGUMENTS...
	local name=$1 cmd=(env DEBIAN_FRONTEND=noninteractive "${APT[@]}" -y --no-install-recommends -o DPkg::Lock::Timeout=120)
	shift
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || die "this needs root and there is no sudo: as root: apt-get $*"
		cmd=(sudo -- "${cmd[@]}")
	fi
	apt_logged "$name" "${cmd[@]}" "$@"
}

packages_missing() { # PACKAGE...
	local have
	have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' | LC_ALL=C sort -u)
	printf '%s\n' "$@" | LC_ALL=C sort -u | LC_ALL=C comm -23 - <(echo "$have")
}

lists_empty() {
	# shellcheck disable=SC2016 # apt's own format
	[ -z "$(apt-get indextargets --format '$(FILENAME)' 'Created-By: Packages' | while read -r f; do
		[ -e "$f" ] && echo "$f"
	done)" ]
}

packages_install() { # PACKAGE...
	local missing
	missing=$(packages_missing "$@" | xargs)
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null || die "packages are missing and this is no Debian: install what matches: $missing"
	if [ "$(id -u)" -eq 0 ]; then
		say "installing packages: $missing"
	else
		say "sudo is used to install packages: $missing"
		command -v sudo >/dev/null || die "there is no sudo: as root: apt-get install $missing"
		sudo -v || die "sudo was refused: as root: apt-get install $missing"
	fi
	if lists_empty; then
		say "no package lists on this machine: apt-get update"
		apt_as_root apt-update update || die_no_archive
	fi
	# shellcheck disable=SC2086 # a list of words
	apt_as_root apt-install install $missing && return 0
	# Lists older than the archive name files that are gone: the one failure that an update cures.
	grep -qaE '404|Hash Sum mismatch|Unable to locate' "$CACHE/log/apt-install.log" || die_no_archive
	say "the package lists are out of date: apt-get update"
	apt_as_root apt-update update || die_no_archive
	# shellcheck disable=SC2086 # a list of words
	apt_as_root apt-install install $missing || die_no_archive
}
