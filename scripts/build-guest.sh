# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The guests' initramfs: PID 1, cyclictest, hackbench and their libraries, busybox, the benchmarks' own programs, and the
# guest module where there is one.

# Each run of a build directory sees the same: no time, no owner, a fixed order.
initramfs_pack() { # DIR OUT
	find "$1" -exec touch -h -d @0 {} +
	(cd "$1" && find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc -R 0:0 --reproducible --quiet) |
		gzip -n -6 >"$2.new"
	mv "$2.new" "$2"
}

# A program and every library it names, at the paths of this machine.
initramfs_program() { # DIR PROGRAM
	local lib
	install -D -m 755 "$2" "$1$2"
	while read -r lib; do
		install -D -m 755 "$lib" "$1$lib"
	done < <(ldd "$2" | grep -oE '/[^ ]+')
}

# The modules that were built for a kernel.
guest_modules() { # NAME
	find "$CACHE/build/guest/$1" -name '*.ko' 2>/dev/null | LC_ALL=C sort
}

# Out of tree, with the sources copied so that nothing lands in the checkout; paths between them stay as they are.
guest_modules_make() { # NAME KERNEL_BUILD_DIR
	local dir=$CACHE/build/guest/$1 part id
	local -a inputs
	mapfile -d '' -t inputs < <(files_below "$COOP_ROOT"/{guest/module,tests/guest,kernel/include/uapi})
	id=$(fingerprint "${inputs[@]}" <<<"$2 $(cat "$2/.coop-stamp" "$2/.config" 2>/dev/null | sha256sum)")
	stamp_is "$dir/.coop-stamp" "$id" && return 0
	ccache_env
	mkdir -p "$dir"
	(cd "$COOP_ROOT" && rsync -rlpcR --delete --exclude='*.o' --exclude='*.ko' --exclude='*.mod*' --exclude='.*' \
		--exclude=Module.symvers --exclude=modules.order guest/module tests/guest kernel/include/uapi "$dir/")
	for part in guest/module tests/guest; do
		job "guest-$1-${part##*/}" "$part for the $1 guest" 15 meter_none 0 \
			make -C "$2" "M=$dir/$part" "CC=ccache gcc" "-j$JOBS" modules
	done
	stamp_set "$dir/.coop-stamp" "$id"
}

# The root of an initramfs, with these modules beside it.
guest_root() { # DIR MODULE...
	local applet ko root=$1
	shift
	mkdir -p "$root"/{bin,dev,proc,run,sys,tmp}
	install -m 755 "$CACHE/build/tools/coop-init" "$root/init"
	install -m 755 /bin/busybox "$root/bin/busybox"
	for applet in sh ls cat mount sleep echo dmesg grep nproc; do
		ln -s busybox "$root/bin/$applet"
	done
	initramfs_program "$root" /usr/bin/cyclictest
	initramfs_program "$root" /usr/bin/hackbench
	install -m 755 "$CACHE"/build/tools/coop-guest-* "$root/bin/"
	for ko in "$@"; do
		install -D -m 644 "$ko" "$root/lib/modules/coop/${ko##*/}"
	done
}

# One word for what goes into an initramfs.
guest_inputs() { # FILE...
	fingerprint "$CACHE"/build/tools/coop-{init,guest-*} /bin/busybox /usr/bin/{cyclictest,hackbench} "$COOP_ROOT/scripts/build-guest.sh" \
		"$@" </dev/null
}

build_guest() {
	local dir=$CACHE/build/guest root out id
	local -a own
	out=$dir/l2.cpio.gz
	mkdir -p "$dir"
	build_kernel
	guest_modules_make lab "$CACHE/build/kernel"
	tools_make tools
	[ -x "$CACHE/build/tools/coop-init" ] || die "coop-init was not built: ./coop build tools"
	mapfile -t own < <(guest_modules lab)
	id=$(guest_inputs "${own[@]}")
	if stamp_is "$dir/.coop-stamp" "$id"; then
		say "guest: up to date"
		return 0
	fi
	temp_dir
	root=$COOP_TMP/initramfs
	guest_root "$root" "${own[@]}"
	initramfs_pack "$root" "$out"
	rm -rf "$root"
	stamp_set "$dir/.coop-stamp" "$id"
	say "guest: $out"
}
