#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A source whose version is not in the accepted range stops before anything is built.

# shellcheck source=tests/faults/common.sh
. "$(dirname "$0")/common.sh"

isolate
fake=$WORK/fake
mkdir "$fake"
graft=$ROOT/scripts/graft.sh

printf 'VERSION = 5\nPATCHLEVEL = 10\nSUBLEVEL = 7\n' >"$fake/Makefile"
expect_failure 1 'Linux 5\.10\.7 is outside the accepted range 6\.12' env COOP_LINUX_SRC="$fake" "$graft" linux
tar -cf "$WORK/fake.tar" -C "$WORK" fake
expect_failure 1 'Linux 5\.10\.7 is outside' env COOP_LINUX_SRC="$WORK/fake.tar" "$graft" linux
echo 'all:' >"$fake/Makefile"
expect_failure 1 'is no Linux source' env COOP_LINUX_SRC="$fake" "$graft" linux
expect_failure 1 'no Linux source at .*/absent: ' env COOP_LINUX_SRC="$WORK/absent" "$graft" linux

echo 9.2.0 >"$fake/VERSION"
expect_failure 1 'QEMU 9\.2\.0 is outside the accepted range 10\.0' env COOP_QEMU_SRC="$fake" "$graft" qemu
rm "$fake/VERSION"
expect_failure 1 'is no QEMU source' env COOP_QEMU_SRC="$fake" "$graft" qemu
expect_nothing_left
