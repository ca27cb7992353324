/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Steps of the decoder: IPv4, IPv6 and its extension headers, fragments. */
#ifndef FLUXTAP_DECODE_IP_H
#define FLUXTAP_DECODE_IP_H

#include "decode_state.h"

FT_INLINE int ft_is_ipv6_ext(__u32 proto)
{
	return proto == 0 || proto == 43 || proto == 60 || proto == 135 || proto == 139 ||
	       proto == 140;
}

/* What a fragment can hold that matters: nothing else is looked at. */
FT_INLINE int ft_may_hold_dns(__u32 proto)
{
	return proto == 17 || proto == 6 || proto == 51 || ft_is_ipv6_ext(proto);
}

FT_INLINE int ft_is_ip_tunnel(__u32 proto)
{
	return proto == 47 || proto == 4 || proto == 41;
}

/*
 * A fragment, its header behind the cursor. A tunnel's are refused: they would have to be put
 * together before what they carry can be looked at. First ones show their ports if they can.
 */
FT_INLINE int ft_fragment(struct ft_decode *d)
{
	d->payload = d->off;
	d->payload_bytes = d->limit > d->off ? d->limit - d->off : 0;
	d->pkt.ip_proto = (__u8)d->proto;
	if (ft_is_ip_tunnel(d->proto))
		return ft_refuse(d, d->fragment ? FT_REASON_FRAGMENT_LATER
						: FT_REASON_FRAGMENT_FIRST_INCOMPLETE);
	if (!ft_may_hold_dns(d->proto))
		return ft_done(d, FT_KIND_NOT_DNS);
	if (d->limit > d->captured)
		return ft_refuse(d, FT_REASON_TRUNCATED_CAPTURE);
	if (d->payload_bytes > 65535)
		return ft_refuse(d, FT_REASON_MESSAGE_TOO_LARGE);
	d->kind = FT_KIND_FRAGMENT;
	return d->fragment ? FT_LAYER_DONE : FT_LAYER_PROTOCOL;
}

/* RFC 4291 2.5.5.2 */
FT_INLINE void ft_mapped(__u8 *addr, const __u8 *ipv4)
{
	static const union {
		__u8 b[12];
		__u64 first;
		__u32 word[3];
	} prefix = {.b = {[10] = 0xff, [11] = 0xff}};

	FT_STORE(__u64, addr, &prefix.first);
	FT_STORE(__u32, addr + 8, &prefix.word[2]);
	FT_STORE(__u32, addr + 12, ipv4);
}

FT_INLINE void ft_store_address(__u8 *addr, const __u8 *ipv6)
{
	FT_STORE(__u64, addr, ipv6);
	FT_STORE(__u64, addr + 8, ipv6 + 8);
}

/* RFC 791 3.1. A total length of 0 stands for "all there is": segmentation offload. */
FT_INLINE int ft_ipv4(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	const __u8 *p = ft_at(d, data, end, 20);
	__u32 header, total, fragment;

	if (!p)
		return ft_short(d, 20, FT_REASON_BAD_IP_HEADER);
	header = (p[0] & 15) * 4u;
	total = ft_be16(p + 2);
	if (header < 20 || (total && total < header) || d->off + header > d->limit)
		return ft_refuse(d, FT_REASON_BAD_IP_HEADER);
	ft_limit(d, total ? total : ~0U >> 1);
	ft_mapped(d->pkt.src, p + 12);
	ft_mapped(d->pkt.dst, p + 16);
	d->pkt.ip_version = 4;
	d->pkt.ip_ttl = p[8];
	d->pkt.ip_proto = p[9];
	d->proto = p[9];
	d->off += header;
	fragment = ft_be16(p + 6) & 0x3fff; /* more fragments, offset in units of eight */
	if (!fragment)
		return FT_LAYER_PROTOCOL;
	d->id = ft_be16(p + 4);
	d->fragment = (__u16)((fragment & 0x1fff) * 8);
	d->more = (__u8)(fragment >> 13);
	return ft_fragment(d);
}

/* RFC 8200 3. A payload length of 0 is a jumbogram (RFC 2675) or offload: all there is. */
FT_INLINE int ft_ipv6(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	const __u8 *p = ft_at(d, data, end, 40);
	__u32 payload;

	if (!p)
		return ft_short(d, 40, FT_REASON_BAD_IP_HEADER);
	payload = ft_be16(p + 4);
	ft_store_address(d->pkt.src, p + 8);
	ft_store_address(d->pkt.dst, p + 24);
	d->pkt.ip_version = 6;
	d->pkt.ip_ttl = p[7];
	d->pkt.ip_proto = p[6];
	d->proto = p[6];
	d->off += 40;
	ft_limit(d, payload ? payload : ~0U >> 1);
	return FT_LAYER_PROTOCOL;
}

FT_INLINE int ft_ip(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	const __u8 *p = ft_at(d, data, end, 1);

	if (!p)
		return ft_short(d, 1, FT_REASON_BAD_IP_HEADER);
	d->extensions = 0;
	if (p[0] >> 4 == 4)
		return ft_ipv4(d, data, end);
	if (p[0] >> 4 == 6)
		return ft_ipv6(d, data, end);
	return ft_refuse(d, FT_REASON_BAD_IP_HEADER);
}

/*
 * Hop-by-hop, routing, destination and the like (RFC 8200 4.3 to 4.6), and AH (RFC 4302 2.2),
 * which counts in other units.
 */
FT_INLINE int ft_extension(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	const __u8 *p = ft_at(d, data, end, 8);

	if (!p)
		return ft_short(d, 8, FT_REASON_BAD_IP_HEADER);
	if (d->extensions >= FT_MAX_IPV6_EXT)
		return ft_refuse(d, FT_REASON_IPV6_EXT_TOO_DEEP);
	d->extensions++;
	d->off += d->proto == 51 ? (p[1] + 2u) * 4 : (p[1] + 1u) * 8;
	d->proto = p[0];
	if (d->kind != FT_KIND_FRAGMENT)
		d->pkt.ip_proto = p[0];
	return FT_LAYER_PROTOCOL;
}

/* RFC 8200 4.5; a fragment that is the whole packet is none (RFC 6946). */
FT_INLINE int ft_ipv6_fragment(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	const __u8 *p = ft_at(d, data, end, 8);
	__u32 fragment;

	if (!p)
		return ft_short(d, 8, FT_REASON_BAD_IP_HEADER);
	if (d->extensions >= FT_MAX_IPV6_EXT)
		return ft_refuse(d, FT_REASON_IPV6_EXT_TOO_DEEP);
	d->extensions++;
	d->proto = p[0];
	d->pkt.ip_proto = p[0];
	d->off += 8;
	fragment = ft_be16(p + 2);
	if (!(fragment & 0xfff9))
		return FT_LAYER_PROTOCOL;
	if (d->kind == FT_KIND_FRAGMENT) /* a fragment of a fragment */
		return ft_refuse(d, FT_REASON_BAD_IP_HEADER);
	d->id = ft_be32(p + 4);
	d->fragment = fragment & 0xfff8;
	d->more = fragment & 1;
	return ft_fragment(d);
}

#endif
