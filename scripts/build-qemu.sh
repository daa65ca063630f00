# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Build the one QEMU that is both the emulator of L1 and the VMM of L2.

QEMU_SECONDS=270

# Only what the lab uses: everything else costs build time.
QEMU_CONFIGURE=(--python=/usr/bin/python3 --target-list=x86_64-softmmu --without-default-features --enable-system
	--enable-kvm --enable-tcg --enable-linux-io-uring --enable-virtfs --enable-attr --enable-vhost-net
	--enable-vhost-kernel --enable-trace-backends=log --disable-docs --disable-werror --disable-download
	--disable-install-blobs --without-default-devices --with-devices-x86_64=coop
	--extra-cflags=-Werror=implicit-function-declaration)

# The build's own Python environment holds on to Meson's path: configure again when that moves.
qemu_configure() { # DIR ID
	stamp_is "$1/.coop-config" "$2" && return 0
	rm -rf "$1"
	mkdir -p "$1"
	job qemu-config "qemu: configuring" 25 meter_none 0 env -C "$1" "PYTHONPATH=$MESON_PATH" \
		"$GRAFT_TREE/configure" "--cc=ccache gcc" "${QEMU_CONFIGURE[@]}"
	stamp_set "$1/.coop-config" "$2"
}

build_qemu() {
	local dir=$CACHE/build/qemu id fresh=0
	graft_qemu
	source_meson
	id=$(fingerprint <<<"$GRAFT_ID $MESON_SRC ${QEMU_CONFIGURE[*]} $(gcc --version | head -n 1)")
	if stamp_is "$dir/.coop-stamp" "$id"; then
		say "qemu: up to date"
		return 0
	fi
	ccache_env
	qemu_configure "$dir" "$(fingerprint <<<"$QEMU_VERSION $MESON_SRC ${QEMU_CONFIGURE[*]}")"
	[ -e "$dir/libqemuutil.a" ] || fresh=1
	build_history qemu 0 "$QEMU_SECONDS"
	job qemu qemu "$HISTORY_SECONDS" meter_ninja 0 env "PYTHONPATH=$MESON_PATH" ninja -C "$dir" -j "$JOBS" qemu-system-x86_64
	[ "$fresh" -eq 0 ] || echo "0 $JOB_SECONDS" >"$CACHE/log/qemu.history"
	stamp_set "$dir/.coop-stamp" "$id"
}
