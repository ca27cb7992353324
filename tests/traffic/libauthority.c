// SPDX-License-Identifier: BSD-2-Clause
#include "libauthority.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { REUSE_WINDOW = 16 };

/* One of @n, the first more often: a few networks hold most bots. */
static uint32_t skewed(struct random *r, uint32_t n)
{
	return (uint32_t)(pow(random_unit(r), 1.5) * n);
}

static struct ip_addr draw_provider(struct authority *a)
{
	const struct provider *p = a->provider;
	uint32_t as = (a->provider_first + random_below(&a->rng, a->provider_span)) % p->ases_len;

	if (!p->per_as || a->v6)
		return a->v6 ? net_draw_v6(a->world->net, &a->rng, p->ases[as]) :
			       net_draw_v4(a->world->net, &a->rng, p->ases[as]);
	return p->addrs[as * p->per_as + random_below(&a->rng, p->per_as)];
}

static struct ip_addr draw_address(struct authority *a)
{
	const struct net *net = a->world->net;
	const struct as_info *as;

	a->drawn++;
	if (a->provider && a->profile->placement != PLACE_CLOUD)
		return draw_provider(a);
	if (a->profile->placement == PLACE_VOLUNTEER)
		as = net_draw_as(net, &a->rng, random_chance(&a->rng, 0.5) ? AS_HOSTING : AS_ACCESS,
				 a->world->split, NULL);
	else if (a->profile->choosing == CHOOSE_REUSE)
		as = a->ases[a->drawn / 4 % a->ases_len];
	else
		as = a->ases[skewed(&a->rng, a->ases_len)];
	return a->v6 ? net_draw_v6(net, &a->rng, as) : net_draw_v4(net, &a->rng, as);
}

static void renew(struct authority *a, struct member *m, uint64_t now_ns)
{
	m->addr = draw_address(a);
	m->uses = 0;
	m->until_ns = a->life_ns ? now_ns + (uint64_t)random_exp(&a->rng, (double)a->life_ns) + 1 : 0;
}

static const struct ip_addr *member(struct authority *a, uint32_t i, uint64_t now_ns)
{
	struct member *m = &a->pool[i % a->pool_len];

	if (m->until_ns && now_ns >= m->until_ns)
		renew(a, m, now_ns);
	return &m->addr;
}

static void add(struct answer *ans, const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < ans->len; i++)
		if (ip_equal(&ans->addr[i], addr))
			return;
	if (ans->len < ANSWER_MAX)
		ans->addr[ans->len++] = *addr;
}

/* @k different ones of the @n members from @first on, chosen by @r. */
static void choose(struct authority *a, struct random *r, uint32_t first, uint32_t n, uint32_t k,
		   uint64_t now_ns, struct answer *ret)
{
	if (k >= n) {
		for (uint32_t i = 0; i < n; i++)
			add(ret, member(a, first + i, now_ns));
		return;
	}
	for (uint32_t tries = 0; ret->len < k && tries < 4 * k + 8; tries++)
		add(ret, member(a, first + random_below(r, n), now_ns));
}

static uint64_t slot_of(const struct authority *a, uint64_t now_ns)
{
	return (now_ns + a->phase_ns) / a->slot_ns;
}

static void choose_set(struct authority *a, uint64_t now_ns, struct answer *ret)
{
	uint64_t set = hash_mix(a->salt ^ slot_of(a, now_ns)) % a->sets;

	if (random_chance(&a->rng, 0.2))
		set = random_below(&a->rng, a->sets);
	for (uint32_t i = 0; i < a->answers; i++)
		add(ret, member(a, (uint32_t)set * a->answers + i, now_ns));
}

static void choose_sequence(struct authority *a, uint64_t now_ns, struct answer *ret)
{
	while (now_ns >= a->next_ns) {
		double dwell = (double)a->slot_ns * (0.5 + random_unit(&a->rng));

		for (uint32_t i = 0; i < a->pool_len; i++)
			renew(a, &a->pool[i], now_ns);
		a->next_ns = (now_ns - a->next_ns > 2 * a->slot_ns ? now_ns : a->next_ns) +
			     (uint64_t)dwell;
	}
	for (uint32_t i = 0; i < a->answers; i++)
		add(ret, member(a, i, now_ns));
}

