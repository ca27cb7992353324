/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the events write: a packet, a message, a connection. */
#ifndef UNIT_LIBEVE_H
#define UNIT_LIBEVE_H

#include "report/eve.h"

#define TEN_O_CLOCK 1795255200000000000U /* 2026-11-21T10:00:00Z */

static const struct eve_context gw1 = { .sensor = "gw1", .in_iface = "eth0", .pcap_cnt = 17 };

struct ft_packet packet_v4(void);
struct connection connection_sample(void);

/* Header, question www.example.com A, an A record, an NS record and its glue. */
#define SAMPLE_BYTES 83
extern const uint8_t sample[SAMPLE_BYTES + 1];

/* Parse @len bytes as a message and write its event; returns what the parser returned. */
int write_dns(struct buf *out, const struct eve_context *ctx, const struct ft_packet *pkt,
	      const struct ft_response *response, const uint8_t *bytes, size_t len);

#endif
