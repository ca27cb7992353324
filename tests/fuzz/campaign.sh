#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# campaign.sh WORK SECONDS TARGET...: fuzz each target for so long, starting from its seeds and what
# earlier campaigns found in WORK, FUZZ_JOBS of them at a time (1). A target for which FUZZ_BUDGET
# seconds (unlimited) leave no time is named and fails nothing. Ends with status 1 when something was
# found; the input then lies in WORK/<target>-crash-*. Each crash, once mended, belongs into
# tests/data/fuzz/<target>/.
#
# Edges: of all code linked into the driver, so that no target comes near the whole.
set -u
work=$1 seconds=$2
shift 2
jobs=${FUZZ_JOBS:-1}
budget=${FUZZ_BUDGET:-0}
SECONDS=0

# An input that takes 120 s: that is a hang on the slowest and busiest of machines.
campaign() { # TARGET
	local target=$1 log=$work/$1.log status=0 runs edges all features
	if [ "$budget" -gt 0 ] && [ $((SECONDS + seconds)) -gt "$budget" ]; then
		echo "$target: not run, no time left"
		return
	fi
	mkdir -p "$work/$target" "tests/data/fuzz/$target"
	rm -f "$work/$target.failed"
	nice -n 10 "${FUZZ_DIR:-build/tests/fuzz}/${target}_fuzz" "$work/$target" \
		"tests/data/fuzz/$target" -dict=tests/fuzz/dns.dict -max_total_time="$seconds" \
		-timeout=120 -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1 \
		-artifact_prefix="$work/$target-" >"$log" 2>&1 || status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	all=$(sed -nE 's/^INFO: Loaded 1 modules *\(([0-9]+) inline.*/\1/p' "$log" | head -n 1)
	read -r edges features < <(sed -nE 's/.* cov: ([0-9]+) ft: ([0-9]+).*/\1 \2/p' "$log" | tail -n 1)
	printf '%-10s %12s executions in %s s, %s of %s edges, %s features, status %s\n' "$target" \
		"${runs:-?}" "$seconds" "${edges:-?}" "${all:-?}" "${features:-?}" "$status"
	if [ "$status" -ne 0 ]; then
		touch "$work/$target.failed"
		grep -E '^SUMMARY|runtime error|Test unit written' "$log" | sed 's/^/    /'
	fi
}

mkdir -p "$work"
for target in "$@"; do
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
		wait -n
	done
	campaign "$target" &
done
wait
failed=0
for target in "$@"; do
	[ ! -e "$work/$target.failed" ] || failed=1
done
exit $failed
