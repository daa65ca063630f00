#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Packages that cannot be built: a name, a configuration, the disk, the compiler. One line each, and nothing is made.

# shellcheck source=tests/faults/common.sh
. "$(dirname "$0")/common.sh"

isolate
expect_failure 2 "unknown part 'package-nonsense': one of .*, package-kernel, " "$ROOT/coop" build package-nonsense
expect_failure 2 "no kernel configuration 'nonsense': amd64, cloud-amd64, lab or a file" \
	env COOP_PACKAGE_CONFIG=nonsense "$ROOT/coop" build package-kernel
expect_failure 1 'disk too small: 1000000\.0 GiB needed .*, [0-9.]+ GiB free: ' \
	env COOP_DISK_NEED_GIB=1000000 "$ROOT/coop" build packages
[ -z "$(find "$XDG_CACHE_HOME/kvm-coop" -mindepth 1 ! -name lock)" ] || fail "something was made nevertheless"

# everything that this machine has, but no compiler
mkdir "$WORK/bin"
find /usr/bin /bin/ -maxdepth 1 ! -type d ! -name '*gcc*' ! -name '*cc' -exec ln -sf -t "$WORK/bin" {} +
expect_failure 1 'no C compiler in PATH: install gcc' \
	env PATH="$WORK/bin:/usr/sbin:/sbin" COOP_PACKAGE_CONFIG=lab "$ROOT/coop" build packages
[ ! -d "$XDG_CACHE_HOME/kvm-coop/packages" ] || fail "there are packages nevertheless"
expect_nothing_left