/* A window of members in use moves along the pool; one that served often enough goes. */
static void choose_reuse(struct authority *a, uint64_t now_ns, struct answer *ret)
{
	struct random r = { a->salt ^ slot_of(a, now_ns) };
	bool new_slot = now_ns >= a->next_ns;

	if (new_slot)
		a->next_ns = (slot_of(a, now_ns) + 1) * a->slot_ns - a->phase_ns;
	for (uint32_t tries = 0; ret->len < a->answers && tries < 64; tries++) {
		uint32_t i = random_below(&r, REUSE_WINDOW);

		add(ret, &a->pool[(a->pool[i].uses >> 8) % a->pool_len].addr);
		if (new_slot)
			a->pool[i].uses++;
	}
	for (uint32_t i = 0; new_slot && i < REUSE_WINDOW; i++)
		if ((a->pool[i].uses & 0xff) >= a->sets) /* position in the pool << 8 | uses */
			a->pool[i].uses = (++a->turned + REUSE_WINDOW) % a->pool_len << 8;
}

static void choose_decoy(struct authority *a, uint64_t now_ns, struct answer *ret)
{
	choose(a, &a->rng, 0, a->pool_len, a->answers - a->answers / 2, now_ns, ret);
	for (uint32_t i = 0; i < a->answers / 2; i++)
		add(ret, &a->decoy->addrs[random_below(&a->rng, a->decoy->per_as)]);
}

static void choose_hydra(struct authority *a, uint64_t now_ns, struct answer *ret)
{
	uint32_t part = a->pool_len / a->sets;
	uint32_t which = (uint32_t)(hash_mix(a->salt ^ slot_of(a, now_ns)) % a->sets);

	choose(a, &a->rng, which * part, part, a->answers, now_ns, ret);
}

static void choose_label(struct authority *a, uint64_t now_ns, uint32_t label, struct answer *ret)
{
	add(ret, member(a, (uint32_t)hash_mix(a->salt + label), now_ns));
}

/* Moves once; afterwards nothing of the old place is left. */
static void choose_move(struct authority *a, uint64_t now_ns, struct answer *ret)
{
	if (a->move_ns && now_ns >= a->move_ns) {
		a->provider = world_provider(a->world, &a->rng, PLACE_HOSTER);
		for (uint32_t i = 0; i < a->pool_len; i++)
			renew(a, &a->pool[i], now_ns);
		for (uint32_t i = 0; i < a->provider->ns_len; i++) {
			a->ns[i] = a->provider->ns[i];
			a->ns_addr[i] = a->provider->ns_addr[i];
		}
		a->ns_len = a->provider->ns_len;
		a->move_ns = 0;
	}
	choose(a, &a->rng, 0, a->pool_len, a->answers, now_ns, ret);
}

static void choose_local(struct authority *a, struct answer *ret)
{
	uint8_t v4[4] = { 127, 0, 0, 0 };

	switch (a->local_kind) {
	case 0: /* a block list answers 127.0.0.x */
		v4[3] = (uint8_t)(2 + random_below(&a->rng, 10));
		break;
	case 1: /* split horizon */
		v4[0] = 10;
		v4[3] = (uint8_t)(1 + random_below(&a->rng, a->pool_len));
		break;
	default:
		ret->addr[ret->len++] = a->local_kind == 2 ? a->world->sinkhole : a->world->parked;
		return;
	}
	ret->addr[ret->len++] = ip_from_v4(v4);
}

