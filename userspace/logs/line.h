/* SPDX-License-Identifier: BSD-2-Clause */
/* One line of a log, as fields by name, and what a kind of log makes of it. */
#ifndef LOGS_LINE_H
#define LOGS_LINE_H

#include <stdint.h>
#include <yajl/yajl_tree.h>

#include "logs/log_reader.h"

#define LINE_FIELDS  64
#define LINE_RECORDS 64
#define LINE_VALUES  64
#define LINE_TEXT    2048 /* what a connection says of its process */
#define LINE_OCTETS  (1ULL << 60) /* the most that a connection may have carried */

/* The columns of a Zeek TSV file, from its header lines. */
struct columns {
	size_t len;
	char separator, set_separator; /* never NUL */
	char names[LINE_FIELDS][32];
	char unset[16], empty[16];
};

struct line {
	const struct columns *columns; /* TSV */
	char *fields[LINE_FIELDS];
	size_t fields_len;
	yajl_val json; /* else */
};

/* What one line becomes. Names and records are the entry's own. */
struct entry {
	enum log_item item;
	uint64_t order_ns; /* when it was written or ended: its place among others */
	struct dns_observation obs;
	struct connection conn;
	struct dns_obs_record records[LINE_RECORDS];
	struct dns_name names[LINE_RECORDS + 1];
	size_t names_len;
	char text[LINE_TEXT];
	size_t text_len;
};

/* The field as text, "" for absent or unset; @buf is used for JSON numbers. */
const char *line_text(const struct line *l, const char *name, char buf[32]);
double line_number(const struct line *l, const char *name); /* 0 for absent */
/* A whole number up to @max; 0 for what is absent, negative or larger. */
uint64_t line_whole(const struct line *l, const char *name, uint64_t max);
uint64_t whole(double number, uint64_t max);
bool line_flag(const struct line *l, const char *name);
/* A vector field, element @i copied to @buf; false past the end. */
bool line_element(const struct line *l, const char *name, size_t i, char *buf, size_t len);

/*
 * Each: NULL when e was filled or the line is of no use (e->item stays LOG_ITEM_END), else what is
 * wrong with it.
 */
const char *zeek_dns_line(const struct line *l, struct entry *e);
/*
 * The field "answers" as records, with the TTLs of the field @ttls. They come as a list of texts
 * without owners: an address belongs to the last name before it, which is where the chain from the
 * question has led.
 */
const char *entry_answers(const struct line *l, struct entry *e, const char *ttls);
const char *zeek_conn_line(const struct line *l, struct entry *e);
const char *eve_line(const struct line *l, struct entry *e);
const char *trace_line(const struct line *l, struct entry *e);
const char *cof_line(const struct line *l, struct entry *e);

/* A name of the entry's own; NULL when the text is none or there is no room. */
const struct dns_name *entry_name(struct entry *e, const char *text);
/* A copy of @text that lives as long as the entry; NULL for "" or without room. */
const char *entry_text(struct entry *e, const char *text);
bool entry_record(struct entry *e, const struct dns_obs_record *rr);

#endif
