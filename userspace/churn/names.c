// SPDX-License-Identifier: BSD-2-Clause
#include "churn/names.h"

#include <errno.h>
#include <stdlib.h>

#include "base/table.h"
#include "churn/sketch.h"

#define DOOR_BITS     (1U << 20) /* 128 KiB: a million one-off names an hour fill it to 63 % */
#define DOOR_PERIOD_S 3600U
#define DAY_S	      86400U
#define FORGET_S      (14 * DAY_S) /* counts start anew after a silence as long as the slow window */

struct names {
	struct table *table;
	uint64_t *door; /* names asked once, this period */
	uint32_t door_s;
	uint64_t refused;
	struct names_ops ops;
	void *ops_ctx;
};

int names_new(size_t capacity, struct names **ret)
{
	struct names *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->door = calloc(DOOR_BITS / 64, sizeof(*n->door));
	if (!n->door || table_new(sizeof(struct churn_name), capacity, NULL, NULL, &n->table)) {
		names_free(n);
		return -ENOMEM;
	}
	*ret = n;
	return 0;
}

void names_free(struct names *n)
{
	if (!n)
		return;
	table_free(n->table);
	free(n->door);
	free(n);
}

void names_set_ops(struct names *n, const struct names_ops *ops, void *ctx)
{
	n->ops = *ops;
	n->ops_ctx = ctx;
}

struct churn_name *names_get(struct names *n, uint64_t key)
{
	return table_get(n->table, key);
}

const struct churn_name *names_peek(const struct names *n, uint64_t key)
{
	return table_peek(n->table, key);
}

void names_expect(const struct names *n, uint64_t key, struct lookahead *l)
{
	lookahead_add(l, n->table, key);
}

bool names_expected(const struct names *n, const struct lookahead *l, size_t i,
		    const struct churn_name **ret)
{
	const struct churn_name *e = l->at[i].entry;

	if (l->at[i].table != n->table)
		return false;
	*ret = e->key == l->at[i].key ? e : NULL;
	return true;
}

static bool admit(struct names *n, uint64_t key, uint32_t now_s)
{
	uint64_t bit = key >> 20 & (DOOR_BITS - 1), mask = 1ULL << (bit % 64);

	if (table_count(n->table) < table_capacity(n->table) / 4 * 3)
		return true;
	if (now_s - n->door_s >= DOOR_PERIOD_S) {
		memset(n->door, 0, DOOR_BITS / 8);
		n->door_s = now_s;
	}
	if (n->door[bit / 64] & mask)
		return true;
	n->door[bit / 64] |= mask;
	n->refused++;
	return false;
}

bool names_address(const struct churn_name *e, unsigned int i, struct ip_addr *ret)
{
	static const uint8_t none[16];

	if (e->flags & NAME_V6) {
		if (i >= NAMES_V6 || memcmp(e->addrs + 16 * i, none, 16) == 0)
			return false;
		*ret = ip_from_v6(e->addrs + 16 * i);
		return true;
	}
	if (i >= NAMES_V4 || memcmp(e->addrs + 4 * i, none, 4) == 0)
		return false;
	*ret = ip_from_v4(e->addrs + 4 * i);
	return true;
}

static unsigned int places(const struct churn_name *e)
{
	return e->flags & NAME_V6 ? NAMES_V6 : NAMES_V4;
}

static bool stored_equals(const struct churn_name *e, unsigned int i, const struct ip_addr *a)
{
	return e->flags & NAME_V6 ? memcmp(e->addrs + 16 * i, a->b, 16) == 0
				  : memcmp(e->addrs + 4 * i, a->b + 12, 4) == 0;
}

static int stored_at(const struct churn_name *e, const struct ip_addr *a)
{
	for (unsigned int i = 0; i < places(e); i++)
		if (stored_equals(e, i, a))
			return (int)i;
	return -1;
}

/* A place for one more address: a free one, else one that holds none of the present set, taken
 * in turn; -1 when all do. */
static int find_place(const struct churn_name *e, uint8_t present)
{
	struct ip_addr a;

	for (unsigned int i = 0; i < places(e); i++)
		if (!names_address(e, i, &a))
			return (int)i;
	for (unsigned int i = 0; i < places(e); i++) {
		unsigned int place = (e->changes + i) % places(e);

		if (!(present & 1U << place))
			return (int)place;
	}
	return -1;
}

