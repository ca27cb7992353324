/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Passive DNS history and the log of alerts, in SQLite.  What is observed is added up in bounded
 * memory by the caller's thread and written by a thread of the store's own, one transaction an
 * interval; the caller never waits for the disk.  A killed process loses at most what came since
 * the last transaction, and the next store_open() says so.
 *
 * The thread reads the monotonic clock for its interval; the times stored are those of the input.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "detect/alert.h"
#include "dns/observation.h"

struct store_config {
	const char *path; /* the database; borrowed for store_open() */
	const char *sensor; /* sensor_id of what is stored; copied; NULL: none */
	uint64_t interval_ns; /* between transactions; default 5 s */
	size_t max_entries; /* distinct records an interval can hold; default 65,536 … */
	size_t max_bytes; /* … and bytes of names in them; default 8 MiB. Two such sets exist. */
	size_t max_alerts_waiting; /* default 4,096 */
	uint64_t max_rows; /* of the history; the longest not seen go first; default 10,000,000 */
	uint64_t max_age_s; /* not seen for so long: removed; default 180 days, 0: never */
	uint64_t max_alerts; /* rows of the alert log; default 1,000,000 */
	bool block; /* replay: wait for the thread instead of dropping */
	struct hash_key key; /* default: the fixed one */
};

struct store_stats {
	uint64_t observed; /* records handed in (each with its repeats counts once) */
	uint64_t dropped; /* records turned away: the set of the interval was full */
	uint64_t rows_written; /* rows inserted or brought up to date */
	uint64_t rows; /* in the history now */
	uint64_t pruned; /* rows removed by age or number */
	uint64_t alerts_written, alerts_dropped;
	uint64_t transactions, errors; /* committed; failed and tried again */
	uint64_t waiting; /* distinct records not yet written */
};

struct store;

struct store_config store_config_default(void);

/*
 * Open or create @cfg->path (mode 0640) and start the thread. 0 or negative errno with a line for
 * people in @err: -EBADMSG when the file is damaged or no history, -EPROTO when it is of a newer
 * version. *ret_notice (never NULL) is set to a line worth logging, or "" when there is none: that
 * the last run did not end cleanly. Its text lives in the store.
 */
int store_open(const struct store_config *cfg, struct store **ret_store, const char **ret_notice,
	       char *err, size_t err_len);

/* Add the A, AAAA, NS and CNAME records of @obs. One thread at a time. */
void store_observe(struct store *s, const struct dns_observation *obs);

/*
 * Log an alert: its EVE line @json (of @json_len bytes, newline or not) and the @text for people.
 * Copied; written within moments rather than at the next interval.
 */
void store_alert(struct store *s, const struct alert *alert, const char *json, size_t json_len,
		 const char *text, size_t text_len);

/* Write what waits now and return when it is on its way to the disk. 0 or negative errno. */
int store_flush(struct store *s);

void store_stats(struct store *s, struct store_stats *ret);

/*
 * Write what waits, mark the end as clean, close. After @timeout_ns (UINT64_MAX: never) the
 * transaction under way is given up: -ETIMEDOUT, and the next start says what may be missing.
 * @ret_stats: NULL or the final figures. @s may be NULL.
 */
int store_close(struct store *s, uint64_t timeout_ns, struct store_stats *ret_stats);

#endif
