#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Every manual page formats without a warning, and every page that one refers to exists.
set -u
cd "$(dirname "$0")/../.." || exit 1
n=0

result() { # NAME PROBLEMS
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

for page in docs/man/*.[1-8]; do
	result "$page formats without a warning" "$(groff -mdoc -Tutf8 -ww -z "$page" 2>&1)"
	result "$page has text" "$(groff -mdoc -Tascii -P-cbou "$page" 2>&1 | grep -q '^DESCRIPTION' || echo 'no DESCRIPTION')"
	missing=$(grep -oE '^\.Xr fluxtap[a-z.-]* [1-8]' "$page" | while read -r _ name section; do
		[ -e "docs/man/$name.$section" ] || echo "refers to $name($section), which is missing"
	done)
	result "$page refers to pages that exist" "$missing"
done
result 'completion is a valid script' "$(bash -n packaging/completion.bash 2>&1)"
echo "1..$n"
