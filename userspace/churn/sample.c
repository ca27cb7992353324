// SPDX-License-Identifier: BSD-2-Clause
#include "churn/sample.h"

#include <math.h>

int sample_find(const struct sample *s, uint64_t hash)
{
	for (unsigned int i = 0; i < s->len; i++)
		if (s->hash[i] == hash)
			return (int)i;
	return -1;
}

static unsigned int largest(const struct sample *s)
{
	unsigned int at = 0;

	for (unsigned int i = 1; i < s->len; i++)
		if (s->hash[i] > s->hash[at])
			at = i;
	return at;
}

/* --- the memory of units ------------------------------------------------------------------- */

#define UNIT_BYTES (sizeof(uint64_t) + sizeof(struct sample_slot))
#define LEAST_CAP  4U

void sample_free(struct sample *s, struct blocks *blocks)
{
	blocks_give(blocks, s->hash, s->cap * UNIT_BYTES);
	blocks_give(blocks, s->high, s->cap * sizeof(*s->high));
	memset(s, 0, sizeof(*s));
}

/* Twice the room. False when there is no memory. */
static bool grow(struct sample *s, struct blocks *blocks)
{
	size_t cap = s->cap ? 2U * s->cap : LEAST_CAP;
	uint64_t *hash = blocks_take(blocks, cap * UNIT_BYTES);
	struct sample_slot *slots = (struct sample_slot *)(void *)(hash + cap);
	void *high = s->high && hash ? blocks_take(blocks, cap * sizeof(*s->high)) : NULL;

	if (!hash)
		return false;
	if (s->high && !high) {
		blocks_give(blocks, hash, cap * UNIT_BYTES);
		return false;
	}
	if (s->len) {
		memcpy(hash, s->hash, s->len * sizeof(*hash));
		memcpy(slots, s->slots, s->len * sizeof(*slots));
	}
	if (high) {
		memcpy(high, s->high, s->len * sizeof(*s->high));
		blocks_give(blocks, s->high, s->cap * sizeof(*s->high));
		s->high = high;
	}
	blocks_give(blocks, s->hash, s->cap * UNIT_BYTES);
	s->hash = hash;
	s->slots = slots;
	s->cap = (uint8_t)cap;
	return true;
}

static const uint8_t v4_high[12] = { [10] = 0xff, [11] = 0xff };

/* Room for more than the last four octets of each address. */
static bool widen(struct sample *s, struct blocks *blocks)
{
	s->high = blocks_take(blocks, s->cap * sizeof(*s->high));
	for (unsigned int i = 0; s->high && i < s->len; i++)
		memcpy(s->high[i], v4_high, sizeof(v4_high));
	return s->high != NULL;
}

struct ip_addr sample_addr(const struct sample *s, unsigned int at)
{
	struct ip_addr a;

	memcpy(a.b, s->high ? s->high[at] : v4_high, sizeof(v4_high));
	memcpy(a.b + sizeof(v4_high), s->slots[at].low, sizeof(s->slots[at].low));
	return a;
}

/* Once widened there is room for any address; before, a unit is of IPv4 from its first address on.
 */
static void keep_addr(struct sample *s, unsigned int at, const struct ip_addr *addr)
{
	if (s->high)
		memcpy(s->high[at], addr->b, sizeof(v4_high));
	memcpy(s->slots[at].low, addr->b + sizeof(v4_high), sizeof(s->slots[at].low));
}

static void tell(const struct sample *s, sample_evict_fn fn, void *ctx, unsigned int at)
{
	struct ip_addr addr = sample_addr(s, at);

	if (fn)
		fn(ctx, &addr, s->hash[at]);
}

/*
 * A slot for a new unit: a free one, or that of the largest hash when the new one is smaller. Where
 * memory is short the k smallest are fewer.
 */
static int make_slot(struct sample *s, const struct ip_addr *addr, uint64_t hash,
		     const struct sample_ops *ops)
{
	unsigned int at = s->len;
	bool has_room = s->len < s->cap || (s->cap < SAMPLE_SLOTS && grow(s, ops->blocks));

	if (!s->cap || (!s->high && !ip_is_v4(addr) && !widen(s, ops->blocks)))
		return -1;
	if (!has_room) {
		s->overflowed = true;
		at = largest(s);
		if (s->hash[at] < hash)
			return -1;
		tell(s, ops->evicted, ops->ctx, at);
	} else {
		s->len++;
	}
	memset(&s->slots[at], 0, sizeof(s->slots[at]));
	s->contact &= ~(1ULL << at);
	s->hash[at] = hash;
	keep_addr(s, at, addr);
	return (int)at;
}

/* --- sets ---------------------------------------------------------------------------------- */

