/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Steps of the decoder: UDP and TCP, and what follows an IP header. */
#ifndef FLUXTAP_DECODE_TRANSPORT_H
#define FLUXTAP_DECODE_TRANSPORT_H

#include "decode_ip.h"
#include "decode_tunnel.h"

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

#endif
