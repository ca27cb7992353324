// SPDX-License-Identifier: BSD-2-Clause
/* The detector's outside: life cycle, the way of a response, explain, figures. */
#include "detect/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ADDRS_MAX     SAMPLE_SLOTS
#define CHAIN_MAX     16 /* CNAMEs followed inside one response */
#define TRANSACTION_S 10 /* a second answer comes this soon or not at all */

/* Shares of the memory, in per cent; the rest is fixed tables. */
#define SHARE_NAMES	 28
#define SHARE_CANDIDATES 28
#define SHARE_DOMAINS	 12
#define SHARE_ADDRESSES	 8
#define SHARE_ZONES	 6
#define CANDIDATE_BYTES	 1280U /* of one, with what grows with it: twice that at most */

static void watch_off(void *ctx, void *entry)
{
	struct detector *d = ctx;
	struct watch_entry *w = entry;

	if (d->ops.watch)
		d->ops.watch(d->ctx, &w->addr, false);
}

static void zone_evict(void *ctx, void *entry)
{
	struct candidates *cs = ctx;
	struct zone *z = entry;

	sample_free(&z->glue, &cs->blocks);
}

static struct churn_server *servers_of(void *ctx, uint32_t candidate, bool pick, size_t *ret_n)
{
	struct detector *d = ctx;

	return candidate_servers(&d->candidates, candidate_at(&d->candidates, candidate), pick,
				 ret_n);
}

static size_t entries(uint32_t configured, uint64_t memory, unsigned int share, size_t bytes)
{
	size_t want = configured ? configured : (size_t)(memory / 100 * share / bytes), n = 64;

	while (n * 2 <= want)
		n *= 2; /* tables have powers of two: never more than was allowed */
	return n;
}

static int tables_new(struct detector *d)
{
	static const struct names_ops ops = { .servers = servers_of };
	const struct detect_config *cfg = &d->cfg;
	uint64_t mem = cfg->memory_bytes;
	struct local_sizes sizes = {
		.domains =
			entries(cfg->max_domains, mem, SHARE_DOMAINS, sizeof(struct local_domain)),
		.addresses = entries(cfg->max_addresses, mem, SHARE_ADDRESSES,
				     sizeof(struct local_address)),
		.ases = 8192,
	};
	uint32_t candidates = cfg->max_candidates
				      ? cfg->max_candidates
				      : (uint32_t)(mem / 100 * SHARE_CANDIDATES / CANDIDATE_BYTES);
	int err;

	err = names_new(entries(cfg->max_names, mem, SHARE_NAMES, sizeof(struct churn_name)),
			&d->names);
	if (err)
		return err;
	names_set_ops(d->names, &ops, d);
	d->transactions = calloc(TRANSACTIONS, sizeof(*d->transactions));
	if (!d->transactions || local_init(&d->local, &d->cfg, &d->key, &sizes) ||
	    candidates_init(&d->candidates, candidates,
			    candidates * (CANDIDATE_BYTES - sizeof(struct candidate))) ||
	    contact_pool_init(&d->contacts, mem >= 32ULL << 20 ? 1024 : 64) ||
	    table_new(sizeof(struct candidate_ref), (size_t)candidates * 2, NULL, NULL,
		      &d->by_key) ||
	    table_new(sizeof(struct zone),
		      entries(cfg->max_zones, mem, SHARE_ZONES, sizeof(struct zone)), zone_evict,
		      &d->candidates, &d->zones) ||
	    table_new(sizeof(struct watch_entry), 32768, watch_off, d, &d->watched) ||
	    table_new(sizeof(struct peer_ports), 8192, NULL, NULL, &d->peers))
		return -ENOMEM;
	return 0;
}

static void set_key(struct detector *d, const struct hash_key *key)
{
	d->key = *key;
	d->mix[0] = hash_keyed(key, "address", 7);
	d->mix[1] = hash_keyed(key, "network", 7);
}

int detector_new(const struct detect_config *cfg, struct enrich *enrich, const struct hash_key *key,
		 const struct detector_ops *ops, void *ctx, struct detector **ret)
{
	struct detector *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->cfg = *cfg;
	d->enrich = enrich && enrich_has_asn(enrich) ? enrich : NULL;
	d->ops = *ops;
	d->ctx = ctx;
	set_key(d, key);
	err = lists_load(&d->lists, cfg);
	if (!err)
		err = tables_new(d);
	if (err) {
		detector_free(d);
		return err;
	}
	*ret = d;
	return 0;
}

