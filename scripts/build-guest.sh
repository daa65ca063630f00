# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The guests' initramfs: PID 1, cyclictest, hackbench, par2 and their libraries, busybox, the benchmarks' own programs, and
# the guest module where there is one.

# Of Debian's packages.
GUEST_PROGRAMS=(/usr/bin/{cyclictest,hackbench,par2})

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
	local applet ko program root=$1
	shift
	mkdir -p "$root"/{bin,dev,proc,run,sys,tmp}
	install -m 755 "$CACHE/build/tools/coop-init" "$root/init"
	install -m 755 /bin/busybox "$root/bin/busybox"
	for applet in sh ls cat mount sleep echo dmesg grep nproc; do
		ln -s busybox "$root/bin/$applet"
	done
	for program in "${GUEST_PROGRAMS[@]}"; do
		initramfs_program "$root" "$program"
	done
	install -m 755 "$CACHE"/build/tools/coop-guest-* "$root/bin/"
	for ko in "$@"; do
		install -D -m 644 "$ko" "$root/lib/modules/coop/${ko##*/}"
	done
}

# One word for what goes into an initramfs.
guest_inputs() { # FILE...
	fingerprint "$CACHE"/build/tools/coop-{init,guest-*} /bin/busybox "${GUEST_PROGRAMS[@]}" "$COOP_ROOT/scripts/build-guest.sh" \
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

# Debian's fio names the libraries of every kind of storage, 80 MiB with what these name. But for a few they are replaced by one
# that only has the names, and traps: the guest's memory is sent at each migration.
FIO_LIBRARIES='(libc|libm|libaio|libnuma|libz)\.so'

# What fio wants and these libraries do not have: name and version. The loader insists on versions.
fio_missing() { # LIBRARY...
	LC_ALL=C join -v 1 <(nm -D --undefined-only /usr/bin/fio |
		awk '$1 == "U" { n = split($2, part, "@"); print part[1], (n > 1 ? part[n] : "FIO") }' | LC_ALL=C sort) \
		<(nm -D --defined-only "$@" | awk 'NF == 3 { sub("@.*", "", $3); print $3 }' | LC_ALL=C sort -u)
}

fio_stub() { # OUT LIBRARY...
	local out=$1
	shift
	fio_missing "$@" >"$out.names"
	awk '{ names[$2] = names[$2] $1 "; " } END { for (v in names) print v " { global: " names[v] "};" }' "$out.names" >"$out.map"
	awk '{ print "void " $1 "(void) { __builtin_trap(); }" }' "$out.names" |
		gcc -w -shared -fPIC "-Wl,--version-script=$out.map" -o "$out" -x c -
}

fio_root() { # DIR
	local lib
	local -a own other
	mapfile -t own < <(ldd /usr/bin/fio | grep -E "^[[:space:]]*(/|$FIO_LIBRARIES)" | grep -oE '/[^ ]+')
	mapfile -t other < <(objdump -p /usr/bin/fio | awk '$1 == "NEEDED" { print $2 }' | grep -vE "^$FIO_LIBRARIES")
	for lib in /usr/bin/fio "${own[@]}"; do
		install -D -m 755 "$lib" "$1$lib"
	done
	fio_stub "$COOP_TMP/stub.so" "${own[@]}"
	for lib in "${other[@]}"; do
		install -D -m 755 "$COOP_TMP/stub.so" "$1/usr/lib/$lib"
	done
}

# A guest with fio, which the others would only carry about. The kernel unpacks one archive after the other.
build_guest_fio() {
	local dir=$CACHE/build/guest root out id
	out=$dir/l2-fio.cpio.gz
	build_guest
	id=$(fingerprint "$dir/l2.cpio.gz" /usr/bin/fio "$COOP_ROOT/scripts/build-guest.sh" </dev/null)
	if stamp_is "$dir/.fio-stamp" "$id"; then
		say "guest-fio: up to date"
		return 0
	fi
	temp_dir
	root=$COOP_TMP/initramfs-fio
	fio_root "$root"
	initramfs_pack "$root" "$out"
	cat "$dir/l2.cpio.gz" >>"$out"
	rm -rf "$root"
	stamp_set "$dir/.fio-stamp" "$id"
	say "guest-fio: $out"
}
