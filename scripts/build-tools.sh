# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The project's own programs and unit tests; make knows what is out of date.

tools_make() { # TARGET...
	local log=$CACHE/log/tools.log
	mkdir -p "$CACHE/log" "$CACHE/build/tools"
	child_start "$log" make -C "$COOP_ROOT" "O=$CACHE/build/tools" "-j$JOBS" "$@"
	child_wait || die_with_log "tools failed to build" "$log"
}

build_tools() {
	tools_make tools
	say "tools: up to date"
}
