// SPDX-License-Identifier: BSD-2-Clause
#include "config/outline.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config/keys.h"

#define PATH_MAX_LEN 128
#define SUGGEST_MAX  2 /* edits that a slip of the keyboard makes */

struct reader {
	yaml_parser_t parser;
	const char *name;
	struct outline *outline;
	char *err;
	size_t err_len;
};

static int refuse(struct reader *r, const yaml_mark_t *at, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int refuse(struct reader *r, const yaml_mark_t *at, const char *key, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(r->err, r->err_len, "%s:%zu: %s%s", r->name, at->line + 1, key,
			 *key ? ": " : "");

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < r->err_len)
		vsnprintf(r->err + n, r->err_len - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int next(struct reader *r, yaml_event_t *ret)
{
	const yaml_parser_t *p = &r->parser;

	if (yaml_parser_parse(&r->parser, ret))
		return 0;
	if (p->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	/* the reader's own errors (not UTF-8) carry no mark, only the place where reading stood */
	return refuse(r, p->error == YAML_READER_ERROR ? &p->mark : &p->problem_mark, "",
		      "not valid YAML: %s%s%s", p->problem ? p->problem : "syntax error",
		      p->context ? " " : "", p->context ? p->context : "");
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t low = a < b ? a : b;

	return low < c ? low : c;
}

/* Levenshtein distance of two short strings; PATH_MAX_LEN when one is too long to bother. */
static size_t distance(const char *a, const char *b)
{
	size_t row[PATH_MAX_LEN + 1], la = strlen(a), lb = strlen(b);

	if (la > PATH_MAX_LEN || lb > PATH_MAX_LEN)
		return PATH_MAX_LEN;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[lb];
}

static int unknown_key(struct reader *r, const yaml_mark_t *at, const char *path)
{
	const char *near = NULL;
	size_t best = SUGGEST_MAX + 1;

	for (size_t i = 0; i < config_keys_len; i++) {
		size_t d = distance(path, config_keys[i].path);

		if (d < best) {
			best = d;
			near = config_keys[i].path;
		}
	}
	if (near)
		return refuse(r, at, path, "unknown key (did you mean %s?)", near);
	return refuse(r, at, path, "unknown key");
}

/* A scalar without NUL octets: cut short it would read as something else. */
static int check_scalar(struct reader *r, const yaml_event_t *e, const char *path)
{
	if (strlen((const char *)e->data.scalar.value) != e->data.scalar.length)
		return refuse(r, &e->start_mark, path, "holds a NUL character");
	return 0;
}

static int read_list(struct reader *r, const char *path)
{
	yaml_event_t e;
	int rc = 0;

	for (bool done = false; !done && !rc;) {
		rc = next(r, &e);
		if (rc)
			return rc;
		if (e.type == YAML_SEQUENCE_END_EVENT)
			done = true;
		else if (e.type == YAML_SCALAR_EVENT)
			rc = check_scalar(r, &e, path);
		else
			rc = refuse(r, &e.start_mark, path, "a list of plain values is wanted");
		yaml_event_delete(&e);
	}
	return rc;
}

static int read_leaf(struct reader *r, const char *path)
{
	const struct config_key *key = config_key_find(path);
	bool list = config_is_list(key);
	yaml_event_t e;
	int rc = next(r, &e);

	if (rc)
		return rc;
	if (list && e.type == YAML_SEQUENCE_START_EVENT)
		rc = read_list(r, path);
	else if (!list && e.type == YAML_SCALAR_EVENT)
		rc = check_scalar(r, &e, path);
	else if (e.type == YAML_ALIAS_EVENT)
		rc = refuse(r, &e.start_mark, path, "aliases are not supported");
	else
		rc = refuse(r, &e.start_mark, path,
			    list ? "a list is wanted, like [a, b]" : "a single value is wanted");
	yaml_event_delete(&e);
	return rc;
}

static int read_section(struct reader *r, const char *path);

/* One key and what it holds; @e is the key's event. */
static int read_entry(struct reader *r, const char *section, const yaml_event_t *e)
{
	const char *name = (const char *)e->data.scalar.value;
	char path[PATH_MAX_LEN];
	const struct config_key *key;
	yaml_event_t value;
	int rc;

	if (e->type != YAML_SCALAR_EVENT)
		return refuse(r, &e->start_mark, section, "a key is wanted");
	snprintf(path, sizeof(path), "%s%s%s", section, *section ? "." : "", name);
	rc = check_scalar(r, e, path);
	if (rc)
		return rc;
	key = config_key_find(path);
	if (key && !strchr(name, '.')) {
		unsigned int *line = &r->outline->lines[key - config_keys];

		if (*line)
			return refuse(r, &e->start_mark, path, "stands twice, first in line %u",
				      *line);
		*line = (unsigned int)e->start_mark.line + 1;
		return read_leaf(r, path);
	}
	if (strchr(name, '.') || !*name || !config_is_section(path))
		return unknown_key(r, &e->start_mark, path);
	rc = next(r, &value);
	if (rc)
		return rc;
	if (value.type == YAML_MAPPING_START_EVENT)
		rc = read_section(r, path);
	else
		rc = refuse(r, &value.start_mark, path, "is a section: keys are wanted below it");
	yaml_event_delete(&value);
	return rc;
}

static int read_section(struct reader *r, const char *path)
{
	yaml_event_t e;
	int rc;

	do {
		rc = next(r, &e);
		if (rc)
			return rc;
		if (e.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&e);
			return 0;
		}
		rc = read_entry(r, path, &e);
		yaml_event_delete(&e);
	} while (!rc);
	return rc;
}

static int read_documents(struct reader *r)
{
	unsigned int documents = 0;
	yaml_event_t e;
	int rc = 0;

	for (bool done = false; !done && !rc;) {
		rc = next(r, &e);
		if (rc)
			return rc;
		if (e.type == YAML_STREAM_END_EVENT)
			done = true;
		else if (e.type == YAML_MAPPING_START_EVENT)
			rc = read_section(r, "");
		else if (e.type == YAML_DOCUMENT_START_EVENT && documents++)
			rc = refuse(r, &e.start_mark, "", "a second document is not supported");
		else if (e.type == YAML_SCALAR_EVENT || e.type == YAML_SEQUENCE_START_EVENT ||
			 e.type == YAML_ALIAS_EVENT)
			rc = refuse(r, &e.start_mark, "", "keys are wanted, like \"sensor: gw1\"");
		yaml_event_delete(&e);
	}
	return rc;
}

int outline_read(const char *name, const char *text, size_t len, struct outline *ret, char *err,
		 size_t err_len)
{
	struct outline outline = {calloc(config_keys_len, sizeof(*outline.lines))};
	struct reader r = {.name = name, .outline = &outline, .err = err, .err_len = err_len};
	int rc;

	if (!outline.lines || !yaml_parser_initialize(&r.parser)) {
		outline_fini(&outline);
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	rc = read_documents(&r);
	yaml_parser_delete(&r.parser);
	if (rc)
		outline_fini(&outline);
	else
		*ret = outline;
	return rc;
}

void outline_fini(struct outline *o)
{
	free(o->lines);
	o->lines = NULL;
}
