// SPDX-License-Identifier: BSD-2-Clause
/* store/: what is observed can be asked for; limits, failures and damaged files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <yajl/yajl_tree.h>

#include "store/query.h"
#include "libstore.h"
#include "libvalues.h"

static void sightings_add_up(void **state)
{
	struct store_config cfg = quiet_config();
	struct store *s = open_store(&cfg);
	struct store_stats stats;
	yajl_val v;

	(void)state;
	observe(s, T0 + 10, "www.shop.example", DNS_TYPE_A, "192.0.2.1", 4);
	observe(s, T0 + 5, "WWW.shop.example.", DNS_TYPE_A, "192.0.2.1", 0);
	observe(s, T0 + 7, "www.shop.example", DNS_TYPE_A, "192.0.2.2", 0);
	assert_int_equal(store_flush(s), 0);
	observe(s, T0 + 20, "www.shop.example", DNS_TYPE_A, "192.0.2.1", 0); /* a later interval */
	assert_int_equal(store_flush(s), 0);
	v = query("www.shop.example"); /* while the store is open */
	assert_int_equal(v->u.array.len, 2);
	assert_text(v, 0, "rrname", "www.shop.example");
	assert_text(v, 0, "rrtype", "A");
	assert_text(v, 0, "rdata", "192.0.2.1");
	assert_number(v, 0, "time_first", T0 + 5);
	assert_number(v, 0, "time_last", T0 + 20);
	assert_number(v, 0, "count", 7);
	assert_text(v, 0, "sensor_id", "gw1");
	assert_null(member(v, 0, "bailiwick"));
	assert_text(v, 1, "rdata", "192.0.2.2");
	assert_number(v, 1, "count", 1);
	yajl_tree_free(v);
	assert_int_equal(store_close(s, UINT64_MAX, &stats), 0);
	assert_int_equal(stats.observed, 4);
	assert_int_equal(stats.dropped, 0);
	assert_int_equal(stats.rows, 2);
	assert_int_equal(stats.rows_written, 3);
	assert_int_equal(query_len("www.shop.example"), 2); /* and after it was closed */
}

static void repeats_begin_at_the_first(void **state)
{
	struct store_config cfg = quiet_config();
	struct store *s = open_store(&cfg);
	struct dns_name owner = name_of("r.example");
	struct dns_obs_record record = { .owner = &owner, .type = DNS_TYPE_A };
	struct dns_observation obs = { .time_ns = (T0 + 60) * 1000000000U,
				       .first_ns = T0 * 1000000000U,
				       .repeats = 9,
				       .records = &record,
				       .records_len = 1 };
	yajl_val v;

	(void)state;
	ip_parse("192.0.2.9", &record.addr);
	store_observe(s, &obs);
	assert_int_equal(store_close(s, UINT64_MAX, NULL), 0);
	v = query("r.example");
	assert_number(v, 0, "time_first", T0);
	assert_number(v, 0, "time_last", T0 + 60);
	assert_number(v, 0, "count", 10);
	yajl_tree_free(v);
}

static void zone_comes_from_the_authority_section(void **state)
{
	struct dns_name owner = name_of("a.b.example"), zone = name_of("b.example");
	struct dns_name ns = name_of("ns.other.example"), tld = name_of("example");
	struct dns_obs_record records[] = {
		{ .owner = &owner, .type = DNS_TYPE_A },
		{ .owner = &tld, .target = &ns, .type = DNS_TYPE_NS, .section = DNS_AUTHORITY },
		{ .owner = &zone, .target = &ns, .type = DNS_TYPE_NS, .section = DNS_AUTHORITY },
		{ .owner = &ns, .type = DNS_TYPE_AAAA, .section = DNS_ADDITIONAL },
	};
	struct dns_observation obs = { .time_ns = T0 * 1000000000U,
				       .has_authority = true,
				       .records = records,
				       .records_len = 4 };
	struct store_config cfg = quiet_config();
	struct store *s = open_store(&cfg);
	yajl_val v;

	(void)state;
	ip_parse("192.0.2.1", &records[0].addr);
	ip_parse("2001:db8::53", &records[3].addr);
	store_observe(s, &obs);
	assert_int_equal(store_close(s, UINT64_MAX, NULL), 0);
	v = query("a.b.example");
	assert_text(v, 0, "bailiwick", "b.example");
	yajl_tree_free(v);
	v = query("b.example");
	assert_text(v, 0, "rrtype", "NS");
	assert_text(v, 0, "rdata", "ns.other.example");
	yajl_tree_free(v);
	v = query("ns.other.example");
	assert_text(v, 0, "rrtype", "AAAA");
	assert_text(v, 0, "rdata", "2001:db8::53");
	assert_text(v, 0, "bailiwick", "example");
	yajl_tree_free(v);
}

