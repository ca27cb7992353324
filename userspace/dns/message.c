// SPDX-License-Identifier: BSD-2-Clause
/* The walk over a message, in the order that docs/capture.md ("Messages") lays down. */
#include "dns/message.h"

#include <errno.h>
#include <stdlib.h>
#include <fluxtap/fingerprint.h>
#include <fluxtap/ledger.h>
#include "dns/wire.h"

#define MESSAGE_MAX  65535
#define RR_FIXED     10 /* type, class, TTL, rdlength */
#define TYPE_OPT     41
#define OPTION_ECS   8 /* RFC 7871 6 */
#define CAP_AT_FIRST 64

void dns_message_init(struct dns_message *m)
{
	memset(m, 0, sizeof(*m));
	m->opt = -1;
}

void dns_message_fini(struct dns_message *m)
{
	free(m->questions);
	free(m->rrs);
	free(m->memo);
	dns_message_init(m);
}

/* What the walk carries besides the message itself. */
struct walk {
	struct dns_message *m;
	size_t pos;
};

static bool broke(struct walk *w, unsigned int reason, size_t at)
{
	w->m->status = reason;
	w->m->broke_at = at;
	return false;
}

/* --- names ----------------------------------------------------------------------------------- */

/*
 * What is known of the name that begins at an offset, in a message of this generation. Each place
 * that a pointer can name is read once, so that the walk takes time in proportion to the message,
 * whatever points where.
 */
struct dns_name_memo {
	uint16_t generation;
	uint16_t target; /* of the first pointer in it, 0 without */
	uint16_t octets, pointers; /* wider than they need be: the entry is stored as one word */
};

#define MEMOS 0x4000 /* pointers have 14 bits */

/* One label, pointer or root on the way through a name. */
struct step {
	uint16_t offset, target;
	uint16_t octets, pointers; /* of the name before it */
};

#define STEPS_MAX (DNS_NAME_MAX / 2 + 1 + FT_NAME_POINTERS_MAX)

struct name_walk {
	size_t pos, run, end;
	unsigned int octets, pointers, steps_len;
	struct step steps[STEPS_MAX];
};

static void add_step(struct name_walk *n, size_t target)
{
	n->steps[n->steps_len++] = (struct step){
		.offset = (uint16_t)n->pos,
		.target = (uint16_t)target,
		.octets = (uint16_t)n->octets,
		.pointers = (uint16_t)n->pointers,
	};
}

/* The name is sound, and @n holds its totals: remember it and every part of it. */
static void remember(struct dns_message *m, const struct name_walk *n, uint16_t target)
{
	for (unsigned int i = n->steps_len; i-- > 0;) {
		const struct step *s = &n->steps[i];

		if (s->target)
			target = s->target;
		if (s->offset < MEMOS)
			m->memo[s->offset] = (struct dns_name_memo){
				.generation = m->generation,
				.target = target,
				.octets = (uint16_t)(n->octets - s->octets),
				.pointers = (uint16_t)(n->pointers - s->pointers),
			};
	}
}

/* The rest of the name is known: sound if it fits to what stands before it. */
static bool join_known(struct dns_message *m, struct name_walk *n, const struct dns_name_memo *rest)
{
	n->octets += rest->octets;
	n->pointers += rest->pointers;
	/* the run on the way to a known place began earlier: its pointer must lead before that */
	if (n->octets > DNS_NAME_MAX || n->pointers > FT_NAME_POINTERS_MAX ||
	    rest->target >= n->run)
		return false;
	remember(m, n, rest->target);
	return true;
}

