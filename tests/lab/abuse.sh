#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The job in L1: run a program that needs KVM, and see that KVM can be unloaded afterwards.
# Usage: abuse.sh KERNEL PROGRAM ARG...
#	KERNEL: directory in which L1's kernel was built, with KVM's modules if it has some

set -eu
# shellcheck source=tests/lab/modules.sh
. "$(dirname "$0")/modules.sh"
kernel=$1
shift
modules_load "$kernel"
"$@"
modules_unload
[ ${#MODULES_LEFT[@]} -eq 0 ] || { echo "not unloaded: ${MODULES_LEFT[*]}"; exit 1; }
