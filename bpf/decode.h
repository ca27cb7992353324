/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * From a frame to the UDP or TCP payload of its innermost packet, one layer a step: the one
 * decoder, compiled into the kernel programs and into the daemon.  What is accepted, passed over
 * and refused is written down in docs/capture.md, "Frames".
 *
 * A step reads the layer at the cursor and names the next one.  The cursor lies in struct
 * ft_decode, not in registers: the verifier then sees one unknown offset in each round instead
 * of every path that may have led there.
 */
#ifndef FLUXTAP_DECODE_H
#define FLUXTAP_DECODE_H

#include <fluxtap/event.h>
#include <fluxtap/fingerprint.h>
#include <fluxtap/ledger.h>

#define FT_PORTS_MAX	16
#define FT_DECODE_STEPS 40 /* layers of one frame; more: tunnel_too_deep */
#define FT_MAX_IPV6_EXT 8 /* extension headers of one packet, RFC 8200 4.1 */
#define FT_MAX_OFFSET	0x3fff /* headers lie below; proves the verifier's packet bound */

struct ft_ports {
	__u32 len;
	__u16 port[FT_PORTS_MAX]; /* host order */
};

enum ft_kind {
	FT_KIND_NOT_DNS,
	FT_KIND_QUERY,
	FT_KIND_RESPONSE, /* payload: the DNS message, QR=1, 12 octets or more */
	FT_KIND_FRAGMENT, /* payload: what follows the (fragment) header */
	FT_KIND_SEGMENT, /* payload: what follows the TCP header, may be empty */
	FT_KIND_REFUSED, /* reason says why */
	FT_KIND_DHCP, /* not DNS; payload: a DHCPv4 message */
};

/* What the cursor stands at. */
enum ft_layer {
	FT_LAYER_DONE,
	FT_LAYER_ETHERNET,
	FT_LAYER_ETHERTYPE, /* d->proto is the EtherType of what follows */
	FT_LAYER_PPP,
	FT_LAYER_MPLS,
	FT_LAYER_IP, /* version in the first four bits */
	FT_LAYER_PROTOCOL, /* d->proto is the IP protocol of what follows */
};

struct ft_decode {
	__u32 off; /* cursor: octets from the start of the frame */
	__u32 limit; /* where the innermost packet ends by the lengths read so far */
	__u32 captured; /* octets at hand; up to the frame's own length */
	__u16 layer; /* enum ft_layer */
	__u16 proto;
	__u16 kind; /* enum ft_kind */
	__u16 reason; /* enum ft_counter */
	__u32 payload; /* offset and octets of the payload */
	__u32 payload_bytes;
	__u32 id; /* fragments: identification, offset in octets, more follow */
	__u16 fragment;
	__u8 more;
	__u8 extensions; /* IPv6 extension headers seen */
	__u32 seq; /* segments: as in the TCP header */
	__u32 ack;
	__u8 flags;
	__u8 cut; /* a packet says that it is longer than what is at hand */
	__u8 pad[2];
	/* The head of the record to be, in place. */
	struct ft_event_hdr hdr;
	struct ft_packet pkt;
};

#ifdef __bpf__
#define FT_STORE(type, dst, src) (*(type *)(dst) = *(const type *)(src))
#else
#define FT_STORE(type, dst, src) __builtin_memcpy((dst), (src), sizeof(type))
#endif

FT_INLINE __u16 ft_be16(const __u8 *p)
{
	return (__u16)(p[0] << 8 | p[1]);
}

FT_INLINE __u32 ft_be32(const __u8 *p)
{
	return (__u32)ft_be16(p) << 16 | ft_be16(p + 2);
}

FT_INLINE int ft_has_port(const struct ft_ports *ports, __u16 port)
{
#ifdef __bpf__
#pragma unroll
#endif
	for (__u32 i = 0; i < FT_PORTS_MAX; i++)
		if (i < ports->len && ports->port[i] == port)
			return 1;
	return 0;
}

