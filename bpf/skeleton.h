/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Names in rdata are what a response costs most to read, and nearly always they were read a moment
 * ago, from the same octets.  The first pass over a plain response reads no name but the
 * question's: it hashes what decides them and whether they are sound, its skeleton, and looks up
 * what such names came to.  Only a message whose skeleton is not remembered is read in full
 * (quick.h), and remembered.
 *
 * The skeleton is the question, the counts, and of each NS and CNAME in its place owner, type, class,
 * length and octets; of other records the same without the octets, where the owner points to what
 * has not been read. All else the pass itself sees to be sound. TTLs do not enter, nor does the
 * rdata of other types: names that reach into these are not remembered (covered). Addresses do not
 * enter either; they are read each time. So a change of addresses, their rotation, or another TTL
 * leaves the skeleton as it was, and everything behind it as it would have been without it.
 */
#ifndef FLUXTAP_SKELETON_H
#define FLUXTAP_SKELETON_H

#include "quick.h"

#define FT_RDATA_WORDS 8 /* of a name; longer ones are read in full */
#define FT_RUN	       8 /* A records alike that one round takes */
#define FT_ROUNDS      20 /* of one record or run; what needs more is read in full */

/* Eight octets of a record: owner, type, class, upper half of the TTL; then four: lower half, length. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FT_HEAD_FIXED	   0x0000ffffffffffffULL
#define FT_HEAD_FIRST	   0xffULL
#define FT_HEAD_TYPE_CLASS(head) ((__u32)((head) >> 16))
#define FT_KEY(head, tail) ((head) | (tail) >> 16 << 48)
#define FT_TAIL_LENGTH(tail) ft_swap16((__u16)((__u32)(tail) >> 16))
#else
#define FT_HEAD_FIXED	   0xffffffffffff0000ULL
#define FT_HEAD_FIRST	   (0xffULL << 56)
#define FT_HEAD_TYPE_CLASS(head) ((__u32)((head) >> 16))
#define FT_KEY(head, tail) ((head) | (__u16)(tail))
#define FT_TAIL_LENGTH(tail) ((__u32)(__u16)(tail))
#endif

/*
 * Add the results up. A word counts by where it lies, and nobody outside knows how: its halves, each
 * with something secret added that goes by the place, are multiplied (as in NH, RFC 4418 5).
 */
