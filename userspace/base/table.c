// SPDX-License-Identifier: BSD-2-Clause
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define WAYS	   TABLE_WAYS
#define HUGE_BYTES (2UL << 20)

#define HUGE_SHARE 16 /* of the entries: by then nearly every page of 4 KiB is touched */

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1; before, the kernel does it by itself, some time */
#endif

static void *zeroed(size_t bytes) /* untouched until used */
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void use_huge_pages(void *p, size_t bytes)
{
	if (bytes < HUGE_BYTES)
		return;
	madvise(p, bytes, MADV_HUGEPAGE);
	madvise(p, bytes, MADV_COLLAPSE);
}

/*
 * One TLB entry for 2 MiB, but 2 MiB taken with the first entry in them: only once the table is in
 * use, so that a quiet host does not pay for tables that stay empty.
 */
static void grow_into_huge_pages(struct table *t)
{
	t->huge_at = SIZE_MAX;
	use_huge_pages(t->entries, t->sets * WAYS * t->entry_bytes);
	use_huge_pages(t->set, t->sets * sizeof(*t->set));
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
	t->huge_at = t->sets * WAYS / HUGE_SHARE;
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

/* Where the hand of a full set stops next. */
static unsigned int next_to_go(const struct table_set *set)
{
	unsigned int way = set->hand;

	for (unsigned int i = 0; i < WAYS && set->used & 1U << way; i++)
		way = (way + 1) % WAYS;
	return way;
}

const void *table_prefetch_entry(const struct table *t, uint64_t key)
{
	size_t at = table_set_of(t, key);
	const struct table_set *set = &t->set[at];
	unsigned int found = table_candidates(set, key);
	const uint8_t *entry;

	if (found)
		found = (unsigned int)__builtin_ctz(found);
	else if (set->occupied == 0xff)
		found = next_to_go(set);
	else
		found = (unsigned int)__builtin_ctz(~(unsigned int)set->occupied);
	entry = table_slot(t, at, found);
	__builtin_prefetch(entry, 1);
	if (t->entry_bytes > 64) /* what comes behind is for the hardware to guess */
		__builtin_prefetch(entry + 64, 1);
	return entry;
}

/* Second chance: the first slot from the hand on that was not used since the hand passed. */
static unsigned int make_room(struct table *t, size_t at)
{
	struct table_set *set = &t->set[at];
	unsigned int way = set->hand;

	while (set->used & 1U << way) {
		set->used &= (uint8_t) ~(1U << way);
		way = (way + 1) % WAYS;
	}
	set->hand = (uint8_t)((way + 1) % WAYS);
	if (t->evict)
		t->evict(t->ctx, table_slot(t, at, way));
	t->evictions++;
	t->count--;
	return way;
}

/* Most entries are some words long: a loop over them costs less than a call. */
static inline void clear(void *entry, size_t bytes)
{
	uint64_t *word = entry;

	if (bytes > 64) {
		memset(entry, 0, bytes);
		return;
	}
	for (size_t i = 0; i < bytes / sizeof(*word); i++)
		word[i] = 0;
}

void *table_add(struct table *t, uint64_t key)
{
	size_t at = table_set_of(t, key);
	struct table_set *set = &t->set[at];
	unsigned int way;
	uint8_t *entry;

	if (set->occupied == 0xff)
		way = make_room(t, at);
	else
		way = (unsigned int)__builtin_ctz(~(unsigned int)set->occupied);
	entry = table_slot(t, at, way);
	clear(entry, t->entry_bytes);
	memcpy(entry, &key, sizeof(key));
	set->tags[way] = table_tag_of(key);
	set->occupied |= (uint8_t)(1U << way);
	/* used once it is asked for again: a flood of one-off keys evicts itself first */
	set->used &= (uint8_t) ~(1U << way);
	if (++t->count >= t->huge_at)
		grow_into_huge_pages(t);
	return entry;
}

void table_remove(struct table *t, void *entry)
{
	size_t index = (size_t)((uint8_t *)entry - t->entries) / t->entry_bytes;

	if (t->evict)
		t->evict(t->ctx, entry);
	memset(entry, 0, t->entry_bytes);
	t->set[index / WAYS].occupied &= (uint8_t) ~(1U << index % WAYS);
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
	return t->sets * (WAYS * t->entry_bytes + sizeof(struct table_set));
}

uint64_t table_evictions(const struct table *t)
{
	return t->evictions;
}
