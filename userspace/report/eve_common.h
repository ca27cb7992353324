/* SPDX-License-Identifier: BSD-2-Clause */
/* What all EVE events begin with. Inside report/ only. */
#ifndef REPORT_EVE_COMMON_H
#define REPORT_EVE_COMMON_H

#include <fluxtap/event.h>

#include "report/eve.h"
#include "report/json.h"

/* '{', the time, the type and the sensor. */
void eve_begin(struct buf *out, const struct eve_context *ctx, uint64_t time_ns, const char *type);

/* Interface, VLANs, addresses, tunnels, and the place in the capture file. @pkt may be NULL. */
void eve_packet(struct buf *out, const struct eve_context *ctx, const struct ft_packet *pkt);

/* pcap_filename and pcap_cnt alone. */
void eve_capture(struct buf *out, const struct eve_context *ctx);

/* src_ip … ip_v; ports in host order, 0 is absent. */
struct eve_flow {
	const uint8_t *src, *dst; /* 16 bytes, IPv4 mapped */
	unsigned int sport, dport, ip_proto;
	bool v4;
};
void eve_flow(struct buf *out, const struct eve_flow *flow);

#endif
