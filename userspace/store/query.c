// SPDX-License-Identifier: BSD-2-Clause
#include "store/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ip.h"
#include "dns/name.h"
#include "dns/text.h"
#include "store/database.h"

struct store_reader {
	sqlite3 *db;
	char *path;
	char sensor[256];
	bool has_ttl; /* version 1 of the schema had none */
};

static int read_failed(struct store_reader *r, char *err, size_t err_len)
{
	int rc = database_errno(r->db);

	snprintf(err, err_len, "%s: history cannot be read: %s", r->path, sqlite3_errmsg(r->db));
	return rc ? rc : -EIO;
}

/*
 * A reader that may not write into the folder cannot open a WAL database whose log files are
 * gone. Then nobody writes either, and the file can be taken as it is.
 */
static int open_immutable(struct store_reader *r)
{
	size_t len = 3 * strlen(r->path) + 32;
	char *uri = malloc(len), *p;
	int rc;

	if (!uri)
		return SQLITE_NOMEM;
	p = uri + snprintf(uri, len, "file:");
	for (const char *s = r->path; *s; s++) {
		if (strchr("%?# ", *s))
			p += sprintf(p, "%%%02x", (unsigned char)*s);
		else
			*p++ = *s;
	}
	strcpy(p, "?immutable=1");
	sqlite3_close(r->db);
	rc = sqlite3_open_v2(uri, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
	free(uri);
	return rc;
}

/* Nothing in the log that the file itself does not have. */
static bool log_is_empty(const struct store_reader *r)
{
	size_t len = strlen(r->path) + sizeof("-wal");
	char *path = malloc(len);
	struct stat st;
	bool empty;

	if (!path)
		return false;
	snprintf(path, len, "%s-wal", r->path);
	empty = stat(path, &st) ? errno == ENOENT : st.st_size == 0;
	free(path);
	return empty;
}

static int read_meta(struct store_reader *r)
{
	sqlite3_stmt *stmt;
	int rc;

	r->has_ttl = sqlite3_table_column_metadata(r->db, NULL, "history", "ttl", NULL, NULL, NULL,
						   NULL, NULL) == SQLITE_OK;
	rc = sqlite3_prepare_v2(r->db, "SELECT value FROM meta WHERE key = 'sensor'", -1, &stmt,
				NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		snprintf(r->sensor, sizeof(r->sensor), "%s",
			 (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int open_database(struct store_reader *r, char *err, size_t err_len)
{
	int rc;

	if (access(r->path, R_OK)) {
		rc = -errno;
		snprintf(err, err_len, "%s: %s", r->path,
			 rc == -ENOENT ? "no history here (is the monitor running with one?)"
				       : strerror(-rc));
		return rc;
	}
	rc = sqlite3_open_v2(r->path, &r->db, SQLITE_OPEN_READONLY, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(r->db, 2000);
		rc = read_meta(r);
	}
	if (((rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_READONLY) && log_is_empty(r)) {
		rc = open_immutable(r);
		if (rc == SQLITE_OK)
			rc = read_meta(r);
	}
	return rc == SQLITE_OK ? 0 : read_failed(r, err, err_len);
}

int store_reader_open(const char *path, struct store_reader **ret, char *err, size_t err_len)
{
	struct store_reader *r = calloc(1, sizeof(*r));
	int rc;

	if (r)
		r->path = strdup(path);
	if (!r || !r->path) {
		free(r);
		snprintf(err, err_len, "%s: no memory", path);
		return -ENOMEM;
	}
	rc = open_database(r, err, err_len);
	if (rc) {
		store_reader_close(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void store_reader_close(struct store_reader *r)
{
	if (!r)
		return;
	sqlite3_close(r->db);
	free(r->path);
	free(r);
}

/* --- history --------------------------------------------------------------------------------- */

#define COLUMNS "rrname, rrtype, rdata, bailiwick, time_first, time_last, count"
#define BY_NAME " FROM history WHERE rrname = ?1 ORDER BY rrtype, time_first, rdata, bailiwick"
#define BY_ADDR                                      \
	" FROM history WHERE addr BETWEEN ?1 AND ?2" \
	" ORDER BY addr, time_first, rrname, bailiwick"

static const char *const by_name[] = { "SELECT " COLUMNS ", 0" BY_NAME,
				       "SELECT " COLUMNS ", ttl" BY_NAME };
static const char *const by_addr[] = { "SELECT " COLUMNS ", 0" BY_ADDR,
				       "SELECT " COLUMNS ", ttl" BY_ADDR };

static int prepare_addr(struct store_reader *r, const struct ip_prefix *prefix,
			sqlite3_stmt **ret_stmt)
{
	struct ip_addr last = prefix->addr;

	for (unsigned int bit = prefix->bits; bit < 128; bit++)
		last.b[bit / 8] |= (uint8_t)(0x80U >> bit % 8);
	if (sqlite3_prepare_v2(r->db, by_addr[r->has_ttl], -1, ret_stmt, NULL) != SQLITE_OK)
		return -EIO;
	sqlite3_bind_blob(*ret_stmt, 1, prefix->addr.b, 16, SQLITE_TRANSIENT);
	sqlite3_bind_blob(*ret_stmt, 2, last.b, 16, SQLITE_TRANSIENT);
	return 0;
}

static int prepare_name(struct store_reader *r, const struct dns_name *name,
			sqlite3_stmt **ret_stmt)
{
	char text[DNS_NAME_TEXT_MAX];

	if (sqlite3_prepare_v2(r->db, by_name[r->has_ttl], -1, ret_stmt, NULL) != SQLITE_OK)
		return -EIO;
	dns_name_format(name, text);
	sqlite3_bind_text(*ret_stmt, 1, text, -1, SQLITE_TRANSIENT);
	return 0;
}

static int prepare_term(struct store_reader *r, const char *term, sqlite3_stmt **ret_stmt,
			char *err, size_t err_len)
{
	struct ip_prefix prefix;
	struct dns_name name;
	int rc;

	if (ip_prefix_parse(term, &prefix) == 0) {
		rc = prepare_addr(r, &prefix, ret_stmt);
	} else if (strchr(term, '/')) {
		snprintf(err, err_len, "%s: no prefix (bits behind the prefix length must be zero)",
			 term);
		return -EINVAL;
	} else if (*term && dns_name_from_text(term, &name) == 0) {
		rc = prepare_name(r, &name, ret_stmt);
	} else {
		snprintf(err, err_len, "%s: neither a name nor an address nor a prefix", term);
		return -EINVAL;
	}
	return rc ? read_failed(r, err, err_len) : 0;
}

static const char *text_at(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return text ? text : "";
}

static struct history_record record_at(const struct store_reader *r, sqlite3_stmt *stmt,
				       char type[16])
{
	return (struct history_record){
		.rrname = text_at(stmt, 0),
		.rrtype = dns_type_name((uint16_t)sqlite3_column_int(stmt, 1), type),
		.rdata = text_at(stmt, 2),
		.bailiwick = text_at(stmt, 3),
		.sensor_id = r->sensor,
		.time_first = sqlite3_column_int64(stmt, 4),
		.time_last = sqlite3_column_int64(stmt, 5),
		.count = (uint64_t)sqlite3_column_int64(stmt, 6),
		.ttl_s = (uint32_t)sqlite3_column_int64(stmt, 7),
	};
}

int store_query(struct store_reader *r, const char *term, history_fn fn, void *ctx, char *err,
		size_t err_len)
{
	sqlite3_stmt *stmt = NULL;
	int rc = prepare_term(r, term, &stmt, err, err_len), row;
	char type[16];

	if (rc)
		return rc;
	while ((row = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct history_record record = record_at(r, stmt, type);

		if (!fn(ctx, &record))
			break;
	}
	if (row != SQLITE_ROW && row != SQLITE_DONE)
		rc = read_failed(r, err, err_len);
	sqlite3_finalize(stmt);
	return rc;
}

/* --- alerts ---------------------------------------------------------------------------------- */

static const char alerts_after[] =
	"SELECT id, time_ns, score, domain, registered_domain, verdict, state, confidence, json, text"
	" FROM alerts WHERE id > ?1 AND (?2 IS NULL OR domain = ?2) ORDER BY id";

int store_alerts(struct store_reader *r, int64_t after, const char *domain, logged_alert_fn fn,
		 void *ctx, char *err, size_t err_len)
{
	sqlite3_stmt *stmt;
	int rc = 0, row;

	if (sqlite3_prepare_v2(r->db, alerts_after, -1, &stmt, NULL) != SQLITE_OK)
		return read_failed(r, err, err_len);
	sqlite3_bind_int64(stmt, 1, after);
	sqlite3_bind_text(stmt, 2, domain, -1, SQLITE_TRANSIENT); /* NULL binds NULL */
	while ((row = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct logged_alert alert = {
			.id = sqlite3_column_int64(stmt, 0),
			.time_ns = (uint64_t)sqlite3_column_int64(stmt, 1),
			.score = sqlite3_column_double(stmt, 2),
			.domain = text_at(stmt, 3),
			.registered_domain = text_at(stmt, 4),
			.verdict = text_at(stmt, 5),
			.state = text_at(stmt, 6),
			.confidence = text_at(stmt, 7),
			.json = text_at(stmt, 8),
			.text = text_at(stmt, 9),
		};

		if (!fn(ctx, &alert))
			break;
	}
	if (row != SQLITE_ROW && row != SQLITE_DONE)
		rc = read_failed(r, err, err_len);
	sqlite3_finalize(stmt);
	return rc;
}