void authority_answer(struct authority *a, uint64_t now_ns, uint32_t label, struct answer *ret)
{
	struct random slot = { a->salt };

	ret->ttl_s = a->ttl_s;
	ret->len = 0;
	switch (a->profile->choosing) {
	case CHOOSE_ALL:
		choose(a, &a->rng, 0, a->pool_len, a->pool_len, now_ns, ret);
		break;
	case CHOOSE_SLOT:
		slot.state ^= slot_of(a, now_ns) * 0x9e3779b97f4a7c15ULL;
		choose(a, &slot, 0, a->pool_len, a->answers, now_ns, ret);
		break;
	case CHOOSE_SETS:
		choose_set(a, now_ns, ret);
		break;
	case CHOOSE_SEQUENCE:
		choose_sequence(a, now_ns, ret);
		break;
	case CHOOSE_REUSE:
		choose_reuse(a, now_ns, ret);
		break;
	case CHOOSE_DECOY:
		choose_decoy(a, now_ns, ret);
		break;
	case CHOOSE_HYDRA:
		choose_hydra(a, now_ns, ret);
		break;
	case CHOOSE_LABELS:
		choose_label(a, now_ns, label, ret);
		break;
	case CHOOSE_MOVE:
		choose_move(a, now_ns, ret);
		break;
	case CHOOSE_LOCAL:
		choose_local(a, ret);
		break;
	case CHOOSE_UNIFORM:
	case CHOOSE_FORGED:
		choose(a, &a->rng, 0, a->pool_len, a->answers, now_ns, ret);
		break;
	}
}

static void flux_nameservers(struct authority *a, uint64_t now_ns, const struct dns_name *zone)
{
	char text[DNS_NAME_TEXT_MAX];
	double dwell = (double)a->ns_ttl_s * (1 + 2 * random_unit(&a->rng)) * (double)SECOND_NS;

	dns_name_format(zone, text);
	a->ns_generation++;
	for (uint32_t i = 0; i < a->ns_len; i++) {
		if (a->ns_renames || !a->ns[i].len)
			a->ns[i] = a->ns_kind == NS_FLUX && (a->salt & 1) ?
					   name_make("ns%u.d%s",
						     i + 1 + (a->ns_renames ? a->ns_generation % 97 : 0),
						     text) :
					   name_make("ns%u.%s",
						     i + 1 + (a->ns_renames ? a->ns_generation % 97 : 0),
						     text);
		a->ns_addr[i] = *member(a, random_below(&a->rng, a->pool_len), now_ns);
	}
	a->ns_next_ns = now_ns + (uint64_t)dwell;
}

void authority_nameservers(struct authority *a, uint64_t now_ns, const struct dns_name *zone)
{
	if (a->ns_kind == NS_FLUX && now_ns >= a->ns_next_ns)
		flux_nameservers(a, now_ns, zone);
}

static void init_nameservers(struct authority *a, struct random *r, const struct dns_name *zone,
			     bool shared_zone)
{
	struct provider *host = a->provider && a->provider->ns_len ?
					a->provider :
					world_provider(a->world, r, PLACE_HOSTER);
	char text[DNS_NAME_TEXT_MAX];

	if (shared_zone)
		host = &a->world->providers[PLACE_HOSTER][0];
	a->ns_kind = shared_zone ? NS_PROVIDER : random_chance(r, a->profile->ns_flux) ? NS_FLUX : a->profile->ns;
	a->minimal = random_chance(r, 0.1);
	if (a->ns_kind == NS_FLUX) {
		a->minimal = false; /* this is what the flux needs to be found by */
		a->ns_len = 2 + random_below(r, NS_MAX - 1);
		a->ns_ttl_s = random_count(r, a->profile->glue_ttl_s, a->world->split);
		a->ns_renames = random_chance(r, 0.3);
		return;
	}
	a->ns_len = a->ns_kind == NS_OWN ? 2 : host->ns_len;
	a->ns_ttl_s = 86400;
	dns_name_format(zone, text);
	for (uint32_t i = 0; i < a->ns_len; i++) {
		a->ns[i] = a->ns_kind == NS_OWN ? name_make("ns%u.%s", i + 1, text) : host->ns[i];
		a->ns_addr[i] = a->ns_kind == NS_OWN ? host->addrs[host->per_as ? random_below(r, host->per_as) : 0] :
						       host->ns_addr[i];
	}
}

