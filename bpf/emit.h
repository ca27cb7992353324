/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Records into the ring.  A record is put together in ft_scratch and copied once, at its own
 * length: bpf_ringbuf_output() takes a variable size, so that the ring is dense.  The reader is
 * woken only when the ring fills past a level; below it looks by itself.
 */
#ifndef FLUXTAP_EMIT_H
#define FLUXTAP_EMIT_H

#include "maps.h"

/* How the programs differ; a constant wherever it is used. */
#define FT_XDP	0
#define FT_TC	1 /* context is a __sk_buff */
#define FT_COPY 2 /* old kernel: no walk, no filter */
#define FT_OUT	4 /* leaves the machine */
#define FT_BARE 8 /* a device without link header: frames begin as skb->protocol says */

/* Pieces longer than the scratch holds are built in the ring, in a slot for the longest. */
#define FT_PIECE_MAX 65535

/*
 * Octets waiting in the ring, asked of it only where it matters: while they are few, each CPU may
 * add ring_quiet of them before it asks again, all CPUs together less than takes the ring to a
 * level where something happens. Until then the answer is 0.
 */
FT_INLINE __u64 ft_ring_pending(struct ft_scratch *s, __u32 size)
{
	__u64 pending;

	if (s->ring_room >= size) {
		s->ring_room -= size;
		return 0;
	}
	pending = bpf_ringbuf_query(&ft_ring, BPF_RB_AVAIL_DATA);
	s->ring_room = pending < ft_settings.wake_bytes / 2 ? ft_settings.ring_quiet : 0;
	if (pending < ft_settings.wake_bytes)
		s->asleep = 1;
	return pending;
}

/* Wake once for each time that the ring fills: it costs as much as a hundred records. */
FT_INLINE __u64 ft_wake_flag(struct ft_scratch *s, __u64 pending, __u32 size)
{
	__u32 level = ft_settings.wake_bytes;

	if (!level || !s->asleep || pending + size < level)
		return BPF_RB_NO_WAKEUP;
	s->asleep = 0;
	return BPF_RB_FORCE_WAKEUP;
}

FT_INLINE void ft_fill_header(struct ft_scratch *s, __u16 kind, __u32 size)
{
	s->d.hdr.kind = kind;
	s->d.hdr.version = FT_EVENT_VERSION;
	s->d.hdr.size = size;
	s->d.hdr.time_ns = ft_now_ns();
}

/* The record of s->d.hdr.size octets that begins at s->d.hdr. */
FT_INLINE int ft_output(struct ft_scratch *s, __u64 pending)
{
	__u32 size = s->d.hdr.size;

	if (size > sizeof(struct ft_response) + FT_MAX_UDP_DNS)
		return -1;
	return (int)bpf_ringbuf_output(&ft_ring, &s->d.hdr, size, ft_wake_flag(s, pending, size));
}

/* Octets behind the payload up to the next multiple of eight are zero. */
FT_INLINE __u32 ft_pad(__u8 *payload, __u32 len)
{
	if (len <= FT_MAX_UDP_DNS)
		*(__u64 *)(payload + len) = 0;
	return (len + 7) & ~7u;
}

/* Linux before 5.18 offers XDP no copy; reading by address does, once it is known to lie inside. */
FT_INLINE long ft_load_linear(struct xdp_md *ctx, __u32 off, void *to, __u32 len)
{
	const __u8 *data = (const __u8 *)(long)ctx->data;
	const __u8 *end = (const __u8 *)(long)ctx->data_end;

	if (off > FT_MAX_OFFSET || data + off + len > end)
		return -1;
	return bpf_probe_read_kernel(to, len, data + off);
}

/*
 * A length of 1..@max (a power of two) that the verifier of Linux 5.10 believes: it forgets what
 * it knew of a value that went through memory, and learns no lower bound from a comparison with 0.
 * The compiler, which knows better, must not see through it.
 */
#define FT_BOUND(len, max)                                   \
	({                                                   \
		asm volatile("" : "+r"(len));                \
		len = ((len - 1) & ((__u32)(max) - 1)) + 1;  \
	})

