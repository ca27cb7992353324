#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Kernel walk and native parser on the same mutated messages; make fuzz-differential does more.
cd "$(dirname "$0")/../.." || exit 1
echo 1..1
if output=$("${BUILD:-build}/tests/tools/differential" 20000 2>&1); then
	echo "ok 1 - kernel and native engine agree"
	sed 's/^/# /' <<<"$output"
else
	echo "not ok 1 - kernel and native engine agree"
	sed 's/^/# /' <<<"$output"
	exit 1
fi
