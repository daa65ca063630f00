#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# ./coop build: everything, or the parts that are named.

set -eu
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/build-lib.sh
. "$COOP_ROOT/scripts/build-lib.sh"

PARTS="kernel kernel-debug qemu tools guest guest-stock guest-fio all package-kernel package-guest package-qemu package-tools packages"

usage() {
	cat <<END
usage: ./coop build [PART]...

  kernel        the host under test (also the guest) in $CACHE/build/kernel
  kernel-debug  the same with KASAN, lockdep and friends, for ./coop test
  qemu          emulator and VMM in $CACHE/build/qemu
  tools         the project's own programs in $CACHE/build/tools
  guest         the guests' initramfs with the guest module
  guest-stock   the same for the distribution's own cloud kernel
  guest-fio     guest with fio, for ./coop test
  all           kernel, qemu, tools, guest (the default)

Debian packages for other machines, in $CACHE/packages (docs/hardware.md):

  package-kernel  the host kernel: linux-image-*-coop, linux-headers-*-coop
  package-guest   the guest module, which DKMS builds where it is installed
  package-qemu    QEMU below /usr/lib/kvm-coop
  package-tools   coopstat and the benchmarks
  packages        all four

COOP_PACKAGE_CONFIG says which configuration the packaged kernel has, beside Kconfig.fragment:
  amd64        Debian's, for any hardware (the default): an estimated 5 hours and 8 GiB on 2 cores
  cloud-amd64  Debian's for virtual machines: an estimated 1 1/2 hours
  lab          the lab's own, which boots in the lab only: 2 minutes after kernel; in packages/lab
  FILE         another one, for instance /boot/config-\$(uname -r)
What is interrupted goes on where it was.

COOP_LINUX_SRC and COOP_QEMU_SRC name a source tree or tarball of your own, COOP_JOBS the number of jobs.
END
}

packages=0
for part in "$@"; do
	case $part in
	-h | --help)
		usage
		exit 0
		;;
	package*) packages=1 ;;
	esac
	[[ " $PARTS " == *" $part "* ]] || usage_error "build: unknown part '$part': one of ${PARTS// /, }"
done
[ "$packages" -eq 0 ] || package_flavour
supervise_signals
lock_take "build $*"
[ $# -gt 0 ] || set -- all
if [ "$packages" -eq 1 ]; then
	# shellcheck disable=SC2046 # a list of words
	say_build_time $(parts_expand "$@")
fi
build_parts "$@"
