#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Our kernel and guest code by the rules of the tree it goes into. Skipped until that tree is unpacked.

set -eu
cd "$(dirname "$0")/../.."
cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kvm-coop}
tree=$cache/tree/linux
if [ ! -x "$tree/scripts/checkpatch.pl" ]; then
	echo "no kernel tree yet: ./coop build kernel"
	exit 77
fi
mapfile -d '' -t files < <(find kernel guest tests/guest -type f -name '*.[ch]' ! -name 'trace*.h' -print0 2>/dev/null | LC_ALL=C sort -z)
if [ ${#files[@]} -eq 0 ]; then
	echo "no kernel code"
	exit 77
fi
# Trace headers have a style of their own. What does not fit here: new files have no MAINTAINERS entry, ABI headers have
# no BIT(), lists of fields are macros that cannot be wrapped, and code outside the tree asks for the kernel's version.
ignore=FILE_PATH_CHANGES,BIT_MACRO,COMPLEX_MACRO,MACRO_ARG_REUSE,TRAILING_SEMICOLON,LINUX_VERSION_CODE,CONSTANT_COMPARISON
"$tree/scripts/checkpatch.pl" --root="$tree" --no-tree --strict --terse --no-summary --show-types \
	--ignore="$ignore" --max-line-length=100 -f "${files[@]}"
