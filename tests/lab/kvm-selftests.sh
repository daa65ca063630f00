#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The KVM selftests of kvm-coop on one of our kernels, in L1.
# Usage: kvm-selftests.sh kernel|kernel-debug [PATTERN]      PATTERN: part of a test program's name

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/$1/arch/x86/boot/bzImage
case $1 in
kernel) limit=400 ;;
kernel-debug) limit=1200 ;;
esac
[ -f "$image" ] || { echo "no $image: ./coop build $1"; exit 77; }
"$ROOT/scripts/build-selftests.sh"
programs=("$CACHE"/build/selftests/x86_64/*"${2:-}"*_test)
if ! "$LAB" run --out "$OUT" --kernel "$image" --limit "$limit" --append kvm.coop=1 -- \
	"$ROOT/tests/lab/selftests.sh" $((limit / 2)) "${programs[@]}"; then
	grep -hE '^not ok|^# .*(Expected|Assertion|terminated|_test\.c)' "$OUT"/selftests/*.log || true
	fail "selftests failed with $1"
fi
grep -h '^# Totals' "$OUT"/selftests/*.log
