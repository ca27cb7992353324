// SPDX-License-Identifier: BSD-2-Clause
/* One RRset of one name: the table of names, local knowledge, candidates, change events. */
#include "detect/state.h"

#include <string.h>

#include "churn/sketch.h"
#include "dns/psl.h"

/* A candidate without a verdict is judged again with each eighth unchanged fresh set only. */
#define SAME_EVALUATE 8U
#define REST_S	      (2 * DAY_S) /* more than slow flux grants an address */

struct dns_name domain_name(const struct dns_name *name, uint8_t off)
{
	struct dns_name domain = { .len = (uint8_t)(name->len - off) };

	memcpy(domain.wire, name->wire + off, domain.len);
	return domain;
}

static struct suffix_entry *suffix_at(struct detector *d, const struct dns_name *name, size_t from,
				      uint32_t *ret_key)
{
	uint64_t key = hash_keyed(&d->key, name->wire + from, name->len - from);

	*ret_key = (uint32_t)(key >> 32);
	return &d->suffixes[key % SUFFIXES];
}

/*
 * The public suffix list costs two microseconds.  Where the registered domain begins depends, for a
 * name with labels to spare, on what is behind its first label only; that is remembered.  What
 * holds for the names below @name holds for @name, unless it is too short for it.
 */
uint8_t domain_offset(struct detector *d, const struct dns_name *name)
{
	size_t first = name->wire[0] + 1U;
	struct suffix_entry *entry = NULL, *below;
	struct dns_name domain;
	uint32_t key = 0, own_key;

	if (first < name->len) {
		entry = suffix_at(d, name, first, &key);
		if (entry->key == key && entry->domain_len)
			return (uint8_t)(name->len - entry->domain_len);
		below = suffix_at(d, name, 0, &own_key);
		if (below->key == own_key && below->domain_len && below->domain_len <= name->len)
			return (uint8_t)(name->len - below->domain_len);
	}
	dns_registered_domain(name, &domain);
	/* only where the first label is no part of the domain is it the same for its siblings */
	if (entry && domain.len < name->len) {
		entry->key = key;
		entry->domain_len = domain.len;
	}
	return (uint8_t)(name->len - domain.len);
}

uint64_t registered_domain(struct detector *d, const struct dns_name *name, uint8_t *ret_off)
{
	*ret_off = domain_offset(d, name);
	return name_key(d, name->wire + *ret_off, (size_t)(name->len - *ret_off));
}

/* Let local knowledge count the addresses for the domain. True when two or more belong to
 * candidates of a standing verdict. */
static bool learn_addresses(struct detector *d, const struct rrset *r, uint64_t domain,
			    bool established, uint32_t index1, uint32_t now_s)
{
	bool trusted = local_is_trusted(&d->local, local_domain_get(&d->local, domain), now_s);
	unsigned int flagged = 0;

	for (size_t i = 0; i < r->set.len; i++) {
		uint32_t asn = trusted ? asn_of(d, &r->set.addrs[i]) : 0;
		struct local_address *a = local_address_used(&d->local, r->set.hashes[i], domain,
							     established, asn, now_s);

		for (unsigned int j = 0; j < 2; j++) {
			uint32_t other = a->candidates[j];

			flagged += other && other != index1 &&
				   candidate_at(&d->candidates, other)->finding;
		}
		if (!index1 || a->candidates[0] == index1)
			continue;
		a->candidates[1] = a->candidates[0];
		a->candidates[0] = index1;
	}
	return flagged >= 2;
}

/* More networks than a handful: worth a closer look with the first change already. */
static bool is_spread(struct detector *d, const struct rrset *r)
{
	uint32_t seen[4] = { 0 };
	unsigned int n = 0;

	for (size_t i = 0; i < r->set.len && n < 4; i++) {
		uint32_t asn = asn_of(d, &r->set.addrs[i]);
		unsigned int j = 0;

		if (!asn) /* without AS data the /16 stands in */
			asn = (uint32_t)r->set.addrs[i].b[12] << 8 | r->set.addrs[i].b[13];
		while (j < n && seen[j] != asn)
			j++;
		if (j == n)
			seen[n++] = asn;
	}
	return n >= 4;
}

static bool zone_moves(struct detector *d, const struct churn_name *e)
{
	const struct zone *z = table_get(d->zones, typed_key(e->domain, DNS_TYPE_NS));

	return z && d->now_s - z->change_s < DAY_S &&
	       (z->glue_ttl_s <= 3600 || z->ns_ttl_s <= 3600);
}

static bool deserves_promotion(struct detector *d, const struct churn_name *e,
			       const struct rrset *r, bool shares_flagged)
{
	if (!e->changes)
		return false;
	if (shares_flagged || (e->changes >= 2 && sketch_estimate(e->distinct) > 2.5))
		return true;
	if (r->set.len >= 5 && is_spread(d, r))
		return true;
	/* after days of rest: as candidate it keeps the times of what follows, if all comes at once
	 */
	if (r->set.len == 1 && e->last_s - e->first_s >= REST_S)
		return true;
	return zone_moves(d, e);
}

