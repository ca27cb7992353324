/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loss ledger (contract, section 4): every frame in exactly one counter, the sums of each
 * stage compared.  A snapshot; counters only grow.
 */
#ifndef REPORT_LEDGER_H
#define REPORT_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <fluxtap/ledger.h>

#include "capture/reassembly.h"
#include "correlate/correlate.h"
#include "correlate/flow.h"
#include "correlate/foreign.h"
#include "correlate/lease.h"
#include "detect/detector.h"
#include "report/timeline.h"

#define LEDGER_BLIND_MAX 5

struct ledger {
	/* stage 1, kernel or native decoder: enum ft_counter */
	uint64_t kernel[FT_COUNTER_MAX];
	/* stage 2: records read from the ring: emitted = consumed (once the ring is drained) */
	uint64_t consumed;
	uint64_t in_ring; /* emitted but not yet read when the snapshot was taken */
	uint64_t samples; /* REFUSED, FLOW and DHCP records, beside `emitted` */
	/*
	 * stage 3: consumed + reassembled = parsed + malformed{reason} + pieces, where pieces are
	 * the fragments and segments taken in. A record that is none (bad_event) is malformed. What
	 * reassembly gives up (time-outs, gaps, limits) was a piece already: it is counted beside
	 * the sum, in given_up.
	 */
	struct reassembly_stats reassembly;
	uint64_t parsed;
	uint64_t observed; /* responses from logs and reports: no frame of ours, beside the sums */
	uint64_t malformed[FT_COUNTER_MAX]; /* by reason */
	uint64_t given_up[FT_COUNTER_MAX]; /* by reason: reassembly_ops.refused */
	/* sinks and tables */
	uint64_t events_written, events_dropped; /* queue full */
	uint64_t history_written, history_dropped;
	struct correlate_stats correlate;
	struct detector_stats detect;
	uint64_t connect_records, connect_lost;
	struct timeline_stats timelines; /* what explain remembers; bytes 0: nothing */
	struct flow_stats flows; /* gateway connections */
	uint64_t flows_before_watch, flows_overwritten; /* kernel_stats: recent_found, _missed */
	struct lease_stats leases; /* DHCP messages */
	struct foreign_stats foreign; /* reports of other machines */
	/* the kernel's repeat filter; names_max 0: not there */
	uint64_t filter_names_max, filter_evictions, filter_evicted_repeats, filter_evicted_folded;
	uint64_t filter_skeletons_learnt;
	uint64_t samples_lost; /* REFUSED and FLOW records over their rate or without room */
	/* where connections are explained least: names that were looked up out of our sight */
	size_t blind_len;
	struct correlate_blind blind[LEDGER_BLIND_MAX];
	uint64_t uptime_ns;
	const char *capture_mode; /* "xdp native", …; NULL absent */
	bool filtering; /* the kernel's repeat filter is on */
};

/*
 * All sums of the stages hold. @ret_which may be NULL; it is set to a word for the first sum that
 * does not hold, else to NULL: "kernel_seen", "kernel_response", "ring", "reassembly", "messages".
 */
bool ledger_balanced(const struct ledger *l, const char **ret_which);
/* Those of the kernel stage alone: they do not hold while a frame is on its way through it. */
bool ledger_kernel_balanced(const struct ledger *l);

#endif
