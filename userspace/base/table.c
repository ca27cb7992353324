// SPDX-License-Identifier: BSD-2-Clause
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define WAYS	   8U
#define HUGE_BYTES (2UL << 20)

/*
 * What a look-up needs to know of a set, in half a cache line: 16 bits of each key.  Entries are
 * touched only where those agree, so that a look-up costs two cache misses, not eight.
 */
struct set {
	uint16_t tags[WAYS];
	uint8_t occupied; /* one bit a slot */
	uint8_t used;	  /* used since the hand last passed */
	uint8_t hand;	  /* next slot to look at */
	uint8_t unused[13];
};
_Static_assert(sizeof(struct set) == 32, "two sets a cache line");

struct table {
	struct set *set;
	uint8_t *entries;
	size_t entry_bytes, sets, count;
	uint64_t evictions;
	table_evict_fn evict;
	void *ctx;
};

static inline uint8_t *slot(const struct table *t, size_t set, unsigned int way)
{
	return t->entries + (set * WAYS + way) * t->entry_bytes;
}

static inline uint64_t key_of(const void *entry)
{
	uint64_t key;

	memcpy(&key, entry, sizeof(key));
	return key;
}

static inline size_t set_of(const struct table *t, uint64_t key)
{
	return (size_t)(key & (t->sets - 1));
}

static inline uint16_t tag_of(uint64_t key)
{
	return (uint16_t)(key >> 48);
}

/* Zeroed, untouched until used; in huge pages where the kernel has them: one TLB entry for 2 MiB. */
static void *zeroed(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (bytes >= HUGE_BYTES)
		madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

static void unmap(void *p, size_t bytes)
{
	if (p)
		munmap(p, bytes);
}

int table_new(size_t entry_bytes, size_t capacity, table_evict_fn evict, void *ctx,
	      struct table **ret_table)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->entry_bytes = (entry_bytes + 7) & ~(size_t)7;
	for (t->sets = 1; t->sets * WAYS < capacity; t->sets *= 2)
		;
	t->evict = evict;
	t->ctx = ctx;
	t->entries = zeroed(t->sets * WAYS * t->entry_bytes);
	t->set = zeroed(t->sets * sizeof(*t->set));
	if (!t->entries || !t->set) {
		table_free(t);
		return -ENOMEM;
	}
	*ret_table = t;
	return 0;
}

void table_free(struct table *t)
{
	size_t pos = 0;
	void *entry;

	if (!t)
		return;
	while (t->entries && t->set && t->evict && (entry = table_next(t, &pos)))
		t->evict(t->ctx, entry);
	unmap(t->entries, t->sets * WAYS * t->entry_bytes);
	unmap(t->set, t->sets * sizeof(*t->set));
	free(t);
}

typedef uint16_t tags_vector __attribute__((vector_size(sizeof(uint16_t) * WAYS)));

/* Slots that may hold @key, one bit each: its tag is there. All eight are compared at once. */
static inline unsigned int candidates_of(const struct set *set, uint64_t key)
{
	static const tags_vector bits = { 1, 2, 4, 8, 16, 32, 64, 128 };
	tags_vector tags, found;
	uint64_t half[2], sum;

	memcpy(&tags, set->tags, sizeof(tags));
	found = (tags_vector)(tags == tag_of(key)) & bits;
	memcpy(half, &found, sizeof(half));
	sum = half[0] + half[1]; /* of lanes with different bits: nothing carries */
	sum += sum >> 32;
	sum += sum >> 16;
	return (unsigned int)sum & set->occupied;
}

void *table_get(struct table *t, uint64_t key)
{
	size_t at = set_of(t, key);
	struct set *set = &t->set[at];

	for (unsigned int left = candidates_of(set, key); left; left &= left - 1) {
		unsigned int way = (unsigned int)__builtin_ctz(left);
		uint8_t *entry = slot(t, at, way);

		if (key_of(entry) == key) {
			set->used |= (uint8_t)(1U << way);
			return entry;
		}
	}
	return NULL;
}

void table_prefetch(const struct table *t, uint64_t key)
{
	__builtin_prefetch(&t->set[set_of(t, key)]);
}

const void *table_prefetch_entry(const struct table *t, uint64_t key)
{
	size_t at = set_of(t, key);
	unsigned int found = candidates_of(&t->set[at], key);
	const uint8_t *entry;

	if (!found)
		return NULL;
	entry = slot(t, at, (unsigned int)__builtin_ctz(found));
	__builtin_prefetch(entry, 1);
	if (t->entry_bytes > 64) /* what comes behind is for the hardware to guess */
		__builtin_prefetch(entry + 64, 1);
	return entry;
}

/* Second chance: the first slot from the hand on that was not used since the hand passed. */
static unsigned int make_room(struct table *t, size_t at)
{
	struct set *set = &t->set[at];
	unsigned int way = set->hand;

	while (set->used & 1U << way) {
		set->used &= (uint8_t)~(1U << way);
		way = (way + 1) % WAYS;
	}
	set->hand = (uint8_t)((way + 1) % WAYS);
	if (t->evict)
		t->evict(t->ctx, slot(t, at, way));
	t->evictions++;
	t->count--;
	return way;
}

void *table_put(struct table *t, uint64_t key, bool *ret_new)
{
	uint8_t *entry = table_get(t, key);
	size_t at = set_of(t, key);
	struct set *set = &t->set[at];
	unsigned int way;

	*ret_new = !entry;
	if (entry)
		return entry;
	if (set->occupied == 0xff)
		way = make_room(t, at);
	else
		way = (unsigned int)__builtin_ctz(~(unsigned int)set->occupied);
	entry = slot(t, at, way);
	memset(entry, 0, t->entry_bytes);
	memcpy(entry, &key, sizeof(key));
	set->tags[way] = tag_of(key);
	set->occupied |= (uint8_t)(1U << way);
	/* used once it is asked for again: a flood of one-off keys evicts itself first */
	set->used &= (uint8_t)~(1U << way);
	t->count++;
	return entry;
}

void table_remove(struct table *t, void *entry)
{
	size_t index = (size_t)((uint8_t *)entry - t->entries) / t->entry_bytes;

	if (t->evict)
		t->evict(t->ctx, entry);
	memset(entry, 0, t->entry_bytes);
	t->set[index / WAYS].occupied &= (uint8_t)~(1U << index % WAYS);
	t->count--;
}

void *table_next(struct table *t, size_t *pos)
{
	/* who walks every second walks mostly over nothing */
	if (!t->count)
		return NULL;
	while (*pos < t->sets * WAYS) {
		size_t index;

		if (*pos % WAYS == 0 && !t->set[*pos / WAYS].occupied) {
			*pos += WAYS;
			continue;
		}
		index = (*pos)++;
		if (t->set[index / WAYS].occupied & 1U << index % WAYS)
			return t->entries + index * t->entry_bytes;
	}
	return NULL;
}

size_t table_count(const struct table *t)
{
	return t->count;
}

size_t table_capacity(const struct table *t)
{
	return t->sets * WAYS;
}

size_t table_bytes(const struct table *t)
{
	return t->sets * (WAYS * t->entry_bytes + sizeof(struct set));
}

uint64_t table_evictions(const struct table *t)
{
	return t->evictions;
}
