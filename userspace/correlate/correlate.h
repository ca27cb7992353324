/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The join of answers and connections: which names was this address answered for, to whom, when.
 * Bounded tables; a mapping lives for an interval (first to last answer plus a grace), not for a
 * TTL; several names an address. Time comes from the inputs.
 */
#ifndef CORRELATE_CORRELATE_H
#define CORRELATE_CORRELATE_H

#include "base/hash.h"
#include "correlate/connection.h"
#include "dns/observation.h"

struct correlate_config {
	size_t max_addresses;	/* default 131072 */
	uint64_t keep_ns;	/* a mapping outlives its last answer by this; default 24 h */
};

struct correlate_stats {
	uint64_t answers, connections, explained, unexplained, evicted;
	size_t table_bytes;
};

struct correlator;
struct correlate_config correlate_config_default(void);
int correlator_new(const struct correlate_config *cfg, const struct hash_key *key,
		   struct correlator **ret);
void correlator_free(struct correlator *c);
void correlator_response(struct correlator *c, const struct dns_observation *obs);
/* Fill conn->names, best first: answered to the same host before others, newer before older. */
void correlator_connection(struct correlator *c, struct connection *conn);
void correlator_stats(const struct correlator *c, struct correlate_stats *ret);

#endif
