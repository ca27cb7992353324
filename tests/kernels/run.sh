#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# run.sh BUILD: the real objects, the real program and the packet tests on Debian's kernels, in
# machines emulated by qemu; the running kernel in namespaces; the objects for arm64 on Debian's
# arm64 kernel; and a table of how they fared.
#
# KERNELS=REGEX    chooses by release, "running" for the one that runs, "arm64"
# KERNEL_JOBS=N    machines at once (default: processors)
# KERNEL_TIMEOUT=S for one machine (1800);  KERNEL_BUDGET=S for all together (3600)
#
# Ends with 1 when a test fails on a kernel. One that could not be fetched, for which no time was
# left, or that did not come to its end in time is named so, counts as neither, and fails nothing:
# emulation is slow, and slower beside others.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1
work=$build/kernels
here=tests/kernels
live=tests/data/live.pcap
jobs=${KERNEL_JOBS:-$(nproc)}
limit=${KERNEL_TIMEOUT:-1800}
budget=${KERNEL_BUDGET:-3600}
least=120 # seconds without which a machine is not started
mkdir -p "$work"
rm -f "$work"/*.log "$work"/*.fate "$work"/*.first-try
SECONDS=0

# Everything the guest runs, with the libraries it needs.
assemble_root() {
	local root=$1 program
	rm -rf "$root"
	mkdir -p "$root"/{bin,objects,modules,data/pcap,build/tests/bpf,etc}
	: >"$root/modules/order"
	cp /bin/busybox "$root/bin/"
	cp $here/init "$root/init"
	cp $here/job "$root/job"
	chmod 755 "$root/init"
	cp "$build"/bpf/*.bpf.o "$root/objects/"
	for program in fluxtap tests/tools/bpf_probe tests/tools/send_frames; do
		strip -o "$root/bin/${program##*/}" "$build/$program"
	done
	for program in "$build"/tests/bpf/*_test; do
		[ -x "$program" ] && strip -o "$root/build/tests/bpf/${program##*/}" "$program"
	done
	install -D "$(command -v ip)" "$root/usr/local/bin/ip"
	install -D "$(command -v tc)" "$root/usr/local/bin/tc"
	install -D "$(command -v nft)" "$root/usr/local/bin/nft"
	echo 'table ip nat { chain post { type nat hook postrouting priority 100; oifname "ftw0" masquerade; }; }' \
		>"$root/data/nat.nft"
	printf 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
	printf 'passwd: files\ngroup: files\n' >"$root/etc/nsswitch.conf"
	cp "$live" "$root/data/live.pcap"
	cp "$live" "$root/data/pcap/"
	cp ../shared/corpora/pcap/*.pcap ../shared/corpora/pcap/*.pcapng "$root/data/pcap/" 2>/dev/null
	"$build/fluxtap" replay --emit dns "$live" 2>/dev/null | wc -l >"$root/data/live.expected"
	python3 $here/translated.py "$root/data"
	python3 $here/stacked.py "$build/fluxtap" "$live" "$root/data"
	copy_libraries "$root"
}

copy_libraries() {
	local root=$1
	find "$root" -type f -perm -100 -exec ldd {} + 2>/dev/null |
		sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^\t\(\/lib[^ ]*\) .*/\1/p' | sort -u |
		while read -r library; do
			install -D "$library" "$root$library"
		done
}

archive() { # DIR FILE
	(cd "$1" && find . | cpio -o -H newc --quiet -R 0:0) >"$2"
}

# A module's file with those it needs before it; nothing for one that is built in.
add_module() { # ROOT TREE NAME
	local root=$1 tree=$2 name=$3 file needs
	[ ! -e "$root/modules/$name.ko" ] || return 0
	file=$(find "$tree" -name "$name.ko*" | head -1)
	case $file in
	*.xz) xz -dc "$file" >"$root/modules/$name.ko" ;;
	*.zst) zstd -qdc "$file" >"$root/modules/$name.ko" ;;
	*.ko) cp "$file" "$root/modules/$name.ko" ;;
	*) return 1 ;;
	esac
	for needs in $(tr '\0' '\n' <"$root/modules/$name.ko" | sed -n 's/^depends=//p' | tr ',' ' '); do
		add_module "$root" "$tree" "$needs"
	done
	echo "$name.ko" >>"$root/modules/order"
}

# The modules for one part of the job, marked as there if all are.
add_kind() { # ROOT TREE PART NAME...
	local root=$1 tree=$2 part=$3 name
	shift 3
	for name; do
		add_module "$root" "$tree" "$name" || return 0
	done
	touch "$root/modules/$part"
}

# veth and the TC classifier are modules, and the kinds of interfaces that the job stacks: their
# files, in the order they have to be loaded.
add_modules() {
	local root=$1 tree=$2 name
	mkdir -p "$root/modules"
	: >"$root/modules/order"
	for name in sch_ingress act_bpf cls_bpf veth; do
		add_module "$root" "$tree" $name
	done
	add_kind "$root" "$tree" stacked bonding 8021q ip_gre ipip sit
	add_kind "$root" "$tree" translated nft_chain_nat nft_masq
}

