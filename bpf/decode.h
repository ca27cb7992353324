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

#include "decode_state.h"
#include "decode_link.h"
#include "decode_ip.h"
#include "decode_tunnel.h"
#include "decode_transport.h"

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