FT_INLINE int ft_done(struct ft_decode *d, enum ft_kind kind)
{
	d->kind = (__u16)kind;
	return FT_LAYER_DONE;
}

FT_INLINE int ft_refuse(struct ft_decode *d, __u16 reason)
{
	d->reason = reason;
	return ft_done(d, FT_KIND_REFUSED);
}

/* The @n octets at the cursor; NULL when they are not there: then ft_short() says why. */
FT_INLINE const __u8 *ft_at(const struct ft_decode *d, const __u8 *data, const __u8 *end, __u32 n)
{
	__u32 off = d->off;

	if (off > FT_MAX_OFFSET || off + n > d->limit)
		return 0;
#ifdef __bpf__
	const __u8 *p = data + off;

	return p + n <= end ? p : 0;
#else
	return off + n <= (__u32)(end - data) ? data + off : 0;
#endif
}

/* @n octets are missing: by the lengths on the wire, or only in what was captured of it? */
FT_INLINE int ft_short(struct ft_decode *d, __u32 n, __u16 reason)
{
	if (d->off + n <= d->limit)
		reason = FT_REASON_TRUNCATED_CAPTURE;
	return ft_refuse(d, reason);
}

/* The packet at the cursor says that it is @bytes long; what follows it is padding. */
FT_INLINE void ft_limit(struct ft_decode *d, __u32 bytes)
{
	if (d->off + bytes <= d->limit)
		d->limit = d->off + bytes;
	else
		d->cut = 1;
}

FT_INLINE int ft_enter_tunnel(struct ft_decode *d, __u8 tunnel)
{
	__u32 n = d->pkt.tunnels;

	if (n >= FT_MAX_TUNNELS)
		return 0;
	d->pkt.tunnel[n] = tunnel;
	d->pkt.tunnels = (__u8)(n + 1);
	return 1;
}

/* --- links ----------------------------------------------------------------------------------- */

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

/* --- IP -------------------------------------------------------------------------------------- */

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
	static const __u8 prefix[12] = {[10] = 0xff, [11] = 0xff};

	__builtin_memcpy(addr, prefix, sizeof(prefix));
	FT_STORE(__u32, addr + 12, ipv4);
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
	FT_STORE(__u64, d->pkt.src, p + 8);
	FT_STORE(__u64, d->pkt.src + 8, p + 16);
	FT_STORE(__u64, d->pkt.dst, p + 24);
	FT_STORE(__u64, d->pkt.dst + 8, p + 32);
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

/* --- tunnels --------------------------------------------------------------------------------- */

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

/* --- transport ------------------------------------------------------------------------------- */

/* A datagram from a DNS port: does it hold a response? RFC 768, RFC 1035 4.1.1. */
FT_INLINE int ft_udp_dns(struct ft_decode *d, const __u8 *data, const __u8 *end, __u32 bytes)
{
	const __u8 *p;

	if (bytes < 8 || d->off + bytes > d->limit)
		return ft_refuse(d, FT_REASON_BAD_UDP_LENGTH);
	if (bytes < 8 + 12)
		return ft_refuse(d, FT_REASON_SHORT_DNS);
	ft_limit(d, bytes);
	d->off += 8;
	p = ft_at(d, data, end, 3);
	if (!p)
		return ft_short(d, 3, FT_REASON_SHORT_DNS);
	if (!(p[2] & 0x80))
		return ft_done(d, FT_KIND_QUERY);
	if (d->limit > d->captured)
		return ft_refuse(d, FT_REASON_TRUNCATED_CAPTURE);
	d->payload = d->off;
	d->payload_bytes = bytes - 8;
	if (d->payload_bytes > FT_MAX_UDP_DNS)
		return ft_refuse(d, FT_REASON_MESSAGE_TOO_LARGE);
	return ft_done(d, FT_KIND_RESPONSE);
}

