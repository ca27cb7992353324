/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Who begins or is refused a connection with a watched address; what began with others is kept
 * for a moment, in case that theirs is watched too late.
 */
#ifndef FLUXTAP_FLOWS_H
#define FLUXTAP_FLOWS_H

#include "filter.h"
#include "emit.h"

FT_INLINE bool ft_is_watched(const __u8 *addr)
{
	return bpf_map_lookup_elem(&ft_watch, addr);
}

FT_INLINE bool ft_new_udp_flow(struct ft_scratch *s)
{
	const __u64 *src = (const __u64 *)s->d.pkt.src, *dst = (const __u64 *)s->d.pkt.dst;
	__u64 ports = (__u64)s->d.pkt.sport << 16 | s->d.pkt.dport;
	struct ft_line *line;
	__u64 tag;
	__u32 index;

	/* the same for both directions: an answer opens no flow */
	tag = ft_mix((ft_mix(src[0] + ft_settings.seed) ^ src[1]) + s->d.pkt.sport) +
	      ft_mix((ft_mix(dst[0] + ft_settings.seed) ^ dst[1]) + s->d.pkt.dport);
	index = (__u32)(tag >> 32) & (FT_FLOW_LINES - 1);
	line = bpf_map_lookup_elem(&ft_flows, &index);
	return ports && line && ft_line_learn(s, line, tag | 1);
}

FT_INLINE __u8 ft_flow_event(struct ft_scratch *s)
{
	__u8 flags = s->d.flags;

	if (s->d.pkt.ip_proto == 17)
		return ft_new_udp_flow(s) ? FT_FLOW_UDP : 0;
	if (flags & 4)
		return FT_FLOW_RST;
	if (flags & 2)
		return flags & 16 ? FT_FLOW_SYNACK : FT_FLOW_SYN;
	return 0;
}

/*
 * Is this worth keeping before its address is watched? Datagrams of services (time, names, games
 * below 1024), but not the bulk of what goes over UDP, QUIC.
 */
FT_INLINE bool ft_may_matter(struct ft_scratch *s)
{
	__u16 sport = ft_be16((const __u8 *)&s->d.pkt.sport);
	__u16 dport = ft_be16((const __u8 *)&s->d.pkt.dport);
	__u16 service = sport < dport ? sport : dport;

	return service < 1024 && service != 443;
}

FT_INLINE void ft_watch_frame(struct ft_scratch *s, struct ft_counters *c)
{
	__u8 proto = s->d.pkt.ip_proto;
	bool watched;
	__u8 event;

	if (!ft_watching || !s->d.pkt.sport || (proto != 6 && proto != 17))
		return;
	if (proto == 6 && !(s->d.flags & 6))
		return;
	watched = ft_is_watched(s->d.pkt.src) || ft_is_watched(s->d.pkt.dst);
	if (!watched && proto == 17 && !ft_may_matter(s))
		return;
	event = ft_flow_event(s);
	if (event && watched)
		ft_emit_flow(s, c, event);
	else if (event)
		ft_keep_flow(s, event);
}

#endif
