// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* What the ring alone takes: a record of a hundred octets and a response, nothing else. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 26);
} bench_ring SEC(".maps");

__u8 record[256];

SEC("xdp")
int bench_output(struct xdp_md *ctx)
{
	bpf_ringbuf_output(&bench_ring, record, sizeof(record), BPF_RB_NO_WAKEUP);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