/* Remember the set's addresses; what is too much is not kept. */
static void store_set(struct churn_name *e, const struct sample_set *set)
{
	uint8_t present = 0;

	for (size_t i = 0; i < set->len; i++) {
		int at = stored_at(e, &set->addrs[i]);

		if (at >= 0)
			present |= (uint8_t)(1U << at);
	}
	for (size_t i = 0; i < set->len; i++) {
		int place;

		if (stored_at(e, &set->addrs[i]) >= 0)
			continue;
		place = find_place(e, present);
		if (place < 0)
			break;
		if (e->flags & NAME_V6)
			memcpy(e->addrs + 16 * place, set->addrs[i].b, 16);
		else
			memcpy(e->addrs + 4 * place, set->addrs[i].b + 12, 4);
		present |= (uint8_t)(1U << place);
	}
	e->present = present;
}

static bool in_set(const struct sample_set *set, const struct ip_addr *a)
{
	for (size_t i = 0; i < set->len; i++)
		if (ip_equal(&set->addrs[i], a))
			return true;
	return false;
}

static void list_changes(const struct churn_name *e, const struct rrset *r,
			 struct names_result *ret)
{
	ret->returned = true;
	for (size_t i = 0; i < r->set.len && ret->added_len < SAMPLE_SLOTS; i++) {
		int at = stored_at(e, &r->set.addrs[i]);

		if (at >= 0 && e->present & 1U << at)
			continue;
		ret->returned &= at >= 0;
		ret->added[ret->added_len++] = r->set.addrs[i];
	}
	for (unsigned int i = 0; i < places(e); i++) {
		struct ip_addr a;

		if (e->present & 1U << i && names_address(e, i, &a) && !in_set(&r->set, &a))
			ret->removed[ret->removed_len++] = a;
	}
	ret->returned &= ret->added_len > 0;
}

/*
 * How many fetches the repeats held back by the kernel's filter stand for: no more than there
 * were repeats, no more than TTLs fit into the time they span.
 */
static uint32_t repeats_weight(const struct churn_name *e, const struct names_response *r)
{
	uint32_t ttl_s = e->ttl_max > 5 ? e->ttl_max : 5;
	uint64_t span_s;

	if (!r->repeats || !r->first_ns || r->first_ns >= r->time_ns)
		return 0;
	span_s = (r->time_ns - r->first_ns) / 1000000000ULL;
	return span_s / ttl_s < r->repeats ? (uint32_t)(span_s / ttl_s) : r->repeats;
}

static uint16_t add16(uint16_t a, uint32_t b)
{
	return a + b < UINT16_MAX ? (uint16_t)(a + b) : UINT16_MAX;
}

static void begin(struct churn_name *e, const struct names_response *r, uint32_t now_s)
{
	uint64_t key = e->key;

	memset(e, 0, sizeof(*e));
	e->key = key;
	e->first_s = now_s;
	if (r->rrset->set.len && !ip_is_v4(&r->rrset->set.addrs[0]))
		e->flags |= NAME_V6;
}

static struct churn_server *servers_of(struct names *n, struct churn_name *e, bool pick,
				       size_t *ret_len)
{
	struct churn_server *slots = NULL;

	if (e->candidate && n->ops.servers)
		slots = n->ops.servers(n->ops_ctx, e->candidate, pick, ret_len);
	if (slots)
		return slots;
	*ret_len = NAMES_SERVERS;
	return e->servers;
}

static struct churn_server *pick_server(struct names *n, struct churn_name *e, uint32_t tag,
					struct names_result *ret)
{
	struct churn_server *slots, *s;
	size_t len;

	slots = servers_of(n, e, true, &len);
	s = churn_server_pick(slots, len, tag, &ret->new_server);
	ret->server = (uint8_t)(s - slots);
	return s;
}

/*
 * A set that another server gave to expire at the same time is one answer, passed on: what a
 * resolver was told and what it tells. Two caches that ask for themselves do so at other times.
 */
static bool is_passed_on(struct names *n, struct churn_name *e, struct churn_server *s,
			 const struct names_response *r)
{
	uint32_t expiry_ds = fresh_ds(r->time_ns) + r->rrset->ttl_s * 10;
	struct churn_server *slots;
	size_t len;

	if (!r->rrset->ttl_s || r->rrset->partial)
		return false;
	slots = servers_of(n, e, false, &len);
	for (size_t i = 0; i < len; i++) {
		if (&slots[i] == s || !slots[i].tag || slots[i].set != r->rrset->identity ||
		    !churn_same_expiry(slots[i].expiry_ds, expiry_ds))
			continue;
		if (s->set != r->rrset->identity || (int32_t)(expiry_ds - s->expiry_ds) > 0)
			s->expiry_ds = expiry_ds;
		s->set = r->rrset->identity;
		return true;
	}
	return false;
}

