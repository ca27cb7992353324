/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an input will look at in the tables, asked for while those before it are worked on: a table
 * of a million entries costs two cache misses a look-up, and misses that overlap cost little.
 * Nothing but speed depends on it; what does not fit in is fetched when it is needed.
 */
#ifndef BASE_LOOKAHEAD_H
#define BASE_LOOKAHEAD_H

#include "base/table.h"

#define LOOKAHEAD_MAX 48

struct lookahead {
	size_t len;
	struct {
		const struct table *table;
		uint64_t key;
		const void *entry; /* where it seemed to be; only ever to be prefetched from */
	} at[LOOKAHEAD_MAX];
};

static inline void lookahead_add(struct lookahead *l, const struct table *table, uint64_t key)
{
	if (l->len == LOOKAHEAD_MAX)
		return;
	table_prefetch(table, key);
	l->at[l->len].table = table;
	l->at[l->len++].key = key;
}

/* Some time later: the entries themselves. */
static inline void lookahead_entries(struct lookahead *l)
{
	for (size_t i = 0; i < l->len; i++)
		l->at[i].entry = table_prefetch_entry(l->at[i].table, l->at[i].key);
}

#endif