/* The rules of dns_name_check(), which see. */
static bool read_name(struct dns_message *m, struct name_walk *n)
{
	for (;;) {
		size_t target;
		uint8_t octet;

		if (n->pos >= m->len)
			return false;
		/* in place nothing is known yet: what is, lies before */
		if (n->pointers && m->memo[n->pos].generation == m->generation)
			return join_known(m, n, &m->memo[n->pos]);
		octet = m->bytes[n->pos];
		if (octet == 0)
			break;
		if (octet < 64) {
			add_step(n, 0);
			n->octets += octet + 1U;
			if (n->octets >= DNS_NAME_MAX)
				return false;
			n->pos += octet + 1U;
			continue;
		}
		if (octet < 0xc0 || m->len - n->pos < 2)
			return false;
		target = wire_u16(m->bytes + n->pos) & 0x3fff;
		if (target < DNS_HEADER_BYTES || target >= n->run)
			return false;
		add_step(n, target);
		if (!n->pointers)
			n->end = n->pos + 2;
		if (++n->pointers > FT_NAME_POINTERS_MAX)
			return false;
		n->pos = n->run = target;
	}
	add_step(n, 0);
	n->octets++;
	if (!n->pointers)
		n->end = n->pos + 1;
	remember(m, n, 0);
	return true;
}

static __attribute__((noinline)) bool walk_other_name(struct walk *w, size_t pos, size_t *ret_end)
{
	struct name_walk n;

	n.pos = n.run = pos;
	n.end = n.octets = n.pointers = n.steps_len = 0;
	if (!read_name(w->m, &n))
		return false;
	*ret_end = n.end;
	return true;
}

/*
 * What nearly all names are: labels up to the root or to a pointer to a name that was read.  False
 * when it is another or a faulty one, which walk_other_name() tells.
 */
static inline bool walk_usual_name(struct dns_message *m, size_t pos, size_t *ret_end)
{
	struct dns_name_memo memo = { .generation = m->generation, .octets = 1 };
	size_t at = pos;

	while (at < m->len && m->bytes[at] && m->bytes[at] < 64)
		at += m->bytes[at] + 1U;
	if (at >= m->len)
		return false;
	*ret_end = at + 1;
	if (m->bytes[at]) {
		const struct dns_name_memo *rest;

		if (m->bytes[at] < 0xc0 || m->len - at < 2)
			return false;
		memo.target = wire_u16(m->bytes + at) & 0x3fff;
		rest = &m->memo[memo.target];
		if (rest->generation != m->generation || memo.target >= pos ||
		    rest->target >= memo.target || rest->pointers >= FT_NAME_POINTERS_MAX)
			return false;
		memo.octets = rest->octets;
		memo.pointers = (uint16_t)(rest->pointers + 1U);
		*ret_end = at + 2;
	}
	if (at - pos + memo.octets > DNS_NAME_MAX)
		return false;
	for (size_t octets = at - pos + memo.octets; pos < at && pos < MEMOS;
	     pos += m->bytes[pos] + 1U) {
		m->memo[pos] = (struct dns_name_memo){
			.generation = memo.generation,
			.target = memo.target,
			.octets = (uint16_t)octets,
			.pointers = memo.pointers,
		};
		octets -= m->bytes[pos] + 1U;
	}
	if (at < MEMOS)
		m->memo[at] = memo;
	return true;
}

static inline __attribute__((always_inline)) bool walk_name(struct walk *w, size_t pos,
							    size_t *ret_end)
{
	const struct dns_message *m = w->m;

	/* nearly all owners are a pointer to a name that was read */
	if (m->len - pos >= 2 && m->bytes[pos] >= 0xc0) {
		size_t target = wire_u16(m->bytes + pos) & 0x3fff;
		const struct dns_name_memo *known = &m->memo[target];

		if (known->generation == m->generation && target < pos &&
		    known->pointers < FT_NAME_POINTERS_MAX) {
			*ret_end = pos + 2;
			return true;
		}
	}
	return walk_usual_name(w->m, pos, ret_end) || walk_other_name(w, pos, ret_end);
}

size_t dns_message_run(const struct dns_message *m, size_t pos)
{
	const struct dns_name_memo *known = &m->memo[pos % MEMOS];

	if (pos >= MEMOS || known->generation != m->generation || known->pointers)
		return 0;
	return known->octets;
}

