/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Steps of the decoder: Ethernet, VLAN tags, PPPoE, PPP, MPLS, LLC with SNAP. */
#ifndef FLUXTAP_DECODE_LINK_H
#define FLUXTAP_DECODE_LINK_H

#include "decode_state.h"

FT_INLINE int ft_ethernet(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	const __u8 *p = ft_at(d, data, end, 14);

	if (!p)
		return ft_short(d, 14, FT_REASON_SHORT_L2);
	if (!d->off) { /* the frame's own, not one that it carries */
		FT_STORE(__u32, d->pkt.dmac, p);
		FT_STORE(__u16, d->pkt.dmac + 4, p + 4);
		FT_STORE(__u32, d->pkt.smac, p + 6);
		FT_STORE(__u16, d->pkt.smac + 4, p + 10);
		d->pkt.has_mac = 1;
	}
	d->proto = ft_be16(p + 12);
	d->off += 14;
	return FT_LAYER_ETHERTYPE;
}

/* IEEE 802.1Q 9.6: tag control information, then the EtherType of what follows. */
FT_INLINE int ft_vlan(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	const __u8 *p = ft_at(d, data, end, 4);
	__u32 n = d->pkt.vlans;

	if (!p)
		return ft_short(d, 4, FT_REASON_SHORT_L2);
	if (n >= FT_MAX_VLANS)
		return ft_refuse(d, FT_REASON_VLAN_TOO_DEEP);
	d->pkt.vlan[n] = ft_be16(p) & 0xfff;
	d->pkt.vlans = (__u8)(n + 1);
	d->proto = ft_be16(p + 2);
	d->off += 4;
	return FT_LAYER_ETHERTYPE;
}

/* RFC 2516 4: version and type 1, code 0 is session data, octets of the PPP frame. */
FT_INLINE int ft_pppoe(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	const __u8 *p = ft_at(d, data, end, 6);

	if (!p)
		return ft_short(d, 6, FT_REASON_SHORT_L2);
	if (p[0] != 0x11)
		return ft_refuse(d, FT_REASON_BAD_TUNNEL_HEADER);
	if (p[1])
		return ft_done(d, FT_KIND_NOT_DNS);
	if (!ft_enter_tunnel(d, FT_TUNNEL_PPPOE))
		return ft_refuse(d, FT_REASON_TUNNEL_TOO_DEEP);
	d->off += 6;
	ft_limit(d, ft_be16(p + 4));
	return FT_LAYER_PPP;
}

/* RFC 1661 2 and 6.5: two octets of protocol, or one, odd, when compressed. */
FT_INLINE int ft_ppp(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	const __u8 *p = ft_at(d, data, end, 2);
	__u16 proto;

	if (!p)
		return ft_short(d, 2, FT_REASON_SHORT_L2);
	proto = p[0] & 1 ? p[0] : ft_be16(p);
	d->off += p[0] & 1 ? 1 : 2;
	if (proto == 0x21 || proto == 0x57)
		return FT_LAYER_IP;
	if (proto != 0x281 && proto != 0x283)
		return ft_done(d, FT_KIND_NOT_DNS);
	if (!ft_enter_tunnel(d, FT_TUNNEL_MPLS))
		return ft_refuse(d, FT_REASON_TUNNEL_TOO_DEEP);
	return FT_LAYER_MPLS;
}

/*
 * RFC 3032 2.1. What follows the last label is told from its first four bits (RFC 4928 3): an
 * IP version, or 0 for the control word before an Ethernet frame (RFC 4448 4.6).
 */
FT_INLINE int ft_mpls(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	const __u8 *p = ft_at(d, data, end, 5);

	if (!p)
		return ft_short(d, 5, FT_REASON_SHORT_L2);
	d->off += 4;
	if (!(p[2] & 1))
		return FT_LAYER_MPLS;
	if (p[4] >> 4 == 4 || p[4] >> 4 == 6)
		return FT_LAYER_IP;
	if (p[4] >> 4)
		return ft_done(d, FT_KIND_NOT_DNS);
	d->off += 4;
	return FT_LAYER_ETHERNET;
}

/*
 * IEEE 802.3: a length, then LLC. With SNAP and no organisation (RFC 1042) an EtherType follows as
 * elsewhere; other LLC (bridges, IS-IS, IPX) carries no IP. Cooked captures write 4 for "LLC
 * follows": no length of these eight octets and something behind them.
 */
FT_INLINE int ft_llc(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	const __u8 *p = ft_at(d, data, end, 8);

	if (!p || ft_be32(p) != 0xaaaa0300 || ft_be16(p + 4) || ft_be16(p + 6) < 0x0600)
		return ft_done(d, FT_KIND_NOT_DNS);
	if (d->proto > 8)
		ft_limit(d, d->proto);
	d->proto = ft_be16(p + 6);
	d->off += 8;
	return FT_LAYER_ETHERTYPE;
}

FT_INLINE int ft_ethertype(struct ft_decode *d, const __u8 *data, const __u8 *end)
{
	switch (d->proto) {
	case 0x0800:
	case 0x86dd:
		return FT_LAYER_IP;
	case 0x8100:
	case 0x88a8:
	case 0x9100:
	case 0x9200:
		return ft_vlan(d, data, end);
	case 0x8847:
	case 0x8848:
		if (!ft_enter_tunnel(d, FT_TUNNEL_MPLS))
			return ft_refuse(d, FT_REASON_TUNNEL_TOO_DEEP);
		return FT_LAYER_MPLS;
	case 0x8864:
		return ft_pppoe(d, data, end);
	case 0x6558: /* transparent Ethernet bridging, in GRE and Geneve */
		return FT_LAYER_ETHERNET;
	}
	if (d->proto < 0x0600)
		return ft_llc(d, data, end);
	return ft_done(d, FT_KIND_NOT_DNS);
}

#endif