FT_INLINE __u64 ft_skeleton_word(__u64 seed, __u64 pos, __u64 word)
{
	word += seed * (FT_NAME_BASE + 2 * pos);
	return (__u64)(__u32)word * (word >> 32);
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

/* What a pass adds up, kept out of memory, and the record at hand. */
struct ft_pass {
	__u64 seed;
	__u64 sum; /* of the addresses, as in ft_walk */
	__u64 skeleton;
	__u64 pos; /* of the record in the message */
	__u64 next; /* and of the one behind it */
	const __u8 *p; /* and in the packet: twelve octets are at hand */
	__u64 head; /* the first eight of them */
	__u64 tail; /* and four more */
	__u32 section;
	__u32 n; /* octets of rdata */
	bool known; /* the owner: it is sound */
};

/* The rdata as it lies there. False when it is too much, or nothing. */
FT_INLINE bool ft_skeleton_octets(struct ft_pass *r, const struct ft_view *v)
{
	__u64 pos = r->pos + 12, left = r->n, back;
	const __u8 *p = r->p + 12;

	for (int i = 0; i < FT_RDATA_WORDS - 1; i++) {
		if (left <= 8)
			break;
		asm volatile("" : "+r"(p)); /* else the compiler reckons with the end instead */
		if (p + 8 > v->end)
			return false;
		r->skeleton += ft_skeleton_word(r->seed, pos, *(const __u64 *)p);
		p += 8;
		pos += 8;
		left -= 8;
	}
	if (left - 1 > 7)
		return false;
	/* the last word ends where the rdata does: nothing behind is read */
	back = 8 - left;
	asm volatile("%0 &= 7" : "+r"(back)); /* what the compiler knows, the verifier must see */
	p -= back;
	pos -= back;
	if (p + 8 > v->end)
		return false;
	r->skeleton += ft_skeleton_word(r->seed, pos, ft_last_octets(p, 8 * (__u32)back));
	return true;
}

/*
 * A records with one and the same head, of which the first is at hand, up to @most of them in one
 * section: how many. Owner, type, TTL and length are as sound in all as in the first.
 */
FT_INLINE __u32 ft_skeleton_run(struct ft_pass *r, const struct ft_view *v, __u32 most)
{
	__u64 kind = ft_record_kind(r->section, FT_TYPE_A);
	const __u8 *p = r->p;
	__u32 n;

	for (n = 0; n < FT_RUN; n++) {
		asm volatile("" : "+r"(p));
		if (n >= most || p + 16 > v->end || *(const __u64 *)p != r->head ||
		    *(const __u32 *)(p + 8) != r->tail)
			break;
		r->sum += ft_mix((kind | *(const __u32 *)(p + 12)) ^ r->seed);
		p += 16;
	}
	return n;
}

/*
 * The head of the record at r->pos. An owner in labels gives up; the root is read as if it were two
 * octets, the first of them another's and masked away.
 */
FT_INLINE bool ft_skeleton_head(struct ft_scratch *s, const struct ft_view *v, struct ft_pass *r)
{
	const __u8 *p = v->data + r->pos;

	if (p + 11 > v->end)
		return false;
	r->known = true;
	if (p[0] >= 0xc0) {
		/* the question's name, or a label of it: then names may have been read, too */
		if (ft_raw16(p) != FT_BE16(0xc000 | FT_HEADER))
			r->known = !s->walk.deferred &&
				   ft_quick_marked(s, (p[0] & 0x3fu) << 8 | p[1]);
		r->head = *(const __u64 *)p;
	} else {
		if (p[0])
			return false;
		r->pos = ft_bound(r->pos - 1);
		p = v->data + r->pos;
		if (p + 12 > v->end)
			return false;
		r->head = *(const __u64 *)p & ~FT_HEAD_FIRST;
	}
	if (p + 12 > v->end)
		return false;
	r->p = p;
	r->tail = *(const __u32 *)(p + 8);
	r->n = FT_TAIL_LENGTH(r->tail);
	return true;
}

/* The head decides what the names are, or is sound only if they are. */
FT_INLINE void ft_skeleton_add_head(struct ft_walk *w, struct ft_pass *r)
{
	__u64 key = FT_KEY(r->head & FT_HEAD_FIXED, r->tail);

	w->deferred = 1;
	if (key == w->key) /* as sound as the one before: a run in which the TTL changes */
		return;
	w->key = key;
	r->skeleton += ft_skeleton_word(r->seed, r->pos | r->section << 14, key);
}

FT_INLINE void ft_skeleton_ttl(struct ft_walk *w, const struct ft_pass *r)
{
	ft_note_ttl(w, r->section, __builtin_bswap32(*(const __u32 *)(r->p + 6)));
}

/* The record at r->pos, and those that are like it: how many, or 0 to give up. */
FT_INLINE __u32 ft_skeleton_record(struct ft_scratch *s, const struct ft_view *v,
				   struct ft_pass *r, __u32 most)
{
	struct ft_walk *w = &s->walk;
	__u32 type_class, n;

	if (!ft_skeleton_head(s, v, r) || r->pos + 12 + r->n > w->len)
		return 0;
	type_class = FT_HEAD_TYPE_CLASS(r->head);
	if (type_class == FT_TYPE_IN(FT_TYPE_NS) || type_class == FT_TYPE_IN(FT_TYPE_CNAME)) {
		w->key = 0; /* each counts by its place */
		ft_skeleton_add_head(w, r);
		ft_skeleton_ttl(w, r);
		r->next = r->pos + 12 + r->n;
		return ft_skeleton_octets(r, v);
	}
	if (!r->known)
		ft_skeleton_add_head(w, r);
	if (type_class == FT_TYPE_IN(FT_TYPE_A)) {
		if (r->n != 4 || !(r->head & FT_HEAD_FIRST)) /* the root's are not in step */
			return 0;
		ft_skeleton_ttl(w, r);
		n = ft_skeleton_run(r, v, most);
		r->next = r->pos + 16 * (__u64)n;
		return r->next > w->len ? 0 : n;
	}
	r->next = r->pos + 12 + r->n;
	if (type_class == FT_TYPE_IN(FT_TYPE_AAAA)) {
		if (r->n != 16 || r->p + 28 > v->end)
			return 0;
		r->sum += ft_record_aaaa(r->seed, r->section, r->p + 12);
		ft_skeleton_ttl(w, r);
	}
	return 1;
}

/* How many records of @i's section there are from it on. */
FT_INLINE __u32 ft_section_rest(const struct ft_walk *w, __u32 section, __u32 i)
{
	__u32 end = w->records_all;

	if (section == 0)
		end = w->answers;
	else if (section == 1)
		end = w->authorities;
	return end - i;
}

/* 0, or -1 to give up. What one round hands to the next lies in memory; see decode.h. */
FT_INLINE int ft_skeleton_records(struct ft_scratch *s, const struct ft_view *v)
{
	struct ft_walk *w = &s->walk;
	struct ft_pass r = {.seed = ft_settings.seed};

	ft_records_start(w);
	w->index = 0;
	w->deferred = 0;
	w->key = 0; /* which no pointer begins */
	r.skeleton = w->skeleton;
	r.sum = w->sum;
	r.next = w->records_at;
	for (__u32 round = 0; round < FT_ROUNDS; round++) {
		__u32 i, n;

		barrier();
		i = w->index;
		if (i >= w->records_all)
			break;
		r.pos = ft_bound(r.next);
		r.section = ft_section(i, w->answers, w->authorities);
		n = ft_skeleton_record(s, v, &r, ft_section_rest(w, r.section, i));
		if (!n)
			return -1;
		w->index = i + n;
	}
	if (w->index < w->records_all)
		return -1;
	w->sum = r.sum;
	w->skeleton = r.skeleton;
	ft_records_end(w);
	return 0;
}

/* --- what was read before -------------------------------------------------------------------- */

/*
 * Lines are shared by all CPUs and written without a lock: half of one and half of another entry
 * fails the check.
 */
FT_INLINE struct ft_skeletons *ft_skeleton_line(const struct ft_walk *w)
{
	__u32 index = (__u32)(w->skeleton >> 32) & ft_settings.skeletons_mask;

	return bpf_map_lookup_elem(&ft_skeletons, &index);
}

/* Adds what the names come to. */
FT_INLINE bool ft_skeleton_known(struct ft_walk *w)
{
	const struct ft_skeletons *line = ft_skeleton_line(w);

	if (!line)
		return false;
#pragma unroll
	for (int i = 0; i < FT_SKELETON_WAYS; i++) {
		__u64 names = *(const volatile __u64 *)&line->way[i].names;

		if (line->way[i].check == (w->skeleton ^ names)) {
			w->sum += names;
			return true;
		}
	}
	return false;
}

/* @names: what they came to. A free way makes room, or one by turns. */
FT_INLINE void ft_skeleton_learn(struct ft_scratch *s, struct ft_counters *c, __u64 names)
{
	struct ft_skeletons *line = ft_skeleton_line(&s->walk);
	__u32 way = (__u32)s->rotor++ & (FT_SKELETON_WAYS - 1);

	if (!line)
		return;
#pragma unroll
	for (int i = 0; i < FT_SKELETON_WAYS; i++)
		if (!line->way[i].check)
			way = (__u32)i;
	way &= FT_SKELETON_WAYS - 1;
	line->way[way].names = names;
	line->way[way].check = s->walk.skeleton ^ names;
	c->skeletons_learnt++;
}

/* --- messages -------------------------------------------------------------------------------- */

/* Read all names, and remember what they came to where the skeleton holds them all. */
FT_INLINE int ft_quick_names(struct ft_scratch *s, struct ft_counters *c, const struct ft_view *v,
			     bool has_skeleton)
{
	struct ft_walk *w = &s->walk;
	__u64 addresses = w->sum;

	if (ft_view_records(v))
		return -1;
	if (has_skeleton && w->covered)
		ft_skeleton_learn(s, c, w->sum - addresses);
	return 0;
}

/* Header and question. 0, or -1: take the long way. */
FT_INLINE int ft_quick_start(struct ft_scratch *s, const struct ft_view *v)
{
	struct ft_walk *w = &s->walk;
	const __u8 *p = v->data;
	__u32 pos;

	if (p + FT_HEADER > v->end || ft_raw16(p + 4) != FT_BE16(1))
		return -1;
	ft_walk_start(w, v->len);
	w->records[0] = ft_swap16(ft_raw16(p + 6));
	w->records[1] = ft_swap16(ft_raw16(p + 8));
	w->records[2] = ft_swap16(ft_raw16(p + 10));
	w->answers = w->records[0];
	w->authorities = w->answers + w->records[1];
	w->records_all = w->authorities + w->records[2];
	if (w->records_all > FT_QUICK_RECORDS)
		return -1;
	pos = ft_quick_question(s, v);
	if (!pos || pos > w->len)
		return -1;
	w->records_at = pos;
	w->skeleton = w->name_hash +
		      ft_skeleton_word(ft_settings.seed, 4, *(const __u64 *)(p + 4));
	return 0;
}

/*
 * Walk the message in place; 0: s->walk is filled as by ft_walk_message(), of a sound message;
 * else take the long way. @message: its offset in the packet.
 */
FT_INLINE int ft_quick_walk(struct ft_scratch *s, struct ft_counters *c, void *ctx, int how,
			    __u32 message, __u32 len)
{
	struct ft_walk *w = &s->walk;
	struct ft_view v;

	ft_view_init(&v, ctx, how, message, len);
	if (ft_quick_start(s, &v))
		return -1;
	/* the verifier would follow every length of the question from here */
	barrier();
	ft_view_init(&v, ctx, how, message, len);
	if (ft_skeleton_records(s, &v))
		return ft_quick_names(s, c, &v, false);
	if (!w->deferred || ft_skeleton_known(w))
		return 0;
	return ft_quick_names(s, c, &v, true);
}

#endif
