# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# For jobs in L1 whose kernel may have KVM as modules.

modules_kvm() { # sets MODULES
	local vendor=intel
	! grep -qw svm /proc/cpuinfo || vendor=amd
	MODULES=(virt/lib/irqbypass arch/x86/kvm/kvm "arch/x86/kvm/kvm-$vendor")
}

# Where KVM is built in there is nothing to do, now and afterwards.
modules_load() { # KERNEL_BUILD_DIR
	local module parameter
	MODULES=()
	[ ! -e /dev/kvm ] || return 0
	modules_kvm
	for module in "${MODULES[@]}"; do
		parameter=''
		[ "${module##*/}" != kvm ] || parameter=coop=1
		busybox insmod "$1/$module.ko" $parameter
	done
}

# The last one first; a reference that was lost shows here.
modules_unload() { # sets MODULES_LEFT to the names of those that stay
	local i name
	MODULES_LEFT=()
	for ((i = ${#MODULES[@]} - 1; i >= 0; i--)); do
		name=${MODULES[i]##*/}
		busybox rmmod "${name//-/_}" || MODULES_LEFT+=("$name")
	done
}

# With kmemleak=on: what is allocated between these two and lost, the kernel says in its log, and the lab fails.
KMEMLEAK=/sys/kernel/debug/kmemleak

leaks_watched() {
	grep -qw kmemleak=on /proc/cmdline
}

leaks_begin() {
	leaks_watched || return 0
	echo clear >"$KMEMLEAK"
}

# Nothing that is younger than 5 s counts as lost.
leaks_end() {
	leaks_watched || return 0
	busybox sleep 6
	echo scan >"$KMEMLEAK" || {
		echo "coop: this kernel has no kmemleak, or gave it up: see its log"
		return 1
	}
	busybox head -n 40 "$KMEMLEAK"
}
