# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What can be built, in which order, and what it needs of the machine.

# shellcheck source=scripts/packages.sh
. "$COOP_ROOT/scripts/packages.sh"
# shellcheck source=scripts/sources.sh
. "$COOP_ROOT/scripts/sources.sh"
# shellcheck source=scripts/graft.sh
. "$COOP_ROOT/scripts/graft.sh"
# shellcheck source=scripts/build-kernel.sh
. "$COOP_ROOT/scripts/build-kernel.sh"
# shellcheck source=scripts/build-qemu.sh
. "$COOP_ROOT/scripts/build-qemu.sh"
# shellcheck source=scripts/build-tools.sh
. "$COOP_ROOT/scripts/build-tools.sh"
# shellcheck source=scripts/build-guest.sh
. "$COOP_ROOT/scripts/build-guest.sh"
# shellcheck source=scripts/guest-stock.sh
. "$COOP_ROOT/scripts/guest-stock.sh"

# shellcheck source=scripts/build-packages.sh
. "$COOP_ROOT/scripts/build-packages.sh"

# What was said is to be built, with what it is made of, each once and in order.
parts_expand() { # PART...
	local part
	for part in "$@"; do
		case $part in
		all) printf '%s\n' kernel qemu tools guest ;;
		packages) parts_expand package-kernel package-guest package-qemu package-tools ;;
		package-kernel)
			[ "$FLAVOUR" != lab ] || echo kernel
			echo package-kernel
			;;
		package-qemu) printf '%s\n' qemu package-qemu ;;
		package-tools) printf '%s\n' kernel tools guest package-tools ;;
		*) echo "$part" ;;
		esac
	done | awk '!seen[$0]++'
}

# MiB that a part still has to write, measured; 0 once it is there.
part_mib() { # PART
	case $1 in
	kernel) [ -d "$CACHE/tree/linux" ] || echo 3400 ;;
	qemu) [ -d "$CACHE/tree/qemu" ] || echo 900 ;;
	esac
	if [ "$1" = package-kernel ]; then
		package_kernel_cost "$FLAVOUR"
		[ -d "$CACHE/tree/linux" ] || echo 3400
		[ -f "$CACHE/build/package-kernel-$FLAVOUR/.coop-stamp" ] || echo "$FULL_MIB"
		return 0
	fi
	[ -f "$CACHE/build/$1/.coop-stamp" ] || case $1 in
	kernel) echo 500 ;;
	kernel-debug) echo 900 ;;
	qemu) echo 400 ;;
	guest-stock) echo 400 ;;
	*) echo 50 ;;
	esac
}

parts_disk_check() { # PART...
	local part need
	need=$(for part in "$@"; do part_mib "$part"; done | awk '{ sum += $1 } END { print sum + 256 }')
	disk_check "$need"
}

# Before a first build: how long it will take.
say_build_time() { # PART...
	local part total=0
	for part in "$@"; do
		[ ! -f "$CACHE/build/$part/.coop-stamp" ] || continue
		HISTORY_SECONDS=0
		case $part in
		package-kernel)
			package_kernel_cost "$FLAVOUR"
			build_history "package-kernel-$FLAVOUR" 0 "$FULL_SECONDS"
			[ ! -f "$CACHE/build/package-kernel-$FLAVOUR/.coop-stamp" ] || HISTORY_SECONDS=0
			;;
		kernel) build_history kernel 0 "$KERNEL_SECONDS" ;;
		kernel-debug) build_history kernel-debug 0 "$KERNEL_DEBUG_SECONDS" ;;
		qemu) build_history qemu 0 "$QEMU_SECONDS" ;;
		esac
		total=$((total + HISTORY_SECONDS))
	done
	[ "$total" -eq 0 ] || say "to be built first: about $(((total + 150) / 60)) minutes with $JOBS jobs, sources included"
}

parts_packages() { # PART...: sets PACKAGES
	local part
	PACKAGES="$PACKAGES_BUILD"
	for part in "$@"; do
		case $part in
		kernel | kernel-debug) [ -n "${COOP_LINUX_SRC:-}" ] || PACKAGES+=" $PACKAGES_KERNEL" ;;
		qemu) PACKAGES+=" $PACKAGES_QEMU $PACKAGES_LAB" ;;
		tools) PACKAGES+=" $PACKAGES_TOOLS" ;;
		guest | guest-stock) PACKAGES+=" $PACKAGES_LAB" ;;
		guest-fio) PACKAGES+=" $PACKAGES_LAB $PACKAGES_FIO" ;;
		package-kernel)
			PACKAGES+=" $PACKAGES_PACKAGING"
			[ -n "${COOP_LINUX_SRC:-}" ] || PACKAGES+=" $PACKAGES_KERNEL"
			[[ $FLAVOUR != *amd64 ]] || PACKAGES+=" linux-config-$LINUX_SERIES"
			;;
		package-*) PACKAGES+=" $PACKAGES_PACKAGING" ;;
		esac
	done
}

build_parts() { # PART...
	local part
	local -a parts
	[[ "$*" != *package* ]] || package_flavour
	mapfile -t parts < <(parts_expand "$@")
	parts_disk_check "${parts[@]}"
	parts_packages "${parts[@]}"
	# shellcheck disable=SC2086 # a list of words
	packages_install $PACKAGES
	command -v gcc >/dev/null || die "there is no C compiler in PATH: install gcc, or correct PATH"
	for part in "${parts[@]}"; do
		"build_${part//-/_}"
	done
}
