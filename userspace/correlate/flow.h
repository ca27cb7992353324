/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gateway connections: from the packets to and from watched addresses (struct ft_flow) to
 * connections with the client's address and MAC.  A SYN opens an attempt; SYN/ACK makes it OK,
 * RST fails it with ECONNREFUSED, silence with ETIMEDOUT; the first datagram of a UDP flow is OK at
 * once, for nothing tells whether it was answered.  Each is handed over once, with its outcome.
 *
 * Where processes of this machine are watched as well, both ways lead to the same connection: the
 * packets' account then waits hold_ns for the process's, and is marked `seen_locally` when that
 * came, for who takes it has to count the connection once; and `adds_host` when the process's did
 * not tell its address, as of UDP sockets that are bound to none.  Where the machine puts an address of
 * its own in place of a container's, its port tells that the two are one, unless it was translated too.  A process that tries longer than timeout_ns tells when the packets' account has been
 * handed over as ETIMEDOUT: flows_told() says so, and who takes its account has to count it not again.
 *
 * Likewise an answer to an address of the machine's own belongs to the client behind it that used the
 * port, where nobody tells of the translation.
 *
 * SYNs sent again belong to the attempt that nobody has answered, as long as it takes; should an
 * answer come after timeout_ns, the connection is handed over once more, as OK.
 *
 * Bounded: at max_flows one not lately used gives way; an attempt among them is handed over without
 * outcome, and counted.  Time comes from the records.
 */
#ifndef CORRELATE_FLOW_H
#define CORRELATE_FLOW_H

#include <fluxtap/event.h>

#include "base/hash.h"
#include "correlate/connection.h"

struct flow_config {
	size_t max_flows;    /* attempts and flows remembered; default 16384 */
	uint64_t timeout_ns; /* a SYN waits this long for its answer; default 30 s */
	uint64_t hold_ns;    /* an outcome waits this long for a process's account; default 0 */
	size_t max_local;    /* accounts of processes remembered; default 16384 */
	/* is it an address of this machine's own? NULL: none is. Called with ctx */
	bool (*is_own)(void *ctx, const struct ip_addr *addr);
	void *ctx;
};

typedef void (*flow_fn)(void *ctx, struct connection *conn); /* borrowed; names empty */

struct flow_stats {
	uint64_t records;
	uint64_t attempts, ok, refused, timed_out;
	uint64_t udp;
	uint64_t repeats;  /* SYNs sent again, packets of what was handed over */
	uint64_t strays;   /* SYN/ACK or RST without an attempt */
	uint64_t evicted;  /* handed over early, an attempt without outcome, for want of room */
	uint64_t local;    /* handed over as seen_locally */
	uint64_t evicted_local;
	size_t table_bytes;
};

struct flows;
struct flow_config flow_config_default(void);
int flows_new(const struct flow_config *cfg, const struct hash_key *key, flow_fn fn, void *ctx,
	      struct flows **ret);
void flows_free(struct flows *f);
/* @rec: checked, hdr.time_ns is Unix time. */
void flows_record(struct flows *f, const struct ft_flow *rec);
/* A connection that a process of this machine made. */
void flows_local(struct flows *f, const struct connection *conn);
/* Were the packets of it handed over before @conn, a process's account, came? */
bool flows_told(const struct flows *f, const struct connection *conn);
/* Time out what waits too long, hand over what was held; about once a second of record time. */
void flows_tick(struct flows *f, uint64_t now_ns);
void flows_stats(const struct flows *f, struct flow_stats *ret);

#endif
