/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The short way for what nearly every frame is: Ethernet, plain IPv4 or IPv6, UDP or TCP; and
 * nearly every response: compressed owners, few labels, at most FT_QUICK_RECORDS records.  It reads
 * the packet in place with its cursor in registers, and gives up at anything else: then the long
 * way (decode.h, walk.h) starts from the beginning.  Where it does not give up, it finds the same;
 * the tests hold one against the other.
 */
#ifndef FLUXTAP_QUICK_H
#define FLUXTAP_QUICK_H

#include "walk.h"

/* Positions are masked in each round: the verifier then sees one range, not one for each path. */
#define FT_QUICK_MAX	 8191 /* octets of a message; far from where the mask would bite */
#define FT_QUICK_RECORDS 32
#define FT_QUICK_LABELS	 8
#define FT_NO_TAIL	 (~0ULL) /* which no four octets are */

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
	if (!(udp[10] & 0x80))
		return FT_QUICK_QUERY;
	plain->l4 = l4;
	plain->message = l4 + 8;
	plain->len = bytes - 8;
	return FT_QUICK_RESPONSE;
}

/*
 * @ip_end: where the packet ends by its own length. While addresses are watched the long way looks
 * at what may begin or refuse a connection.
 */
FT_INLINE int ft_plain_ports(const __u8 *data, const __u8 *end, __u32 l4, __u32 proto, __u32 ip_end,
			     struct ft_plain *plain)
{
	const struct ft_ports *ports = (const struct ft_ports *)&ft_settings.ports;
	const __u8 *p = data + l4;
	__u16 sport, dport;

	if (p + 8 > end)
		return FT_QUICK_NO;
	sport = ft_raw16(p);
	dport = ft_raw16(p + 2);
	if (proto == 6) {
		if (p + 20 > end || l4 + 20 > ip_end || ft_has_raw_port(ports, sport))
			return FT_QUICK_NO;
		if (ft_has_raw_port(ports, dport))
			return FT_QUICK_QUERY;
		return p[13] & 6 && ft_watching ? FT_QUICK_NO : FT_QUICK_NOT_DNS;
	}
	if (proto != 17 || l4 + 8 > ip_end)
		return FT_QUICK_NO;
	if (ft_has_raw_port(ports, sport))
		return ft_plain_response(data, end, l4, ip_end, plain);
	if (ft_is_raw_tunnel_port(sport, dport))
		return FT_QUICK_NO;
	if (ft_has_raw_port(ports, dport))
		return FT_QUICK_QUERY;
	return ft_watching || ft_is_dhcp_port(FT_BE16(dport)) ? FT_QUICK_NO : FT_QUICK_NOT_DNS;
}

FT_INLINE int ft_plain_frame(const __u8 *data, const __u8 *end, struct ft_plain *plain)
{
	__u32 type;

	if (data + 14 + 40 > end)
		return FT_QUICK_NO;
	type = ft_raw16(data + 12);
	if (type == FT_BE16(0x0800)) {
		if (data[14] != 0x45 || ft_raw16(data + 20) & FT_BE16(0x3fff))
			return FT_QUICK_NO;
		return ft_plain_ports(data, end, 34, data[23], 14 + ft_swap16(ft_raw16(data + 16)),
				      plain);
	}
	if (type == FT_BE16(0x86dd) && data[14] >> 4 == 6)
		return ft_plain_ports(data, end, 54, data[20], 54 + ft_swap16(ft_raw16(data + 18)),
				      plain);
	return FT_QUICK_NO;
}

