#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Install the Debian packages named as arguments, those that are missing only.
set -eu

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	[ -n "${FLUXTAP_NO_DEPS:-}" ] && exit 0
	echo "fluxtap: not a Debian or Ubuntu system: install the equivalents of these packages," >&2
	echo "fluxtap: then set FLUXTAP_NO_DEPS=1:" >&2
	echo "  $*" >&2
	exit 3
fi

missing=
for package in "$@"; do
	status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "fluxtap: missing packages, and neither root nor sudo:$missing" >&2
		exit 3
	fi
	as_root=sudo
fi
echo "  DEPS   $missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# Daemons that the lab uses must not start as system services on this machine.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
	$as_root chmod 755 $policy
	trap '$as_root rm -f $policy' EXIT INT TERM
fi
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 $missing
