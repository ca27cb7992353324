/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The walk over a whole DNS message that lies in ft_scratch.message: validates it by the rules
 * of docs/capture.md, hashes the question, sums up the fingerprint.  Its cursor lies in the map
 * value; bpf_loop() lets the verifier see each step once.
 */
#ifndef FLUXTAP_WALK_H
#define FLUXTAP_WALK_H

#include "maps.h"

#define FT_NAME_OCTETS_MAX 255 /* RFC 1035 2.3.4, the root's zero octet included */
#define FT_NAME_STEPS	   2048 /* labels and pointers of one message */
#define FT_NAME_STEPS_NEAR 6 /* read without the cost of a bpf_loop() */
#define FT_HEADER	   12

struct ft_walk_ctx {
	struct ft_scratch *s;
};

FT_INLINE const __u8 *ft_octets(const struct ft_scratch *s, __u32 pos)
{
	return s->message + (pos & FT_MESSAGE_MASK);
}

/* --- names ----------------------------------------------------------------------------------- */

FT_INLINE struct ft_memo *ft_memo_slot(struct ft_scratch *s, __u32 pos)
{
	return &s->memo[pos & (FT_MEMO_SLOTS - 1)];
}

FT_INLINE __u64 ft_memo_key(const struct ft_walk *w, __u32 pos)
{
	return w->generation << 16 | pos;
}

FT_INLINE void ft_memo_put(struct ft_scratch *s, __u32 pos, __u64 sum, __u32 octets, __u32 pointers)
{
	struct ft_memo *m = ft_memo_slot(s, pos);

	m->key = ft_memo_key(&s->walk, pos);
	m->sum = sum;
	m->octets = octets;
	m->pointers = pointers;
}

FT_INLINE int ft_name_fault(struct ft_name_cursor *c, __u32 reason)
{
	c->fault = reason;
	c->done = 1;
	return 1;
}

/* The name has ended: c->octets and c->name are those behind the first pointer, if there is one. */
FT_INLINE int ft_name_done(struct ft_scratch *s, struct ft_name_cursor *c)
{
	if (c->octets + c->prefix_octets > FT_NAME_OCTETS_MAX)
		return ft_name_fault(c, FT_REASON_BAD_NAME);
	if (c->target) {
		ft_memo_put(s, c->target, c->name.sum, c->octets, c->pointers - 1);
		c->octets += c->prefix_octets;
		c->name.sum = c->prefix.sum + c->prefix.weight * c->name.sum;
	}
	if (c->prefix_octets || !c->target)
		ft_memo_put(s, c->start, c->name.sum, c->octets, c->pointers);
	c->done = 1;
	return 1;
}

/* RFC 1035 4.1.4: a prior position, not the header; targets of one name strictly decrease. */
FT_INLINE int ft_name_pointer(struct ft_scratch *s, struct ft_name_cursor *c, __u32 high)
{
	struct ft_memo *m;
	__u32 target;

	if (c->pos + 2 > s->walk.len)
		return ft_name_fault(c, FT_REASON_BAD_NAME);
	target = (high & 0x3f) << 8 | *ft_octets(s, c->pos + 1);
	if (target < FT_HEADER || target >= c->run || ++c->pointers > FT_NAME_POINTERS_MAX)
		return ft_name_fault(c, FT_REASON_BAD_NAME);
	if (!c->target) {
		c->end = c->pos + 2;
		c->target = target;
		c->prefix = c->name;
		c->prefix_octets = c->octets;
		c->name = ft_name_start();
		c->octets = 0;
	}
	c->run = target;
	c->pos = target;
	m = ft_memo_slot(s, target);
	if (m->key != ft_memo_key(&s->walk, target))
		return 0;
	c->pointers += m->pointers;
	c->octets += m->octets;
	ft_name_add_suffix(&c->name, m->sum);
	if (c->pointers > FT_NAME_POINTERS_MAX)
		return ft_name_fault(c, FT_REASON_BAD_NAME);
	return ft_name_done(s, c);
}

FT_INLINE int ft_name_label(struct ft_scratch *s, struct ft_name_cursor *c, __u32 len)
{
	const __u8 *p = ft_octets(s, c->pos) + 1;
	__u64 label = ft_label_start(ft_settings.seed, len);

	c->octets += 1 + len;
	if (c->pos + 1 + len > s->walk.len || c->octets >= FT_NAME_OCTETS_MAX)
		return ft_name_fault(c, FT_REASON_BAD_NAME);
	c->pos += 1 + len;
#pragma unroll
	for (__u32 i = 0; i < 8; i++) {
		if (len <= 8) {
			label = ft_label_word(label, ft_word(p + 8 * i, len));
			break;
		}
		label = ft_label_word(label, ft_word(p + 8 * i, 8));
		len -= 8;
	}
	ft_name_add(&c->name, label);
	return 0;
}

