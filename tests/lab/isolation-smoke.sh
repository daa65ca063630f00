#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Abusive guests take little from co-tenants, and much if they are not charged: so the benchmark would see it.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
program=$CACHE/build/tools/coop-bench-isolation
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }
ratio() { # MODE CASE METRIC
	sed -nE "s/.*\"mode\":\"$1\",\"case\":\"$2\".*\"$3\":([0-9.e-]+).*/\1/p" "$OUT/runs.jsonl"
}
expect() { # MODE CASE METRIC OPERATOR BAR
	local value
	value=$(ratio "$1" "$2" "$3")
	awk -v v="$value" -v bar="$5" "BEGIN { exit !(v != \"\" && v $4 bar) }" ||
		fail "$2 in $1: $3 is '$value', expected $4 $5: $(cat "$OUT/runs.jsonl")"
}
"$LAB" run --out "$OUT" --kernel "$image" --limit 400 -- "$program" --modes coop,coop-nocharge \
	--cases none,always,badcount,random --seconds 3 || fail "the lab failed (exit $?)"
expect_no_machine
"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
for case in none always badcount random; do
	expect coop "$case" cotenant_fair_ratio_min ">" 0.8
	expect coop "$case" cotenant_fair_ratio_mean ">" 0.9
done
expect coop-nocharge none cotenant_fair_ratio_min ">" 0.8
expect coop-nocharge always cotenant_fair_ratio_mean "<" 0.6
