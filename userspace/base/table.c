// SPDX-License-Identifier: BSD-2-Clause
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 8U

struct table {
	uint8_t *entries;
	uint8_t *used;	/* one bit a slot: used since the hand last passed */
	uint8_t *hand;	/* next slot to look at, a set */
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
	t->entries = calloc(t->sets * WAYS, t->entry_bytes);
	t->used = calloc(t->sets, 1);
	t->hand = calloc(t->sets, 1);
	if (!t->entries || !t->used || !t->hand) {
		table_free(t);
		return -ENOMEM;
	}
	*ret_table = t;
	return 0;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	if (t->entries && t->evict)
		for (size_t i = 0; i < t->sets * WAYS; i++)
			if (key_of(t->entries + i * t->entry_bytes))
				t->evict(t->ctx, t->entries + i * t->entry_bytes);
	free(t->entries);
	free(t->used);
	free(t->hand);
	free(t);
}

void *table_get(struct table *t, uint64_t key)
{
	size_t set = set_of(t, key);

	for (unsigned int way = 0; way < WAYS; way++) {
		uint8_t *entry = slot(t, set, way);

		if (key_of(entry) == key) {
			t->used[set] |= (uint8_t)(1U << way);
			return entry;
		}
	}
	return NULL;
}

/* Second chance: the first slot from the hand on that was not used since the hand passed. */
static unsigned int make_room(struct table *t, size_t set)
{
	unsigned int way = t->hand[set];

	while (t->used[set] & 1U << way) {
		t->used[set] &= (uint8_t)~(1U << way);
		way = (way + 1) % WAYS;
	}
	t->hand[set] = (uint8_t)((way + 1) % WAYS);
	if (t->evict)
		t->evict(t->ctx, slot(t, set, way));
	t->evictions++;
	t->count--;
	return way;
}

static unsigned int free_way(struct table *t, size_t set)
{
	for (unsigned int way = 0; way < WAYS; way++)
		if (!key_of(slot(t, set, way)))
			return way;
	return make_room(t, set);
}

void *table_put(struct table *t, uint64_t key, bool *ret_new)
{
	uint8_t *entry = table_get(t, key);
	size_t set = set_of(t, key);
	unsigned int way;

	*ret_new = !entry;
	if (entry)
		return entry;
	way = free_way(t, set);
	entry = slot(t, set, way);
	memset(entry, 0, t->entry_bytes);
	memcpy(entry, &key, sizeof(key));
	/* used once it is asked for again: a flood of one-off keys evicts itself first */
	t->used[set] &= (uint8_t)~(1U << way);
	t->count++;
	return entry;
}

void table_remove(struct table *t, void *entry)
{
	if (t->evict)
		t->evict(t->ctx, entry);
	memset(entry, 0, t->entry_bytes);
	t->count--;
}

void *table_next(struct table *t, size_t *pos)
{
	while (*pos < t->sets * WAYS) {
		uint8_t *entry = t->entries + (*pos)++ * t->entry_bytes;

		if (key_of(entry))
			return entry;
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
	return t->sets * (WAYS * t->entry_bytes + 2);
}

uint64_t table_evictions(const struct table *t)
{
	return t->evictions;
}