void detector_free(struct detector *d)
{
	if (!d)
		return;
	d->ops.watch = NULL;
	names_free(d->names);
	local_fini(&d->local);
	table_drop(d->zones); /* their samples are in the candidates' blocks */
	candidates_fini(&d->candidates);
	contact_pool_fini(&d->contacts);
	table_free(d->by_key);
	table_drop(d->watched);
	table_free(d->peers);
	free(d->transactions);
	lists_fini(&d->lists);
	free(d);
}

void detector_reconfigure(struct detector *d, const struct detect_config *cfg)
{
	struct detect_config sizes = d->cfg;

	if (lists_load(&d->lists, cfg))
		return; /* said what is wrong; the old lists and thresholds stay */
	d->cfg = *cfg;
	d->cfg.memory_bytes = sizes.memory_bytes;
	d->cfg.window_h = sizes.window_h; /* counts are kept by halves of these */
	d->cfg.slow_window_d = sizes.slow_window_d;
}

void detector_tick(struct detector *d, uint64_t now_ns)
{
	if (now_ns <= d->now_ns)
		return;
	if (!d->next_check_ns) {
		d->next_check_ns = (now_ns / (3600 * NS) + 1) * 3600 * NS;
		d->next_age_ns = now_ns + DAY_S * NS;
	}
	findings_check(d, now_ns);
	d->now_ns = now_ns;
	d->now_s = (uint32_t)(now_ns / NS);
	if (now_ns >= d->next_age_ns) {
		d->next_age_ns = now_ns + DAY_S * NS;
		local_age_out(&d->local, d->now_s);
	}
}

void detector_loss(struct detector *d, uint64_t from_ns, uint64_t to_ns)
{
	struct loss *last = d->losses_len ? &d->losses[d->losses_len - 1] : NULL;

	if (last && from_ns <= last->to_ns + 60 * NS) {
		last->to_ns = to_ns > last->to_ns ? to_ns : last->to_ns;
		return;
	}
	if (d->losses_len == LOSSES_MAX) {
		memmove(d->losses, d->losses + 1, sizeof(d->losses) - sizeof(d->losses[0]));
		d->losses_len--;
	}
	d->losses[d->losses_len++] = (struct loss){ from_ns, to_ns };
}

/* --- a response -------------------------------------------------------------------------- */

/* Follow CNAMEs from the question (RFC 1034 3.6.2). Smallest TTL on the way in *ret_ttl. */
static const struct dns_name *terminal(const struct dns_observation *obs, uint32_t *ret_ttl)
{
	const struct dns_name *at = obs->qname;
	unsigned int steps = 0;
	bool moved = true;

	while (moved && steps < CHAIN_MAX) {
		moved = false;
		for (size_t i = 0; i < obs->records_len && steps < CHAIN_MAX; i++) {
			const struct dns_obs_record *rr = &obs->records[i];

			if (rr->type != DNS_TYPE_CNAME || rr->section != DNS_ANSWER ||
			    !dns_name_equal(rr->owner, at))
				continue;
			if (rr->ttl_s < *ret_ttl)
				*ret_ttl = rr->ttl_s;
			at = rr->target;
			moved = true;
			steps++;
		}
	}
	return at;
}

struct answer {
	struct ip_addr addrs[ADDRS_MAX];
	uint64_t hashes[ADDRS_MAX];
};

static void collect(struct detector *d, const struct dns_observation *obs,
		    const struct dns_name *owner, uint16_t type, struct answer *buf,
		    struct rrset *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < obs->records_len && n < ADDRS_MAX; i++) {
		const struct dns_obs_record *rr = &obs->records[i];
		uint64_t hash;
		size_t j = 0;

		if (rr->type != type || rr->section != DNS_ANSWER ||
		    !lists_counts(&d->lists, &rr->addr) || !dns_name_equal(rr->owner, owner))
			continue;
		hash = unit_hash(d, &rr->addr);
		while (j < n && buf->hashes[j] != hash)
			j++;
		if (j < n)
			continue;
		ret->ttl_s = !n || rr->ttl_s < ret->ttl_s ? rr->ttl_s : ret->ttl_s;
		ret->identity ^= hash;
		buf->addrs[n] = rr->addr;
		buf->hashes[n++] = hash;
	}
	ret->set = (struct sample_set){ buf->addrs, buf->hashes, n };
	ret->type = type;
	ret->partial = obs->tc;
}

