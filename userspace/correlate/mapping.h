/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each address was answered for: addresses, their mappings to names, the names, each in a
 * bounded table of its own.  A mapping is an (address, owner, query) triple.
 */
#ifndef CORRELATE_MAPPING_H
#define CORRELATE_MAPPING_H

#include "base/hash.h"
#include "base/ip.h"
#include "base/lookahead.h"
#include "dns/name.h"
#include "dns/observation.h"

#define MAPPING_NONE UINT32_MAX
#define MAPPING_ADDRESS_MAX \
	24 /* mappings of one address; beyond it the one least lately answered goes */

struct mapping_name {
	uint64_t key;
	struct dns_name name;
};

struct mapping {
	uint64_t key; /* of the triple */
	uint64_t owner_key, query_key;
	uint64_t first_ns, last_ns;
	uint64_t before_ns; /* the answer before the last; first_ns when there was none */
	uint32_t owner, query; /* entries of the table of names; gone when their key differs */
	uint32_t ttl_s; /* of the last answer */
	uint32_t next; /* in the list of the address, lately used first */
};
_Static_assert(sizeof(struct mapping) == 64, "a mapping is one cache line");

struct mappings;
int mappings_new(size_t max_addresses, size_t max_mappings, size_t max_names,
		 const struct hash_key *key, struct mappings **ret);
void mappings_free(struct mappings *m);

/* @name is one of @obs. */
uint64_t mappings_name_key(const struct mappings *m, const struct dns_observation *obs,
			   const struct dns_name *name);

/* One address of one answer. */
struct mapping_answer {
	const struct ip_addr *addr;
	const struct dns_name *owner, *query;
	uint64_t owner_key, query_key; /* mappings_name_key() of the two */
	uint64_t names_mix; /* mappings_names_mix() of these, for mappings_key() */
	uint64_t time_ns, keep_ns;
	uint32_t ttl_s;
	uint64_t addr_key, key; /* from mappings_key() */
};

uint64_t mappings_names_mix(uint64_t owner_key, uint64_t query_key);
/* Work out the keys from the address and the mix. */
void mappings_key(const struct mappings *m, struct mapping_answer *a);

/* @a comes soon: begin to fetch the address's entry, and later what lookahead_entries() found. */
void mappings_expect(const struct mappings *m, const struct mapping_answer *a, struct lookahead *l);
void mappings_expect_first(const struct mappings *m, const struct lookahead *l, size_t len);

/* Note it; the mapping is valid until the next call. Never fails, never allocates. */
struct mapping *mappings_note(struct mappings *m, const struct mapping_answer *a);

/* The mappings of @addr, first of the list; NULL when there are none. */
const struct mapping *mappings_first(struct mappings *m, const struct ip_addr *addr);
/* The names it leads to, NULL when they had to make room. */
const struct dns_name *mappings_owner(const struct mappings *m, const struct mapping *p);
const struct dns_name *mappings_query(const struct mappings *m, const struct mapping *p);
const struct mapping *mappings_next(const struct mappings *m, const struct mapping *at);

struct mappings_stats {
	uint64_t evicted, evicted_names;
	size_t table_bytes;
};
void mappings_stats(const struct mappings *m, struct mappings_stats *ret);

#endif
