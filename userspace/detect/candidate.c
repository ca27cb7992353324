// SPDX-License-Identifier: BSD-2-Clause
#include "detect/candidate.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

#define EVICTION_CHOICE 16

int candidates_init(struct candidates *cs, uint32_t cap)
{
	memset(cs, 0, sizeof(*cs));
	cs->cap = cap;
	cs->slots = calloc(cap + 1U, sizeof(*cs->slots)); /* and the spare */
	cs->free_list = calloc(cap, sizeof(*cs->free_list));
	if (!cs->slots || !cs->free_list) {
		candidates_fini(cs);
		return -ENOMEM;
	}
	return 0;
}

void candidates_fini(struct candidates *cs)
{
	free(cs->slots);
	free(cs->free_list);
	memset(cs, 0, sizeof(*cs));
}

/* What a candidate is worth keeping for: its score, less by one for every six idle hours. */
static double worth(const struct candidate *c, uint32_t now_s)
{
	double best = c->last.score[TRACK_FAST];
	double idle_h = now_s > c->fresh_s ? (now_s - c->fresh_s) / 3600.0 : 0;

	if (c->last.score[TRACK_SLOW] > best)
		best = c->last.score[TRACK_SLOW];
	return best - idle_h / 6 + (c->finding ? 100 : 0);
}

static uint32_t least_worth(struct candidates *cs, uint32_t now_s)
{
	uint32_t chosen = 0;
	double least = 0;

	for (unsigned int i = 0; i < EVICTION_CHOICE; i++) {
		uint32_t at = (uint32_t)(hash_mix(++cs->clock) % cs->cap);
		double w = worth(&cs->slots[at], now_s);

		if (i && w >= least)
			continue;
		chosen = at;
		least = w;
	}
	return chosen + 1;
}

uint32_t candidates_take(struct candidates *cs, uint32_t now_s,
			 void (*evict)(void *ctx, uint32_t index1), void *ctx)
{
	uint32_t index1;

	if (!cs->free_len && cs->high == cs->cap) {
		cs->evictions++;
		evict(ctx, least_worth(cs, now_s)); /* releases it */
	}
	index1 = cs->free_len ? cs->free_list[--cs->free_len] : ++cs->high;
	memset(candidate_at(cs, index1), 0, sizeof(struct candidate));
	cs->used++;
	return index1;
}

void candidates_release(struct candidates *cs, uint32_t index1)
{
	memset(candidate_at(cs, index1), 0, sizeof(struct candidate));
	cs->free_list[cs->free_len++] = index1;
	cs->used--;
}

struct half *window_at(struct window *w, uint32_t window_s, uint32_t now_s)
{
	uint32_t index = now_s / (window_s / 2);

	if (index > w->index) {
		if (index == w->index + 1)
			w->before = w->now;
		else
			memset(&w->before, 0, sizeof(w->before));
		memset(&w->now, 0, sizeof(w->now));
		w->index = index;
	}
	return &w->now;
}

struct half window_sum(const struct window *w, uint32_t window_s, uint32_t now_s)
{
	uint32_t index = now_s / (window_s / 2);
	struct half sum = { 0 };

	if (index <= w->index) {
		sum = w->now;
		sum.sets += w->before.sets;
		sum.changes += w->before.changes;
		sum.reentries += w->before.reentries;
		if (w->before.ttl_max > sum.ttl_max)
			sum.ttl_max = w->before.ttl_max;
	} else if (index == w->index + 1) {
		sum = w->now;
	}
	return sum;
}

struct asking_host *candidate_host(struct candidate *c, const struct ip_addr *ip)
{
	struct asking_host *least = &c->hosts[0];

	for (unsigned int i = 0; i < CANDIDATE_HOSTS; i++) {
		struct asking_host *h = &c->hosts[i];

		if (ip_equal(&h->ip, ip) && h->queries + h->connects)
			return h;
		if (h->connects * 8 + h->queries < least->connects * 8 + least->queries)
			least = h;
	}
	memset(least, 0, sizeof(*least));
	least->ip = *ip;
	return least;
}
