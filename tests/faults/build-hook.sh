#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Grafting: hooks go in and out again, unchanged files keep their times, and a hook that does not apply
# names itself, its target, the hunk and the version, and changes nothing.

# shellcheck source=tests/faults/common.sh
. "$(dirname "$0")/common.sh"

isolate
project_copy
tree=$XDG_CACHE_HOME/kvm-coop/tree/linux
source=$WORK/linux
hooks=$WORK/project/kernel/hooks/6.12
graft=$WORK/project/scripts/graft.sh
export COOP_LINUX_SRC=$source

mkdir -p "$source/init"
printf 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\n' >"$source/Makefile"
seq 1 20 >"$source/init/a.c"
seq 1 20 >"$source/init/b.c"
rm -rf "${WORK:?}/project/kernel/"* "$WORK/project/guest/kernel/"* "$hooks"
mkdir -p "$hooks" "$WORK/project/kernel/init" "$WORK/project/guest/kernel/hooks/6.12"
: >"$WORK/project/guest/kernel/hooks/6.12/series"

good_hook() { # FILE LINE
	printf -- '--- a/init/%s\n+++ b/init/%s\n@@ -%d,3 +%d,4 @@\n %d\n+new line\n %d\n %d\n' \
		"$1" "$1" "$2" "$2" "$2" $(($2 + 1)) $(($2 + 2))
}

times() {
	(cd "$tree" && find . -type f -printf '%P %T@\n' | LC_ALL=C sort)
}

contents() {
	(cd "$tree" && find . -type f -exec sha256sum {} + | LC_ALL=C sort)
}

good_hook a.c 5 >"$hooks/one.patch"
echo one.patch >"$hooks/series"
echo 'int ours;' >"$WORK/project/kernel/init/ours.c"
"$graft" linux >"$OUTPUT" 2>&1 || fail "a good hook does not apply"
grep -q 'new line' "$tree/init/a.c" || fail "the hook is not in the tree"
[ -f "$tree/init/ours.c" ] || fail "the new file is not in the tree"

# another hook: only its target changes
times >"$WORK/before"
good_hook b.c 7 >"$hooks/two.patch"
echo two.patch >>"$hooks/series"
"$graft" linux >"$OUTPUT" 2>&1 || fail "a second hook does not apply"
times | LC_ALL=C comm -13 "$WORK/before" - | cut -d' ' -f1 >"$WORK/changed"
[ "$(cat "$WORK/changed")" = init/b.c ] || fail "one hook more changed: $(xargs <"$WORK/changed")"

# fuzz is refused: the context is one line off
contents >"$WORK/before"
{ good_hook a.c 12; good_hook b.c 14 | sed 's/^ 15$/ 16/'; } >"$hooks/three.patch"
echo three.patch >>"$hooks/series"
expect_failure 1 'hook kernel/hooks/6\.12/three\.patch does not apply to init/b\.c \(hunk 1 at line 1[0-9]\) of linux 6\.12\.1: ' \
	"$graft" linux
contents | cmp -s - "$WORK/before" || fail "a hook that does not apply changed the tree"
sed -n 's/.*(log: \(.*\))$/\1/p' "$OUTPUT.err" | xargs test -s || fail "the log does not exist"

# a series that names what is not there, and a new file that is upstream's
echo absent.patch >"$hooks/series"
expect_failure 1 'series names absent\.patch' "$graft" linux
: >"$hooks/series"
cp "$source/init/a.c" "$WORK/project/kernel/init/a.c"
expect_failure 1 'kernel/init/a\.c exists upstream' "$graft" linux
contents | cmp -s - "$WORK/before" || fail "a refused graft changed the tree"

# without hooks and new files the tree is pristine again
rm "$WORK/project/kernel/init/"*.c
"$graft" linux >"$OUTPUT" 2>&1 || fail "an empty series is refused"
diff -r "$source" "$tree" >"$OUTPUT" 2>&1 || fail "removed hooks left something behind"
expect_nothing_left
