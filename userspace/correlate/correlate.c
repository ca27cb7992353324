// SPDX-License-Identifier: BSD-2-Clause
#include "correlate/correlate.h"

#include <errno.h>
#include <stdlib.h>

#include "correlate/blind.h"
#include "correlate/mapping.h"
#include "correlate/resolvers.h"
#include "correlate/tie.h"

#define SKEW_NS 1000000000ULL /* an answer this much after the connection still explains it */

/* Types whose answers carry the addresses to connect to in the additional section. */
enum { TYPE_MX = 15, TYPE_SRV = 33, TYPE_SVCB = 64, TYPE_HTTPS = 65 };

struct correlator {
	struct correlate_config cfg;
	struct mappings *mappings;
	struct ties *ties;
	struct blind *blind;
	struct resolvers *resolvers;
	struct correlate_stats stats;
};

struct correlate_config correlate_config_default(void)
{
	struct correlate_config cfg = {
		.max_addresses = 131072,
		.keep_ns = 24ULL * 3600 * 1000000000,
		.max_mappings = 196608,
		.max_names = 65536,
		.max_ties = 131072,
	};

	return cfg;
}

int correlator_new(const struct correlate_config *cfg, const struct hash_key *key,
		   struct correlator **ret)
{
	struct correlate_config def = correlate_config_default();
	struct correlator *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->cfg = *cfg;
	err = mappings_new(cfg->max_addresses,
			   cfg->max_mappings ? cfg->max_mappings : def.max_mappings,
			   cfg->max_names ? cfg->max_names : def.max_names, key, &c->mappings);
	if (!err)
		err = ties_new(cfg->max_ties ? cfg->max_ties : def.max_ties, key, &c->ties);
	if (!err)
		err = blind_new(key, &c->blind);
	if (!err)
		err = resolvers_new(&c->resolvers);
	if (err) {
		correlator_free(c);
		return err;
	}
	*ret = c;
	return 0;
}

void correlator_free(struct correlator *c)
{
	if (!c)
		return;
	mappings_free(c->mappings);
	ties_free(c->ties);
	blind_free(c->blind);
	resolvers_free(c->resolvers);
	free(c);
}

void correlator_local(struct correlator *c, const struct ip_addr *addr)
{
	ties_local(c->ties, addr);
}

bool correlator_is_local(const struct correlator *c, const struct ip_addr *addr)
{
	return ties_is_local(c->ties, addr);
}

/* --- answers --------------------------------------------------------------------------------- */

static bool carries_addresses(const struct dns_observation *obs, const struct dns_obs_record *r)
{
	if (r->type != DNS_TYPE_A && r->type != DNS_TYPE_AAAA)
		return false;
	if (r->section == DNS_ANSWER)
		return true;
	return r->section == DNS_ADDITIONAL &&
	       (obs->qtype == TYPE_SRV || obs->qtype == TYPE_MX || obs->qtype == TYPE_SVCB ||
		obs->qtype == TYPE_HTTPS);
}

static void plan_client(struct correlator *c, const struct dns_observation *obs,
			struct correlate_plan *p)
{
	p->client = ties_client(c->ties, obs);
	p->query = obs->qname;
	p->query_key = p->query ? mappings_name_key(c->mappings, obs, p->query) : 0;
}

static void plan_owner(const struct correlator *c, const struct dns_observation *obs,
		       const struct dns_name *owner, struct correlate_plan *p)
{
	p->owner = owner;
	p->owner_key = p->query && dns_name_equal(owner, p->query)
			       ? p->query_key
			       : mappings_name_key(c->mappings, obs, owner);
}

/* From record p->next on, as many as there is room for. */
static void plan_on(struct correlator *c, const struct dns_observation *obs,
		    struct correlate_plan *p, struct lookahead *l)
{
	uint64_t names_mix = mappings_names_mix(p->owner_key, p->query_key);

	p->len = 0;
	for (; p->next < obs->records_len && p->len < CORRELATE_PLANNED; p->next++) {
		const struct dns_obs_record *r = &obs->records[p->next];
		struct mapping_answer a;

		if (!carries_addresses(obs, r))
			continue;
		if (!p->client.time_ns)
			plan_client(c, obs, p);
		if (r->owner != p->owner) {
			plan_owner(c, obs, r->owner, p);
			if (!obs->qname) {
				p->query = r->owner;
				p->query_key = p->owner_key;
			}
			names_mix = mappings_names_mix(p->owner_key, p->query_key);
		}
		a.addr = &r->addr;
		a.names_mix = names_mix;
		mappings_key(c->mappings, &a);
		p->at[p->len].record = r;
		p->at[p->len].query = p->query;
		p->at[p->len].owner_key = p->owner_key;
		p->at[p->len].query_key = p->query_key;
		p->at[p->len].addr_key = a.addr_key;
		p->at[p->len++].key = a.key;
		if (!l)
			continue;
		mappings_expect(c->mappings, &a, l);
		ties_expect(c->ties, &p->client, a.key, l);
	}
}

