#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# fetch.sh DIR: put Debian's cloud kernels into DIR/<version>/, each with boot/vmlinuz-* and its
# modules. Uses apt with lists, cache and sources of its own below DIR: the system's stay as they
# are. What is there already is not fetched again.
set -eu
dir=$(mkdir -p "$1" && cd "$1" && pwd)
arch=${2:-amd64}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
suites=${KERNEL_SUITES:-bullseye bookworm trixie sid}

# A list of today's answers without asking apt, which takes its time.
if [ -n "$(find "$dir/releases" -mtime -1 2>/dev/null)" ]; then
	cat "$dir/releases"
	exit 0
fi

mkdir -p "$dir/apt/state/lists/partial" "$dir/apt/cache/archives/partial"
for suite in $suites; do
	echo "deb [signed-by=$keyring] $mirror $suite main"
done >"$dir/apt/sources.list"
[ -e "$dir/apt/status" ] || : >"$dir/apt/status"
export APT_CONFIG=$dir/apt/apt.conf
cat >"$APT_CONFIG" <<CONF
Dir::State "$dir/apt/state";
Dir::State::status "$dir/apt/status";
Dir::Cache "$dir/apt/cache";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Dir::Etc::sourcelist "$dir/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Acquire::Languages "none";
APT::Architecture "$arch";
APT::Architectures { "$arch"; };
APT::Sandbox::User "root";
CONF

# The package lists are a day's worth: old enough to be gone from the mirror is not wanted.
if [ -z "$(find "$dir/apt/state/lists" -name '*_Packages*' -mtime -1 | head -1)" ]; then
	apt-get -qq update
fi

depends() { # PACKAGE PATTERN: its dependencies that match
	apt-cache show "$1" | sed -n 's/^Depends: //p' | tr ',|' '\n\n' |
		sed -n "s/^ *\\($2[^ ]*\\).*/\\1/p" | sort -u
}

for suite in $suites; do
	version=$(apt-cache madison "linux-image-cloud-$arch" |
		awk -v s="$suite/main" '$0 ~ s { print $3; exit }')
	image=$(depends "linux-image-cloud-$arch=$version" 'linux-image-[0-9]')
	if [ -z "$image" ]; then
		echo "fetch.sh: no cloud kernel in $suite" >&2
		exit 1
	fi
	release=${image#linux-image-}
	if [ ! -e "$dir/$release/.complete" ]; then
		# newer ones come in parts: the kernel itself and its modules
		packages="$image $(depends "$image" 'linux-\(binary\|modules\)-')"
		rm -rf "${dir:?}/$release" "$dir/deb"
		mkdir "$dir/$release" "$dir/deb"
		# shellcheck disable=SC2086
		(cd "$dir/deb" && apt-get -qq download $packages)
		for deb in "$dir"/deb/*.deb; do
			dpkg-deb -x "$deb" "$dir/$release"
		done
		rm -rf "$dir/deb"
		touch "$dir/$release/.complete"
	fi
	echo "$release"
done >"$dir/releases.new"
mv "$dir/releases.new" "$dir/releases"
cat "$dir/releases"
