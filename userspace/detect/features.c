// SPDX-License-Identifier: BSD-2-Clause
/*
 * From a candidate's history to the values of the terms.  Where an input is not known (no AS
 * data, age at a cold start, name servers out of sight) the value is 0: no evidence either way.
 */
#include "detect/state.h"

#include <math.h>
#include <string.h>

#include "churn/sketch.h"

#define CONTEXT_S      60 /* sharing, hosting and siblings change slowly and cost look-ups */
#define HOSTING_LEAST  10 /* networks learned before "not a hosting network" says anything */
#define ABSENT_AS_HALF 0.5
#define COMPANY	       3 /* domains on an address */
#define PACE_ENTRIES   4

static double clamp(double x, double lo, double hi)
{
	return x < lo ? lo : x > hi ? hi : x;
}

/* 1 from hosting_domains established domains in the network on, less for fewer; 0 for none. */
static double hosting_degree(struct detector *d, uint32_t asn)
{
	double domains = asn ? local_as_domains(&d->local, asn) : 0;

	return clamp(log2(1 + domains) / log2(1.0 + d->cfg.hosting_domains), 0, 1);
}

/* Share of addresses that three established domains use, and of those in hosting networks. */
static void refresh_context(struct detector *d, struct candidate *c, uint32_t since_s,
			    uint32_t now_s)
{
	double shared = 0, hosted = 0, own_hosted = 0, n = 0, with_as = 0, own = 0, degree;
	uint32_t index1 = (uint32_t)(c - d->candidates.slots) + 1;
	const struct local_domain *dom = local_domain_get(&d->local, c->domain);
	bool established = local_is_established(&d->local, dom, now_s), is_shared;

	c->siblings = c->company = 0;
	for (unsigned int i = 0; i < c->sample.len; i++) {
		const struct sample_slot *slot = &c->sample.slots[i];
		const struct local_address *a;

		if (slot->last_s < since_s)
			continue;
		n++;
		a = local_address_get(&d->local, c->sample.hash[i]);
		/* its own domain, once established, is one of those counted */
		is_shared = a && sketch_estimate(a->established) - established > 2.5;
		shared += is_shared;
		c->company += a && sketch_estimate(a->domains) > COMPANY - 0.5 &&
			      sketch_estimate(a->established) < 0.5;
		with_as += slot->asn != 0;
		degree = hosting_degree(d, slot->asn);
		hosted += degree;
		own += !is_shared;
		own_hosted += is_shared ? 0 : degree;
		for (unsigned int j = 0; a && established && j < 2; j++) {
			uint32_t other = a->candidates[j];

			c->siblings += other && other != index1 &&
				       candidate_at(&d->candidates, other)->domain == c->domain;
		}
	}
	c->sharing = n ? shared / n : 0;
	c->hosting = with_as ? hosted / with_as : 0;
	c->own_hosting = own > 0 ? own_hosted / own : 0;
	c->context_s = now_s;
}

/* Mean time between the latest times at which new addresses turned up. */
static double mean_gap_s(const struct candidate *c)
{
	const struct sample *s = &c->sample;
	uint32_t at[PACE_ENTRIES] = { 0 }; /* latest first, each once */

	for (unsigned int i = 0; i < s->len; i++) {
		uint32_t t = s->slots[i].first_s;

		for (unsigned int j = 0; j < PACE_ENTRIES && t != at[j]; j++)
			if (t > at[j]) {
				uint32_t lower = at[j];

				at[j] = t;
				t = lower;
			}
	}
	for (unsigned int j = PACE_ENTRIES - 1; j; j--)
		if (at[j])
			return (at[0] - at[j]) / (double)j;
	/* promoted now: when the earlier ones turned up is not kept */
	return (at[0] - c->first_s) / (c->changes > 1 ? (double)c->changes : 1);
}

