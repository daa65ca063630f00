# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The project's own programs and unit tests; make knows what is out of date.

tools_current() {
	local dir=$CACHE/build/tools
	stamp_is "$dir/.coop-stamp" "$COOP_ROOT" && make -C "$COOP_ROOT" "O=$dir" -q tools >/dev/null 2>&1
}

tools_make() { # TARGET...
	local log=$CACHE/log/tools.log dir=$CACHE/build/tools
	# sources of another checkout may be older than the objects, and different
	if ! stamp_is "$dir/.coop-stamp" "$COOP_ROOT"; then
		rm -rf "$dir"
		mkdir -p "$dir"
		stamp_set "$dir/.coop-stamp" "$COOP_ROOT"
	fi
	mkdir -p "$CACHE/log"
	child_start "$log" make -C "$COOP_ROOT" "O=$dir" "-j$JOBS" "$@"
	child_wait || die_with_log "tools failed to build" "$log"
}

build_tools() {
	tools_make tools
	say "tools: up to date"
}
