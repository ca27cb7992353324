/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bounded hash table of fixed-size entries for what the network feeds us.  8-way
 * set-associative: a key lives in one set of eight slots; when the set is full the second-chance
 * (CLOCK) rule picks the slot to make room, the entry is handed to evict(), and it is counted.
 * Memory is allocated once; nothing grows afterwards.
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

struct table;

/* Called before @entry is overwritten; frees what the entry owns. May be NULL. */
typedef void (*table_evict_fn)(void *ctx, void *entry);

/* @capacity is rounded up to a power of two times eight. Returns -ENOMEM or 0. */
int table_new(size_t entry_bytes, size_t capacity, table_evict_fn evict, void *ctx,
	      struct table **ret_table);
void table_free(struct table *t); /* calls evict() for what is left; NULL is fine */

void *table_get(struct table *t, uint64_t key); /* marks as used; NULL when absent */
/* Existing entry, or a zeroed one with its key set. @ret_new tells which. Never fails. */
void *table_put(struct table *t, uint64_t key, bool *ret_new);
/* Start fetching the memory that table_get() or table_put() of @key will look at. */
void table_prefetch(const struct table *t, uint64_t key);
/*
 * The second step, once what table_prefetch() asked for is there: fetch the entry. Where it would
 * be found, for looking no closer than to fetch what it points to; NULL when it is surely absent.
 */
const void *table_prefetch_entry(const struct table *t, uint64_t key);
void table_remove(struct table *t, void *entry); /* calls evict() without counting */

/* Walk all entries: start with *pos = 0; NULL at the end. Entries may be removed on the way. */
void *table_next(struct table *t, size_t *pos);

size_t table_count(const struct table *t);
size_t table_capacity(const struct table *t);
size_t table_bytes(const struct table *t);
uint64_t table_evictions(const struct table *t);

#endif
