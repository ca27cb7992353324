// SPDX-License-Identifier: BSD-2-Clause
/* How a name becomes a candidate, what it takes along, and how it stops being one. */
#include "detect/state.h"

#include "churn/sketch.h"

static uint32_t sample_asn(void *ctx, const struct ip_addr *addr)
{
	return asn_of(ctx, addr);
}

const struct sample_ops *candidate_sample_ops(struct detector *d)
{
	static _Thread_local struct sample_ops ops = { .asn = sample_asn };

	ops.blocks = &d->candidates.blocks;
	ops.ctx = d;
	return &ops;
}

void watch_address(struct detector *d, const struct ip_addr *addr, uint64_t hash, bool on)
{
	struct watch_entry *w;
	bool is_new = false;

	if (!d->ops.watch)
		return;
	w = on ? table_put(d->watched, hash, &is_new) : table_get(d->watched, hash);
	if (!w)
		return;
	if (is_new)
		w->addr = *addr;
	w->refs += on ? 1U : -1U;
	if (is_new)
		d->ops.watch(d->ctx, &w->addr, true);
	if (!w->refs)
		table_remove(d->watched, w); /* its evict function says off */
}

void watch_candidate(struct detector *d, struct candidate *c, bool on)
{
	if (c->watched == on)
		return;
	c->watched = on;
	for (unsigned int i = 0; i < c->sample.len; i++) {
		struct ip_addr addr = sample_addr(&c->sample, i);

		watch_address(d, &addr, c->sample.hash[i], on);
	}
}

static bool listed(const struct ip_addr *list, size_t n, const struct ip_addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (ip_equal(&list[i], a))
			return true;
	return false;
}

/* What was known before the response: the set it replaced, and older addresses still kept. */
static void take_over(struct detector *d, struct candidate *c, const struct churn_name *e,
		      const struct names_result *res)
{
	struct ip_addr addrs[2 * NAMES_V4 + 1];
	uint64_t hashes[2 * NAMES_V4];
	struct sample_set set = { addrs, hashes, 0 };
	struct sample_delta delta;
	uint32_t previous;
	size_t earlier, n;

	for (size_t i = 0; i < res->removed_len; i++)
		addrs[set.len++] = res->removed[i];
	previous = (1U << set.len) - 1;
	for (unsigned int i = 0; i < NAMES_V4; i++) {
		struct ip_addr *a = &addrs[set.len];

		if (!names_address(e, i, a) || listed(res->added, res->added_len, a) ||
		    listed(addrs, set.len, a))
			continue;
		previous |= e->present & 1U << i ? 1U << set.len : 0;
		set.len++;
	}
	for (size_t i = 0; i < set.len; i++)
		hashes[i] = unit_hash(d, &addrs[i]);
	sample_add(&c->sample, &set, 0, false, 1, e->last_s, 0, candidate_sample_ops(d), &delta);
	/* their times are not kept; one at a time and half an hour apart on the whole will do */
	earlier = set.len - (res->outcome == NAMES_CHANGED ? 0 : set.len > 0);
	if (c->max_set == 1 && earlier && e->changes <= earlier + 1 &&
	    e->last_s - e->first_s >= TAKEOVER_S * earlier)
		c->takeovers = (uint32_t)earlier;
	/* which of the two servers sent them is not kept: either may be the predecessor */
	for (size_t i = 0; i < set.len; i++) {
		int at = sample_find(&c->sample, hashes[i]);

		if (at >= 0)
			c->sample.slots[at].present = previous & 1U << i ? 3 : 0;
	}
	if (candidate_servers(&d->candidates, c, true, &n) && n >= NAMES_SERVERS)
		memcpy(c->servers, e->servers, sizeof(e->servers));
}

void candidate_begin(struct detector *d, struct candidate *c, const struct dns_name *name,
		     const struct churn_name *e, uint16_t type, const struct names_result *res)
{
	struct half *h;

	c->kind = CANDIDATE_NAME;
	c->key = e->key;
	c->name_key = name_key(d, name->wire, name->len);
	c->domain = e->domain;
	c->domain_off = e->domain_off;
	candidate_set_name(&d->candidates, c, name);
	c->type = type;
	c->injected = e->flags & NAME_INJECTED;
	c->denied = e->flags & NAME_DENIED;
	c->first_s = e->first_s;
	c->last_s = c->fresh_s = e->last_s;
	/* the response in hand is counted by who adds it */
	c->sets = e->fresh > res->weight ? e->fresh - res->weight : 1;
	c->changes = e->changes - (res->outcome == NAMES_CHANGED && e->changes ? 1U : 0U);
	c->max_set = e->set_size;
	h = window_at(&c->fast, d->cfg.window_h * 3600, e->last_s);
	h->sets = c->sets;
	h->changes = c->changes;
	h->ttl_max = e->ttl_max;
	c->slow.now = *h;
	c->slow.index = e->last_s / (d->cfg.slow_window_d * DAY_S / 2);
	take_over(d, c, e, res);
}

uint32_t promote(struct detector *d, const struct dns_name *name, struct churn_name *e,
		 uint16_t type, const struct names_result *res)
{
	uint32_t index1 = candidates_take(&d->candidates, d->now_s, candidate_evict, d);
	struct candidate_ref *ref;
	bool is_new;

	ref = table_put(d->by_key, e->key, &is_new);
	ref->index1 = index1;
	d->had_candidate[e->key % CANDIDATE_BITS / 64] |= 1ULL << e->key % 64;
	candidate_begin(d, candidate_at(&d->candidates, index1), name, e, type, res);
	e->candidate = index1;
	d->stats.candidates++;
	return index1;
}

static void forget_addresses(struct detector *d, const struct candidate *c, uint32_t index1)
{
	for (unsigned int i = 0; i < c->sample.len; i++) {
		struct local_address *a = local_address_get(&d->local, c->sample.hash[i]);

		for (unsigned int j = 0; a && j < 2; j++)
			if (a->candidates[j] == index1)
				a->candidates[j] = 0;
	}
}

struct candidate *candidate_twin(struct detector *d, const struct candidate *c)
{
	uint16_t type = c->type == DNS_TYPE_A ? DNS_TYPE_AAAA : DNS_TYPE_A;
	const struct churn_name *e = names_get(d->names, typed_key(c->name_key, type));

	return e && e->candidate ? candidate_at(&d->candidates, e->candidate) : NULL;
}

void candidate_evict(void *ctx, uint32_t index1)
{
	struct detector *d = ctx;
	struct candidate *c = candidate_at(&d->candidates, index1);
	struct churn_name *e = c->kind == CANDIDATE_NAME ? names_get(d->names, c->key) : NULL;
	struct candidate_ref *ref = table_get(d->by_key, c->key);
	struct local_domain *dom;

	if (ref && ref->index1 == index1)
		table_remove(d->by_key, ref);
	if (c->finding)
		finding_leave(d, index1);
	watch_candidate(d, c, false);
	forget_addresses(d, c, index1);
	if (e && e->candidate == index1) {
		e->candidate = 0;
		e->changes = 0; /* it has to earn its place again */
		if (c->servers)
			memcpy(e->servers, c->servers, sizeof(e->servers));
	}
	dom = c->kind == CANDIDATE_AGGREGATE ? local_domain_get(&d->local, c->domain) : NULL;
	if (dom && dom->aggregate == index1)
		dom->aggregate = 0;
	if (c->contacts)
		contact_pool_release(&d->contacts, c->contacts);
	candidates_release(&d->candidates, index1);
}