/* Forget the names of the message before. */
static bool renew_memo(struct dns_message *m)
{
	if (!m->memo) {
		m->memo = calloc(MEMOS, sizeof(*m->memo));
		m->generation = 0;
	} else if (m->generation == UINT16_MAX) {
		memset(m->memo, 0, MEMOS * sizeof(*m->memo));
		m->generation = 0;
	}
	m->generation++;
	return m->memo;
}

/* --- questions and records ------------------------------------------------------------------- */

/* The array twice as large, or NULL and the old one still good. */
static void *grown(void *array, size_t *cap, size_t entry_bytes)
{
	size_t more = *cap ? *cap * 2 : CAP_AT_FIRST;
	void *bigger = realloc(array, more * entry_bytes);

	if (bigger)
		*cap = more;
	return bigger;
}

static bool room_for_question(struct dns_message *m)
{
	struct dns_question *bigger;

	if (m->questions_len < m->questions_cap)
		return true;
	bigger = grown(m->questions, &m->questions_cap, sizeof(*bigger));
	if (bigger)
		m->questions = bigger;
	return bigger;
}

static bool room_for_rr(struct dns_message *m)
{
	struct dns_rr *bigger;

	if (m->rrs_len < m->rrs_cap)
		return true;
	bigger = grown(m->rrs, &m->rrs_cap, sizeof(*bigger));
	if (bigger)
		m->rrs = bigger;
	return bigger;
}

static int walk_questions(struct walk *w)
{
	struct dns_message *m = w->m;

	for (unsigned int i = 0; i < m->counts[0]; i++) {
		size_t end = w->pos;
		struct dns_question *q;

		if (!walk_name(w, w->pos, &end) || m->len - end < 4) {
			broke(w, FT_REASON_BAD_QUESTION, w->pos);
			return -EBADMSG;
		}
		if (!room_for_question(m))
			return -ENOMEM;
		q = &m->questions[m->questions_len++];
		q->name = (uint16_t)w->pos;
		q->type = wire_u16(m->bytes + end);
		q->class_ = wire_u16(m->bytes + end + 2);
		w->pos = end + 4;
	}
	return 0;
}

static bool rdata_sound(struct walk *w, const struct dns_rr *rr)
{
	size_t end;

	if (rr->class_ != DNS_CLASS_IN)
		return true;
	switch (rr->type) {
	case DNS_TYPE_A:
		return rr->rdlength == 4;
	case DNS_TYPE_AAAA:
		return rr->rdlength == 16;
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
		return rr->rdlength && walk_name(w, rr->rdata, &end) &&
		       end == (size_t)rr->rdata + rr->rdlength;
	default:
		return true;
	}
}

static bool walk_rr(struct walk *w, struct dns_rr *rr)
{
	const struct dns_message *m = w->m;
	const uint8_t *fixed;
	size_t end;

	if (!walk_name(w, w->pos, &end))
		return broke(w, FT_REASON_BAD_NAME, w->pos);
	if (m->len - end < RR_FIXED)
		return broke(w, FT_REASON_SHORT_RECORD, w->pos);
	fixed = m->bytes + end;
	rr->owner = (uint16_t)w->pos;
	rr->type = wire_u16(fixed);
	rr->class_ = wire_u16(fixed + 2);
	rr->ttl = wire_u32(fixed + 4);
	rr->rdlength = wire_u16(fixed + 8);
	end += RR_FIXED;
	if (m->len - end < rr->rdlength)
		return broke(w, FT_REASON_SHORT_RECORD, w->pos);
	rr->rdata = (uint16_t)end; /* equals 65,535 at most, and then rdlength is 0 */
	if (!rdata_sound(w, rr))
		return broke(w, FT_REASON_BAD_RDATA, end);
	w->pos = end + rr->rdlength;
	return true;
}

