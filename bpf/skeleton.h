/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Names in rdata are what a response costs most to read, and nearly always they were read a moment
 * ago, from the same octets.  The first pass over a plain response reads no name but the
 * question's: it hashes what decides them and whether they are sound, its skeleton, and looks up
 * what such names came to.  Only a message whose skeleton is not remembered is read in full
 * (quick.h), and remembered.
 *
 * The skeleton is the question, the counts, and of each record in its place owner, type, class and
 * length: of the answers where the owner is not the question's name, of the other sections of each
 * A, AAAA, NS and CNAME, and of the rest where the owner points to what has not been read.  Its
 * place is where it lies and, behind the answers, which one it is: two records without names could
 * take up the octets of one, and what follows them stand in another section.  With them go the
 * octets of each NS and CNAME, and outside the answers of each A and AAAA.  All else the pass
 * itself sees to be sound.  TTLs do not enter, nor does the rdata of other types: names that reach
 * into these are not remembered (covered).  Addresses in the answers do not enter either; they are
 * read each time.  So a change of addresses, their rotation, or another TTL leaves the skeleton as
 * it was, and everything behind it as it would have been without it.
 */
#ifndef FLUXTAP_SKELETON_H
#define FLUXTAP_SKELETON_H

#include "quick.h"

#define FT_RDATA_WORDS 8 /* of a name; longer ones are read in full */
#define FT_RUN	       8 /* A records alike that one round takes */
#define FT_ROUNDS      16 /* of one answer or run; what needs more is read in full */
#define FT_TURN	       (FT_QUICK_MAX + 1ULL) /* beyond all positions */

/*
 * What is shorter is read in full. No step is sure to add as much: none narrows what the verifier
 * knows of the length, which would be another state for each.
 */
#define FT_QUICK_MIN 32

/*
 * Eight octets of a record with a pointer for its owner: owner, type, class, upper half of the TTL;
 * then four: lower half, length. And of one with the root for its owner, one octet less.
 */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FT_HEAD_OWNER(head)	 ((__u16)(head))
#define FT_HEAD_TYPE_CLASS(head) ((__u32)((head) >> 16))
#define FT_HEAD_ROOT_TYPE(head)	 ((__u32)((head) >> 8))
#define FT_HEAD_LABEL(head)	 (((head) & 0x3f) << 8 | ((head) >> 8 & 0xff))
#define FT_KEY(head, tail)	 ((head) << 16 | (tail) >> 16)
#define FT_TAIL_LENGTH(tail)	 ft_swap16((__u16)((__u32)(tail) >> 16))
#else
#define FT_HEAD_OWNER(head)	 ((__u16)((head) >> 48))
#define FT_HEAD_TYPE_CLASS(head) ((__u32)((head) >> 16))
#define FT_HEAD_ROOT_TYPE(head)	 ((__u32)((head) >> 24))
#define FT_HEAD_LABEL(head)	 ((head) >> 48 & 0x3fff)
#define FT_KEY(head, tail)	 ((head) >> 16 << 16 | (__u16)(tail))
#define FT_TAIL_LENGTH(tail)	 ((__u32)(__u16)(tail))
#endif

/* What a pass adds up, kept out of memory, and the record at hand. */
struct ft_pass {
	__u64 seed;
	__u64 step;
	__u64 sum; /* of the addresses of the answer, as in ft_walk */
	__u64 skeleton;
	__u64 pos; /* of the record in the message */
	const __u8 *p; /* and in the packet */
	__u64 head; /* its first eight octets */
	__u64 tail; /* and four more */
	__u64 len; /* of the message */
	__u64 turn; /* 0 for the answers, FT_TURN and its multiples for what follows */
	__u32 n; /* octets of rdata */
};

/* The rdata as it lies there, the first word at @place. False when it is too much, or nothing. */
FT_INLINE bool ft_skeleton_octets(struct ft_pass *r, const struct ft_view *v, __u64 place)
{
	return ft_quick_words(v, r->p + 12, r->n, FT_RDATA_WORDS, place, r->seed, false,
			      &r->skeleton);
}

