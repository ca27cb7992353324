// SPDX-License-Identifier: BSD-2-Clause
#include "detect/candidate.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

#define EVICTION_CHOICE 16

int candidates_init(struct candidates *cs, uint32_t cap, size_t bytes)
{
	memset(cs, 0, sizeof(*cs));
	cs->cap = cap;
	cs->slots = calloc(cap + 1U, sizeof(*cs->slots)); /* and the spare */
	cs->free_list = calloc(cap, sizeof(*cs->free_list));
	if (!cs->slots || !cs->free_list || blocks_init(&cs->blocks, bytes)) {
		candidates_fini(cs);
		return -ENOMEM;
	}
	return 0;
}

void candidates_fini(struct candidates *cs)
{
	free(cs->slots);
	free(cs->free_list);
	blocks_fini(&cs->blocks);
	memset(cs, 0, sizeof(*cs));
}

/* What a candidate is worth keeping for: its score, less by one for every six idle hours. */
static double worth(const struct candidate *c, uint32_t now_s)
{
	double best = c->last.score[TRACK_FAST];
	double idle_h = now_s > c->fresh_s ? (now_s - c->fresh_s) / 3600.0 : 0;

	if (c->last.score[TRACK_SLOW] > best)
		best = c->last.score[TRACK_SLOW];
	return best - idle_h / 6 + (c->finding ? 100 : 0);
}

/* The least of sixteen; of those that hold a large sample only, if @large. 0 without any. */
static uint32_t least_worth(struct candidates *cs, uint32_t now_s, bool large)
{
	uint32_t chosen = 0;
	double least = 0;

	for (unsigned int i = 0; i < EVICTION_CHOICE; i++) {
		uint32_t at = (uint32_t)(hash_mix(++cs->clock) % cs->high);
		const struct candidate *c = &cs->slots[at];
		double w = worth(c, now_s);

		if (c->kind == CANDIDATE_FREE || (large && c->sample.cap < SAMPLE_SLOTS) ||
		    (chosen && w >= least))
			continue;
		chosen = at + 1;
		least = w;
	}
	return chosen;
}

uint32_t candidates_take(struct candidates *cs, uint32_t now_s,
			 void (*evict)(void *ctx, uint32_t index1), void *ctx)
{
	uint32_t index1;

	if (!cs->free_len && cs->high == cs->cap) {
		cs->evictions++;
		evict(ctx, least_worth(cs, now_s, false)); /* releases it */
	}
	index1 = cs->free_len ? cs->free_list[--cs->free_len] : ++cs->high;
	candidate_clear(cs, candidate_at(cs, index1));
	cs->used++;
	return index1;
}

void candidates_release(struct candidates *cs, uint32_t index1)
{
	candidate_clear(cs, candidate_at(cs, index1));
	cs->free_list[cs->free_len++] = index1;
	cs->used--;
}

/*
 * One with a large sample leaves a large block.  Without such, small blocks lie between others that
 * stay: only when those are used up is it worth it, and until then samples stay as large as they
 * are.
 */
void candidates_make_room(struct candidates *cs, uint32_t now_s,
			  void (*evict)(void *ctx, uint32_t index1), void *ctx)
{
	for (unsigned int i = 0; i < CANDIDATE_RESERVE && cs->used && candidates_run_low(cs); i++) {
		uint32_t index1 = least_worth(cs, now_s, true);

		if (!index1 && blocks_left(&cs->blocks) >= CANDIDATE_RESERVE * BLOCK_MOST)
			return;
		if (!index1)
			index1 = least_worth(cs, now_s, false);
		if (!index1)
			return;
		cs->evictions++;
		evict(ctx, index1);
	}
}

size_t candidates_bytes(const struct candidates *cs)
{
	return cs->used * (sizeof(struct candidate) + sizeof(*cs->free_list)) + cs->blocks.used;
}

/* --- what grows ---------------------------------------------------------------------------- */

static const struct dns_name no_name = { .len = 1 }; /* the root: there was no memory */

static size_t name_bytes(size_t len)
{
	return offsetof(struct dns_name, wire) + len;
}

void candidate_set_name(struct candidates *cs, struct candidate *c, const struct dns_name *name)
{
	c->name = blocks_take(&cs->blocks, name_bytes(name->len));
	if (c->name)
		memcpy(c->name, name, name_bytes(name->len));
}

struct dns_name candidate_name(const struct candidate *c)
{
	struct dns_name name = no_name;

	if (c->name)
		memcpy(&name, c->name, name_bytes(c->name->len));
	return name;
}

/* An array of @n rows of @bytes, twice as long or with @least; where it is then, and its length. */
static void *grow(struct blocks *blocks, void *rows, size_t bytes, unsigned int least, uint8_t *cap)
{
	unsigned int more = *cap ? *cap * 2U : least;
	void *to = blocks_take(blocks, more * bytes);

	if (!to)
		return rows;
	if (rows)
		memcpy(to, rows, *cap * bytes);
	blocks_give(blocks, rows, *cap * bytes);
	*cap = (uint8_t)more;
	return to;
}

struct churn_server *candidate_servers(struct candidates *cs, struct candidate *c, bool grow_,
				       size_t *ret_len)
{
	if (grow_ && c->servers_cap < SAMPLE_SERVERS &&
	    (!c->servers_cap || c->servers[c->servers_cap - 1].tag))
		c->servers = grow(&cs->blocks, c->servers, sizeof(*c->servers), 2, &c->servers_cap);
	*ret_len = c->servers_cap;
	return c->servers;
}

