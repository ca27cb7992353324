/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * What XDP and TC do alike with a frame: most are decided at once, a plain response is walked in
 * place, and the rest is decoded layer by layer.
 */
#ifndef FLUXTAP_FRAME_H
#define FLUXTAP_FRAME_H

#include "response.h"
#include "pieces.h"
#include "flows.h"

/* --- decoded frames: the long way ------------------------------------------------------------ */

FT_INLINE void ft_not_dns_frame(struct ft_scratch *s, struct ft_counters *c)
{
	ft_count(c, s->d.kind == FT_KIND_QUERY ? FT_STAGE_QUERY : FT_STAGE_NOT_DNS);
	/* a first fragment, and its ports say that it is none of ours */
	if (s->d.more && ft_settings.follow_fragments == FT_FRAGMENTS_KNOWN)
		ft_fragment_foreign(s);
	else if (s->d.kind == FT_KIND_NOT_DNS)
		ft_watch_frame(s, c);
}

/* The decoder has spoken: s->d.kind. */
FT_INLINE void ft_decoded_frame(void *ctx, int how, struct ft_scratch *s, struct ft_counters *c)
{
	switch (s->d.kind) {
	case FT_KIND_RESPONSE:
		ft_response_frame(ctx, how, s, c);
		break;
	case FT_KIND_FRAGMENT:
	case FT_KIND_SEGMENT:
	case FT_KIND_DHCP:
		ft_piece_frame(ctx, how, s, c);
		break;
	case FT_KIND_REFUSED:
		ft_refused_frame(s, c, s->d.reason);
		break;
	default:
		ft_not_dns_frame(s, c);
	}
}

FT_INLINE void ft_decode_frame(struct ft_scratch *s, const __u8 *data, const __u8 *end)
{
	const struct ft_ports *ports = (const struct ft_ports *)&ft_settings.ports;

	for (int i = 0; i < FT_DECODE_STEPS; i++) {
		/* the cursor stays in memory: as registers it would be a path for each frame */
		barrier();
		if (!ft_decode_step(&s->d, data, end, ports))
			return;
	}
	ft_refuse(&s->d, FT_REASON_TUNNEL_TOO_DEEP);
}

/* --- plain frames: the short way -----------------------------------------------------------------
 *
 * What most frames need is decided in the entry, which saves few registers for it; all else is
 * behind a call. Global functions are verified once, by themselves, whoever calls them.
 */

/* A plain response. @l4: where its UDP header is, @len: octets of the message. */
__attribute__((noinline)) int ft_xdp_plain(struct xdp_md *ctx, __u32 l4, __u32 len)
{
	const __u8 *data = (const __u8 *)(long)ctx->data;
	const __u8 *end = (const __u8 *)(long)ctx->data_end;

	return ft_plain_response_frame(ctx, FT_XDP, data, end, l4 & 63, len);
}

__attribute__((noinline)) int ft_tc_plain(struct __sk_buff *skb, __u32 l4, __u32 len)
{
	const __u8 *data = (const __u8 *)(long)skb->data;
	const __u8 *end = (const __u8 *)(long)skb->data_end;

	return ft_plain_response_frame(skb, FT_TC, data, end, l4 & 63, len);
}

__attribute__((noinline)) int ft_tc_plain_out(struct __sk_buff *skb, __u32 l4, __u32 len)
{
	const __u8 *data = (const __u8 *)(long)skb->data;
	const __u8 *end = (const __u8 *)(long)skb->data_end;

	return ft_plain_response_frame(skb, FT_TC | FT_OUT, data, end, l4 & 63, len);
}

FT_INLINE int ft_plain_call(void *ctx, int how, const struct ft_plain *plain)
{
	if (how & FT_OUT)
		return ft_tc_plain_out(ctx, plain->l4, plain->len);
	return how & FT_TC ? ft_tc_plain(ctx, plain->l4, plain->len)
			   : ft_xdp_plain(ctx, plain->l4, plain->len);
}

FT_INLINE void ft_count_frame(enum ft_counter outcome)
{
	struct ft_counters *c = ft_get_counters();

	ft_count(c, FT_STAGE_SEEN);
	ft_count(c, outcome);
	asm volatile("" : : "i"(outcome)); /* else all outcomes go through one place, by a jump */
}

/*
 * True when the frame is counted and that was all there is to do. *@ctx is kept in memory while
 * another function has the registers: to save one of them would cost each frame.
 */
FT_INLINE bool ft_quick_frame(void **ctx, int how, const __u8 *data, const __u8 *end)
{
	struct ft_plain plain = {};
	void *volatile kept;

	switch (ft_plain_frame(data, end, &plain)) {
	case FT_QUICK_NOT_DNS:
		ft_count_frame(FT_STAGE_NOT_DNS);
		return true;
	case FT_QUICK_QUERY:
		ft_count_frame(FT_STAGE_QUERY);
		return true;
	case FT_QUICK_RESPONSE:
		if (how & FT_COPY)
			return false;
		kept = *ctx;
		if (!ft_plain_call(*ctx, how, &plain))
			return true;
		*ctx = kept;
	}
	return false;
}

#endif
