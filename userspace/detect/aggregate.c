// SPDX-License-Identifier: BSD-2-Clause
/*
 * The names of one registered domain taken together: wildcard flux gives each label its own
 * address, so no single name ever changes.  Each label's set counts as the next answer of the
 * domain.  Labels asked again with the address they had before make it look like what it then
 * is, hosting: addresses come back.
 */
#include "detect/state.h"

#include "churn/sketch.h"

#define SMALL_SET   3
#define NAMES_LEAST 8

static uint32_t begin(struct detector *d, const struct dns_name *name, uint8_t off,
		      struct local_domain *dom, const struct observed *o, uint32_t now_s)
{
	uint32_t index1 = candidates_take(&d->candidates, d->now_s, candidate_evict, d);
	struct candidate *c = candidate_at(&d->candidates, index1);
	struct dns_name domain;

	c->kind = CANDIDATE_AGGREGATE;
	c->key = c->name_key = aggregate_key(dom->key);
	c->domain = dom->key;
	domain = domain_name(name, off);
	candidate_set_name(&d->candidates, c, &domain);
	c->type = o->rrset.type;
	c->first_s = dom->first_s;
	c->sets = 1; /* the labels before this one, as far as they are known */
	window_at(&c->fast, d->cfg.window_h * 3600, now_s)->sets = 1;
	window_at(&c->slow, d->cfg.slow_window_d * DAY_S, now_s)->sets = 1;
	dom->aggregate = index1;
	d->stats.candidates++;
	return index1;
}

static void note_response(struct detector *d, struct candidate *c, const struct observed *o,
			  uint32_t now_s)
{
	struct half *fast = window_at(&c->fast, d->cfg.window_h * 3600, now_s);
	struct half *slow = window_at(&c->slow, d->cfg.slow_window_d * DAY_S, now_s);

	if (o->rrset.ttl_s > fast->ttl_max)
		fast->ttl_max = o->rrset.ttl_s;
	if (o->rrset.ttl_s > slow->ttl_max)
		slow->ttl_max = o->rrset.ttl_s;
	c->last_s = c->fresh_s = now_s;
	sketch_add(&c->resolvers, hash_mix(o->server));
	candidate_asked(&d->candidates, c, &o->obs->client, 1 + o->obs->repeats);
}

static void add_set(struct detector *d, struct candidate *c, uint32_t index1,
		    const struct observed *o, uint32_t now_s)
{
	struct half *fast = window_at(&c->fast, d->cfg.window_h * 3600, now_s);
	struct half *slow = window_at(&c->slow, d->cfg.slow_window_d * DAY_S, now_s);
	struct sample_delta delta;

	sample_add(&c->sample, &o->rrset.set, 0, c->sample.len > 0, 1, now_s, 2 * fast->ttl_max,
		   candidate_sample_ops(d), &delta);
	fast->sets++, slow->sets++, c->sets++;
	fast->changes += delta.added_len > 0;
	slow->changes += delta.added_len > 0;
	c->changes += delta.added_len > 0;
	fast->reentries += delta.reentries;
	slow->reentries += delta.reentries;
	c->reentries += delta.reentries;
	for (unsigned int i = 0; i < delta.added_len; i++) {
		struct local_address *a =
			local_address_get(&d->local, c->sample.hash[delta.added[i]]);

		if (!a || a->candidates[0] == index1)
			continue;
		a->candidates[1] = a->candidates[0];
		a->candidates[0] = index1;
	}
}

/*
 * The end of a CNAME chain is judged where it is, not where it began.  Where the CNAMEs of two
 * domains lead is somebody's infrastructure: labels there are customers, not disguises.
 */
static bool is_infrastructure(const struct local_domain *dom, const struct observed *o)
{
	return o->target ? o->target != dom->key
			 : o->foreign && sketch_estimate(dom->sources) > 1.5;
}

void aggregate_observe(struct detector *d, const struct dns_name *name, uint8_t domain_off,
		       struct local_domain *dom, const struct observed *o, bool is_news,
		       bool has_candidate)
{
	uint32_t now_s = (uint32_t)(o->obs->time_ns / NS), index1 = dom->aggregate;
	struct candidate *c;

	if (has_candidate || o->rrset.partial || o->rrset.set.len > SMALL_SET || !domain_off)
		return; /* a name that rotates by itself is judged by itself */
	if (is_infrastructure(dom, o))
		return;
	if (is_news) {
		for (size_t i = 0; i < o->rrset.set.len; i++)
			sketch_add(&dom->members, hash_mix(o->rrset.set.hashes[i]));
		if (dom->small < UINT16_MAX)
			dom->small++;
	}
	if (!index1) {
		if (dom->small < NAMES_LEAST || sketch_estimate(dom->members) < NAMES_LEAST - 0.5)
			return;
		index1 = begin(d, name, domain_off, dom, o, now_s);
	}
	c = candidate_at(&d->candidates, index1);
	note_response(d, c, o, now_s);
	add_set(d, c, index1, o, now_s);
	if (c->finding || c->sets % 4 == 0)
		finding_review(d, index1);
}
