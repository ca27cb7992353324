// SPDX-License-Identifier: BSD-2-Clause
/* The population of a site and its event loop. Resolvers and messages are in libresolve.c. */
#include "libsite_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What ordinary names are, out of 100. */
struct share {
	const char *id;
	unsigned int of_100;
};

static const struct share ordinary[] = { { "B0", 34 }, { "B1", 22 }, { "B3", 12 }, { "B2", 8 },
					 { "B5", 8 },  { "B4", 5 },  { "B6", 4 },  { "B7", 3 },
					 { "B13", 2 }, { "B19", 2 } };

/* Most of the web: one or two addresses of a hosting company that never change. */
static const struct profile ordinary_static = {
	.id = "B0", .title = "ordinary static", .choosing = CHOOSE_ALL, .placement = PLACE_HOSTER,
	.pool = { 1, 2 }, .answers = { 1, 2 }, .ttl_s = { 60, 86400 }, .networks = { 1, 1 },
	.clients = { 1, 40 }, .connects = 0.7, .fail = { 0, 0.02 }, .known = 0.9,
	.ports = { 443, 80 }
};

static const struct profile *draw_ordinary(struct random *r)
{
	unsigned int at = random_below(r, 100);
	size_t i = 0;

	while (at >= ordinary[i].of_100)
		at -= ordinary[i++].of_100;
	return i ? profile_find(ordinary[i].id) : &ordinary_static;
}

/* --- the heap of what happens next ------------------------------------------------------------ */

static bool before(const struct happening *a, const struct happening *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->seq < b->seq;
}

