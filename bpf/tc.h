/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The way in by TC, where a driver has no XDP, a device no link header, and for what leaves.
 */
#ifndef FLUXTAP_TC_H
#define FLUXTAP_TC_H

#include "frame.h"
#include "translated.h"

/* Returns 1 when headers are missing in the first buffer. */
__attribute__((noinline)) int ft_tc_decode(struct __sk_buff *skb, __u32 how)
{
	const __u8 *data = (const __u8 *)(long)skb->data;
	const __u8 *end = (const __u8 *)(long)skb->data_end;
	struct ft_scratch *s = ft_get_scratch();

	if (!s)
		return 0;
	ft_decode_start(&s->d, how & FT_BARE ? FT_LAYER_ETHERTYPE : FT_LAYER_ETHERNET, skb->len,
			skb->len);
	s->d.proto = __builtin_bswap16((__u16)skb->protocol); /* read only where there is no header */
	s->d.pkt.ifindex = skb->ifindex;
	s->d.pkt.direction = how & FT_OUT ? FT_DIR_EGRESS : FT_DIR_INGRESS;
	if (skb->vlan_present) { /* the card took the tag off */
		s->d.pkt.vlan[0] = skb->vlan_tci & 0xfff;
		s->d.pkt.vlans = 1;
	}
	ft_decode_frame(s, data, end);
	return s->d.kind == FT_KIND_REFUSED && s->d.reason == FT_REASON_TRUNCATED_CAPTURE;
}

/* Has the device no link header? Asked only while one such is watched. */
FT_INLINE bool ft_is_bare(__u32 ifindex)
{
	__u8 *input;

	if (!ft_bare)
		return false;
	input = bpf_map_lookup_elem(&ft_inputs, &ifindex);
	return input && *input == FT_INPUT_BARE;
}

/* Headers lie in the first buffer nearly always; otherwise they are pulled there, once. */
#define FT_HEADERS 512

FT_INLINE void ft_tc_long_way(struct __sk_buff *skb, int how, __u32 from)
{
	struct ft_counters *c = ft_get_counters();
	struct ft_scratch *s = ft_get_scratch();
	__u32 len = skb->len;

	if (!s)
		return;
	ft_count(c, FT_STAGE_SEEN);
	if (ft_tc_decode(skb, from) &&
	    !bpf_skb_pull_data(skb, len < FT_HEADERS ? len : FT_HEADERS))
		ft_tc_decode(skb, from);
	ft_decoded_frame(skb, how, s, c);
}

__attribute__((noinline)) int ft_tc_long(struct __sk_buff *skb, __u32 from)
{
	ft_tc_long_way(skb, FT_TC, from);
	return 0;
}

__attribute__((noinline)) int ft_tc_long_copy(struct __sk_buff *skb, __u32 from)
{
	ft_tc_long_way(skb, FT_TC | FT_COPY, from);
	return 0;
}

FT_INLINE void ft_tc_frame(struct __sk_buff *skb, int how)
{
	const __u8 *data = (const __u8 *)(long)skb->data;
	const __u8 *end = (const __u8 *)(long)skb->data_end;
	bool bare = ft_is_bare(skb->ifindex);
	__u32 from = (__u32)how | (bare ? FT_BARE : 0);

	/* a tag that the card took off would be missing in the record */
	if (!bare && !skb->vlan_present && ft_quick_frame((void **)&skb, how, data, end))
		return;
	if (how & FT_COPY)
		ft_tc_long_copy(skb, from);
	else
		ft_tc_long(skb, from);
}

/* Forwarded from an interface that is watched too: counted there, unless it bore another address. */
FT_INLINE bool ft_seen_at_ingress(struct __sk_buff *skb)
{
	__u32 from = skb->ingress_ifindex;

	return from && bpf_map_lookup_elem(&ft_inputs, &from) &&
	       !(ft_settings.translations && ft_was_translated(skb));
}

SEC("tc")
int ft_tc_in(struct __sk_buff *skb)
{
	ft_tc_frame(skb, FT_TC);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int ft_tc_out(struct __sk_buff *skb)
{
	if (!ft_seen_at_ingress(skb))
		ft_tc_frame(skb, FT_TC | FT_OUT);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int ft_tc_in_copy(struct __sk_buff *skb)
{
	ft_tc_frame(skb, FT_TC | FT_COPY);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int ft_tc_out_copy(struct __sk_buff *skb)
{
	if (!ft_seen_at_ingress(skb))
		ft_tc_frame(skb, FT_TC | FT_COPY | FT_OUT);
	return TC_ACT_UNSPEC;
}

#endif
