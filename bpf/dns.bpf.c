// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * The DNS tap: every frame is looked at, counted once, and passed on untouched.  XDP and TC share
 * all but the way in.  Programs named …_copy are for kernels without bpf_loop() (before 5.17) or
 * bpf_xdp_load_bytes() (5.18): they send every response up unwalked and unfiltered.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <fluxtap/event.h>
#include <fluxtap/ledger.h>
#include "maps.h"
#include "decode.h"
#include "walk.h"
#include "filter.h"
#include "fold.h"
#include "emit.h"
#include "skeleton.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Nothing reads it: it brings the records into the object's BTF, where a test compares them. */
union ft_any_record {
	struct ft_response response;
	struct ft_fragment fragment;
	struct ft_segment segment;
	struct ft_refused refused;
	struct ft_flow flow;
	enum ft_counter outcome; /* that they count under */
};
const union ft_any_record *const volatile ft_any_record;

FT_INLINE void ft_count(struct ft_counters *c, enum ft_counter stage)
{
	c->n[stage]++;
}

/* `response` and then one more: what became of it. */
FT_INLINE void ft_count_response(struct ft_counters *c, __u32 outcome)
{
	c->n[FT_STAGE_RESPONSE]++;
	if (outcome < FT_COUNTER_MAX)
		c->n[outcome]++;
}

/* What the context says of where the frame came from, and of how long it is. */
FT_INLINE void ft_fill_origin(void *ctx, int how, struct ft_packet *pkt)
{
	if (how & FT_TC) {
		struct __sk_buff *skb = ctx;

		pkt->ifindex = skb->ifindex;
		pkt->direction = how & FT_OUT ? FT_DIR_EGRESS : FT_DIR_INGRESS;
		pkt->wire_bytes = skb->len;
	} else {
		pkt->ifindex = ((struct xdp_md *)ctx)->ingress_ifindex;
		pkt->direction = FT_DIR_INGRESS;
	}
}

FT_INLINE void ft_refused_frame(struct ft_scratch *s, struct ft_counters *c, __u16 reason)
{
	s->d.reason = reason;
	ft_count_response(c, reason);
	ft_emit_refused(s, c);
}

/* --- responses ------------------------------------------------------------------------------- */

/*
 * Under pressure what is known is shed before what has changed, and first sightings never. The
 * entry in the filter stays as it was: what was shed comes up again.
 */
FT_INLINE bool ft_must_shed(__u32 novelty, __u64 pending)
{
	__u32 mark;

	if (novelty == FT_NOVELTY_REFRESH || novelty == FT_NOVELTY_CLIENT)
		mark = ft_settings.mark_refresh;
	else if (novelty == FT_NOVELTY_CHANGED)
		mark = ft_settings.mark_change;
	else
		return false;
	return mark && pending > mark;
}

FT_INLINE void ft_fill_response(struct ft_scratch *s, struct ft_response *r, __u64 fingerprint,
				__u32 novelty)
{
	const struct ft_walk *w = &s->walk;

	r->name_hash = w->name_hash;
	r->fingerprint = fingerprint;
	r->repeats = 0;
	r->ttl_min = w->ttl_min;
	r->ttl_max = w->ttl_max;
	r->records[0] = (__u16)w->records[0];
	r->records[1] = (__u16)w->records[1];
	r->records[2] = (__u16)w->records[2];
	r->status = (__u16)w->status;
	r->message_bytes = (__u16)w->len;
	r->novelty = (__u8)novelty;
	r->first_ns = 0;
}

/* Send up the message in the scratch. Returns the stage it ends in. */
FT_INLINE __u32 ft_emit_response(struct ft_scratch *s, struct ft_counters *c, __u64 fingerprint,
				 struct ft_verdict *v, int how)
{
	struct ft_response *r = (struct ft_response *)&s->d.hdr;
	__u32 size = (__u32)sizeof(*r) + ft_pad(s->message, s->walk.len);
	__u64 pending;
	int folded = 0;