static void take_fresh(struct churn_name *e, struct churn_server *s, const struct names_response *r,
		       struct names_result *ret)
{
	const struct rrset *set = r->rrset;
	uint64_t previous = ret->new_server ? e->set : s->set;
	uint32_t now_ds = fresh_ds(r->time_ns);

	if (!e->fresh)
		ret->outcome = NAMES_FIRST;
	else if (previous == set->identity || set->partial)
		ret->outcome = NAMES_SAME;
	else if (!e->set) /* the first that is whole */
		ret->outcome = NAMES_FIRST;
	else
		ret->outcome = NAMES_CHANGED;
	ret->weight++;
	e->fresh = add16(e->fresh, ret->weight);
	s->expiry_ds = set->ttl_s ? now_ds + set->ttl_s * 10 : now_ds;
	if (set->partial)
		return;
	if (ret->outcome == NAMES_CHANGED) {
		e->changes = add16(e->changes, 1);
		list_changes(e, set, ret);
	}
	if (ret->outcome != NAMES_SAME || e->set != set->identity)
		store_set(e, &set->set);
	s->set = e->set = set->identity;
	e->set_size = (uint8_t)(set->set.len < 255 ? set->set.len : 255);
	for (size_t i = 0; i < set->set.len && ret->outcome != NAMES_SAME; i++)
		sketch_add(&e->distinct, set->set.hashes[i]);
}

/* Is it a truncated answer whose whole one will come? */
static bool sets_aside(struct churn_name *e, const struct rrset *set)
{
	uint8_t before = e->flags & (NAME_CUT | NAME_CUT_AGAIN);

	if (!set->partial) {
		e->flags &= (uint8_t)~before;
		return false;
	}
	e->flags |= before ? NAME_CUT_AGAIN : NAME_CUT;
	return !(before & NAME_CUT_AGAIN);
}

void names_observe(struct names *n, uint64_t key, struct churn_name *e,
		   const struct names_response *r, struct names_result *ret)
{
	uint32_t now_s = (uint32_t)(r->time_ns / 1000000000ULL);
	struct churn_server *s;
	bool is_new = false;

	ret->outcome = NAMES_FIRST;
	ret->weight = 0;
	ret->added_len = ret->removed_len = 0;
	ret->returned = ret->is_new = ret->new_client = ret->new_day = ret->set_aside = false;
	if (!e && admit(n, key, now_s))
		e = table_put(n->table, key, &is_new);
	ret->entry = e;
	if (!e) {
		ret->set_aside = r->rrset->partial;
		return;
	}
	/* last_s 0: only truncated answers so far */
	if (is_new ||
	    (e->last_s && now_s > e->last_s && now_s - e->last_s > FORGET_S && !e->candidate)) {
		begin(e, r, now_s);
		ret->is_new = true;
	}
	ret->set_aside = sets_aside(e, r->rrset);
	if (ret->set_aside) {
		ret->outcome = NAMES_REPLAY;
		return;
	}
	ret->new_client = sketch_add(&e->clients, hash_mix(r->client));
	ret->new_day = e->last_s / DAY_S != now_s / DAY_S;
	e->last_s = now_s;
	if (r->rrset->ttl_s > e->ttl_max)
		e->ttl_max = r->rrset->ttl_s;
	ret->weight = repeats_weight(e, r);
	s = pick_server(n, e, r->server, ret);
	ret->outcome = NAMES_REPLAY;
	if (!is_passed_on(n, e, s, r) &&
	    (ret->new_server ||
	     churn_server_is_fresh(s, fresh_ds(r->time_ns), r->rrset->ttl_s, r->rrset->identity)))
		take_fresh(e, s, r, ret);
	else if (ret->weight)
		e->fresh = add16(e->fresh, ret->weight);
}

void names_stats(const struct names *n, struct names_stats *ret)
{
	ret->count = table_count(n->table);
	ret->bytes = table_bytes(n->table) + DOOR_BITS / 8;
	ret->evicted = table_evictions(n->table);
	ret->refused = n->refused;
}
