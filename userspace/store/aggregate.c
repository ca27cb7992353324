// SPDX-License-Identifier: BSD-2-Clause
#include "store/aggregate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	uint64_t hash;
	int64_t first_s, last_s;
	uint64_t count;
	uint32_t ttl_s;
	uint32_t at; /* of owner, then target or address, then zone if any, in bytes */
	uint16_t type;
	bool has_zone;
	bool has_addr;
};

struct aggregate {
	struct hash_key key;
	struct entry *entries;
	uint32_t *slots; /* index into entries plus one; open addressing, half empty */
	uint8_t *bytes;
	size_t len, max_entries, slots_len, used, max_bytes;
};

int aggregate_new(size_t max_entries, size_t max_bytes, const struct hash_key *key,
		  struct aggregate **ret)
{
	struct aggregate *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	if (!max_entries || max_entries > UINT32_MAX / 4 || max_bytes > UINT32_MAX) {
		free(a);
		return -EINVAL;
	}
	a->key = *key;
	a->max_entries = max_entries;
	a->max_bytes = max_bytes;
	for (a->slots_len = 2; a->slots_len < 2 * max_entries; a->slots_len *= 2)
		;
	a->entries = malloc(max_entries * sizeof(*a->entries));
	a->slots = calloc(a->slots_len, sizeof(*a->slots));
	a->bytes = malloc(max_bytes ? max_bytes : 1);
	if (!a->entries || !a->slots || !a->bytes) {
		aggregate_free(a);
		return -ENOMEM;
	}
	*ret = a;
	return 0;
}

void aggregate_free(struct aggregate *a)
{
	if (!a)
		return;
	free(a->entries);
	free(a->slots);
	free(a->bytes);
	free(a);
}

/* Type, owner, target or address, zone: names end themselves, so no two records look alike. */
struct key_bytes {
	uint8_t b[2 + 3 * DNS_NAME_MAX];
	size_t len;
};

static void put(struct key_bytes *k, const void *bytes, size_t n)
{
	memcpy(k->b + k->len, bytes, n);
	k->len += n;
}

static void make_key(const struct aggregate_record *r, struct key_bytes *k)
{
	k->len = 0;
	put(k, &r->type, sizeof(r->type));
	put(k, r->owner->wire, r->owner->len);
	if (r->addr)
		put(k, r->addr->b, sizeof(r->addr->b));
	else if (r->target)
		put(k, r->target->wire, r->target->len);
	if (r->zone)
		put(k, r->zone->wire, r->zone->len);
}

static bool insert(struct aggregate *a, uint32_t *slot, uint64_t hash, const struct key_bytes *k,
		   const struct aggregate_record *r)
{
	size_t n = k->len - sizeof(r->type);

	if (a->len == a->max_entries || a->max_bytes - a->used < n)
		return false;
	memcpy(a->bytes + a->used, k->b + sizeof(r->type), n);
	a->entries[a->len] = (struct entry){ .hash = hash,
					     .first_s = r->first_s,
					     .last_s = r->last_s,
					     .count = r->count,
					     .ttl_s = r->ttl_s,
					     .at = (uint32_t)a->used,
					     .type = r->type,
					     .has_zone = r->zone,
					     .has_addr = r->addr };
	a->used += n;
	*slot = (uint32_t)++a->len;
	return true;
}

bool aggregate_add(struct aggregate *a, const struct aggregate_record *r)
{
	struct key_bytes k;
	struct entry *e;
	uint64_t hash;
	size_t i;

	make_key(r, &k);
	hash = hash_keyed(&a->key, k.b, k.len);
	for (i = hash & (a->slots_len - 1); a->slots[i]; i = (i + 1) & (a->slots_len - 1)) {
		e = &a->entries[a->slots[i] - 1];
		if (e->hash != hash)
			continue;
		e->count += r->count;
		if (r->ttl_s > e->ttl_s)
			e->ttl_s = r->ttl_s;
		if (r->last_s > e->last_s)
			e->last_s = r->last_s;
		if (r->first_s < e->first_s)
			e->first_s = r->first_s;
		return true;
	}
	return insert(a, &a->slots[i], hash, &k, r);
}

static const uint8_t *take_name(const uint8_t *p, struct dns_name *ret)
{
	size_t len = 0;

	while (p[len])
		len += 1U + p[len];
	ret->len = (uint8_t)++len;
	memcpy(ret->wire, p, len);
	return p + len;
}

bool aggregate_next(const struct aggregate *a, size_t *pos, struct aggregate_names *names,
		    struct aggregate_record *ret)
{
	const struct entry *e;
	const uint8_t *p;

	if (*pos >= a->len)
		return false;
	e = &a->entries[(*pos)++];
	*ret = (struct aggregate_record){ .owner = &names->owner,
					  .type = e->type,
					  .first_s = e->first_s,
					  .last_s = e->last_s,
					  .count = e->count,
					  .ttl_s = e->ttl_s };
	p = take_name(a->bytes + e->at, &names->owner);
	if (e->has_addr) {
		memcpy(names->addr.b, p, sizeof(names->addr.b));
		ret->addr = &names->addr;
		p += sizeof(names->addr.b);
	} else {
		p = take_name(p, &names->target);
		ret->target = &names->target;
	}
	if (e->has_zone) {
		take_name(p, &names->zone);
		ret->zone = &names->zone;
	}
	return true;
}

void aggregate_clear(struct aggregate *a)
{
	if (a->len)
		memset(a->slots, 0, a->slots_len * sizeof(*a->slots));
	a->len = a->used = 0;
}

size_t aggregate_len(const struct aggregate *a)
{
	return a->len;
}

bool aggregate_is_nearly_full(const struct aggregate *a)
{
	return a->len >= a->max_entries / 4 * 3 || a->used >= a->max_bytes / 4 * 3;
}
