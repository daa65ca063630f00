# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Debian packages: the host kernel by its own bindeb-pkg, all else by packaging/debian.

DEB_DIR=$CACHE/packages
# Sets FLAVOUR, KERNEL_BASE and FRAGMENTS: which configuration the kernel's package has.
package_flavour() {
	FLAVOUR=${COOP_PACKAGE_CONFIG:-amd64}
	FRAGMENTS=("$COOP_ROOT/Kconfig.fragment" "$COOP_ROOT/configs/package.config")
	case $FLAVOUR in
	lab)
		kernel_fragments kernel
		FRAGMENTS+=("$COOP_ROOT/configs/package-lab.config")
		;;
	amd64 | cloud-amd64) KERNEL_BASE=/usr/src/linux-config-$LINUX_SERIES/config.amd64_none_$FLAVOUR.xz ;;
	*)
		[ -f "$FLAVOUR" ] ||
			usage_error "COOP_PACKAGE_CONFIG: there is no kernel configuration '$FLAVOUR': amd64, cloud-amd64, lab or a file"
		KERNEL_BASE=$(readlink -f "$FLAVOUR")
		FLAVOUR=own
		;;
	esac
}

# Sets FULL_MIB and FULL_SECONDS: what a build costs on 2 cores, until it has a history. But for the lab's these are estimates
# from a sample of drivers; how many lines of output there will be is not known.
# shellcheck disable=SC2034 # build-lib.sh reads one of them
package_kernel_cost() { # FLAVOUR
	case $1 in
	lab) FULL_MIB=700 FULL_SECONDS=60 ;;
	cloud-amd64) FULL_MIB=2500 FULL_SECONDS=5400 ;;
	*) FULL_MIB=8000 FULL_SECONDS=18000 ;;
	esac
}

