// SPDX-License-Identifier: BSD-2-Clause
/* Files of logs, lines out of them, merged by time. */
#include "logs/log_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/log.h"
#include "logs/line.h"

#define FILES	   64
#define LINE_MAX_B (1U << 20) /* longer lines are faulty: no log writes them */
#define COMPLAINTS 5 /* faulty lines named, a file */
#define NESTED_MAX 32 /* arrays and objects in each other: logs have five */
#define HEAD_LINES 64 /* lines that may precede the first entry of a known kind */

struct source {
	char *path;
	gzFile file;
	enum log_kind kind;
	struct columns columns;
	bool is_tsv, ended;
	uint64_t number;
	unsigned int complaints;
	struct entry *entry; /* read ahead */
};

struct log_reader {
	struct source sources[FILES];
	size_t len;
	struct log_reader_stats stats;
	char *line;
	struct source *given; /* its entry is in the caller's hands until the next call */
	char lacks[768];
};

/* The next line without its end; false at the end of the file. */
static bool next_line(struct log_reader *r, struct source *s)
{
	size_t n;

	if (s->ended || !gzgets(s->file, r->line, (int)LINE_MAX_B)) {
		s->ended = true;
		return false;
	}
	s->number++;
	n = strlen(r->line);
	while (n && (r->line[n - 1] == '\n' || r->line[n - 1] == '\r'))
		r->line[--n] = '\0';
	return true;
}

static void complain(struct log_reader *r, struct source *s, const char *why)
{
	r->stats.faulty++;
	if (s->complaints++ < COMPLAINTS)
		log_warn("%s:%lu: %s", s->path, (unsigned long)s->number, why);
}

/* What ends a text cannot separate its parts: *ret is then left as it was. */
static const char *take_separator(const char *text, char *ret)
{
	unsigned int byte;
	char c = sscanf(text, "\\x%2x", &byte) == 1 ? (char)byte : *text;

	if (!c)
		return "a separator that is no character";
	*ret = c;
	return NULL;
}

/* A header line of a Zeek TSV file. NULL, or what is wrong with it. */
static const char *take_header(struct source *s, char *line)
{
	struct columns *c = &s->columns;
	char sep[2] = { c->separator, '\0' }, *save = NULL, *word, *value;

	if (strncmp(line, "#separator ", 11) == 0)
		return take_separator(line + 11, &c->separator);
	word = strtok_r(line, sep, &save);
	value = strtok_r(NULL, sep, &save);
	if (!word || !value)
		return NULL;
	if (strcmp(word, "#set_separator") == 0)
		return take_separator(value, &c->set_separator);
	if (strcmp(word, "#unset_field") == 0)
		snprintf(c->unset, sizeof(c->unset), "%s", value);
	else if (strcmp(word, "#empty_field") == 0)
		snprintf(c->empty, sizeof(c->empty), "%s", value);
	else if (strcmp(word, "#path") == 0)
		s->kind = strcmp(value, "dns") == 0 ? LOG_KIND_ZEEK_DNS
			  : strcmp(value, "conn") == 0 || strcmp(value, "ntp") == 0
				  ? LOG_KIND_ZEEK_CONN
				  : LOG_KIND_UNKNOWN;
	if (strcmp(word, "#fields") != 0)
		return NULL;
	for (c->len = 0; value && c->len < LINE_FIELDS; value = strtok_r(NULL, sep, &save))
		snprintf(c->names[c->len++], sizeof(c->names[0]), "%s", value);
	return NULL;
}

static enum log_kind json_kind(yajl_val v)
{
	static const char *const probe[][2] = {
		{ "event_type", NULL }, { "time_first", NULL }, { "zone_time_first", NULL },
		{ "query", NULL },	{ "conn_state", NULL }, { "xmt_time", NULL },
		{ "qname", NULL }
	};
	static const enum log_kind kinds[] = { LOG_KIND_EVE,	   LOG_KIND_COF,
					       LOG_KIND_COF,	   LOG_KIND_ZEEK_DNS,
					       LOG_KIND_ZEEK_CONN, LOG_KIND_ZEEK_CONN,
					       LOG_KIND_TRACE };
	static const char *const sensor[] = { "sensor", NULL };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (yajl_tree_get(v, (const char **)probe[i], yajl_t_any))
			return kinds[i] == LOG_KIND_EVE &&
					       yajl_tree_get(v, (const char **)sensor, yajl_t_any)
				       ? LOG_KIND_FLUXTAP
				       : kinds[i];
	return LOG_KIND_UNKNOWN;
}

