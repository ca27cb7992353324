// SPDX-License-Identifier: BSD-2-Clause
#include "correlate/mapping.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/table.h"

#define HUGE_BYTES (2UL << 20)
#define CHECK_NS                                                                        \
	1000000000ULL /* a name is looked whether it is still there, at most this often \
		       */
#define TOUCH_NS 60000000000ULL /* a name in use is marked as such this often */

struct address {
	uint64_t key;
	uint32_t first;
	uint32_t count;
};

struct mappings {
	struct hash_key key, address_key;
	struct table *addresses, *names;
	uint64_t *renamed; /* numbers of names that stood for another one before, one bit each */
	struct mapping *pool;
	size_t pool_len, pool_high; /* from pool_high on they were never used */
	uint32_t spare; /* list of those given back */
	size_t sweep; /* where the next address to give way is looked for */
	uint64_t evicted; /* addresses for want of mappings, mappings of full addresses */
};

static void give_back(struct mappings *m, uint32_t at)
{
	m->pool[at].next = m->spare;
	m->spare = at;
}

static void address_evict(void *ctx, void *entry)
{
	struct mappings *m = ctx;
	struct address *a = entry;

	if (!a->count)
		return;
	for (uint32_t at = a->first, next; at != MAPPING_NONE; at = next) {
		next = m->pool[at].next;
		give_back(m, at);
	}
}

static void name_evict(void *ctx, void *entry)
{
	struct mappings *m = ctx;
	uint32_t at = table_number(m->names, entry);

	m->renamed[at / 64] |= 1ULL << at % 64;
}

/* Filled from its beginning, so that huge pages come one by one as they are needed. */
static struct mapping *new_pool(size_t bytes)
{
	void *pool;

	if (bytes < HUGE_BYTES)
		return aligned_alloc(sizeof(struct mapping), bytes);
	bytes = (bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
	pool = aligned_alloc(HUGE_BYTES, bytes);
	if (pool)
		madvise(pool, bytes, MADV_HUGEPAGE);
	return pool;
}

int mappings_new(size_t max_addresses, size_t max_mappings, size_t max_names,
		 const struct hash_key *key, struct mappings **ret)
{
	struct mappings *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->key = *key;
	m->address_key = hash_key_derive(key, "mapping");
	/* one address at its fullest must never exhaust the pool */
	m->pool_len =
		max_mappings > 2 * MAPPING_ADDRESS_MAX ? max_mappings : 2 * MAPPING_ADDRESS_MAX;
	m->pool = new_pool(m->pool_len * sizeof(*m->pool));
	if (!m->pool ||
	    table_new(sizeof(struct address), max_addresses, address_evict, m, &m->addresses) ||
	    table_new(sizeof(struct mapping_name), max_names, name_evict, m, &m->names)) {
		mappings_free(m);
		return -ENOMEM;
	}
	m->renamed = calloc(table_capacity(m->names) / 64 + 1, sizeof(*m->renamed));
	if (!m->renamed) {
		mappings_free(m);
		return -ENOMEM;
	}
	m->spare = MAPPING_NONE;
	*ret = m;
	return 0;
}

void mappings_free(struct mappings *m)
{
	if (!m)
		return;
	table_drop(m->addresses); /* their mappings go with the pool */
	table_drop(m->names);
	free(m->renamed);
	free(m->pool);
	free(m);
}

static uint64_t nonzero(uint64_t key)
{
	return key ? key : 1;
}

uint64_t mappings_name_key(const struct mappings *m, const struct dns_observation *obs,
			   const struct dns_name *name)
{
	return dns_observation_hash(obs, &m->key, name);
}

static uint64_t address_key(const struct mappings *m, const struct ip_addr *addr)
{
	return nonzero(hash_address(&m->address_key, addr->b));
}

static uint32_t keep_name(struct mappings *m, uint64_t key, const struct dns_name *name)
{
	struct mapping_name *n;
	bool is_new;

	n = table_put(m->names, key, &is_new);
	if (is_new) {
		n->name.len = name->len;
		memcpy(n->name.wire, name->wire, name->len);
	}
	return table_number(m->names, n);
}

static void keep_names(struct mappings *m, struct mapping *p, const struct mapping_answer *a)
{
	p->owner = keep_name(m, a->owner_key, a->owner);
	p->query = a->query_key == a->owner_key ? p->owner : keep_name(m, a->query_key, a->query);
}

static const struct dns_name *kept_name(const struct mappings *m, uint32_t at, uint64_t key)
{
	const struct mapping_name *n = table_at(m->names, at);

	return n->key == key ? &n->name : NULL;
}

const struct dns_name *mappings_owner(const struct mappings *m, const struct mapping *p)
{
	return kept_name(m, p->owner, p->owner_key);
}

const struct dns_name *mappings_query(const struct mappings *m, const struct mapping *p)
{
	return kept_name(m, p->query, p->query_key);
}

static bool is_kept(const struct mappings *m, uint32_t at, uint64_t key)
{
	/* the name itself is far away */
	return !(m->renamed[at / 64] >> at % 64 & 1) || kept_name(m, at, key);
}

/* Take one from the pool; other addresses give way when it is empty. */
static uint32_t take(struct mappings *m, const struct address *not_this)
{
	uint32_t at;

	if (m->spare == MAPPING_NONE && m->pool_high < m->pool_len)
		return (uint32_t)m->pool_high++;
	while (m->spare == MAPPING_NONE) {
		struct address *a = table_next(m->addresses, &m->sweep);

		if (!a) {
			m->sweep = 0;
		} else if (a != not_this) {
			table_remove(m->addresses, a);
			m->evicted++;
		}
	}
	at = m->spare;
	m->spare = m->pool[at].next;
	return at;
}

/* Unhook the mapping of @a whose last answer is oldest, for use anew. */
static uint32_t oldest_of(struct mappings *m, struct address *a)
{
	uint32_t *link = &a->first, *oldest = link, at;

	for (; *link != MAPPING_NONE; link = &m->pool[*link].next)
		if (m->pool[*link].last_ns < m->pool[*oldest].last_ns)
			oldest = link;
	at = *oldest;
	*oldest = m->pool[at].next;
	a->count--;
	m->evicted++;
	return at;
}

static struct mapping *add(struct mappings *m, struct address *a, const struct mapping_answer *ans)
{
	uint32_t at = a->count == MAPPING_ADDRESS_MAX ? oldest_of(m, a) : take(m, a);
	struct mapping *p = &m->pool[at];

