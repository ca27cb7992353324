#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Kernel and native engine on the same mutated messages and frames; make fuzz-differential does more.
cd "$(dirname "$0")/../.." || exit 1
echo 1..2
n=0 failed=0
for what in messages frames; do
	n=$((n + 1))
	if output=$("${BUILD:-build}/tests/tools/differential" $what 20000 2>&1); then
		echo "ok $n - kernel and native engine agree on $what"
	else
		echo "not ok $n - kernel and native engine agree on $what"
		failed=1
	fi
	sed 's/^/# /' <<<"$output"
done
exit $failed