	if (v->novelty == FT_NOVELTY_NAME) {
		folded = ft_fold_name(v->now);
		if (folded < 0)
			return FT_STAGE_FOLDED;
	}
	pending = ft_ring_pending(s, size);
	if (ft_must_shed(v->novelty, pending)) {
		if (v->novelty != FT_NOVELTY_CHANGED)
			ft_filter_count(v, &s->walk);
		return FT_STAGE_SHED;
	}
	ft_fill_response(s, r, fingerprint, v->novelty);
	r->walked = !(how & FT_COPY);
	ft_fill_header(s, FT_EVENT_RESPONSE, size);
	if (v->known && (v->novelty == FT_NOVELTY_REFRESH || v->novelty == FT_NOVELTY_CLIENT))
		ft_filter_take(v, r);
	if (folded > 0) {
		r->novelty = FT_NOVELTY_FOLDED;
		r->repeats = (__u32)folded;
	}
	if (ft_output(s, pending)) {
		if (folded > 0)
			c->evicted_folded += (__u32)folded;
		ft_filter_give_back(v);
		return FT_STAGE_RING_FULL;
	}
	ft_filter_learn(c, v);
	return FT_STAGE_EMITTED;
}

/* The message lies in the scratch, walked. Returns where the frame ends in the ledger. */
FT_INLINE __u32 ft_judge_response(struct ft_scratch *s, struct ft_counters *c)
{
	struct ft_walk *w = &s->walk;
	__u64 fingerprint = ft_fingerprint(ft_settings.seed, w->sum, s->message[3]);
	struct ft_verdict v = {.novelty = FT_NOVELTY_UNFILTERED};

	if (w->status != FT_REASON_NONE) {
		if (!ft_rate_allows(&s->rate[FT_RATE_MALFORMED], ft_settings.malformed_per_s))
			return FT_REASON_MALFORMED_RATE;
		v.novelty = FT_NOVELTY_BROKEN;
	} else if (ft_settings.filter && w->name_hash) {
		ft_filter_judge(s, fingerprint, &v);
		if (v.held_back) {
			ft_filter_count(&v, w);
			return FT_STAGE_REPEAT;
		}
	}
	return ft_emit_response(s, c, fingerprint, &v, 0);
}

/* The same of a plain frame walked in place; its record is put together only if it goes up. */
FT_INLINE __u32 ft_judge_plain(void *ctx, int how, struct ft_scratch *s, struct ft_counters *c,
			       const __u8 *data, const __u8 *end, const struct ft_plain *plain)
{
	struct ft_walk *w = &s->walk;
	struct ft_verdict v = {.novelty = FT_NOVELTY_UNFILTERED};
	const __u8 *flags = data + plain->message;
	__u64 fingerprint;

	asm volatile("" : "+r"(flags)); /* one pointer for what is proved and what is read */
	if (flags + 4 > end)
		return FT_REASON_TRUNCATED_CAPTURE;
	fingerprint = ft_fingerprint(ft_settings.seed, w->sum, flags[3]);
	if (ft_settings.clients && ft_fill_plain(&s->d, data, end, plain, 0))
		return FT_REASON_TRUNCATED_CAPTURE;
	if (ft_settings.filter) {
		ft_filter_judge(s, fingerprint, &v);
		if (v.held_back) {
			ft_filter_count(&v, w);
			return FT_STAGE_REPEAT;
		}
	}
	if (ft_fill_plain(&s->d, data, end, plain, (__u32)(end - data)) ||
	    ft_load_near(ctx, how, plain->message, s->message, plain->len))
		return FT_REASON_TRUNCATED_CAPTURE;
	ft_fill_origin(ctx, how, &s->d.pkt);
	return ft_emit_response(s, c, fingerprint, &v, 0);
}

/* Walk and judge a plain frame with a response. 0, or -1: take the long way. */
FT_INLINE int ft_plain_response_frame(void *ctx, int how, const __u8 *data, const __u8 *end,
				      __u32 l4, __u32 len)
{
	struct ft_plain plain = {.l4 = l4, .message = l4 + 8, .len = len};
	struct ft_counters *c = ft_get_counters();
	struct ft_scratch *s = ft_get_scratch();

	if (!s || !c || len > FT_QUICK_MAX || ft_quick_walk(s, c, ctx, how, l4 + 8, len))
		return -1;
	/* through memory: the verifier then forgets on which of many paths it came here */
	barrier();
	ft_count_response(c, ft_judge_plain(ctx, how, s, c, data, end, &plain));
	return 0;
}

