/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From records to whole DNS messages: UDP responses pass through, IP fragments and TCP/53
 * segments are put together within stated limits of count, bytes and time.  Owned tables are
 * bounded; evictions, overlaps, gaps and time-outs are counted by reason.
 */
#ifndef CAPTURE_REASSEMBLY_H
#define CAPTURE_REASSEMBLY_H

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
	uint64_t from_fragments, from_tcp; /* messages put together */
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
/* Time out what waits too long; call at least once a second of record time. */
void reassembly_tick(struct reassembly *r, uint64_t now_ns);
const struct reassembly_stats *reassembly_stats(const struct reassembly *r);

#endif