static void plan_sides(const struct detector *d, const struct dns_observation *obs,
		       struct detect_plan *p)
{
	p->server = unit_hash(d, &obs->server);
	p->client = unit_hash(d, &obs->client);
	p->type = 0;
}

static void plan_transaction(const struct detector *d, const struct dns_observation *obs,
			     uint16_t type, struct detect_plan *p)
{
	uint64_t key = obs_key(d, obs, obs->qname) + type;

	key = hash_mix(key ^ p->client) + p->server;
	p->transaction = hash_mix(key ^ ((uint64_t)obs->client_port << 16 | obs->txid));
	p->type = type;
}

/*
 * One transaction, one answer: the same again is a copy (two interfaces, a retransmission) and
 * false is returned; another one is what an injector races the server with.
 */
static bool check_transaction(struct detector *d, const struct dns_observation *obs,
			      struct detect_plan *p, const struct rrset *r, bool *ret_injected)
{
	uint32_t now_s = (uint32_t)(obs->time_ns / NS);
	struct transaction *t;
	uint64_t key;

	*ret_injected = false;
	if (!obs->has_txid || !obs->client_port)
		return true;
	if (p->type != r->type)
		plan_transaction(d, obs, r->type, p);
	key = p->transaction;
	t = &d->transactions[key % TRANSACTIONS];
	if (t->key == key && now_s - t->time_s <= TRANSACTION_S) {
		*ret_injected = t->identity != r->identity && !r->partial;
		return *ret_injected;
	}
	*t = (struct transaction){ .key = key, .identity = r->identity, .time_s = now_s };
	return true;
}

static uint32_t tag_of(uint64_t unit_hash)
{
	return (uint32_t)(unit_hash >> 32) | 1;
}

static bool same_domain(struct detector *d, const struct dns_name *a, const struct dns_name *b)
{
	uint8_t x = domain_offset(d, a), y = domain_offset(d, b);

	return a->len - x == b->len - y &&
	       memcmp(a->wire + x, b->wire + y, (size_t)(a->len - x)) == 0;
}

/* Does the chain of CNAMEs lead to another registered domain? Known names have theirs with them. */
static bool leads_away(struct detector *d, const struct dns_observation *obs,
		       const struct dns_name *owner, uint16_t type)
{
	const struct churn_name *a = names_peek(d->names, typed_key(obs_key(d, obs, owner), type));
	const struct churn_name *b =
		names_peek(d->names, typed_key(obs_key(d, obs, obs->qname), type));

	if (a && b)
		return a->domain != b->domain;
	return !same_domain(d, owner, obs->qname);
}

static void observe_answer(struct detector *d, const struct dns_observation *obs,
			   struct detect_plan *p, uint16_t type, const struct dns_name *owner,
			   uint32_t chain_ttl)
{
	struct answer buf;
	struct observed o = { .obs = obs };
	uint64_t key = obs_key(d, obs, obs->qname);
	bool chained = owner != obs->qname;

	collect(d, obs, owner, type, &buf, &o.rrset);
	if (!o.rrset.set.len)
		return;
	if (!check_transaction(d, obs, p, &o.rrset, &o.injected))
		return;
	o.server = tag_of(p->server);
	o.client = tag_of(p->client);
	o.foreign = chained && leads_away(d, obs, owner, type);
	observe_name(d, owner, chained ? obs_key(d, obs, owner) : key, &o);
	if (!chained)
		return;
	o.foreign = false;
	o.target = d->result.entry ? d->result.entry->domain : 0;
	if (chain_ttl < o.rrset.ttl_s)
		o.rrset.ttl_s = chain_ttl;
	observe_name(d, obs->qname, key, &o);
}