# Sets PACKAGE_EPOCH and PACKAGE_TAG from the last commit to the files that make up a package: the same for the same content.
# Who builds it is its maintainer, as Debian's own tools have it.
package_version() { # PATH...
	local commit='' dirty=''
	export DEBFULLNAME=${DEBFULLNAME:-$(id -un)} DEBEMAIL=${DEBEMAIL:-$(id -un)@$(hostname)}
	if commit=$(git -C "$COOP_ROOT" log -1 --format='%ct g%h' --abbrev=10 -- "$@" 2>/dev/null) && [ -n "$commit" ]; then
		PACKAGE_EPOCH=${commit% *} commit=.${commit#* }
		[ -z "$(git -C "$COOP_ROOT" status --porcelain -- "$@" | head -n 1)" ] || dirty=.dirty
	else
		commit=
		PACKAGE_EPOCH=${SOURCE_DATE_EPOCH:-$(cd "$COOP_ROOT" && find "$@" -type f -printf '%T@\n' | sort -n | tail -n 1 | cut -d. -f1)}
	fi
	PACKAGE_TAG=$(date -u -d "@$PACKAGE_EPOCH" +%Y%m%d%H%M%S)$commit$dirty
}

# One line each; a package's older versions go.
package_publish() { # DIR DEB...
	local out=$1 deb name
	shift
	mkdir -p "$out"
	for deb in "$@"; do
		name=$(dpkg-deb -f "$deb" Package)
		rm -f "$out/${name}"_*.deb
		mv "$deb" "$out/"
		deb=$out/${deb##*/}
		say "$deb: $(($(stat -c %s "$deb") / 1024)) KiB, $(dpkg-deb -f "$deb" Description | head -n 1)"
	done
}

package_up_to_date() { # PART STAMP ID DIR
	stamp_is "$2" "$3" || return 1
	say "$1: up to date, in $4"
}

# ---- the host kernel ----------------------------------------------------------------------------------

# The lab's objects are its package's, too. The kernel's tools note absolute paths: what they built counts as another thing
# elsewhere, and all objects would have to be compiled again after objtool.
package_kernel_seed() { # DIR
	[ -f "$CACHE/build/kernel/.coop-stamp" ] || return 0
	! cmp -s "$CACHE/build/kernel/.coop-stamp" "$1/.coop-seed" || return 0
	say "package-kernel: starting from the lab's build"
	rm -rf "$1.new"
	cp -a --reflink=auto "$CACHE/build/kernel" "$1.new"
	rm -f "$1.new"/.coop-*
	cp "$CACHE/build/kernel/.coop-stamp" "$1.new/.coop-seed"
	grep -rlZF --include='.*.cmd' "$CACHE/build/kernel/" "$1.new/tools" | xargs -0 sed -i "s,$CACHE/build/kernel/,$1/,g"
	rm -rf "$1"
	mv "$1.new" "$1"
}

# The changelog's date is the only thing that bindeb-pkg takes from the clock. make would take one of two blanks away.
package_kernel_pack() { # NAME VERSION
	local date compress=xz
	# nobody keeps the lab's
	[ "$FLAVOUR" != lab ] || compress=gzip
	date=$(date -R -u -d "@$PACKAGE_EPOCH")
	# shellcheck disable=SC2153 # kernel_make sets it
	job "$1-deb" "$1: packing" 60 meter_none 0 env KBUILD_VERBOSE=0 "SOURCE_DATE_EPOCH=$PACKAGE_EPOCH" \
		"${KERNEL_MAKE[@]}" \
		"KDEB_PKGVERSION=$2" "KDEB_COMPRESS=$compress" KDEB_SOURCENAME=linux-coop KDEB_CHANGELOG_DIST=unstable \
		"DPKG_FLAGS=--hook-init='sed -i \"s/>.*/>\\x20\\x20$date/\" debian/changelog'" bindeb-pkg
}

# The build directory lies beside the lab's: sources have the same relative paths from both, and packages land in build/.
build_package_kernel() {
	local name dir out id version
	package_flavour
	graft_linux
	package_version kernel configs Kconfig.fragment VERSIONS
	version=$LINUX_VERSION+coop$PACKAGE_TAG-1
	name=package-kernel-$FLAVOUR
	dir=$CACHE/build/$name
	out=$DEB_DIR
	[ "$FLAVOUR" != lab ] || out=$DEB_DIR/lab
	id=$(fingerprint "${FRAGMENTS[@]}" ${KERNEL_BASE:+"$KERNEL_BASE"} "$COOP_ROOT"/scripts/build-{kernel,packages}.sh \
		<<<"$GRAFT_ID $version $(gcc --version | head -n 1)")
	package_up_to_date package-kernel "$out/.$name-stamp" "$id" "$out" && return 0
	ccache_env
	if [ "$FLAVOUR" = lab ]; then
		package_kernel_seed "$dir"
	else
		# make knows what is done, and this would push the lab's objects out
		export CCACHE_DISABLE=1
	fi
	mkdir -p "$dir"
	package_kernel_cost "$FLAVOUR"
	kernel_compile "$name" "$dir" 0 "$FULL_SECONDS"
	touch "$dir/.coop-stamp"
	rm -f "$CACHE"/build/linux-*coop*
	package_kernel_pack "$name" "$version"
	package_publish "$out" "$CACHE"/build/linux-{image,headers}-*.deb
	rm -f "$CACHE"/build/linux-*coop*
	stamp_set "$out/.$name-stamp" "$id"
}

# ---- packaging/debian ---------------------------------------------------------------------------------

# Make one of its packages of the files in STAGE.
package_debian() { # NAME VERSION STAGE
	local name=kvm-coop-$1
	cp -r "$COOP_ROOT/packaging/debian" "$3/"
	sed -i "s/^Maintainer:.*/Maintainer: $DEBFULLNAME <$DEBEMAIL>/" "$3/debian/control"
	printf '%s (%s) unstable; urgency=low\n\n  * As of this commit.\n\n -- %s <%s>  %s\n' \
		kvm-coop "$2" "$DEBFULLNAME" "$DEBEMAIL" "$(date -R -u -d "@$PACKAGE_EPOCH")" >"$3/debian/changelog"
	job "package-$1" "package-$1: packing" 10 meter_none 0 env -C "$3" "SOURCE_DATE_EPOCH=$PACKAGE_EPOCH" \
		"COOP_PACKAGE=$name" DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage -b -us -uc
	package_publish "$DEB_DIR" "$3"/../"$name"_*.deb
}

# Sets STAGE to an empty directory, unless the package is there already.
package_stage() { # NAME VERSION FILE...
	local name=$1 version=$2
	local -a own
	shift 2
	STAGE=$CACHE/build/package-$name/stage
	mapfile -d '' -t own < <(files_below "$COOP_ROOT/packaging/debian")
	PACKAGE_ID=$(fingerprint "${own[@]}" "$COOP_ROOT/scripts/build-packages.sh" "$@" <<<"$version")
	package_up_to_date "package-$name" "$DEB_DIR/.$name-stamp" "$PACKAGE_ID" "$DEB_DIR" && return 1
	rm -rf "${STAGE%/*}"
	mkdir -p "$STAGE"
}

build_package_guest() {
	local version header=kernel/include/uapi/linux/kvm_coop.h
	local -a files
	mapfile -d '' -t files < <(cd "$COOP_ROOT" && find guest/module guest/README.md "$header" -type f \
		\( -name '*.[ch]' -o -name 'Kbuild*' -o -name Makefile -o -name README.md \) ! -name '*.mod.c' -print0 | LC_ALL=C sort -z)
	package_version guest/module guest/README.md "$header" packaging
	version=0.$PACKAGE_TAG
	package_stage guest "$version" "${files[@]/#/$COOP_ROOT/}" || return 0
	(cd "$COOP_ROOT" && cp --parents "${files[@]}" "$STAGE/")
	package_debian guest-dkms "$version" "$STAGE"
	stamp_set "$DEB_DIR/.guest-stamp" "$PACKAGE_ID"
}

build_package_qemu() {
	local version program=$CACHE/build/qemu/qemu-system-x86_64
	package_version qemu-patches VERSIONS packaging scripts/build-qemu.sh
	version=$QEMU_VERSION+coop$PACKAGE_TAG
	package_stage qemu "$version" "$program" || return 0
	cp "$program" "$STAGE/"
	package_debian qemu "$version" "$STAGE"
	stamp_set "$DEB_DIR/.qemu-stamp" "$PACKAGE_ID"
}

# A guest to measure comes along: the lab's kernel and its initramfs.
build_package_tools() {
	local version build=$CACHE/build
	local -a files=("$build"/tools/coop-bench-* "$build"/tools/{coop-lab,coop-report,coopstat} "$build/guest/l2.cpio.gz"
		"$COOP_ROOT/scripts/machine.sh")
	package_version bench lab tools kernel guest scripts configs packaging VERSIONS
	version=0.$PACKAGE_TAG
	package_stage tools "$version" "${files[@]}" "$build/kernel/arch/x86/boot/bzImage" || return 0
	cp "${files[@]}" "$STAGE/"
	cp "$build/kernel/arch/x86/boot/bzImage" "$STAGE/vmlinuz"
	echo "$PACKAGE_TAG" >"$STAGE/version"
	package_debian tools "$version" "$STAGE"
	stamp_set "$DEB_DIR/.tools-stamp" "$PACKAGE_ID"
}