static void count_entry(struct sample *s, bool novel, struct sample_delta *ret)
{
	s->novelty = s->novelty << 1 | novel;
	s->entries++;
	ret->novel = (uint8_t)(ret->novel + novel);
}

static void add_known(struct sample *s, unsigned int at, bool was_present, uint8_t bit,
		      uint32_t now_s, uint32_t absence_s, struct sample_delta *ret)
{
	const struct sample_slot *slot = &s->slots[at];
	bool is_return = now_s - slot->last_s >= absence_s;

	if (was_present)
		return;
	ret->added[ret->added_len++] = (uint8_t)at;
	ret->reentries = (uint8_t)(ret->reentries + is_return);
	/* soon after another cache's answer it is none of this server's news either */
	if (is_return || slot->heard & bit)
		count_entry(s, false, ret);
}

static int add_unit(struct sample *s, const struct ip_addr *addr, uint64_t hash, uint32_t now_s,
		    const struct sample_ops *ops, struct sample_delta *ret)
{
	int at = make_slot(s, addr, hash, ops);
	struct sample_slot *slot;

	if (at < 0)
		return -1;
	slot = &s->slots[at];
	slot->first_s = slot->last_s = now_s;
	slot->asn = ops->asn ? ops->asn(ops->ctx, addr) : 0;
	if (ops->added)
		ops->added(ops->ctx, addr, hash);
	if (!ret->is_first)
		count_entry(s, true, ret);
	/* an index added before it made room for this one must not be listed twice */
	for (unsigned int i = 0; i < ret->added_len; i++)
		if (ret->added[i] == at)
			return at;
	ret->added[ret->added_len++] = (uint8_t)at;
	return at;
}

static void mark_seen(struct sample *s, unsigned int at, const struct ip_addr *addr, uint8_t bit,
		      uint32_t weight, uint32_t now_s)
{
	struct sample_slot *slot = &s->slots[at];
	uint32_t sightings = slot->sightings + weight;

	keep_addr(s, at, addr);
	slot->present |= bit;
	slot->heard |= bit;
	slot->sightings = sightings < UINT16_MAX ? (uint16_t)sightings : UINT16_MAX;
	if (now_s > slot->last_s)
		slot->last_s = now_s;
}

void sample_add(struct sample *s, const struct sample_set *set, unsigned int server,
		bool has_previous, uint32_t weight, uint32_t now_s, uint32_t absence_s,
		const struct sample_ops *ops, struct sample_delta *ret)
{
	uint8_t bit = (uint8_t)(1U << server), mask = has_previous ? bit : 0xff;
	uint8_t before[SAMPLE_SLOTS];

	memset(ret, 0, sizeof(*ret));
	ret->is_first = s->len == 0;
	for (unsigned int i = 0; i < s->len; i++) {
		before[i] = s->slots[i].present & mask;
		s->slots[i].heard &= (uint8_t) ~(has_previous ? 0 : bit);
		s->slots[i].present &= (uint8_t)~bit;
	}
	memset(before + s->len, 0, sizeof(before) - s->len);
	for (size_t i = 0; i < set->len; i++) {
		int at = sample_find(s, set->hashes[i]);

		if (at >= 0)
			add_known(s, (unsigned int)at, before[at] != 0, bit, now_s, absence_s, ret);
		else
			at = add_unit(s, &set->addrs[i], set->hashes[i], now_s, ops, ret);
		if (at < 0)
			continue;
		mark_seen(s, (unsigned int)at, &set->addrs[i], bit, weight, now_s);
	}
	for (unsigned int i = 0; i < s->len; i++)
		if (before[i] && !(s->slots[i].present & bit))
			ret->removed[ret->removed_len++] = (uint8_t)i;
}

void sample_expire(struct sample *s, uint32_t before_s, const struct sample_ops *ops)
{
	for (unsigned int i = 0; i < s->len;) {
		if (s->slots[i].last_s >= before_s) {
			i++;
			continue;
		}
		tell(s, ops->evicted, ops->ctx, i);
		s->len--;
		s->slots[i] = s->slots[s->len];
		s->hash[i] = s->hash[s->len];
		if (s->high)
			memcpy(s->high[i], s->high[s->len], sizeof(s->high[i]));
		s->contact &= ~(1ULL << i);
		if (s->contact >> s->len & 1)
			s->contact |= 1ULL << i;
		s->contact &= ~(1ULL << s->len);
	}
	if (!s->len)
		s->overflowed = false;
}