struct asking_host *candidate_host(struct candidates *cs, struct candidate *c,
				   const struct ip_addr *ip)
{
	struct asking_host *least = c->hosts;

	for (unsigned int i = 0; i < c->hosts_cap; i++) {
		struct asking_host *h = &c->hosts[i];

		if (ip_equal(&h->ip, ip) && h->queries + h->connects)
			return h;
		if (h->connects * 8 + h->queries < least->connects * 8 + least->queries)
			least = h;
	}
	if (c->hosts_cap < CANDIDATE_HOSTS && (!least || least->connects * 8 + least->queries)) {
		unsigned int n = c->hosts_cap;

		c->hosts = grow(&cs->blocks, c->hosts, sizeof(*c->hosts), 1, &c->hosts_cap);
		least = c->hosts + (c->hosts_cap > n ? n : 0);
	}
	if (!c->hosts)
		return NULL;
	memset(least, 0, sizeof(*least));
	least->ip = *ip;
	return least;
}

void candidate_asked(struct candidates *cs, struct candidate *c, const struct ip_addr *ip,
		     uint32_t queries)
{
	struct asking_host *h = ip_is_unspecified(ip) ? NULL : candidate_host(cs, c, ip);

	if (h)
		h->queries += queries;
}

/*
 * Most values are 0 or 1: a word says which are not 0, one which of these are not 1, and only those
 * follow.
 */
enum { NOT_0, NOT_1, OTHERS };
_Static_assert(TERM_COUNT <= 64, "a bit a term");

static size_t values_bytes(uint64_t not_1)
{
	return (OTHERS + (size_t)__builtin_popcountll(not_1)) * sizeof(uint64_t);
}

static void forget_values(struct candidates *cs, struct candidate *c)
{
	if (c->values)
		blocks_give(&cs->blocks, c->values, values_bytes(c->values[NOT_1]));
	c->values = NULL;
}

void candidate_keep_values(struct candidates *cs, struct candidate *c, const double *value)
{
	uint64_t not_0 = 0, not_1 = 0;
	unsigned int n = OTHERS;

	c->last.value = NULL;
	for (unsigned int t = 0; t < TERM_COUNT; t++) {
		not_0 |= (uint64_t)(value[t] != 0) << t;
		not_1 |= (uint64_t)(value[t] != 0 && value[t] != 1) << t;
	}
	if (!c->values ||
	    block_size(values_bytes(c->values[NOT_1])) != block_size(values_bytes(not_1))) {
		forget_values(cs, c);
		c->values = blocks_take(&cs->blocks, values_bytes(not_1));
		if (!c->values)
			return;
	}
	c->values[NOT_0] = not_0;
	c->values[NOT_1] = not_1;
	for (uint64_t left = not_1; left; left &= left - 1)
		memcpy(&c->values[n++], &value[__builtin_ctzll(left)], sizeof(*value));
}

double candidate_value(const struct candidate *c, enum term term)
{
	uint64_t bit = 1ULL << term;
	unsigned int at;
	double value;

	if (!c->values || !(c->values[NOT_0] & bit))
		return 0;
	if (!(c->values[NOT_1] & bit))
		return 1;
	at = OTHERS + (unsigned int)__builtin_popcountll(c->values[NOT_1] & (bit - 1));
	memcpy(&value, &c->values[at], sizeof(value));
	return value;
}

struct evaluation candidate_evaluation(const struct candidate *c, double *value)
{
	struct evaluation e = c->last;

	for (unsigned int t = 0; t < TERM_COUNT; t++)
		value[t] = candidate_value(c, (enum term)t);
	e.value = value;
	return e;
}

void candidate_clear(struct candidates *cs, struct candidate *c)
{
	if (c->name)
		blocks_give(&cs->blocks, c->name, name_bytes(c->name->len));
	blocks_give(&cs->blocks, c->servers, c->servers_cap * sizeof(*c->servers));
	blocks_give(&cs->blocks, c->hosts, c->hosts_cap * sizeof(*c->hosts));
	forget_values(cs, c);
	sample_free(&c->sample, &cs->blocks);
	memset(c, 0, sizeof(*c));
}

/* --- windows ------------------------------------------------------------------------------- */

struct half *window_at(struct window *w, uint32_t window_s, uint32_t now_s)
{
	uint32_t index = now_s / (window_s / 2);

	if (index > w->index) {
		if (index == w->index + 1)
			w->before = w->now;
		else
			memset(&w->before, 0, sizeof(w->before));
		memset(&w->now, 0, sizeof(w->now));
		w->index = index;
	}
	return &w->now;
}

struct half window_sum(const struct window *w, uint32_t window_s, uint32_t now_s)
{
	uint32_t index = now_s / (window_s / 2);
	struct half sum = { 0 };

	if (index <= w->index) {
		sum = w->now;
		sum.sets += w->before.sets;
		sum.changes += w->before.changes;
		sum.reentries += w->before.reentries;
		if (w->before.ttl_max > sum.ttl_max)
			sum.ttl_max = w->before.ttl_max;
	} else if (index == w->index + 1) {
		sum = w->now;
	}
	return sum;
}
