#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Part of packages-install.sh, in a mount namespace of its own: a writable layer in memory over the machine's files, in which
# the packages are installed and used. What else of the machine is seen there is read-only.

set -eu
: "${WORK:?packages-install.sh runs this}" "${ROOT:?}" "${CACHE:?}" "${LAB:?}"
TOP=$WORK/top
DEBS=$CACHE/packages
QEMU=/usr/lib/kvm-coop/bin/qemu-system-x86_64

fail() {
	echo "$*" >&2
	exit 1
}

# The layer is over one file system: the system has to lie on that.
layer_possible() {
	mkdir "$WORK/layer" "$TOP"
	! mountpoint -q /usr && ! mountpoint -q /var &&
		mount -t tmpfs -o size=1G tmpfs "$WORK/layer" && mkdir "$WORK/layer/upper" "$WORK/layer/work" &&
		mount -t overlay -o "lowerdir=/,upperdir=$WORK/layer/upper,workdir=$WORK/layer/work" overlay "$TOP"
}

layer_mount() {
	local dir
	if ! layer_possible; then
		echo "no writable layer can be laid over this machine's root"
		exit 77
	fi
	for dir in /proc /dev "$CACHE" "$ROOT" "$WORK"; do
		mkdir -p "$TOP$dir"
		mount --bind "$dir" "$TOP$dir"
		[ "$dir" = "$WORK" ] || mount -o remount,bind,ro "$TOP$dir"
	done
	# the machine's own hooks would make an initramfs and configure its boot loader
	mount -t tmpfs tmpfs "$TOP/etc/kernel"
}

inside() { # COMMAND...
	chroot "$TOP" env PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}

install_all() { # sets RELEASE
	local file
	inside dpkg -i "$CACHE/src/dkms.deb" "$DEBS"/lab/*.deb "$DEBS"/kvm-coop-{guest-dkms,qemu,tools}_*.deb >"$WORK/dpkg.log" 2>&1 ||
		fail "the packages do not install: $(tail -n 30 "$WORK/dpkg.log")"
	RELEASE=$(cd "$TOP/lib/modules" && echo *-coop-lab)
	for file in boot/vmlinuz boot/config; do
		[ -s "$TOP/$file-$RELEASE" ] || fail "$file-$RELEASE is not installed"
	done
}

# For the packaged kernel at its installation, and for the distribution's where its headers are.
dkms_check() { # sets MODULE
	local version headers
	version=$(dpkg-deb -f "$DEBS"/kvm-coop-guest-dkms_*.deb Version)
	MODULE=$TOP/lib/modules/$RELEASE/updates/dkms/kvm_coop_guest.ko
	[ -f "$MODULE" ] || fail "DKMS did not build the module for $RELEASE: $(cat "$WORK/dpkg.log")"
	for headers in /usr/src/linux-headers-6.1.*-amd64 "$CACHE"/src/debian-cloud-*/usr/src/linux-headers-*-amd64; do
		[ -d "$headers" ] || continue
		inside dkms build "kvm-coop-guest/$version" -k "${headers##*/linux-headers-}" --kernelsourcedir "$headers" >"$WORK/dkms.log" 2>&1 ||
			fail "DKMS cannot build the module for ${headers##*/}: $(tail -n 20 "$WORK/dkms.log")"
		echo "DKMS built the module for ${headers##*/linux-headers-}, too"
		break
	done
}

# The lab's guest with the package's module in place of its own, which another kernel would refuse: the second archive wins.
initramfs_with_module() {
	mkdir -p "$WORK/more/lib/modules/coop"
	cp "$MODULE" "$WORK/more/lib/modules/coop/"
	cp "$CACHE/build/guest/l2.cpio.gz" "$WORK/l2.cpio.gz"
	(cd "$WORK/more" && find . -mindepth 1 | cpio -o -H newc --quiet) | gzip -n >>"$WORK/l2.cpio.gz"
}

# It finds its firmware by itself; the lab says where that is.
qemu_check() {
	inside timeout 20 "$QEMU" -M q35 -accel tcg -display none -nodefaults -S -monitor stdio -kernel "/boot/vmlinuz-$RELEASE" \
		-device virtio-net-pci <<<quit >"$WORK/qemu.log" 2>&1 || fail "the packaged QEMU does not start: $(cat "$WORK/qemu.log")"
}

cat >"$WORK/job" <<'END'
set -eu
module=kvm-intel
! grep -qw svm /proc/cpuinfo || module=kvm-amd
modprobe "$module"
echo 1 >/sys/kernel/tracing/events/kvm_coop/kvm_coop_grant/enable
/usr/lib/kvm-coop/bin/coop-bench-cyclictest --modes vanilla,coop --no-aa --cases busy-hog --seconds 2
echo "grants: $(grep -c 'kvm_coop_grant: .*result 0' /sys/kernel/tracing/trace)"
cd /run
kvm-coop-bench cyclictest --modes coop --no-aa --cases idle --seconds 1
test -s kvm-coop-*/report.html
grep -q '"samples":[1-9]' kvm-coop-*/runs.jsonl
echo all of it
END
layer_mount
install_all
dkms_check
qemu_check
initramfs_with_module
inside "$LAB" run --out "$WORK/out" --kernel "/boot/vmlinuz-$RELEASE" --initrd "$WORK/l2.cpio.gz" --qemu "$QEMU" --limit 250 -- \
	bash "$WORK/job" || fail "the lab failed (exit $?): $(cat "$WORK/out/job-output.log")"
