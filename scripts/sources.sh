# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Pristine upstream sources in $CACHE/src. Each function sets <NAME>_SRC, <NAME>_VERSION and <NAME>_ID;
# the ID changes when the content does.
# shellcheck disable=SC2153 # VERSIONS sets what is checked here

# ---- private apt state: another suite, without a trace in the system's lists -------------------------

# The archive this machine uses for Debian itself, as apt understood its own configuration.
archive_uri() {
	# shellcheck disable=SC2016 # apt's own format
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
		awk -F'|' '$1 == "Debian" && $2 == "Debian" && $3 == "main" { print $4; exit }'
}

# The keyring that signs it: what the machine's own entry names, else the distribution's.
archive_keyring() {
	local own
	own=$(sed -nE 's/^Signed-By:[[:space:]]*(\/[^[:space:]]*)$/\1/p; s/^deb .*signed-by=(\/[^] ]*).*/\1/p' \
		/etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null |
		grep -m 1 debian-archive) || true
	echo "${own:-/usr/share/keyrings/debian-archive-keyring.gpg}"
}

apt_private_setup() {
	local dir=$CACHE/apt uri kind
	uri=$(archive_uri)
	if [ -z "$uri" ]; then
		say "no package lists of Debian on this machine: apt-get update"
		apt_as_root apt-update update || die_no_archive
		uri=$(archive_uri)
	fi
	[ -n "$uri" ] || die "no Debian archive in apt's configuration: set COOP_QEMU_SRC to a QEMU $QEMU_SERIES source"
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/source"
	for kind in deb deb-src; do
		echo "$kind [signed-by=$(archive_keyring)] $uri $SOURCE_SUITE main"
	done >"$dir/sources.list"
}

