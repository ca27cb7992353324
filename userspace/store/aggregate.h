/* SPDX-License-Identifier: BSD-2-Clause */
/* The distinct records of one interval, added up. Bounded; allocated once. Inside store/ only. */
#ifndef STORE_AGGREGATE_H
#define STORE_AGGREGATE_H

#include "base/hash.h"
#include "dns/name.h"
#include "dns/observation.h"

struct aggregate;

struct aggregate_record {
	const struct dns_name *owner;
	const struct dns_name *target; /* NS, CNAME; else NULL */
	const struct ip_addr *addr; /* A, AAAA; else NULL */
	const struct dns_name *zone; /* bailiwick; NULL unknown */
	uint16_t type;
	int64_t first_s, last_s;
	uint64_t count;
	uint32_t ttl_s; /* the largest */
};

int aggregate_new(size_t max_entries, size_t max_bytes, const struct hash_key *key,
		  struct aggregate **ret);
void aggregate_free(struct aggregate *a); /* NULL is fine */

/* False when there is no room for a record not yet known. */
bool aggregate_add(struct aggregate *a, const struct aggregate_record *record);

/*
 * Walk the records: start with *pos = 0; false at the end. The names and the address that @ret
 * points to are in @names, @addr.
 */
struct aggregate_names {
	struct dns_name owner, target, zone;
	struct ip_addr addr;
};
bool aggregate_next(const struct aggregate *a, size_t *pos, struct aggregate_names *names,
		    struct aggregate_record *ret);

void aggregate_clear(struct aggregate *a);
size_t aggregate_len(const struct aggregate *a);
/* Time to write: three quarters of the entries or of the bytes are used. */
bool aggregate_is_nearly_full(const struct aggregate *a);

#endif
