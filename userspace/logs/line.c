// SPDX-License-Identifier: BSD-2-Clause
#include "logs/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static yajl_val member(const struct line *l, const char *name)
{
	const char *path[] = { name, NULL };

	return yajl_tree_get(l->json, path, yajl_t_any);
}

static const char *column(const struct line *l, const char *name)
{
	for (size_t i = 0; i < l->columns->len && i < l->fields_len; i++) {
		if (strcmp(l->columns->names[i], name) != 0)
			continue;
		if (strcmp(l->fields[i], l->columns->unset) == 0 ||
		    strcmp(l->fields[i], l->columns->empty) == 0)
			return "";
		return l->fields[i];
	}
	return "";
}

const char *line_text(const struct line *l, const char *name, char buf[32])
{
	yajl_val v;

	if (l->columns)
		return column(l, name);
	v = member(l, name);
	if (YAJL_IS_STRING(v))
		return YAJL_GET_STRING(v);
	if (YAJL_IS_NUMBER(v)) {
		snprintf(buf, 32, "%s", YAJL_GET_NUMBER(v));
		return buf;
	}
	return "";
}

double line_number(const struct line *l, const char *name)
{
	char buf[32];

	return strtod(line_text(l, name, buf), NULL);
}

/* Converting what does not fit is undefined (C11 6.3.1.4), and as a port or type it is none. */
uint64_t whole(double number, uint64_t max)
{
	return number >= 0 && number <= (double)max ? (uint64_t)number : 0;
}

uint64_t line_whole(const struct line *l, const char *name, uint64_t max)
{
	return whole(line_number(l, name), max);
}

bool line_flag(const struct line *l, const char *name)
{
	if (l->columns)
		return strcmp(column(l, name), "T") == 0;
	return YAJL_IS_TRUE(member(l, name));
}

/* Zeek writes octets that would confuse as \xHH. */
static void unescape(char *s)
{
	char *out = s;
	unsigned int byte;

	while (*s) {
		if (s[0] == '\\' && s[1] == 'x' && sscanf(s + 2, "%2x", &byte) == 1 && s[2] &&
		    s[3]) {
			*out++ = (char)byte;
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

bool line_element(const struct line *l, const char *name, size_t i, char *buf, size_t len)
{
	const char *p, *end;
	yajl_val v;

	if (!l->columns) {
		v = member(l, name);
		if (!YAJL_IS_ARRAY(v) || i >= YAJL_GET_ARRAY(v)->len)
			return false;
		v = YAJL_GET_ARRAY(v)->values[i];
		snprintf(buf, len, "%s",
			 YAJL_IS_STRING(v)   ? YAJL_GET_STRING(v)
			 : YAJL_IS_NUMBER(v) ? YAJL_GET_NUMBER(v)
					     : "");
		return true;
	}
	p = column(l, name);
	if (!*p)
		return false;
	for (; i; i--) {
		p = strchr(p, l->columns->set_separator);
		if (!p)
			return false;
		p++;
	}
	end = strchrnul(p, l->columns->set_separator);
	snprintf(buf, len, "%.*s", (int)(end - p), p);
	unescape(buf);
	return true;
}

const struct dns_name *entry_name(struct entry *e, const char *text)
{
	if (e->names_len == sizeof(e->names) / sizeof(e->names[0]) ||
	    dns_name_from_text(*text ? text : ".", &e->names[e->names_len]))
		return NULL;
	return &e->names[e->names_len++];
}

const char *entry_text(struct entry *e, const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = e->text + e->text_len;

	if (n == 1 || n > LINE_TEXT - e->text_len)
		return NULL;
	memcpy(copy, text, n);
	e->text_len += n;
	return copy;
}

bool entry_record(struct entry *e, const struct dns_obs_record *rr)
{
	if (e->obs.records_len == LINE_RECORDS)
		return false;
	e->records[e->obs.records_len++] = *rr;
	return true;
}
