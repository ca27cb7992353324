/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From observations and connections to findings.  Single-threaded, deterministic: equal
 * configuration, key and input give equal output, byte for byte.  Time comes from the inputs
 * (Unix nanoseconds, may step back a little between sources); no clock is read.
 */
#ifndef DETECT_DETECTOR_H
#define DETECT_DETECTOR_H

#include "base/hash.h"
#include "base/lookahead.h"
#include "churn/change.h"
#include "correlate/connection.h"
#include "detect/alert.h"
#include "dns/observation.h"
#include "enrich/enrich.h"

struct detect_config; /* detect/config.h: every detect.* key with its default */
struct detector;

/* What is passed is borrowed for the call. Members may be NULL. */
struct detector_ops {
	void (*churn)(void *ctx, const struct churn_change *change);
	void (*alert)(void *ctx, const struct alert *alert);
	/* @addr joins or leaves the set of addresses whose connections are wanted */
	void (*watch)(void *ctx, const struct ip_addr *addr, bool on);
	/* what that host calls itself, or NULL; @mac may be NULL */
	const char *(*host_name)(void *ctx, const struct ip_addr *addr, const uint8_t *mac);
};

/* @enrich may be NULL: prefix diversity then stands in for ASNs. @key seeds the tables. */
int detector_new(const struct detect_config *cfg, struct enrich *enrich, const struct hash_key *key,
		 const struct detector_ops *ops, void *ctx, struct detector **ret);
void detector_free(struct detector *d);

void detector_response(struct detector *d, const struct dns_observation *obs);
/*
 * The same in steps: detector_expect() begins to fetch what it will need and keeps in @ret what it
 * worked out.  After lookahead_entries() of @l comes detector_expect_more(), which fills @more, for
 * lookahead_entries() again; then detector_expected() takes the response.
 * @from: where in @l what detector_expect() added begins.
 */
struct detect_plan {
	uint64_t server, client; /* unit hashes of who answered and who asked */
	uint64_t transaction; /* key of the answer of this type */
	uint16_t type; /* 0: there is none */
};
void detector_expect(const struct detector *d, const struct dns_observation *obs,
		     struct lookahead *l, struct detect_plan *ret);
void detector_expect_more(const struct detector *d, const struct dns_observation *obs,
			  const struct lookahead *l, size_t from, struct lookahead *more);
void detector_expected(struct detector *d, const struct dns_observation *obs,
		       const struct detect_plan *plan);
/* @conn->names as the join found them. */
void detector_connection(struct detector *d, const struct connection *conn);
/* Ageing, downgrades; call about once a second of input time. */
void detector_tick(struct detector *d, uint64_t now_ns);
/* Responses were lost somewhere in [from, to]: verdicts whose window overlaps say `degraded`. */
void detector_loss(struct detector *d, uint64_t from_ns, uint64_t to_ns);

/* New lists or thresholds after SIGHUP; tables and learned state stay. */
void detector_reconfigure(struct detector *d, const struct detect_config *cfg);

/*
 * The evaluation of @name as of @now_ns, alert or not. 0, or -ENOENT when the name (and its
 * registered domain) is not tracked. @ret is large (about 16 KiB): not for the stack of a thread
 * with a small one.
 */
int detector_explain(struct detector *d, const struct dns_name *name, uint64_t now_ns,
		     struct alert *ret);
/* The @max highest-scored candidates, highest first, into @ret; returns how many. */
size_t detector_top(struct detector *d, uint64_t now_ns, struct alert *ret, size_t max);

struct detector_stats {
	uint64_t responses, fresh_sets, changes, candidates, alerts;
	uint64_t names, evicted_names, evicted_candidates, folded_names, suppressed;
	size_t table_bytes;
	size_t candidate_bytes; /* of these, in use by names under examination */
};
void detector_stats(const struct detector *d, struct detector_stats *ret);

/* Learned state (ages, popularity, hosting networks), one file each, written atomically. */
int detector_save(const struct detector *d, const char *dir);
int detector_load(struct detector *d, const char *dir); /* -ENOENT: none yet; -EBADMSG: damaged */

#endif
