/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same values as eve.h, for people at a terminal: an alert as a block of lines, everything
 * else as one line.  Strings that others chose (processes, paths) come without control characters.
 */
#ifndef REPORT_HUMAN_H
#define REPORT_HUMAN_H

#include "base/buf.h"
#include "churn/change.h"
#include "correlate/connection.h"
#include "detect/alert.h"
#include "dns/observation.h"

struct human_style {
	bool colour; /* ANSI SGR sequences */
	int utc_offset_s; /* times are shown with it */
	bool as_of; /* of an evaluation that was asked for, not of an alert that was raised */
};

void human_alert(struct buf *out, const struct human_style *style, const struct alert *alert);
void human_dns(struct buf *out, const struct human_style *style, const struct dns_observation *obs);
void human_churn(struct buf *out, const struct human_style *style,
		 const struct churn_change *change);
void human_connect(struct buf *out, const struct human_style *style, const struct connection *conn);

/* Append @text, control characters and what is no UTF-8 as '?'. NULL appends nothing. */
void human_text(struct buf *out, const char *text);

/* "2026-11-21 10:00:00", or only the time of day with milliseconds. */
void human_time(struct buf *out, const struct human_style *style, uint64_t time_ns);
void human_clock(struct buf *out, const struct human_style *style, uint64_t time_ns);

#endif
