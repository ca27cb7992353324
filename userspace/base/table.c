// SPDX-License-Identifier: BSD-2-Clause
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define WAYS	   TABLE_WAYS
#define HUGE_BYTES (2UL << 20)

#define HUGE_SHARE 8 /* of the slots: by then the table is in use, however small its entries */

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1; before, the kernel does it by itself, some time */
#endif

static size_t round_up(size_t bytes)
{
	return (bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
}

/*
 * Untouched until used.  From 2 MiB on it begins where a huge page may begin; the kernel sees to
 * that by itself only sometimes.
 */
static void *zeroed(size_t bytes)
{
	size_t spare = bytes < HUGE_BYTES ? 0 : HUGE_BYTES;
	size_t len = spare ? round_up(bytes) : bytes, before;
	uint8_t *p =
		mmap(NULL, len + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (!spare)
		return p;
	before = (size_t)(-(uintptr_t)p & (HUGE_BYTES - 1));
	if (before)
		munmap(p, before);
	munmap(p + before + len, spare - before);
	return p + before;
}

static size_t sets_bytes(const struct table *t)
{
	return t->sets * sizeof(*t->set);
}

static size_t all_bytes(const struct table *t)
{
	size_t bytes = sets_bytes(t) + t->sets * WAYS * t->entry_bytes;

	return bytes < HUGE_BYTES ? bytes : round_up(bytes);
}

static bool much_to_come;

void table_expect_much(void)
{
	much_to_come = true;
}

/*
 * One TLB entry for 2 MiB, but 2 MiB taken with the first use of them: only once the table is in
 * use, so that a quiet host does not pay for tables that stay empty.  Sets and entries share a
 * mapping, because sets alone are seldom large enough.  What is used becomes huge pages now, the
 * rest when it is used.
 */
static void grow_into_huge_pages(struct table *t)
{
	t->huge_at = SIZE_MAX;
	if (all_bytes(t) < HUGE_BYTES)
		return;
	madvise(t->set, all_bytes(t), MADV_HUGEPAGE);
	if (t->count)
		madvise(t->set, round_up(sets_bytes(t) + t->count * t->entry_bytes), MADV_COLLAPSE);
}

int table_new(size_t entry_bytes, size_t capacity, table_evict_fn evict, void *ctx,
	      struct table **ret_table)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->entry_bytes = entry_bytes > 16 ? (entry_bytes + 7) & ~(size_t)7 : 16;
	for (t->sets = 1; t->sets * WAYS < capacity; t->sets *= 2)
		;
	t->huge_at = HUGE_BYTES / t->entry_bytes;
	if (t->huge_at > t->sets * WAYS / HUGE_SHARE)
		t->huge_at = t->sets * WAYS / HUGE_SHARE;
	t->evict = evict;
	t->ctx = ctx;
	t->set = zeroed(all_bytes(t));
	if (!t->set) {
		free(t);
		return -ENOMEM;
	}
	t->entries = (uint8_t *)t->set + sets_bytes(t);
	if (much_to_come)
		grow_into_huge_pages(t);
	*ret_table = t;
	return 0;
}

void table_free(struct table *t)
{
	size_t pos = 0;
	void *entry;

	if (!t)
		return;
	while (t->evict && (entry = table_next(t, &pos)))
		t->evict(t->ctx, entry);
	table_drop(t);
}

void table_drop(struct table *t)
{
	if (!t)
		return;
	munmap(t->set, all_bytes(t));
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

/* Of the entry that is taken next. */
static inline uint32_t next_free(const struct table *t)
{
	return t->spare ? t->spare - 1 : t->high;
}

const void *table_prefetch_entry(const struct table *t, uint64_t key)
{
	size_t at = table_set_of(t, key);
	const struct table_set *set = &t->set[at];
	unsigned int found = table_candidates(set, key);
	const uint8_t *entry;

	if (found)
		entry = table_slot(t, at, (unsigned int)__builtin_ctz(found));
	else if (set->occupied == 0xff)
		entry = table_slot(t, at, next_to_go(set));
	else
		entry = table_at(t, next_free(t));
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

/* What came free last is used first; the link to the next is behind where its key was. */
static uint32_t take_free(struct table *t)
{
	uint32_t number = next_free(t);

	if (!t->spare)
		t->high++;
	else
		memcpy(&t->spare, (uint8_t *)table_at(t, number) + sizeof(uint64_t),
		       sizeof(t->spare));
	return number;
}

static void give_back(struct table *t, uint32_t number)
{
	uint8_t *entry = table_at(t, number);

	memset(entry, 0, t->entry_bytes);
	memcpy(entry + sizeof(uint64_t), &t->spare, sizeof(t->spare));
	t->spare = number + 1;
}

void *table_add(struct table *t, uint64_t key)
{
	size_t at = table_set_of(t, key);
	struct table_set *set = &t->set[at];
	unsigned int way;
	uint8_t *entry;

	if (set->occupied == 0xff) {
		way = make_room(t, at);
	} else {
		way = (unsigned int)__builtin_ctz(~(unsigned int)set->occupied);
		set->number[way] = take_free(t);
	}
	entry = table_slot(t, at, way);
	clear(entry, t->entry_bytes);
	memcpy(entry, &key, sizeof(key));
	set->tags[way] = table_tag_of(key);
	set->occupied |= (uint8_t)(1U << way);
	/* used once it is asked for again: a flood of one-off keys evicts itself first */
	set->used &= (uint8_t) ~(1U << way);
	t->count++;
	if (t->count >= t->huge_at)
		grow_into_huge_pages(t);
	return entry;
}

void table_remove(struct table *t, void *entry)
{
	struct table_set *set = &t->set[table_set_of(t, table_key_of(entry))];
	uint32_t number = table_number(t, entry);

	if (t->evict)
		t->evict(t->ctx, entry);
	for (unsigned int way = 0; way < WAYS; way++)
		if (set->occupied & 1U << way && set->number[way] == number)
			set->occupied &= (uint8_t) ~(1U << way);
	give_back(t, number);
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
			return table_slot(t, index / WAYS, index % WAYS);
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
