/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the store, also while the monitor writes to it: passive DNS in Common Output Format
 * (draft-dulaunoy-dnsop-passive-dns-cof) and the log of alerts.
 */
#ifndef STORE_QUERY_H
#define STORE_QUERY_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct history_record {
	const char *rrname, *rdata, *bailiwick, *sensor_id; /* "" for absent */
	const char *rrtype;
	int64_t time_first, time_last; /* Unix seconds */
	uint64_t count;
	uint32_t ttl_s; /* the largest seen; 0: not known */
};

struct logged_alert {
	int64_t id; /* rises */
	uint64_t time_ns;
	double score;
	const char *domain, *registered_domain, *verdict, *state, *confidence;
	const char *json; /* the EVE line, without newline */
	const char *text; /* for people */
};

/* What is passed is borrowed for the call; return false to end the query. */
typedef bool (*history_fn)(void *ctx, const struct history_record *record);
typedef bool (*logged_alert_fn)(void *ctx, const struct logged_alert *alert);

struct store_reader;

/* Read only. 0 or negative errno, with a line for people in @err: -ENOENT: no history there. */
int store_reader_open(const char *path, struct store_reader **ret, char *err, size_t err_len);
void store_reader_close(struct store_reader *r); /* NULL is fine */

/*
 * The records of a name, or whose address is @term or lies in the prefix @term. -EINVAL with a
 * line in @err when it is none of the three. By type or address, then by first sighting.
 */
int store_query(struct store_reader *r, const char *term, history_fn fn, void *ctx, char *err,
		size_t err_len);

/* Alerts with an id beyond @after (0: all), oldest first; @domain NULL or only of that name. */
int store_alerts(struct store_reader *r, int64_t after, const char *domain, logged_alert_fn fn,
		 void *ctx, char *err, size_t err_len);

enum print_format { PRINT_JSON, PRINT_TABLE };

/*
 * The commands: what was found goes to @out, JSON Lines or a table; of the history at most @limit
 * records (0: all). Return the number of lines of
 * data, or negative errno with a line for people in @err.
 */
int64_t history_print(const char *path, const char *term, enum print_format format, uint64_t limit,
		      FILE *out, char *err, size_t err_len);

/*
 * @follow: go on with new ones until *@stop (may be NULL) is nonzero or @out fails. PRINT_TABLE
 * writes the readable block of each alert.
 */
int64_t alerts_print(const char *path, bool follow, enum print_format format,
		     const volatile sig_atomic_t *stop, FILE *out, char *err, size_t err_len);

#endif