FT_INLINE __u32 ft_emit_unwalked(struct ft_scratch *s, struct ft_counters *c, __u32 len)
{
	struct ft_verdict v = {.novelty = FT_NOVELTY_UNFILTERED};

	__builtin_memset(&s->walk, 0, sizeof(s->walk));
	s->walk.status = FT_REASON_NONE;
	s->walk.len = len;
	return ft_emit_response(s, c, 0, &v, FT_COPY);
}

FT_INLINE void ft_response_frame(void *ctx, int how, struct ft_scratch *s, struct ft_counters *c)
{
	__u32 len = s->d.payload_bytes;

	if (len < FT_HEADER || ft_load(ctx, how, s->d.payload, s->message, len)) {
		ft_refused_frame(s, c, FT_REASON_TRUNCATED_CAPTURE);
		return;
	}
	if (how & FT_COPY) {
		ft_count_response(c, ft_emit_unwalked(s, c, len));
		return;
	}
	ft_walk(len);
	ft_count_response(c, ft_judge_response(s, c));
}

/* --- fragments and segments ------------------------------------------------------------------ */

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

/* --- watched addresses ----------------------------------------------------------------------- */

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

/* --- frames ---------------------------------------------------------------------------------- */

FT_INLINE void ft_not_dns_frame(struct ft_scratch *s, struct ft_counters *c)
{
	ft_count(c, s->d.kind == FT_KIND_QUERY ? FT_STAGE_QUERY : FT_STAGE_NOT_DNS);
	/* a first fragment, and its ports say that it is none of ours */
	if (s->d.more && ft_settings.follow_fragments == FT_FRAGMENTS_KNOWN)
		ft_fragment_foreign(s);
	else if (s->d.kind == FT_KIND_NOT_DNS)
		ft_watch_frame(s, c);
}

/* The decoder has spoken: s->d.kind. */
FT_INLINE void ft_decoded_frame(void *ctx, int how, struct ft_scratch *s, struct ft_counters *c)
{
	switch (s->d.kind) {
	case FT_KIND_RESPONSE:
		ft_response_frame(ctx, how, s, c);
		break;
	case FT_KIND_FRAGMENT:
	case FT_KIND_SEGMENT:
	case FT_KIND_DHCP:
		ft_piece_frame(ctx, how, s, c);
		break;
	case FT_KIND_REFUSED:
		ft_refused_frame(s, c, s->d.reason);
		break;
	default:
		ft_not_dns_frame(s, c);
	}
}

FT_INLINE void ft_decode_frame(struct ft_scratch *s, const __u8 *data, const __u8 *end)
{
	const struct ft_ports *ports = (const struct ft_ports *)&ft_settings.ports;

	for (int i = 0; i < FT_DECODE_STEPS; i++) {
		/* the cursor stays in memory: as registers it would be a path for each frame */
		barrier();
		if (!ft_decode_step(&s->d, data, end, ports))
			return;
	}
	ft_refuse(&s->d, FT_REASON_TUNNEL_TOO_DEEP);
}

/* --- entries ---------------------------------------------------------------------------------
 *
 * What most frames need is decided in the entry, which saves few registers for it; all else is
 * behind a call. Global functions are verified once, by themselves, whoever calls them.
 */

/* A plain response. @l4: where its UDP header is, @len: octets of the message. */
__attribute__((noinline)) int ft_xdp_plain(struct xdp_md *ctx, __u32 l4, __u32 len)
{
	const __u8 *data = (const __u8 *)(long)ctx->data;
	const __u8 *end = (const __u8 *)(long)ctx->data_end;

	return ft_plain_response_frame(ctx, FT_XDP, data, end, l4 & 63, len);
}

__attribute__((noinline)) int ft_tc_plain(struct __sk_buff *skb, __u32 l4, __u32 len)
{
	const __u8 *data = (const __u8 *)(long)skb->data;
	const __u8 *end = (const __u8 *)(long)skb->data_end;

	return ft_plain_response_frame(skb, FT_TC, data, end, l4 & 63, len);
}