/* Copy @len (1..FT_MAX_UDP_DNS) octets of the packet. 0 or negative. */
FT_INLINE long ft_load(void *ctx, int how, __u32 off, void *to, __u32 len)
{
	if (len < 1 || len > FT_MAX_UDP_DNS)
		return -1;
	FT_BOUND(len, FT_MAX_UDP_DNS);
	if (how & FT_TC)
		return bpf_skb_load_bytes(ctx, off, to, len);
	if (how & FT_COPY)
		return ft_load_linear(ctx, off, to, len);
	return bpf_xdp_load_bytes(ctx, off, to, len);
}

#define FT_NEAR 512 /* octets worth copying here: a helper costs as much as some hundreds */

/* @n, of 8 to 64, is a constant: octets. */
FT_INLINE void ft_copy_words(__u8 *to, const __u8 *from, __u32 n)
{
#pragma unroll
	for (__u32 i = 0; i < n; i += 8)
		*(__u64 *)(to + i) = *(const __u64 *)(from + i);
}

struct ft_copy {
	__u8 *to;
	const __u8 *from;
	const __u8 *end; /* of the packet */
	__u32 off; /* copied so far */
};

/* The next @n octets. False when they are not at hand. */
FT_INLINE bool ft_copy_more(struct ft_copy *c, __u32 n)
{
	const __u8 *p = c->from + c->off;

	if (p + n > c->end)
		return false;
	ft_copy_words(c->to + c->off, p, n);
	c->off += n;
	return true;
}

/*
 * The same of a message of 12 octets or more of a plain packet: short ones by whole words, the last
 * one ending where the message does.
 */
FT_INLINE long ft_load_near(void *ctx, int how, __u32 off, __u8 *to, __u32 len)
{
	const struct __sk_buff *skb = ctx;
	const struct xdp_md *xdp = ctx;
	const __u8 *data = (const __u8 *)(long)(how & FT_TC ? skb->data : xdp->data);
	struct ft_copy c = {
		.to = to,
		.from = data + (off & 127),
		.end = (const __u8 *)(long)(how & FT_TC ? skb->data_end : xdp->data_end),
	};

	if (len > FT_NEAR || len < 12)
		return ft_load(ctx, how, off, to, len);
	for (__u32 i = 0; i + 64 <= FT_NEAR; i += 64) {
		if (i + 64 > len || c.from + i + 64 > c.end)
			break;
		ft_copy_words(to + i, c.from + i, 64);
	}
	/* up to 63 octets are left */
	c.off = len;
	/* what the compiler knows, the verifier must see */
	asm volatile("%0 &= 960" : "+r"(c.off));
	if ((len & 32 && !ft_copy_more(&c, 32)) || (len & 16 && !ft_copy_more(&c, 16)) ||
	    (len & 8 && !ft_copy_more(&c, 8)))
		return -1;
	c.off = len - 8;
	asm volatile("%0 &= 511" : "+r"(c.off));
	return ft_copy_more(&c, 8) ? 0 : -1;
}

/* Samples are beside the ledger: the frame has been counted. */
FT_INLINE void ft_output_sample(struct ft_scratch *s, struct ft_counters *c,
				enum ft_rate_index rate, __u32 per_second)
{
	if (ft_rate_allows(&s->rate[rate], per_second) && !ft_output(s, ft_ring_pending(s, s->d.hdr.size)))
		c->samples++;
	else
		c->samples_lost++;
}

FT_INLINE void ft_emit_refused(struct ft_scratch *s, struct ft_counters *c)
{
	struct ft_refused *r = (struct ft_refused *)&s->d.hdr;

	ft_fill_header(s, FT_EVENT_REFUSED, sizeof(*r));
	__builtin_memset(s->piece_tail, 0, sizeof(*r) - FT_RECORD_HEAD);
	r->reason = s->d.reason;
	ft_output_sample(s, c, FT_RATE_REFUSED, ft_settings.refused_per_s);
}

FT_INLINE const struct ft_flow *ft_fill_flow(struct ft_scratch *s, __u8 event)
{
	struct ft_flow *r = (struct ft_flow *)&s->d.hdr;

	ft_fill_header(s, FT_EVENT_FLOW, sizeof(*r));
	__builtin_memset(s->piece_tail, 0, sizeof(*r) - FT_RECORD_HEAD);
	r->event = event;
	return r;
}

