// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * What any XDP program costs that looks at UDP: parses to the ports and passes. Of several buffers
 * like ft_xdp, or a veth would hand it other frames.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

SEC("xdp.frags")
int bench_pass(struct xdp_md *ctx)
{
	const unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	volatile __u16 port;

	if (data + 42 > end || data[12] != 8 || data[13] || (data[14] & 0x0f) != 5 || data[23] != 17)
		return XDP_PASS;
	port = (__u16)(data[34] << 8 | data[35]);
	if (port == 53)
		return XDP_PASS;
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