/* The head of the record to be, as the long way would have filled it. */
FT_INLINE int ft_fill_plain(struct ft_decode *d, const __u8 *data, const __u8 *end,
			    const struct ft_plain *plain, __u32 wire)
{
	__builtin_memset(&d->pkt, 0, sizeof(d->pkt));
	if (data + 54 > end)
		return -1;
	FT_STORE(__u32, d->pkt.dmac, data);
	FT_STORE(__u16, d->pkt.dmac + 4, data + 4);
	FT_STORE(__u32, d->pkt.smac, data + 6);
	FT_STORE(__u16, d->pkt.smac + 4, data + 10);
	d->pkt.has_mac = 1;
	d->pkt.ip_proto = 17;
	d->pkt.wire_bytes = wire;
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
	FT_STORE(__u64, d->pkt.src, data + 22);
	FT_STORE(__u64, d->pkt.src + 8, data + 30);
	FT_STORE(__u64, d->pkt.dst, data + 38);
	FT_STORE(__u64, d->pkt.dst + 8, data + 46);
	FT_STORE(__u32, &d->pkt.sport, data + 54);
	return 0;
}

FT_INLINE __u32 ft_bound(__u32 pos)
{
	asm volatile("%0 &= 16383" : "+r"(pos));
	return pos;
}

/* --- names ----------------------------------------------------------------------------------- */

/* The message in the packet; offsets are of the message. */
struct ft_view {
	void *ctx;
	int how;
	__u32 message; /* offset in the packet */
	const __u8 *data; /* of the message */
	const __u8 *end; /* of the packet: proves accesses */
	__u32 len; /* of the message: decides what is right */
};

/*
 * The label of @n octets at @at: whole words from its front, the last one ending where the label
 * does, so that nothing behind it is read; before it there is the DNS header at least.
 * Returns 0 when it is not at hand.
 */
FT_INLINE int ft_quick_label(const struct ft_view *v, __u32 at, __u32 n, __u64 *ret)
{
	__u64 label = ft_label_start(ft_settings.seed, n);
	const __u8 *p = v->data + at;

	if (n > 8) {
		if (p + 16 > v->end || n > 24)
			return 0;
		label = ft_label_word(label, *(const __u64 *)p);
		n -= 8;
		if (n > 8) {
			label = ft_label_word(label, *(const __u64 *)(p + 8));
			n -= 8;
			at += 8;
		}
		at += 8;
	}
	if (at < 8)
		return 0;
	p = v->data + ft_bound(at + n - 8);
	if (p + 8 > v->end)
		return 0;
	*ret = ft_label_word(label, *(const __u64 *)p >> (64 - 8 * n));
	return 1;
}

/* A name being read in place; behind a pointer it begins anew, and what stood before is the prefix.
 */
struct ft_reading {
	struct ft_name name;
	__u32 start;
	struct ft_name prefix;
	__u32 prefix_start;
	__u32 prefix_octets;
	__u32 end; /* in place, behind the pointer; 0 before one */
};

/* A label begins here: owners may point to it once its name was read to its end. */
FT_INLINE void ft_quick_mark(struct ft_scratch *s, __u32 pos)
{
	s->label_at[pos & (FT_LABEL_SLOTS - 1)] = ft_memo_key(&s->walk, pos);
}

FT_INLINE bool ft_quick_marked(struct ft_scratch *s, __u32 pos)
{
	return s->label_at[pos & (FT_LABEL_SLOTS - 1)] == ft_memo_key(&s->walk, pos);
}

/*
 * It has ended: @octets long from r->start on, with @pointers behind the first. Remembered, both
 * the whole and what a pointer led to; returns where it ends in place, @pos when there was no
 * pointer.
 */
FT_INLINE __u32 ft_quick_name_done(struct ft_scratch *s, struct ft_reading *r, __u32 octets,
				   __u32 pointers, __u32 pos)
{
	__u64 sum = r->name.sum;

	if (pos > s->walk.len || octets + r->prefix_octets > FT_NAME_OCTETS_MAX ||
	    pointers >= FT_QUICK_RECORDS)
		return 0;
	ft_memo_put(s, r->start, sum, octets, pointers);
	if (r->end) {
		sum = r->prefix.sum + r->prefix.weight * sum;
		if (r->prefix_octets)
			ft_memo_put(s, r->prefix_start, sum, octets + r->prefix_octets,
				    pointers + 1);
		pos = r->end;
	}
	s->walk.name_sum = sum;
	return pos;
}

