// SPDX-License-Identifier: BSD-2-Clause
#include "store/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * One row for each (name, type, data, zone). addr is the 16-byte form of an address, so that a
 * prefix is a range of the index; time_last is indexed for removal, the longest not seen first.
 */
static const char schema[] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE history("
	" id INTEGER PRIMARY KEY,"
	" rrname TEXT NOT NULL,"
	" rrtype INTEGER NOT NULL,"
	" rdata TEXT NOT NULL,"
	" bailiwick TEXT NOT NULL,"
	" addr BLOB,"
	" time_first INTEGER NOT NULL,"
	" time_last INTEGER NOT NULL,"
	" count INTEGER NOT NULL,"
	" ttl INTEGER NOT NULL DEFAULT 0,"
	" UNIQUE(rrname, rrtype, rdata, bailiwick));"
	"CREATE INDEX history_addr ON history(addr) WHERE addr IS NOT NULL;"
	"CREATE INDEX history_last ON history(time_last);"
	"CREATE TABLE alerts("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" time_ns INTEGER NOT NULL,"
	" domain TEXT NOT NULL,"
	" registered_domain TEXT NOT NULL,"
	" verdict TEXT NOT NULL,"
	" state TEXT NOT NULL,"
	" confidence TEXT NOT NULL,"
	" score REAL NOT NULL,"
	" json TEXT NOT NULL,"
	" text TEXT NOT NULL);"
	"CREATE INDEX alerts_domain ON alerts(domain);"
	"PRAGMA user_version=2;";

static const char from_version_1[] =
	"BEGIN IMMEDIATE;"
	"ALTER TABLE history ADD COLUMN ttl INTEGER NOT NULL DEFAULT 0;"
	"PRAGMA user_version=2; COMMIT;";

/* Removal goes in steps of this many rows, so that no transaction becomes long. */
#define PRUNE_STEP 20000

static const char *const sql[STMT_MAX] = {
	[STMT_BEGIN] = "BEGIN IMMEDIATE",
	[STMT_COMMIT] = "COMMIT",
	[STMT_ROLLBACK] = "ROLLBACK",
	[STMT_RECORD] = "INSERT INTO history(rrname, rrtype, rdata, bailiwick, addr, time_first,"
			" time_last, count, ttl) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
			" ON CONFLICT(rrname, rrtype, rdata, bailiwick) DO UPDATE SET"
			" time_first = min(time_first, excluded.time_first),"
			" time_last = max(time_last, excluded.time_last),"
			" count = count + excluded.count, ttl = max(ttl, excluded.ttl)",
	[STMT_ALERT] = "INSERT INTO alerts(time_ns, domain, registered_domain, verdict, state,"
		       " confidence, score, json, text) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[STMT_PRUNE_AGE] = "DELETE FROM history WHERE id IN (SELECT id FROM history"
			   " WHERE time_last < ?1 ORDER BY time_last LIMIT ?2)",
	[STMT_PRUNE_ROWS] = "DELETE FROM history WHERE id IN (SELECT id FROM history"
			    " ORDER BY time_last LIMIT ?1)",
	[STMT_PRUNE_ALERTS] = "DELETE FROM alerts WHERE id <= (SELECT max(id) FROM alerts) - ?1",
	[STMT_COUNT_ROWS] = "SELECT count(*), coalesce(max(time_last), 0) FROM history",
	[STMT_SET_META] = "INSERT INTO meta(key, value) VALUES(?1, ?2)"
			  " ON CONFLICT(key) DO UPDATE SET value = excluded.value",
};

int database_errno(sqlite3 *db)
{
	switch (sqlite3_errcode(db)) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_CANTOPEN:
		return sqlite3_system_errno(db) ? -sqlite3_system_errno(db) : -ENOENT;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_INTERRUPT:
		return -EINTR;
	default:
		return -EIO;
	}
}

/* Run a statement that yields no rows. */
static int step(struct database *d, enum database_statement which)
{
	sqlite3_stmt *stmt = d->stmts[which];
	int rc = sqlite3_step(stmt), err = 0;

	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		err = database_errno(d->db);
	sqlite3_reset(stmt);
	return err;
}

static int exec(struct database *d, const char *text)
{
	return sqlite3_exec(d->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : database_errno(d->db);
}

/* The first column of the first row as text into @ret; "" when there is none. */
static int query_text(struct database *d, const char *text, char *ret, size_t len)
{
	sqlite3_stmt *stmt;
	int err = 0, rc;

	if (sqlite3_prepare_v2(d->db, text, -1, &stmt, NULL) != SQLITE_OK)
		return database_errno(d->db);
	rc = sqlite3_step(stmt);
	ret[0] = '\0';
	if (rc == SQLITE_ROW && sqlite3_column_text(stmt, 0))
		snprintf(ret, len, "%s", (const char *)sqlite3_column_text(stmt, 0));
	else if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		err = database_errno(d->db);
	sqlite3_finalize(stmt);
	return err;
}

static int set_meta(struct database *d, const char *key, const char *value)
{
	sqlite3_stmt *stmt = d->stmts[STMT_SET_META];

	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, value, -1, SQLITE_STATIC);
	return step(d, STMT_SET_META);
}

/* --- opening --------------------------------------------------------------------------------- */

static int prepare(struct database *d)
{
	for (int i = 0; i < STMT_MAX; i++)
		if (sqlite3_prepare_v3(d->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &d->stmts[i],
				       NULL) != SQLITE_OK)
			return database_errno(d->db);
	return 0;
}

static int check_version(struct database *d, const char *path, char *err, size_t err_len)
{
	char version[16], tables[16];
	int rc = query_text(d, "PRAGMA user_version", version, sizeof(version));

	if (!rc)
		rc = query_text(d, "SELECT count(*) FROM sqlite_schema", tables, sizeof(tables));
	if (rc)
		return rc;
	if (strcmp(version, "0") == 0 && strcmp(tables, "0") == 0) {
		rc = exec(d, "BEGIN IMMEDIATE");
		if (!rc)
			rc = exec(d, schema);
		return rc ? rc : exec(d, "COMMIT");
	}
	if (strcmp(version, "1") == 0)
		return exec(d, from_version_1);
	if (atoi(version) == DATABASE_VERSION)
		return 0;
	snprintf(err, err_len, "%s: %s", path,
		 atoi(version) > DATABASE_VERSION ? "history of a newer fluxtap"
						  : "not a fluxtap history");
	return atoi(version) > DATABASE_VERSION ? -EPROTO : -EBADMSG;
}

/* After an end that was not clean: is every page and index sound? */
static int check_unclean(struct database *d, const char *path, char *err, size_t err_len)
{
	char clean[8], verdict[256];
	int rc = query_text(d, "SELECT value FROM meta WHERE key = 'clean'", clean, sizeof(clean));

	if (rc || strcmp(clean, "0") != 0)
		return rc;
	rc = query_text(d, "PRAGMA quick_check(1)", verdict, sizeof(verdict));
	if (rc)
		return rc;
	if (strcmp(verdict, "ok") != 0) {
		snprintf(err, err_len, "%s: damaged (%s); move it away to begin a new history",
			 path, verdict);
		return -EBADMSG;
	}
	d->was_unclean = true;
	return 0;
}

static int configure(struct database *d)
{
	char mode[16];
	int rc, persist = 1;

	sqlite3_busy_timeout(d->db, 500); /* readers never hold a writer up; another writer may */
	rc = query_text(d, "PRAGMA journal_mode=WAL", mode, sizeof(mode));
	if (!rc)
		rc = exec(d, "PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY;"
			     "PRAGMA cache_size=-16384; PRAGMA journal_size_limit=67108864;");
	/* so that a reader without write access to the folder can open it while nobody writes */
	sqlite3_file_control(d->db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
	return rc;
}

static int count_rows(struct database *d)
{
	sqlite3_stmt *stmt = d->stmts[STMT_COUNT_ROWS];
	int rc = 0;

	if (sqlite3_step(stmt) == SQLITE_ROW) {
		d->rows = (uint64_t)sqlite3_column_int64(stmt, 0);
		d->newest_s = sqlite3_column_int64(stmt, 1);
	} else {
		rc = database_errno(d->db);
	}
	sqlite3_reset(stmt);
	return rc;
}

/* Addresses and who asked for them are nobody else's business: group at most. */
static int create_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int open_steps(struct database *d, const char *path, const char *sensor, char *err,
		      size_t err_len)
{
	int rc = create_file(path);

	if (rc)
		return rc;
	if (sqlite3_open_v2(path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return d->db ? database_errno(d->db) : -ENOMEM;
	rc = configure(d);
	if (!rc)
		rc = check_version(d, path, err, err_len);
	if (!rc)
		rc = check_unclean(d, path, err, err_len);
	if (!rc)
		rc = prepare(d);
	if (!rc)
		rc = set_meta(d, "clean", "0");
	if (!rc && sensor)
		rc = set_meta(d, "sensor", sensor);
	return rc ? rc : count_rows(d);
}

int database_open(struct database *d, const char *path, const char *sensor, char *err,
		  size_t err_len)
{
	int rc;

	memset(d, 0, sizeof(*d));
	err[0] = '\0';
	rc = open_steps(d, path, sensor, err, err_len);
	if (!rc)
		return 0;
	if (!err[0] && rc == -EBADMSG)
		snprintf(err, err_len, "%s: damaged, or no history: %s", path,
			 sqlite3_errmsg(d->db));
	else if (!err[0])
		snprintf(err, err_len, "%s: history cannot be opened: %s", path,
			 d->db && sqlite3_errcode(d->db) ? sqlite3_errmsg(d->db) : strerror(-rc));
	database_close(d, false);
	return rc;
}

void database_close(struct database *d, bool clean)
{
	if (clean)
		set_meta(d, "clean", "1");
	for (int i = 0; i < STMT_MAX; i++)
		sqlite3_finalize(d->stmts[i]);
	sqlite3_close(d->db);
	memset(d, 0, sizeof(*d));
}

/* --- writing --------------------------------------------------------------------------------- */

static void bind_name(sqlite3_stmt *stmt, int at, const struct dns_name *name, char *buf)
{
	size_t len = dns_name_format(name, buf);

	sqlite3_bind_text(stmt, at, buf, (int)len, SQLITE_STATIC);
}

static int write_record(struct database *d, const struct aggregate_record *r)
{
	char owner[DNS_NAME_TEXT_MAX], rdata[DNS_NAME_TEXT_MAX], zone[DNS_NAME_TEXT_MAX];
	sqlite3_stmt *stmt = d->stmts[STMT_RECORD];
	int err;

	bind_name(stmt, 1, r->owner, owner);
	sqlite3_bind_int(stmt, 2, r->type);
	if (r->addr) {
		sqlite3_bind_text(stmt, 3, ip_format(r->addr, rdata), -1, SQLITE_STATIC);
		sqlite3_bind_blob(stmt, 5, r->addr->b, sizeof(r->addr->b), SQLITE_STATIC);
	} else {
		bind_name(stmt, 3, r->target, rdata);
		sqlite3_bind_null(stmt, 5);
	}
	if (r->zone)
		bind_name(stmt, 4, r->zone, zone);
	else
		sqlite3_bind_text(stmt, 4, "", 0, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 6, r->first_s);
	sqlite3_bind_int64(stmt, 7, r->last_s);
	sqlite3_bind_int64(stmt, 8, (sqlite3_int64)r->count);
	sqlite3_bind_int64(stmt, 9, r->ttl_s);
	sqlite3_set_last_insert_rowid(d->db, 0);
	err = step(d, STMT_RECORD);
	if (!err && sqlite3_last_insert_rowid(d->db)) /* inserted, not updated */
		d->rows++;
	return err;
}

static int write_alert(struct database *d, const struct stored_row *a)
{
	sqlite3_stmt *stmt = d->stmts[STMT_ALERT];

	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)a->time_ns);
	sqlite3_bind_text(stmt, 2, a->domain, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, a->registered_domain, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, a->verdict, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 5, a->state, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 6, a->confidence, -1, SQLITE_STATIC);
	sqlite3_bind_double(stmt, 7, a->score);
	sqlite3_bind_text(stmt, 8, a->json, (int)a->json_len, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 9, a->text, (int)a->text_len, SQLITE_STATIC);
	return step(d, STMT_ALERT);
}

static int write_all(struct database *d, const struct aggregate *records,
		     const struct stored_row *alerts)
{
	struct aggregate_names names;
	struct aggregate_record r;
	size_t pos = 0;
	int err = 0;

	while (!err && aggregate_next(records, &pos, &names, &r)) {
		err = write_record(d, &r);
		if (r.last_s > d->newest_s)
			d->newest_s = r.last_s;
	}
	for (; !err && alerts; alerts = alerts->next)
		err = write_alert(d, alerts);
	return err;
}

int database_write(struct database *d, const struct aggregate *records,
		   const struct stored_row *alerts)
{
	uint64_t rows = d->rows;
	int err = step(d, STMT_BEGIN);

	if (err)
		return err;
	err = write_all(d, records, alerts);
	if (!err)
		err = step(d, STMT_COMMIT);
	if (!err)
		return 0;
	d->rows = rows;
	/* SQLite may have rolled back by itself after a serious error */
	if (!sqlite3_get_autocommit(d->db))
		step(d, STMT_ROLLBACK);
	return err;
}

static int64_t remove_rows(struct database *d, enum database_statement which)
{
	int err = step(d, which);
	int64_t n = sqlite3_changes64(d->db);

	if (err)
		return err;
	d->rows -= (uint64_t)n < d->rows ? (uint64_t)n : d->rows;
	return n;
}

int64_t database_prune(struct database *d, const struct store_config *cfg)
{
	int64_t by_age = 0, by_number = 0;
	int err = 0;

	if (cfg->max_age_s) {
		sqlite3_bind_int64(d->stmts[STMT_PRUNE_AGE], 1,
				   d->newest_s - (sqlite3_int64)cfg->max_age_s);
		sqlite3_bind_int(d->stmts[STMT_PRUNE_AGE], 2, PRUNE_STEP);
		by_age = remove_rows(d, STMT_PRUNE_AGE);
	}
	if (by_age >= 0 && cfg->max_rows && d->rows > cfg->max_rows) {
		uint64_t excess = d->rows - cfg->max_rows;

		sqlite3_bind_int64(d->stmts[STMT_PRUNE_ROWS], 1,
				   (sqlite3_int64)(excess < PRUNE_STEP ? excess : PRUNE_STEP));
		by_number = remove_rows(d, STMT_PRUNE_ROWS);
	}
	if (cfg->max_alerts) {
		sqlite3_bind_int64(d->stmts[STMT_PRUNE_ALERTS], 1, (sqlite3_int64)cfg->max_alerts);
		err = step(d, STMT_PRUNE_ALERTS);
	}
	if (by_age < 0 || by_number < 0 || err)
		return by_age < 0 ? by_age : by_number < 0 ? by_number : err;
	return by_age + by_number;
}
