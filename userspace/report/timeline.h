/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happened to names that change, in order, for `explain`: changed answers, name servers,
 * connections, verdicts.  Bounded: a table of names, of each the first entries and the latest;
 * what was between is counted.  A name enters with its first change of answers; connections and
 * verdicts are noted for names that are in.
 */
#ifndef REPORT_TIMELINE_H
#define REPORT_TIMELINE_H

#include "base/hash.h"
#include "churn/change.h"
#include "correlate/connection.h"
#include "detect/alert.h"

#define TIMELINE_HEAD	  8 /* entries of a name that stay, from its beginning … */
#define TIMELINE_TAIL	  24 /* … and its latest */
#define TIMELINE_VERDICTS 8
#define TIMELINE_SHOWN	  64 /* of a name, its zone and its name servers together */
#define TIMELINE_ADDRS	  2
#define TIMELINE_TEXT	  64

enum timeline_kind {
	TIMELINE_FIRST, /* the first answer */
	TIMELINE_CHANGED, /* addresses never answered before */
	TIMELINE_RETURNED, /* only addresses answered before */
	TIMELINE_SERVERS, /* the NS set or its addresses */
	TIMELINE_CONNECT,
	TIMELINE_VERDICT,
	TIMELINE_RECORD, /* one record of the history: text is its data, last_ns its last sighting
			  */
};

struct timeline_entry {
	uint64_t time_ns, last_ns; /* last_ns: of the latest that `count` stands for */
	uint8_t kind; /* enum timeline_kind */
	uint8_t proto, verdict, confidence, state; /* CONNECT; VERDICT: as in struct alert */
	uint16_t rrtype, port;
	uint16_t added, removed; /* addresses or names */
	uint32_t set_size, distinct, ttl_s;
	uint32_t count; /* connections or sightings like this one */
	int err; /* CONNECT: positive errno, 0: it went well */
	float score;
	struct ip_addr addrs[TIMELINE_ADDRS]; /* the first added; CONNECT: to and from */
	char text[TIMELINE_TEXT]; /* names added, or the program that connected; "" without */
};

struct timeline;

/* @names: how many are remembered (rounded up to a power of two). 0 or -ENOMEM. */
int timeline_new(size_t names, const struct hash_key *key, struct timeline **ret);
void timeline_free(struct timeline *t); /* NULL is fine, for the calls below too */

void timeline_change(struct timeline *t, const struct churn_change *change);
void timeline_connection(struct timeline *t, const struct connection *conn);
void timeline_alert(struct timeline *t, const struct alert *alert);

struct timeline_view {
	size_t len;
	struct timeline_entry entries[TIMELINE_SHOWN]; /* in order of time */
	uint64_t left_out; /* entries that there were, but are not among these */
};

/* The entries of @alert's name and of the zones above it, with its first answer. */
void timeline_get(struct timeline *t, const struct alert *alert, struct timeline_view *ret);
/* Sort by time; keep the head and the latest when there are more than fit. */
void timeline_add(struct timeline_view *v, const struct timeline_entry *entry);

struct timeline_stats {
	uint64_t names, evicted, bytes;
};
void timeline_stats(const struct timeline *t, struct timeline_stats *ret);

const char *timeline_kind_name(enum timeline_kind kind); /* "changed", … */

#endif