static void report_change(struct detector *d, const struct dns_name *name, const struct observed *o,
			  const struct names_result *res, const struct candidate *c)
{
	struct churn_change ev = {
		.time_ns = o->obs->time_ns,
		.rrname = name,
		.rrtype = o->rrset.type,
		.set_size = (uint32_t)o->rrset.set.len,
		.ttl_s = o->rrset.ttl_s,
		.added = res->added,
		.added_len = res->added_len,
		.removed = res->removed,
		.removed_len = res->removed_len,
	};

	if (!d->ops.churn || (res->outcome != NAMES_FIRST && res->outcome != NAMES_CHANGED))
		return;
	ev.kind = res->returned ? CHURN_RETURNED : CHURN_CHANGED;
	if (res->outcome == NAMES_FIRST) {
		ev.kind = CHURN_FIRST;
		ev.added = o->rrset.set.addrs;
		ev.added_len = o->rrset.set.len;
		ev.removed_len = 0;
	}
	ev.distinct = (uint32_t)o->rrset.set.len;
	if (c)
		ev.distinct = (uint32_t)(sample_distinct(&c->sample, 0) + 0.5);
	else if (res->entry && res->outcome == NAMES_CHANGED)
		ev.distinct = (uint32_t)(sketch_estimate(res->entry->distinct) + 0.5);
	d->ops.churn(d->ctx, &ev);
}

/* The candidate's sample remembers more than the entry: its lists replace the entry's. */
static void list_from_sample(const struct candidate *c, const struct sample_delta *delta,
			     struct names_result *res)
{
	if (c->sample.overflowed)
		return;
	res->returned = delta->added_len > 0 && delta->novel == 0;
	res->added_len = res->removed_len = 0;
	for (unsigned int i = 0; i < delta->added_len; i++)
		res->added[res->added_len++] = sample_addr(&c->sample, delta->added[i]);
	for (unsigned int i = 0; i < delta->removed_len && res->removed_len < NAMES_V4; i++)
		res->removed[res->removed_len++] = sample_addr(&c->sample, delta->removed[i]);
}

static void added_address(void *ctx, const struct ip_addr *addr, uint64_t hash)
{
	watch_address(ctx, addr, hash, true);
}

static void evicted_address(void *ctx, const struct ip_addr *addr, uint64_t hash)
{
	watch_address(ctx, addr, hash, false);
}

static void add_to_candidate(struct detector *d, struct candidate *c, const struct observed *o,
			     struct names_result *res, uint32_t now_s)
{
	struct sample_ops ops = *candidate_sample_ops(d);
	struct half *fast = window_at(&c->fast, d->cfg.window_h * 3600, now_s);
	struct half *slow = window_at(&c->slow, d->cfg.slow_window_d * DAY_S, now_s);
	uint32_t ttl =
		fast->ttl_max > c->fast.before.ttl_max ? fast->ttl_max : c->fast.before.ttl_max;
	struct sample_delta delta = { 0 };

	if (c->watched) {
		ops.added = added_address;
		ops.evicted = evicted_address;
	}
	if (now_s - c->expired_s >= DAY_S && now_s > d->cfg.slow_window_d * DAY_S) {
		sample_expire(&c->sample, now_s - d->cfg.slow_window_d * DAY_S, &ops);
		c->expired_s = now_s;
	}
	if (!o->rrset.partial)
		sample_add(&c->sample, &o->rrset.set, res->server, !res->new_server, res->weight,
			   now_s, 2 * ttl, &ops, &delta);
	if (res->outcome == NAMES_CHANGED)
		list_from_sample(c, &delta, res);
	fast->sets += res->weight;
	slow->sets += res->weight;
	c->sets += res->weight;
	fast->changes += res->outcome == NAMES_CHANGED;
	slow->changes += res->outcome == NAMES_CHANGED;
	c->changes += res->outcome == NAMES_CHANGED;
	fast->reentries += delta.reentries;
	slow->reentries += delta.reentries;
	c->reentries += delta.reentries;
	c->fresh_s = now_s;
	if (o->rrset.set.len > c->max_set)
		c->max_set = (uint32_t)o->rrset.set.len;
}

static void touch_candidate(struct detector *d, struct candidate *c, const struct observed *o,
			    uint32_t now_s)
{
	struct half *fast = window_at(&c->fast, d->cfg.window_h * 3600, now_s);
	struct half *slow = window_at(&c->slow, d->cfg.slow_window_d * DAY_S, now_s);

	if (o->rrset.ttl_s > fast->ttl_max)
		fast->ttl_max = o->rrset.ttl_s;
	if (o->rrset.ttl_s > slow->ttl_max)
		slow->ttl_max = o->rrset.ttl_s;
	c->last_s = now_s;
	c->injected |= o->injected;
	if (o->target)
		c->target = o->target;
	sketch_add(&c->resolvers, hash_mix(o->server));
	candidate_asked(&d->candidates, c, &o->obs->client, 1 + o->obs->repeats);
}

