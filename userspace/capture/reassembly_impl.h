/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the parts of the reassembly: dispatch, IP fragments, TCP streams. */
#ifndef CAPTURE_REASSEMBLY_IMPL_H
#define CAPTURE_REASSEMBLY_IMPL_H

#include "base/table.h"
#include "capture/reassembly.h"

#define DNS_HEADER_BYTES 12
#define MESSAGE_MAX	 65535U

/* Doubly linked, oldest first; the nodes sit in table entries, which do not move. */
struct order {
	struct order_node *first, *last;
};

struct order_node {
	struct order_node *prev, *next;
};

static inline void order_append(struct order *o, struct order_node *n)
{
	n->prev = o->last;
	n->next = NULL;
	if (o->last)
		o->last->next = n;
	else
		o->first = n;
	o->last = n;
}

static inline void order_remove(struct order *o, struct order_node *n)
{
	*(n->prev ? &n->prev->next : &o->first) = n->next;
	*(n->next ? &n->next->prev : &o->last) = n->prev;
}

struct reassembly {
	struct reassembly_config cfg;
	struct reassembly_ops ops;
	void *ctx;
	struct reassembly_stats stats;
	uint64_t now_ns; /* largest time seen */

	struct table *packets; /* struct ip_packet */
	struct order packets_order; /* by first fragment */
	struct order packets_condemned;
	size_t packets_bytes;

	struct table *streams; /* struct tcp_stream */
	struct order streams_order; /* by last segment */
	struct order streams_holding;
	uint64_t tcp_tick_ns; /* when to look for time-outs again */
	size_t streams_bytes;
};

/* The TCP segment behind an IP header, already cut to its payload. */
struct tcp_piece {
	uint64_t time_ns;
	const struct ft_packet *pkt; /* ports set */
	uint32_t seq;
	uint8_t flags;
	const uint8_t *payload;
	size_t len;
};

static inline uint16_t load16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* A header with QR=1 (RFC 1035 4.1.1). */
static inline bool is_response(const uint8_t *msg, size_t len)
{
	return len >= 3 && msg[2] & 0x80;
}

void reassembly_refuse(struct reassembly *r, uint64_t time_ns, const struct ft_packet *pkt,
		       unsigned int reason);

int fragments_new(struct reassembly *r);
void fragments_feed(struct reassembly *r, const struct ft_fragment *f);
void fragments_tick(struct reassembly *r, uint64_t now_ns);

int tcp_new(struct reassembly *r);
void tcp_feed(struct reassembly *r, const struct tcp_piece *s);
void tcp_tick(struct reassembly *r, uint64_t now_ns);

#endif
