#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Every shell script of the project, warnings and style included.

set -eu
cd "$(dirname "$0")/../.."
find . -path ./.git -prune -o -path ./results -prune -o -type f \( -name '*.sh' -o -path ./coop -o -path ./.ci/run \) -print0 |
	xargs -0 -n 4 -P "$(nproc)" shellcheck -x -P scripts:tests/faults:SCRIPTDIR
