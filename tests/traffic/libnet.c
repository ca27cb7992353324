// SPDX-License-Identifier: BSD-2-Clause
/* The AS table: load, look up, draw. Writing tables is in libnet_write.c. */
#include "libnet.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AS_SLOTS (1U << 18)

struct prefix {
	struct ip_addr start, end;
	uint32_t asn;
	uint32_t as; /* index of the AS */
	bool v4;
};

struct net {
	struct prefix *prefixes; /* by start */
	size_t prefixes_len, prefixes_cap;
	uint32_t *by_as; /* prefix indices, by AS, v4 before v6 */
	struct as_info *systems;
	uint32_t *slots; /* AS number to index + 1 */
	size_t systems_len;
	uint32_t *kinds[AS_KINDS]; /* AS indices of a kind, largest first */
	size_t kinds_len[AS_KINDS];
};

static bool has_word(const char *name, const char *const *words)
{
	char lower[64];
	size_t n = 0;

	for (; name[n] && n < sizeof(lower) - 1; n++)
		lower[n] = (char)tolower((unsigned char)name[n]);
	lower[n] = 0;
	for (; *words; words++)
		if (strstr(lower, *words))
			return true;
	return false;
}

static enum as_kind classify(const char *name)
{
	static const char *const cdn[] = { "akamai", "cloudflare", "fastly", "google", "edgecast",
					   "limelight", "cdn", NULL };
	static const char *const cloud[] = { "amazon", "microsoft", "oracle", "alibaba",
					     "tencent", "cloud ", NULL };
	static const char *const hosting[] = { "host", "ovh", "hetzner", "digitalocean", "linode",
					       "vultr", "choopa", "contabo", "leaseweb", "server",
					       "reg.ru", "selectel", "vps", "data cent", "datacent",
					       "colo", "ionos", "godaddy", "namecheap", "cloud",
					       NULL };

	if (has_word(name, cdn))
		return AS_CDN;
	if (has_word(name, cloud))
		return AS_CLOUD;
	return has_word(name, hosting) ? AS_HOSTING : AS_ACCESS;
}

