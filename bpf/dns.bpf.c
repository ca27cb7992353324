// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * The DNS tap: every frame is looked at, counted once, and passed on untouched.  XDP and TC share
 * all but the way in.  Programs named …_copy are for kernels without bpf_loop() (before 5.17) or
 * bpf_xdp_load_bytes() (5.18): they send every response up unwalked and unfiltered.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <fluxtap/event.h>
#include <fluxtap/ledger.h>
#include "frame.h"
#include "tc.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Nothing reads it: it brings the records into the object's BTF, where a test compares them. */
union ft_any_record {
	struct ft_response response;
	struct ft_fragment fragment;
	struct ft_segment segment;
	struct ft_refused refused;
	struct ft_flow flow;
	enum ft_counter outcome; /* that they count under */
};
const union ft_any_record *const volatile ft_any_record;

/* The long way: s->d is filled. Returns 1 when a packet says that it is longer than @len. */
__attribute__((noinline)) int ft_xdp_decode(struct xdp_md *ctx, __u32 len)
{
	const __u8 *data = (const __u8 *)(long)ctx->data;
	const __u8 *end = (const __u8 *)(long)ctx->data_end;
	struct ft_scratch *s = ft_get_scratch();

	if (!s)
		return 0;
	ft_decode_start(&s->d, FT_LAYER_ETHERNET, len, len);
	s->d.pkt.ifindex = ctx->ingress_ifindex;
	s->d.pkt.direction = FT_DIR_INGRESS;
	ft_decode_frame(s, data, end);
	return s->d.cut;
}

FT_INLINE void ft_xdp_long_way(struct xdp_md *ctx, int how)
{
	__u32 len = ctx->data_end - ctx->data;
	struct ft_counters *c = ft_get_counters();
	struct ft_scratch *s = ft_get_scratch();
	__u32 all;

	if (!s)
		return;
	ft_count(c, FT_STAGE_SEEN);
	if (ft_xdp_decode(ctx, len) && !(how & FT_COPY)) {
		/* longer than the first buffer? Asked only when a header says so. */
		all = (__u32)bpf_xdp_get_buff_len(ctx);
		if (all > len)
			ft_xdp_decode(ctx, all);
	}
	ft_decoded_frame(ctx, how, s, c);
}

__attribute__((noinline)) int ft_xdp_long(struct xdp_md *ctx)
{
	ft_xdp_long_way(ctx, FT_XDP);
	return 0;
}

__attribute__((noinline)) int ft_xdp_long_copy(struct xdp_md *ctx)
{
	ft_xdp_long_way(ctx, FT_XDP | FT_COPY);
	return 0;
}

FT_INLINE bool ft_xdp_quick(struct xdp_md **ctx, int how)
{
	const __u8 *data = (const __u8 *)(long)(*ctx)->data;
	const __u8 *end = (const __u8 *)(long)(*ctx)->data_end;

	return ft_quick_frame((void **)ctx, how, data, end);
}

SEC("xdp")
int ft_xdp(struct xdp_md *ctx)
{
	if (!ft_xdp_quick(&ctx, FT_XDP))
		ft_xdp_long(ctx);
	return XDP_PASS;
}

SEC("xdp")
int ft_xdp_copy(struct xdp_md *ctx)
{
	if (!ft_xdp_quick(&ctx, FT_XDP | FT_COPY))
		ft_xdp_long_copy(ctx);
	return XDP_PASS;
}