/* The head decides what the names are, or is sound only if they are. Returns its place. */
FT_INLINE __u64 ft_skeleton_head(struct ft_pass *r, __u64 key)
{
	__u64 place = (r->pos + r->turn) * r->step;

	r->skeleton += ft_halves(place + key);
	return place;
}

/* Is there anything that the pass has not seen to be sound? Then something was hashed. */
FT_INLINE bool ft_skeleton_deferred(const struct ft_walk *w, __u64 skeleton)
{
	return skeleton != w->skeleton;
}

FT_INLINE bool ft_is_name_type(__u32 type_class)
{
	return type_class == FT_TYPE_IN(FT_TYPE_NS) || type_class == FT_TYPE_IN(FT_TYPE_CNAME);
}

/* --- answers --------------------------------------------------------------------------------- */

/*
 * A records with one and the same head, of which the first is at hand, up to @most of them: how
 * many. Owner, type, TTL and length are as sound in all as in the first.
 */
FT_INLINE __u32 ft_skeleton_run(struct ft_pass *r, const struct ft_view *v, __u32 most)
{
	__u64 kind = ft_record_kind(0, FT_TYPE_A) ^ r->seed;
	const __u8 *p = r->p;

	asm volatile("" : "+r"(kind)); /* else it is put together for each of them */
	for (__u32 n = 1; n < FT_RUN; n++) {
		r->sum += ft_mix(kind ^ *(const __u32 *)(p + 12));
		p += 16;
		asm volatile("" : "+r"(p));
		if (n >= most || p + 16 > v->end || *(const __u64 *)p != r->head ||
		    *(const __u32 *)(p + 8) != r->tail)
			return n;
	}
	r->sum += ft_mix(kind ^ *(const __u32 *)(p + 12));
	return FT_RUN;
}

FT_INLINE void ft_skeleton_ttl(struct ft_walk *w, const struct ft_pass *r)
{
	ft_note_ttl(w, 0, __builtin_bswap32(*(const __u32 *)(r->p + 6)));
}

/* The answer at r->pos, and those that are like it: how many of @most, or 0 to give up. */
FT_INLINE __u32 ft_skeleton_answer(struct ft_walk *w, const struct ft_view *v, struct ft_pass *r,
				   __u32 most)
{
	const __u8 *p = v->data + r->pos;
	__u32 type_class, n;
	__u64 key;

	if (p + 12 > v->end || *p < 0xc0) /* an owner in labels, or the root */
		return 0;
	r->p = p;
	r->head = *(const __u64 *)p;
	r->tail = *(const __u32 *)(p + 8);
	r->n = FT_TAIL_LENGTH(r->tail);
	type_class = FT_HEAD_TYPE_CLASS(r->head);
	key = FT_KEY(r->head, r->tail);
	if (ft_is_name_type(type_class)) {
		__u64 place = ft_skeleton_head(r, key);

		w->key = 0; /* each counts by its place */
		ft_skeleton_ttl(w, r);
		n = ft_skeleton_octets(r, v, place + r->seed);
		r->pos += 12 + r->n;
		return n;
	}
	/* else the question's name; or as sound as the one before: a run in which the TTL changes */
	if (FT_HEAD_OWNER(r->head) != FT_BE16(0xc000 | FT_HEADER) && key != w->key) {
		w->key = key;
		ft_skeleton_head(r, key);
	}
	if (type_class == FT_TYPE_IN(FT_TYPE_A)) {
		if (r->n != 4 || p + 16 > v->end)
			return 0;
		ft_skeleton_ttl(w, r);
		n = ft_skeleton_run(r, v, most);
		r->pos += 16 * (__u64)n;
		return n;
	}
	if (type_class == FT_TYPE_IN(FT_TYPE_AAAA)) {
		if (r->n != 16 || p + 28 > v->end)
			return 0;
		r->sum += ft_record_aaaa(r->seed, 0, p + 12);
		ft_skeleton_ttl(w, r);
	}
	r->pos += 12 + r->n;
	return 1;
}

