/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seam of the capture: whoever sees packets (kernel ring, kernel test_run engine, native
 * decoder) hands records of <fluxtap/event.h> to a record_fn; whatever follows knows only those.
 */
#ifndef CAPTURE_RECORD_H
#define CAPTURE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fluxtap/event.h>
#include <fluxtap/ledger.h>

/* @rec was checked by record_valid(); borrowed for the call. hdr.time_ns is Unix time here. */
typedef void (*record_fn)(void *ctx, const struct ft_event_hdr *rec);

/*
 * True when @bytes bytes at @rec hold one record of a known kind and version whose inner sizes
 * fit into it. The one place where that is checked.
 */
bool record_valid(const void *rec, size_t bytes);

/* "short_l2", …; "none" for FT_REASON_NONE, NULL for what is no reason. */
const char *reason_name(unsigned int reason);
/* Stage counters "seen", …; NULL beyond FT_STAGE_MAX. */
const char *stage_name(unsigned int stage);
/* The protocol layer a reason belongs to, for anomaly events: "ethernet", "ip", "udp", "dns"… */
const char *reason_layer(unsigned int reason);
/* "gre", "vxlan", …; NULL for unknown. */
const char *tunnel_name(unsigned int tunnel);

#endif