static int walk_section(struct walk *w, unsigned int section)
{
	struct dns_message *m = w->m;

	for (unsigned int i = 0; i < m->counts[section + 1]; i++) {
		struct dns_rr *rr;

		if (!room_for_rr(m))
			return -ENOMEM;
		rr = &m->rrs[m->rrs_len];
		if (!walk_rr(w, rr))
			return -EBADMSG;
		rr->section = (uint8_t)section;
		if (rr->type == TYPE_OPT && section == DNS_ADDITIONAL && m->opt < 0) {
			m->opt = (int)m->rrs_len;
			m->rcode |= (uint16_t)(rr->ttl >> 24 << 4); /* RFC 6891 6.1.3 */
		}
		m->rrs_len++;
		m->read[section]++;
	}
	return 0;
}

static void read_header(struct dns_message *m)
{
	const uint8_t *p = m->bytes;

	m->id = wire_u16(p);
	m->flags = wire_u16(p + 2);
	for (size_t i = 0; i < 4; i++)
		m->counts[i] = wire_u16(p + 4 + 2 * i);
	m->opcode = m->flags >> 11 & 0xf;
	m->rcode = m->flags & 0xf;
}

static void reset(struct dns_message *m, const uint8_t *bytes, size_t len)
{
	m->bytes = bytes;
	m->len = len;
	m->id = m->flags = m->rcode = 0;
	m->opcode = 0;
	memset(m->counts, 0, sizeof(m->counts));
	memset(m->read, 0, sizeof(m->read));
	m->status = FT_REASON_NONE;
	m->broke_at = m->trailing = 0;
	m->questions_len = m->rrs_len = 0;
	m->opt = -1;
}

int dns_message_parse(struct dns_message *m, const uint8_t *bytes, size_t len)
{
	struct walk w = { .m = m, .pos = DNS_HEADER_BYTES };
	int err;

	reset(m, bytes, len);
	if (len < DNS_HEADER_BYTES || len > MESSAGE_MAX) {
		broke(&w, len > MESSAGE_MAX ? FT_REASON_MESSAGE_TOO_LARGE : FT_REASON_SHORT_DNS, 0);
		return -EBADMSG;
	}
	if (!renew_memo(m))
		return -ENOMEM;
	read_header(m);
	err = walk_questions(&w);
	for (unsigned int section = 0; !err && section < 3; section++)
		err = walk_section(&w, section);
	if (!err)
		m->trailing = len - w.pos;
	return err;
}

/* RFC 7871 6: family, source and scope prefix length, the address cut to the source length. */
static void read_ecs(const uint8_t *p, size_t len, struct dns_edns *ret)
{
	uint8_t addr[16] = { 0 };
	unsigned int family, max;

	if (len < 4)
		return;
	family = wire_u16(p);
	max = family == 1 ? 32 : family == 2 ? 128 : 0;
	if (p[2] > max || !max || len - 4 != (p[2] + 7U) / 8)
		return;
	memcpy(addr, p + 4, len - 4);
	ret->has_ecs = true;
	ret->ecs_source = p[2];
	ret->ecs_scope = p[3];
	ret->ecs_addr = family == 1 ? ip_from_v4(addr) : ip_from_v6(addr);
}

bool dns_message_edns(const struct dns_message *m, struct dns_edns *ret)
{
	const struct dns_rr *rr;
	const uint8_t *p, *end;

	if (m->opt < 0)
		return false;
	rr = &m->rrs[m->opt];
	*ret = (struct dns_edns){
		.udp_size = rr->class_,
		.ext_rcode = (uint8_t)(rr->ttl >> 24),
		.version = (uint8_t)(rr->ttl >> 16),
		.dnssec_ok = rr->ttl >> 15 & 1,
	};
	p = m->bytes + rr->rdata;
	end = p + rr->rdlength;
	while (end - p >= 4) {
		size_t n = wire_u16(p + 2);

		if ((size_t)(end - p - 4) < n)
			break;
		if (wire_u16(p) == OPTION_ECS && !ret->has_ecs)
			read_ecs(p + 4, n, ret);
		p += 4 + n;
	}
	return true;
}
