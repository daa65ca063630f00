# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Facts about this machine that more than one command needs.

# Why real KVM cannot run a nested lab here; empty if it can. The node /dev/kvm alone proves nothing.
kvm_why_not() {
	local nested
	[ -e /dev/kvm ] || { echo "there is no /dev/kvm"; return; }
	grep -qwE '^flags.*(svm|vmx)' /proc/cpuinfo || { echo "the CPU shows neither svm nor vmx, whatever /dev/kvm is"; return; }
	if [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
		echo "/dev/kvm is not accessible to this user: join its group"
		return
	fi
	# KVM_CREATE_VM
	python3 -c 'import fcntl, os; fcntl.ioctl(os.open("/dev/kvm", os.O_RDWR), 0xAE01, 0)' 2>/dev/null ||
		{ echo "/dev/kvm cannot create a VM"; return; }
	nested=$(cat /sys/module/kvm_amd/parameters/nested /sys/module/kvm_intel/parameters/nested 2>/dev/null || true)
	[[ $nested == [1Y]* ]] || echo "the kvm module does not allow nesting (parameter nested)"
}

accelerator() {
	if [ -z "$(kvm_why_not)" ]; then
		echo kvm
	else
		echo tcg
	fi
}

distribution() {
	# shellcheck disable=SC1091
	(. /etc/os-release && echo "${PRETTY_NAME:-unknown}") 2>/dev/null || echo unknown
}

memory_mib() {
	awk '/^MemTotal/ { printf "%d\n", $2 / 1024 }' /proc/meminfo
}

git_commit() {
	git -C "$COOP_ROOT" rev-parse --verify -q HEAD 2>/dev/null || echo none
}

git_dirty() {
	if [ -n "$(git -C "$COOP_ROOT" status --porcelain 2>/dev/null | head -n 1)" ]; then
		echo true
	else
		echo false
	fi
}

# What a result has to say about where it came from.
environment_write() { # ACCELERATOR KERNEL CONFIG QEMU COMMIT DIRTY
	local config=$3
	[ -r "$config" ] || config=/dev/null
	jq -n --arg accelerator "$1" --arg kernel "$2" --arg qemu "$4" --arg commit "$5" --argjson dirty "$6" \
		--arg config_hash "$(sha256sum <"$config" | cut -c 1-16)" --argjson cores "$(nproc)" \
		--argjson memory_mib "$(memory_mib)" --arg distribution "$(distribution)" \
		--arg cpu "$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)" \
		--arg date "$(date -u +%Y-%m-%dT%H:%M:%SZ)" '$ARGS.named'
}

environment_json() { # ACCELERATOR
	local build=$CACHE/build/kernel qemu
	qemu=$(cat "$CACHE/tree/qemu/VERSION")
	if [ "$1" = here ]; then
		environment_write kvm "$(uname -r)" "/boot/config-$(uname -r)" "$qemu" "$(git_commit)" "$(git_dirty)"
	else
		environment_write "$1" "$(cat "$build/include/config/kernel.release")" "$build/.config" "$qemu" "$(git_commit)" "$(git_dirty)"
	fi
}