FT_INLINE void ft_emit_flow(struct ft_scratch *s, struct ft_counters *c, __u8 event)
{
	ft_fill_flow(s, event);
	ft_output_sample(s, c, FT_RATE_FLOW, ft_settings.flows_per_s);
}

/* Kept in case that the address is watched a moment later. */
FT_INLINE void ft_keep_flow(struct ft_scratch *s, __u8 event)
{
	__u32 slot = (__u32)s->recent & (FT_RECENT_SLOTS - 1);
	struct ft_recent *r;

	slot += bpf_get_smp_processor_id() * FT_RECENT_SLOTS;
	r = bpf_map_lookup_elem(&ft_recent, &slot);
	if (!r)
		return;
	*(volatile __u64 *)&r->n = 0;
	barrier();
	__builtin_memcpy(&r->flow, ft_fill_flow(s, event), sizeof(r->flow));
	barrier();
	*(volatile __u64 *)&r->n = ++s->recent;
}

/* The fields between packet and payload of a fragment, or of a segment. */
FT_INLINE void ft_fill_fragment(struct ft_scratch *s, struct ft_fragment *r)
{
	r->id = s->d.id;
	r->offset = s->d.fragment;
	r->payload_bytes = (__u16)s->d.payload_bytes;
	r->more = s->d.more;
	__builtin_memset(r->pad, 0, sizeof(r->pad));
}

FT_INLINE void ft_fill_segment(struct ft_scratch *s, struct ft_segment *r)
{
	r->seq = s->d.seq;
	r->ack = s->d.ack;
	r->payload_bytes = (__u16)s->d.payload_bytes;
	r->flags = s->d.flags;
	__builtin_memset(r->pad, 0, sizeof(r->pad));
}

/* More than the scratch holds: offloaded segments, jumbo frames of the loopback. Rare. */
struct ft_long_piece {
	__u8 head[sizeof(struct ft_segment)];
	__u8 payload[FT_PIECE_MAX + 9];
};

FT_INLINE int ft_emit_long_piece(void *ctx, int how, struct ft_scratch *s)
{
	__u32 len = s->d.payload_bytes;
	struct ft_long_piece *r;
	long err;

	if (len < 1 || len > FT_PIECE_MAX || how == (FT_XDP | FT_COPY))
		return -1;
	r = bpf_ringbuf_reserve(&ft_ring, sizeof(*r), 0);
	if (!r)
		return -1;
	__builtin_memcpy(r->head, &s->d.hdr, FT_RECORD_HEAD);
	if (s->d.kind == FT_KIND_FRAGMENT)
		ft_fill_fragment(s, (struct ft_fragment *)r);
	else
		ft_fill_segment(s, (struct ft_segment *)r);
	FT_BOUND(len, FT_PIECE_MAX + 1);
	__builtin_memset(r->payload + len, 0, 8);
	if (how & FT_TC)
		err = bpf_skb_load_bytes(ctx, s->d.payload, r->payload, len);
	else
		err = bpf_xdp_load_bytes(ctx, s->d.payload, r->payload, len);
	if (err) {
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
		return -1;
	}
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

/* A fragment, segment or DHCP message. 0, or negative when it found no place. */
FT_INLINE int ft_emit_piece(void *ctx, int how, struct ft_scratch *s)
{
	__u32 len = s->d.payload_bytes;
	__u16 kind = s->d.kind == FT_KIND_FRAGMENT ? FT_EVENT_FRAGMENT :
		     s->d.kind == FT_KIND_DHCP	   ? FT_EVENT_DHCP :
						     FT_EVENT_SEGMENT;

	ft_fill_header(s, kind, sizeof(struct ft_segment) + ((len + 7) & ~7u));
	if (len > FT_MAX_UDP_DNS)
		return ft_emit_long_piece(ctx, how, s);
	if (len && ft_load(ctx, how, s->d.payload, s->payload, len))
		return -1;
	ft_pad(s->payload, len);
	if (kind == FT_EVENT_FRAGMENT)
		ft_fill_fragment(s, (struct ft_fragment *)&s->d.hdr);
	else
		ft_fill_segment(s, (struct ft_segment *)&s->d.hdr);
	return ft_output(s, ft_ring_pending(s, s->d.hdr.size));
}

#endif
