#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# fetch.sh DIR [ARCH [SUITE...]]: put the cloud kernels of Debian's suites into DIR/<release>/, each
# with boot/vmlinuz-* and its modules, and say "SUITE RELEASE" for each; "SUITE -" for one that could
# not be had after three tries (why, on stderr). Ends with 0 all the same: a mirror that is out of
# reach says nothing about a kernel.
#
# apt works with lists, cache and sources of its own below DIR, one set a suite: the system's stay
# as they are, and one suite's trouble is its own. What is there already is not fetched again; what
# was fetched earlier stands in when a newer one cannot be had. After FETCH_SECONDS (600) nothing
# more is asked of the network.
set -u
dir=$(mkdir -p "$1" && cd "$1" && pwd) || exit 1
arch=${2:-amd64}
[ $# -lt 2 ] && shift $# || shift 2
[ $# -gt 0 ] || set -- ${KERNEL_SUITES:-sid trixie bookworm bullseye}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
last=${FETCH_SECONDS:-600}
SECONDS=0

# Run a command that uses the network, in what is left of the time.
limited() {
	[ $((last - SECONDS)) -gt 0 ] && timeout $((last - SECONDS)) "$@"
}

configure() { # SUITE
	local own=$dir/apt/$arch-$1
	mkdir -p "$own/state/lists/partial" "$own/cache/archives/partial"
	echo "deb [signed-by=$keyring] $mirror $1 main" >"$own/sources.list"
	: >>"$own/status"
	export APT_CONFIG=$own/apt.conf
	cat >"$APT_CONFIG" <<CONF
Dir::State "$own/state";
Dir::State::status "$own/status";
Dir::Cache "$own/cache";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Dir::Etc::sourcelist "$own/sources.list";
Dir::Etc::sourceparts "/dev/null";
Acquire::Languages "none";
Acquire::http::Timeout "20";
APT::Architecture "$arch";
APT::Architectures { "$arch"; };
APT::Sandbox::User "root";
CONF
}

depends() { # PACKAGE PATTERN: its dependencies that match
	apt-cache show "$1" | sed -n 's/^Depends: //p' | tr ',|' '\n\n' |
		sed -n "s/^ *\\($2[^ ]*\\).*/\\1/p" | sort -u
}

# Unpack packages of the suite that is configured into a directory.
unpack() { # TARGET PACKAGE...
	local target=$1 deb
	shift
	rm -rf "${target:?}" "$target.debs"
	mkdir -p "$target" "$target.debs"
	(cd "$target.debs" && limited apt-get -qq download "$@") || return 1
	for deb in "$target.debs"/*.deb; do
		dpkg-deb -x "$deb" "$target" || return 1
	done
	rm -rf "$target.debs"
	touch "$target/.complete"
}

fetch_kernel() { # SUITE: prints the release
	local meta=linux-image-cloud-$arch image release
	configure "$1"
	limited apt-get -qq -o APT::Update::Error-Mode=any update || return 1
	image=$(depends "$meta" 'linux-image-[0-9]' | tail -1)
	[ -n "$image" ] || return 1
	release=${image#linux-image-}
	# newer ones come in parts: the kernel itself and its modules
	# shellcheck disable=SC2046
	[ -e "$dir/$release/.complete" ] ||
		unpack "$dir/$release" "$image" $(depends "$image" 'linux-\(binary\|modules\)-') ||
		return 1
	echo "$release"
}

for suite in "$@"; do
	known=$dir/$arch-$suite.release
	release=$(cat "$known" 2>/dev/null)
	# An answer of today's without asking apt, which takes its time.
	if [ -z "$(find "$known" -mtime -1 2>/dev/null)" ] || [ ! -e "$dir/$release/.complete" ]; then
		for try in 1 2 3; do
			if release=$(fetch_kernel "$suite"); then
				echo "$release" >"$known"
				break
			fi
			echo "fetch.sh: $suite ($arch): try $try of 3 failed" >&2
			[ $SECONDS -lt "$last" ] || break
			sleep $((try * 2))
		done
	fi
	release=$(cat "$known" 2>/dev/null)
	[ -n "$release" ] && [ -e "$dir/$release/.complete" ] || release=-
	echo "$suite $release"
done

# What a program for another processor is linked with, and the shell that starts it there.
if [ "$arch" != amd64 ] && [ ! -e "$dir/sysroot-$arch/.complete" ]; then
	configure bookworm
	limited apt-get -qq update &&
		unpack "$dir/sysroot-$arch" libbpf-dev libelf-dev zlib1g-dev busybox-static
fi
exit 0
