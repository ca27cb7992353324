/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * What nearly every frame is: Ethernet, plain IPv4 or IPv6, UDP or TCP, told by a few comparisons
 * in the packet itself.  Anything else takes the long way, decode.h; where this one answers, that
 * one would have found the same.
 */
#ifndef FLUXTAP_PLAIN_H
#define FLUXTAP_PLAIN_H

#include "walk.h"

enum ft_quick { FT_QUICK_NO, FT_QUICK_NOT_DNS, FT_QUICK_QUERY, FT_QUICK_RESPONSE };

/* Where things lie in a plain frame with a response. */
struct ft_plain {
	__u32 l4; /* offset of the UDP header */
	__u32 message; /* offset of the DNS message */
	__u32 len; /* its octets, all of them at hand */
};

/* As it lies in the packet. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FT_BE16(x) ((__u16)((__u16)(x) << 8 | (__u16)(x) >> 8))
#else
#define FT_BE16(x) (x)
#endif

FT_INLINE __u16 ft_raw16(const __u8 *p)
{
	return *(const __u16 *)p;
}

FT_INLINE __u32 ft_swap16(__u16 x)
{
	return __builtin_bswap16(x);
}

FT_INLINE int ft_has_raw_port(const struct ft_ports *ports, __u16 raw)
{
	return ft_has_port(ports, FT_BE16(raw));
}

FT_INLINE int ft_is_raw_tunnel_port(__u16 sport, __u16 dport)
{
	return dport == FT_BE16(4789) || dport == FT_BE16(8472) || dport == FT_BE16(6081) ||
	       dport == FT_BE16(2152) || dport == FT_BE16(3544) || sport == FT_BE16(3544);
}

/* A datagram from a DNS port: the lengths must fit and the message be at hand, else the long way.
 */
FT_INLINE int ft_plain_response(const __u8 *data, const __u8 *end, __u32 l4, __u32 ip_end,
				struct ft_plain *plain)
{
	const __u8 *udp = data + l4;
	__u32 bytes;

	if (udp + 8 + FT_HEADER > end)
		return FT_QUICK_NO;
	bytes = ft_swap16(ft_raw16(udp + 4));
	if (bytes < 8 + FT_HEADER || l4 + bytes > ip_end || bytes > FT_MAX_UDP_DNS)
		return FT_QUICK_NO;
	if (udp + bytes > end)
		return FT_QUICK_NO;
	if (udp[10] < 0x80)
		return FT_QUICK_QUERY;
	plain->l4 = l4;
	plain->message = l4 + 8;
	plain->len = bytes - 8;
	return FT_QUICK_RESPONSE;
}

/*
 * @ip_end: where the packet ends by its own length; up to @l4 and eight octets more it is at hand.
 * While addresses are watched the long way looks at what may begin or refuse a connection.
 */
FT_INLINE int ft_plain_udp(const __u8 *data, const __u8 *end, __u32 l4, __u32 ip_end,
			   struct ft_plain *plain)
{
	const struct ft_ports *ports = (const struct ft_ports *)&ft_settings.ports;
	__u16 sport = ft_raw16(data + l4), dport = ft_raw16(data + l4 + 2);

	if (l4 + 8 > ip_end)
		return FT_QUICK_NO;
	if (ft_has_raw_port(ports, sport))
		return ft_plain_response(data, end, l4, ip_end, plain);
	if (ft_is_raw_tunnel_port(sport, dport))
		return FT_QUICK_NO;
	if (ft_has_raw_port(ports, dport))
		return FT_QUICK_QUERY;
	return ft_watching || ft_is_dhcp_port(FT_BE16(dport)) ? FT_QUICK_NO : FT_QUICK_NOT_DNS;
}

FT_INLINE int ft_plain_tcp(const __u8 *data, const __u8 *end, __u32 l4, __u32 ip_end)
{
	const struct ft_ports *ports = (const struct ft_ports *)&ft_settings.ports;
	const __u8 *p = data + l4;

	if (p + 20 > end || l4 + 20 > ip_end || ft_has_raw_port(ports, ft_raw16(p)))
		return FT_QUICK_NO;
	if (ft_has_raw_port(ports, ft_raw16(p + 2)))
		return FT_QUICK_QUERY;
	return p[13] & 6 && ft_watching ? FT_QUICK_NO : FT_QUICK_NOT_DNS;
}

/*
 * Of words of four octets: EtherType, version and header length; what says that it is no fragment,
 * and the protocol.
 */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FT_IS_PLAIN_IPV4(word) (((word) & 0xffffff) == 0x450008)
