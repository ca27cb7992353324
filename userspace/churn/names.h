/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every name answered lately: 128 bytes for each name and type, enough to tell news from
 * replays, to list what changed, and to notice names that deserve a closer look.
 *
 * Bounded: a full set of eight evicts the entry that was not used longest; while the table is
 * over three quarters full a name is admitted with its second response only, so that a flood of
 * names asked once leaves it alone.
 */
#ifndef CHURN_NAMES_H
#define CHURN_NAMES_H

#include "base/hash.h"
#include "base/ip.h"
#include "base/lookahead.h"
#include "churn/fresh.h"
#include "churn/sample.h"

#define NAMES_SERVERS 2
#define NAMES_V4      8 /* addresses remembered: 8 IPv4 or 2 IPv6 */
#define NAMES_V6      2

/* Types that are no types of the DNS: kinds of entries that share the table (RFC 6895: 65280
 * and up is private use). */
enum { NAMES_GLUE = 65281 };

struct churn_name {
	uint64_t key;
	uint64_t domain; /* keyed hash of the registered domain */
	uint64_t distinct; /* sketches */
	uint64_t clients;
	struct churn_server servers[NAMES_SERVERS];
	uint64_t set; /* identity of the last fresh set, whoever sent it */
	uint32_t first_s, last_s;
	uint32_t ttl_max;
	uint32_t candidate; /* index + 1; 0: none */
	uint16_t fresh, changes;
	uint8_t domain_off; /* where the registered domain begins in the name's wire form */
	uint8_t set_size;
	uint8_t present; /* bit i: addrs[i] is in the last fresh set */
	uint8_t flags;
	uint8_t addrs[32];
};
_Static_assert(sizeof(struct churn_name) == 128, "an entry is two cache lines");

enum {
	NAME_V6 = 1,
	NAME_INJECTED = 2,
	NAME_DENIED = 4,
	NAME_STAYS = 8,
	NAME_CUT = 16, /* truncated answers since the last whole one: one, … */
	NAME_CUT_AGAIN = 32, /* … two or more */
};

struct rrset { /* an RRset as answered */
	struct sample_set set;
	uint64_t identity; /* XOR of the unit hashes: order-free */
	uint32_t ttl_s; /* smallest of the records that led to it */
	uint16_t type;
	bool partial; /* truncated: says what is there, not what is gone */
};

enum names_outcome {
	NAMES_REPLAY, /* nothing new */
	NAMES_SAME, /* fetched anew, unchanged */
	NAMES_FIRST, /* first seen, or first since it was forgotten */
	NAMES_CHANGED,
};

struct names_result {
	enum names_outcome outcome;
	struct churn_name *entry; /* NULL: not admitted (outcome is then FIRST) */
	bool is_new; /* the entry was made now: fill domain and domain_off */
	bool new_client; /* the client was (probably) not counted for it yet */
	bool new_day; /* first response of a UTC day */
	/*
	 * Truncated (TC): the client asks again over TCP, and that answer is the one that counts.
	 * Nothing of this one was kept. After two that no whole answer followed, those pass out of
	 * sight, and truncated ones count for what they hold.
	 */
	bool set_aside;
	bool new_server; /* first heard from this server, or the first in a long time */
	uint8_t server; /* its slot */
	uint32_t weight; /* fresh sets this response stands for (repeats included) */
	/* CHANGED: as far as the entry remembers */
	size_t added_len, removed_len;
	struct ip_addr added[SAMPLE_SLOTS], removed[NAMES_V4];
	bool returned; /* every added address was answered before */
};

struct names_response {
	const struct rrset *rrset;
	uint32_t server, client; /* tags; never 0 */
	uint64_t time_ns, first_ns; /* first_ns: of the repeats it stands for, or 0 */
	uint32_t repeats;
};

struct names;
int names_new(size_t capacity, struct names **ret);
void names_free(struct names *n);

struct names_ops {
	/* Server slots kept elsewhere for the entry's candidate; @ret_n of them. @pick: one may
	 * be wanted for a server not heard yet; they may move then. */
	struct churn_server *(*servers)(void *ctx, uint32_t candidate, bool pick, size_t *ret_n);
};
void names_set_ops(struct names *n, const struct names_ops *ops, void *ctx);

struct churn_name *names_get(struct names *n, uint64_t key);
const struct churn_name *names_peek(const struct names *n, uint64_t key); /* is no use of it */
/* @e: names_get() of @key, just now. */
void names_observe(struct names *n, uint64_t key, struct churn_name *e,
		   const struct names_response *r, struct names_result *ret);
void names_expect(const struct names *n, uint64_t key, struct lookahead *l);
/* Is place @i of @l one of names_expect()? Its entry, NULL when there seems to be none. */
bool names_expected(const struct names *n, const struct lookahead *l, size_t i,
		    const struct churn_name **ret);
/* Remembered address @i (0 .. NAMES_V4/NAMES_V6 - 1); false when there is none. */
bool names_address(const struct churn_name *e, unsigned int i, struct ip_addr *ret);

struct names_stats {
	size_t count, bytes;
	uint64_t evicted, refused; /* refused: by the door-keeper */
};
void names_stats(const struct names *n, struct names_stats *ret);

#endif
