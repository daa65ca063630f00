#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# ./coop build: everything, or the parts that are named.

set -eu
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/build-lib.sh
. "$COOP_ROOT/scripts/build-lib.sh"

usage() {
	cat <<END
usage: ./coop build [kernel|kernel-debug|qemu|tools|guest|guest-stock|all]...

  kernel        the host under test (also the guest) in $CACHE/build/kernel
  kernel-debug  the same with KASAN, lockdep and friends, for ./coop test
  qemu          emulator and VMM in $CACHE/build/qemu
  tools         the project's own programs in $CACHE/build/tools
  guest         the guests' initramfs with the guest module
  guest-stock   the same for the distribution's own cloud kernel
  all           kernel, qemu, tools, guest (the default)

COOP_LINUX_SRC and COOP_QEMU_SRC name a source tree or tarball of your own, COOP_JOBS the number of jobs.
END
}

for part in "$@"; do
	case $part in
	kernel | kernel-debug | qemu | tools | guest | guest-stock | all) ;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		usage_error "build: unknown part '$part': one of kernel, kernel-debug, qemu, tools, guest, guest-stock, all"
		;;
	esac
done
supervise_signals
lock_take "build $*"
[ $# -gt 0 ] || set -- all
build_parts "$@"
