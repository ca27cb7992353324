// SPDX-License-Identifier: BSD-2-Clause
/* One question's way: client, resolver, cache, authority; and what the monitor sees of it. */
#include "libsite_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define STALE_NS (6 * HOUR_NS) /* older sets are not served on */

enum { RECORDS_MAX = ANSWER_MAX + 4 + 2 * NS_MAX };

/* An observation under construction. */
struct view {
	struct dns_observation obs;
	struct dns_obs_record records[RECORDS_MAX];
};

static struct ip_addr client_addr(const struct site *s, uint32_t client)
{
	uint8_t v4[4] = { 10, (uint8_t)s->cfg.index, (uint8_t)(client >> 8), (uint8_t)client };

	return ip_from_v4(v4);
}

static void add_record(struct view *v, struct dns_obs_record record)
{
	v->records[v->obs.records_len++] = record;
}

static void add_addresses(struct view *v, struct instance *in, const struct dns_name *owner,
			  const struct answer *ans, uint32_t ttl_s)
{
	uint32_t first = ans->len ? random_below(&in->rng, ans->len) : 0;

	for (uint32_t i = 0; i < ans->len; i++) { /* servers rotate the set */
		const struct ip_addr *addr = &ans->addr[(first + i) % ans->len];

		add_record(v, (struct dns_obs_record){
				      .owner = owner, .addr = *addr, .ttl_s = ttl_s,
				      .type = ip_is_v4(addr) ? DNS_TYPE_A : DNS_TYPE_AAAA });
	}
}

/* The zone that holds the addresses: the last link of the chain is in the provider's. */
static const struct dns_name *answering_zone(const struct instance *in, const struct dns_name *qname)
{
	if (in->chain_len)
		return &in->chain_zone;
	return in->names_len > 1 && in->profile->malicious ? qname : &in->zone;
}

static void add_nameservers(struct view *v, struct instance *in, const struct dns_name *qname)
{
	const struct authority *a = &in->authority;
	const struct dns_name *zone = answering_zone(in, qname);

	for (uint32_t i = 0; i < a->ns_len; i++)
		add_record(v, (struct dns_obs_record){ .owner = zone, .target = &a->ns[i],
						       .ttl_s = a->ns_ttl_s, .type = DNS_TYPE_NS,
						       .section = DNS_AUTHORITY });
	for (uint32_t i = 0; i < a->ns_len; i++)
		add_record(v, (struct dns_obs_record){ .owner = &a->ns[i], .addr = a->ns_addr[i],
						       .ttl_s = a->ns_ttl_s,
						       .type = ip_is_v4(&a->ns_addr[i]) ?
								       DNS_TYPE_A :
								       DNS_TYPE_AAAA,
						       .section = DNS_ADDITIONAL });
}

static void emit(struct site *s, struct instance *in, struct view *v)
{
	v->obs.records = v->records;
	if (in && v->obs.time_ns >= in->start_ns)
		in->responses++;
	if (!random_chance(&s->rng, s->cfg.loss))
		s->ops->response(s->ctx, &v->obs, in);
}

static void begin(struct site *s, struct instance *in, struct view *v, uint64_t now_ns,
		  const struct dns_name *qname)
{
	v->obs = (struct dns_observation){
		.time_ns = now_ns,
		.client_port = (uint16_t)(1024 + random_below(&s->rng, 64000)),
		.txid = (uint16_t)random_u64(&s->rng),
		.qtype = in && in->authority.v6 ? DNS_TYPE_AAAA : DNS_TYPE_A,
		.qclass = 1,
		.has_txid = true,
		.has_authority = true,
		.qname = qname,
	};
}

/* One address of @fake before the true answer, to the same question. */
static void emit_forged(struct site *s, struct instance *in, const struct view *truth)
{
	struct view v = { .obs = truth->obs };
	struct answer forged = { .len = 1, .addr = { s->world.fake[random_below(&in->rng, FAKE_POOL)] } };

	v.obs.records_len = 0;
	v.obs.aa = false;
	add_addresses(&v, in, truth->obs.qname, &forged, in->authority.ttl_s);
	emit(s, in, &v);
}

static void emit_answer(struct instance *in, struct view *v, const struct dns_name *qname,
			const struct answer *ans, uint32_t ttl_s)
{
	const struct dns_name *owner = qname;

	for (uint32_t i = 0; i < in->chain_len; i++) {
		add_record(v, (struct dns_obs_record){ .owner = owner, .target = &in->chain[i],
						       .ttl_s = ttl_s > 300 ? ttl_s : 300,
						       .type = DNS_TYPE_CNAME });
		owner = &in->chain[i];
	}
	add_addresses(v, in, owner, ans, ttl_s);
}

