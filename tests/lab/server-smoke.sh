#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The benchmarks of vCPUs that are interfered with: a server's throughput and latency, with the rate that was asked for;
# and parallel programs, of which Debian's par2 is one. They refuse what they cannot do.

# shellcheck source=tests/faults/lab.sh
. "$(dirname "$0")/../faults/lab.sh"

image=$CACHE/build/kernel/arch/x86/boot/bzImage
[ -f "$image" ] || { echo "no $image: ./coop build kernel"; exit 77; }

expect_failure 2 "unknown case 'open30-3of2'" "$CACHE/build/tools/coop-bench-server" --cases open30-3of2
expect_failure 2 "unknown case 'blocking-3of2'" "$CACHE/build/tools/coop-bench-barrier" --cases blocking-3of2
expect_failure 2 "unknown mode 'static'" "$CACHE/build/tools/coop-bench-barrier" --modes static

run() { # BENCHMARK MODE ARG...
	local program=$CACHE/build/tools/coop-bench-$1 mode=$2
	shift 2
	rm -rf "$OUT"
	"$LAB" run --out "$OUT" --kernel "$image" --limit 150 -- "$program" --modes "$mode" --no-aa --grace 4000 "$@" ||
		fail "the lab failed (exit $?)"
	expect_no_machine
	"$LAB" scan "$OUT"/l1-*.log "$OUT"/l2/*.log || fail "splat in a kernel log"
}

# 5 ms of work each: 1.5 pCPUs serve 300 per second, if nothing is lost; a busy emulator makes it less
run server coop --cases closed-1of2,open30-1of2 --seconds 2
expect_runs 'requests served' '.coop."closed-1of2" | .requests_per_s > 30 and .requests_per_s < 330'
expect_runs 'the requests that were meant' \
	'.coop."open30-1of2" | .offered_per_s < 100 and (.requests_per_s / .offered_per_s | . > 0.6 and . < 1.6)'
expect_runs 'no request sooner than its work' \
	'.coop."open30-1of2" | .p50_us > 4000 and .p99_us >= .p50_us and .guest_max_us >= .p99_us'
expect_runs 'more work in the closed loop' '.coop | ."closed-1of2".load_share > ."open30-1of2".load_share'
expect_runs 'a co-tenant beside one vCPU, and preemptions' \
	'.coop."closed-1of2" | .cotenant_share_min > 0.2 and .vcpu_share > 0.5 and .preempted_per_s > 1'
expect_runs 'as many as come in 2 s' '.coop."open30-1of2" | .samples - 2 * .offered_per_s | . > -3 and . < 3'
samples=$(jq -r 'select(.case == "open30-1of2").metrics.samples' "$OUT/runs.jsonl")
grep -qx "# samples $samples" "$OUT"/hist/server-open30-1of2-coop-1-guest.hist || fail "no histogram of the requests"

run barrier coop --cases blocking-1of2,openmp-0of2,openmp-1of2 --seconds 1
expect_runs 'programs that end, none sooner than its work' 'all(.coop[]; .runtime_ms > 100 and .ideal_ratio > 0.9)'
expect_runs 'a co-tenant beside one vCPU, and preemptions' \
	'.coop."openmp-1of2" | .cotenant_share_min > 0.2 and .vcpu_share > 0.5 and .preempted_per_s > 1'

# the co-tenant's pCPU is the worse one, so both vCPUs want the other
run barrier coop-spread --unpinned --cases blocking-1of2 --seconds 1
expect_runs 'vCPUs that wake apart' '.["coop-spread"]."blocking-1of2" | .spread_per_s > 0 and .ideal_ratio > 0.9'