/* The ports of a first fragment decide; when they lie in the next one, reassembly does. */
FT_INLINE int ft_fragment_ports(struct ft_decode *d, const struct ft_ports *ports, __u16 sport,
				__u16 dport)
{
	if (ft_has_port(ports, sport))
		return FT_LAYER_DONE;
	return ft_done(d, ft_has_port(ports, dport) ? FT_KIND_QUERY : FT_KIND_NOT_DNS);
}

/* To a DHCP server or relay, or to a client: RFC 2131 4.1. */
FT_INLINE int ft_is_dhcp_port(__u16 dport)
{
	return dport == 67 || dport == 68;
}

/* What does not fit, or is longer than a frame of Ethernet takes, is left alone. */
#define FT_DHCP_MAX 1472
FT_INLINE int ft_udp_dhcp(struct ft_decode *d, __u32 bytes)
{
	if (bytes <= 8 || bytes > 8 + FT_DHCP_MAX || d->off + bytes > d->limit ||
	    d->off + bytes > d->captured)
		return ft_done(d, FT_KIND_NOT_DNS);
	d->payload = d->off + 8;
	d->payload_bytes = bytes - 8;
	return ft_done(d, FT_KIND_DHCP);
}

FT_INLINE int ft_udp(struct ft_decode *d, const __u8 *data, const __u8 *end,
		     const struct ft_ports *ports)
{
	const __u8 *p = ft_at(d, data, end, 8);
	__u16 sport, dport;

	if (!p && d->kind == FT_KIND_FRAGMENT && d->off + 8 > d->limit)
		return FT_LAYER_DONE;
	if (!p)
		return ft_short(d, 8, FT_REASON_BAD_UDP_LENGTH);
	sport = ft_be16(p);
	dport = ft_be16(p + 2);
	FT_STORE(__u32, &d->pkt.sport, p);
	if (!ft_has_port(ports, sport) && (ft_is_tunnel_port(dport) || sport == 3544))
		return ft_udp_tunnel(d, data, end, ft_is_tunnel_port(dport) ? dport : sport);
	if (d->kind == FT_KIND_FRAGMENT)
		return ft_fragment_ports(d, ports, sport, dport);
	if (ft_has_port(ports, sport))
		return ft_udp_dns(d, data, end, ft_be16(p + 4));
	if (ft_has_port(ports, dport))
		return ft_done(d, FT_KIND_QUERY);
	if (ft_is_dhcp_port(dport))
		return ft_udp_dhcp(d, ft_be16(p + 4));
	return ft_done(d, FT_KIND_NOT_DNS);
}

/* RFC 9293 3.1; @p is the fixed header. */
FT_INLINE int ft_tcp_dns(struct ft_decode *d, const __u8 *p)
{
	__u32 header = (p[12] >> 4) * 4u;

	if (header < 20 || d->off + header > d->limit)
		return ft_refuse(d, FT_REASON_BAD_TCP_HEADER);
	d->off += header;
	d->payload = d->off;
	d->payload_bytes = d->limit - d->off;
	if (!d->payload_bytes && !(d->flags & 7))
		return ft_done(d, FT_KIND_NOT_DNS);
	if (d->limit > d->captured)
		return ft_refuse(d, FT_REASON_TRUNCATED_CAPTURE);
	if (d->payload_bytes > 65535)
		return ft_refuse(d, FT_REASON_MESSAGE_TOO_LARGE);
	d->seq = ft_be32(p + 4);
	d->ack = ft_be32(p + 8);
	return ft_done(d, FT_KIND_SEGMENT);
}

