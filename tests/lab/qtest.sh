#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# QEMU's own tests of virtio-blk, virtio-net, CPU models, hotplug and migration still pass with our patches.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

build=$CACHE/build/qemu
[ -x "$build/qemu-system-x86_64" ] || { echo "no QEMU: ./coop build qemu"; exit 77; }
"$ROOT/scripts/build-qtests.sh"
PASSED=0

# They give QEMU no directory of firmware, and know the target by the program's name.
export QTEST_QEMU_BINARY=$WORK/qemu-system-x86_64
cat >"$QTEST_QEMU_BINARY" <<END
#!/bin/sh
exec '$build/qemu-system-x86_64' -L /usr/share/seabios -L /usr/share/qemu -L /usr/lib/ipxe/qemu "\$@"
END
chmod +x "$QTEST_QEMU_BINARY"

# A test that is skipped is none: there have to be so many that pass.
qtest() { # AT_LEAST PROGRAM [PREFIX]: of GLib's test paths
	local n
	timeout -s KILL 120 "$build/tests/qtest/$2" --tap ${3:+-r "/x86_64/$3"} >"$OUTPUT" 2>&1 || fail "$2 failed (exit $?)"
	n=$(grep -E '^ok ' "$OUTPUT" | grep -vcE '# (SKIP|TODO)') || true
	[ "$n" -ge "$1" ] || fail "$2 ${3:-}: only $n tests passed, not $1"
	PASSED=$((PASSED + n))
}

pci=pc/i440FX-pcihost/pci-bus-pc/pci-bus
qtest 8 qos-test "$pci/virtio-blk-pci"
qtest 6 qos-test "$pci/virtio-net-pci"
qtest 40 test-x86-cpuid-compat
qtest 2 cpu-plug-test
qtest 1 migration-test migration/precopy/unix/plain
echo "$PASSED of QEMU's own tests passed"