static int add_prefix(struct net *net, const struct prefix *p)
{
	if (net->prefixes_len == net->prefixes_cap) {
		size_t cap = net->prefixes_cap ? net->prefixes_cap * 2 : 4096;
		struct prefix *grown = realloc(net->prefixes, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		net->prefixes = grown;
		net->prefixes_cap = cap;
	}
	net->prefixes[net->prefixes_len++] = *p;
	return 0;
}

/* The AS numbered @asn, new when it has not been met; found through an open-addressed index. */
static int as_for(struct net *net, uint32_t asn, const char *name, const char *country,
		  uint32_t *ret)
{
	uint32_t slot = (uint32_t)hash_mix(asn) & (AS_SLOTS - 1);

	while (net->slots[slot] && net->systems[net->slots[slot] - 1].asn != asn)
		slot = (slot + 1) & (AS_SLOTS - 1);
	if (!net->slots[slot]) {
		if (net->systems_len == AS_SLOTS / 2)
			return -E2BIG;
		net->systems[net->systems_len] =
			(struct as_info){ .asn = asn, .kind = classify(name) };
		snprintf(net->systems[net->systems_len].country, 3, "%.2s", country);
		net->slots[slot] = (uint32_t)++net->systems_len;
	}
	*ret = net->slots[slot] - 1;
	return 0;
}

static int parse_line(struct net *net, char *line)
{
	char *field[5] = { 0 };
	struct prefix p = { 0 };
	size_t n = 0;

	for (char *save = NULL, *f = strtok_r(line, ",\r\n", &save); f && n < 5;
	     f = strtok_r(NULL, ",\r\n", &save))
		field[n++] = f;
	if (n < 4 || ip_parse(field[0], &p.start) || ip_parse(field[1], &p.end))
		return -EBADMSG;
	p.asn = (uint32_t)strtoul(field[2], NULL, 10);
	p.v4 = ip_is_v4(&p.start);
	if (!p.asn || as_for(net, p.asn, field[3], n > 4 ? field[4] : "", &p.as))
		return -EBADMSG;
	return add_prefix(net, &p);
}

static uint32_t v4_value(const struct ip_addr *a)
{
	return (uint32_t)a->b[12] << 24 | (uint32_t)a->b[13] << 16 | (uint32_t)a->b[14] << 8 |
	       a->b[15];
}

static int compare_start(const void *a, const void *b)
{
	return memcmp(((const struct prefix *)a)->start.b, ((const struct prefix *)b)->start.b, 16);
}

static int compare_as(const void *a, const void *b, void *ctx)
{
	const struct net *net = ctx;
	const struct prefix *x = &net->prefixes[*(const uint32_t *)a];
	const struct prefix *y = &net->prefixes[*(const uint32_t *)b];

	if (x->as != y->as)
		return x->as < y->as ? -1 : 1;
	if (x->v4 != y->v4)
		return x->v4 ? -1 : 1;
	return memcmp(x->start.b, y->start.b, 16);
}

static int compare_size(const void *a, const void *b, void *ctx)
{
	const struct net *net = ctx;
	const struct as_info *x = &net->systems[*(const uint32_t *)a];
	const struct as_info *y = &net->systems[*(const uint32_t *)b];

	if (x->v4_addresses != y->v4_addresses)
		return x->v4_addresses > y->v4_addresses ? -1 : 1;
	return x->asn < y->asn ? -1 : 1;
}

static int index_kinds(struct net *net)
{
	for (int k = 0; k < AS_KINDS; k++) {
		net->kinds[k] = calloc(net->systems_len + 1, sizeof(uint32_t));
		if (!net->kinds[k])
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < net->systems_len; i++) {
		const struct as_info *as = &net->systems[i];

		if (as->v4_len)
			net->kinds[as->kind][net->kinds_len[as->kind]++] = i;
	}
	for (int k = 0; k < AS_KINDS; k++)
		qsort_r(net->kinds[k], net->kinds_len[k], sizeof(uint32_t), compare_size, net);
	return 0;
}

static int index_net(struct net *net)
{
	qsort(net->prefixes, net->prefixes_len, sizeof(*net->prefixes), compare_start);
	net->by_as = calloc(net->prefixes_len + 1, sizeof(uint32_t));
	if (!net->by_as)
		return -ENOMEM;
	for (size_t i = 0; i < net->prefixes_len; i++)
		net->by_as[i] = (uint32_t)i;
	qsort_r(net->by_as, net->prefixes_len, sizeof(uint32_t), compare_as, net);
	for (size_t i = 0; i < net->prefixes_len; i++) {
		const struct prefix *p = &net->prefixes[net->by_as[i]];
		struct as_info *as = &net->systems[p->as];

		if (p->v4) {
			if (!as->v4_len++)
				as->v4_first = i;
			as->v4_addresses += (uint64_t)v4_value(&p->end) - v4_value(&p->start) + 1;
		} else if (!as->v6_len++) {
			as->v6_first = i;
		}
	}
	return index_kinds(net);
}

int net_load(const char *path, struct net **ret)
{
	struct net *net = calloc(1, sizeof(*net));
	FILE *f = net ? fopen(path, "re") : NULL;
	char line[512];
	int err = !net ? -ENOMEM : f ? 0 : -errno;

	if (!err) {
		net->systems = calloc(AS_SLOTS / 2, sizeof(*net->systems));
		net->slots = calloc(AS_SLOTS, sizeof(*net->slots));
		err = net->systems && net->slots ? 0 : -ENOMEM;
	}
	for (size_t n = 1; !err && fgets(line, sizeof(line), f); n++) {
		err = parse_line(net, line);
		if (err)
			fprintf(stderr, "%s:%zu: not start,end,asn,name[,country]\n", path, n);
	}
	if (f)
		fclose(f);
	if (!err)
		err = index_net(net);
	for (int k = 0; !err && k < AS_KINDS; k++)
		if (net->kinds_len[k] < 4) {
			fprintf(stderr, "%s: fewer than four networks of kind %d\n", path, k);
			err = -EBADMSG;
		}
	if (err) {
		net_free(net);
		return err;
	}
	*ret = net;
	return 0;
}

void net_free(struct net *net)
{
	if (!net)
		return;
	for (int k = 0; k < AS_KINDS; k++)
		free(net->kinds[k]);
	free(net->prefixes);
	free(net->by_as);
	free(net->systems);
	free(net->slots);
	free(net);
}

const struct as_info *net_lookup(const struct net *net, const struct ip_addr *addr)
{
	size_t lo = 0, hi = net->prefixes_len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(net->prefixes[mid].start.b, addr->b, 16) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || memcmp(net->prefixes[lo - 1].end.b, addr->b, 16) < 0)
		return NULL;
	return &net->systems[net->prefixes[lo - 1].as];
}

