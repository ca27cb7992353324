/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The short way for what nearly every response is: compressed owners, few labels, at most
 * FT_QUICK_RECORDS records.  It reads the packet in place, name by name, and gives up at anything
 * else: then the long way (decode.h, walk.h) starts from the beginning.  Where it does not give up,
 * it finds the same; the tests hold one against the other.  Most responses need only the first half
 * of this, see skeleton.h.
 */
#ifndef FLUXTAP_QUICK_H
#define FLUXTAP_QUICK_H

#include "plain.h"

/* Positions are masked in each round: the verifier then sees one range, not one for each path. */
#define FT_QUICK_MAX	 8191 /* octets of a message; far from where the mask would bite */
#define FT_QUICK_RECORDS 32
#define FT_QUICK_LABELS	 8

#define FT_QUESTION_LABELS 34 /* the reverse name of an IPv6 address has as many, RFC 3596 2.5 */
#define FT_QUESTION_WORDS  12 /* of eight octets; longer names are read on the long way */

/* All 64 bits, or the compiler clears the upper half twice. */
FT_INLINE __u64 ft_bound(__u64 pos)
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

		pos = (__u32)ft_bound(pos);
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
			s->walk.covered &= ft_quick_marked(s, n);
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
	v->message = (message & 63) | 42; /* 42 or 62: the verifier sees that headers lie before it */
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
	return s ? ft_quick_name(s, &v, (__u32)ft_bound(pos)) : 0;
}

__attribute__((noinline)) __u32 ft_tc_name(struct __sk_buff *ctx, __u32 message, __u32 pos)
{
	struct ft_scratch *s = ft_get_scratch();
	struct ft_view v;

	ft_view_init(&v, ctx, FT_TC, message, 0);
	return s ? ft_quick_name(s, &v, (__u32)ft_bound(pos)) : 0;
}

FT_INLINE __u32 ft_view_name(const struct ft_view *v, __u32 pos)
{
	return v->how & FT_TC ? ft_tc_name(v->ctx, v->message, pos)
			      : ft_xdp_name(v->ctx, v->message, pos);
}

/* --- messages -------------------------------------------------------------------------------- */

/*
 * The labels of the question's name, marked as by ft_quick_mark(), the key made once for all of
 * them. Where the root's octet is, or 0.
 */
FT_INLINE __u64 ft_quick_labels(struct ft_scratch *s, const struct ft_view *v)
{
	__u64 key = ft_memo_key(&s->walk, 0);
	__u64 pos = FT_HEADER;

	for (int i = 0; i < FT_QUESTION_LABELS + 1; i++) {
		const __u8 *p;
		__u64 n;

		pos = ft_bound(pos);
		p = v->data + pos;
		if (p + 1 > v->end)
			return 0;
		n = *p;
		if (!n)
			return pos;
		if (n > 63)
			return 0;
		s->label_at[pos & (FT_LABEL_SLOTS - 1)] = key | pos;
		pos += 1 + n;
	}
	return 0;
}

/* The eight octets at @p without the first @bits (0..56). */
FT_INLINE __u64 ft_last_octets(const __u8 *p, __u32 bits)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return *(const __u64 *)p >> bits;
#else
	return *(const __u64 *)p & (~0ULL >> bits);
#endif
}

/*
 * Adds the @octets at @p to @sum, word by word, each hashed with what its place adds; those of a
 * name without regard to case. False when they are more than @most words, or none.
 */
FT_INLINE bool ft_quick_words(const struct ft_view *v, const __u8 *p, __u64 octets, int most,
			      __u64 place, __u64 step, bool is_name, __u64 *sum)
{
	__u64 word, back;

	for (int i = 0; i < most - 1; i++) {
		if (octets <= 8)
			break;
		asm volatile("" : "+r"(p)); /* else the compiler reckons with the end instead */
		if (p + 8 > v->end)
			return false;
		word = *(const __u64 *)p;
		*sum += is_name ? ft_label_word(place, word) : ft_halves(place + word);
		p += 8;
		place += step;
		octets -= 8;
	}
	if (octets - 1 > 7)
		return false;
	/* the last word ends where they do: nothing behind is read */
	back = 8 - octets;
	asm volatile("%0 &= 7" : "+r"(back)); /* what the compiler knows, the verifier must see */
	p -= back;
	if (p + 8 > v->end)
		return false;
	word = ft_last_octets(p, 8 * (__u32)back);
	*sum += is_name ? ft_label_word(place, word) : ft_halves(place + word);
	return true;
}

FT_INLINE __u64 ft_quick_question(struct ft_scratch *s, const struct ft_view *v)
{
	__u64 seed = ft_settings.seed, sum = 0, root;
	const __u8 *p;

	root = ft_quick_labels(s, v);
	if (!root)
		return 0;
	/* as ft_question_sum() */
	if (!ft_quick_words(v, v->data + FT_HEADER, root + 1 - FT_HEADER, FT_QUESTION_WORDS,
			    ft_settings.step, seed, true, &sum))
		return 0;
	p = v->data + ft_bound(root);
	if (p + 5 > v->end)
		return 0;
	s->walk.name_hash = ft_name_hash(seed, sum, (__u16)ft_swap16(ft_raw16(p + 1)),
					 (__u16)ft_swap16(ft_raw16(p + 3)));
	return root + 5;
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
	counts = ft_quick_rdata(&s->walk, v, section, type_class, (__u32)ft_bound(pos), next);
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
 * All records, names and all; the question has been read. 0, or -1: take the long way. What one
 * round hands to the next lies in memory; see decode.h.
 */
FT_INLINE int ft_quick_records(struct ft_scratch *s, const struct ft_view *v)
{
	struct ft_walk *w = &s->walk;

	w->pos = w->records_at;
	w->sum = 0;
	ft_ttl_start(w);
	w->covered = 1;
	for (__u32 i = 0; i < FT_QUICK_RECORDS; i++) {
		__u32 pos;

		barrier();
		if (i >= w->records_all)
			break;
		pos = ft_quick_record(s, v, ft_section(i, w->answers, w->authorities), w->pos);
		if (!pos)
			return -1;
		w->pos = pos;
	}
	return 0;
}

__attribute__((noinline)) int ft_xdp_records(struct xdp_md *ctx, __u32 message)
{
	struct ft_scratch *s = ft_get_scratch();
	struct ft_view v;

	if (!s)
		return -1;
	ft_view_init(&v, ctx, FT_XDP, message, s->walk.len);
	return ft_quick_records(s, &v);
}

__attribute__((noinline)) int ft_tc_records(struct __sk_buff *ctx, __u32 message)
{
	struct ft_scratch *s = ft_get_scratch();
	struct ft_view v;

	if (!s)
		return -1;
	ft_view_init(&v, ctx, FT_TC, message, s->walk.len);
	return ft_quick_records(s, &v);
}

FT_INLINE int ft_view_records(const struct ft_view *v)
{
	return v->how & FT_TC ? ft_tc_records(v->ctx, v->message)
			      : ft_xdp_records(v->ctx, v->message);
}

#endif
