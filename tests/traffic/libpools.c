// SPDX-License-Identifier: BSD-2-Clause
#include "libpools.h"

#include <stdlib.h>

#include "detect/config.h"
#include "detect/detector.h"

#define S_NS 1000000000ULL

enum { MEMBERS = 40, ANSWERS = 8, NETWORKS_MAX = 16 };

const double pools_times_s[POOLS_TIMES] = { 60, 600, 3600 };

struct pool {
	struct random rng;
	struct ip_addr addrs[MEMBERS], resolver, server, client;
	uint32_t n, k, ttl_s;
	bool fixed; /* one of n/k sets, else k drawn from n */
	double gap_s; /* between questions */
	struct dns_obs_record records[ANSWERS];
	size_t len;
	struct dns_name name;
};

struct watch {
	uint64_t medium_ns;
};

static void on_alert(void *ctx, const struct alert *a)
{
	struct watch *w = ctx;

	if (!w->medium_ns && a->confidence >= CONFIDENCE_MEDIUM)
		w->medium_ns = a->time_ns;
}

static struct ip_addr v4(uint32_t a)
{
	uint8_t b[4] = { (uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a };

	return ip_from_v4(b);
}

/* One company's networks are clouds; many are the access networks a content network lies in. */
static void draw_pool(struct pool *p, const struct net *net, uint32_t ases, bool fixed,
		      uint64_t seed)
{
	static const struct range ttl = { 5, 300 }, gap = { 1, 30 };
	const struct as_info *as[NETWORKS_MAX];
	struct random r = { seed };

	ases = ases < NETWORKS_MAX ? ases : NETWORKS_MAX;
	*p = (struct pool){ .fixed = fixed,
			    .resolver = v4(0x0a000035),
			    .server = v4(0xc6336401),
			    .client = v4(0x0a000001) };
	p->k = 1 + random_below(&r, ANSWERS);
	p->n = 4 + random_below(&r, MEMBERS - 3);
	p->n = p->n < p->k ? p->k : p->n;
	p->ttl_s = (uint32_t)random_range(&r, ttl, seed & 1 ? SPLIT_TEST : SPLIT_TRAIN);
	p->gap_s = random_range(&r, gap, seed & 1 ? SPLIT_TEST : SPLIT_TRAIN);
	for (uint32_t i = 0; i < ases; i++)
		as[i] = net_draw_as(net, &r, ases <= 2 ? AS_CLOUD : AS_ACCESS, SPLIT_TEST, NULL);
	for (uint32_t i = 0; i < p->n; i++)
		p->addrs[i] = net_draw_v4(net, &r, as[i % ases]);
	dns_name_from_text("www.pool.example", &p->name);
	p->rng = (struct random){ random_u64(&r) };
}

static void add(struct pool *p, const struct ip_addr *addr)
{
	for (size_t i = 0; i < p->len; i++)
		if (ip_equal(&p->records[i].addr, addr))
			return;
	p->records[p->len++] =
		(struct dns_obs_record){ .owner = &p->name, .addr = *addr, .type = DNS_TYPE_A };
}

static void draw_answer(struct pool *p)
{
	uint32_t sets = p->n / p->k, first = random_below(&p->rng, sets) * p->k;

	p->len = 0;
	for (uint32_t i = 0; p->fixed && i < p->k; i++)
		add(p, &p->addrs[first + i]);
	for (uint32_t tries = 0; !p->fixed && p->len < p->k && tries < 8 * p->k; tries++)
		add(p, &p->addrs[random_below(&p->rng, p->n)]);
}

static void respond(struct detector *d, struct pool *p, uint64_t now_ns, bool upstream,
		    uint32_t ttl_s)
{
	struct dns_observation obs = {
		.time_ns = now_ns,
		.client = upstream ? p->resolver : p->client,
		.server = upstream ? p->server : p->resolver,
		.txid = (uint16_t)random_u64(&p->rng),
		.has_txid = true,
		.qtype = DNS_TYPE_A,
		.qclass = 1,
		.has_authority = true,
		.qname = &p->name,
		.records_len = p->len,
		.records = p->records,
	};

	for (size_t i = 0; i < p->len; i++)
		p->records[i].ttl_s = ttl_s;
	detector_response(d, &obs);
}

/* Seconds until medium; -1: never. */
static double run(struct pool *p, struct enrich *enrich, bool both)
{
	static const struct detector_ops ops = { .alert = on_alert };
	struct detect_config cfg = detect_config_default();
	uint64_t start_ns = 1800000000 * S_NS, now_ns = start_ns, expires_ns = 0;
	struct detector *d = NULL;
	struct watch w = { 0 };

	cfg.memory_bytes = 1 << 20;
	if (detector_new(&cfg, enrich, &hash_key_fixed, &ops, &w, &d))
		abort();
	while (!w.medium_ns && now_ns - start_ns < pools_times_s[POOLS_TIMES - 1] * 1e9) {
		if (now_ns >= expires_ns) {
			draw_answer(p);
			expires_ns = now_ns + p->ttl_s * S_NS;
			if (both)
				respond(d, p, now_ns - 10000000, true, p->ttl_s);
		}
		respond(d, p, now_ns, false, (uint32_t)((expires_ns - now_ns) / S_NS));
		detector_tick(d, now_ns);
		now_ns += (uint64_t)(random_exp(&p->rng, p->gap_s) * 1e9) + 20000000;
	}
	detector_free(d);
	return w.medium_ns ? (double)(w.medium_ns - start_ns) / 1e9 : -1;
}

struct pools_share pools_sweep(const struct pools_sweep *s, const struct net *net,
			       struct enrich *enrich)
{
	struct pools_share share = { .at_medium = { 0 } };

	for (uint32_t i = 0; i < s->count; i++) {
		struct pool p;
		double at;

		draw_pool(&p, net, s->networks, s->fixed, hash_mix(s->seed + i) ^ s->networks);
		at = run(&p, enrich, s->both_sides);
		for (int k = 0; k < POOLS_TIMES; k++)
			share.at_medium[k] +=
				(at >= 0 && at <= pools_times_s[k]) / (double)s->count;
	}
	return share;
}