/* The networks of a pool that no provider of the site holds. */
static int init_ases(struct authority *a, struct random *r)
{
	const struct profile *p = a->profile;
	enum as_kind kind = p->placement == PLACE_CLOUD ? AS_CLOUD :
			    p->placement == PLACE_VPS	? AS_HOSTING :
							  AS_ACCESS;
	uint32_t countries = random_count(r, p->countries, a->world->split);
	const char *country[32] = { NULL };

	a->ases_len = a->networks ? a->networks : 1;
	a->ases = calloc(a->ases_len, sizeof(*a->ases));
	if (!a->ases)
		return -ENOMEM;
	for (uint32_t i = 0; i < countries && i < 32; i++)
		country[i] = net_draw_as(a->world->net, r, kind, a->world->split, NULL)->country;
	for (uint32_t i = 0; i < a->ases_len; i++) {
		const char *from = countries ? country[random_below(r, countries < 32 ? countries : 32)] :
					       NULL;

		a->ases[i] = net_draw_as(a->world->net, r, kind, a->world->split, from);
	}
	return 0;
}

static void draw_parameters(struct authority *a, struct random *r)
{
	const struct profile *p = a->profile;
	enum split split = a->world->split;

	a->pool_len = random_count(r, p->pool, split);
	a->answers = random_count(r, p->answers, split);
	a->ttl_s = random_count(r, p->ttl_s, split);
	a->sets = random_count(r, p->sets, split);
	a->networks = random_count(r, p->networks, split);
	a->slot_ns = (uint64_t)(random_range(r, p->slot_s, split) * (double)SECOND_NS);
	a->life_ns = (uint64_t)(random_range(r, p->life_h, split) * (double)HOUR_NS);
	a->phase_ns = a->slot_ns ? random_u64(r) % a->slot_ns : 0;
	a->v6 = random_chance(r, p->v6);
	a->local_kind = (uint8_t)random_below(r, 4);
	a->sets = a->sets ? a->sets : 1;
	if (p->choosing == CHOOSE_SETS)
		a->pool_len = a->sets * a->answers;
	if (a->pool_len < 1)
		a->pool_len = 1;
	if (p->choosing == CHOOSE_SEQUENCE)
		a->pool_len = a->answers;
}

int authority_init(struct authority *a, const struct profile *profile, struct world *world,
		   struct random *r, const struct dns_name *zone, uint64_t start_ns, bool shared_zone)
{
	*a = (struct authority){ .profile = profile, .world = world };
	a->rng = (struct random){ random_u64(r) };
	a->salt = random_u64(r);
	a->provider = world_provider(world, r, profile->placement);
	a->decoy = world_provider(world, r, PLACE_CDN);
	draw_parameters(a, r);
	if (a->provider) {
		a->provider_span = a->networks < a->provider->ases_len ? a->networks :
									 a->provider->ases_len;
		a->provider_span = a->provider_span ? a->provider_span : 1;
		a->provider_first = random_below(r, a->provider->ases_len);
	}
	if (init_ases(a, r))
		return -ENOMEM;
	if (profile->placement == PLACE_CLOUD)
		a->ases[0] = a->provider->ases[0]; /* a cloud that others of the site use too */
	a->pool = calloc(a->pool_len < REUSE_WINDOW ? REUSE_WINDOW : a->pool_len, sizeof(*a->pool));
	if (!a->pool)
		return -ENOMEM;
	for (uint32_t i = 0; i < a->pool_len; i++) {
		renew(a, &a->pool[i], start_ns);
		if (profile->choosing == CHOOSE_REUSE)
			a->pool[i].uses = i << 8;
	}
	a->next_ns = start_ns;
	init_nameservers(a, r, zone, shared_zone);
	a->ns_next_ns = start_ns;
	return 0;
}

void authority_fini(struct authority *a)
{
	free(a->pool);
	free(a->ases);
}
