# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Build the lab's kernel out of tree: one image for L1 and L2, and a second one with checks.

# Lines of make's output and seconds of a cold build on 2 cores, until this machine has its own numbers.
KERNEL_LINES=1900
KERNEL_SECONDS=480
KERNEL_DEBUG_LINES=1900
KERNEL_DEBUG_SECONDS=660

# ccache keyed by content: paths below the cache count as relative, the build directory does not count.
# Depend mode reads the compiler's own dependency list, so that a miss costs no second preprocessing.
ccache_env() {
	export CCACHE_DIR=$CACHE/ccache CCACHE_BASEDIR=$CACHE CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
	export CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-3G}
	unset CCACHE_DISABLE CCACHE_READONLY
}

# Same output for the same input, whoever builds where and when.
kernel_make() { # the words of a make command, in KERNEL_MAKE
	KERNEL_MAKE=(make -C "$GRAFT_TREE" "O=$1" "CC=ccache gcc" KBUILD_BUILD_USER=coop KBUILD_BUILD_HOST=lab
		"KBUILD_BUILD_TIMESTAMP=1970-01-01 00:00:00" "KCFLAGS=${KCFLAGS:-}" "-j$JOBS")
}

kernel_fragments() { # kernel|kernel-debug: sets KERNEL_BASE, FRAGMENTS
	KERNEL_BASE=
	FRAGMENTS=("$COOP_ROOT"/configs/{lab,host,guest}.config)
	[ "$1" = kernel ] || FRAGMENTS+=("$COOP_ROOT/configs/debug.config")
}

# Kconfig drops what it cannot have without a word: compare with what was asked for.
config_check() { # NAME CONFIG FRAGMENT...
	local name=$1 config=$2 missing
	shift 2
	missing=$(awk -F= '
		FILENAME == ARGV[1] && /^CONFIG_/ { have[$1] = substr($0, length($1) + 2); next }
		FILENAME != ARGV[1] && /^CONFIG_/ { want[$1] = substr($0, length($1) + 2) }
		END {
			for (o in want)
				# with tracers of its own a kernel has the tracepoints anyway; an empty text may be none
				if (want[o] != (o in have ? have[o] : want[o] == "\"\"" ? want[o] : "n") &&
				    !(o == "CONFIG_ENABLE_DEFAULT_TRACERS" && have["CONFIG_GENERIC_TRACER"] == "y"))
					print o "=" want[o]
		}' "$config" "$@" | LC_ALL=C sort | xargs)
	[ -z "$missing" ] || die "$name: the kernel's configuration does not take: $missing: correct configs/"
}

# What the fragments change: a configuration, packed or not, or the smallest one.
kernel_base() { # DIR
	if [ -n "$KERNEL_BASE" ]; then
		xz -dcf "$KERNEL_BASE" >"$1/.config"
	else
		"${KERNEL_MAKE[@]}" -s tinyconfig
	fi
}

kernel_config() { # NAME DIR
	local log=$CACHE/log/$1-config.log id
	local -a kconfig
	# of what was grafted, only Kconfig files have a say in this
	mapfile -t kconfig < <(grep -E '(^|/)Kconfig' "$GRAFT_TREE.manifest" | sed "s,^,$GRAFT_TREE/,")
	id=$(fingerprint "${FRAGMENTS[@]}" ${KERNEL_BASE:+"$KERNEL_BASE"} ${kconfig[@]+"${kconfig[@]}"} <<<"$LINUX_VERSION $LINUX_ID $(gcc --version | head -n 1)")
	stamp_is "$2/.coop-config" "$id" && return 0
	say "$1: configuring"
	mkdir -p "$CACHE/log"
	{
		kernel_base "$2" &&
			(cd "$GRAFT_TREE" && scripts/kconfig/merge_config.sh -m -O "$2" "$2/.config" "${FRAGMENTS[@]}") &&
			"${KERNEL_MAKE[@]}" -s olddefconfig
	} >"$log" 2>&1 || die_with_log "$1: configuring failed" "$log"
	config_check "$1" "$2/.config" "${FRAGMENTS[@]}"
	# most of the kernel will be compiled again
	rm -f "$2/.coop-stamp"
	stamp_set "$2/.coop-config" "$id"
}

# What the last full build took, so that the next one can say how far it is.
build_history() { # NAME LINES SECONDS: sets HISTORY_LINES, HISTORY_SECONDS
	HISTORY_LINES=$2
	HISTORY_SECONDS=$(($3 * 2 / JOBS))
	if [ -f "$CACHE/log/$1.history" ]; then
		read -r HISTORY_LINES HISTORY_SECONDS <"$CACHE/log/$1.history"
	fi
}

# Configure and compile; LINES is 0 if nobody knows how many there will be.
kernel_compile() { # NAME DIR LINES SECONDS
	local fresh=0
	kernel_make "$2"
	kernel_config "$1" "$2"
	build_history "$1" "$3" "$4"
	# an incremental build has no known number of steps
	[ ! -f "$2/.coop-stamp" ] || HISTORY_LINES=0
	[ -d "$2/init" ] || fresh=1
	job "$1" "$1" "$HISTORY_SECONDS" meter_lines "$HISTORY_LINES" "${KERNEL_MAKE[@]}" bzImage modules
	[ "$fresh" -eq 0 ] || echo "$(wc -l <"$CACHE/log/$1.log") $JOB_SECONDS" >"$CACHE/log/$1.history"
}

kernel_build() { # kernel|kernel-debug LINES SECONDS
	local name=$1 dir=$CACHE/build/$1 id
	graft_linux
	kernel_fragments "$name"
	id=$(fingerprint "${FRAGMENTS[@]}" "$COOP_ROOT/scripts/build-kernel.sh" <<<"$GRAFT_ID $(gcc --version | head -n 1)")
	if stamp_is "$dir/.coop-stamp" "$id"; then
		say "$name: up to date"
		return 0
	fi
	ccache_env
	mkdir -p "$dir"
	kernel_compile "$name" "$dir" "$2" "$3"
	stamp_set "$dir/.coop-stamp" "$id"
}

build_kernel() {
	kernel_build kernel "$KERNEL_LINES" "$KERNEL_SECONDS"
}

build_kernel_debug() {
	kernel_build kernel-debug "$KERNEL_DEBUG_LINES" "$KERNEL_DEBUG_SECONDS"
}
