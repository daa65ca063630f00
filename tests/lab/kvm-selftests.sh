#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The KVM selftests of kvm-coop on one of our kernels, in L1.
# Usage: kvm-selftests.sh kernel|kernel-debug [L1_PARAMETER [PATTERN]]
#	L1_PARAMETER: one more word for the kernel's command line; PATTERN: part of a test program's name

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

build=$CACHE/build/$1
image=$build/arch/x86/boot/bzImage
case $1 in
kernel) limit=600 ;;
kernel-debug) limit=1200 ;;
esac
[ -f "$image" ] || { echo "no $image: ./coop build $1"; exit 77; }
"$ROOT/scripts/build-selftests.sh"
programs=("$CACHE"/build/selftests/x86_64/*"${3:-}"*_test)

# When stolen time is why it runs again: what has passed need not, unless the kernel complained.
before=${COOP_TEST_KEEP:-/nonexistent}
passed_before() { # PROGRAM
	grep -qE '^# Totals: pass:[1-9][0-9]* fail:0 .* skip:0' "$before/selftests/${1##*/}.log" 2>/dev/null
}

left=()
if [ "${COOP_TEST_TRY:-0}" -gt 0 ] && "$LAB" scan "$before"/l1-*.log; then
	for program in "${programs[@]}"; do
		passed_before "$program" || left+=("$program")
	done
fi
if [ ${#left[@]} -gt 0 ]; then
	mkdir "$WORK/passed"
	cp "$before"/selftests/*.log "$WORK/passed" 2>/dev/null || true
	for program in "${left[@]}"; do
		rm -f "$WORK/passed/${program##*/}.log"
	done
	programs=("${left[@]}")
	echo "again: ${programs[*]##*/}"
fi
if ! "$LAB" run --out "$OUT" --kernel "$image" --limit "$limit" --append "kvm.coop=1 ${2:-}" -- \
	"$ROOT/tests/lab/selftests.sh" $((limit / 2)) "$build" "${programs[@]}"; then
	grep -hB 20 '^not ok' "$OUT"/selftests/*.log | grep -v '^ok ' || true
	[ ${#left[@]} -eq 0 ] || cp "$WORK"/passed/*.log "$OUT/selftests/" || true
	fail "selftests failed with $1 ${2:-}"
fi
grep -h '^# Totals' "$OUT"/selftests/*.log