/* The first pointer, to a name that is not in the memo: read on there. */
FT_INLINE void ft_quick_jump(struct ft_reading *r, __u32 pos, __u32 target)
{
	r->prefix = r->name;
	r->prefix_start = r->start;
	r->prefix_octets = pos - r->start;
	r->end = pos + 2;
	r->name = ft_name_start();
	r->start = target;
}

/*
 * The name at @pos: a few labels, then the root or a pointer; behind one pointer once more, unless
 * that name was read before. Returns where it ends in place and leaves its sum in walk.name_sum, or
 * returns 0: not so simple, or broken.
 */
FT_INLINE __u32 ft_quick_name(struct ft_scratch *s, const struct ft_view *v, __u32 pos)
{
	struct ft_reading r = {.name = ft_name_start(), .start = pos};
	__u64 label;

	for (int i = 0; i < FT_QUICK_LABELS + 2; i++) {
		const __u8 *p;
		__u32 n;

		pos = ft_bound(pos);
		p = v->data + pos;
		if (p + 1 > v->end)
			return 0;
		n = *p;
		if (n >= 0xc0) {
			const struct ft_memo *m;

			if (p + 2 > v->end)
				return 0;
			n = (n & 0x3f) << 8 | p[1];
			if (n >= r.start || n < FT_HEADER)
				return 0;
			m = ft_memo_slot(s, n);
			if (m->key == ft_memo_key(&s->walk, n)) {
				ft_name_add_suffix(&r.name, m->sum);
				return ft_quick_name_done(s, &r, m->octets + (pos - r.start),
							  m->pointers + 1, pos + 2);
			}
			if (r.end)
				return 0;
			ft_quick_jump(&r, pos, n);
			pos = n;
			continue;
		}
		if (n)
			ft_quick_mark(s, pos);
		pos += 1;
		if (!n)
			return ft_quick_name_done(s, &r, pos - r.start, 0, pos);
		if (n > 63 || !ft_quick_label(v, pos, n, &label))
			return 0;
		ft_name_add(&r.name, label);
		pos += n;
	}
	return 0;
}

FT_INLINE void ft_view_init(struct ft_view *v, void *ctx, int how, __u32 message, __u32 len)
{
	const struct __sk_buff *skb = ctx;
	const struct xdp_md *xdp = ctx;

	v->ctx = ctx;
	v->how = how;
	v->message = message & 127;
	v->len = len;
	v->data = (const __u8 *)(long)(how & FT_TC ? skb->data : xdp->data) + v->message;
	v->end = (const __u8 *)(long)(how & FT_TC ? skb->data_end : xdp->data_end);
}

/*
 * Global functions are verified once, by themselves, whoever calls them: this is what keeps names
 * inside records inside messages from multiplying.
 */
__attribute__((noinline)) __u32 ft_xdp_name(struct xdp_md *ctx, __u32 message, __u32 pos)
{
	struct ft_scratch *s = ft_get_scratch();
	struct ft_view v;

	ft_view_init(&v, ctx, FT_XDP, message, 0);
	return s ? ft_quick_name(s, &v, ft_bound(pos)) : 0;
}

__attribute__((noinline)) __u32 ft_tc_name(struct __sk_buff *ctx, __u32 message, __u32 pos)
{
	struct ft_scratch *s = ft_get_scratch();
	struct ft_view v;

	ft_view_init(&v, ctx, FT_TC, message, 0);
	return s ? ft_quick_name(s, &v, ft_bound(pos)) : 0;
}

FT_INLINE __u32 ft_view_name(const struct ft_view *v, __u32 pos)
{
	return v->how & FT_TC ? ft_tc_name(v->ctx, v->message, pos)
			      : ft_xdp_name(v->ctx, v->message, pos);
}

/* --- messages -------------------------------------------------------------------------------- */

