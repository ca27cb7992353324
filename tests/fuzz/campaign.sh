#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# campaign.sh WORK SECONDS TARGET...: fuzz each target for so long, starting from its seeds and what
# earlier campaigns found in WORK. Ends with status 1 when something was found; the input then lies
# in WORK/<target>-crash-*. Each crash, once mended, belongs into tests/data/fuzz/<target>/.
set -eu
work=$1 seconds=$2
shift 2
failed=0
for target in "$@"; do
	mkdir -p "$work/$target" "tests/data/fuzz/$target"
	dict=tests/fuzz/dns.dict
	status=0
	nice -n 10 "${FUZZ_DIR:-build/tests/fuzz}/${target}_fuzz" "$work/$target" \
		"tests/data/fuzz/$target" -dict="$dict" -max_total_time="$seconds" -timeout=10 \
		-rss_limit_mb=2048 -max_len=8192 -print_final_stats=1 \
		-artifact_prefix="$work/$target-" >"$work/$target.log" 2>&1 || status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$target.log")
	cover=$(grep -E 'cov: [0-9]+' "$work/$target.log" | tail -n 1 |
		sed -E 's/.*cov: ([0-9]+) ft: ([0-9]+).*/\1 edges, \2 features/')
	printf '%-10s %12s executions in %s s, %s, status %s\n' "$target" "${runs:-?}" "$seconds" \
		"${cover:-?}" "$status"
	[ "$status" -eq 0 ] || failed=1
done
exit $failed
