#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Graft our files and hooks onto a pristine source: kernel/ and guest/kernel/ onto Linux, qemu-patches/ onto QEMU.
# Changed files are made in a temporary overlay and then copied into the work tree only where the content
# differs, so that make sees exactly what changed. A hook that does not apply leaves the work tree alone.

set -eu
if [ -z "${COOP_ROOT:-}" ] || ! declare -F die >/dev/null; then
	# shellcheck source=scripts/common.sh
	. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
	# shellcheck source=scripts/packages.sh
	. "$COOP_ROOT/scripts/packages.sh"
	# shellcheck source=scripts/sources.sh
	. "$COOP_ROOT/scripts/sources.sh"
fi

# The hooks of a series file, in order.
series_hooks() { # DIR
	sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$1/series"
}

# The files a patch touches.
hook_targets() { # PATCH
	sed -nE 's,^(---|\+\+\+) [ab]/([^[:space:]]+).*,\2,p' "$1" | sort -u
}

# New files at their in-tree paths, relative to the current directory.
new_files() {
	find . -path ./hooks -prune -o \( -type f -o -type l \) ! -path ./README.md -printf '%P\n' | LC_ALL=C sort
}

overlay_new_files() { # OURS PRISTINE OVERLAY
	local f
	while read -r f; do
		[ ! -e "$2/$f" ] || die "$1/$f exists upstream already: a change to it belongs in a hook"
		mkdir -p "$3/$(dirname "$f")"
		cp -p "$1/$f" "$3/$f"
	done < <(cd "$1" && new_files)
}

# Say which hook, file, hunk and version; patch's own words go to the log.
hook_failed() { # HOOK WHAT VERSION OUTPUT
	local log=$CACHE/log/graft.log file hunk
	mkdir -p "$CACHE/log"
	printf '%s\n' "$4" >"$log"
	# the first file with a failure, not the last one looked at
	file=$(awk '/^(checking|patching) file/ { f = $3 } /FAILED|malformed|saving rejects/ { print f; exit }' <<<"$4")
	hunk=$(sed -nE 's/^Hunk #([0-9]+) FAILED at ([0-9]+).*/hunk \1 at line \2/p' <<<"$4" | head -n 1)
	die "hook $1 does not apply to ${file:-its target} (${hunk:-malformed patch}) of $2 $3: refresh the hook or use a tested version (log: $log)"
}

overlay_hooks() { # HOOKDIR PRISTINE OVERLAY WHAT VERSION
	local hook f out
	[ -f "$1/series" ] || die "there are no hooks for $4 $5: $1/series is missing"
	while read -r hook; do
		[ -f "$1/$hook" ] || die "$1/series names $hook, which does not exist"
		while read -r f; do
			[ -e "$3/$f" ] || [ ! -e "$2/$f" ] || { mkdir -p "$3/$(dirname "$f")" && cp -p "$2/$f" "$3/$f"; }
		done < <(hook_targets "$1/$hook")
		out=$(LC_ALL=C patch -F0 -p1 -f --no-backup-if-mismatch -r - -d "$3" -i "$1/$hook" 2>&1) ||
			hook_failed "${1#"$COOP_ROOT/"}/$hook" "$4" "$5" "$out"
	done < <(series_hooks "$1")
}

# Bring the work tree in line with pristine. By content and without times: what changes gets a new time,
# for make; what does not, keeps the old one.
tree_pristine() { # NAME PRISTINE TREE ID
	local manifest=$3.manifest
	stamp_is "$3.id" "$4" && return 0
	mkdir -p "$3"
	touch "$manifest"
	job "tree-$1" "copying the $1 source" 60 meter_none 0 \
		rsync -rlpc --delete --exclude=/.git --exclude-from=<(sed 's,^,/,' "$manifest") "$2/" "$3/"
	stamp_set "$3.id" "$4"
}

put_file() { # FROM TO
	cmp -s "$1" "$2" && return 0
	mkdir -p "$(dirname "$2")"
	cp "$1" "$2.coop-new"
	mv "$2.coop-new" "$2"
	CHANGED=$((CHANGED + 1))
}

# Copy the overlay in, and put back what the previous overlay had and this one has not.
tree_overlay() { # OVERLAY PRISTINE TREE
	local manifest=$3.manifest f CHANGED=0
	(cd "$1" && find . -type f -printf '%P\n' | LC_ALL=C sort) >"$manifest.new"
	while read -r f; do
		if [ -e "$2/$f" ]; then
			put_file "$2/$f" "$3/$f"
		else
			rm -f "$3/$f"
			CHANGED=$((CHANGED + 1))
		fi
	done < <(LC_ALL=C comm -13 "$manifest.new" "$manifest")
	# from here on either list says enough: the union is what may differ from pristine
	LC_ALL=C sort -u -o "$manifest" "$manifest" "$manifest.new"
	while read -r f; do
		put_file "$1/$f" "$3/$f"
	done <"$manifest.new"
	mv "$manifest.new" "$manifest"
	[ "$CHANGED" -eq 0 ] || say "grafted: $CHANGED files changed in $3"
}

# Sets GRAFT_TREE and GRAFT_ID.
graft() { # NAME SERIES PRISTINE VERSION ID DIR...: DIRs of ours, one on top of the other
	local name=$1 series=$2 pristine=$3 version=$4 id=$5 overlay dir
	local -a inputs ours
	shift 5
	ours=("${@/#/$COOP_ROOT/}")
	GRAFT_TREE=$CACHE/tree/$name
	mapfile -d '' -t inputs < <(files_below "${ours[@]}")
	GRAFT_ID=$(fingerprint "${inputs[@]}" "$COOP_ROOT/scripts/graft.sh" <<<"$version $id")
	stamp_is "$GRAFT_TREE.graft" "$GRAFT_ID" && return 0
	temp_dir
	overlay=$COOP_TMP/$name
	mkdir -p "$overlay" "$CACHE/tree"
	for dir in "${ours[@]}"; do
		overlay_new_files "$dir" "$pristine" "$overlay"
		overlay_hooks "$dir/hooks/$series" "$pristine" "$overlay" "$name" "$version"
	done
	rm -f "$GRAFT_TREE.graft"
	tree_pristine "$name" "$pristine" "$GRAFT_TREE" "$version $id"
	tree_overlay "$overlay" "$pristine" "$GRAFT_TREE"
	rm -rf "$overlay"
	stamp_set "$GRAFT_TREE.graft" "$GRAFT_ID"
}

graft_linux() {
	source_linux
	graft linux "$LINUX_SERIES" "$LINUX_SRC" "$LINUX_VERSION" "$LINUX_ID" kernel guest/kernel
}

graft_qemu() {
	source_qemu
	graft qemu "$QEMU_SERIES" "$QEMU_SRC" "$QEMU_VERSION" "$QEMU_ID" qemu-patches
}

graft_main() {
	case ${1:-} in
	linux | qemu)
		supervise_signals
		lock_take "graft $1"
		"graft_$1"
		say "$1 is grafted in $GRAFT_TREE"
		;;
	-h | --help)
		echo "usage: scripts/graft.sh linux|qemu"
		;;
	*)
		usage_error "graft.sh: give linux or qemu"
		;;
	esac
}

[ "${BASH_SOURCE[0]}" != "$0" ] || graft_main "$@"
