// SPDX-License-Identifier: BSD-2-Clause
/*
 * store/: a writer killed in the middle of its transactions. Every transaction is there whole or
 * not at all, none that was acknowledged is missing, the file is sound, and the next start says
 * what may be missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "base/hash.h"
#include "store/store.h"

#define BATCH  3000U
#define ROUNDS 12U

static char folder[] = "/tmp/fluxtap-crash-XXXXXX";
static char path[64];
static char err[512];

static struct store_config writer_config(void)
{
	struct store_config cfg = store_config_default();

	cfg.path = path;
	cfg.interval_ns = 3600000000000ULL; /* transactions only when asked for */
	cfg.max_entries = 4 * BATCH; /* … and never early */
	return cfg;
}

static void observe_numbered(struct store *s, unsigned int i)
{
	struct dns_name owner;
	struct dns_obs_record record = { .owner = &owner, .type = DNS_TYPE_A };
	struct dns_observation obs = { .time_ns = 1795255200000000000U,
				       .records = &record,
				       .records_len = 1 };
	uint8_t v4[4] = { 198, 18, (uint8_t)(i >> 8), (uint8_t)i };
	char name[32];

	snprintf(name, sizeof(name), "n%u.example", i);
	dns_name_from_text(name, &owner);
	record.addr = ip_from_v4(v4);
	store_observe(s, &obs);
}

/* Batches of new names for ever; 'b' before each transaction, 'c' once it is acknowledged. */
static void write_until_killed(int fd, unsigned int first)
{
	struct store_config cfg = writer_config();
	const char *notice;
	struct store *s;

	if (store_open(&cfg, &s, &notice, err, sizeof(err)))
		_exit(1);
	for (unsigned int i = first;; i += BATCH) {
		for (unsigned int k = 0; k < BATCH; k++)
			observe_numbered(s, i + k);
		if (write(fd, "b", 1) != 1 || store_flush(s) || write(fd, "c", 1) != 1)
			_exit(1);
	}
}

static pid_t start_writer(unsigned int first, int *ret_fd)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(fds[0]);
		write_until_killed(fds[1], first);
	}
	close(fds[1]);
	*ret_fd = fds[0];
	return pid;
}

/* Kill the writer some moments after it began its transaction number @begun; returns how many it
 * had acknowledged by then. */
static unsigned int kill_in_transaction(pid_t pid, int fd, unsigned int begun, uint64_t pause_ns)
{
	struct timespec pause = { .tv_nsec = (long)pause_ns };
	unsigned int acknowledged = 0;
	char c;
	int status;

	while (begun && read(fd, &c, 1) == 1) {
		begun -= c == 'b';
		acknowledged += c == 'c';
	}
	assert_int_equal(begun, 0);
	nanosleep(&pause, NULL);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	while (read(fd, &c, 1) == 1)
		acknowledged += c == 'c';
	close(fd);
	return acknowledged;
}

static int64_t ask(const char *sql, char *text, size_t len)
{
	sqlite3_stmt *stmt;
	sqlite3 *db;
	int64_t n;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	if (text)
		snprintf(text, len, "%s", (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

static void reopen(const char *expected_notice)
{
	struct store_config cfg = writer_config();
	const char *notice = NULL;
	struct store *s = NULL;

	if (store_open(&cfg, &s, &notice, err, sizeof(err)))
		fail_msg("%s", err);
	if (expected_notice)
		assert_non_null(strstr(notice, expected_notice));
	else
		assert_string_equal(notice, "");
	assert_int_equal(store_close(s, UINT64_MAX, NULL), 0);
}

static void killed_writer_leaves_whole_transactions(void **state)
{
	unsigned int acknowledged = 0, torn_off = 0;
	char verdict[256];

	(void)state;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		int64_t rows = round ? ask("SELECT count(*) FROM history", NULL, 0) : 0, now;
		unsigned int n;
		pid_t pid;
		int fd;

		pid = start_writer((unsigned int)rows, &fd);
		/* from at once to well into the transaction of 3000 rows */
		n = kill_in_transaction(pid, fd, 1 + round % 3, round * 700000U);
		ask("PRAGMA integrity_check", verdict, sizeof(verdict));
		assert_string_equal(verdict, "ok");
		now = ask("SELECT count(*) FROM history", NULL, 0) - rows;
		assert_int_equal(now % BATCH, 0);
		assert_true(now >= (int64_t)n * BATCH);
		assert_true(now <= (int64_t)(n + 1) * BATCH);
		acknowledged += n;
		torn_off += now == (int64_t)n * BATCH;
		reopen("did not end cleanly");
		reopen(NULL); /* and says so once */
	}
	print_message(
		"# %u transactions acknowledged, %u of %u writers killed before one was done\n",
		acknowledged, torn_off, ROUNDS);
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/history.db", folder);
	return 0;
}

static int remove_folder(void **state)
{
	char name[80];

	(void)state;
	snprintf(name, sizeof(name), "%s-wal", path);
	unlink(name);
	snprintf(name, sizeof(name), "%s-shm", path);
	unlink(name);
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_writer_leaves_whole_transactions),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