/* One label, pointer or the root. Returns 1 when the name is done. */
FT_INLINE int ft_name_step(struct ft_scratch *s)
{
	struct ft_name_cursor *c = &s->walk.cur;
	__u32 octet;

	if (c->pos >= s->walk.len)
		return ft_name_fault(c, FT_REASON_BAD_NAME);
	if (++s->walk.steps > FT_NAME_STEPS)
		return ft_name_fault(c, FT_REASON_TOO_MANY_RECORDS);
	octet = *ft_octets(s, c->pos);
	if (octet >= 0xc0)
		return ft_name_pointer(s, c, octet);
	if (octet > 63)
		return ft_name_fault(c, FT_REASON_BAD_NAME);
	if (octet)
		return ft_name_label(s, c, octet);
	c->octets++;
	if (!c->target)
		c->end = c->pos + 1;
	return ft_name_done(s, c);
}

static long ft_name_step_cb(__u32 i, struct ft_walk_ctx *ctx)
{
	return ft_name_step(ctx->s);
}

/*
 * Read the name at @pos. Returns 0 and leaves its sum in walk.cur.name.sum and the place behind it
 * in walk.cur.end, or returns the reason.
 */
static __attribute__((noinline)) int ft_name_read(struct ft_scratch *s, __u32 pos)
{
	struct ft_name_cursor *c = &s->walk.cur;
	struct ft_walk_ctx ctx = {s};

	c->start = c->pos = c->run = pos;
	c->end = c->octets = c->pointers = 0;
	c->target = c->fault = c->prefix_octets = c->done = 0;
	c->name = ft_name_start();
	for (int i = 0; i < FT_NAME_STEPS_NEAR; i++)
		if (ft_name_step(s))
			return (int)c->fault;
	/* 127 labels, the root, and 127 pointers are the most that one name can take */
	bpf_loop(256, ft_name_step_cb, &ctx, 0);
	return (int)c->fault;
}

/* --- questions ------------------------------------------------------------------------------- */

/* 0 or the reason. */
static __attribute__((noinline)) int ft_question(struct ft_scratch *s)
{
	struct ft_walk *w = &s->walk;
	const __u8 *p;
	__u64 sum;
	__u32 end;

	if (ft_name_read(s, w->pos))
		return w->cur.fault == FT_REASON_BAD_NAME ? FT_REASON_BAD_QUESTION
							  : (int)w->cur.fault;
	end = w->cur.end;
	if (end + 4 > w->len)
		return FT_REASON_BAD_QUESTION;
	p = ft_octets(s, end);
	if (w->pos == FT_HEADER) { /* not compressed: no name lies before it */
		sum = ft_question_sum(ft_settings.seed, s->message + FT_HEADER, end - FT_HEADER);
		w->name_hash = ft_name_hash(ft_settings.seed, sum, ft_be16(p), ft_be16(p + 2));
	}
	w->pos = end + 4;
	return 0;
}

static long ft_question_cb(__u32 i, struct ft_walk_ctx *ctx)
{
	int fault = ft_question(ctx->s);

	if (!fault)
		return 0;
	ctx->s->walk.status = (__u32)fault;
	return 1;
}

/* --- records --------------------------------------------------------------------------------- */

/* Type and class as they lie in the message, and what the walk looks into. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FT_TYPE_IN(type) ((__u32)(type) << 8 | 1u << 24)
#else
#define FT_TYPE_IN(type) ((__u32)(type) << 16 | 1u)
#endif

#define FT_TYPE_A     1
#define FT_TYPE_NS    2
#define FT_TYPE_CNAME 5
#define FT_TYPE_AAAA  28
#define FT_TYPE_OPT   41

/* An owner is only validated; nearly always it is a pointer to a name that was read before. */
FT_INLINE int ft_owner(struct ft_scratch *s)
{
	struct ft_walk *w = &s->walk;
	const __u8 *p = ft_octets(s, w->pos);
	__u32 target = (p[0] & 0x3fu) << 8 | p[1];
	const struct ft_memo *m = ft_memo_slot(s, target);
	int fault;

	if (p[0] >= 0xc0 && m->key == ft_memo_key(w, target) && target < w->pos &&
	    m->pointers < FT_NAME_POINTERS_MAX) {
		w->pos += 2;
		return w->pos > w->len ? FT_REASON_BAD_NAME : 0;
	}
	fault = ft_name_read(s, w->pos);
	w->pos = w->cur.end;
	return fault;
}

/* RFC 2181 8: over 2^31-1 counts as 0; by arithmetic, since a known 0 would be a path of its own.
 */
FT_INLINE __u32 ft_ttl(__u32 ttl)
{
	asm volatile("" : "+r"(ttl));
	return ttl & ~(__u32)((__s32)ttl >> 31);
}

/* The minimum stays above the maximum where no record has a TTL. */
FT_INLINE void ft_ttl_start(struct ft_walk *w)
{
	w->ttl_min = ~0U;
	w->ttl_max = 0;
}

