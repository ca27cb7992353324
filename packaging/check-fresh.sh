#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# check-fresh.sh DIR: in a clean Debian 12 tree with nothing but git, make and ca-certificates,
# `make run` alone leads to a monitor that watches an interface, and the lists of packages in the
# Makefile are enough for `fluxtap lab` and for building every test; the tests that need no kernel
# of their own pass. DIR keeps the clean tree for the next time.
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

net=fluxtap-fresh-$$ iface=ftf$$
monitor=
leave() {
	[ -z "$monitor" ] || kill "$monitor" 2>/dev/null || true
	ip netns del "$net" 2>/dev/null || true # takes the link along
	umount -qR "$tree" 2>/dev/null || true
	rm -rf --one-file-system "$tree"
}
trap leave EXIT
trap 'exit 1' INT TERM HUP
leave
cp -a "$base" "$tree"
cp /etc/resolv.conf "$tree/etc/resolv.conf"
mount --bind "$tree" "$tree" # a root file system, to those who ask (`ip netns`)
mount --make-private "$tree"
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
mount -t bpf bpf "$tree/sys/fs/bpf"
mount -t tracefs -o ro tracefs "$tree/sys/kernel/tracing"
mount -t cgroup2 cgroup2 "$tree/sys/fs/cgroup"
# an interface that is not the machine's: nothing but what is sent here comes in by it
ip netns add "$net"
ip link add "$iface" type veth peer name far netns "$net"
ip link set "$iface" up
ip -n "$net" link set far up

# What is committed, as somebody who clones it gets it.
git clone -q --no-hardlinks . "$tree/src"

# As in a container: a mount namespace whose root is the tree. (A mere chroot would leave programs
# with paths of the machine, as the kernel has them.)
mkdir "$tree/.old"
inside() {
	unshare --mount --propagation private sh -c 'cd "$1" && pivot_root . .old && umount -l /.old &&
		exec env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			LC_ALL=C.UTF-8 sh -c "cd /src && $2"' sh "$tree" "$1"
}
refuse() {
	echo "check-fresh: $1" >&2
	tail -n 20 "$tree/tmp/run.log" >&2
	exit 1
}
step() {
	echo "== $1 (after $SECONDS s)"
}

step 'make run, and nothing before it'
options="-i $iface -o json --set stats.interval=1s"
inside "make run ARGS='$options --seconds 4' >/tmp/run.out 2>/tmp/run.log" || refuse 'make run failed'
grep -q "$iface: watching (" "$tree/tmp/run.log" || refuse 'make run watches nothing'
grep '"event_type":"stats"' "$tree/tmp/run.out" | tail -n 1 | grep -q '"balanced":true' ||
	refuse 'make run writes no ledger that balances'
grep "$iface: watching (" "$tree/tmp/run.log"
step 'fluxtap lab'
inside 'build/fluxtap lab'
step 'make deps-test and the tests'
inside 'make -s deps-test >/tmp/deps.log 2>&1 || { tail -20 /tmp/deps.log; exit 1; }'
inside "make -s -j${JOBS:-2} tests"
# as a user who may not touch the kernel: what needs it is tested on the machine itself
chroot "$tree" useradd -m tester
chroot "$tree" chown -R tester /src
chroot "$tree" su tester -c 'cd /src && BUILD=build tests/run unit'
step 'make run, and answers that come in'
: >"$tree/tmp/run.log"
inside "exec make run ARGS='$options --seconds 10 --set capture.filter=false' >/tmp/run.out 2>/tmp/run.log" &
monitor=$!
until grep -q "$iface: watching (" "$tree/tmp/run.log"; do
	kill -0 $monitor 2>/dev/null || refuse 'make run failed'
	sleep 0.1
done
ip netns exec "$net" chroot "$tree" /src/build/tests/tools/send_frames far /src/tests/data/live.pcap
wait $monitor || refuse 'make run failed'
monitor=
answers=$(grep -c '"event_type":"dns"' "$tree/tmp/run.out") || refuse 'make run has seen no answers'
held=$(inside 'build/fluxtap replay --emit dns tests/data/live.pcap 2>/dev/null | wc -l')
echo "$answers answers seen of $held sent"
[ "$answers" -eq "$held" ] || refuse 'answers are missing'
step 'make install'
inside 'make -s install DESTDIR=/tmp/out PREFIX=/usr && test -x /tmp/out/usr/sbin/fluxtap'
echo "check-fresh: ok after $SECONDS s"
