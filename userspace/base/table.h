/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bounded hash table of fixed-size entries for what the network feeds us.  8-way
 * set-associative: a key lives in one set of eight slots; when the set is full the second-chance
 * (CLOCK) rule picks the slot to make room, the entry is handed to evict(), and it is counted.
 * Address space is taken once; memory follows the number of entries, which lie side by side in the
 * order in which they came, and stays what it was at most.
 *
 * An entry begins with its 64-bit key (never 0: free slot); the key must come from hash_keyed().
 * Two different things whose keys are equal share an entry (probability 2^-64 a pair).
 * Entries do not move: a pointer holds until the entry is removed or evicted by a later
 * table_put() into the same set.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct table;

/* Called before @entry is overwritten; frees what the entry owns. May be NULL. */
typedef void (*table_evict_fn)(void *ctx, void *entry);

/* @capacity is rounded up to a power of two times eight. Returns -ENOMEM or 0. */
int table_new(size_t entry_bytes, size_t capacity, table_evict_fn evict, void *ctx,
	      struct table **ret_table);
/*
 * Tables made from now on will be filled at once, as by a long capture: they take huge pages from
 * their first use on, and need none put together later from what they have by then.
 */
void table_expect_much(void);
void table_free(struct table *t); /* calls evict() for what is left; NULL is fine */
void table_drop(struct table *t); /* the same without evict(): what entries own goes otherwise */

static inline void *table_get(struct table *t, uint64_t key); /* marks as used; NULL when absent */
/* The same without the mark: who looks does not use it. */
static inline const void *table_peek(const struct table *t, uint64_t key);
/* Existing entry, or a zeroed one with its key set. @ret_new tells which. Never fails. */
static inline void *table_put(struct table *t, uint64_t key, bool *ret_new);
/* Start fetching the memory that table_get() or table_put() of @key will look at. */
static inline void table_prefetch(const struct table *t, uint64_t key);
/*
 * The second step, once what table_prefetch() asked for is there: fetch the entry. Where it would
 * be found, or the one that will make room for it; for looking no closer than to fetch what it
 * points to.
 */
const void *table_prefetch_entry(const struct table *t, uint64_t key);
void table_remove(struct table *t, void *entry); /* calls evict() without counting */

/* Walk all entries: start with *pos = 0; NULL at the end. Entries may be removed on the way. */
void *table_next(struct table *t, size_t *pos);

/* The number of an entry, for keeping in four bytes: what is there later may be another one. */
static inline uint32_t table_number(const struct table *t, const void *entry);
static inline void *table_at(const struct table *t, uint32_t number);

size_t table_count(const struct table *t);
size_t table_capacity(const struct table *t);
size_t table_bytes(const struct table *t);
uint64_t table_evictions(const struct table *t);

/* --- inside, here to be compiled into who looks up: several dozen times a response ------------ */

#define TABLE_WAYS 8U

/*
 * What a look-up needs to know of a set, in one cache line: 16 bits of each key, and where its
 * entry is.  Entries are touched only where the bits agree, so that a look-up costs two cache
 * misses, not nine.
 */
struct table_set {
	uint16_t tags[TABLE_WAYS];
	uint32_t number[TABLE_WAYS]; /* of the entry, where the slot is occupied */
	uint8_t occupied; /* one bit a slot */
	uint8_t used; /* used since the hand last passed */
	uint8_t hand; /* next slot to look at */
	uint8_t unused[13];
};
_Static_assert(sizeof(struct table_set) == 64, "a set is a cache line");

struct table {
	struct table_set *set;
	uint8_t *entries; /* behind the sets */
	size_t entry_bytes, sets, count;
	uint32_t high; /* entries ever used */
	uint32_t spare; /* number + 1 of the first that came free; 0: none */
	size_t huge_at; /* count from which on huge pages pay */
	uint64_t evictions;
	table_evict_fn evict;
	void *ctx;
};

static inline uint8_t *table_slot(const struct table *t, size_t set, unsigned int way)
{
	return t->entries + t->set[set].number[way] * t->entry_bytes;
}

static inline uint64_t table_key_of(const void *entry)
{
	uint64_t key;

	memcpy(&key, entry, sizeof(key));
	return key;
}

static inline size_t table_set_of(const struct table *t, uint64_t key)
{
	return (size_t)(key & (t->sets - 1));
}

static inline uint16_t table_tag_of(uint64_t key)
{
	return (uint16_t)(key >> 48);
}

/* Slots that may hold @key, one bit each: its tag is there. All eight are compared at once. */
#ifdef __SSE2__
static inline unsigned int table_candidates(const struct table_set *set, uint64_t key)
{
	__m128i tags = _mm_load_si128((const __m128i *)(const void *)set->tags);
	__m128i found = _mm_cmpeq_epi16(tags, _mm_set1_epi16((int16_t)table_tag_of(key)));

	return (unsigned int)_mm_movemask_epi8(_mm_packs_epi16(found, _mm_setzero_si128())) &
	       set->occupied;
}
#else
typedef uint16_t table_tags __attribute__((vector_size(sizeof(uint16_t) * TABLE_WAYS)));

static inline unsigned int table_candidates(const struct table_set *set, uint64_t key)
{
	static const table_tags bits = { 1, 2, 4, 8, 16, 32, 64, 128 };
	table_tags tags, found;
	uint64_t half[2], sum;

	memcpy(&tags, set->tags, sizeof(tags));
	found = (table_tags)(tags == table_tag_of(key)) & bits;
	memcpy(half, &found, sizeof(half));
	sum = half[0] + half[1]; /* of lanes with different bits: nothing carries */
	sum += sum >> 32;
	sum += sum >> 16;
	return (unsigned int)sum & set->occupied;
}
#endif

static inline void *table_find(const struct table *t, uint64_t key, unsigned int *ret_way)
{
	size_t at = table_set_of(t, key);

	for (unsigned int left = table_candidates(&t->set[at], key); left; left &= left - 1) {
		unsigned int way = (unsigned int)__builtin_ctz(left);
		uint8_t *entry = table_slot(t, at, way);

		if (table_key_of(entry) != key)
			continue;
		*ret_way = way;
		return entry;
	}
	return NULL;
}

static inline const void *table_peek(const struct table *t, uint64_t key)
{
	unsigned int way;

	return table_find(t, key, &way);
}

static inline void *table_get(struct table *t, uint64_t key)
{
	unsigned int way;
	void *entry = table_find(t, key, &way);

	if (entry)
		t->set[table_set_of(t, key)].used |= (uint8_t)(1U << way);
	return entry;
}

void *table_add(struct table *t, uint64_t key); /* @key is not there */

static inline void *table_put(struct table *t, uint64_t key, bool *ret_new)
{
	void *entry = table_get(t, key);

	*ret_new = !entry;
	return entry ? entry : table_add(t, key);
}

static inline uint32_t table_number(const struct table *t, const void *entry)
{
	return (uint32_t)((size_t)((const uint8_t *)entry - t->entries) / t->entry_bytes);
}

static inline void *table_at(const struct table *t, uint32_t number)
{
	return t->entries + number * t->entry_bytes;
}

static inline void table_prefetch(const struct table *t, uint64_t key)
{
	__builtin_prefetch(&t->set[table_set_of(t, key)]);
}

#endif
