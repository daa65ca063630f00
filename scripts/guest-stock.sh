# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# A guest that runs the distribution's unmodified cloud kernel: its packages are unpacked, never installed.

STOCK_PACKAGE=linux-image-cloud-amd64
# what its PID 1 needs to find the lab's port; all else is built in
STOCK_MODULES="virtio_pci virtio_console"

stock_lists() {
	apt-cache show "$STOCK_PACKAGE" >/dev/null 2>&1 && return 0
	apt_as_root apt-update update || die_no_archive
	apt-cache show "$STOCK_PACKAGE" >/dev/null 2>&1 ||
		die "the archive has no $STOCK_PACKAGE: use a Debian archive, or do without the stock guest"
}

stock_depends() { # PACKAGE: those that are parts of the kernel
	apt-cache depends "$1" | sed -nE 's/^ *Depends: (linux-(image|headers|kbuild)-.*)/\1/p'
}

stock_download() { # DIR
	local image headers
	image=$(stock_depends "$STOCK_PACKAGE")
	headers=${image/image/headers}
	mkdir -p "$1"
	# shellcheck disable=SC2046 # a list of words
	apt_logged stock-fetch env -C "$1" "${APT[@]}" download "$image" "$headers" $(stock_depends "$headers")
}

# Lists older than the archive name a version that is gone: an update cures that.
stock_fetch() { # DIR
	local deb
	stock_lists
	temp_dir
	say "downloading $STOCK_PACKAGE and its headers"
	if ! stock_download "$COOP_TMP/stock"; then
		apt_as_root apt-update update || die_no_archive
		stock_download "$COOP_TMP/stock" || die_no_archive
	fi
	rm -rf "$1"
	for deb in "$COOP_TMP"/stock/*.deb; do
		dpkg-deb -x "$deb" "$1"
	done
	rm -rf "$COOP_TMP/stock"
}

# Sets STOCK_DIR and STOCK_VERSION. Unpacked once: the same kernel until the cache is removed.
source_stock() {
	local note=$CACHE/src/debian-cloud.note new=$CACHE/src/debian-cloud.unpack
	mkdir -p "$CACHE/src"
	if ! STOCK_DIR=$(unpacked "$note" "$STOCK_PACKAGE"); then
		stock_fetch "$new"
		STOCK_DIR=$new
	fi
	STOCK_VERSION=$(basename "$STOCK_DIR"/lib/modules/*)
	[ -f "$STOCK_DIR/boot/vmlinuz-$STOCK_VERSION" ] || die "$STOCK_DIR has no kernel: remove it and run again"
	[ "$STOCK_DIR" = "$new" ] || return 0
	unpacked_as "$new" "$CACHE/src/debian-cloud-$STOCK_VERSION" "$note" "$STOCK_PACKAGE"
	STOCK_DIR=$CACHE/src/debian-cloud-$STOCK_VERSION
	# the packages expect to lie in /
	sed -i "s|^include /usr/src/|include $STOCK_DIR/usr/src/|" "$STOCK_DIR/usr/src/linux-headers-$STOCK_VERSION/Makefile"
	/sbin/depmod -b "$STOCK_DIR" "$STOCK_VERSION"
}

# The kernel's own modules with what they depend on, in an order that works.
stock_kernel_modules() {
	# shellcheck disable=SC2086 # a list of words
	/sbin/modprobe -d "$STOCK_DIR" -S "$STOCK_VERSION" --show-depends -a $STOCK_MODULES |
		awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

build_guest_stock() {
	local dir=$CACHE/build/guest root ko id
	local -a own
	source_stock
	guest_modules_make stock "$STOCK_DIR/usr/src/linux-headers-$STOCK_VERSION"
	tools_make tools
	mapfile -t own < <(guest_modules stock)
	id=$(guest_inputs "${own[@]}" "$STOCK_DIR/boot/vmlinuz-$STOCK_VERSION" "$COOP_ROOT/scripts/guest-stock.sh")
	if stamp_is "$dir/.stock-stamp" "$id"; then
		say "guest-stock: up to date"
		return 0
	fi
	temp_dir
	root=$COOP_TMP/initramfs-stock
	guest_root "$root" "${own[@]}"
	while read -r ko; do
		install -D -m 644 "$ko" "$root/lib/modules/coop/${ko##*/}"
		echo "${ko##*/}" >>"$root/lib/modules/coop/order"
	done < <(stock_kernel_modules)
	initramfs_pack "$root" "$dir/l2-stock.cpio.gz"
	rm -rf "$root"
	install -m 644 "$STOCK_DIR/boot/vmlinuz-$STOCK_VERSION" "$dir/stock-vmlinuz"
	stamp_set "$dir/.stock-stamp" "$id"
	say "guest-stock: $dir/l2-stock.cpio.gz, Linux $STOCK_VERSION"
}
