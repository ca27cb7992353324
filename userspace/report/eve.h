/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVE JSON Lines (docs/output.md, the contract's section 2): values in, one line each appended
 * to a buffer.  Pure formatting: no file, no clock, no state but the sensor's name.
 */
#ifndef REPORT_EVE_H
#define REPORT_EVE_H

#include "base/buf.h"
#include "capture/reassembly.h"
#include "churn/change.h"
#include "correlate/connection.h"
#include "detect/alert.h"
#include "dns/message.h"

struct eve_context { /* what every line may carry; NULL and 0 are absent */
	const char *sensor;
	const char *in_iface;
	const char *pcap_filename;
	uint64_t pcap_cnt;
	int utc_offset_s;
};

void eve_dns(struct buf *out, const struct eve_context *ctx, const struct message_unit *unit,
	     const struct dns_message *msg);
void eve_anomaly(struct buf *out, const struct eve_context *ctx, uint64_t time_ns,
		 const struct ft_packet *pkt, unsigned int reason);
void eve_churn(struct buf *out, const struct eve_context *ctx, const struct churn_change *change);
void eve_connect(struct buf *out, const struct eve_context *ctx, const struct connection *conn);
void eve_alert(struct buf *out, const struct eve_context *ctx, const struct alert *alert);

struct ledger; /* report/ledger.h */
void eve_stats(struct buf *out, const struct eve_context *ctx, uint64_t time_ns,
	       const struct ledger *ledger);

#endif
