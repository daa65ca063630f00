#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# L1 that hangs at boot, never sends the verdict, or whose job crashes.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/lab.sh"

expect_lab_failure 3 "hung: L1 hung at boot: no hello within 12 s" --boot-limit 12 --append coop_fault=hang-boot -- /bin/true
grep -q 'last lines of .*l1-console.log' "$OUTPUT" || fail "the console's last lines are missing"
expect_lab_failure 3 "hung: the run hung: no verdict within 15 s" --limit 15 --append coop_fault=no-verdict -- /bin/true
# shellcheck disable=SC2016 # expanded in L1
expect_lab_failure 1 "was killed by signal 11" --limit 60 -- /bin/sh -c 'kill -SEGV $$'
expect_lab_failure 1 "cannot start /nonexistent: No such file" --limit 60 -- /nonexistent