# cmocka calls a test that was skipped "not ok … # SKIP".
clean() {
	tr -d '\r' | sed -E 's/^FT: tap (not )?ok (.*)# SKIP/FT: tap skip \2/'
}

# Start a machine and wait for its end, which it makes itself. Its kernel need not defend itself.
# qemu 7.2 spoils the flags in cmpxchg16b of a machine with one processor (double fault in kmalloc):
# hence without cx16. Emulation has more such faults, a mistake of ours is there the second time
# too: what did not do well is tried once more, and the first log kept.
start() { # NAME KERNEL INITRD CONSOLE QEMU...
	local name=$1 kernel=$2 initrd=$3 console=$4 left begin status arch=amd64
	shift 4
	[[ $name != *arm64 ]] || arch=arm64
	for try in 1 2; do
		left=$((budget - SECONDS)) begin=$SECONDS
		[ $left -ge $least ] || break
		[ $try -eq 1 ] || mv "$work/$name.log" "$work/$name.first-try"
		[ $left -lt "$limit" ] || left=$limit
		timeout -k 10 "$left" nice -n 10 "$@" -m 1024 -kernel "$kernel" -initrd "$initrd" \
			-nographic -no-reboot -nodefaults -serial stdio -append "console=$console quiet \
			panic=-1 rdinit=/init mitigations=off init_on_alloc=0 no5lvl" \
			</dev/null >"$work/$name.raw" 2>&1
		status=$?
		clean <"$work/$name.raw" >"$work/$name.log"
		rm -f "$work/$name.raw"
		echo "$status $((SECONDS - begin)) $try" >"$work/$name.fate"
		[ $status -lt 124 ] && ! is_good "$work/$name.log" $arch || break
	done
	rm -f "$initrd"
}

boot() { # RELEASE
	local tree=$work/debian/$1 own=$work/root-$1
	add_modules "$own" "$tree"
	archive "$own" "$work/initrd-$1.own"
	cat "$work/base.cpio" "$work/initrd-$1.own" >"$work/initrd-$1"
	rm -rf "$own" "$work/initrd-$1.own"
	start "$1" "$(find "$tree" -name 'vmlinuz*' -type f | head -1)" "$work/initrd-$1" ttyS0 \
		qemu-system-x86_64 -accel tcg -cpu max,-erms,-fsrm,-la57,-cx16 -smp 1
}