static void addresses_and_prefixes_are_found(void **state)
{
	static const struct {
		const char *term;
		size_t found;
	} cases[] = {
		{ "192.0.2.0", 1 },	{ "192.0.2.255", 1 },
		{ "192.0.2.0/24", 2 },	{ "192.0.2.0/25", 1 },
		{ "192.0.2.0/23", 3 },	{ "0.0.0.0/0", 4 },
		{ "198.18.0.0/15", 0 }, { "2001:db8::/32", 2 },
		{ "2001:db8::1", 1 },	{ "2001:db8:ffff::/48", 1 },
		{ "::/0", 6 },		{ "203.0.113.7", 0 },
		{ "alias.example", 1 }, { "192.0.2.0.example", 0 },
	};
	struct store_config cfg = quiet_config();
	struct store *s = open_store(&cfg);

	(void)state;
	observe(s, T0, "a.example", DNS_TYPE_A, "192.0.2.0", 0);
	observe(s, T0, "b.example", DNS_TYPE_A, "192.0.2.255", 0);
	observe(s, T0, "c.example", DNS_TYPE_A, "192.0.3.0", 0);
	observe(s, T0, "d.example", DNS_TYPE_A, "255.255.255.255", 0);
	observe(s, T0, "e.example", DNS_TYPE_AAAA, "2001:db8::1", 0);
	observe(s, T0, "f.example", DNS_TYPE_AAAA, "2001:db8:ffff::", 0);
	observe(s, T0, "alias.example", DNS_TYPE_CNAME, "a.example", 0);
	assert_int_equal(store_close(s, UINT64_MAX, NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (query_len(cases[i].term) != cases[i].found)
			fail_msg("%s: %zu found", cases[i].term, query_len(cases[i].term));
}

static void names_with_odd_octets_come_back(void **state)
{
	struct store_config cfg = quiet_config();
	struct store *s = open_store(&cfg);
	yajl_val v;

	(void)state;
	observe(s, T0, "a\\.b\\\"\\255\\000.example", DNS_TYPE_CNAME, "'; drop table history;", 0);
	assert_int_equal(store_close(s, UINT64_MAX, NULL), 0);
	v = query("A\\.b\"\\255\\000.EXAMPLE.");
	assert_text(v, 0, "rrname", "a\\.b\"\\255\\000.example");
	assert_text(v, 0, "rdata", "';\\032drop\\032table\\032history;");
	yajl_tree_free(v);
}

static void table_for_people(void **state)
{
	struct store_config cfg = quiet_config();
	struct store *s = open_store(&cfg);
	char *text = NULL;
	size_t len = 0;
	FILE *out;

	(void)state;
	observe(s, T0, "t.example", DNS_TYPE_A, "192.0.2.1", 2);
	assert_int_equal(store_close(s, UINT64_MAX, NULL), 0);
	out = open_memstream(&text, &len);
	assert_int_equal(history_print(path, "t.example", PRINT_TABLE, 0, out, err, sizeof(err)),
			 1);
	fclose(out);
	assert_non_null(strstr(text, "FIRST SEEN (UTC)"));
	assert_non_null(strstr(text, "\n2026-11-21 10:00:00  2026-11-21 10:00:00         3  A "));
	assert_non_null(strstr(text, "  t.example\n"));
	free(text);
}

static void bad_terms_and_files_are_named(void **state)
{
	static const char *const bad[] = { "", "192.0.2.1/24", "192.0.2.0/33", "a..b",
					   "2001:db8::/129" };
	struct store_config cfg = quiet_config();
	struct store_reader *r = NULL;
	struct store *s = open_store(&cfg);

	(void)state;
	assert_int_equal(store_close(s, UINT64_MAX, NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err[0] = '\0';
		assert_int_equal(
			history_print(path, bad[i], PRINT_JSON, 0, stdout, err, sizeof(err)),
			-EINVAL);
		assert_int_not_equal(err[0], '\0');
	}
	assert_int_equal(store_reader_open("/nonexistent/h.db", &r, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "/nonexistent/h.db"));
	assert_null(r);
}

static void run_sql(const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void write_file(const char *bytes, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

static void foreign_files_are_refused(void **state)
{
	struct store_config cfg = quiet_config();
	struct store *s = NULL;
	const char *notice;
	char garbage[4096];

	(void)state;
	memset(garbage, 'g', sizeof(garbage));
	write_file(garbage, sizeof(garbage));
	assert_int_equal(store_open(&cfg, &s, &notice, err, sizeof(err)), -EBADMSG);
	assert_non_null(strstr(err, path));
	remove_files(state);
	run_sql("CREATE TABLE somebody_elses(x)");
	assert_int_equal(store_open(&cfg, &s, &notice, err, sizeof(err)), -EBADMSG);
	assert_non_null(strstr(err, "not a fluxtap history"));
	remove_files(state);
	run_sql("CREATE TABLE history(x); PRAGMA user_version=99");
	assert_int_equal(store_open(&cfg, &s, &notice, err, sizeof(err)), -EPROTO);
	assert_non_null(strstr(err, "newer"));
	cfg.path = "/nonexistent/history.db";
	assert_int_equal(store_open(&cfg, &s, &notice, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "/nonexistent/history.db"));
	assert_null(s);
}

/* A history of before there were TTLs is read as it is, and brought up to date by its first writer.
 */
static void an_older_history_is_brought_up_to_date(void **state)
{
	struct store_config cfg = quiet_config();
	struct store *s;

	(void)state;
	run_sql("CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
		"CREATE TABLE history(id INTEGER PRIMARY KEY, rrname TEXT NOT NULL,"
		" rrtype INTEGER NOT NULL, rdata TEXT NOT NULL, bailiwick TEXT NOT NULL, addr BLOB,"
		" time_first INTEGER NOT NULL, time_last INTEGER NOT NULL, count INTEGER NOT NULL,"
		" UNIQUE(rrname, rrtype, rdata, bailiwick));"
		"CREATE TABLE alerts(id INTEGER PRIMARY KEY AUTOINCREMENT, time_ns INTEGER NOT NULL,"
		" domain TEXT NOT NULL, registered_domain TEXT NOT NULL, verdict TEXT NOT NULL,"
		" state TEXT NOT NULL, confidence TEXT NOT NULL, score REAL NOT NULL,"
		" json TEXT NOT NULL, text TEXT NOT NULL);"
		"INSERT INTO history VALUES(1, 'old.example', 1, '192.0.2.1', '', NULL, 1795255200, 1795255200, 3);"
		"PRAGMA user_version=1");
	assert_int_equal(query_len("old.example"), 1);
	s = open_store(&cfg);
	observe_numbered(s, T0, 1);
	assert_int_equal(store_close(s, UINT64_MAX, NULL), 0);
	assert_int_equal(query_len("old.example"), 1);
	assert_int_equal(query_len("n1.example"), 1);
}

/* Someone who may only read: nobody writes, the log files are gone, the folder is not theirs. */
static void read_only_folder_is_enough(void **state)
{
	struct store_config cfg = quiet_config();
	struct store *s = open_store(&cfg);
	bool was_root = geteuid() == 0;
	char name[80];

	(void)state;
	observe_numbered(s, T0, 1);
	assert_int_equal(store_close(s, UINT64_MAX, NULL), 0);
	snprintf(name, sizeof(name), "%s-wal", path);
	unlink(name);
	snprintf(name, sizeof(name), "%s-shm", path);
	unlink(name);
	if (was_root) {
		assert_int_equal(chmod(path, 0644), 0);
		assert_int_equal(chmod(folder, 0755), 0);
		assert_int_equal(seteuid(65534), 0);
	} else {
		assert_int_equal(chmod(folder, 0555), 0);
	}
	assert_int_equal(query_len("n1.example"), 1);
	assert_int_equal(access(name, F_OK), -1);
	if (was_root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(folder, 0755), 0);
}

/* Pages overwritten behind the back of a store that did not end cleanly. */
static void damage_is_found_after_an_unclean_end(void **state)
{
	struct store_config cfg = quiet_config();
	struct store *s = open_store(&cfg);
	const char *notice;
	FILE *f;

	(void)state;
	for (unsigned int i = 0; i < 2000; i++)
		observe_numbered(s, T0, i);
	assert_int_equal(store_close(s, UINT64_MAX, NULL), 0);
	run_sql("UPDATE meta SET value = '0' WHERE key = 'clean'; PRAGMA wal_checkpoint(TRUNCATE)");
	f = fopen(path, "r+b");
	assert_non_null(f);
	for (long page = 8; page < 24; page++) {
		fseek(f, page * 4096 + 100, SEEK_SET);
		for (int i = 0; i < 3000; i++)
			fputc(0x5a, f);
	}
	fclose(f);
	s = NULL;
	assert_int_equal(store_open(&cfg, &s, &notice, err, sizeof(err)), -EBADMSG);
	assert_null(s);
	assert_non_null(strstr(err, path));
}

static void full_set_is_written_early_or_counted(void **state)
{
	struct store_config cfg = quiet_config();
	struct store_stats stats;
	struct store *s;

	(void)state;
	cfg.max_entries = 64;
	s = open_store(&cfg);
	for (unsigned int i = 0; i < 10000; i++)
		observe_numbered(s, T0, i);
	assert_int_equal(store_close(s, UINT64_MAX, &stats), 0);
	assert_int_equal(stats.observed, 10000);
	assert_true(stats.rows >= 64);
	assert_int_equal(stats.rows + stats.dropped, 10000);
	assert_int_equal(query_len("198.18.0.0/16"), stats.rows);
}

static void set_is_bounded_in_bytes(void **state)
{
	struct store_config cfg = quiet_config();
	struct store_stats stats;
	struct store *s;

	(void)state;
	cfg.max_bytes = 28; /* one record of 12 + 16 octets */
	s = open_store(&cfg);
	observe(s, T0, "n01.example", DNS_TYPE_A, "192.0.2.1", 0); /* 13 + 16 */
	observe(s, T0, "n1.example", DNS_TYPE_A, "192.0.2.1", 0);
	assert_int_equal(store_close(s, UINT64_MAX, &stats), 0);
	assert_int_equal(stats.dropped, 1);
	assert_int_equal(stats.rows, 1);
}

static void blocking_store_drops_nothing(void **state)
{
	struct store_config cfg = quiet_config();
	struct store_stats stats;
	struct store *s;

	(void)state;
	cfg.max_entries = 64;
	cfg.block = true;
	s = open_store(&cfg);
	for (unsigned int i = 0; i < 10000; i++)
		observe_numbered(s, T0, i);
	assert_int_equal(store_close(s, UINT64_MAX, &stats), 0);
	assert_int_equal(stats.dropped, 0);
	assert_int_equal(stats.rows, 10000);
	assert_true(stats.transactions >= 10000 / 64);
}

static void longest_not_seen_go_first(void **state)
{
	struct store_config cfg = quiet_config();
	struct store_stats stats;
	struct store *s;

	(void)state;
	cfg.max_rows = 100;
	s = open_store(&cfg);
	for (unsigned int i = 0; i < 250; i++)
		observe_numbered(s, T0 + i, i);
	observe_numbered(s, T0 + 1000, 0); /* the oldest is seen again */
	assert_int_equal(store_close(s, UINT64_MAX, &stats), 0);
	assert_int_equal(stats.rows, 100);
	assert_int_equal(stats.pruned, 150);
	assert_int_equal(query_len("198.18.0.0/16"), 100);
	assert_int_equal(query_len("n0.example"), 1);
	assert_int_equal(query_len("n150.example"), 0);
	assert_int_equal(query_len("n151.example"), 1);
}

static void old_rows_are_removed(void **state)
{
	struct store_config cfg = quiet_config();
	struct store_stats stats;
	struct store *s;

	(void)state;
	cfg.max_age_s = 100;
	s = open_store(&cfg);
	observe_numbered(s, T0, 1);
	observe_numbered(s, T0 + 50, 2);
	assert_int_equal(store_flush(s), 0);
	observe_numbered(s, T0 + 101, 3); /* time goes on with the input, not with a clock */
	assert_int_equal(store_close(s, UINT64_MAX, &stats), 0);
	assert_int_equal(stats.pruned, 1);
	assert_int_equal(query_len("n1.example"), 0);
	assert_int_equal(query_len("n2.example"), 1);
}

static void rows_are_known_after_reopening(void **state)
{
	struct store_config cfg = quiet_config();
	struct store_stats stats;
	struct store *s;

	(void)state;
	for (unsigned int run = 1; run <= 2; run++) {
		s = open_store(&cfg);
		observe_numbered(s, T0, run);
		observe_numbered(s, T0, 0);
		assert_int_equal(store_close(s, UINT64_MAX, &stats), 0);
		assert_int_equal(stats.rows, 1 + run);
	}
}

/* Another writer holds the database: what waits is kept, and written once that is over. */
static void failed_write_is_tried_again(void **state)
{
	struct store_config cfg = quiet_config();
	struct store *s = open_store(&cfg);
	struct store_stats stats;
	sqlite3 *other;

	(void)state;
	observe_numbered(s, T0, 1);
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(store_flush(s), -EBUSY);
	observe_numbered(s, T0, 2);
	store_stats(s, &stats);
	assert_int_equal(stats.errors, 1);
	assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	assert_int_equal(store_close(s, UINT64_MAX, &stats), 0);
	assert_int_equal(stats.rows, 2);
	assert_int_equal(stats.dropped, 0);
	assert_int_equal(query_len("198.18.0.0/16"), 2);
}

static void end_does_not_wait_for_ever(void **state)
{
	struct store_config cfg = quiet_config();
	struct store *s = open_store(&cfg);
	struct store_stats stats;
	const char *notice;
	sqlite3 *other;

	(void)state;
	observe_numbered(s, T0, 1);
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(store_close(s, 1000000, &stats), -ETIMEDOUT);
	assert_int_equal(stats.dropped, 1); /* not lost in silence */
	sqlite3_close(other);
	assert_int_equal(store_open(&cfg, &s, &notice, err, sizeof(err)), 0);
	assert_non_null(strstr(notice, "did not end cleanly"));
	assert_int_equal(store_close(s, UINT64_MAX, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_NEW_FILE(sightings_add_up),
		ON_A_NEW_FILE(repeats_begin_at_the_first),
		ON_A_NEW_FILE(zone_comes_from_the_authority_section),
		ON_A_NEW_FILE(addresses_and_prefixes_are_found),
		ON_A_NEW_FILE(names_with_odd_octets_come_back),
		ON_A_NEW_FILE(table_for_people),
		ON_A_NEW_FILE(bad_terms_and_files_are_named),
		ON_A_NEW_FILE(foreign_files_are_refused),
		ON_A_NEW_FILE(an_older_history_is_brought_up_to_date),
		ON_A_NEW_FILE(read_only_folder_is_enough),
		ON_A_NEW_FILE(damage_is_found_after_an_unclean_end),
		ON_A_NEW_FILE(full_set_is_written_early_or_counted),
		ON_A_NEW_FILE(set_is_bounded_in_bytes),
		ON_A_NEW_FILE(blocking_store_drops_nothing),
		ON_A_NEW_FILE(longest_not_seen_go_first),
		ON_A_NEW_FILE(old_rows_are_removed),
		ON_A_NEW_FILE(rows_are_known_after_reopening),
		ON_A_NEW_FILE(failed_write_is_tried_again),
		ON_A_NEW_FILE(end_does_not_wait_for_ever),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
