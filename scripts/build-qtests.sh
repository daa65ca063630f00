#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Build those of QEMU's own qtests that concern what our patches touch, with the QEMU that is there.

set -eu
# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/build-lib.sh
. "$COOP_ROOT/scripts/build-lib.sh"

QTESTS=(qos-test test-x86-cpuid-compat cpu-plug-test migration-test)

supervise_signals
lock_take build-qtests
build_parts qemu
ccache_env
job qtests "QEMU's qtests" 40 meter_ninja 0 env "PYTHONPATH=$MESON_PATH" ninja -C "$CACHE/build/qemu" -j "$JOBS" \
	"${QTESTS[@]/#/tests/qtest/}"
