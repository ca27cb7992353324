// SPDX-License-Identifier: BSD-2-Clause
/* Who serves a zone, and where: NS records and glue of authority and additional sections. */
#include "detect/state.h"

#include <string.h>

#include "churn/sketch.h"

#define NS_MAX	 16 /* of one zone in one response */
#define GLUE_MAX 32

struct ns_set {
	const struct dns_name *owner;
	const struct dns_name *names[NS_MAX];
	uint64_t hashes[NS_MAX];
	size_t len;
	uint64_t identity;
	uint32_t ttl_s, glue_ttl_s;
	struct ip_addr glue[GLUE_MAX];
	uint64_t glue_hashes[GLUE_MAX];
	uint8_t glue_ns[GLUE_MAX]; /* index into names */
	size_t glue_len;
	uint64_t glue_identity;
};

static void add_ns(struct detector *d, const struct dns_observation *obs, struct ns_set *s,
		   const struct dns_obs_record *rr)
{
	uint64_t hash = obs_key(d, obs, rr->target);

	for (size_t i = 0; i < s->len; i++)
		if (s->hashes[i] == hash)
			return;
	if (s->len == NS_MAX)
		return;
	if (!s->len || rr->ttl_s < s->ttl_s)
		s->ttl_s = rr->ttl_s;
	s->names[s->len] = rr->target;
	s->hashes[s->len++] = hash;
	s->identity ^= hash_mix(hash);
}

static void add_glue(struct detector *d, struct ns_set *s, const struct dns_obs_record *rr,
		     size_t ns)
{
	uint64_t hash = unit_hash(d, &rr->addr);

	if (s->glue_len == GLUE_MAX || !lists_counts(&d->lists, &rr->addr))
		return;
	for (size_t i = 0; i < s->glue_len; i++)
		if (s->glue_hashes[i] == hash)
			return;
	if (!s->glue_len || rr->ttl_s < s->glue_ttl_s)
		s->glue_ttl_s = rr->ttl_s;
	s->glue[s->glue_len] = rr->addr;
	s->glue_hashes[s->glue_len] = hash;
	s->glue_ns[s->glue_len++] = (uint8_t)ns;
	s->glue_identity ^= hash;
}

static void collect(struct detector *d, const struct dns_observation *obs,
		    const struct dns_name *owner, struct ns_set *s)
{
	bool v4 = false;

	s->owner = owner; /* the arrays are long, and what counts of them is written below */
	s->len = s->glue_len = 0;
	s->identity = s->glue_identity = 0;
	s->ttl_s = s->glue_ttl_s = 0;
	for (size_t i = 0; i < obs->records_len; i++) {
		const struct dns_obs_record *rr = &obs->records[i];

		if (rr->type == DNS_TYPE_NS && dns_name_equal(rr->owner, owner))
			add_ns(d, obs, s, rr);
		v4 |= rr->type == DNS_TYPE_A && rr->section == DNS_ADDITIONAL;
	}
	for (size_t i = 0; i < obs->records_len; i++) {
		const struct dns_obs_record *rr = &obs->records[i];

		/* one family only: two would look like two sets where one of them is left out */
		if (rr->section != DNS_ADDITIONAL || rr->type != (v4 ? DNS_TYPE_A : DNS_TYPE_AAAA))
			continue;
		for (size_t j = 0; j < s->len; j++)
			if (dns_name_equal(rr->owner, s->names[j]))
				add_glue(d, s, rr, j);
	}
}

static void learn_fanin(struct detector *d, const struct ns_set *s, uint64_t domain, uint32_t now_s)
{
	for (size_t i = 0; i < s->len; i++) {
		struct local_domain *dom;
		uint8_t off;
		uint64_t key = registered_domain(d, s->names[i], &off);

		dom = local_domain(&d->local, key, now_s);
		sketch_add(&dom->zones, hash_mix(domain));
		if (!i)
			local_domain(&d->local, domain, now_s)->ns_domain = key;
	}
}

static void observe_entry(struct detector *d, uint64_t key, const struct ns_set *s,
			  const struct rrset *r, const struct dns_observation *obs, uint32_t server)
{
	struct names_response resp = {
		.rrset = r, .server = server, .client = 1, .time_ns = obs->time_ns
	};

	names_observe(d->names, key, names_get(d->names, key), &resp, &d->result);
	if (d->result.entry && d->result.is_new) {
		/* the question's may be needed as well, and tells that of the zone above it */
		if (obs->qname)
			domain_offset(d, obs->qname);
		d->result.entry->domain =
			registered_domain(d, s->owner, &d->result.entry->domain_off);
	}
}

static void report_names(struct detector *d, const struct ns_set *s, const struct zone *z,
			 uint32_t before_s, uint64_t time_ns)
{
	uint32_t now_s = (uint32_t)(time_ns / NS);
	struct dns_name added[ZONE_NAMES], removed[ZONE_NAMES];
	struct churn_change ev = {
		.time_ns = time_ns,
		.kind = CHURN_CHANGED,
		.rrname = s->owner,
		.rrtype = DNS_TYPE_NS,
		.added_names = added,
		.removed_names = removed,
		.set_size = (uint32_t)s->len,
		.distinct = z->names_len,
		.ttl_s = s->ttl_s,
	};

	if (!d->ops.churn)
		return;
	for (unsigned int i = 0; i < z->names_len; i++) {
		if (z->names[i].first_s == now_s && z->names[i].last_s == now_s)
			added[ev.added_names_len++] = z->names[i].name;
		else if (before_s && z->names[i].last_s == before_s)
			removed[ev.removed_names_len++] = z->names[i].name;
	}
	if (!ev.added_names_len && ev.removed_names_len < z->names_len)
		ev.kind = CHURN_RETURNED;
	d->ops.churn(d->ctx, &ev);
}