# The objects compiled for arm64, each program loaded by itself.
boot_arm64() { # RELEASE
	local tree=$work/debian/$1 root=$work/root-arm64 lib=$work/debian/sysroot-arm64/usr/lib
	[ -e "$work/debian/sysroot-arm64/.complete" ] || return
	rm -rf "$root"
	mkdir -p "$root"/{bin,objects,modules,data}
	: >"$root/modules/order"
	aarch64-linux-gnu-gcc -std=gnu11 -O2 -static -D_GNU_SOURCE tests/tools/bpf_probe.c \
		-isystem "$work/debian/sysroot-arm64/usr/include" -L"$lib/aarch64-linux-gnu" -lbpf -lelf -lz \
		-o "$root/bin/bpf_probe" || return
	cp "$work/debian/sysroot-arm64/bin/busybox" "$root/bin/"
	cp $here/init "$root/init"
	chmod 755 "$root/init"
	printf '/bin/bpf_probe /objects/*.bpf.o 2>&1 | sed "s/^/FT: /"\necho "FT: at 0 end"\n' >"$root/job"
	cp "$build"/arm64/bpf/*.bpf.o "$root/objects/"
	archive "$root" "$work/initrd-$1"
	rm -rf "$root"
	start "$1" "$(find "$tree" -name 'vmlinuz*' -type f | head -1)" "$work/initrd-$1" ttyAMA0 \
		qemu-system-aarch64 -accel tcg -M virt -cpu cortex-a72 -smp 1
}

# The kernel that runs here: the same tree and job, in namespaces instead of a machine.
here_too() {
	local root=$work/root-here name left=$((budget - SECONDS)) begin=$SECONDS
	name=$(uname -r)
	[ $left -ge $least ] || return
	cp -a "$work/root" "$root"
	mkdir -p "$root"/{proc,sys,dev,tmp,run}
	timeout -k 10 "$left" unshare --net --mount --pid --fork --kill-child sh -c "
		mount --make-rprivate / && mount -t proc proc '$root/proc' &&
		mount --rbind /sys '$root/sys' && mount --bind /dev '$root/dev' &&
		mount -t tmpfs tmp '$root/tmp' && mount -t tmpfs run '$root/run' &&
		exec chroot '$root' /bin/busybox sh -c '
			/bin/busybox mkdir -p /usr/bin /usr/sbin /sbin && /bin/busybox --install -s
			export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
			/usr/local/bin/ip link set lo up; sh /job'" \
		</dev/null >"$work/$name.raw" 2>&1
	echo "$? $((SECONDS - begin))" >"$work/$name.fate"
	clean <"$work/$name.raw" >"$work/$name.log"
	rm -f "$work/$name.raw"
	rm -rf --one-file-system "$root"
}

# Does the log say that everything is as it should be?
is_good() { # LOG ARCH
	! grep -q '^FT: tap not ok' "$1" && grep -q '^FT: at .* end$' "$1" || return 1
	grep -q '^FT: program .* ok' "$1" || return 1
	# ft_conn_exit needs 6.2; older kernels have ft_conn_exit_read
	[ "$2" != arm64 ] || { ! grep '^FT: program .* refused' "$1" | grep -qv ' ft_conn_exit '; return; }
	! grep -q '^FT: at .* watch stacked$' "$1" ||
		awk '/^FT: stacked/ { n++; good += $5 == 0 && $7 > 0 && $7 == $9 && $11 == "yes" }
		     END { exit !(n >= 4 && good == n) }' "$1" || return 1
	! grep -q '^FT: at .* watch translated$' "$1" ||
		awk '/^FT: translated/ { good = $4 == 0 && $6 == $8 && $10 == $12 && $14 == "yes" }
		     END { exit !good }' "$1" || return 1
	grep -q '^FT: tap ok' "$1" &&
		awk '/^FT: live/ { n++; good += $5 == 0 && $7 > 0 && $7 == $9 && $11 == "yes" }
		     END { exit !(n == 3 && good == 3) }' "$1"
}

say() { # NAME VERDICT: a line for a kernel that has none of its own
	printf '%-28s %s\n' "$1" "$2"
}

# One line of the table from a log.
judge() { # RELEASE ARCH
	local log=$work/$1.log status=0 s=0 try=1 verdict refused
	if [ ! -e "$work/$1.fate" ]; then
		say "$1" 'not run: no time left, or nothing to run it with'
		others=$((others + 1))
		return
	fi
	read -r status s try <"$work/$1.fate"
	if is_good "$log" "$2"; then
		verdict=ok good=$((good + 1))
	elif [ "$status" -ge 124 ] && ! grep -q '^FT: tap not ok' "$log"; then
		verdict="out of time, last at$(sed -n ' s/^FT: at [0-9.]*//p' "$log" | tail -1)"
		others=$((others + 1))
	else
		verdict='NOT OK' bad=$((bad + 1))
	fi
	[ "${try:-1}" = 1 ] || verdict="$verdict, second try"
	refused=$(sed -n 's/^FT: program \([^ ]*\) refused.*/\1/p' "$log" | tr '\n' ' ')
	awk -v name="$1" -v verdict="$verdict" -v s="$s" -v refused="$refused" '
		/^FT: program .* ok/ { loads++; if ($5 > insns) { insns = $5; ms = $6 } }
		/^FT: live/ { live = live " " $7 "/" $9 }
		/^FT: stacked/ { kinds++; stacked += $7 > 0 && $7 == $9 }
		/^FT: translated/ { nat = $10 "/" $12 }
		/^FT: tap skip/ { skipped++ }
		/^FT: tap ok/ { ok++ }
		/^FT: tap not ok/ { failed++ }
		END { printf "%-28s %5d %8d %7.0f %-18s %7s %5s %5s %5d  %s%s%s\n", name, loads, insns, ms,
			live ? substr(live, 2) : "-", kinds ? stacked "/" kinds : "-", nat ? nat : "-", ok ? ok "/" ok + failed : "-", s, verdict,
			skipped ? " (" skipped " tests need bpf_loop)" : "", refused ? " (refused, meant for later kernels: " refused ")" : "" }' "$log"
}

wanted() {
	grep -qE "${KERNELS:-.}" <<<"$1"
}

# No more than so many at once.
launch() {
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
		wait -n
	done
	"$@" &
}

# "ARCH SUITE RELEASE" for each, as they come.
fetch_all() {
	bash $here/fetch.sh "$work/debian" amd64 | sed 's/^/amd64 /'
	bash $here/fetch.sh "$work/debian" arm64 bookworm | sed 's/^/arm64 /'
}

assemble_root "$work/root"
archive "$work/root" "$work/base.cpio"
! wanted "running $(uname -r)" || launch here_too
: >"$work/fetched"
while read -r arch suite release; do
	echo "$arch $suite $release" >>"$work/fetched"
	if [ "$release" = - ] || ! wanted "$release"; then
		continue
	fi
	case $arch in
	amd64) launch boot "$release" ;;
	arm64) launch boot_arm64 "$release" ;;
	esac
done < <(fetch_all)
wait

good=0 bad=0 others=0
printf '%-28s %5s %8s %7s %-18s %7s %5s %5s %5s  %s\n' kernel loads insns 'load ms' 'native generic tc' stacked nat tests s ''
while read -r arch suite release; do
	if [ "$release" = - ]; then
		say "newest of $suite, $arch" 'not fetched'
		others=$((others + 1))
	elif wanted "$release"; then
		judge "$release" "$arch"
	fi
done <"$work/fetched"
! wanted "running $(uname -r)" || judge "$(uname -r)" amd64
rm -rf "$work/root" "$work/base.cpio"
echo "kernels: $good ok, $bad not ok, $others not tried or not to the end, in $SECONDS s"
[ $bad -eq 0 ]