/* Cut a TSV line into fields. Unlike strtok, empty fields count. */
static void cut(struct source *s, char *text, struct line *l)
{
	l->columns = &s->columns;
	for (l->fields_len = 0; text && l->fields_len < LINE_FIELDS;) {
		char *end = strchr(text, s->columns.separator);

		l->fields[l->fields_len++] = text;
		if (end)
			*end++ = '\0';
		text = end;
	}
}

static const char *dispatch(struct source *s, const struct line *l, struct entry *e)
{
	switch (s->kind) {
	case LOG_KIND_ZEEK_DNS:
		return zeek_dns_line(l, e);
	case LOG_KIND_ZEEK_CONN:
		return zeek_conn_line(l, e);
	case LOG_KIND_EVE:
	case LOG_KIND_FLUXTAP:
		return eve_line(l, e);
	case LOG_KIND_TRACE:
		return trace_line(l, e);
	case LOG_KIND_COF:
		return cof_line(l, e);
	case LOG_KIND_UNKNOWN:
	case LOG_KINDS:
		break;
	}
	return NULL;
}

static void reset(struct entry *e)
{
	memset(&e->obs, 0, sizeof(e->obs));
	memset(&e->conn, 0, sizeof(e->conn));
	e->names_len = 0;
	e->text_len = 0;
	e->item = LOG_ITEM_END;
	e->obs.records = e->records;
}

/* yajl's tree is built and freed by recursion: a line of brackets would use up the stack. */
static bool nests_too_deep(const char *text)
{
	unsigned int depth = 0;
	bool quoted = false;

	for (; *text && depth <= NESTED_MAX; text++) {
		if (*text == '"')
			quoted = !quoted;
		else if (quoted && *text == '\\' && text[1])
			text++;
		else if (!quoted && (*text == '[' || *text == '{'))
			depth++;
		else if (!quoted && depth && (*text == ']' || *text == '}'))
			depth--;
	}
	return depth > NESTED_MAX;
}

static const char *take_line(struct log_reader *r, struct source *s, struct entry *e)
{
	struct line l = { 0 };
	const char *why;
	char err[128];

	reset(e);
	if (r->line[0] == '#') {
		s->is_tsv = true;
		return take_header(s, r->line);
	}
	if (!r->line[0])
		return NULL;
	if (s->is_tsv) {
		cut(s, r->line, &l);
		if (l.fields_len < s->columns.len)
			return "fewer fields than the header names";
		return dispatch(s, &l, e);
	}
	if (nests_too_deep(r->line))
		return "nested too deep";
	l.json = yajl_tree_parse(r->line, err, sizeof(err));
	if (!l.json)
		return "neither JSON nor a log with a header";
	if (s->kind == LOG_KIND_UNKNOWN)
		s->kind = json_kind(l.json);
	why = dispatch(s, &l, e);
	yajl_tree_free(l.json);
	return why;
}

/* Read ahead to the next entry of use. */
static void advance(struct log_reader *r, struct source *s)
{
	s->entry->item = LOG_ITEM_END;
	while (next_line(r, s)) {
		bool is_entry = r->line[0] && r->line[0] != '#';
		const char *why = take_line(r, s, s->entry);

		r->stats.lines += is_entry || why; /* header lines only when they are faulty */
		if (why) {
			s->entry->item = LOG_ITEM_END;
			complain(r, s, why);
		} else if (s->entry->item != LOG_ITEM_END) {
			return;
		} else {
			r->stats.passed_over += is_entry;
		}
		if (s->kind == LOG_KIND_UNKNOWN && s->number > HEAD_LINES)
			return;
	}
}

static void add_lack(struct log_reader *r, const char *text)
{
	size_t n = strlen(r->lacks);

	snprintf(r->lacks + n, sizeof(r->lacks) - n, "%s", text);
}

