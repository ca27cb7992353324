/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The addresses a changing name was answered with: a bottom-k sample by keyed hash.  The k units
 * with the smallest hashes ever seen stay, each with its exact history from its first sighting,
 * so whatever is computed over them is unbiased for all, however many there were; the key is
 * secret, so nobody chooses which are kept.
 *
 * The unit is the IPv4 address and the IPv6 /64.  Statistics are over entries (an address
 * joins the answers of a server), never over responses: they do not depend on how often
 * clients ask.
 */
#ifndef CHURN_SAMPLE_H
#define CHURN_SAMPLE_H

#include "base/blocks.h"
#include "base/ip.h"

#define SAMPLE_SLOTS   64
#define SAMPLE_SERVERS 8 /* bits of `present` */

struct sample_slot {
	uint8_t low[4]; /* the last octets of the latest address of the unit: sample_addr() */
	uint32_t asn; /* 0 unknown */
	uint32_t first_s, last_s; /* Unix time */
	uint16_t sightings; /* fresh sets it was in */
	uint16_t connects;
	uint8_t present; /* bit i: in the last fresh set of server i */
	uint8_t heard; /* bit i: server i has answered it */
	uint8_t tag; /* the owner's: index of the name server, for glue */
	uint8_t failures;
};
_Static_assert(sizeof(struct sample_slot) == 24, "a slot is 24 bytes");

/* Begins as zeros and grows with what it is told: four units, eight, … up to SAMPLE_SLOTS, of 32
 * bytes each and 12 more where there are IPv6 addresses. */
struct sample {
	uint64_t *hash; /* of @cap units; the block holds slots too */
	struct sample_slot *slots;
	uint8_t (*high)[12]; /* the first octets of the addresses; NULL while all are IPv4 */
	uint64_t novelty; /* the last 64 entries, newest in bit 0; 1: never seen before */
	uint64_t contact; /* slots that clients connected to */
	uint32_t entries; /* counted ones, all told */
	uint8_t len, cap;
	bool overflowed; /* units beyond the k smallest were turned away */
};

/* What one fresh set meant. Indexes into slots; at most SAMPLE_SLOTS of each. */
struct sample_delta {
	uint8_t added[SAMPLE_SLOTS], removed[SAMPLE_SLOTS];
	uint8_t added_len, removed_len;
	uint8_t novel; /* entries never seen before */
	uint8_t reentries; /* came back after two TTLs */
	bool is_first; /* nothing to compare with */
};

struct sample_set { /* one RRset, unit hashes beside the addresses, no duplicates */
	const struct ip_addr *addrs;
	const uint64_t *hashes;
	size_t len;
};

typedef uint32_t (*sample_asn_fn)(void *ctx, const struct ip_addr *addr);
typedef void (*sample_evict_fn)(void *ctx, const struct ip_addr *addr, uint64_t hash);

struct sample_ops {
	struct blocks *blocks; /* where samples grow; with none left they stay as they are */
	sample_asn_fn asn; /* may be NULL, like the next */
	sample_evict_fn added, evicted; /* a unit joined or left the sample */
	void *ctx;
};

void sample_free(struct sample *s, struct blocks *blocks); /* and begin anew */
struct ip_addr sample_addr(const struct sample *s, unsigned int at);

/*
 * Account for a fresh set of server @server. @has_previous: that server was heard before (its
 * `present` bits hold), otherwise the set is compared with what any server said last.
 * @weight: fresh sets it stands for, 1 or more.
 * @absence_s: an address away for less is no re-entry (several caches behind one address).
 */
void sample_add(struct sample *s, const struct sample_set *set, unsigned int server,
		bool has_previous, uint32_t weight, uint32_t now_s, uint32_t absence_s,
		const struct sample_ops *ops, struct sample_delta *ret);

/* Slot of the unit with this hash, or -1. */
int sample_find(const struct sample *s, uint64_t hash);
/* Forget what was last seen before @before_s. */
void sample_expire(struct sample *s, uint32_t before_s, const struct sample_ops *ops);

/* Distinct units seen (kept) since @since_s: exact up to SAMPLE_SLOTS, then estimated. */
double sample_distinct(const struct sample *s, uint32_t since_s);
/* Share of never-seen addresses among the later half of the (last 64) entries; 0 without any. */
double sample_novelty(const struct sample *s);
/* Effective number of groups, 2^entropy over AS numbers (@by_prefix false: units without one
 * count by network) or over IPv4 /16 and IPv6 /32, of units seen since @since_s. */
double sample_dispersion(const struct sample *s, uint32_t since_s, bool by_prefix);
/* Distinct IPv4 /24 and IPv6 /48 among the units kept. */
uint32_t sample_prefixes(const struct sample *s, uint32_t since_s);

/*
 * Chao2 (Chao 1987: incidence data, the set is the sampling unit) over @sets fresh sets, with
 * the 80 % log-normal band, and Good-Turing coverage.
 */
struct sample_pool {
	double estimate, low, high, coverage;
};
struct sample_pool sample_pool_size(const struct sample *s, uint32_t sets);

#endif