/* Upstream of the resolver: the authority's own message. */
static void emit_upstream(struct site *s, struct instance *in, const struct resolver *res,
			  const struct dns_name *qname, const struct answer *ans, uint64_t now_ns)
{
	struct authority *a = &in->authority;
	struct view v;

	if (!s->cfg.resolver_side)
		return;
	authority_nameservers(a, now_ns, &in->zone);
	begin(s, in, &v, now_ns, qname);
	v.obs.client = res->addr;
	v.obs.server = a->ns_addr[random_below(&in->rng, a->ns_len)];
	v.obs.aa = true;
	emit_answer(in, &v, qname, ans, ans->ttl_s);
	if (!a->minimal && !in->aged)
		add_nameservers(&v, in, qname);
	if (in->profile->choosing == CHOOSE_FORGED)
		emit_forged(s, in, &v);
	emit(s, in, &v);
}

/* A parked domain, before it turned. */
static void parked_answer(struct site *s, struct answer *ret)
{
	*ret = (struct answer){ .ttl_s = 3600, .len = 1, .addr = { s->world.parked } };
}

static void ask_authority(struct site *s, struct instance *in, const struct resolver *res,
			  const struct dns_name *qname, uint32_t label, uint64_t now_ns,
			  struct answer *ret)
{
	if (in->aged && now_ns < in->start_ns) {
		parked_answer(s, ret);
	} else {
		in->aged = false;
		authority_answer(&in->authority, now_ns, label, ret);
	}
	emit_upstream(s, in, res, qname, ret, now_ns);
	/* behind a censored path the forged answer is what gets cached */
	if (in->profile->choosing == CHOOSE_FORGED && !s->cfg.resolver_side && (in->index & 1)) {
		ret->len = 1;
		ret->addr[0] = s->world.fake[random_below(&in->rng, FAKE_POOL)];
	}
}

/* From the cache, or from the authority into it. Returns the TTL that is left. */
static uint32_t resolve(struct site *s, struct instance *in, uint32_t name, uint32_t label,
			const struct dns_name *qname, uint32_t r, uint64_t now_ns,
			struct answer *ret)
{
	struct resolver *res = &s->resolvers[r];
	uint32_t farm = random_count(&in->rng, in->profile->caches, s->cfg.split);
	uint32_t which = random_below(&in->rng, farm ? farm : res->caches) % CACHES_MAX;
	struct cached **at = &in->cached[(name * s->resolvers_len + r) * CACHES_MAX + which];
	uint32_t ttl_s;

	if (in->profile->choosing == CHOOSE_LABELS) { /* too many to be asked for twice in time */
		ask_authority(s, in, res, qname, label, now_ns, ret);
		return ret->ttl_s;
	}
	if (!*at)
		*at = calloc(1, sizeof(**at));
	if (!*at) {
		s->err = -ENOMEM;
		return 0;
	}
	if (now_ns >= (*at)->expires_ns) {
		if ((*at)->expires_ns && now_ns - (*at)->expires_ns < STALE_NS &&
		    random_chance(&in->rng, res->stale)) {
			*ret = (*at)->answer;
			return 30;
		}
		ask_authority(s, in, res, qname, label, now_ns, &(*at)->answer);
		ttl_s = (*at)->answer.ttl_s;
		ttl_s = ttl_s < res->min_ttl_s ? res->min_ttl_s : ttl_s;
		(*at)->expires_ns = now_ns + ttl_s * SECOND_NS;
	}
	*ret = (*at)->answer;
	return (uint32_t)(((*at)->expires_ns - now_ns) / SECOND_NS);
}

static void plan_connects(struct site *s, struct instance *in, const struct answer *ans,
			  uint32_t client, uint64_t now_ns)
{
	double left = in->profile->connects;
	struct happening h = { .kind = HAPPENS_CONNECT, .client = client,
			       .instance = (uint32_t)(in - s->instances) };

	if (!s->cfg.connects || !ans->len || (in->aged && now_ns < in->start_ns))
		return;
	for (; left > 0 && random_chance(&in->rng, left); left -= 1) {
		h.dst = ans->addr[random_below(&in->rng, ans->len)];
		h.failed = random_chance(&in->rng, in->fail);
		h.time_ns = now_ns + (uint64_t)(1e6 + 2e8 * random_unit(&in->rng));
		site_push(s, h);
	}
	h.peer = true;
	for (uint32_t i = 0; i < in->peers && random_chance(&in->rng, 0.5); i++) {
		const struct as_info *as = net_draw_as(s->cfg.net, &in->rng, AS_ACCESS,
						       s->cfg.split, NULL);

		h.dst = net_draw_v4(s->cfg.net, &in->rng, as);
		h.failed = random_chance(&in->rng, in->fail);
		h.time_ns = now_ns + (uint64_t)(SECOND_NS * 60 * random_unit(&in->rng));
		site_push(s, h);
	}
}