/* The question's name, without a call: nothing lies before it to point to. Where it ends, or 0. */
FT_INLINE __u32 ft_quick_qname(struct ft_scratch *s, const struct ft_view *v)
{
	struct ft_reading r = {.name = ft_name_start(), .start = FT_HEADER};
	__u32 pos = FT_HEADER;
	__u64 label;

	for (int i = 0; i < FT_QUICK_LABELS + 2; i++) {
		const __u8 *p;
		__u32 n;

		pos = ft_bound(pos);
		p = v->data + pos;
		if (p + 1 > v->end)
			return 0;
		n = *p;
		if (!n)
			return ft_quick_name_done(s, &r, pos + 1 - FT_HEADER, 0, pos + 1);
		ft_quick_mark(s, pos);
		pos += 1;
		if (n > 63 || !ft_quick_label(v, pos, n, &label))
			return 0;
		ft_name_add(&r.name, label);
		pos += n;
	}
	return 0;
}

FT_INLINE __u32 ft_quick_question(struct ft_scratch *s, const struct ft_view *v)
{
	struct ft_walk *w = &s->walk;
	const __u8 *p;
	__u32 pos;

	pos = ft_quick_qname(s, v);
	if (!pos)
		return 0;
	p = v->data + ft_bound(pos);
	if (p + 4 > v->end)
		return 0;
	w->name_hash = ft_name_hash(ft_settings.seed, w->name_sum, (__u16)ft_swap16(ft_raw16(p)),
				    (__u16)ft_swap16(ft_raw16(p + 2)));
	return pos + 4;
}

/* NS or CNAME at @pos up to @next, or what the walk does not look into. 1: its TTL counts. */
FT_INLINE int ft_quick_rdata(struct ft_walk *w, const struct ft_view *v, __u32 section,
			     __u32 type_class, __u32 pos, __u32 next)
{
	__u16 type = type_class == FT_TYPE_IN(FT_TYPE_NS) ? FT_TYPE_NS : FT_TYPE_CNAME;
	const __u8 *p = v->data + pos;

	if (type_class == FT_TYPE_IN(FT_TYPE_A)) {
		if (next - pos != 4 || p + 4 > v->end)
			return -1;
		w->sum += ft_mix((ft_record_kind(section, FT_TYPE_A) | *(const __u32 *)p) ^
				 ft_settings.seed);
		return 1;
	}
	if (type_class == FT_TYPE_IN(FT_TYPE_AAAA)) {
		if (next - pos != 16 || p + 16 > v->end)
			return -1;
		w->sum += ft_record_aaaa(ft_settings.seed, section, p);
		return 1;
	}
	if (type_class != FT_TYPE_IN(FT_TYPE_NS) && type_class != FT_TYPE_IN(FT_TYPE_CNAME))
		return 0;
	if (ft_view_name(v, pos) != next)
		return -1;
	w->sum += ft_record_name(ft_settings.seed, section, type, w->name_sum);
	return 1;
}

/* One record of any kind at @pos. Returns where the next one begins, 0 to give up. */
FT_INLINE __u32 ft_quick_record(struct ft_scratch *s, const struct ft_view *v, __u32 section,
				__u32 pos)
{
	const __u8 *p = v->data + ft_bound(pos);
	__u32 type_class, ttl, next;
	int counts;

	if (p + 11 > v->end)
		return 0;
	if (!p[0])
		pos += 1;
	else if (p[0] >= 0xc0 && ft_quick_marked(s, (p[0] & 0x3fu) << 8 | p[1]))
		pos += 2;
	else
		pos = ft_view_name(v, pos);
	if (!pos)
		return 0;
	p = v->data + ft_bound(pos);
	if (p + 10 > v->end)
		return 0;
	type_class = *(const __u32 *)p;
	ttl = __builtin_bswap32(*(const __u32 *)(p + 4));
	pos += 10;
	next = pos + ft_swap16(ft_raw16(p + 8));
	if (next > v->len)
		return 0;
	counts = ft_quick_rdata(&s->walk, v, section, type_class, ft_bound(pos), next);
	if (counts < 0)
		return 0;
	if (counts)
		ft_note_ttl(&s->walk, section, ttl);
	return next;
}

