/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The decoder's cursor and verdict, and how a step reads, goes on or ends.  See decode.h. */
#ifndef FLUXTAP_DECODE_STATE_H
#define FLUXTAP_DECODE_STATE_H

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

#endif
