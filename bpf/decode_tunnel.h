/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Steps of the decoder: what carries packets inside packets. */
#ifndef FLUXTAP_DECODE_TUNNEL_H
#define FLUXTAP_DECODE_TUNNEL_H

#include "decode_ip.h"

FT_INLINE int ft_inner_ip(struct ft_decode *d, __u8 tunnel)
{
	if (!ft_enter_tunnel(d, tunnel))
		return ft_refuse(d, FT_REASON_TUNNEL_TOO_DEEP);
	return FT_LAYER_IP;
}

/* draft-foschiano-erspan: II has 8 octets and a GRE sequence number, I neither, III 12 or 20. */
FT_INLINE int ft_erspan(struct ft_decode *d, const __u8 *data, const __u8 *end, int has_seq)
{
	__u32 header = d->proto == 0x22eb ? 12 : has_seq ? 8 : 0;
	const __u8 *p = ft_at(d, data, end, 12);

	if (!p)
		return ft_short(d, 12, FT_REASON_BAD_TUNNEL_HEADER);
	if (d->proto == 0x22eb && p[11] & 1)
		header += 8;
	d->off += header;
	return FT_LAYER_ETHERNET;
}

/* RFC 2784 2.1 and RFC 2890 2; the routing field of RFC 1701 and version 1 are not read. */
FT_INLINE int ft_gre(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	const __u8 *p = ft_at(d, data, end, 4);
	__u32 flags;

	if (!p)
		return ft_short(d, 4, FT_REASON_BAD_TUNNEL_HEADER);
	flags = ft_be16(p);
	d->proto = ft_be16(p + 2);
	if (flags & 7)
		return ft_done(d, FT_KIND_NOT_DNS);
	if (flags & 0x4000)
		return ft_refuse(d, FT_REASON_BAD_TUNNEL_HEADER);
	d->off += 4 + (flags >> 15) * 4 + (flags >> 13 & 1) * 4 + (flags >> 12 & 1) * 4;
	if (d->proto == 0x88be || d->proto == 0x22eb) {
		if (!ft_enter_tunnel(d, FT_TUNNEL_ERSPAN))
			return ft_refuse(d, FT_REASON_TUNNEL_TOO_DEEP);
		return ft_erspan(d, data, end, flags & 0x1000);
	}
	if (!ft_enter_tunnel(d, FT_TUNNEL_GRE))
		return ft_refuse(d, FT_REASON_TUNNEL_TOO_DEEP);
	return FT_LAYER_ETHERTYPE;
}

/*
 * A port says little about what a datagram holds, so a header that does not fit makes it an
 * ordinary datagram, not a broken tunnel.
 */
FT_INLINE int ft_vxlan(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	const __u8 *p = ft_at(d, data, end, 8);

	if (!p || !(p[0] & 8) || p[7]) /* RFC 7348 5: valid identifier, reserved octet */
		return ft_done(d, FT_KIND_NOT_DNS);
	if (!ft_enter_tunnel(d, FT_TUNNEL_VXLAN))
		return ft_refuse(d, FT_REASON_TUNNEL_TOO_DEEP);
	d->off += 8;
	return FT_LAYER_ETHERNET;
}

/* RFC 8926 3.4: version 0, options in units of four octets, EtherType. */
FT_INLINE int ft_geneve(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	const __u8 *p = ft_at(d, data, end, 8);

	if (!p || p[0] >> 6 || p[7])
		return ft_done(d, FT_KIND_NOT_DNS);
	if (!ft_enter_tunnel(d, FT_TUNNEL_GENEVE))
		return ft_refuse(d, FT_REASON_TUNNEL_TOO_DEEP);
	d->proto = ft_be16(p + 2);
	d->off += 8 + (p[0] & 63) * 4u;
	return FT_LAYER_ETHERTYPE;
}

/* TS 29.281 5.2: one to three extension headers occur; each ends with the type of the next. */
#define FT_GTPU_EXTENSIONS 4

FT_INLINE int ft_gtpu_extensions(struct ft_decode *d, const __u8 *data, const __u8 *end, __u8 type)
{
	for (int i = 0; i < FT_GTPU_EXTENSIONS && type; i++) {
		const __u8 *p = ft_at(d, data, end, 1);
		__u32 bytes;

		if (!p || !p[0])
			return 0;
		bytes = p[0] * 4u;
		d->off += bytes - 1;
		p = ft_at(d, data, end, 1);
		if (!p)
			return 0;
		type = p[0];
		d->off += 1;
	}
	return !type;
}

/* TS 29.281 5.1: version 1, protocol type GTP, message 255 carries a packet of a subscriber. */
FT_INLINE int ft_gtpu(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	const __u8 *p = ft_at(d, data, end, 12);

	if (!p || p[0] >> 4 != 3 || p[1] != 255)
		return ft_done(d, FT_KIND_NOT_DNS);
	if (!ft_enter_tunnel(d, FT_TUNNEL_GTPU))
		return ft_refuse(d, FT_REASON_TUNNEL_TOO_DEEP);
	d->off += 8;
	ft_limit(d, ft_be16(p + 2));
	if (!(p[0] & 7))
		return FT_LAYER_IP;
	d->off += 4;
	if (p[0] & 4 && !ft_gtpu_extensions(d, data, end, p[11]))
		return ft_refuse(d, FT_REASON_BAD_TUNNEL_HEADER);
	return FT_LAYER_IP;
}

/* RFC 4380 5.1.1: an IPv6 packet, maybe behind an origin indication. */
FT_INLINE int ft_teredo(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	const __u8 *p = ft_at(d, data, end, 9);

	if (!p)
		return ft_done(d, FT_KIND_NOT_DNS);
	if (p[0] >> 4 != 6) {
		if (ft_be16(p) || p[8] >> 4 != 6)
			return ft_done(d, FT_KIND_NOT_DNS);
		d->off += 8;
	}
	return ft_inner_ip(d, FT_TUNNEL_TEREDO);
}

FT_INLINE int ft_is_tunnel_port(__u16 dport)
{
	return dport == 4789 || dport == 8472 || dport == 6081 || dport == 2152 || dport == 3544;
}

FT_INLINE int ft_udp_tunnel(struct ft_decode *d, const __u8 *data, const __u8 *end, __u16 dport)
{
	if (d->kind == FT_KIND_FRAGMENT)
		return ft_refuse(d, FT_REASON_FRAGMENT_FIRST_INCOMPLETE);
	d->off += 8;
	switch (dport) {
	case 6081:
		return ft_geneve(d, data, end);
	case 2152:
		return ft_gtpu(d, data, end);
	case 3544:
		return ft_teredo(d, data, end);
	}
	return ft_vxlan(d, data, end);
}

#endif