static void history_values(struct detector *d, struct candidate *c, struct evaluation *e,
			   uint32_t now_s)
{
	uint32_t window_s = d->cfg.window_h * 3600, since_s = now_s - window_s;
	struct half h = window_sum(&c->fast, window_s, now_s);
	double n = sample_distinct(&c->sample, since_s), m = h.sets, span_d;
	double follow = clamp(h.changes / 4.0, 0, 1), met = clamp(c->sample.entries / 4.0, 0, 1);

	e->novelty = sample_novelty(&c->sample);
	e->reentry = h.reentries / (h.reentries + (n > 0 ? n : 1));
	e->distinct = (uint32_t)(n + 0.5);
	e->sets = h.sets;
	e->changes = h.changes;
	if (m >= d->cfg.medium_sets)
		e->value[TERM_LATE_NOVELTY] = clamp(e->novelty / 0.5, 0, 1) * fmin(follow, met) *
					      clamp((m - 2) / 6, 0, 1);
	e->value[TERM_TTL_VERY_LONG] = h.ttl_max > 7200;
	if (m >= 6)
		e->value[TERM_ONE_WAY] = (1 - 2 * e->reentry) * follow;
	span_d = (double)(c->last_s - (c->first_s > since_s ? c->first_s : since_s)) / DAY_S;
	e->value[TERM_STABLE] = m >= 4 && h.changes <= span_d;
	if (h.changes * 3 < h.sets * 2)
		e->value[TERM_UNHURRIED] = clamp((mean_gap_s(c) - 1500) / 900, 0, 1) *
					   clamp(4 - 6.0 * h.changes / h.sets, 0, 1);
	e->value[TERM_SEED_ANSWERS] = clamp((c->max_set - 12.0) / (SEED_ANSWERS - 12), 0, 1);
}

static void dispersion_values(struct detector *d, struct candidate *c, struct evaluation *e,
			      uint32_t now_s)
{
	uint32_t since_s = now_s - d->cfg.window_h * 3600, known = 0, n = 0;

	for (unsigned int i = 0; i < c->sample.len; i++) {
		n += c->sample.slots[i].last_s >= since_s;
		known += c->sample.slots[i].last_s >= since_s && c->sample.slots[i].asn;
	}
	e->by_prefix = known < n * ABSENT_AS_HALF;
	e->dispersion = sample_dispersion(&c->sample, since_s, e->by_prefix);
	if (!n)
		return;
	if (e->by_prefix)
		e->value[TERM_PREFIX_DISPERSION] = clamp(log2(e->dispersion / 24), -3, 2);
	else
		e->value[TERM_DISPERSION] = clamp(log2(e->dispersion / 3), -1.8, 2.3);
	if (e->by_prefix)
		return;
	/* in two, a pool that is still being met: addresses that never end speak for themselves */
	e->value[TERM_FEW_AS] = e->dispersion < 1.5 ? 1
						    : clamp(2.5 - e->dispersion, 0, 1) *
							      clamp(2 - e->changes / 8.0, 0, 1);
}

/*
 * How often one address took over from another: it came at least half an hour after it, and the
 * other was not heard of again but from caches. Members of a pool live side by side.
 */
static unsigned int successions(const struct sample *s, uint32_t since_s, uint32_t ttl_s)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < s->len; i++) {
		const struct sample_slot *next = &s->slots[i], *before = NULL;

		for (unsigned int j = 0; j < s->len; j++) {
			const struct sample_slot *slot = &s->slots[j];

			if (slot->last_s >= since_s && slot->first_s < next->first_s &&
			    (!before || slot->first_s > before->first_s))
				before = slot;
		}
		n += before && next->last_s >= since_s &&
		     next->first_s - before->first_s >= TAKEOVER_S &&
		     before->last_s <= next->first_s + 2 * ttl_s + 300;
	}
	return n;
}

/*
 * Five young names on the same rotating addresses, or addresses one after another that
 * three young domains share and no established one.
 */
static bool has_young_company(struct detector *d, const struct candidate *c, uint32_t now_s)
{
	const struct finding *f = c->finding ? &d->findings[c->finding - 1] : NULL;

	if (local_unlearned(&d->local, now_s) > 0)
		return false; /* of unknown age, not young */
	if (f && f->members >= 6)
		return true;
	return c->company >= 2 && c->company * 2 >= c->sample.len && c->max_set == 1;
}

