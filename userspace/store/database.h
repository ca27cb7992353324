/* SPDX-License-Identifier: BSD-2-Clause */
/* The SQLite side of the store: schema, statements, transactions. Inside store/ only. */
#ifndef STORE_DATABASE_H
#define STORE_DATABASE_H

#include <sqlite3.h>

#include "store/aggregate.h"
#include "store/store.h"

#define DATABASE_VERSION 2 /* 1: without history.ttl */

/* An alert on its way to the database. */
struct stored_row {
	struct stored_row *next;
	uint64_t time_ns;
	double score;
	const char *verdict, *state, *confidence; /* static */
	char *domain, *registered_domain; /* these and below: in the same allocation */
	const char *json, *text;
	size_t json_len, text_len;
};

enum database_statement {
	STMT_BEGIN,
	STMT_COMMIT,
	STMT_ROLLBACK,
	STMT_RECORD,
	STMT_ALERT,
	STMT_PRUNE_AGE,
	STMT_PRUNE_ROWS,
	STMT_PRUNE_ALERTS,
	STMT_COUNT_ROWS,
	STMT_SET_META,
	STMT_MAX
};

struct database {
	sqlite3 *db;
	sqlite3_stmt *stmts[STMT_MAX];
	bool was_unclean;
	uint64_t rows;
	int64_t newest_s; /* latest time seen in the input: what ages are measured against */
};

/* Open for writing, create or check the schema, mark as in use. As store_open() for errors. */
int database_open(struct database *d, const char *path, const char *sensor, char *err,
		  size_t err_len);
/* @clean: mark the end as clean first. */
void database_close(struct database *d, bool clean);

/* All of both in one transaction, or nothing. 0 or negative errno (-EIO, -ENOSPC, -EBUSY, …). */
int database_write(struct database *d, const struct aggregate *records,
		   const struct stored_row *alerts);

/* Remove a bounded number of rows by age and number; how many, or negative errno. */
int64_t database_prune(struct database *d, const struct store_config *cfg);

/* errno for what SQLite said last. */
int database_errno(sqlite3 *db);

#endif