/* @plan: NULL when there was none. */
static void take(struct detector *d, const struct dns_observation *obs,
		 const struct detect_plan *plan)
{
	const struct dns_name *owner;
	uint32_t chain_ttl = UINT32_MAX;
	bool has_a = false, has_aaaa = false, has_ns = false;
	struct detect_plan p;

	detector_tick(d, obs->time_ns);
	if (candidates_run_low(&d->candidates))
		candidates_make_room(&d->candidates, d->now_s, candidate_evict, d);
	d->stats.responses += 1 + obs->repeats + obs->folded;
	if (obs->rcode || !obs->qname || !obs->records_len)
		return;
	for (size_t i = 0; i < obs->records_len; i++) {
		uint16_t type = obs->records[i].type;

		has_ns |= type == DNS_TYPE_NS;
		if (obs->records[i].section != DNS_ANSWER)
			continue;
		has_a |= type == DNS_TYPE_A;
		has_aaaa |= type == DNS_TYPE_AAAA;
	}
	if (plan)
		p = *plan;
	else
		plan_sides(d, obs, &p);
	if (has_ns)
		observe_nameservers(d, obs, tag_of(p.server));
	if (!has_a && !has_aaaa)
		return;
	owner = terminal(obs, &chain_ttl);
	if (has_a)
		observe_answer(d, obs, &p, DNS_TYPE_A, owner, chain_ttl);
	if (has_aaaa)
		observe_answer(d, obs, &p, DNS_TYPE_AAAA, owner, chain_ttl);
}

void detector_response(struct detector *d, const struct dns_observation *obs)
{
	take(d, obs, NULL);
}

void detector_expected(struct detector *d, const struct dns_observation *obs,
		       const struct detect_plan *plan)
{
	take(d, obs, plan);
}

static void expect_zone(const struct detector *d, const struct dns_observation *obs,
			const struct dns_name *owner, struct lookahead *l)
{
	uint64_t key = obs_key(d, obs, owner);

	names_expect(d->names, typed_key(key, DNS_TYPE_NS), l);
	names_expect(d->names, typed_key(key, NAMES_GLUE), l);
}

static void expect_answer(const struct detector *d, const struct dns_observation *obs,
			  const struct dns_name *owner, uint16_t type, struct lookahead *l,
			  struct detect_plan *p)
{
	names_expect(d->names, typed_key(obs_key(d, obs, owner), type), l);
	if (owner != obs->qname)
		names_expect(d->names, typed_key(obs_key(d, obs, obs->qname), type), l);
	if (!obs->has_txid || !obs->client_port)
		return;
	plan_transaction(d, obs, type, p);
	__builtin_prefetch(&d->transactions[p->transaction % TRANSACTIONS], 1);
}

/* Guesses as detector_response() will look: the owner of the last address ends the chain. */
void detector_expect(const struct detector *d, const struct dns_observation *obs,
		     struct lookahead *l, struct detect_plan *ret)
{
	const struct dns_name *zone = NULL;
	const struct dns_obs_record *last = NULL;

	if (obs->rcode || !obs->qname || !obs->records_len)
		return;
	plan_sides(d, obs, ret);
	for (size_t i = 0; i < obs->records_len; i++) {
		const struct dns_obs_record *rr = &obs->records[i];

		if (rr->type == DNS_TYPE_NS && rr->section != DNS_ADDITIONAL && rr->owner != zone) {
			zone = rr->owner;
			expect_zone(d, obs, zone, l);
		}
		if (rr->section == DNS_ANSWER &&
		    (rr->type == DNS_TYPE_A || rr->type == DNS_TYPE_AAAA))
			last = rr;
	}
	if (last)
		expect_answer(d, obs, last->owner, last->type, l, ret);
}

static void expect_addresses(const struct detector *d, const struct dns_observation *obs,
			     struct lookahead *l)
{
	for (size_t i = 0; i < obs->records_len; i++) {
		const struct dns_obs_record *rr = &obs->records[i];

		if (rr->section != DNS_ANSWER ||
		    (rr->type != DNS_TYPE_A && rr->type != DNS_TYPE_AAAA))
			continue;
		lookahead_add(l, d->local.addresses, unit_hash(d, &rr->addr));
		if (d->enrich)
			enrich_expect(d->enrich, &rr->addr);
	}
}

/* A known name leads to its registered domain; the addresses of a new one are looked up. */
void detector_expect_more(const struct detector *d, const struct dns_observation *obs,
			  const struct lookahead *l, size_t from, struct lookahead *more)
{
	bool has_new = false;

	for (size_t i = from; i < l->len; i++) {
		const struct churn_name *e;

		if (!names_expected(d->names, l, i, &e))
			continue;
		if (e)
			lookahead_add(more, d->local.domains, e->domain);
		if (e && e->candidate && e->candidate <= d->candidates.cap)
			__builtin_prefetch(&candidate_at(&d->candidates, e->candidate)->servers);
		has_new |= !e;
	}
	if (has_new)
		expect_addresses(d, obs, more);
}