apt_private() { # NAME APT-ARGUMENTS...
	local name=$1 dir=$CACHE/apt cmd
	shift
	cmd=("${APT[@]}" -o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir/cache")
	# root's apt drops to a user that may not read below a private home directory
	[ "$(id -u)" -ne 0 ] || cmd+=(-o APT::Sandbox::User=root)
	apt_logged "$name" env -C "$dir/source" "${cmd[@]}" "$@"
}

apt_private_update() {
	apt_private_setup
	say "reading the package lists of $SOURCE_SUITE (private copy in $CACHE/apt)"
	apt_private apt-private update || die_no_archive
}

# ---- unpacking ----------------------------------------------------------------------------------------

# A tree or tarball of the user's, or a package's: what says that its content is the same as before.
source_id() { # PATH
	if [ -d "$1" ]; then
		(cd "$1" && find . -name .git -prune -o -type f -printf '%P %s %T@\n' | LC_ALL=C sort | fingerprint)
	else
		stat -L -c '%n %s %Y' "$1" | fingerprint
	fi
}

# The unpacked directory that a note beside it names, if the note is about this very source.
unpacked() { # NOTE ID
	local id dir
	[ -f "$1" ] || return 1
	{ read -r id && read -r dir; } <"$1" || return 1
	[ "$id" = "$2" ] && [ -d "$dir" ] && echo "$dir"
}

# Name the unpacked directory after its version; the note comes last, so an interrupted unpack starts afresh.
unpacked_as() { # UNPACKED DIR NOTE ID
	rm -rf "$2"
	mv "$1" "$2"
	printf '%s\n%s\n' "$4" "$2" >"$3.new"
	mv "$3.new" "$3"
}

unpack_tarball() { # NAME TARBALL DIR
	rm -rf "$3"
	mkdir -p "$3"
	job "unpack-$1" "unpacking $1" 40 meter_none 0 tar -xf "$2" -C "$3" --strip-components=1
}

# ---- Linux --------------------------------------------------------------------------------------------

linux_version() { # DIR
	[ -f "$1/Makefile" ] && awk -F' *= *' '
		/^VERSION *=/ { v = $2 } /^PATCHLEVEL *=/ { p = $2 } /^SUBLEVEL *=/ { s = $2 }
		END { if (v == "" || p == "") exit 1; print v "." p "." s }' "$1/Makefile"
}

source_linux() {
	local from=${COOP_LINUX_SRC:-/usr/src/linux-source-$LINUX_SERIES.tar.xz} note=$CACHE/src/linux.note
	mkdir -p "$CACHE/src"
	[ -e "$from" ] || die "there is no Linux source at $from: set COOP_LINUX_SRC to a tree or tarball, or unset it"
	LINUX_ID=$(source_id "$from")
	if [ -d "$from" ]; then
		LINUX_SRC=$(cd "$from" && pwd)
	elif ! LINUX_SRC=$(unpacked "$note" "$LINUX_ID"); then
		unpack_tarball linux "$from" "$CACHE/src/linux.unpack"
		LINUX_SRC=$CACHE/src/linux.unpack
	fi
	LINUX_VERSION=$(linux_version "$LINUX_SRC") || die "$from is no Linux source: no Makefile with a version"
	version_check Linux "$LINUX_VERSION" "$LINUX_MIN" "$LINUX_MAX" "$LINUX_SERIES" "$LINUX_TESTED"
	[ "$LINUX_SRC" = "$CACHE/src/linux.unpack" ] || return 0
	unpacked_as "$LINUX_SRC" "$CACHE/src/linux-$LINUX_VERSION" "$note" "$LINUX_ID"
	LINUX_SRC=$CACHE/src/linux-$LINUX_VERSION
}

# ---- QEMU and Meson -----------------------------------------------------------------------------------

qemu_fetch() { # DIR
	local dsc
	apt_private_update
	rm -rf "$CACHE/apt/source"
	mkdir -p "$CACHE/apt/source"
	say "downloading the QEMU source of $SOURCE_SUITE"
	apt_private qemu-fetch source --download-only "qemu/$SOURCE_SUITE" || die_no_archive
	dsc=$(find "$CACHE/apt/source" -name 'qemu_*.dsc')
	[ -f "$dsc" ] || die "the archive gave no QEMU source (log: $CACHE/log/qemu-fetch.log)"
	rm -rf "$1"
	job unpack-qemu "unpacking qemu" 20 meter_none 0 dpkg-source -x "$dsc" "$1"
	rm -rf "$CACHE/apt/source"
}

source_qemu() {
	local from=${COOP_QEMU_SRC:-} note=$CACHE/src/qemu.note new=$CACHE/src/qemu.unpack
	mkdir -p "$CACHE/src"
	if [ -z "$from" ]; then
		QEMU_ID=$SOURCE_SUITE
		QEMU_SRC=$(unpacked "$note" "$QEMU_ID") || { qemu_fetch "$new" && QEMU_SRC=$new; }
	else
		[ -e "$from" ] || die "there is no QEMU source at $from: set COOP_QEMU_SRC to a tree or tarball, or unset it"
		QEMU_ID=$(source_id "$from")
		if [ -d "$from" ]; then
			QEMU_SRC=$(cd "$from" && pwd)
		elif ! QEMU_SRC=$(unpacked "$note" "$QEMU_ID"); then
			unpack_tarball qemu "$from" "$new"
			QEMU_SRC=$new
		fi
	fi
	QEMU_VERSION=$(cat "$QEMU_SRC/VERSION" 2>/dev/null) || die "$QEMU_SRC is no QEMU source: no file VERSION"
	version_check QEMU "$QEMU_VERSION" "$QEMU_MIN" "$QEMU_MAX" "$QEMU_SERIES" "$QEMU_TESTED"
	[ "$QEMU_SRC" = "$new" ] || return 0
	unpacked_as "$new" "$CACHE/src/qemu-$QEMU_VERSION" "$note" "$QEMU_ID"
	QEMU_SRC=$CACHE/src/qemu-$QEMU_VERSION
}

# Meson is pure Python: unpacked, not installed.
source_meson() {
	local note=$CACHE/src/meson.note new=$CACHE/src/meson.unpack deb version
	if ! MESON_SRC=$(unpacked "$note" "$SOURCE_SUITE"); then
		[ -s "$CACHE/apt/sources.list" ] || apt_private_update
		rm -rf "$CACHE/apt/source" "$new"
		mkdir -p "$CACHE/apt/source"
		apt_private meson-fetch download "meson/$SOURCE_SUITE" || die_no_archive
		deb=$(find "$CACHE/apt/source" -name 'meson_*.deb')
		dpkg-deb -x "$deb" "$new"
		MESON_SRC=$new
	fi
	MESON_PATH=$MESON_SRC/usr/lib/python3/dist-packages
	[ "$MESON_SRC" = "$new" ] || return 0
	version=$(PYTHONPATH=$MESON_PATH python3 "$MESON_SRC/usr/bin/meson" --version)
	if ! version_le "$MESON_MIN" "$version" || ! version_le "$version" "$MESON_MAX"; then
		die "Meson $version is outside the accepted range $MESON_MIN to $MESON_MAX (tested: $MESON_TESTED), see VERSIONS"
	fi
	MESON_SRC=$CACHE/src/meson-$version
	unpacked_as "$new" "$MESON_SRC" "$note" "$SOURCE_SUITE"
	MESON_PATH=$MESON_SRC/usr/lib/python3/dist-packages
}