static struct zone *zone_record(struct detector *d, uint64_t key, uint32_t now_s)
{
	bool is_new;
	struct zone *z = table_put(d->zones, key, &is_new);

	if (is_new)
		z->first_s = now_s;
	return z;
}

static void observe_ns_set(struct detector *d, struct ns_set *s, const struct dns_observation *obs,
			   uint32_t server)
{
	uint64_t key = typed_key(obs_key(d, obs, s->owner), DNS_TYPE_NS);
	struct rrset r = {
		.identity = s->identity, .ttl_s = s->ttl_s, .type = DNS_TYPE_NS, .partial = obs->tc
	};
	uint32_t now_s = (uint32_t)(obs->time_ns / NS), before_s;
	enum names_outcome outcome;
	struct zone *z;

	observe_entry(d, key, s, &r, obs, server);
	outcome = d->result.outcome;
	if (!d->result.entry)
		return;
	if (outcome == NAMES_FIRST || outcome == NAMES_CHANGED || d->result.new_day)
		learn_fanin(d, s, d->result.entry->domain, now_s);
	z = outcome == NAMES_CHANGED ? zone_record(d, key, now_s) : table_get(d->zones, key);
	if (!z || outcome == NAMES_REPLAY)
		return;
	before_s = z->last_s;
	for (size_t i = 0; i < s->len; i++)
		zone_name_seen(z, s->names[i], s->hashes[i], now_s);
	z->last_s = now_s;
	if (s->ttl_s > z->ns_ttl_s)
		z->ns_ttl_s = s->ttl_s;
	if (outcome != NAMES_CHANGED)
		return;
	z->ns_changes++;
	z->change_s = now_s;
	report_names(d, s, z, before_s, obs->time_ns);
}

static void add_glue_sample(struct detector *d, struct zone *z, const struct ns_set *s,
			    uint32_t now_s)
{
	struct sample_set set = { s->glue, s->glue_hashes, s->glue_len };
	struct sample_delta delta;

	sample_add(&z->glue, &set, d->result.server, !d->result.new_server, d->result.weight, now_s,
		   2 * z->glue_ttl_s, candidate_sample_ops(d), &delta);
	z->glue_sets += d->result.weight;
	for (size_t i = 0; i < s->glue_len; i++) {
		int at = sample_find(&z->glue, s->glue_hashes[i]);
		unsigned int place =
			zone_name_seen(z, s->names[s->glue_ns[i]], s->hashes[s->glue_ns[i]], now_s);

		if (at >= 0)
			z->glue.slots[at].tag = (uint8_t)place;
	}
}

static void observe_glue(struct detector *d, struct ns_set *s, const struct dns_observation *obs,
			 uint32_t server)
{
	uint64_t owner = obs_key(d, obs, s->owner);
	struct rrset r = { .set = { s->glue, s->glue_hashes, s->glue_len },
			   .identity = s->glue_identity,
			   .ttl_s = s->glue_ttl_s,
			   .type = NAMES_GLUE,
			   .partial = obs->tc };
	uint32_t now_s = (uint32_t)(obs->time_ns / NS);
	uint64_t key = typed_key(owner, DNS_TYPE_NS);
	enum names_outcome outcome;
	struct zone *z;

	if (!s->glue_len)
		return;
	observe_entry(d, typed_key(owner, NAMES_GLUE), s, &r, obs, server);
	outcome = d->result.outcome;
	if (!d->result.entry || outcome == NAMES_REPLAY || r.partial)
		return;
	z = outcome == NAMES_CHANGED ? zone_record(d, key, now_s) : table_get(d->zones, key);
	if (!z)
		return;
	z->last_s = now_s;
	if (s->glue_ttl_s > z->glue_ttl_s)
		z->glue_ttl_s = s->glue_ttl_s;
	if (outcome == NAMES_CHANGED) {
		z->glue_changes++;
		z->change_s = now_s;
	}
	add_glue_sample(d, z, s, now_s);
}

void observe_nameservers(struct detector *d, const struct dns_observation *obs, uint32_t server)
{
	const struct dns_name *last = NULL;
	unsigned int zones = 0;

	for (size_t i = 0; i < obs->records_len && zones < 4; i++) {
		const struct dns_obs_record *rr = &obs->records[i];
		struct ns_set s;

		if (rr->type != DNS_TYPE_NS || rr->section == DNS_ADDITIONAL || !rr->target ||
		    rr->owner->len <= 1 || (last && dns_name_equal(last, rr->owner)))
			continue;
		last = rr->owner;
		zones++;
		collect(d, obs, rr->owner, &s);
		observe_ns_set(d, &s, obs, server);
		observe_glue(d, &s, obs, server);
	}
}

/* The zone cut nearest above the name whose servers were seen. */
struct ns_view nameservers_of(struct detector *d, const struct candidate *c)
{
	struct ns_view v = { 0 };
	const struct dns_name *name = c->name;

	for (size_t at = 0; name && at <= c->domain_off && !v.visible; at += name->wire[at] + 1U) {
		uint64_t key = typed_key(name_key(d, name->wire + at, name->len - at), DNS_TYPE_NS);

		v.rest = names_get(d->names, key);
		v.zone = table_get(d->zones, key);
		v.visible = v.rest || v.zone;
		if (at + 1U >= name->len)
			break;
	}
	return v;
}
