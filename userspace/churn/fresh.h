/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which responses are news.  A cache replays one RRset with a falling TTL: its absolute expiry
 * stays the same.  A response is fresh when it expires later than anything the same server said
 * about the name before, and no other server said the same until the same time: then it was
 * passed on, from an authoritative server by a resolver, or from one resolver by another.
 *
 * Times are tenths of a second modulo 2^32; differences up to six years are told right.
 */
#ifndef CHURN_FRESH_H
#define CHURN_FRESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct churn_server {
	uint64_t set; /* identity of the last fresh set */
	uint32_t tag; /* of the server's address; 0: free */
	uint32_t expiry_ds; /* latest expiry heard */
};

/*
 * TTLs are whole seconds and caches round them either way, so an equal set must expire 2 s
 * later than before to be news.  Another set needs 1 s: less would let two caches behind one
 * address (RFC 1034 allows any number) look like a change at every answer.
 */
#define FRESH_SLACK_SAME_DS   20U
#define FRESH_SLACK_CHANGE_DS 10U
/* TTL 0 is never cached: each answer is fresh, but one in 5 s says as much as a thousand. */
#define FRESH_TTL0_DS 50U

static inline uint32_t fresh_ds(uint64_t time_ns)
{
	return (uint32_t)(time_ns / 100000000ULL);
}

/* The slot of the server, or of the one that expires first, emptied (*ret_new set). */
static inline struct churn_server *churn_server_pick(struct churn_server *slots, size_t n,
						     uint32_t tag, bool *ret_new)
{
	struct churn_server *oldest = slots;

	*ret_new = false;
	for (size_t i = 0; i < n; i++) {
		if (slots[i].tag == tag)
			return &slots[i];
		if (oldest->tag &&
		    (!slots[i].tag || (int32_t)(slots[i].expiry_ds - oldest->expiry_ds) < 0))
			oldest = &slots[i];
	}
	*ret_new = true;
	memset(oldest, 0, sizeof(*oldest));
	oldest->tag = tag;
	return oldest;
}

/* As near as rounded TTLs tell. */
static inline bool churn_same_expiry(uint32_t a_ds, uint32_t b_ds)
{
	int32_t diff = (int32_t)(a_ds - b_ds);

	return diff >= -(int32_t)FRESH_SLACK_CHANGE_DS && diff <= (int32_t)FRESH_SLACK_CHANGE_DS;
}

/* Does a response at @now_ds with @ttl_s and set identity @set tell something new? */
static inline bool churn_server_is_fresh(const struct churn_server *s, uint32_t now_ds,
					 uint32_t ttl_s, uint64_t set)
{
	uint32_t slack = set == s->set ? FRESH_SLACK_SAME_DS : FRESH_SLACK_CHANGE_DS;

	if (ttl_s == 0)
		return (int32_t)(now_ds - s->expiry_ds) >= (int32_t)FRESH_TTL0_DS;
	return (int32_t)(now_ds + ttl_s * 10 - s->expiry_ds) > (int32_t)slack;
}

#endif