static void fill_lacks(struct log_reader *r)
{
	static const char *const words[] = {
		[LOG_KIND_ZEEK_DNS] = "Zeek dns.log has no authority section (no name servers, no "
				      "double-flux evidence). ",
		[LOG_KIND_ZEEK_CONN] = "Zeek conn.log and ntp.log know hosts, not processes. ",
		[LOG_KIND_EVE] = "EVE has name servers only where authorities are logged, and no "
				 "processes. ",
		[LOG_KIND_COF] =
			"Passive DNS has no clients, no TTLs and only the first and last time "
			"of each record. ",
		[LOG_KIND_TRACE] =
			"Normalised traces have no authority section (no name servers, no "
			"double-flux evidence), no server and no transaction. ",
		[LOG_KIND_FLUXTAP] = "",
	};
	bool told[LOG_KINDS] = { false };

	for (size_t i = 0; i < r->len; i++) {
		enum log_kind k = r->sources[i].kind;

		if (k == LOG_KIND_UNKNOWN || told[k])
			continue;
		told[k] = true;
		add_lack(r, words[k]);
	}
	if (r->len && !told[LOG_KIND_ZEEK_CONN] && !told[LOG_KIND_EVE] && !told[LOG_KIND_FLUXTAP])
		add_lack(r,
			 "No connections: time servers and other pools cannot be told by them. ");
	if (r->lacks[0])
		r->lacks[strlen(r->lacks) - 1] = '\0';
}

static int open_source(struct log_reader *r, const char *path, char *err, size_t err_len)
{
	struct source *s = &r->sources[r->len++];

	s->columns.set_separator = ',';
	s->columns.separator = '\t';
	s->path = strdup(path);
	s->entry = calloc(1, sizeof(*s->entry));
	if (!s->path || !s->entry) {
		snprintf(err, err_len, "%s: out of memory", path);
		return -ENOMEM;
	}
	errno = 0;
	s->file = strcmp(path, "-") == 0 ? gzdopen(dup(STDIN_FILENO), "rb") : gzopen(path, "rbe");
	if (!s->file) {
		int code = errno ? -errno : -ENOMEM;

		snprintf(err, err_len, "%s: %s", path, strerror(-code));
		return code;
	}
	gzbuffer(s->file, 1U << 17);
	advance(r, s);
	if (s->kind == LOG_KIND_UNKNOWN) {
		snprintf(err, err_len,
			 "%s: neither Zeek, EVE, passive DNS (COF) nor a normalised trace", path);
		return -EBADMSG;
	}
	return 0;
}

int log_reader_open(const char *const *paths, size_t n, struct log_reader **ret, char *err,
		    size_t err_len)
{
	struct log_reader *r = calloc(1, sizeof(*r));
	int rc = n > FILES ? -E2BIG : 0;

	if (r)
		r->line = malloc(LINE_MAX_B);
	if (!r || !r->line) {
		free(r);
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	if (rc)
		snprintf(err, err_len, "more than %d log files", FILES);
	for (size_t i = 0; i < n && !rc; i++)
		rc = open_source(r, paths[i], err, err_len);
	if (rc) {
		log_reader_close(r);
		return rc;
	}
	fill_lacks(r);
	*ret = r;
	return 0;
}

void log_reader_close(struct log_reader *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->len; i++) {
		if (r->sources[i].file)
			gzclose(r->sources[i].file);
		free(r->sources[i].path);
		free(r->sources[i].entry);
	}
	free(r->line);
	free(r);
}

bool log_reader_is_log(const char *path)
{
	gzFile f = gzopen(path, "rbe");
	int c;

	if (!f)
		return false;
	do
		c = gzgetc(f);
	while (c == ' ' || c == '\n' || c == '\t' || c == '\r');
	gzclose(f);
	return c == '{' || c == '#';
}

enum log_item log_reader_next(struct log_reader *r, struct dns_observation *ret_obs,
			      struct connection *ret_conn)
{
	struct source *next = NULL;
	struct entry *e;

	if (r->given) {
		advance(r, r->given);
		r->given = NULL;
	}
	for (size_t i = 0; i < r->len; i++) {
		struct source *s = &r->sources[i];

		if (s->entry->item != LOG_ITEM_END &&
		    (!next || s->entry->order_ns < next->entry->order_ns))
			next = s;
	}
	if (!next)
		return LOG_ITEM_END;
	e = next->entry;
	r->given = next;
	if (e->item == LOG_ITEM_RESPONSE) {
		*ret_obs = e->obs;
		r->stats.responses++;
	} else {
		*ret_conn = e->conn;
		r->stats.connections++;
	}
	return e->item;
}

void log_reader_stats(const struct log_reader *r, struct log_reader_stats *ret)
{
	*ret = r->stats;
}

const char *log_reader_lacks(const struct log_reader *r)
{
	return r->lacks;
}
