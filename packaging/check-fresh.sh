#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# check-fresh.sh DIR: in a clean Debian 12 tree with nothing but git, make and ca-certificates,
# the lists of packages in the Makefile are enough to build the program and every test, and the
# tests that need no kernel of their own pass. DIR keeps the clean tree for the next time.
set -eu
cd "$(dirname "$0")/.."
dir=$(mkdir -p "$1" && cd "$1" && pwd)
suite=${SUITE:-bookworm}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
base=$dir/$suite-base tree=$dir/$suite-work

if [ "$(id -u)" -ne 0 ]; then
	echo 'check-fresh: needs root, for chroot' >&2
	exit 3
fi

if [ ! -e "$base/.complete" ]; then
	rm -rf "$base"
	debootstrap --variant=minbase --include=git,make,ca-certificates "$suite" "$base" "$mirror" \
		>"$dir/debootstrap.log" 2>&1 || { tail -5 "$dir/debootstrap.log" >&2; exit 1; }
	touch "$base/.complete"
fi

leave() {
	for mounted in proc sys dev/pts dev; do
		umount -q "$tree/$mounted" 2>/dev/null || true
	done
	rm -rf --one-file-system "$tree"
}
trap leave EXIT
trap 'exit 1' INT TERM HUP
leave
cp -a "$base" "$tree"
cp /etc/resolv.conf "$tree/etc/resolv.conf"
mount -t proc proc "$tree/proc"
# not the machine's own: the tree is removed afterwards
mount -t tmpfs -o mode=755 dev "$tree/dev"
for node in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0'; do
	# shellcheck disable=SC2086
	set -- $node
	mknod -m 666 "$tree/dev/$1" c "$2" "$3"
done
ln -s /proc/self/fd "$tree/dev/fd"
mkdir -m 1777 "$tree/dev/shm"
mkdir "$tree/dev/pts"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$tree/dev/pts"
ln -s pts/ptmx "$tree/dev/ptmx"
mount -t sysfs -o ro sys "$tree/sys"

# What is committed, as somebody who clones it gets it.
git clone -q --no-hardlinks . "$tree/src"

run() {
	chroot "$tree" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		LC_ALL=C.UTF-8 sh -c "cd /src && $1"
}
echo "== make deps and make"
run 'make -s deps >/tmp/deps.log 2>&1 || { tail -20 /tmp/deps.log; exit 1; }'
run "make -s -j${JOBS:-2}"
run 'build/fluxtap --version && build/fluxtap replay --help >/dev/null'
echo "== make deps-test and the tests"
run 'make -s deps-test >/tmp/deps.log 2>&1 || { tail -20 /tmp/deps.log; exit 1; }'
run "make -s -j${JOBS:-2} tests"
# as a user who may not touch the kernel: what needs it is tested on the machine itself
chroot "$tree" useradd -m tester
chroot "$tree" chown -R tester /src
chroot "$tree" su tester -c 'cd /src && BUILD=build tests/run unit'
echo '== make install'
run 'make -s install DESTDIR=/tmp/out PREFIX=/usr && test -x /tmp/out/usr/sbin/fluxtap'
echo 'check-fresh: ok'
