/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of a fixed size handed out in blocks of 32 bytes to 4 KiB, powers of two: a buddy
 * allocator (Knowlton 1965).  For parts of records that grow with what is seen: a block that came
 * free joins its other half, so that small ones never wear the memory out for large ones.  Address
 * space is taken once; pages are touched as they are needed.
 */
#ifndef BASE_BLOCKS_H
#define BASE_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#define BLOCK_LEAST  32U
#define BLOCK_MOST   4096U
#define BLOCK_ORDERS 8U /* 32 << 7 is 4096 */

struct blocks {
	uint8_t *bytes;
	uint8_t *state; /* a unit: 0x80 | order where a free block begins, else 0 */
	uint32_t units, high; /* of BLOCK_LEAST; high: ever handed out */
	uint32_t free_list[BLOCK_ORDERS]; /* unit + 1 of the first; 0: none */
	uint32_t free_len[BLOCK_ORDERS];
	size_t used; /* bytes handed out */
	uint64_t refused;
};

int blocks_init(struct blocks *b, size_t bytes); /* -ENOMEM or 0 */
void blocks_fini(struct blocks *b);

/* A zeroed block of @bytes (at most BLOCK_MOST) or more; NULL, counted, when none is left. */
void *blocks_take(struct blocks *b, size_t bytes);
void blocks_give(struct blocks *b, void *block, size_t bytes); /* @bytes as taken; NULL is fine */

/* How many bytes a block of @bytes takes. */
size_t block_size(size_t bytes);

/* Blocks of half of BLOCK_MOST that could be had. */
static inline size_t blocks_large_left(const struct blocks *b)
{
	return 2 * ((size_t)(b->units - b->high) * BLOCK_LEAST / BLOCK_MOST +
		    b->free_len[BLOCK_ORDERS - 1]) +
	       b->free_len[BLOCK_ORDERS - 2];
}

static inline size_t blocks_left(const struct blocks *b) /* bytes, in blocks of any size */
{
	return (size_t)b->units * BLOCK_LEAST - b->used;
}

#endif