double sample_distinct(const struct sample *s, uint32_t since_s)
{
	double recent = 0, kept;

	for (unsigned int i = 0; i < s->len; i++)
		recent += s->slots[i].last_s >= since_s;
	if (!s->overflowed || s->len < s->cap)
		return recent;
	/* k minimum values (Bar-Yossef et al. 2002): the k-th smallest of n uniform hashes is
	 * near k/n of their range */
	kept = (double)s->hash[largest(s)] / 18446744073709551616.0;
	return recent / s->len * (s->len - 1) / kept;
}

double sample_novelty(const struct sample *s)
{
	unsigned int later = s->entries >= 128 ? 64 : (s->entries + 1) / 2;
	uint64_t mask = later == 64 ? ~0ULL : (1ULL << later) - 1;

	if (!later)
		return 0;
	return (double)__builtin_popcountll(s->novelty & mask) / later;
}

static uint64_t network_of(const struct ip_addr *a, unsigned int v4_bits, unsigned int v6_bits)
{
	bool v4 = ip_is_v4(a);
	struct ip_addr m = ip_mask(a, v4 ? 96 + v4_bits : v6_bits);
	uint64_t hi, lo;

	memcpy(&hi, m.b, 8);
	memcpy(&lo, m.b + 8, 8);
	return (hi ^ lo) | 1ULL << 63 | (v4 ? 1ULL << 62 : 0);
}

static double entropy_number(uint64_t *groups, unsigned int n)
{
	double h = 0;

	for (unsigned int i = 1; i < n; i++) { /* insertion sort: n is at most 64 */
		uint64_t g = groups[i];
		unsigned int j = i;

		for (; j && groups[j - 1] > g; j--)
			groups[j] = groups[j - 1];
		groups[j] = g;
	}
	for (unsigned int i = 0, run; i < n; i += run) {
		for (run = 1; i + run < n && groups[i + run] == groups[i]; run++)
			;
		h -= (double)run / n * log2((double)run / n);
	}
	return n ? exp2(h) : 0;
}

double sample_dispersion(const struct sample *s, uint32_t since_s, bool by_prefix)
{
	uint64_t groups[SAMPLE_SLOTS];
	unsigned int n = 0;

	for (unsigned int i = 0; i < s->len; i++) {
		const struct sample_slot *slot = &s->slots[i];
		struct ip_addr addr;

		if (slot->last_s < since_s)
			continue;
		addr = sample_addr(s, i);
		groups[n++] = slot->asn && !by_prefix ? slot->asn : network_of(&addr, 16, 32);
	}
	return entropy_number(groups, n);
}

uint32_t sample_prefixes(const struct sample *s, uint32_t since_s)
{
	uint64_t seen[SAMPLE_SLOTS];
	uint32_t n = 0;

	for (unsigned int i = 0; i < s->len; i++) {
		struct ip_addr addr = sample_addr(s, i);
		uint64_t g = network_of(&addr, 24, 48);
		uint32_t j = 0;

		if (s->slots[i].last_s < since_s)
			continue;
		while (j < n && seen[j] != g)
			j++;
		if (j == n)
			seen[n++] = g;
	}
	return n;
}

struct sample_pool sample_pool_size(const struct sample *s, uint32_t sets)
{
	double q1 = 0, q2 = 0, total = 0, n, factor, extra, var, r, c;
	double scale = s->len ? sample_distinct(s, 0) / s->len : 0;
	struct sample_pool p = { 0 };

	for (unsigned int i = 0; i < s->len; i++) {
		q1 += s->slots[i].sightings == 1;
		q2 += s->slots[i].sightings == 2;
		total += s->slots[i].sightings;
	}
	if (!s->len || total <= 0)
		return p;
	n = s->len;
	factor = sets > 1 ? (sets - 1.0) / sets : 0;
	extra = factor * q1 * (q1 - 1) / (2 * (q2 + 1));
	p.coverage = 1 - q1 / total;
	r = q2 > 0 ? q1 / q2 : q1;
	if (q2 > 0) /* Chao 1987, variance of the estimator */
		var = q2 * (factor * r * r / 2 + factor * factor * r * r * r +
			    factor * factor * r * r * r * r / 4);
	else
		var = factor * q1 * (q1 - 1) / 2 +
		      factor * factor * q1 * (2 * q1 - 1) * (2 * q1 - 1) / 4 -
		      (n + extra > 0 ? factor * factor * q1 * q1 * q1 * q1 / (4 * (n + extra)) : 0);
	p.estimate = (n + extra) * scale;
	p.low = p.high = p.estimate;
	if (extra > 0 && var > 0) { /* log-normal interval, 80 %: z = 1.2816 */
		c = exp(1.2816 * sqrt(log(1 + var / (extra * extra))));
		p.low = (n + extra / c) * scale;
		p.high = (n + extra * c) * scale;
	}
	return p;
}