__attribute__((noinline)) int ft_tc_plain_out(struct __sk_buff *skb, __u32 l4, __u32 len)
{
	const __u8 *data = (const __u8 *)(long)skb->data;
	const __u8 *end = (const __u8 *)(long)skb->data_end;

	return ft_plain_response_frame(skb, FT_TC | FT_OUT, data, end, l4 & 63, len);
}

FT_INLINE int ft_plain_call(void *ctx, int how, const struct ft_plain *plain)
{
	if (how & FT_OUT)
		return ft_tc_plain_out(ctx, plain->l4, plain->len);
	return how & FT_TC ? ft_tc_plain(ctx, plain->l4, plain->len)
			   : ft_xdp_plain(ctx, plain->l4, plain->len);
}

/* Counts the frame; true when that was all there is to do. */
FT_INLINE bool ft_quick_frame(void *ctx, int how, const __u8 *data, const __u8 *end,
			      struct ft_counters *c)
{
	struct ft_plain plain = {};

	ft_count(c, FT_STAGE_SEEN);
	switch (ft_plain_frame(data, end, &plain)) {
	case FT_QUICK_NOT_DNS:
		ft_count(c, FT_STAGE_NOT_DNS);
		return true;
	case FT_QUICK_QUERY:
		ft_count(c, FT_STAGE_QUERY);
		return true;
	case FT_QUICK_RESPONSE:
		return !(how & FT_COPY) && !ft_plain_call(ctx, how, &plain);
	}
	return false;
}

/* The long way: s->d is filled. Returns 1 when a packet says that it is longer than @len. */
__attribute__((noinline)) int ft_xdp_decode(struct xdp_md *ctx, __u32 len)
{
	const __u8 *data = (const __u8 *)(long)ctx->data;
	const __u8 *end = (const __u8 *)(long)ctx->data_end;
	struct ft_scratch *s = ft_get_scratch();

	if (!s)
		return 0;
	ft_decode_start(&s->d, FT_LAYER_ETHERNET, len, len);
	s->d.pkt.ifindex = ctx->ingress_ifindex;
	s->d.pkt.direction = FT_DIR_INGRESS;
	ft_decode_frame(s, data, end);
	return s->d.cut;
}

FT_INLINE void ft_xdp_long_way(struct xdp_md *ctx, int how)
{
	__u32 len = ctx->data_end - ctx->data;
	struct ft_counters *c = ft_get_counters();
	struct ft_scratch *s = ft_get_scratch();
	__u32 all;

	if (!s || !c)
		return;
	if (ft_xdp_decode(ctx, len) && !(how & FT_COPY)) {
		/* longer than the first buffer? Asked only when a header says so. */
		all = (__u32)bpf_xdp_get_buff_len(ctx);
		if (all > len)
			ft_xdp_decode(ctx, all);
	}
	ft_decoded_frame(ctx, how, s, c);
}

__attribute__((noinline)) int ft_xdp_long(struct xdp_md *ctx)
{
	ft_xdp_long_way(ctx, FT_XDP);
	return 0;
}

__attribute__((noinline)) int ft_xdp_long_copy(struct xdp_md *ctx)
{
	ft_xdp_long_way(ctx, FT_XDP | FT_COPY);
	return 0;
}

FT_INLINE bool ft_xdp_quick(struct xdp_md *ctx, int how)
{
	const __u8 *data = (const __u8 *)(long)ctx->data;
	const __u8 *end = (const __u8 *)(long)ctx->data_end;
	struct ft_counters *c = ft_get_counters();

	return !c || ft_quick_frame(ctx, how, data, end, c);
}

SEC("xdp")
int ft_xdp(struct xdp_md *ctx)
{
	if (!ft_xdp_quick(ctx, FT_XDP))
		ft_xdp_long(ctx);
	return XDP_PASS;
}

SEC("xdp")
int ft_xdp_copy(struct xdp_md *ctx)
{
	if (!ft_xdp_quick(ctx, FT_XDP | FT_COPY))
		ft_xdp_long_copy(ctx);
	return XDP_PASS;
}