/* 0 answer, 1 authority, 2 additional; without a branch, which would be a path each. */
FT_INLINE __u32 ft_section(__u32 i, __u32 answers, __u32 authorities)
{
	return ((answers + ~i) >> 31) + ((authorities + ~i) >> 31);
}

/*
 * An A record with a pointer for an owner, the commonest of all: 16 octets, or false. Most have the
 * very head of the one before them: then owner, type, TTL and length are known to be sound.
 */
FT_INLINE bool ft_quick_a(struct ft_scratch *s, const struct ft_view *v, __u32 pos, __u32 section)
{
	const __u8 *p = v->data + ft_bound(pos);
	struct ft_walk *w = &s->walk;
	__u64 head, tail;

	if (p + 16 > v->end || pos + 16 > w->len)
		return false;
	head = *(const __u64 *)p; /* owner, type, class, upper half of the TTL */
	tail = *(const __u32 *)(p + 8); /* its lower half, length */
	if (head != w->head || tail != w->tail) {
		if (*(const __u32 *)(p + 2) != FT_TYPE_IN(FT_TYPE_A) || p[0] < 0xc0 ||
		    ft_raw16(p + 10) != FT_BE16(4) ||
		    !ft_quick_marked(s, (p[0] & 0x3fu) << 8 | p[1]))
			return false;
		w->head = head;
		w->tail = tail;
		ft_note_ttl(w, section, __builtin_bswap32(*(const __u32 *)(p + 6)));
	}
	w->sum += ft_mix((ft_record_kind(section, FT_TYPE_A) | *(const __u32 *)(p + 12)) ^
			 ft_settings.seed);
	return true;
}

/* 0, or -1 to give up. What one round hands to the next lies in memory; see decode.h. */
FT_INLINE int ft_quick_records(struct ft_scratch *s, const struct ft_view *v, __u32 records)
{
	struct ft_walk *w = &s->walk;

	for (__u32 i = 0; i < FT_QUICK_RECORDS; i++) {
		__u32 section, pos;

		barrier();
		if (i >= records)
			break;
		section = ft_section(i, w->answers, w->authorities);
		pos = w->pos;
		if (ft_quick_a(s, v, pos, section))
			pos += 16;
		else
			pos = ft_quick_record(s, v, section, pos);
		if (!pos)
			return -1;
		w->pos = pos;
	}
	if (w->ttl_min > w->ttl_max)
		w->ttl_min = 0;
	return 0;
}

/*
 * Walk the message in place; 0: s->walk is filled as by ft_walk_message(), of a sound message;
 * else take the long way. @message: its offset in the packet.
 */
FT_INLINE int ft_quick_walk(struct ft_scratch *s, void *ctx, int how, __u32 message, __u32 len)
{
	struct ft_walk *w = &s->walk;
	struct ft_view v;
	const __u8 *p;
	__u32 records, pos;

	ft_view_init(&v, ctx, how, message, len);
	p = v.data;
	if (p + FT_HEADER > v.end || ft_raw16(p + 4) != FT_BE16(1))
		return -1;
	ft_walk_start(w, v.len);
	w->tail = FT_NO_TAIL;
	w->records[0] = ft_swap16(ft_raw16(p + 6));
	w->records[1] = ft_swap16(ft_raw16(p + 8));
	w->records[2] = ft_swap16(ft_raw16(p + 10));
	w->answers = w->records[0];
	w->authorities = w->answers + w->records[1];
	records = w->authorities + w->records[2];
	if (records > FT_QUICK_RECORDS)
		return -1;
	pos = ft_quick_question(s, &v);
	if (!pos || pos > w->len)
		return -1;
	w->pos = pos;
	/* the verifier would follow every length of the question from here */
	barrier();
	ft_view_init(&v, ctx, how, message, len);
	return ft_quick_records(s, &v, records);
}

#endif
