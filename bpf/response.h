/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * A response: walked, judged by the filter, and sent up or held back.  Two ways lead here: a plain
 * frame is walked in place, any other is copied first.
 */
#ifndef FLUXTAP_RESPONSE_H
#define FLUXTAP_RESPONSE_H

#include "filter.h"
#include "fold.h"
#include "emit.h"
#include "skeleton.h"

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
	r->ttl_min = w->ttl_min <= w->ttl_max ? w->ttl_min : 0; /* no record had one */
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
		if (v->known && v->novelty != FT_NOVELTY_CHANGED)
			ft_filter_count(v, ft_set_at(v->known, v->which), &s->walk);
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
	__u64 fingerprint = ft_fingerprint(ft_settings.seed, w->sum, (__u8)w->rcode);
	struct ft_verdict v = {.novelty = FT_NOVELTY_UNFILTERED};
	struct ft_known_set *set;

	if (w->status != FT_REASON_NONE) {
		if (!ft_rate_allows(&s->rate[FT_RATE_MALFORMED], ft_settings.malformed_per_s))
			return FT_REASON_MALFORMED_RATE;
		v.novelty = FT_NOVELTY_BROKEN;
	} else if (ft_settings.filter && w->name_hash) {
		set = ft_filter_judge(s, fingerprint, &v);
		if (set) {
			ft_filter_count(&v, set, w);
			return FT_STAGE_REPEAT;
		}
	}
	return ft_emit_response(s, c, fingerprint, &v, 0);
}

/* The same of a plain frame walked in place; its record is put together only if it goes up. */
FT_INLINE __u32 ft_emit_plain(void *ctx, int how, struct ft_scratch *s, struct ft_counters *c,
			      const __u8 *data, const __u8 *end, const struct ft_plain *plain,
			      __u64 fingerprint, struct ft_verdict *v)
{
	if (ft_fill_plain(&s->d, data, end, plain) ||
	    ft_load_near(ctx, how, plain->message, s->message, plain->len))
		return FT_REASON_TRUNCATED_CAPTURE;
	ft_fill_origin(ctx, how, &s->d.pkt);
	return ft_emit_response(s, c, fingerprint, v, 0);
}

FT_INLINE void ft_judge_plain(void *ctx, int how, struct ft_scratch *s, const __u8 *data,
			      const __u8 *end, const struct ft_plain *plain)
{
	struct ft_counters *c = ft_get_counters();
	struct ft_walk *w = &s->walk;
	__u64 fingerprint = ft_fingerprint(ft_settings.seed, w->sum, (__u8)w->rcode);
	struct ft_known_set *set = NULL;
	struct ft_verdict v;

	/* it stays in memory: else each of its parts is copied about on every path */
	asm volatile("" : : "r"(&v) : "memory");
	ft_count(c, FT_STAGE_SEEN);
	if (ft_settings.clients && ft_fill_client(&s->d, data, end, plain)) {
		ft_count_response(c, FT_REASON_TRUNCATED_CAPTURE);
		return;
	}
	if (ft_settings.filter)
		set = ft_filter_judge(s, fingerprint, &v);
	else
		v = (struct ft_verdict){.novelty = FT_NOVELTY_UNFILTERED};
	if (set) {
		ft_filter_count(&v, set, w);
		ft_count_response(c, FT_STAGE_REPEAT);
		barrier(); /* else it is counted with those whose outcome has to be looked at */
		return;
	}
	ft_count_response(c, ft_emit_plain(ctx, how, s, c, data, end, plain, fingerprint, &v));
}

/* Walk, judge and count a plain frame with a response. 0, or -1: take the long way. */
FT_INLINE int ft_plain_response_frame(void *ctx, int how, const __u8 *data, const __u8 *end,
				      __u32 l4, __u32 len)
{
	struct ft_plain plain = {.l4 = l4, .message = l4 + 8, .len = len};
	struct ft_scratch *s = ft_get_scratch();

	if (!s || len > FT_QUICK_MAX || ft_quick_walk(s, ctx, how, l4 + 8, len))
		return -1;
	/* through memory: the verifier then forgets on which of many paths it came here */
	barrier();
	ft_judge_plain(ctx, how, s, data, end, &plain);
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

#endif
