// SPDX-License-Identifier: BSD-2-Clause
/* From a parsed message to the observation that the analysis takes. */
#include "dns/message.h"

#include <errno.h>
#include <stdlib.h>
#include "dns/wire.h"

#define TTL_MAX 0x7fffffffU /* RFC 2181 8 */
#define RECENT	8 /* names compared with by place before one is decoded anew */

struct dns_arena {
	struct dns_name *names;
	uint16_t *places; /* offset in the message each name was read from */
	uint64_t *hashes;
	struct hash_key key;
	bool keyed;
	size_t names_len, names_cap;
	struct dns_obs_record *records;
	size_t records_cap;
};

int dns_arena_new(struct dns_arena **ret)
{
	struct dns_arena *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	*ret = a;
	return 0;
}

void dns_arena_free(struct dns_arena *a)
{
	if (!a)
		return;
	free(a->names);
	free(a->places);
	free(a->hashes);
	free(a->records);
	free(a);
}

void dns_arena_set_key(struct dns_arena *a, const struct hash_key *key)
{
	a->key = *key;
	a->keyed = true;
}

/* Room for everything the message may need, so that pointers into the arena stay good. */
static int reserve(struct dns_arena *a, size_t records)
{
	size_t names = 1 + 2 * records;

	if (names > a->names_cap) {
		size_t cap = names < 64 ? 64 : names * 2;

		free(a->names);
		free(a->places);
		free(a->hashes);
		a->names_cap = 0;
		a->names = malloc(cap * sizeof(*a->names));
		a->places = malloc(cap * sizeof(*a->places));
		a->hashes = malloc(cap * sizeof(*a->hashes));
		if (!a->names || !a->places || !a->hashes)
			return -ENOMEM;
		a->names_cap = cap;
	}
	if (records > a->records_cap) {
		size_t cap = records < 32 ? 32 : records * 2;

		free(a->records);
		a->records_cap = 0;
		a->records = malloc(cap * sizeof(*a->records));
		if (!a->records)
			return -ENOMEM;
		a->records_cap = cap;
	}
	a->names_len = 0;
	return 0;
}

/* The name at @pos, one copy for each place in the message as long as it is a recent one. */
static const struct dns_name *name_at(struct dns_arena *a, const struct dns_message *m, size_t pos)
{
	size_t n = a->names_len, from = n > RECENT ? n - RECENT : 0, run;

	while (m->bytes[pos] >= 0xc0)
		pos = wire_u16(m->bytes + pos) & 0x3fff;
	if (n && a->places[0] == pos)
		return &a->names[0];
	while (n > from)
		if (a->places[--n] == pos)
			return &a->names[n];
	n = a->names_len++;
	a->places[n] = (uint16_t)pos;
	a->hashes[n] = 0;
	run = dns_message_run(m, pos);
	if (run)
		dns_name_copy_run(m->bytes, m->len, pos, run, &a->names[n]);
	else
		dns_name_copy(m->bytes, m->len, pos, &a->names[n]);
	return &a->names[n];
}

/* Fill @r and return true when the analysis reads records of this type and class. */
static bool record_from(struct dns_arena *a, const struct dns_message *m, const struct dns_rr *rr,
			struct dns_obs_record *r)
{
	const uint8_t *rdata = m->bytes + rr->rdata;

	if (rr->class_ != DNS_CLASS_IN)
		return false;
	switch (rr->type) {
	case DNS_TYPE_A:
		r->addr = ip_from_v4(rdata);
		r->target = NULL;
		break;
	case DNS_TYPE_AAAA:
		r->addr = ip_from_v6(rdata);
		r->target = NULL;
		break;
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
		memset(&r->addr, 0, sizeof(r->addr));
		r->target = name_at(a, m, rr->rdata);
		break;
	default:
		return false;
	}
	r->owner = name_at(a, m, rr->owner);
	r->ttl_s = rr->ttl <= TTL_MAX ? rr->ttl : 0;
	r->type = rr->type;
	r->section = rr->section;
	return true;
}

static void note_ttl(struct dns_observation *o, const struct dns_obs_record *r, bool first)
{
	if (first || r->ttl_s < o->ttl_min)
		o->ttl_min = r->ttl_s;
	if (first || r->ttl_s > o->ttl_max)
		o->ttl_max = r->ttl_s;
}

int dns_message_observe(const struct dns_message *m, struct dns_arena *arena,
			struct dns_observation *ret)
{
	struct dns_observation *o = ret;
	bool first = true;

	*o = (struct dns_observation){
		.txid = m->id,
		.has_txid = true,
		.has_authority = true,
		.rcode = (uint8_t)(m->rcode <= UINT8_MAX ? m->rcode : UINT8_MAX),
		.aa = m->flags >> 10 & 1,
		.tc = m->flags >> 9 & 1,
	};
	if (reserve(arena, m->rrs_len))
		return -ENOMEM;
	if (m->questions_len) {
		o->qname = name_at(arena, m, m->questions[0].name);
		o->qtype = m->questions[0].type;
		o->qclass = m->questions[0].class_;
	}
	for (size_t i = 0; i < m->rrs_len; i++) {
		struct dns_obs_record *r = &arena->records[o->records_len];

		if (!record_from(arena, m, &m->rrs[i], r))
			continue;
		o->records_len++;
		if (r->section == DNS_ANSWER) {
			note_ttl(o, r, first);
			first = false;
		}
	}
	o->records = arena->records;
	if (arena->keyed) {
		o->names = arena->names;
		o->names_len = arena->names_len;
		o->name_hashes = arena->hashes;
		o->names_key = arena->key;
	}
	return 0;
}