/* Returns 1 when headers are missing in the first buffer. */
__attribute__((noinline)) int ft_tc_decode(struct __sk_buff *skb, __u32 how)
{
	const __u8 *data = (const __u8 *)(long)skb->data;
	const __u8 *end = (const __u8 *)(long)skb->data_end;
	struct ft_scratch *s = ft_get_scratch();

	if (!s)
		return 0;
	ft_decode_start(&s->d, how & FT_BARE ? FT_LAYER_ETHERTYPE : FT_LAYER_ETHERNET, skb->len,
			skb->len);
	s->d.proto = __builtin_bswap16((__u16)skb->protocol); /* read only where there is no header */
	s->d.pkt.ifindex = skb->ifindex;
	s->d.pkt.direction = how & FT_OUT ? FT_DIR_EGRESS : FT_DIR_INGRESS;
	if (skb->vlan_present) { /* the card took the tag off */
		s->d.pkt.vlan[0] = skb->vlan_tci & 0xfff;
		s->d.pkt.vlans = 1;
	}
	ft_decode_frame(s, data, end);
	return s->d.kind == FT_KIND_REFUSED && s->d.reason == FT_REASON_TRUNCATED_CAPTURE;
}

/* Has the device no link header? Asked only while one such is watched. */
FT_INLINE bool ft_is_bare(__u32 ifindex)
{
	__u8 *input;

	if (!ft_bare)
		return false;
	input = bpf_map_lookup_elem(&ft_inputs, &ifindex);
	return input && *input == FT_INPUT_BARE;
}

/* Headers lie in the first buffer nearly always; otherwise they are pulled there, once. */
#define FT_HEADERS 512

FT_INLINE void ft_tc_long_way(struct __sk_buff *skb, int how, __u32 from)
{
	struct ft_counters *c = ft_get_counters();
	struct ft_scratch *s = ft_get_scratch();
	__u32 len = skb->len;

	if (!s || !c)
		return;
	if (ft_tc_decode(skb, from) &&
	    !bpf_skb_pull_data(skb, len < FT_HEADERS ? len : FT_HEADERS))
		ft_tc_decode(skb, from);
	ft_decoded_frame(skb, how, s, c);
}

__attribute__((noinline)) int ft_tc_long(struct __sk_buff *skb, __u32 from)
{
	ft_tc_long_way(skb, FT_TC, from);
	return 0;
}

__attribute__((noinline)) int ft_tc_long_copy(struct __sk_buff *skb, __u32 from)
{
	ft_tc_long_way(skb, FT_TC | FT_COPY, from);
	return 0;
}

FT_INLINE void ft_tc_frame(struct __sk_buff *skb, int how)
{
	const __u8 *data = (const __u8 *)(long)skb->data;
	const __u8 *end = (const __u8 *)(long)skb->data_end;
	struct ft_counters *c = ft_get_counters();
	bool bare = ft_is_bare(skb->ifindex);
	__u32 from = (__u32)how | (bare ? FT_BARE : 0);

	if (!c)
		return;
	/* a tag that the card took off would be missing in the record */
	if (bare || skb->vlan_present)
		ft_count(c, FT_STAGE_SEEN);
	else if (ft_quick_frame(skb, how, data, end, c))
		return;
	if (how & FT_COPY)
		ft_tc_long_copy(skb, from);
	else
		ft_tc_long(skb, from);
}

/* Forwarded from an interface that is watched too: counted there. */
FT_INLINE bool ft_seen_at_ingress(const struct __sk_buff *skb)
{
	__u32 from = skb->ingress_ifindex;

	return from && bpf_map_lookup_elem(&ft_inputs, &from);
}

SEC("tc")
int ft_tc_in(struct __sk_buff *skb)
{
	ft_tc_frame(skb, FT_TC);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int ft_tc_out(struct __sk_buff *skb)
{
	if (!ft_seen_at_ingress(skb))
		ft_tc_frame(skb, FT_TC | FT_OUT);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int ft_tc_in_copy(struct __sk_buff *skb)
{
	ft_tc_frame(skb, FT_TC | FT_COPY);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int ft_tc_out_copy(struct __sk_buff *skb)
{
	if (!ft_seen_at_ingress(skb))
		ft_tc_frame(skb, FT_TC | FT_COPY | FT_OUT);
	return TC_ACT_UNSPEC;
}
