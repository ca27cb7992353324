/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Floods of random names, folded by zone: of the names below one zone that are seen for the first
 * time only so many a second go up, the rest are counted, and the next record from there says how
 * many.  A name that was folded is not remembered: it is new again when it comes again, so that
 * names which are asked for again get their turn.
 *
 * The zone is what is behind the first label.  Names that exist and names that do not are counted
 * apart: random labels with changing addresses are evidence, random labels without are noise, and
 * neither is to use up what the other may.  What stands below a top-level domain and exists is
 * never folded: that zone is everybody's.
 */
#ifndef FLUXTAP_FOLD_H
#define FLUXTAP_FOLD_H

#include "walk.h"

#define FT_ZONE_WAYS 4
#define FT_FOLDED    (-1)

struct ft_zone {
	__u32 tag; /* of zone and kind; 0: free */
	__u32 since; /* ticks when its second began */
	__u32 used; /* first sightings since then */
	__u32 folded; /* not yet told of */
};

struct ft_zone_set {
	struct ft_zone way[FT_ZONE_WAYS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FT_ZONE_SETS);
	__type(key, __u32);
	__type(value, struct ft_zone_set);
} ft_zones SEC(".maps");

/*
 * The zone's entry, or one that made room for it: of those in use the one with the fewest names, so
 * that zones of one name each, however many, do not drive out the one that is flooded.
 */
FT_INLINE struct ft_zone *ft_zone_find(struct ft_counters *c, struct ft_zone_set *zs, __u32 tag,
				       __u32 now)
{
	__u32 which = 0, least = ~0U;
	struct ft_zone *z;

#pragma unroll
	for (__u32 i = 0; i < FT_ZONE_WAYS; i++) {
		__u32 idle = now - zs->way[i].since >= 2 * ft_settings.ticks_per_second;
		__u32 used = idle ? !!zs->way[i].tag : 1 + zs->way[i].used;

		if (zs->way[i].tag == tag)
			return &zs->way[i];
		which = used < least ? i : which;
		least = used < least ? used : least;
	}
	z = &zs->way[which & (FT_ZONE_WAYS - 1)];
	c->evicted_folded += z->folded;
	*z = (struct ft_zone){.tag = tag, .since = now};
	return z;
}

/*
 * The message in the scratch asks for a name not seen before. FT_FOLDED, or how many were folded in
 * its zone since the last record from there: they are then this record's. Global: verified once.
 */
__attribute__((noinline)) int ft_fold_name(__u32 now)
{
	struct ft_counters *c = ft_get_counters();
	struct ft_scratch *s = ft_get_scratch();
	__u32 parent, index, limit, tag;
	struct ft_zone_set *zs;
	struct ft_zone *z;
	bool exists;
	__u64 hash;

	if (!s)
		return 0;
	exists = s->walk.records[0] && !s->walk.rcode;
	limit = exists ? ft_settings.zone_names_per_s : ft_settings.zone_denials_per_s;
	parent = FT_HEADER + 1 + s->message[FT_HEADER];
	s->walk.steps = 0;
	if (!limit || parent > FT_HEADER + 64 || ft_name_read(s, parent))
		return 0;
	if (exists && s->walk.cur.octets <= *ft_octets(s, parent) + 2u)
		return 0;
	hash = ft_mix(s->walk.cur.name.sum ^ ft_settings.seed ^ exists);
	index = (__u32)hash & (FT_ZONE_SETS - 1);
	tag = (__u32)(hash >> 32) | 1;
	zs = bpf_map_lookup_elem(&ft_zones, &index);
	if (!zs)
		return 0;
	z = ft_zone_find(c, zs, tag, now);
	if (now - z->since >= ft_settings.ticks_per_second) {
		z->since = now;
		z->used = 0;
	}
	if (z->used >= limit) {
		__sync_fetch_and_add(&z->folded, 1);
		return FT_FOLDED;
	}
	z->used++;
	if (!z->folded)
		return 0;
	return (int)(__sync_lock_test_and_set(&z->folded, 0) & 0x7fffffff);
}

#endif