static void slow_values(struct detector *d, struct candidate *c, struct evaluation *e,
			uint32_t now_s)
{
	uint32_t window_s = d->cfg.slow_window_d * DAY_S, since_s = now_s - window_s;
	struct half h = window_sum(&c->slow, window_s, now_s);
	double n, rho, spread, takeovers;
	bool company;

	if (c->max_set > SLOW_SET) /* the slow track does not speak of it */
		return;
	n = sample_distinct(&c->sample, since_s);
	company = has_young_company(d, c, now_s);
	rho = h.reentries / (h.reentries + (n > 0 ? n : 1));
	spread = sample_dispersion(&c->sample, since_s, e->by_prefix);
	/* in one network and alone, a home or a redeployed server does as much */
	takeovers = c->takeovers + successions(&c->sample, since_s, h.ttl_max);
	if (rho < 0.1)
		e->value[TERM_NEVER_BACK] =
			clamp(takeovers / (spread > 1.5 || company ? 3 : 9), 0, 1);
	e->value[TERM_COMES_BACK] = rho > 0.3;
	e->value[TERM_SEVERAL_AS] = spread > 1.5;
	e->value[TERM_COMMON_ORDER] = company;
	e->value[TERM_TTL_HOUR] = h.ttl_max <= 3600;
}

static void domain_values(struct detector *d, struct candidate *c, struct evaluation *e,
			  uint32_t now_s)
{
	const struct local_domain *dom = local_domain_get(&d->local, c->domain);
	const struct local_domain *target =
		c->target ? local_domain_get(&d->local, c->target) : dom;
	double age, fanin;
	bool known;

	if (!dom)
		return;
	age = local_age_days(&d->local, dom, now_s, &known);
	/* a new name led to an established domain's addresses by CNAME: those say who serves it */
	known = known && !(c->target && local_is_established(&d->local, target, now_s));
	e->value[TERM_UNLEARNED] = local_unlearned(&d->local, now_s);
	e->value[TERM_AGE_DAY] = known && age < 1;
	e->value[TERM_AGE_WEEK] = known && age >= 1 && age < 7;
	e->value[TERM_AGE_OLD] = age >= 30				       ? 1
				 : local_is_established(&d->local, dom, now_s) ? 0.5
									       : 0;
	/* asked for by many from the first day on: nobody knows since when */
	if (local_popularity(dom) >= 10)
		e->value[TERM_POPULAR] = age >= 7 ? 1 : known ? 0 : e->value[TERM_UNLEARNED];
	e->value[TERM_ADDRESS_SHARING] = c->sharing;
	fanin = target ? sketch_estimate(target->fanin) : 0;
	e->value[TERM_CNAME_FANIN] = fanin > 1 ? log2(fanin) : 0;
	e->value[TERM_SIBLINGS] = c->siblings >= 2;
	if (!e->by_prefix && table_count(d->local.ases) >= HOSTING_LEAST)
		e->value[TERM_HOSTING] = c->hosting - 0.3;
	/* several at a time from where servers are rented, and not borrowed: a service's nodes */
	if (c->max_set > 1)
		e->value[TERM_HOSTED_POOL] = clamp((c->own_hosting - 0.45) / 0.3, 0, 1);
}

static unsigned int overlap(const struct sample *a, const struct sample *b)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < a->len; i++)
		n += sample_find(b, a->hash[i]) >= 0;
	return n;
}