void correlator_plan(struct correlator *c, const struct dns_observation *obs,
		     struct correlate_plan *ret, struct lookahead *l)
{
	ret->client.time_ns = 0;
	ret->owner = ret->query = NULL;
	ret->owner_key = ret->query_key = 0;
	ret->next = 0;
	plan_on(c, obs, ret, l);
}

void correlator_expect_more(const struct correlator *c, const struct lookahead *l, size_t len)
{
	mappings_expect_first(c->mappings, l, len);
}

/* True when a forwarder handed one of them on. */
static bool note_answers(struct correlator *c, const struct dns_observation *obs,
			 const struct correlate_plan *p)
{
	bool relayed = false;

	for (size_t i = 0; i < p->len; i++) {
		const struct dns_obs_record *r = p->at[i].record;
		const struct mapping_answer a = {
			.addr = &r->addr,
			.owner = r->owner,
			.query = p->at[i].query,
			.owner_key = p->at[i].owner_key,
			.query_key = p->at[i].query_key,
			.time_ns = obs->time_ns,
			.keep_ns = c->cfg.keep_ns,
			.ttl_s = r->ttl_s > INT32_MAX ? 0 : r->ttl_s, /* RFC 2181 8 */
			.addr_key = p->at[i].addr_key,
			.key = p->at[i].key,
		};

		mappings_note(c->mappings, &a);
		relayed |= ties_note(c->ties, &p->client, a.key);
	}
	return relayed;
}

void correlator_planned(struct correlator *c, const struct dns_observation *obs,
			struct correlate_plan *plan)
{
	bool relayed = note_answers(c, obs, plan);

	while (plan->next < obs->records_len) {
		plan_on(c, obs, plan, NULL);
		relayed |= note_answers(c, obs, plan);
	}
	if (relayed)
		c->stats.relayed++;
	else if (plan->client.time_ns)
		c->stats.answers++;
}

void correlator_response(struct correlator *c, const struct dns_observation *obs)
{
	struct correlate_plan plan;

	correlator_plan(c, obs, &plan, NULL);
	correlator_planned(c, obs, &plan);
}

/* --- connections ----------------------------------------------------------------------------- */

struct candidate {
	const struct mapping *mapping;
	enum tie_strength tie;
	uint64_t answered_ns;
};

static bool is_better(const struct candidate *a, const struct candidate *b)
{
	if (a->tie != b->tie)
		return a->tie > b->tie;
	return a->answered_ns > b->answered_ns;
}

/*
 * The latest answer at or before @time_ns, as far as remembered; 0: the mapping's interval does
 * not hold that time.
 */
static uint64_t answered_at(const struct mapping *m, uint64_t time_ns, uint64_t keep_ns)
{
	uint64_t at, lives_ns = (uint64_t)m->ttl_s * 1000000000;

	if (lives_ns < keep_ns)
		lives_ns = keep_ns;
	if (m->last_ns <= time_ns)
		at = m->last_ns;
	else if (m->before_ns <= time_ns)
		at = m->before_ns;
	else if (m->first_ns <= time_ns + SKEW_NS)
		at = m->first_ns;
	else
		return 0;
	return at + lives_ns >= time_ns ? at : 0;
}

static size_t find_candidates(struct correlator *c, const struct connection *conn,
			      struct candidate found[MAPPING_ADDRESS_MAX])
{
	struct tie_asker asker = ties_asker(c->ties, conn);
	size_t len = 0;

	for (const struct mapping *m = mappings_first(c->mappings, &conn->dst); m;
	     m = mappings_next(c->mappings, m)) {
		struct candidate new = { .mapping = m };
		size_t i;

		new.answered_ns = answered_at(m, conn->time_ns, c->cfg.keep_ns);
		if (!new.answered_ns)
			continue;
		if (!mappings_owner(c->mappings, m) || !mappings_query(c->mappings, m)) {
			c->stats.nameless++;
			continue;
		}
		new.tie = ties_look(c->ties, &asker, m->key);
		for (i = len++; i && is_better(&new, &found[i - 1]); i--)
			found[i] = found[i - 1];
		found[i] = new;
	}
	return len;
}

static double confidence(const struct correlator *c, const struct candidate *all, size_t len,
			 const struct candidate *this, double ttl_left_s)
{
	static const double base[] = { 0.50, 0.90, 0.98 };
	double late = -ttl_left_s * 1e9 / (double)c->cfg.keep_ns, lateness = 1;
	size_t others = 0;

	for (size_t i = 0; i < len; i++)
		others += all[i].tie == this->tie;
	if (late > 0)
		lateness = late < 1 ? 1 - 0.5 * late : 0.5;
	return base[this->tie] * lateness / (1 + 0.5 * (double)(others - 1));
}

