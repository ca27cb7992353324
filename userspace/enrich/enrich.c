// SPDX-License-Identifier: BSD-2-Clause
/* Sources in order behind one direct-mapped cache, if they need one; misses are cached as well. */
#include "enrich/enrich.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "enrich/source.h"

#define CACHE_SLOTS 65536U /* x 24 bytes: 1.5 MiB, an address a slot */

struct cached {
	struct ip_addr addr; /* all zero: free; "::" itself is never looked up */
	uint32_t asn;
	char country[3];
	bool known;
};
_Static_assert(sizeof(struct cached) == 24, "a cache slot is 24 bytes");

struct enrich {
	struct enrich_source **sources;
	size_t sources_len;
	struct hash_key key;
	struct cached *cache;
};

void enrich_copy(char *buf, size_t len, const char *text, size_t text_len)
{
	size_t n = text_len < len ? text_len : len - 1;

	memcpy(buf, text, n);
	buf[n] = '\0';
}

static int source_open(const char *text, struct enrich_source **ret)
{
	int err;

	if (strncmp(text, "csv:", 4) == 0)
		return enrich_csv_open(text + 4, ret);
	if (strncmp(text, "mmdb:", 5) == 0)
		return enrich_mmdb_open(text + 5, ret);
	if (strcmp(text, "libloc") != 0) {
		log_error("enrich.asn: \"%s\" is none of libloc, mmdb:FILE, csv:FILE", text);
		return -EINVAL;
	}
	err = enrich_libloc_open(ret);
	if (err == -ENOENT) {
		log_warn("enrich.asn: no libloc database (package libloc-database): "
			 "networks stand in for AS numbers");
		return 0;
	}
	return err;
}

int enrich_open(const char *const *sources, size_t n, struct enrich **ret_enrich)
{
	struct enrich *e = calloc(1, sizeof(*e));
	int err = -ENOMEM;

	if (!e)
		return -ENOMEM;
	hash_key_random(&e->key);
	e->cache = calloc(CACHE_SLOTS, sizeof(*e->cache));
	e->sources = calloc(n + 1, sizeof(struct enrich_source *));
	if (!e->cache || !e->sources)
		goto err_close;
	for (size_t i = 0; i < n; i++) {
		struct enrich_source *s = NULL;

		err = source_open(sources[i], &s);
		if (err)
			goto err_close;
		if (s)
			e->sources[e->sources_len++] = s;
	}
	*ret_enrich = e;
	return 0;

err_close:
	enrich_close(e);
	return err;
}

void enrich_close(struct enrich *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->sources_len; i++)
		e->sources[i]->ops->close(e->sources[i]);
	free(e->sources);
	free(e->cache);
	free(e);
}

static void look_up(struct enrich *e, const struct ip_addr *addr, struct cached *ret)
{
	struct origin origin = { 0 };

	memset(ret, 0, sizeof(*ret));
	ret->addr = *addr;
	for (size_t i = 0; i < e->sources_len && !ret->known; i++)
		ret->known = e->sources[i]->ops->lookup(e->sources[i], addr, &origin);
	if (!ret->known)
		return;
	ret->asn = origin.asn;
	memcpy(ret->country, origin.country, sizeof(ret->country));
}

void enrich_expect(const struct enrich *e, const struct ip_addr *addr)
{
	const struct enrich_source *s = e->sources_len ? e->sources[0] : NULL;

	if (s && s->quick && s->ops->expect)
		s->ops->expect(s, addr);
}

bool enrich_lookup(struct enrich *e, const struct ip_addr *addr, struct origin *ret)
{
	uint64_t hi, lo, h;
	struct cached *c;

	memset(ret, 0, sizeof(*ret));
	memcpy(&hi, addr->b, 8);
	memcpy(&lo, addr->b + 8, 8);
	if (!(hi | lo))
		return false;
	if (e->sources_len && e->sources[0]->quick) {
		if (e->sources[0]->ops->lookup(e->sources[0], addr, ret))
			return true;
		memset(ret, 0, sizeof(*ret));
		if (e->sources_len == 1)
			return false;
	}
	/* a sender who finds collisions only makes look-ups uncached, never wrong */
	h = hash_mix(hash_mix(hi ^ e->key.k0) + (lo ^ e->key.k1));
	c = &e->cache[h % CACHE_SLOTS];
	if (!ip_equal(&c->addr, addr))
		look_up(e, addr, c);
	ret->asn = c->asn;
	memcpy(ret->country, c->country, sizeof(ret->country));
	return c->known;
}

const char *enrich_as_name(struct enrich *e, uint32_t asn, char *buf, size_t len)
{
	for (size_t i = 0; i < e->sources_len; i++)
		if (e->sources[i]->ops->as_name(e->sources[i], asn, buf, len))
			return buf;
	buf[0] = '\0';
	return buf;
}

bool enrich_has_asn(const struct enrich *e)
{
	return e->sources_len > 0;
}
