/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What others have already recorded, as observations and connections: Zeek dns.log, conn.log and
 * ntp.log (TSV or JSON), Suricata EVE (dns and flow events), passive DNS in Common Output Format,
 * normalised traces (JSON Lines with ts, client, qname, qtype, answers, ttls); and the events that
 * fluxtap itself has written (dns with repeats, connect with processes).
 * Plain or gzip; the kind is told by the content.  Several files are merged by time; each is taken
 * to be in order itself, as logs are; passive DNS exports have to be sorted by time_first.
 *
 * What such a source cannot carry is left absent (has_authority, TTLs, ports) and told in words
 * by log_reader_lacks().
 */
#ifndef LOGS_LOG_READER_H
#define LOGS_LOG_READER_H

#include "correlate/connection.h"
#include "dns/observation.h"

enum log_kind {
	LOG_KIND_UNKNOWN,
	LOG_KIND_ZEEK_DNS,
	LOG_KIND_ZEEK_CONN, /* ntp.log too */
	LOG_KIND_EVE,
	LOG_KIND_COF,
	LOG_KIND_TRACE,
	LOG_KIND_FLUXTAP, /* EVE of our own */
	LOG_KINDS,
};

struct log_reader;

/*
 * 0; negative errno of the file; -EBADMSG when it is none of the kinds. @err (size @err_len) then
 * holds a line for people that names the file. At most 64 files. "-" is standard input.
 */
int log_reader_open(const char *const *paths, size_t n, struct log_reader **ret, char *err,
		    size_t err_len);
void log_reader_close(struct log_reader *r);

/* Is this a log rather than a capture file, by its first bytes? False also when unreadable. */
bool log_reader_is_log(const char *path);

enum log_item { LOG_ITEM_END, LOG_ITEM_RESPONSE, LOG_ITEM_CONNECTION };

/*
 * The next entry in the order of time: *ret_obs or *ret_conn is filled and valid until the next
 * call. Lines that say nothing of use are counted and passed over, faulty ones are counted and
 * the first few of each file logged with file and line.
 */
enum log_item log_reader_next(struct log_reader *r, struct dns_observation *ret_obs,
			      struct connection *ret_conn);

struct log_reader_stats {
	uint64_t lines, responses, connections, passed_over, faulty;
};
void log_reader_stats(const struct log_reader *r, struct log_reader_stats *ret);

/* Unix nanoseconds of a time as EVE writes it, "2026-11-21T10:00:00.123456+0000"; 0: it is none. */
uint64_t log_reader_time(const char *text);

/* Evidence that the files cannot carry, a sentence for people; "" when nothing is missing. */
const char *log_reader_lacks(const struct log_reader *r);

#endif