FT_INLINE int ft_tcp(struct ft_decode *d, const __u8 *data, const __u8 *end,
		     const struct ft_ports *ports)
{
	const __u8 *p = ft_at(d, data, end, 20);
	__u16 sport, dport;

	if (!p && d->kind == FT_KIND_FRAGMENT && d->off + 20 > d->limit)
		return FT_LAYER_DONE;
	if (!p)
		return ft_short(d, 20, FT_REASON_BAD_TCP_HEADER);
	sport = ft_be16(p);
	dport = ft_be16(p + 2);
	FT_STORE(__u32, &d->pkt.sport, p);
	d->flags = p[13];
	if (d->kind == FT_KIND_FRAGMENT)
		return ft_fragment_ports(d, ports, sport, dport);
	if (ft_has_port(ports, sport))
		return ft_tcp_dns(d, p);
	return ft_done(d, ft_has_port(ports, dport) ? FT_KIND_QUERY : FT_KIND_NOT_DNS);
}

FT_INLINE int ft_protocol(struct ft_decode *d, const __u8 *data, const __u8 *end,
			  const struct ft_ports *ports)
{
	__u32 proto = d->proto;

	if (proto == 17)
		return ft_udp(d, data, end, ports);
	if (proto == 6)
		return ft_tcp(d, data, end, ports);
	if (proto == 51 || (d->pkt.ip_version == 6 && ft_is_ipv6_ext(proto)))
		return ft_extension(d, data, end);
	if (proto == 44 && d->pkt.ip_version == 6)
		return ft_ipv6_fragment(d, data, end);
	if (d->kind == FT_KIND_FRAGMENT) /* first, and nothing in it is looked at */
		return ft_done(d, FT_KIND_NOT_DNS);
	if (proto == 47)
		return ft_gre(d, data, end);
	if (proto == 4)
		return ft_inner_ip(d, FT_TUNNEL_IPIP);
	if (proto == 41)
		return ft_inner_ip(d, FT_TUNNEL_IP6IP);
	return ft_done(d, FT_KIND_NOT_DNS);
}

/* --- the machine ----------------------------------------------------------------------------- */

/*
 * Start at @layer: FT_LAYER_ETHERNET, _PPP, _MPLS, _IP; or _ETHERTYPE after setting d->proto.
 * @captured octets are at hand of a frame that had @wire. What the record says of the frame
 * itself (ifindex, direction) is the caller's.
 */
FT_INLINE void ft_decode_start(struct ft_decode *d, enum ft_layer layer, __u32 captured, __u32 wire)
{
	__builtin_memset(d, 0, sizeof(*d));
	d->layer = (__u16)layer;
	d->limit = wire;
	d->captured = captured;
	d->kind = FT_KIND_NOT_DNS;
	d->pkt.wire_bytes = wire;
}

/* Read one layer. Returns FT_LAYER_DONE (0) when the verdict is there, else go on. */
FT_INLINE int ft_decode_step(struct ft_decode *d, const __u8 *data, const __u8 *end,
			     const struct ft_ports *ports)
{
	int next;

	switch (d->layer) {
	case FT_LAYER_ETHERNET:
		next = ft_ethernet(d, data, end);
		break;
	case FT_LAYER_ETHERTYPE:
		next = ft_ethertype(d, data, end);
		break;
	case FT_LAYER_PPP:
		next = ft_ppp(d, data, end);
		break;
	case FT_LAYER_MPLS:
		next = ft_mpls(d, data, end);
		break;
	case FT_LAYER_IP:
		next = ft_ip(d, data, end);
		break;
	default:
		next = ft_protocol(d, data, end, ports);
	}
	d->layer = (__u16)next;
	return next;
}

#ifndef __bpf__
/* The whole way: @data holds @d->captured octets. Afterwards d->kind is the verdict. */
FT_INLINE void ft_decode(struct ft_decode *d, const __u8 *data, const struct ft_ports *ports)
{
	for (int i = 0; i < FT_DECODE_STEPS; i++)
		if (!ft_decode_step(d, data, data + d->captured, ports))
			return;
	ft_refuse(d, FT_REASON_TUNNEL_TOO_DEEP);
}
#endif

#endif
