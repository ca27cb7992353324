// SPDX-License-Identifier: BSD-2-Clause
#include "base/blocks.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define IS_FREE	    0x80U
#define MOST_UNITS  (BLOCK_MOST / BLOCK_LEAST)
#define ORDER_WHOLE (BLOCK_ORDERS - 1)

struct link { /* in a free block: units + 1 */
	uint32_t next, before;
};

static void *zeroed(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int blocks_init(struct blocks *b, size_t bytes)
{
	memset(b, 0, sizeof(*b));
	b->units = (uint32_t)(bytes / BLOCK_MOST * MOST_UNITS);
	if (!b->units)
		b->units = MOST_UNITS;
	b->bytes = zeroed((size_t)b->units * BLOCK_LEAST);
	b->state = zeroed(b->units);
	if (b->bytes && b->state)
		return 0;
	blocks_fini(b);
	return -ENOMEM;
}

void blocks_fini(struct blocks *b)
{
	if (b->bytes)
		munmap(b->bytes, (size_t)b->units * BLOCK_LEAST);
	if (b->state)
		munmap(b->state, b->units);
	memset(b, 0, sizeof(*b));
}

static unsigned int order_of(size_t bytes)
{
	unsigned int order = 0;

	while ((size_t)BLOCK_LEAST << order < bytes)
		order++;
	return order;
}

size_t block_size(size_t bytes)
{
	return (size_t)BLOCK_LEAST << order_of(bytes);
}

static struct link *link_at(const struct blocks *b, uint32_t unit)
{
	return (struct link *)(void *)(b->bytes + (size_t)unit * BLOCK_LEAST);
}

static void put_free(struct blocks *b, uint32_t unit, unsigned int order)
{
	struct link *link = link_at(b, unit);

	*link = (struct link){ .next = b->free_list[order] };
	if (link->next)
		link_at(b, link->next - 1)->before = unit + 1;
	b->free_list[order] = unit + 1;
	b->state[unit] = (uint8_t)(IS_FREE | order);
	b->free_len[order]++;
}

static void unhook(struct blocks *b, uint32_t unit, unsigned int order)
{
	const struct link *link = link_at(b, unit);

	if (link->before)
		link_at(b, link->before - 1)->next = link->next;
	else
		b->free_list[order] = link->next;
	if (link->next)
		link_at(b, link->next - 1)->before = link->before;
	b->state[unit] = 0;
	b->free_len[order]--;
}

void *blocks_take(struct blocks *b, size_t bytes)
{
	unsigned int order = order_of(bytes), from = order;
	uint32_t unit;

	while (from < BLOCK_ORDERS && !b->free_list[from])
		from++;
	if (from < BLOCK_ORDERS) {
		unit = b->free_list[from] - 1;
		unhook(b, unit, from);
	} else if (order < BLOCK_ORDERS && b->high < b->units) {
		unit = b->high;
		from = ORDER_WHOLE;
		b->high += MOST_UNITS;
	} else {
		b->refused++;
		return NULL;
	}
	for (; from > order; from--) /* the upper halves stay */
		put_free(b, unit + (1U << (from - 1)), from - 1);
	b->used += (size_t)BLOCK_LEAST << order;
	return memset(link_at(b, unit), 0, (size_t)BLOCK_LEAST << order);
}

void blocks_give(struct blocks *b, void *block, size_t bytes)
{
	unsigned int order = order_of(bytes);
	uint32_t unit;

	if (!block)
		return;
	unit = (uint32_t)((size_t)((uint8_t *)block - b->bytes) / BLOCK_LEAST);
	b->used -= (size_t)BLOCK_LEAST << order;
	for (; order < ORDER_WHOLE; order++) {
		uint32_t other = unit ^ 1U << order;

		if (b->state[other] != (IS_FREE | order))
			break;
		unhook(b, other, order);
		unit &= ~(1U << order);
	}
	put_free(b, unit, order);
}
