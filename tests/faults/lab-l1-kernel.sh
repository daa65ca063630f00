#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# L1's kernel panics, hits a BUG, warns, or stalls: exit status 4 and the line that says so, whatever the job said.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/lab.sh"

provoke() { # FAULT PATTERN MORE_KERNEL_ARGUMENTS
	expect_lab_failure 4 "kernel log: .*$2" --boot-limit 20 --limit 40 --append "coop_fault=$1 $3" -- /bin/true
}

provoke panic "Kernel panic" ""
provoke bug "kernel BUG at" ""
provoke warn "WARNING:" ""
provoke softlockup "soft lockup" watchdog_thresh=2
provoke hung-task "INFO: task .* blocked" sysctl.kernel.hung_task_timeout_secs=3