	*p = (struct mapping){
		.key = ans->key,
		.owner_key = ans->owner_key,
		.query_key = ans->query_key,
		.first_ns = ans->time_ns,
		.last_ns = ans->time_ns,
		.before_ns = ans->time_ns,
		.ttl_s = ans->ttl_s,
		.next = a->count ? a->first : MAPPING_NONE,
	};
	keep_names(m, p, ans);
	a->first = at;
	a->count++;
	return p;
}

static void renew(struct mappings *m, struct mapping *p, const struct mapping_answer *a)
{
	if (a->time_ns > p->last_ns + TOUCH_NS ||
	    (a->time_ns > p->last_ns + CHECK_NS &&
	     !(is_kept(m, p->owner, p->owner_key) && is_kept(m, p->query, p->query_key))))
		keep_names(m, p, a);
	if (a->time_ns > p->last_ns + a->keep_ns) /* the interval ended; another one begins */
		p->first_ns = p->before_ns = a->time_ns;
	if (a->time_ns > p->last_ns) {
		p->before_ns = p->last_ns > p->first_ns ? p->last_ns : p->first_ns;
		p->last_ns = a->time_ns;
	}
	p->ttl_s = a->ttl_s;
}

uint64_t mappings_names_mix(uint64_t owner_key, uint64_t query_key)
{
	return hash_mix(owner_key ^ query_key << 1);
}

void mappings_key(const struct mappings *m, struct mapping_answer *a)
{
	a->addr_key = address_key(m, a->addr);
	a->key = nonzero(hash_mix(a->addr_key ^ a->names_mix));
}

void mappings_expect(const struct mappings *m, const struct mapping_answer *a, struct lookahead *l)
{
	lookahead_add(l, m->addresses, a->addr_key);
}

void mappings_expect_first(const struct mappings *m, const struct lookahead *l, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const struct address *a = l->at[i].entry;
		const struct mapping *p;

		if (l->at[i].table != m->addresses)
			continue;
		/* that of the one that makes room is the first of those that come free */
		if (!a->count || a->first >= m->pool_len)
			continue;
		p = &m->pool[a->first];
		__builtin_prefetch(p, 1);
	}
}

struct mapping *mappings_note(struct mappings *m, const struct mapping_answer *a)
{
	uint32_t *link;
	struct address *addr;
	bool is_new;

	addr = table_put(m->addresses, a->addr_key, &is_new);
	if (is_new)
		addr->first = MAPPING_NONE;
	for (link = &addr->first; *link != MAPPING_NONE; link = &m->pool[*link].next) {
		uint32_t at = *link;
		struct mapping *p = &m->pool[at];

		if (p->key != a->key)
			continue;
		*link = p->next; /* to the front */
		p->next = addr->first;
		addr->first = at;
		renew(m, p, a);
		return p;
	}
	return add(m, addr, a);
}

const struct mapping *mappings_first(struct mappings *m, const struct ip_addr *addr)
{
	const struct address *a = table_get(m->addresses, address_key(m, addr));

	return a && a->count ? &m->pool[a->first] : NULL;
}

const struct mapping *mappings_next(const struct mappings *m, const struct mapping *at)
{
	return at->next == MAPPING_NONE ? NULL : &m->pool[at->next];
}

void mappings_stats(const struct mappings *m, struct mappings_stats *ret)
{
	ret->evicted = m->evicted + table_evictions(m->addresses);
	ret->evicted_names = table_evictions(m->names);
	ret->table_bytes = table_bytes(m->addresses) + table_bytes(m->names) +
			   m->pool_len * sizeof(*m->pool) + table_capacity(m->names) / 8;
}
