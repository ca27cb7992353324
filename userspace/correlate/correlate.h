/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The join of answers and connections: which names was this address answered for, to whom, when.
 * Bounded tables, allocated once; a mapping lives for an interval (first to last answer plus a
 * grace), not for a TTL; several names an address. Time comes from the inputs.
 *
 * Who asked. A host is its address; all addresses of this machine, loopback included, are one
 * host, so that what a stub on lo answers counts as answered to every local process. Where the
 * port that asked belongs to a socket whose process is known (a UDP or TCP connection to port 53
 * was passed to correlator_connection()), the answer is tied to that process. When a host that was
 * answered answers the same to another within 5 s, it is a forwarder: the two count once, and the
 * forwarder is not taken for the one who asked.
 *
 * Order of names: answered to the same process, then to the same host, then to others; among
 * equals, newer before older. `same_host` is true for the first two.
 *
 * Confidence = base * lateness * share
 *   base      0.98 same process, 0.90 same host, 0.50 others
 *   lateness  1 while the TTL lasts, then 1 - 0.5 * late / keep, at least 0.5
 *   share     1 / (1 + n / 2), n: other candidates of the same base
 *
 * A connection is `unexplained` when no candidate is there. Not counted at all: loopback,
 * link-local, multicast and this machine's own addresses, port 53, encrypted DNS (counted apart),
 * connections that existed before start, and the second report of one connection (its end, or what
 * packets tell of one that a process of this machine made).
 */
#ifndef CORRELATE_CORRELATE_H
#define CORRELATE_CORRELATE_H

#include "base/hash.h"
#include "base/lookahead.h"
#include "correlate/connection.h"
#include "correlate/tie.h"
#include "dns/observation.h"

struct correlate_config {
	size_t max_addresses; /* default 131072 */
	uint64_t keep_ns; /* a mapping outlives its last answer by this; default 24 h */
	size_t max_mappings; /* pairs of address and name; default 196608 */
	size_t max_names; /* default 65536 */
	size_t max_ties; /* triples of host, address and name; default 131072 */
	uint64_t home_netns; /* source addresses of this namespace are this machine's; 0: none
				is learnt from connections */
};

struct correlate_stats {
	uint64_t answers, connections, explained, unexplained, evicted;
	size_t table_bytes;
	uint64_t relayed; /* answers that a forwarder handed on; not in `answers` again */
	uint64_t late; /* explained by an answer whose TTL had passed */
	uint64_t same_host, same_process; /* of the first names */
	uint64_t nameless; /* mappings found without their name (evicted) */
	uint64_t encrypted_dns; /* connections to resolvers over TLS, QUIC or HTTPS */
	uint64_t not_counted; /* neither explained nor unexplained, see above */
	uint64_t evicted_names, evicted_ties;
};

struct correlator;
struct correlate_config correlate_config_default(void);
int correlator_new(const struct correlate_config *cfg, const struct hash_key *key,
		   struct correlator **ret);
void correlator_free(struct correlator *c);
/* An address of this machine. */
void correlator_local(struct correlator *c, const struct ip_addr *addr);
bool correlator_is_local(const struct correlator *c, const struct ip_addr *addr);
void correlator_response(struct correlator *c, const struct dns_observation *obs);

/*
 * The same in two steps: correlator_plan() works out what is to be looked up and, unless @l is
 * NULL, begins to fetch it; then, a little later each, come lookahead_entries(),
 * correlator_expect_more() and correlator_planned(). Responses are planned in the order in which
 * they are taken, and no connection comes between the two.
 */
#define CORRELATE_PLANNED 12 /* addresses; the work on those beyond is done when it is due */

struct correlate_plan {
	struct tie_client client; /* time_ns 0: no address yet */
	const struct dns_name *owner, *query; /* of the last one */
	uint64_t owner_key, query_key;
	size_t next; /* record to go on with */
	size_t len;
	struct {
		const struct dns_obs_record *record;
		const struct dns_name *query;
		uint64_t owner_key, query_key, addr_key, key;
	} at[CORRELATE_PLANNED];
};

void correlator_plan(struct correlator *c, const struct dns_observation *obs,
		     struct correlate_plan *ret, struct lookahead *l);
/* @len: of what @l holds, the part that correlator_plan() added. */
void correlator_expect_more(const struct correlator *c, const struct lookahead *l, size_t len);
void correlator_planned(struct correlator *c, const struct dns_observation *obs,
			struct correlate_plan *plan);
/* Fill conn->names, best first, and conn->encrypted_dns. */
void correlator_connection(struct correlator *c, struct connection *conn);
void correlator_stats(const struct correlator *c, struct correlate_stats *ret);

/* Where the view is worst: hosts and executables by unexplained connections, most first. */
struct correlate_blind {
	struct ip_addr host;
	char exe[128]; /* empty when the process is not known */
	uint64_t connections, unexplained, encrypted_dns;
};
size_t correlator_blind_top(const struct correlator *c, struct correlate_blind *ret, size_t max);

#endif