static struct dns_name label_name(const struct instance *in, uint32_t label)
{
	char text[DNS_NAME_TEXT_MAX];

	dns_name_format(&in->zone, text);
	return name_make("%08x.%s", (uint32_t)hash_mix(label + 1), text);
}

void site_query(struct site *s, struct instance *in, uint64_t now_ns)
{
	uint32_t name = random_below(&in->rng, (uint32_t)in->names_len);
	bool labels = in->profile->choosing == CHOOSE_LABELS;
	uint32_t label = labels ? random_below(&in->rng, in->authority.sets) : 0;
	struct dns_name many = { 0 };
	const struct dns_name *qname = &in->names[name];
	uint32_t client = in->first_client + random_below(&in->rng, in->clients);
	uint32_t r = (client * 7 + random_below(&in->rng, 2)) % s->resolvers_len, ttl_s;
	struct answer ans;
	struct view v;

	client %= CLIENTS;
	if (labels) {
		many = label_name(in, label);
		qname = &many;
	}
	ttl_s = resolve(s, in, name, label, qname, r, now_ns, &ans);
	if (s->err)
		return;
	if (!s->cfg.resolver_side) {
		begin(s, in, &v, now_ns, qname);
		v.obs.client = client_addr(s, client);
		v.obs.server = s->resolvers[r].addr;
		emit_answer(in, &v, qname, &ans, ttl_s);
		if (in->profile->choosing == CHOOSE_FORGED && !(in->index & 1))
			emit_forged(s, in, &v);
		emit(s, in, &v);
	}
	plan_connects(s, in, &ans, client, now_ns);
}

void site_connect(struct site *s, struct instance *in, const struct happening *h)
{
	struct connection conn = {
		.time_ns = h->time_ns,
		.source = in->agents ? CONNECTION_FOREIGN : CONNECTION_GATEWAY,
		.state = h->failed ? CONNECTION_FAILED : CONNECTION_OK,
		.err = h->failed ? ETIMEDOUT : 0,
		.src = client_addr(s, h->client),
		.dst = h->dst,
		.dport = in->port,
		.proto = in->profile->udp ? IPPROTO_UDP : IPPROTO_TCP,
	};

	if (!in->agents && s->ops->is_watched && !s->ops->is_watched(s->ctx, &h->dst))
		return;
	conn.sport = (uint16_t)(1024 + random_below(&s->rng, 64000));
	if (in->profile->udp) { /* no answer to wait for */
		conn.state = CONNECTION_OK;
		conn.err = 0;
	}
	if (in->agents) {
		conn.has_process = true;
		conn.process = (struct process_info){ .pid = site_pid((uint32_t)(in - s->instances)),
						      .ppid = 1,
						      .uid = 1000,
						      .start_ns = in->start_ns,
						      .exe = "/usr/bin/program",
						      .comm = "program" };
	}
	if (s->ops->connection)
		s->ops->connection(s->ctx, &conn, in);
}

/* Half fresh registered domains, half labels below a few: both ways to fill tables. */
void site_flood(struct site *s, uint64_t now_ns)
{
	uint64_t u = random_u64(&s->rng);
	struct dns_name qname = u & 1 ? name_make("x%llx.example", (unsigned long long)u) :
					name_make("x%llx.flood%u.example", (unsigned long long)u,
						  (unsigned int)(u >> 60));
	struct answer ans = { .ttl_s = 60, .len = 1 };
	uint32_t client = random_below(&s->rng, CLIENTS);
	struct view v;

	ans.addr[0] = net_draw_v4(s->cfg.net, &s->rng,
				  net_draw_as(s->cfg.net, &s->rng, AS_ACCESS, s->cfg.split, NULL));
	begin(s, NULL, &v, now_ns, &qname);
	v.obs.client = client_addr(s, client);
	v.obs.server = s->resolvers[client % s->resolvers_len].addr;
	add_record(&v, (struct dns_obs_record){ .owner = &qname, .addr = ans.addr[0],
						.ttl_s = ans.ttl_s, .type = DNS_TYPE_A });
	emit(s, NULL, &v);
}
