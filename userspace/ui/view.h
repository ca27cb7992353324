/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the live view of `run` and `fluxtap top` show: a snapshot of the monitor, small enough to
 * cross the control socket once a second. Plain values, no pointers: copy it, compare two.
 */
#ifndef UI_VIEW_H
#define UI_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detect/alert.h"
#include "report/ledger.h"

#define VIEW_IFACES_MAX	 16
#define VIEW_ROWS_MAX	 32
#define VIEW_REASONS_MAX 4
#define VIEW_NAME_MAX	 256 /* longer names are shown cut */

/* What the monitor knows; all borrowed for the call. */
struct status_iface {
	const char *name, *mode; /* "eth0", "xdp native" */
};

struct status {
	uint64_t time_ns; /* Unix time */
	const char *sensor;
	const struct ledger *ledger;
	const struct status_iface *ifaces;
	size_t ifaces_len;
	const struct alert *top; /* detector_top() */
	size_t top_len;
};

/* Counters by name: one list for the struct, its JSON and its reading. */
#define VIEW_COUNTERS(X)                                                             \
	X(uptime_s)                                                                  \
	X(seen)                                                                      \
	X(responses)                                                                 \
	X(emitted)                                                                   \
	X(repeats)                                                                   \
	X(ring_full)                                                                 \
	X(shed)                                                                      \
	X(refused)   /* in the kernel, all reasons */                                \
	X(parsed)                                                                    \
	X(malformed) /* in user space, all reasons */                                \
	X(fresh_sets)                                                                \
	X(changes)                                                                   \
	X(alerts)                                                                    \
	X(names)                                                                     \
	X(candidates)                                                                \
	X(evicted)   /* out of any table */                                          \
	X(table_bytes)                                                               \
	X(connections)                                                               \
	X(unexplained)                                                               \
	X(connect_lost)                                                              \
	X(events_dropped)                                                            \
	X(history_dropped)

struct view_reason {
	char name[32];
	uint64_t count;
};

struct view_iface {
	char name[16], mode[32];
};

struct view_row {
	char domain[VIEW_NAME_MAX];
	char verdict[20], confidence[8]; /* "" for none */
	char process[40];		 /* the busiest process that connects there */
	double score, effective_asns, novelty, reentry;
	uint32_t distinct_ips, fresh_sets, ttl_max, connects;
};

struct view {
	uint64_t time_ns;
	char sensor[64];
	bool balanced, filtering;
	char unbalanced[32]; /* the sum that does not hold */
#define VIEW_MEMBER(name) uint64_t name;
	VIEW_COUNTERS(VIEW_MEMBER)
#undef VIEW_MEMBER
	size_t reasons_len, ifaces_len, rows_len;
	struct view_reason reasons[VIEW_REASONS_MAX]; /* most frequent first */
	struct view_iface ifaces[VIEW_IFACES_MAX];
	struct view_row rows[VIEW_ROWS_MAX];
};

void view_fill(struct view *ret, const struct status *status);

#endif