FT_INLINE void ft_note_ttl(struct ft_walk *w, __u32 section, __u32 ttl)
{
	if (section)
		return;
	ttl = ft_ttl(ttl);
	w->ttl_min = ttl < w->ttl_min ? ttl : w->ttl_min;
	w->ttl_max = ttl > w->ttl_max ? ttl : w->ttl_max;
}

FT_INLINE int ft_rdata_name(struct ft_scratch *s, __u32 section, __u16 type, __u32 pos, __u32 next)
{
	struct ft_walk *w = &s->walk;
	int fault = ft_name_read(s, pos);

	if (fault)
		return fault == FT_REASON_BAD_NAME ? FT_REASON_BAD_RDATA : fault;
	if (w->cur.end != next)
		return FT_REASON_BAD_RDATA;
	w->sum += ft_record_name(ft_settings.seed, section, type, w->cur.name.sum);
	return 0;
}

/* The rdata at @pos up to @next: 0, -1 when the walk does not look into it, or the reason. */
FT_INLINE int ft_rdata(struct ft_scratch *s, __u32 section, __u32 type_class, __u32 pos, __u32 next)
{
	const __u8 *p = ft_octets(s, pos);
	struct ft_walk *w = &s->walk;

	switch (type_class) {
	case FT_TYPE_IN(FT_TYPE_A):
		if (next - pos != 4)
			return FT_REASON_BAD_RDATA;
		w->sum += ft_record_a(ft_settings.seed, section, p);
		return 0;
	case FT_TYPE_IN(FT_TYPE_AAAA):
		if (next - pos != 16)
			return FT_REASON_BAD_RDATA;
		w->sum += ft_record_aaaa(ft_settings.seed, section, p);
		return 0;
	case FT_TYPE_IN(FT_TYPE_NS):
		return ft_rdata_name(s, section, FT_TYPE_NS, pos, next);
	case FT_TYPE_IN(FT_TYPE_CNAME):
		return ft_rdata_name(s, section, FT_TYPE_CNAME, pos, next);
	}
	return -1;
}

/* RFC 1035 4.1.3: owner, type, class, TTL, rdlength, rdata. 0 or the reason. */
FT_INLINE int ft_record(struct ft_scratch *s, __u32 i)
{
	struct ft_walk *w = &s->walk;
	__u32 section = (i >= w->answers) + (i >= w->authorities);
	int fault = ft_owner(s);
	__u32 type_class, ttl, pos, next;
	const __u8 *p;

	if (fault)
		return fault;
	pos = w->pos;
	p = ft_octets(s, pos);
	if (pos + 10 > w->len)
		return FT_REASON_SHORT_RECORD;
	type_class = *(const __u32 *)p;
	ttl = __builtin_bswap32(*(const __u32 *)(p + 4));
	pos += 10;
	next = pos + ft_be16(p + 8);
	if (next > w->len)
		return FT_REASON_SHORT_RECORD;
	fault = ft_rdata(s, section, type_class, pos, next);
	if (fault > 0)
		return fault;
	if (!fault)
		ft_note_ttl(w, section, ttl);
	w->records[section]++;
	w->pos = next;
	return 0;
}

static long ft_record_cb(__u32 i, struct ft_walk_ctx *ctx)
{
	int fault = ft_record(ctx->s, i);

	if (!fault)
		return 0;
	ctx->s->walk.status = (__u32)fault;
	return 1;
}

/* --- messages -------------------------------------------------------------------------------- */

FT_INLINE void ft_walk_start(struct ft_walk *w, __u32 len)
{
	w->generation++;
	w->sum = 0;
	w->pos = FT_HEADER;
	w->len = len;
	w->steps = 0;
	w->status = FT_REASON_NONE;
	ft_ttl_start(w);
	w->name_hash = 0;
	w->records[0] = w->records[1] = w->records[2] = 0;
}

/* Walk the @len (12 or more) octets of s->message; what was found is in s->walk. */
FT_INLINE void ft_walk_message(struct ft_scratch *s, __u32 len)
{
	struct ft_walk_ctx ctx = {s};
	struct ft_walk *w = &s->walk;
	__u32 questions, records;

	ft_walk_start(w, len);
	w->rcode = s->message[3] & 15;
	questions = ft_be16(s->message + 4);
	w->answers = ft_be16(s->message + 6);
	w->authorities = w->answers + ft_be16(s->message + 8);
	records = w->authorities + ft_be16(s->message + 10);
	if (questions)
		ft_question_cb(0, &ctx);
	if (questions > 1 && w->status == FT_REASON_NONE)
		bpf_loop(questions - 1, ft_question_cb, &ctx, 0);
	if (records && w->status == FT_REASON_NONE)
		bpf_loop(records, ft_record_cb, &ctx, 0);
}

/* A global function: verified once, by itself. */
__attribute__((noinline)) int ft_walk(__u32 len)
{
	struct ft_scratch *s = ft_get_scratch();

	if (!s || len > FT_MAX_UDP_DNS)
		return -1;
	ft_walk_message(s, len);
	return 0;
}

#endif
