#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Connections with and without a watcher, by turns: this one, then its peers as far as they are
# installed. Everything in a network namespace and a mount namespace of its own.
set -u
if [ "${1:-}" != inside ]; then
	exec unshare -n -m sh "$0" inside
fi
ip link set lo up
sysctl -qw net.ipv4.tcp_max_tw_buckets=8192 2>/dev/null
mount -t tracefs none /sys/kernel/tracing 2>/dev/null
mount -t debugfs none /sys/kernel/debug 2>/dev/null
bench=${BUILD:-build}/tests/tools/connect_bench

echo "fluxtap:"
"$bench"
if command -v bpftrace >/dev/null; then
	echo "bpftrace, sys_enter_connect and sys_exit_connect and inet_sock_set_state:"
	"$bench" "exec bpftrace -e '
		BEGIN { printf(\"ready\\n\"); }
		tracepoint:syscalls:sys_enter_connect { @at[tid] = nsecs; }
		tracepoint:syscalls:sys_exit_connect /@at[tid]/ {
			printf(\"%d %s %d %d\\n\", pid, comm, args->ret, nsecs - @at[tid]); delete(@at[tid]); }
		tracepoint:sock:inet_sock_set_state {
			printf(\"%d %s %d %d\\n\", pid, comm, args->oldstate, args->newstate); }' 2>/dev/null"
fi
for tool in tcplife tcpstates; do
	if command -v $tool >/dev/null; then
		echo "$tool (libbpf-tools):"
		"$bench" "exec stdbuf -oL $tool"
	fi
done
echo "The join:"
"${BUILD:-build}/tests/tools/correlate_bench"
