// SPDX-License-Identifier: BSD-2-Clause
/* What the commands `history` and `alerts` write. */
#include "store/query.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "report/json.h"

struct printer {
	FILE *out;
	enum print_format format;
	struct buf line;
	int64_t printed, last_id;
	uint64_t limit; /* 0: none */
};

static bool put_line(struct printer *p)
{
	bool ok = !p->line.failed && fwrite(p->line.bytes, 1, p->line.len, p->out) == p->line.len;

	buf_reset(&p->line);
	if (ok)
		p->printed++;
	return ok && (!p->limit || (uint64_t)p->printed < p->limit);
}

static void number(struct buf *b, const char *key, uint64_t value)
{
	buf_str(b, key);
	json_u64(b, value);
}

/* draft-dulaunoy-dnsop-passive-dns-cof 3: the mandatory keys, then the optional ones we know. */
static bool record_as_json(void *ctx, const struct history_record *r)
{
	struct printer *p = ctx;
	struct buf *b = &p->line;

	json_lit(b, "{");
	json_member(b, "\"rrname\":", r->rrname);
	json_member(b, "\"rrtype\":", r->rrtype);
	json_member(b, "\"rdata\":", r->rdata);
	number(b, "\"time_first\":", (uint64_t)r->time_first);
	number(b, "\"time_last\":", (uint64_t)r->time_last);
	number(b, "\"count\":", r->count);
	json_member(b, "\"bailiwick\":", r->bailiwick);
	json_member(b, "\"sensor_id\":", r->sensor_id);
	json_end_line(b);
	return put_line(p);
}

static void put_time(struct buf *b, int64_t seconds)
{
	time_t t = (time_t)seconds;
	char text[32];
	struct tm tm;

	gmtime_r(&t, &tm);
	buf_add(b, text, strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm));
}

static bool record_as_row(void *ctx, const struct history_record *r)
{
	struct printer *p = ctx;
	struct buf *b = &p->line;

	if (!p->printed)
		buf_printf(b, "%-19s  %-19s  %8s  %-5s  %-39s  %s\n", "FIRST SEEN (UTC)",
			   "LAST SEEN", "COUNT", "TYPE", "DATA", "NAME");
	put_time(b, r->time_first);
	buf_str(b, "  ");
	put_time(b, r->time_last);
	buf_printf(b, "  %8" PRIu64 "  %-5s  %-39s  %s\n", r->count, r->rrtype, r->rdata,
		   r->rrname);
	return put_line(p);
}

int64_t history_print(const char *path, const char *term, enum print_format format, uint64_t limit,
		      FILE *out, char *err, size_t err_len)
{
	struct printer p = { .out = out, .format = format, .limit = limit };
	struct store_reader *r;
	int rc = store_reader_open(path, &r, err, err_len);

	if (rc)
		return rc;
	rc = store_query(r, term, format == PRINT_TABLE ? record_as_row : record_as_json, &p, err,
			 err_len);
	store_reader_close(r);
	buf_fini(&p.line);
	if (!rc && (fflush(out) || ferror(out))) {
		rc = -EIO;
		snprintf(err, err_len, "output: cannot be written");
	}
	return rc ? rc : p.printed;
}

static bool print_alert(void *ctx, const struct logged_alert *alert)
{
	struct printer *p = ctx;
	const char *what = p->format == PRINT_TABLE ? alert->text : alert->json;
	size_t len = strlen(what);

	p->last_id = alert->id;
	buf_add(&p->line, what, len);
	if (len && what[len - 1] != '\n')
		buf_char(&p->line, '\n');
	if (p->format == PRINT_TABLE)
		buf_char(&p->line, '\n'); /* an empty line between the blocks */
	return put_line(p);
}

/* New rows are looked for this often while following. */
#define FOLLOW_MS 250

int64_t alerts_print(const char *path, bool follow, enum print_format format,
		     const volatile sig_atomic_t *stop, FILE *out, char *err, size_t err_len)
{
	struct printer p = { .out = out, .format = format };
	struct store_reader *r;
	int rc = store_reader_open(path, &r, err, err_len);
	bool failed;

	if (rc)
		return rc;
	do {
		rc = store_alerts(r, p.last_id, NULL, print_alert, &p, err, err_len);
		failed = fflush(out) || ferror(out);
		if (follow && !rc && !failed && !(stop && *stop))
			poll(NULL, 0, FOLLOW_MS); /* a signal ends the wait */
	} while (follow && !rc && !failed && !(stop && *stop));
	store_reader_close(r);
	buf_fini(&p.line);
	if (!rc && failed) {
		rc = -EIO;
		snprintf(err, err_len, "output: cannot be written");
	}
	return rc ? rc : p.printed;
}