/* Returns false to give up. What one round hands to the next lies in memory; see decode.h. */
FT_INLINE bool ft_skeleton_answers(struct ft_walk *w, const struct ft_view *v, struct ft_pass *r)
{
	for (__u32 round = 0; round < FT_ROUNDS; round++) {
		__u32 left, n;

		barrier();
		left = w->left;
		if (!left)
			return true;
		r->pos = ft_bound(r->pos);
		n = ft_skeleton_answer(w, v, r, left);
		if (!n || r->pos > r->len)
			return false;
		w->left = left - n;
	}
	return !w->left;
}

/* --- authority and additional ---------------------------------------------------------------- */

/* A record that the walk does not look into. */
FT_INLINE void ft_skeleton_other(struct ft_scratch *s, struct ft_pass *r, __u64 key)
{
	/* a label of the question: names in rdata may have been read, too, but not yet */
	if (FT_HEAD_OWNER(r->head) != FT_BE16(0xc000 | FT_HEADER) &&
	    (ft_skeleton_deferred(&s->walk, r->skeleton) ||
	     !ft_quick_marked(s, (__u32)FT_HEAD_LABEL(r->head))))
		ft_skeleton_head(r, key);
}

/* The root's: OPT nearly always. False to give up, as below. */
FT_INLINE bool ft_skeleton_root(const struct ft_view *v, struct ft_pass *r)
{
	__u32 type_class;

	if (r->p + 11 > v->end || *r->p)
		return false;
	if (ft_raw16(r->p + 1) != FT_BE16(FT_TYPE_OPT)) {
		type_class = FT_HEAD_ROOT_TYPE(*(const __u64 *)r->p);
		if (ft_is_name_type(type_class) || type_class == FT_TYPE_IN(FT_TYPE_A) ||
		    type_class == FT_TYPE_IN(FT_TYPE_AAAA))
			return false;
	}
	r->pos += 11 + ft_swap16(ft_raw16(r->p + 9));
	return true;
}

/*
 * The record at r->pos, which is then behind it: whatever it holds counts but its TTL. An A or AAAA
 * record is read as long as its type has it, and counts with the length it says: of another one it
 * is not found.
 */
FT_INLINE bool ft_skeleton_record(struct ft_scratch *s, const struct ft_view *v, struct ft_pass *r)
{
	const __u8 *p = v->data + r->pos;
	__u32 type_class;
	__u64 place, key;

	r->p = p;
	if (p + 16 > v->end || *p < 0xc0) /* shorter ones with other owners are rare */
		return ft_skeleton_root(v, r);
	r->head = *(const __u64 *)p;
	r->tail = *(const __u32 *)(p + 8);
	type_class = FT_HEAD_TYPE_CLASS(r->head);
	key = FT_KEY(r->head, r->tail);
	if (type_class == FT_TYPE_IN(FT_TYPE_A)) {
		place = ft_skeleton_head(r, key) + r->seed;
		r->skeleton += ft_halves(place + *(const __u32 *)(p + 12));
		r->pos += 16;
		return true;
	}
	if (type_class == FT_TYPE_IN(FT_TYPE_AAAA)) {
		if (p + 28 > v->end)
			return false;
		place = ft_skeleton_head(r, key) + r->seed;
		r->skeleton += ft_halves(place + *(const __u64 *)(p + 12));
		place += r->seed;
		r->skeleton += ft_halves(place + *(const __u64 *)(p + 20));
		r->pos += 28;
		return true;
	}
	r->n = FT_TAIL_LENGTH(r->tail);
	if (ft_is_name_type(type_class)) {
		place = ft_skeleton_head(r, key) + r->seed;
		if (!ft_skeleton_octets(r, v, place))
			return false;
	} else {
		ft_skeleton_other(s, r, key);
	}
	r->pos += 12 + r->n;
	return true;
}