static void fill_name(const struct correlator *c, const struct connection *conn,
		      const struct candidate *all, size_t len, size_t at,
		      struct connection_name *ret)
{
	const struct candidate *this = &all[at];
	int64_t age_ns = (int64_t)(conn->time_ns - this->answered_ns);

	ret->rrname = *mappings_owner(c->mappings, this->mapping);
	ret->query = *mappings_query(c->mappings, this->mapping);
	ret->age_s = age_ns > 0 ? (double)age_ns / 1e9 : 0;
	ret->ttl_left_s = (double)this->mapping->ttl_s - ret->age_s;
	ret->same_host = this->tie != TIE_OTHERS;
	ret->confidence = confidence(c, all, len, this, ret->ttl_left_s);
}

static bool leaves_the_machine(const struct correlator *c, const struct ip_addr *dst)
{
	static const uint8_t all_ones[4] = { 255, 255, 255, 255 };

	if (ip_is_unspecified(dst) || ties_is_local(c->ties, dst))
		return false;
	if (ip_is_v4(dst)) /* multicast, link-local, broadcast */
		return dst->b[12] < 224 && !(dst->b[12] == 169 && dst->b[13] == 254) &&
		       memcmp(dst->b + 12, all_ones, 4) != 0;
	return dst->b[0] != 0xff && !(dst->b[0] == 0xfe && (dst->b[1] & 0xc0) == 0x80);
}

static bool is_counted(const struct correlator *c, const struct connection *conn)
{
	if (conn->preexisting || conn->seen_locally || conn->told_before || conn->dport == 53)
		return false;
	/* local and gateway connections are reported when they begin and again when they end */
	if (conn->state == CONNECTION_CLOSED &&
	    (conn->source == CONNECTION_LOCAL || conn->source == CONNECTION_GATEWAY))
		return false;
	return leaves_the_machine(c, &conn->dst);
}

static enum connection_encrypted_dns encrypted_dns(const struct correlator *c,
						   const struct connection *conn)
{
	enum connection_encrypted_dns kind =
		resolvers_contact(c->resolvers, &conn->dst, conn->dport, conn->proto);

	if (kind || conn->dport != 443)
		return kind;
	/* an address shared with other names is no proof: the best candidate must be the resolver
	 */
	if (conn->names_len && (resolvers_name_known(c->resolvers, &conn->names[0].query) ||
				resolvers_name_known(c->resolvers, &conn->names[0].rrname)))
		return CONNECTION_DNS_HTTPS;
	return CONNECTION_DNS_NONE;
}

static void count(struct correlator *c, const struct connection *conn, enum tie_strength best)
{
	struct correlate_stats *s = &c->stats;

	if (!is_counted(c, conn)) {
		s->not_counted++;
		return;
	}
	if (conn->encrypted_dns) {
		s->encrypted_dns++;
		blind_count(c->blind, conn, BLIND_ENCRYPTED_DNS);
		return;
	}
	s->connections++;
	if (!conn->names_len) {
		s->unexplained++;
		blind_count(c->blind, conn, BLIND_UNEXPLAINED);
		return;
	}
	s->explained++;
	s->late += conn->names[0].ttl_left_s < 0;
	s->same_host += best >= TIE_HOST;
	s->same_process += best == TIE_PROCESS;
	blind_count(c->blind, conn, BLIND_EXPLAINED);
}

static void learn(struct correlator *c, const struct connection *conn)
{
	if (conn->source != CONNECTION_LOCAL)
		return;
	if (c->cfg.home_netns && conn->process.netns == c->cfg.home_netns &&
	    !ip_is_unspecified(&conn->src))
		ties_local(c->ties, &conn->src);
	if (conn->dport == 53 && conn->state == CONNECTION_OK)
		ties_question(c->ties, conn);
}

void correlator_connection(struct correlator *c, struct connection *conn)
{
	struct candidate found[MAPPING_ADDRESS_MAX];
	size_t len;

	learn(c, conn);
	len = find_candidates(c, conn, found);
	conn->names_len = len < CONNECTION_NAMES_MAX ? len : CONNECTION_NAMES_MAX;
	for (size_t i = 0; i < conn->names_len; i++)
		fill_name(c, conn, found, len, i, &conn->names[i]);
	conn->encrypted_dns = encrypted_dns(c, conn);
	count(c, conn, len ? found[0].tie : TIE_OTHERS);
}

void correlator_stats(const struct correlator *c, struct correlate_stats *ret)
{
	struct mappings_stats m;

	mappings_stats(c->mappings, &m);
	*ret = c->stats;
	ret->evicted = m.evicted;
	ret->evicted_names = m.evicted_names;
	ret->evicted_ties = ties_evicted(c->ties);
	ret->table_bytes = m.table_bytes + ties_bytes(c->ties) + blind_bytes(c->blind);
}

size_t correlator_blind_top(const struct correlator *c, struct correlate_blind *ret, size_t max)
{
	return blind_top(c->blind, ret, max);
}
