/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The repeat filter: has this question given this answer lately?  A set-associative array found
 * by the hash of the question, one cache line a name; the hash also names the way to look at
 * first, so that a known name costs one line.  Entries change only after their record got its
 * place in the ring: what is lost there comes up again.
 *
 * Repeats are counted atomically, so that several CPUs lose none.  Two of them learning the same
 * name at the same instant may both report it, and TTL extremes noted at the same instant may
 * keep one of the two.
 */
#ifndef FLUXTAP_FILTER_H
#define FLUXTAP_FILTER_H

#include "maps.h"

struct ft_verdict {
	struct ft_known *known; /* the entry to be written when the record is out */
	__u32 tag;
	__u32 set; /* fingerprint, shortened */
	__u32 now; /* ticks */
	__u32 novelty; /* enum ft_novelty */
	bool held_back; /* nothing new: counted, no record */
};

/* 0 is what a free place holds */
FT_INLINE __u32 ft_nonzero(__u64 x)
{
	return (__u32)x ? (__u32)x : 1;
}

FT_INLINE bool ft_remembers(const struct ft_known *e, __u32 set)
{
	bool found = false;

#pragma unroll
	for (__u32 i = 0; i < FT_KNOWN_SETS; i++)
		found |= e->sets[i] == set;
	return found;
}

/* The way that holds @tag, or NULL and in *@ret_oldest the one that makes room. */
FT_INLINE struct ft_known *ft_filter_find(struct ft_filter_set *fs, __u32 tag, __u32 first,
					  __u32 now, struct ft_known **ret_oldest)
{
	struct ft_known *e = &fs->way[first & (FT_FILTER_WAYS - 1)];
	struct ft_known *oldest = e;

	if (e->tag == tag)
		return e;
#pragma unroll
	for (__u32 i = 1; i < FT_FILTER_WAYS; i++) {
		e = &fs->way[(first + i) & (FT_FILTER_WAYS - 1)];
		if (e->tag == tag)
			return e;
		/* a free way counts as infinitely old */
		if (oldest->tag && (!e->tag || now - e->seen > now - oldest->seen))
			oldest = e;
	}
	*ret_oldest = oldest;
	return NULL;
}

/* True when @tag is not in its line, where it now is. */
FT_INLINE bool ft_line_learn(struct ft_scratch *s, struct ft_line *line, __u64 tag)
{
	bool found = false;

#pragma unroll
	for (__u32 i = 0; i < 8; i++)
		found |= line->tag[i] == tag;
	if (!found)
		line->tag[s->rotor++ & 7] = tag;
	return !found;
}

/* Was this client told this name (hosts), this set of this name (all)? */
FT_INLINE bool ft_new_client(struct ft_scratch *s, const struct ft_walk *w, __u64 fingerprint)
{
	const __u64 *dst = (const __u64 *)s->d.pkt.dst;
	struct ft_line *line;
	__u64 tag;
	__u32 index;

	tag = ft_mix(ft_mix(dst[0] ^ w->name_hash) + dst[1]);
	if (ft_settings.clients == FT_CLIENTS_ALL)
		tag = ft_mix(tag ^ fingerprint);
	index = (__u32)(tag >> 32) & ft_settings.clients_mask;
	line = bpf_map_lookup_elem(&ft_clients, &index);
	return line && ft_line_learn(s, line, tag | 1);
}

/* Judge the message just walked. */
FT_INLINE void ft_filter_judge(struct ft_scratch *s, __u64 fingerprint, struct ft_verdict *v)
{
	const struct ft_walk *w = &s->walk;
	__u32 index = (__u32)w->name_hash & ft_settings.filter_mask;
	struct ft_filter_set *fs;
	struct ft_known *e;

	v->tag = ft_nonzero(w->name_hash >> 32);
	v->set = ft_nonzero(fingerprint);
	v->now = (__u32)ft_ticks();
	v->held_back = false;
	v->novelty = FT_NOVELTY_NAME;
	v->known = NULL;
	fs = bpf_map_lookup_elem(&ft_filter, &index);
	if (!fs)
		return;
	e = ft_filter_find(fs, v->tag, (__u32)(w->name_hash >> 24), v->now, &v->known);
	if (!e)
		return;
	v->known = e;
	v->novelty = FT_NOVELTY_CHANGED;
	if (!ft_remembers(e, v->set))
		return;
	v->novelty = FT_NOVELTY_REFRESH;
	if (v->now - e->emitted >= ft_settings.refresh_ticks)
		return;
	v->novelty = FT_NOVELTY_CLIENT;
	if (ft_settings.clients && ft_new_client(s, w, fingerprint))
		return;
	v->held_back = true;
}

/* Held back: what its record would have said goes into the entry. */
FT_INLINE void ft_filter_count(struct ft_known *e, const struct ft_walk *w, __u32 now)
{
	if (!e->repeats) {
		e->first_ns = ft_coarse_ns();
		e->ttl_min = w->ttl_min;
		e->ttl_max = w->ttl_max;
	}
	if (w->ttl_min < e->ttl_min)
		e->ttl_min = w->ttl_min;
	if (w->ttl_max > e->ttl_max)
		e->ttl_max = w->ttl_max;
	if (e->seen != now)
		e->seen = now;
	__sync_fetch_and_add(&e->repeats, 1);
}

/* What the record carries of the repeats before it; they are then the record's. */
FT_INLINE void ft_filter_take(struct ft_known *e, struct ft_response *r)
{
	if (e->repeats) {
		r->repeats = __sync_lock_test_and_set(&e->repeats, 0);
		r->first_ns = e->first_ns;
		r->ttl_min = e->ttl_min < r->ttl_min ? e->ttl_min : r->ttl_min;
		r->ttl_max = e->ttl_max > r->ttl_max ? e->ttl_max : r->ttl_max;
	}
}

/* The record found no place: the repeats are the entry's again. */
FT_INLINE void ft_filter_give_back(const struct ft_verdict *v, const struct ft_response *r)
{
	if (v->known && r->repeats)
		__sync_fetch_and_add(&v->known->repeats, r->repeats);
}

/* The record is in the ring: remember what it said. */
FT_INLINE void ft_filter_learn(struct ft_counters *c, const struct ft_verdict *v)
{
	struct ft_known *e = v->known;

	if (!e)
		return;
	e->emitted = v->now;
	e->seen = v->now;
	if (v->novelty == FT_NOVELTY_NAME) {
		if (e->tag) {
			c->evictions++;
			c->evicted_repeats += e->repeats;
		}
		__builtin_memset(e->sets, 0, sizeof(e->sets));
		e->repeats = 0;
		e->next = 1;
		e->sets[0] = v->set;
		e->tag = v->tag;
	} else if (v->novelty == FT_NOVELTY_CHANGED) {
		__u32 i = e->next;

		i = i < FT_KNOWN_SETS ? i : 0;
		e->sets[i & 7] = v->set;
		e->next = i + 1;
	}
}

#endif