static void nameserver_values(struct detector *d, struct candidate *c, struct evaluation *e,
			      uint32_t now_s)
{
	struct ns_view v = nameservers_of(d, c);
	const struct local_domain *dom = local_domain_get(&d->local, c->domain), *ns;
	uint32_t since_s = now_s - d->cfg.window_h * 3600;
	double fanin;

	e->ns_visible = v.visible;
	if (!v.visible)
		return;
	ns = dom && dom->ns_domain ? local_domain_get(&d->local, dom->ns_domain) : NULL;
	fanin = ns ? sketch_estimate(ns->zones) : 0;
	e->value[TERM_NS_LOCAL] = ns && fanin < 2.5;
	e->value[TERM_NS_COMMON] = fanin >= 50;
	if (v.zone && now_s - v.zone->change_s < DAY_S) {
		const struct sample *glue = &v.zone->glue;
		double spread = sample_dispersion(glue, since_s, e->by_prefix);

		e->value[TERM_NS_FLUX] = sample_novelty(glue) >= 0.5 &&
					 sample_distinct(glue, since_s) >= 6 && spread >= 3 &&
					 v.zone->glue_ttl_s <= 1800;
		e->value[TERM_NS_OVERLAP] = overlap(glue, &c->sample) >= 2;
	}
	e->value[TERM_NS_STABLE] = v.rest && !v.zone && now_s - v.rest->first_s >= 7 * DAY_S;
}

/* One fixed port that is no web port, and peers on it that DNS never named, or answers as long as
 * only seed lists give: a peer-to-peer network's bootstrap. */
static bool is_bootstrap(struct detector *d, const struct candidate *c, const struct contacts *k)
{
	const struct contact_port *top = &k->ports[0];

	for (unsigned int i = 1; i < CONTACT_PORTS; i++)
		if (k->ports[i].connects > top->connects)
			top = &k->ports[i];
	if (!contacts_nonweb_port(top) || top->connects < k->connects * 0.9)
		return false;
	if (c->max_set >= SEED_ANSWERS) /* on a gateway, peers nobody asked for are not seen */
		return true;
	for (unsigned int i = 0; i < CONTACT_PEERS; i++) {
		uint64_t host = unit_hash(d, &k->peers[i].process.host);
		const struct peer_ports *p =
			table_get(d->peers, hash_nonzero(hash_mix(host ^ top->port)));

		if (k->peers[i].id && p && sketch_estimate(p->peers) >= 9.5)
			return true;
	}
	return false;
}

static void contact_values(struct detector *d, struct candidate *c, struct evaluation *e)
{
	const struct contacts *k;

	e->connects_visible = d->connects_visible;
	if (!c->contacts) {
		/* a client that has both families uses one: what it does there holds for both */
		const struct candidate *other = candidate_twin(d, c);

		e->value[TERM_SERVICE_POOL] =
			other && candidate_value(other, TERM_SERVICE_POOL) > 0;
		return;
	}
	k = contacts_at(&d->contacts, c->contacts);
	for (unsigned int i = 0; i < CONTACT_PEERS; i++)
		if (__builtin_popcountll(k->peers[i].slots) >= 3 &&
		    __builtin_popcountll(k->peers[i].sets) >= 3)
			e->value[TERM_ROTATION_FOLLOWED] = 1;
	/* two are enough where the port names the service */
	e->value[TERM_SERVICE_POOL] = (k->connects >= 2 && k->ntp >= k->connects * 0.9) ||
				      (k->connects >= 5 && is_bootstrap(d, c, k));
	if (e->value[TERM_SERVICE_POOL] > 0) {
		/* clients of a pool follow its rotation and meet dead members too */
		e->value[TERM_ROTATION_FOLLOWED] = 0;
		return;
	}
	e->value[TERM_CONNECT_FAILURES] =
		k->outcomes >= 8 && k->failures >= 3 && k->failures * 10 >= k->outcomes;
	e->value[TERM_LATE_CONTACT] = k->late > 0;
}

void features(struct detector *d, struct candidate *c, uint32_t now_s)
{
	struct evaluation *e = &c->last;
	uint32_t since_s = now_s - d->cfg.window_h * 3600;

	if (!c->context_s || now_s - c->context_s >= CONTEXT_S || c->sets < 16)
		refresh_context(d, c, since_s, now_s);
	e->value[TERM_BIAS] = 1;
	history_values(d, c, e, now_s);
	dispersion_values(d, c, e, now_s);
	slow_values(d, c, e, now_s);
	domain_values(d, c, e, now_s);
	nameserver_values(d, c, e, now_s);
	contact_values(d, c, e);
	e->value[TERM_INJECTION] = c->injected;
}