FT_INLINE bool ft_skeleton_rest(struct ft_scratch *s, const struct ft_view *v, struct ft_pass *r)
{
	struct ft_walk *w = &s->walk;
	__u64 end = FT_TURN * (__u64)(w->records_all - w->answers + 1);

	/* by this the verifier sees that there is an end */
	if (end > FT_TURN * (FT_QUICK_RECORDS + 1))
		return false;
	for (r->turn = FT_TURN; r->turn < end; r->turn += FT_TURN) {
		asm volatile("" : "+r"(end));
		r->pos = ft_bound(r->pos);
		if (!ft_skeleton_record(s, v, r) || r->pos > r->len)
			return false;
	}
	return true;
}

enum ft_skeleton { FT_SKELETON_NONE, FT_SKELETON_WHOLE, FT_SKELETON_DEFERRED };

/* _NONE: give up. _WHOLE: all has been read; _DEFERRED: all but what the names come to. */
FT_INLINE enum ft_skeleton ft_skeleton_records(struct ft_scratch *s, const struct ft_view *v)
{
	struct ft_walk *w = &s->walk;
	struct ft_pass r = {.len = w->len};

	if (r.len < FT_QUICK_MIN)
		return FT_SKELETON_NONE;
	r.seed = ft_settings.seed;
	r.step = ft_settings.step;
	r.skeleton = w->skeleton;
	r.pos = w->records_at;
	w->key = 0; /* which no pointer begins */
	w->left = w->answers;
	ft_ttl_start(w);
	if (!ft_skeleton_answers(w, v, &r) || !ft_skeleton_rest(s, v, &r))
		return FT_SKELETON_NONE;
	w->sum = r.sum;
	if (!ft_skeleton_deferred(w, r.skeleton))
		return FT_SKELETON_WHOLE;
	w->skeleton = r.skeleton;
	return FT_SKELETON_DEFERRED;
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
FT_INLINE void ft_skeleton_learn(struct ft_scratch *s, __u64 names)
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
	ft_get_counters()->skeletons_learnt++;
}

/* --- messages -------------------------------------------------------------------------------- */

/* Read all names, and remember what they came to where the skeleton holds them all. */
FT_INLINE int ft_quick_names(struct ft_scratch *s, const struct ft_view *v, bool has_skeleton)
{
	struct ft_walk *w = &s->walk;
	__u64 addresses = w->sum;

	if (ft_view_records(v))
		return -1;
	if (has_skeleton && w->covered)
		ft_skeleton_learn(s, w->sum - addresses);
	return 0;
}

/* Header and question. 0, or -1: take the long way. */
FT_INLINE int ft_quick_start(struct ft_scratch *s, const struct ft_view *v)
{
	struct ft_walk *w = &s->walk;
	const __u8 *p = v->data;
	__u64 pos;

	if (p + FT_HEADER > v->end || ft_raw16(p + 4) != FT_BE16(1))
		return -1;
	w->generation++;
	w->len = v->len;
	w->status = FT_REASON_NONE;
	w->rcode = p[3] & 15;
	w->records[0] = ft_swap16(ft_raw16(p + 6));
	w->records[1] = ft_swap16(ft_raw16(p + 8));
	w->records[2] = ft_swap16(ft_raw16(p + 10));
	w->answers = w->records[0];
	w->authorities = w->answers + w->records[1];
	w->records_all = w->authorities + w->records[2];
	if (w->records_all > FT_QUICK_RECORDS)
		return -1;
	pos = ft_quick_question(s, v);
	if (!pos || pos > v->len)
		return -1;
	w->records_at = (__u32)pos;
	w->skeleton = w->name_hash + ft_halves(4 * ft_settings.step +
					       *(const __u64 *)(p + 4));
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

	ft_view_init(&v, ctx, how, message, len);
	if (ft_quick_start(s, &v))
		return -1;
	/* the verifier would follow every length of the question from here */
	barrier();
	ft_view_init(&v, ctx, how, message, len);
	switch (ft_skeleton_records(s, &v)) {
	case FT_SKELETON_NONE:
		return ft_quick_names(s, &v, false);
	case FT_SKELETON_WHOLE:
		return 0;
	case FT_SKELETON_DEFERRED:
		break;
	}
	if (ft_skeleton_known(w))
		return 0;
	return ft_quick_names(s, &v, true);
}

#endif
