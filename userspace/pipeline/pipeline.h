/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one path from a record to a finding, the same for `run` and `replay`:
 *
 *   record ► reassembly ► message ► observation ► correlate, churn, detect ► lines and alerts
 *
 * Single-threaded; reads no clock: time comes with the records, and pipeline_tick() moves it on
 * when nothing arrives.
 */
#ifndef PIPELINE_PIPELINE_H
#define PIPELINE_PIPELINE_H

#include "base/hash.h"
#include "capture/reassembly.h"
#include "capture/record.h"
#include "churn/change.h"
#include "correlate/correlate.h"
#include "detect/detector.h"
#include "report/ledger.h"

enum pipeline_event { /* bits of pipeline_config.emit */
		      PIPELINE_DNS = 1 << 0,
		      PIPELINE_ANOMALY = 1 << 1,
		      PIPELINE_CHURN = 1 << 2,
		      PIPELINE_CONNECT = 1 << 3,
		      PIPELINE_ALERT = 1 << 4,
		      PIPELINE_STATS = 1 << 5,
		      PIPELINE_ALL = (1 << 6) - 1,
		      PIPELINE_REPEAT =
			      1 << 6, /* to ops.line only: "dns" that stands for known responses */
};

enum pipeline_connects {
	PIPELINE_CONNECTS_OFF,
	PIPELINE_CONNECTS_CANDIDATES,
	PIPELINE_CONNECTS_ALL
};

struct pipeline_config {
	unsigned int emit; /* which events become lines */
	enum pipeline_connects connects; /* which connections become lines */
	const char *sensor; /* borrowed for the pipeline's life */
	int utc_offset_s;
	struct reassembly_config reassembly;
	struct correlate_config correlate;
	const struct detect_config *detect; /* borrowed until replaced */
	struct enrich *enrich; /* borrowed; may be NULL */
	struct hash_key key;
	bool detection; /* false: events only, nothing is tracked */
	/* What packets tell of a connection waits so long for what its process tells; 0: not. */
	uint64_t flow_hold_ns;
	/*
	 * Analyse a response only when some more have been read, so that memory has the time to
	 * bring what it needs. For capture files; no effect where lines of the responses themselves
	 * are wanted, between which those of the analysis have their place.
	 */
	bool lookahead;
};

/* All borrowed for the call; members may be NULL. */
struct pipeline_ops {
	/* one JSON object with its newline */
	void (*line)(void *ctx, enum pipeline_event kind, const char *line, size_t len);
	void (*observation)(void *ctx, const struct dns_observation *obs);
	void (*alert)(void *ctx, const struct alert *alert, const char *line, size_t len);
	void (*change)(void *ctx, const struct churn_change *change);
	void (*connection)(void *ctx, const struct connection *conn); /* its names joined */
	void (*watch)(void *ctx, const struct ip_addr *addr, bool on);
	const char *(*interface_name)(void *ctx, uint32_t ifindex); /* NULL: unknown */
};

struct pipeline;

int pipeline_new(const struct pipeline_config *cfg, const struct pipeline_ops *ops, void *ctx,
		 struct pipeline **ret);
void pipeline_free(struct pipeline *p);

/* Another capture begins, whose clock may stand anywhere: pieces that wait for others from the
 * last one are given up, the time begins anew. */
void pipeline_begin_source(struct pipeline *p);
/* In replay: which file and frame the next records come from; @filename is borrowed. */
void pipeline_set_frame(struct pipeline *p, const char *filename, uint64_t number);

/* A record_fn: @ctx is the pipeline. */
void pipeline_record(void *ctx, const struct ft_event_hdr *rec);
void pipeline_observation(struct pipeline *p, const struct dns_observation *obs); /* from logs */
void pipeline_connection(struct pipeline *p, struct connection *conn);
/* An address of the machine the monitor runs on: answers to it are answers to its processes. */
void pipeline_local_address(struct pipeline *p, const struct ip_addr *addr);
void pipeline_tick(struct pipeline *p, uint64_t now_ns);

/* Write a stats line; the parts of @ledger that the pipeline knows are filled in here. */
void pipeline_stats(struct pipeline *p, uint64_t now_ns, struct ledger *ledger);
void pipeline_fill_ledger(const struct pipeline *p, struct ledger *ledger);

/* Let the analysis catch up with what was given. pipeline_stats() and pipeline_tick() do, too. */
void pipeline_flush(struct pipeline *p);
struct detector *pipeline_detector(struct pipeline *p); /* NULL without detection */
uint64_t pipeline_now(const struct pipeline *p); /* latest time seen */

#endif
