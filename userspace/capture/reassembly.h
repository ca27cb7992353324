/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From records to whole DNS messages: UDP responses pass through, IP fragments and TCP/53
 * segments are put together within stated limits of count, bytes and time.  Owned tables are
 * bounded; evictions, overlaps, gaps and time-outs are counted by reason.
 *
 * Fragments: an overlap ends the whole packet (RFC 5722 4); an exact repetition is passed over
 * (RFC 8200 4.5). Streams: only the direction from the server. A stream seen from the middle is
 * taken up at a segment that begins like a response with its length; the same rule finds the way
 * back behind a hole that nothing fills for 5 s, or before limits or the end of the stream.
 */
#ifndef CAPTURE_REASSEMBLY_H
#define CAPTURE_REASSEMBLY_H

#include "base/hash.h"
#include "capture/record.h"

/* One DNS message, QR=1, at least a header long. Borrowed for the call. */
struct message_unit {
	uint64_t time_ns;
	const struct ft_packet *pkt;
	const struct ft_response *response; /* the ring record it came in; NULL when reassembled */
	const uint8_t *bytes;
	size_t len;
};

struct reassembly_config {
	size_t max_fragments_bytes;	/* memory for pending IP packets; default 4 MiB */
	size_t max_tcp_streams;		/* default 4096 */
	size_t max_tcp_bytes;		/* memory for out-of-order segments; default 16 MiB */
	uint64_t fragment_timeout_ns;	/* default 5 s */
	uint64_t tcp_timeout_ns;	/* default 30 s */
	uint16_t ports[16];		/* DNS ports, host order, for packets whose first fragment */
	size_t ports_len;		/* does not reach to the ports; default { 53 } */
	struct hash_key key;		/* of the tables; default random, fixed where runs must repeat */
};

struct reassembly_ops {
	void (*message)(void *ctx, const struct message_unit *unit);
	/* a message or piece given up, by reason; @pkt may be NULL */
	void (*refused)(void *ctx, uint64_t time_ns, const struct ft_packet *pkt,
			unsigned int reason);
};

struct reassembly_stats {
	uint64_t records;	/* taken in */
	uint64_t passed;	/* UDP responses passed through whole */
	uint64_t fragments, segments; /* pieces taken in */
	uint64_t from_fragments, from_tcp; /* messages put together, or cut from a stream */
	uint64_t ignored;	/* pieces that turned out not to be of a DNS response */
	uint64_t evicted_fragments, evicted_streams;
	uint64_t bytes_pending;
};

struct reassembly;
struct reassembly_config reassembly_config_default(void);
int reassembly_new(const struct reassembly_config *cfg, const struct reassembly_ops *ops, void *ctx,
		   struct reassembly **ret);
void reassembly_free(struct reassembly *r);
/* RESPONSE, FRAGMENT and SEGMENT records; others are ignored. Time comes from the record. */
void reassembly_feed(struct reassembly *r, const struct ft_event_hdr *rec);
/*
 * Time out what waits too long; call at least once a second of record time, and with UINT64_MAX
 * at the end of a capture: what waits behind a hole is then read as far as it can be.
 */
void reassembly_tick(struct reassembly *r, uint64_t now_ns);
/* A capture has ended: give up what waits; the next one's clock may stand anywhere. */
void reassembly_end_source(struct reassembly *r);
const struct reassembly_stats *reassembly_stats(const struct reassembly *r);

#endif
