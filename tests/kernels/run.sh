#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# run.sh BUILD: the real objects, the real program and the packet tests on Debian's kernels, in
# machines emulated by qemu, the running kernel in namespaces, and a table of how they fared.
# KERNELS="REGEX" chooses among them ("running" for the one that runs).
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1
work=$build/kernels
limit=${KERNEL_TIMEOUT:-900}
mkdir -p "$work"
here=tests/kernels
live=tests/data/live.pcap

releases=$(bash $here/fetch.sh "$work/debian") || exit 1
releases=$(grep -E "${KERNELS:-.}" <<<"$releases" || true)

# Everything the guest runs, with the libraries it needs.
assemble_root() {
	local root=$1 program
	rm -rf "$root"
	mkdir -p "$root"/{bin,objects,modules,data,build/tests/bpf,etc}
	cp /bin/busybox "$root/bin/"
	cp $here/init "$root/init"
	cp $here/job "$root/job"
	chmod 755 "$root/init"
	cp "$build"/bpf/*.bpf.o "$root/objects/"
	cp "$build/fluxtap" "$build/tests/tools/bpf_probe" "$build/tests/tools/send_frames" "$root/bin/"
	for program in "$build"/tests/bpf/*_test; do
		[ -x "$program" ] && cp "$program" "$root/build/tests/bpf/"
	done
	install -D "$(command -v ip)" "$root/usr/local/bin/ip"
	install -D "$(command -v tc)" "$root/usr/local/bin/tc"
	printf 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
	printf 'passwd: files\ngroup: files\n' >"$root/etc/nsswitch.conf"
	cp "$live" "$root/data/live.pcap"
	mkdir "$root/data/pcap"
	cp "$live" "$root/data/pcap/"
	cp ../shared/corpora/pcap/*.pcap ../shared/corpora/pcap/*.pcapng "$root/data/pcap/" 2>/dev/null
	"$build/fluxtap" replay --emit dns "$live" 2>/dev/null | wc -l >"$root/data/live.expected"
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

# veth and the TC classifier are modules: their files, in the order they have to be loaded.
add_modules() {
	local root=$1 tree=$2 name file
	: >"$root/modules/order"
	for name in sch_ingress act_bpf cls_bpf veth; do
		file=$(find "$tree" -name "$name.ko*" | head -1)
		case $file in
		*.xz) xz -dc "$file" >"$root/modules/$name.ko" ;;
		*.zst) zstd -qdc "$file" >"$root/modules/$name.ko" ;;
		*.ko) cp "$file" "$root/modules/$name.ko" ;;
		*) continue ;; # built in
		esac
		echo "$name.ko" >>"$root/modules/order"
	done
}

boot() { # RELEASE
	local release=$1 tree=$work/debian/$1 root=$work/root kernel
	assemble_root "$root"
	add_modules "$root" "$tree"
	(cd "$root" && find . | cpio -o -H newc --quiet -R 0:0 | gzip -1) >"$work/initrd-$release.gz"
	kernel=$(find "$tree" -name 'vmlinuz*' -type f | head -1)
	timeout "$limit" nice -n 10 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 2048 \
		-kernel "$kernel" -initrd "$work/initrd-$release.gz" -nographic -no-reboot -nodefaults \
		-serial stdio -append 'console=ttyS0 quiet panic=-1 rdinit=/init' \
		</dev/null >"$work/$release.log" 2>&1
	sed -i 's/\r//g' "$work/$release.log"
	rm -f "$work/initrd-$release.gz"
	rm -rf "$root"
}

# The kernel that runs here: the same tree and job, in namespaces instead of a machine.
here_too() {
	local root=$work/root
	assemble_root "$root"
	: >"$root/modules/order"
	mkdir -p "$root"/{proc,sys,dev,tmp,run}
	timeout "$limit" unshare --net --mount --pid --fork --kill-child sh -c "
		mount --make-rprivate / && mount -t proc proc '$root/proc' &&
		mount --rbind /sys '$root/sys' && mount --bind /dev '$root/dev' &&
		mount -t tmpfs tmp '$root/tmp' && mount -t tmpfs run '$root/run' &&
		exec chroot '$root' /bin/busybox sh -c '
			/bin/busybox mkdir -p /usr/bin /usr/sbin /sbin && /bin/busybox --install -s
			export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
			/usr/local/bin/ip link set lo up; sh /job; echo FT: end'" \
		</dev/null >"$work/$(uname -r).log" 2>&1
	rm -rf --one-file-system "$root"
}

# One line of the table from a log; 1 when anything in it is not as it should be.
judge() { # RELEASE
	local log=$work/$1.log mode passed failed skipped loaded refused insns ms events want good=yes
	mode=$(sed -n 's/^FT: log .*ftk0: watching (\(.*\))/\1/p' "$log" | head -1)
	passed=$(grep -c '^FT: tap ok' "$log")
	failed=$(grep -c '^FT: tap not ok' "$log")
	skipped=$(grep -c '^FT: tap skip' "$log")
	loaded=$(grep -c '^FT: program .* ok ' "$log")
	refused=$(sed -n 's/^FT: program \([^ ]*\) refused.*/\1/p' "$log" | tr '\n' ' ')
	insns=$(awk '/^FT: program .* ok/ && $5 > m { m = $5 } END { print m + 0 }' "$log")
	ms=$(awk '/^FT: program .* ok/ && $6 > m { m = $6 } END { printf "%.0f", m }' "$log")
	read -r events want < <(sed -n 's/^FT: events \([0-9]*\) of \([0-9]*\)/\1 \2/p' "$log")
	grep -q '^FT: end' "$log" && grep -q '^FT: balanced' "$log" &&
		grep -q '^FT: run status 0' "$log" || good=no
	[ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ] && [ "${events:-0}" -gt 0 ] &&
		[ "${events:-0}" = "${want:-x}" ] || good=no
	printf '%-26s %6s %-14s %5s/%-5s %5s/%-5s %9s %8s  %s %s\n' "$1" "$loaded" "${mode:--}" \
		"${events:-0}" "${want:-?}" "$passed" "$((passed + failed))" "$insns" "$ms" \
		"$([ $good = yes ] && echo ok || echo 'NOT OK')" "${refused:+(for later kernels: $refused)}"
	[ $good = yes ]
}

status=0
for release in $releases; do
	boot "$release"
done
if grep -qE "${KERNELS:-.}" <<<"running $(uname -r)"; then
	here_too
	releases="$releases $(uname -r)"
fi
printf '%-26s %6s %-14s %11s %11s %9s %8s\n' kernel loads attach events tests insns 'load ms'
for release in $releases; do
	judge "$release" || status=1
done
exit $status
