/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Fragments, TCP segments, DHCP messages: they go up as they are, user space puts them together. */
#ifndef FLUXTAP_PIECES_H
#define FLUXTAP_PIECES_H

#include "response.h"

/* Tag of the packet that a fragment belongs to: its last bit says "not of DNS". */
FT_INLINE __u64 ft_fragment_tag(const struct ft_decode *d)
{
	const __u64 *src = (const __u64 *)d->pkt.src, *dst = (const __u64 *)d->pkt.dst;
	__u64 x = ft_mix(src[0] ^ ft_settings.seed) + src[1];

	x = ft_mix(x) + dst[0];
	x = ft_mix(x) + dst[1];
	return ft_mix(x ^ d->id) & ~1ULL;
}

FT_INLINE struct ft_line *ft_fragment_line(__u64 tag)
{
	__u32 index = (__u32)(tag >> 32) & (FT_FRAGMENT_LINES - 1);

	return bpf_map_lookup_elem(&ft_fragments, &index);
}

/* A first fragment that is none of DNS: its later ones need not go up. */
FT_INLINE void ft_fragment_foreign(struct ft_scratch *s)
{
	__u64 tag = ft_fragment_tag(&s->d);
	struct ft_line *line = ft_fragment_line(tag);

	if (line)
		ft_line_learn(s, line, tag | 1);
}

FT_INLINE bool ft_fragment_is_foreign(struct ft_scratch *s)
{
	__u64 tag = ft_fragment_tag(&s->d);
	struct ft_line *line = ft_fragment_line(tag);
	bool found = false;

	if (!line)
		return false;
#pragma unroll
	for (__u32 i = 0; i < 8; i++)
		found |= line->tag[i] == (tag | 1);
	return found;
}

/* Identifications come round again: this packet is one of DNS now. */
FT_INLINE void ft_fragment_ours(struct ft_scratch *s)
{
	__u64 tag = ft_fragment_tag(&s->d);
	struct ft_line *line = ft_fragment_line(tag);

	if (!line)
		return;
#pragma unroll
	for (__u32 i = 0; i < 8; i++)
		if (line->tag[i] == (tag | 1))
			line->tag[i] = 0;
}

FT_INLINE bool ft_fragment_wanted(struct ft_scratch *s)
{
	if (ft_settings.follow_fragments == FT_FRAGMENTS_OFF)
		return false;
	if (ft_settings.follow_fragments == FT_FRAGMENTS_ALL)
		return true;
	if (!s->d.fragment) {
		ft_fragment_ours(s);
		return true;
	}
	return !ft_fragment_is_foreign(s) &&
	       ft_rate_allows(&s->rate[FT_RATE_FRAGMENT], ft_settings.fragments_per_s);
}

FT_INLINE void ft_piece_frame(void *ctx, int how, struct ft_scratch *s, struct ft_counters *c)
{
	int lost;

	if (s->d.kind == FT_KIND_FRAGMENT && !ft_fragment_wanted(s)) {
		ft_refused_frame(s, c,
				 s->d.fragment ? FT_REASON_FRAGMENT_LATER
					       : FT_REASON_FRAGMENT_FIRST_INCOMPLETE);
		return;
	}
	if (s->d.kind == FT_KIND_SEGMENT && !ft_settings.follow_tcp) {
		ft_refused_frame(s, c, FT_REASON_TCP_LIMIT);
		return;
	}
	if (s->d.kind == FT_KIND_DHCP) {
		ft_count(c, FT_STAGE_NOT_DNS);
		if (!ft_rate_allows(&s->rate[FT_RATE_DHCP], ft_settings.dhcp_per_s)) {
			c->samples_lost++;
			return;
		}
	}
	lost = ft_emit_piece(ctx, how, s);
	if (s->d.kind != FT_KIND_DHCP)
		ft_count_response(c, lost ? FT_STAGE_RING_FULL : FT_STAGE_EMITTED);
	else if (lost)
		c->samples_lost++;
	else
		c->samples++;
}

#endif
