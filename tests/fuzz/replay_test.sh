#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Run every seed (found by fuzzing, or made) through its driver, instrumented. Speaks TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
drivers=(tests/fuzz/*_fuzz.c)
echo "1..${#drivers[@]}"
n=0 failed=0
for source in "${drivers[@]}"; do
	target=$(basename "$source" _fuzz.c)
	seeds=("tests/data/fuzz/$target"/*)
	n=$((n + 1))
	if [ ! -f "${seeds[0]}" ]; then
		echo "not ok $n - $target has no seeds in tests/data/fuzz/$target"
		failed=1
	elif output=$("build/tests/fuzz/${target}_fuzz" -timeout=10 "${seeds[@]}" 2>&1); then
		echo "ok $n - $target: ${#seeds[@]} seeds"
	else
		echo "not ok $n - $target: ${#seeds[@]} seeds"
		tail -n 30 <<<"$output" | sed 's/^/# /'
		failed=1
	fi
done
exit $failed