#define FT_IS_IPV6(word)       (((word) & 0xf0ffff) == 0x60dd86)
#define FT_WHOLE(word)	       ((word) & 0xff00ff3f)
#define FT_WHOLE_OF(protocol)  ((protocol) << 24)
#else
#define FT_IS_PLAIN_IPV4(word) ((word) >> 8 == 0x080045)
#define FT_IS_IPV6(word)       ((word) >> 12 == 0x86dd6)
#define FT_WHOLE(word)	       ((word) & 0x3fff00ff)
#define FT_WHOLE_OF(protocol)  (protocol)
#endif

/* IPv4 without options, no fragment. */
FT_INLINE int ft_plain_ipv4(const __u8 *data, const __u8 *end, struct ft_plain *plain)
{
	__u32 kind = FT_WHOLE(*(const __u32 *)(data + 20));
	__u32 length = __builtin_bswap32(*(const __u32 *)(data + 16));
	__u32 ip_end;

	/* with what stands behind it: four octets are swapped by one instruction, two by two */
	asm volatile("" : "+r"(length));
	ip_end = 14 + (length >> 16);
	/* what most frames are, on a way without jumps */
	if (__builtin_expect(kind == FT_WHOLE_OF(6), 1))
		return ft_plain_tcp(data, end, 34, ip_end);
	/* else it would be one choice of three, in the compiler's order */
	asm volatile("" : "+r"(kind));
	return kind == FT_WHOLE_OF(17) ? ft_plain_udp(data, end, 34, ip_end, plain) : FT_QUICK_NO;
}

FT_INLINE int ft_plain_ipv6(const __u8 *data, const __u8 *end, struct ft_plain *plain)
{
	__u32 ip_end = 54 + ft_swap16(ft_raw16(data + 18));

	asm volatile("" : "+r"(data)); /* else what was compared before takes a register more */
	if (data + 54 + 8 > end)
		return FT_QUICK_NO;
	if (data[20] == 17)
		return ft_plain_udp(data, end, 54, ip_end, plain);
	return data[20] == 6 ? ft_plain_tcp(data, end, 54, ip_end) : FT_QUICK_NO;
}

FT_INLINE int ft_plain_frame(const __u8 *data, const __u8 *end, struct ft_plain *plain)
{
	/* read for each comparison: kept for the second, it would take a register more */
	const volatile __u32 *word = (const volatile __u32 *)(data + 12);

	if (data + 14 + 40 > end)
		return FT_QUICK_NO;
	if (FT_IS_PLAIN_IPV4(*word))
		return ft_plain_ipv4(data, end, plain);
	return FT_IS_IPV6(*word) ? ft_plain_ipv6(data, end, plain) : FT_QUICK_NO;
}

/* The client alone, for the filter. */
FT_INLINE int ft_fill_client(struct ft_decode *d, const __u8 *data, const __u8 *end,
			     const struct ft_plain *plain)
{
	if (data + 54 > end)
		return -1;
	if (plain->l4 == 34)
		ft_mapped(d->pkt.dst, data + 30);
	else
		ft_store_address(d->pkt.dst, data + 38);
	return 0;
}

/* The head of the record to be, as the long way would have filled it, but for its origin. */
FT_INLINE int ft_fill_plain(struct ft_decode *d, const __u8 *data, const __u8 *end,
			    const struct ft_plain *plain)
{
	/* in two, the second by words of eight octets */
	__builtin_memset(d->pkt.vlan, 0, 4);
	__builtin_memset(d->pkt.vlan + 2, 0, sizeof(d->pkt) - offsetof(struct ft_packet, vlan) - 4);
	if (data + 54 > end)
		return -1;
	FT_STORE(__u32, d->pkt.dmac, data);
	FT_STORE(__u16, d->pkt.dmac + 4, data + 4);
	FT_STORE(__u32, d->pkt.smac, data + 6);
	FT_STORE(__u16, d->pkt.smac + 4, data + 10);
	d->pkt.has_mac = 1;
	d->pkt.ip_proto = 17;
	d->pkt.wire_bytes = (__u32)(end - data);
	d->payload = plain->message;
	d->payload_bytes = plain->len;
	if (plain->l4 == 34) {
		d->pkt.ip_version = 4;
		d->pkt.ip_ttl = data[22];
		ft_mapped(d->pkt.src, data + 26);
		ft_mapped(d->pkt.dst, data + 30);
		FT_STORE(__u32, &d->pkt.sport, data + 34);
		return 0;
	}
	if (data + 58 > end)
		return -1;
	d->pkt.ip_version = 6;
	d->pkt.ip_ttl = data[21];
	ft_store_address(d->pkt.src, data + 22);
	ft_store_address(d->pkt.dst, data + 38);
	FT_STORE(__u32, &d->pkt.sport, data + 54);
	return 0;
}

#endif
