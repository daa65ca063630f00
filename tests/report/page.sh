#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The page of sample measurements in headless Chromium: it renders light, dark and on paper, asks for nothing from
# outside and reports no error. Pictures stay in OUT, if given. Skipped where there is no Chromium.

set -eu
tools=${TOOLS:?the directory with coop-report}
command -v chromium >/dev/null || { echo "no chromium here: apt-get install chromium"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=${1:-$work}
mkdir -p "$out" "$work/result"
"$tools/unit/report" sample "$work/result"
"$tools/coop-report" make "$work/result" >"$work/make.log"

render() { # ARG...
	timeout -k 5 60 chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars --no-first-run \
		--user-data-dir="$work/profile" --enable-logging=stderr "$@" "file://$work/result/report.html" \
		>"$work/stdout" 2>"$work/stderr" || { echo "chromium failed on: $*"; cat "$work/stderr"; exit 1; }
	if grep -E 'CONSOLE|ERR_' "$work/stderr"; then
		echo "the page reported an error"
		exit 1
	fi
}

fail=0
render --window-size=1140,3200 --screenshot="$out/light.png"
render --window-size=1140,3200 --blink-settings=preferredColorScheme=0 --screenshot="$out/dark.png"
render --window-size=420,3200 --screenshot="$out/narrow.png"
render --no-pdf-header-footer --print-to-pdf="$out/page.pdf"
render --dump-dom
for picture in light dark narrow; do
	[ "$(wc -c <"$out/$picture.png")" -gt 20000 ] || { echo "$picture.png is as good as empty"; fail=1; }
done
if cmp -s "$out/light.png" "$out/dark.png"; then
	echo "light and dark look the same"
	fail=1
fi
charts=$(grep -c '<svg' "$work/stdout" || true)
[ "$charts" -eq 12 ] || { echo "$charts charts instead of 12"; fail=1; }
exit "$fail"