static bool worth_evaluating(const struct candidate *c, enum names_outcome outcome)
{
	return outcome == NAMES_CHANGED || c->finding || c->denied || c->sets % SAME_EVALUATE == 0;
}

static void learn_domain(struct detector *d, struct local_domain *dom, const struct observed *o,
			 uint32_t now_s)
{
	struct local_domain *target;

	local_domain_seen(&d->local, dom, o->client, now_s);
	if (!o->target || o->target == dom->key)
		return;
	target = local_domain(&d->local, o->target, now_s);
	sketch_add(&target->sources, hash_mix(dom->key));
	if (local_is_trusted(&d->local, dom, now_s))
		sketch_add(&target->fanin, hash_mix(dom->key));
}

/* An entry made now: whose it is. */
static void place_name(struct detector *d, struct churn_name *e, uint64_t domain, uint8_t off,
		       uint32_t now_s)
{
	struct local_domain *dom = local_domain(&d->local, domain, now_s);
	const struct candidate_ref *ref = NULL;

	if (d->had_candidate[e->key % CANDIDATE_BITS / 64] >> e->key % 64 & 1)
		ref = table_get(d->by_key, e->key);
	e->domain = domain;
	e->domain_off = off;
	if (ref)
		e->candidate = (uint32_t)ref->index1;
	if (dom->names < UINT16_MAX)
		dom->names++;
}

static void news(struct detector *d, const struct dns_name *name, const struct observed *o,
		 struct names_result *res, struct local_domain *dom, uint32_t now_s)
{
	struct churn_name *e = res->entry;
	bool established = local_is_established(&d->local, dom, now_s), shares = false;
	uint32_t index1 = e->candidate;

	if (res->outcome != NAMES_SAME || res->new_day)
		shares = learn_addresses(d, &o->rrset, e->domain, established, index1, now_s);
	if (!index1 && (e->flags & NAME_DENIED || (res->outcome == NAMES_CHANGED &&
						   deserves_promotion(d, e, &o->rrset, shares)))) {
		index1 = promote(d, name, e, o->rrset.type, res);
		learn_addresses(d, &o->rrset, e->domain, established, index1, now_s);
	}
	if (index1)
		add_to_candidate(d, candidate_at(&d->candidates, index1), o, res, now_s);
	d->stats.fresh_sets += res->weight;
	d->stats.changes += res->outcome == NAMES_CHANGED;
	report_change(d, name, o, res, index1 ? candidate_at(&d->candidates, index1) : NULL);
	aggregate_observe(d, name, e->domain_off, dom, o, res->outcome != NAMES_SAME, index1 != 0);
	if (index1 && worth_evaluating(candidate_at(&d->candidates, index1), res->outcome))
		finding_review(d, index1);
}

void observe_name(struct detector *d, const struct dns_name *name, uint64_t name_hash,
		  const struct observed *o)
{
	uint64_t key = typed_key(name_hash, o->rrset.type), domain = 0;
	struct names_response r = {
		.rrset = &o->rrset,
		.server = o->server,
		.client = o->client,
		.time_ns = o->obs->time_ns,
		.first_ns = o->obs->first_ns,
		.repeats = o->obs->repeats,
	};
	struct churn_name *e = names_get(d->names, key);
	struct names_result *res = &d->result;
	uint32_t now_s = (uint32_t)(o->obs->time_ns / NS);
	struct local_domain *dom = NULL;
	uint8_t off = 0;
	bool stays;

	if (!e) {
		domain = registered_domain(d, name, &off);
		dom = local_domain_get(&d->local, domain);
		if (dom && dom->names >= d->cfg.names_per_domain) {
			d->stats.folded_names++;
			aggregate_observe(d, name, off, dom, o, true, false);
			return;
		}
	}
	names_observe(d->names, key, e, &r, res);
	if (!res->entry && res->set_aside)
		return;
	if (!res->entry) {
		report_change(d, name, o, res, NULL);
		return;
	}
	e = res->entry;
	if (res->is_new) {
		if (!domain)
			domain = registered_domain(d, name, &off);
		place_name(d, e, domain, off, now_s);
	}
	if (res->set_aside)
		return;
	if (o->injected)
		e->flags |= NAME_INJECTED;
	if ((res->is_new || res->new_day) && lists_find(&d->lists, LIST_DENY, name, now_s))
		e->flags |= NAME_DENIED;
	if (e->candidate)
		touch_candidate(d, candidate_at(&d->candidates, e->candidate), o, now_s);
	stays = !(e->flags & NAME_STAYS) && !e->changes &&
		(res->outcome == NAMES_REPLAY || res->outcome == NAMES_SAME);
	if (res->outcome == NAMES_REPLAY && !res->new_client && !res->new_day && !stays)
		return;
	dom = local_domain(&d->local, e->domain, now_s);
	if (stays) {
		e->flags |= NAME_STAYS;
		dom->stays = (uint16_t)(dom->stays + (dom->stays < UINT16_MAX));
	}
	if (res->new_client || res->new_day)
		learn_domain(d, dom, o, now_s);
	if (res->outcome != NAMES_REPLAY)
		news(d, name, o, res, dom, now_s);
}