size_t net_as_count(const struct net *net, enum as_kind kind)
{
	return net->kinds_len[kind];
}

/* Half of the access and hosting networks are for training. CDNs and clouds are too few. */
static bool as_in_split(const struct as_info *as, enum split split)
{
	if (as->kind == AS_CDN || as->kind == AS_CLOUD)
		return true;
	return (hash_mix(as->asn) & 1) == (split == SPLIT_TEST);
}

const struct as_info *net_draw_as(const struct net *net, struct random *r, enum as_kind kind,
				  enum split split, const char *country)
{
	const struct as_info *as = NULL;
	size_t n = net->kinds_len[kind];

	for (int tries = 0; tries < 400; tries++) {
		double u = random_unit(r);
		/* rank by u^2: density falls as 1/sqrt(rank), near the head of real AS sizes */
		const struct as_info *drawn = &net->systems[net->kinds[kind][(size_t)(u * u *
										      (double)n)]];

		if (!as_in_split(drawn, split))
			continue;
		as = drawn;
		if (!country || !strcmp(as->country, country))
			return as;
	}
	return as ? as : &net->systems[net->kinds[kind][0]];
}

struct ip_addr net_draw_v4(const struct net *net, struct random *r, const struct as_info *as)
{
	uint64_t at = random_u64(r) % as->v4_addresses;

	for (size_t i = 0; i < as->v4_len; i++) {
		const struct prefix *p = &net->prefixes[net->by_as[as->v4_first + i]];
		uint64_t size = (uint64_t)v4_value(&p->end) - v4_value(&p->start) + 1;

		if (at < size) {
			uint32_t v = v4_value(&p->start) + (uint32_t)at;
			uint8_t host = (uint8_t)v;
			uint8_t b[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
					 host };

			if (host == 0 || host == 255) /* most often no host */
				b[3] = (uint8_t)(1 + random_below(r, 254));
			return ip_from_v4(b);
		}
		at -= size;
	}
	return (struct ip_addr){ { 0 } };
}

struct ip_addr net_draw_v6(const struct net *net, struct random *r, const struct as_info *as)
{
	const struct prefix *p;
	struct ip_addr a;
	uint64_t bits = random_u64(r), host = random_u64(r);
	bool free_bits = false;

	if (!as->v6_len)
		return net_draw_v4(net, r, as);
	p = &net->prefixes[net->by_as[as->v6_first + random_below(r, (uint32_t)as->v6_len)]];
	a = p->start;
	for (int i = 0; i < 8; i++) { /* up to the /64; bits that differ in start and end are free */
		uint8_t mask = free_bits ? 0xff : (uint8_t)(p->start.b[i] ^ p->end.b[i]);

		a.b[i] = (uint8_t)((p->start.b[i] & ~mask) | (bits >> (8 * i) & mask));
		free_bits = free_bits || mask;
	}
	for (int i = 8; i < 16; i++)
		a.b[i] = (uint8_t)(host >> (8 * (i - 8)));
	return a;
}
