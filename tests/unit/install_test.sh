#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# packaging/install.sh into a tree of its own: what arrives where, and what it leaves alone.
set -u
cd "$(dirname "$0")/../.." || exit 1
tree=$(mktemp -d) && trap 'rm -rf "$tree"' EXIT
n=0

check() { # NAME COMMAND…
	local name=$1 result=ok
	shift
	"$@" >/dev/null 2>&1 || result='not ok'
	n=$((n + 1))
	echo "$result $n - $name"
}

has_no_placeholder() {
	! grep -rq '@[A-Z]*@' "$tree"
}

verify_unit() { # systemd's own opinion on the sections and keys, where it is installed
	command -v systemd-analyze >/dev/null || return 0
	! systemd-analyze verify --root="$tree" fluxtap.service 2>&1 |
		grep -E 'Unknown (key|section|lvalue)|Invalid|Failed to parse'
}

check 'installs below /usr' sh packaging/install.sh "$tree" /usr /etc
check 'unit' test -f "$tree/usr/lib/systemd/system/fluxtap.service"
check 'unit names the program where it is' \
	grep -q '^ExecStart=/usr/sbin/fluxtap run -c /etc/fluxtap/' \
	"$tree/usr/lib/systemd/system/fluxtap.service"
check 'user' grep -q '^u fluxtap ' "$tree/usr/lib/sysusers.d/fluxtap.conf"
check 'directories' grep -q '^d /var/lib/fluxtap ' "$tree/usr/lib/tmpfiles.d/fluxtap.conf"
check 'sample configuration' cmp packaging/fluxtap.yaml "$tree/etc/fluxtap/fluxtap.yaml"
check 'no placeholder is left' has_no_placeholder
check 'the unit is well-formed' verify_unit

echo '# mine' >>"$tree/etc/fluxtap/fluxtap.yaml"
check 'installs again' sh packaging/install.sh "$tree" /usr /etc
check 'a changed configuration stays' grep -q '^# mine' "$tree/etc/fluxtap/fluxtap.yaml"
check 'the new sample lies beside it' cmp packaging/fluxtap.yaml "$tree/etc/fluxtap/fluxtap.yaml.new"

check 'installs below /usr/local' sh packaging/install.sh "$tree" /usr/local /etc
check 'its unit is where systemd looks' test -f "$tree/etc/systemd/system/fluxtap.service"
echo "1..$n"