int site_push(struct site *s, struct happening h)
{
	size_t i = s->heap_len;

	if (s->heap_len == s->heap_cap) {
		size_t cap = s->heap_cap ? s->heap_cap * 2 : 4096;
		struct happening *grown = realloc(s->heap, cap * sizeof(*grown));

		if (!grown)
			return s->err = -ENOMEM;
		s->heap = grown;
		s->heap_cap = cap;
	}
	h.seq = s->seq++;
	s->heap_len++;
	for (; i && before(&h, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = h;
	return 0;
}

static struct happening pop(struct site *s)
{
	struct happening top = s->heap[0], last = s->heap[--s->heap_len];
	size_t i = 0;

	for (size_t child; (child = 2 * i + 1) < s->heap_len; i = child) {
		if (child + 1 < s->heap_len && before(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!before(&s->heap[child], &last))
			break;
		s->heap[i] = s->heap[child];
	}
	s->heap[i] = last;
	return top;
}

/* --- population ------------------------------------------------------------------------------- */

static void name_instance(struct site *s, struct instance *in, struct random *r)
{
	const char *id = in->profile->id;
	char text[DNS_NAME_TEXT_MAX];
	char lower[8] = { 0 };

	for (size_t i = 0; id[i] && i < sizeof(lower) - 1; i++)
		lower[i] = id[i] == 'B' ? 'b' : id[i] == 'M' ? 'm' : id[i];
	in->owns_zone = !in->profile->shared_zone || random_chance(r, 0.3);
	in->zone = in->owns_zone ? name_make("%s%s-%u-s%u.example", in->background ? "n" : "", lower,
					     in->index, s->cfg.index) :
				   name_make("pool-%s-s%u.example", lower, s->cfg.index);
	dns_name_format(&in->zone, text);
	for (size_t i = 0; i < in->names_len; i++) {
		if (in->profile->shared_zone)
			in->names[i] = in->names_len > 1 ?
					       name_make("%zu.z%u.%s", i, in->index, text) :
					       name_make("h%u.%s", in->index, text);
		else if (in->names_len > 1 && in->profile->malicious) /* siblings, not hosts */
			in->names[i] = name_make("%s-%u-%zu-s%u.example", lower, in->index, i,
						 s->cfg.index);
		else
			in->names[i] = in->names_len > 1 ? name_make("%zu.%s", i, text) :
							   name_make("www.%s", text);
	}
}

/* The chain ends below the provider's domain, or below a young one of the instance's own. */
static void name_chain(struct site *s, struct instance *in, struct random *r)
{
	const struct provider *p = in->authority.provider;
	char text[DNS_NAME_TEXT_MAX];

	in->chain_len = random_count(r, in->profile->cnames, s->cfg.split);
	if (in->chain_len > 4)
		in->chain_len = 4;
	if (p)
		dns_name_format(&p->domain, text);
	for (uint32_t i = 0; i < in->chain_len; i++)
		in->chain[i] = p ? name_make("c%u.i%u.%s", i, in->index, text) :
				   name_make("c%u.t%u-s%u.example", i, in->index, s->cfg.index);
	if (in->chain_len)
		in->chain_zone = p ? p->domain : dns_name_parent(&in->chain[0], 1);
	in->owner = in->chain_len ? in->chain[in->chain_len - 1] : in->names[0];
}

static void draw_port(struct instance *in, struct random *r)
{
	uint32_t n = 1;

	while (n < PORTS_MAX && in->profile->ports[n])
		n++;
	/* web traffic is mostly on the first; others spread evenly */
	in->port = in->profile->ports[random_chance(r, 0.6) ? 0 : random_below(r, n)];
}

/* When an instance is there: known ones always, others from some time in the counted span on. */
static void draw_span(struct site *s, struct instance *in, struct random *r)
{
	uint64_t counted = site_counted_ns(s);
	uint64_t span = (uint64_t)(s->cfg.hours * (double)HOUR_NS);

	in->known = random_chance(r, in->profile->known) && s->cfg.warm_days > 0;
	in->aged = in->known && in->profile->malicious;
	in->start_ns = counted + random_u64(r) % (2 * HOUR_NS);
	in->end_ns = in->start_ns + span;
	if (in->background && !in->known) /* new ordinary names appear every day */
		in->start_ns = SITE_EPOCH_NS + random_u64(r) % (counted - SITE_EPOCH_NS + span);
	in->from_ns = in->known ? SITE_EPOCH_NS + random_u64(r) % HOUR_NS : in->start_ns;
}

static int init_instance(struct site *s, struct instance *in, const struct profile *profile,
			 uint32_t index, bool background)
{
	uint64_t class = hash_mix((uint64_t)profile->id[0] << 32 |
				  (uint64_t)strtoul(profile->id + 1, NULL, 10));
	struct random r = random_stream(s->cfg.seed, class ^ background, s->cfg.index, index);
	int err;

	*in = (struct instance){ .profile = profile, .index = index, .background = background };
	in->names_len = random_count(&r, profile->names, s->cfg.split);
	in->names_len = in->names_len ? in->names_len : 1;
	in->names = calloc(in->names_len, sizeof(*in->names));
	in->cached = calloc(in->names_len * s->resolvers_len * CACHES_MAX, sizeof(*in->cached));
	if (!in->names || !in->cached)
		return -ENOMEM;
	name_instance(s, in, &r);
	draw_span(s, in, &r);
	err = authority_init(&in->authority, profile, &s->world, &r, &in->zone, in->from_ns,
			     !in->owns_zone);
	if (err)
		return err;
	if (profile->choosing == CHOOSE_MOVE)
		in->authority.move_ns = site_counted_ns(s) + random_u64(&r) % (20 * HOUR_NS);
	name_chain(s, in, &r);
	draw_port(in, &r);
	in->clients = random_count(&r, profile->clients, s->cfg.split);
	in->first_client = random_below(&r, CLIENTS);
	in->queries_h = background ? 0.3 * pow(8 / 0.3, random_unit(&r)) :
				     random_range(&r, profile->queries_h, s->cfg.split) * s->cfg.rate;
	in->fail = random_range(&r, profile->fail, s->cfg.split);
	in->peers = random_count(&r, profile->peers, s->cfg.split);
	in->beacon = random_chance(&r, profile->beacon);
	in->agents = random_chance(&r, 0.3);
	in->rng = (struct random){ random_u64(&r) };
	return 0;
}

static bool is_chosen(const struct site_config *cfg, const char *id)
{
	size_t len = strlen(id);

	for (const char *at = cfg->classes; at && *at; at += strcspn(at, ","), at += *at == ',')
		if (!strncmp(at, id, len) && (at[len] == ',' || !at[len]))
			return true;
	return !cfg->classes;
}

static int populate_table(struct site *s, const struct profile *table, size_t len)
{
	int err = 0;

	for (size_t c = 0; c < len; c++)
		for (uint32_t i = 0; !err && is_chosen(&s->cfg, table[c].id) && i < s->cfg.per_class;
		     i++)
			err = init_instance(s, &s->instances[s->instances_len++], &table[c], i,
					    false);
	return err;
}

static int populate(struct site *s)
{
	size_t max = (profiles_benign_len + profiles_malicious_len) * s->cfg.per_class +
		     s->cfg.background;
	struct random r = random_stream(s->cfg.seed, 0x6f726469, s->cfg.index, 0);
	int err;

	s->instances = calloc(max + 1, sizeof(*s->instances));
	if (!s->instances)
		return -ENOMEM;
	err = populate_table(s, profiles_benign, profiles_benign_len);
	if (!err)
		err = populate_table(s, profiles_malicious, profiles_malicious_len);
	for (uint32_t i = 0; !err && i < s->cfg.background; i++)
		err = init_instance(s, &s->instances[s->instances_len++], draw_ordinary(&r), i, true);
	return err;
}

static int start_instances(struct site *s)
{
	for (uint32_t i = 0; i < s->instances_len; i++) {
		struct instance *in = &s->instances[i];

		in->ask_ns = in->from_ns;
		if (site_push(s, (struct happening){ .time_ns = in->from_ns, .instance = i }))
			return s->err;
	}
	if (s->cfg.flood_per_h > 0)
		site_push(s, (struct happening){ .time_ns = site_counted_ns(s), .kind = HAPPENS_FLOOD });
	return site_push(s, (struct happening){ .time_ns = SITE_EPOCH_NS, .kind = HAPPENS_TICK });
}

int site_new(const struct site_config *cfg, struct site **ret)
{
	struct site *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->cfg = *cfg;
	s->rng = random_stream(cfg->seed, 0x73697465, cfg->index, 0);
	s->resolvers_len = 1 + random_below(&s->rng, RESOLVERS_MAX);
	for (uint32_t i = 0; i < s->resolvers_len; i++) {
		uint8_t v4[4] = { 10, (uint8_t)cfg->index, 255, (uint8_t)(53 + i) };

		s->resolvers[i] = (struct resolver){
			.addr = ip_from_v4(v4),
			.caches = 1 + random_below(&s->rng, 2),
			.min_ttl_s = random_chance(&s->rng, 0.2) ? 60 : 0,
			.stale = random_chance(&s->rng, 0.3) ? 0.005 : 0,
		};
	}
	err = world_init(&s->world, cfg->net, cfg->seed, cfg->index, cfg->split);
	if (!err)
		err = populate(s);
	if (!err)
		err = start_instances(s);
	if (err) {
		site_free(s);
		return err;
	}
	*ret = s;
	return 0;
}

void site_free(struct site *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->instances_len; i++) {
		struct instance *in = &s->instances[i];
		size_t n = in->cached ? in->names_len * s->resolvers_len * CACHES_MAX : 0;

		for (size_t c = 0; c < n; c++)
			free(in->cached[c]);
		free(in->cached);
		free(in->names);
		authority_fini(&in->authority);
	}
	free(s->instances);
	free(s->heap);
	world_fini(&s->world);
	free(s);
}

/* --- the clock -------------------------------------------------------------------------------- */

static double rate_at(const struct site *s, const struct instance *in, uint64_t now_ns)
{
	double rate = in->queries_h;

	if (!in->background && now_ns < in->start_ns)
		rate = rate * s->cfg.warm_rate > 0.5 ? rate * s->cfg.warm_rate : 0.5;
	return rate;
}

static void ask_again(struct site *s, struct instance *in, struct happening h)
{
	double mean = 3600e9 / rate_at(s, in, h.time_ns);
	double gap = in->beacon ? mean * (0.95 + 0.1 * random_unit(&in->rng)) :
				  random_exp(&in->rng, mean);
	uint64_t next = h.time_ns + (uint64_t)gap + 1;

	if (h.time_ns < in->start_ns && next > in->start_ns && !in->background)
		next = in->start_ns; /* the counted span begins with a question */
	if (next < in->end_ns)
		site_push(s, (struct happening){ .time_ns = next, .instance = h.instance });
}

static void happen(struct site *s, struct happening h)
{
	struct instance *in = &s->instances[h.instance];

	switch (h.kind) {
	case HAPPENS_QUERY:
		site_query(s, in, h.time_ns);
		ask_again(s, in, h);
		break;
	case HAPPENS_CONNECT:
		site_connect(s, in, &h);
		break;
	case HAPPENS_FLOOD:
		site_flood(s, h.time_ns);
		h.time_ns += (uint64_t)random_exp(&s->rng, 3600e9 / s->cfg.flood_per_h) + 1;
		if (h.time_ns < site_end_ns(s))
			site_push(s, h);
		break;
	case HAPPENS_TICK:
		if (s->ops->tick)
			s->ops->tick(s->ctx, h.time_ns);
		h.time_ns += 60 * SECOND_NS;
		if (h.time_ns <= site_end_ns(s))
			site_push(s, h);
		break;
	}
}

int site_run(struct site *s, const struct site_ops *ops, void *ctx)
{
	s->ops = ops;
	s->ctx = ctx;
	while (s->heap_len && !s->err)
		happen(s, pop(s));
	return s->err;
}

size_t site_instances(const struct site *s, const struct instance **ret)
{
	*ret = s->instances;
	return s->instances_len;
}

uint64_t site_counted_ns(const struct site *s)
{
	return SITE_EPOCH_NS + (uint64_t)(s->cfg.warm_days * (double)DAY_NS);
}

uint64_t site_end_ns(const struct site *s)
{
	return site_counted_ns(s) + (uint64_t)((s->cfg.hours + 2) * (double)HOUR_NS);
}
