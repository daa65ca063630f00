#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# coopstat refuses wrong options, each with one line.

# shellcheck source=tests/faults/common.sh
. "$(dirname "$0")/common.sh"

coopstat=$TOOLS/coopstat
expect_failure 2 'interval 0: give 0.1 to 3600 seconds' "$coopstat" --interval 0
expect_failure 2 'interval -1: give' "$coopstat" --interval=-1
expect_failure 2 'interval nan: give' "$coopstat" --interval nan
expect_failure 2 'interval 1x: give' "$coopstat" --interval 1x
expect_failure 2 'average soon: give' "$coopstat" --average soon
expect_failure 2 'average 1000: at most 126 times' "$coopstat" --average 1000
expect_failure 2 'count' "$coopstat" --count 0
expect_failure 2 'see coopstat --help' "$coopstat" --interval
expect_failure 2 'see coopstat --help' "$coopstat" --speed
expect_failure 2 'one of them, once' "$coopstat" --plain --json
expect_failure 2 "'now' is no option" "$coopstat" now
"$coopstat" --help | grep -q '^usage: coopstat' || fail "no help"
[ -d /sys/kernel/debug/kvm ] || expect_failure 2 'run as root, with debugfs mounted' "$coopstat" --plain
