#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The packages, of the lab's configuration: they install, DKMS builds the guest module, L1 boots the kernel that was
# installed, and a guest that the installed QEMU starts is boosted; so is one of kvm-coop-bench.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

if [ "$(id -u)" -ne 0 ] || ! unshare -m true 2>"$OUTPUT"; then
	echo "dpkg and a layer over the machine's files need root, and mount namespaces"
	exit 77
fi

# DKMS comes into that layer, never onto the machine. Kept for the next time.
dkms_fetch() { # FILE
	[ ! -f "$1" ] || return 0
	mkdir "$WORK/fetch"
	# shellcheck disable=SC2086 # a list of words
	(cd "$WORK/fetch" && apt-get -q -o APT::Sandbox::User=root ${COOP_APT_OPTIONS:-} download dkms) >"$OUTPUT" 2>&1 ||
		fail "dkms cannot be fetched"
	mv "$WORK"/fetch/dkms_*.deb "$1"
}

COOP_PACKAGE_CONFIG=lab "$ROOT/coop" build packages >"$OUTPUT" 2>&1 || fail "the packages do not build"
dkms_fetch "$CACHE/src/dkms.deb"
# A mount namespace of its own: here, where WORK is removed, there are no mounts below it, whatever happens in there.
export WORK ROOT CACHE LAB
rc=0
unshare -m --propagation private bash "$ROOT/tests/lab/layer.sh" || rc=$?
[ "$rc" -ne 77 ] || exit 77
[ "$rc" -eq 0 ] || fail "failed in the layer (exit $rc)"
expect_no_machine
"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
grep -q 'Linux version 6\.12\.[0-9]*-coop-lab ' "$OUT/l1-dmesg.log" || fail "L1 ran another kernel"
grep -qx 'all of it' "$OUT/job-output.log" || fail "the job did not end well: $(cat "$OUT/job-output.log")"
expect_runs 'samples in both modes' '(.vanilla, .coop)."busy-hog".samples > 20'
grants=$(sed -n 's/^grants: //p' "$OUT/job-output.log")
[ "$grants" -gt 20 ] || fail "$grants boosts were granted"
echo "$grants boosts were granted"