/* --- questions --------------------------------------------------------------------------- */

static struct candidate *candidate_of(struct detector *d, const struct dns_name *name)
{
	uint64_t key = name_key(d, name->wire, name->len);
	static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_AAAA };
	struct candidate *best = NULL;
	struct local_domain *dom;

	for (unsigned int i = 0; i < 2; i++) {
		struct churn_name *e = names_get(d->names, typed_key(key, types[i]));
		struct candidate *c;

		if (!e || !e->candidate)
			continue;
		c = candidate_at(&d->candidates, e->candidate);
		if (!best || best_known(c) > best_known(best))
			best = c;
	}
	dom = local_domain_get(&d->local, key);
	if (!best && dom && dom->aggregate)
		best = candidate_at(&d->candidates, dom->aggregate);
	return best;
}

/* A name that never changed enough to be a candidate, looked at as if it were one. */
static struct candidate *provisional(struct detector *d, const struct dns_name *name)
{
	static const struct names_result nothing = { .outcome = NAMES_REPLAY };
	static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_AAAA };
	uint64_t key = name_key(d, name->wire, name->len);
	struct candidate *c = candidate_spare(&d->candidates);

	for (unsigned int i = 0; i < 2; i++) {
		const struct churn_name *e = names_get(d->names, typed_key(key, types[i]));

		if (!e)
			continue;
		candidate_clear(&d->candidates, c);
		candidate_begin(d, c, name, e, types[i], &nothing);
		return c;
	}
	return NULL;
}

int detector_explain(struct detector *d, const struct dns_name *name, uint64_t now_ns,
		     struct alert *ret)
{
	struct candidate *c = candidate_of(d, name);

	if (!c)
		c = provisional(d, name);
	if (!c)
		return -ENOENT;
	evaluate(d, c, (uint32_t)(now_ns / NS));
	evidence_fill(d, c, c->finding ? &d->findings[c->finding - 1] : NULL, now_ns, ret);
	return 0;
}

size_t detector_top(struct detector *d, uint64_t now_ns, struct alert *ret, size_t max)
{
	uint32_t *chosen = calloc(max + 1, sizeof(*chosen));
	size_t n = 0;

	for (uint32_t i = 1; chosen && i <= d->candidates.high; i++) {
		const struct candidate *c = candidate_at(&d->candidates, i);
		size_t at = n;

		if (c->kind == CANDIDATE_FREE)
			continue;
		while (at &&
		       best_known(c) > best_known(candidate_at(&d->candidates, chosen[at - 1]))) {
			chosen[at] = chosen[at - 1];
			at--;
		}
		chosen[at] = i;
		n += n < max;
	}
	for (size_t i = 0; i < n; i++) {
		const struct candidate *c = candidate_at(&d->candidates, chosen[i]);

		evidence_fill(d, c, c->finding ? &d->findings[c->finding - 1] : NULL, now_ns,
			      &ret[i]);
	}
	free(chosen);
	return n;
}

void detector_stats(const struct detector *d, struct detector_stats *ret)
{
	struct names_stats names;

	names_stats(d->names, &names);
	*ret = d->stats;
	ret->candidates = d->candidates.used;
	ret->names = names.count;
	ret->evicted_names = names.evicted + names.refused;
	ret->evicted_candidates = d->candidates.evictions;
	ret->candidate_bytes = candidates_bytes(&d->candidates);
	ret->table_bytes = sizeof(*d) + names.bytes + table_bytes(d->local.domains) +
			   table_bytes(d->local.addresses) + table_bytes(d->local.ases) +
			   table_bytes(d->by_key) + table_bytes(d->zones) +
			   table_bytes(d->watched) + table_bytes(d->peers) +
			   TRANSACTIONS * sizeof(struct transaction) +
			   d->candidates.cap * (CANDIDATE_BYTES + 4) +
			   d->contacts.cap * sizeof(struct contacts);
}

/* --- learned state ----------------------------------------------------------------------- */

int detector_save(const struct detector *d, const char *dir)
{
	return local_save(&d->local, dir);
}

int detector_load(struct detector *d, const char *dir)
{
	int err = local_load(&d->local, dir);

	if (!err)
		set_key(d, &d->local.key); /* what was kept is known by its hashes */
	return err;
}
