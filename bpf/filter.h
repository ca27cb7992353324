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
	__u32 fingerprint; /* shortened */
	__u32 which; /* of its sets, when it is known */
	__u32 taken; /* repeats that the record carries, as they stood in the set */
	__u32 now; /* ticks */
	__u32 novelty; /* enum ft_novelty */
};

/* 0 is what a free place holds: one bit less tells places apart, and nothing has to be asked. */
FT_INLINE __u32 ft_nonzero(__u64 x)
{
	return (__u32)x | 1;
}

FT_INLINE __u32 ft_repeats(__u32 word)
{
	return word & 0xffff;
}

FT_INLINE struct ft_known_set *ft_set_at(struct ft_known *e, __u64 which)
{
	asm volatile("%0 &= 3" : "+r"(which));
	return &e->set[which];
}

/* The one seen last. */
FT_INLINE __u32 ft_last_set(const struct ft_known *e)
{
	return e->seen & 3;
}

/* Which of the sets it is, FT_KNOWN_SETS when none; without a branch, which would be a path each. */
FT_INLINE __u32 ft_which_set(const struct ft_known *e, __u32 fingerprint)
{
	__u32 which = FT_KNOWN_SETS;

#pragma unroll
	for (__u32 i = 0; i < FT_KNOWN_SETS; i++)
		which = e->set[i].fingerprint == fingerprint ? i : which;
	return which;
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
		if (oldest->tag && (!e->tag || (now << 2) - e->seen > (now << 2) - oldest->seen))
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

FT_INLINE bool ft_is_due(const struct ft_known_set *set, __u32 ticks, __u32 now)
{
	return now - set->emitted >= ticks || ft_repeats(set->repeats) >= FT_REPEATS_MAX;
}

/* The entry in which the message just walked may be known. */
FT_INLINE struct ft_known *ft_filter_entry(const struct ft_walk *w, struct ft_verdict *v)
{
	__u32 index = (__u32)w->name_hash & ft_settings.filter_mask;
	struct ft_filter_set *fs = bpf_map_lookup_elem(&ft_filter, &index);

	v->known = NULL;
	return fs ? ft_filter_find(fs, v->tag, (__u32)(w->name_hash >> 24), v->now, &v->known)
		  : NULL;
}

/*
 * Judge the message just walked. Returns the set that it repeats, there to be counted; NULL when it
 * is worth a record. A set that comes back in place of another is a change to whoever counts what
 * goes and returns, so it is told of sooner than that everything is as it was.
 */
FT_INLINE struct ft_known_set *ft_filter_judge(struct ft_scratch *s, __u64 fingerprint,
					       struct ft_verdict *v)
{
	const struct ft_walk *w = &s->walk;
	__u32 ticks = ft_settings.refresh_ticks;
	struct ft_known_set *set;
	struct ft_known *e;

	v->tag = ft_nonzero(w->name_hash >> 32);
	v->fingerprint = ft_nonzero(fingerprint);
	v->now = (__u32)ft_ticks();
	v->taken = 0;
	e = ft_filter_entry(w, v);
	if (!e) {
		v->which = 0;
		v->novelty = FT_NOVELTY_NAME;
		return NULL;
	}
	v->known = e;
	v->which = ft_last_set(e);
	set = ft_set_at(e, v->which);
	if (set->fingerprint != v->fingerprint) {
		v->which = ft_which_set(e, v->fingerprint);
		if (v->which == FT_KNOWN_SETS) {
			v->novelty = FT_NOVELTY_CHANGED;
			return NULL;
		}
		set = ft_set_at(e, v->which);
		ticks = ft_settings.return_ticks;
	}
	if (ft_is_due(set, ticks, v->now)) {
		v->novelty = FT_NOVELTY_REFRESH;
		return NULL;
	}
	v->novelty = FT_NOVELTY_CLIENT;
	return ft_settings.clients && ft_new_client(s, w, fingerprint) ? NULL : set;
}

/* Held back: what its record would have said goes into the entry, and into @set of it. */
FT_INLINE void ft_filter_count(const struct ft_verdict *v, struct ft_known_set *set,
			       const struct ft_walk *w)
{
	struct ft_known *e = v->known;
	__u32 after = v->now - set->emitted;

	if (!ft_repeats(__sync_fetch_and_add(&set->repeats, 1))) {
		after >>= ft_settings.first_shift;
		__sync_fetch_and_add(&set->repeats, (after < 0xffff ? after : 0xffff) << 16);
	}
	if (w->ttl_min < e->ttl_min)
		e->ttl_min = w->ttl_min;
	if (w->ttl_max > e->ttl_max)
		e->ttl_max = w->ttl_max;
	if ((e->seen ^ v->now << 2) > 3)
		e->seen = v->now << 2 | (e->seen & 3);
}

/* What the record, its time filled in, carries of the repeats before it; they are then its own. */
FT_INLINE void ft_filter_take(struct ft_verdict *v, struct ft_response *r)
{
	struct ft_known_set *set = ft_set_at(v->known, v->which);
	struct ft_known *e = v->known;
	__u32 ago;

	if (!set->repeats)
		return;
	v->taken = __sync_lock_test_and_set(&set->repeats, 0);
	ago = v->now - set->emitted - (v->taken >> 16 << ft_settings.first_shift);
	r->repeats = ft_repeats(v->taken);
	r->first_ns = r->hdr.time_ns - (__u64)ago * ft_settings.ns_per_tick;
	r->ttl_min = e->ttl_min < r->ttl_min ? e->ttl_min : r->ttl_min;
	r->ttl_max = e->ttl_max > r->ttl_max ? e->ttl_max : r->ttl_max;
}

/* The record found no place: the repeats are the entry's again. */
FT_INLINE void ft_filter_give_back(const struct ft_verdict *v)
{
	if (v->known && v->taken)
		__sync_fetch_and_add(&ft_set_at(v->known, v->which)->repeats, v->taken);
}

FT_INLINE void ft_filter_evict(struct ft_counters *c, struct ft_known *e, __u32 now)
{
	if (e->tag)
		c->evictions++;
#pragma unroll
	for (__u32 i = 0; i < FT_KNOWN_SETS; i++) {
		c->evicted_repeats += ft_repeats(e->set[i].repeats);
		e->set[i] = (struct ft_known_set){.emitted = now ^ 1U << 31};
	}
}

/*
 * Which set makes room: the one that went up longest ago, and those first that owe no repeats to
 * anybody. A free one was never reported: half the range of the clock ago, see ft_filter_evict().
 */
FT_INLINE __u32 ft_set_makes_room(const struct ft_known *e, __u32 now)
{
	__u64 most = 0;

#pragma unroll
	for (__u32 i = 0; i < FT_KNOWN_SETS; i++) {
		const struct ft_known_set *set = &e->set[i];
		__u64 owes_none = ((__u64)set->repeats - 1) >> 63;
		__u64 age = (owes_none << 32 | (__u32)(now - set->emitted)) << 2 | i;

		most = age > most ? age : most;
	}
	return (__u32)most & (FT_KNOWN_SETS - 1);
}

/* The record is in the ring: remember what it said. */
FT_INLINE void ft_filter_learn(struct ft_counters *c, const struct ft_verdict *v)
{
	struct ft_known *e = v->known;
	struct ft_known_set *set;
	__u32 which = v->which;

	if (!e)
		return;
	if (v->novelty == FT_NOVELTY_NAME) {
		ft_filter_evict(c, e, v->now);
		which = 0;
		e->tag = v->tag;
	} else if (v->novelty == FT_NOVELTY_CHANGED) {
		which = ft_set_makes_room(e, v->now);
	}
	set = ft_set_at(e, which);
	if (v->novelty == FT_NOVELTY_NAME || v->novelty == FT_NOVELTY_CHANGED) {
		c->evicted_repeats += ft_repeats(set->repeats);
		set->repeats = 0;
		set->fingerprint = v->fingerprint;
	}
	set->emitted = v->now;
	e->ttl_min = ~0U;
	e->ttl_max = 0;
	e->seen = v->now << 2 | (which & 3);
}

#endif
