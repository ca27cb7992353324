// SPDX-License-Identifier: BSD-2-Clause
/*
 * start,end,asn,name[,country]: one range a line; empty lines and lines that begin with # are
 * passed over; a name may be quoted ("" inside stands for one quote).  Ranges must not overlap.
 */
#include "enrich/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define NAME_BYTES 48

struct range {
	struct ip_addr start, end;
	uint32_t asn;
	char country[3];
	uint32_t line;
};

struct as_name {
	uint32_t asn;
	char name[NAME_BYTES];
};

struct csv {
	struct enrich_source base;
	struct range *ranges;
	struct as_name *names;
	size_t len, cap, names_len;
};

/* Cut the next field off *text, in place. NULL at the end. */
static char *next_field(char **text)
{
	char *start = *text, *out, *p;

	if (!start)
		return NULL;
	if (*start != '"') {
		p = strchr(start, ',');
		*text = p ? p + 1 : NULL;
		if (p)
			*p = '\0';
		return start;
	}
	out = start;
	for (p = start + 1; *p && (*p != '"' || p[1] == '"'); p++) {
		p += *p == '"';
		*out++ = *p;
	}
	p += *p == '"';
	*text = *p == ',' ? p + 1 : NULL;
	*out = '\0';
	return start;
}

static const char *parse_line(char *line, struct range *r, char *name)
{
	char *start = next_field(&line), *end = next_field(&line), *asn = next_field(&line);
	char *as = next_field(&line), *country = next_field(&line), *tail;
	unsigned long long n;

	if (!asn)
		return "fewer than three fields";
	if (ip_parse(start, &r->start))
		return "first field is no address";
	if (ip_parse(end, &r->end))
		return "second field is no address";
	if (memcmp(r->start.b, r->end.b, 16) > 0)
		return "range ends before it starts";
	if (strncmp(asn, "AS", 2) == 0)
		asn += 2;
	n = strtoull(asn, &tail, 10);
	if (tail == asn || *tail || n > UINT32_MAX)
		return "third field is no AS number";
	r->asn = (uint32_t)n;
	memset(r->country, 0, sizeof(r->country));
	if (country && strlen(country) == 2)
		memcpy(r->country, country, 2);
	enrich_copy(name, NAME_BYTES, as ? as : "", as ? strlen(as) : 0);
	return NULL;
}

static int grow(struct csv *c)
{
	size_t cap = c->cap ? c->cap * 2 : 1024;
	struct range *ranges = realloc(c->ranges, cap * sizeof(*ranges));
	struct as_name *names;

	if (!ranges)
		return -ENOMEM;
	c->ranges = ranges;
	names = realloc(c->names, cap * sizeof(*names));
	if (!names)
		return -ENOMEM;
	c->names = names;
	c->cap = cap;
	return 0;
}

static int read_lines(struct csv *c, FILE *f, const char *path)
{
	char *line = NULL;
	size_t line_cap = 0;
	uint32_t number = 0;
	const char *why = NULL;
	ssize_t n;
	int err = 0;

	while (!err && (n = getline(&line, &line_cap, f)) >= 0) {
		number++;
		while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			line[--n] = '\0';
		if (!n || line[0] == '#')
			continue;
		if (c->len == c->cap && (err = grow(c)))
			break;
		why = parse_line(line, &c->ranges[c->len], c->names[c->len].name);
		if (why) {
			log_error("%s:%u: %s", path, number, why);
			err = -EINVAL;
			break;
		}
		c->ranges[c->len].line = number;
		c->names[c->len].asn = c->ranges[c->len].asn;
		c->len++;
	}
	if (!err && ferror(f)) {
		err = -EIO;
		log_error("%s: read error", path);
	}
	free(line);
	return err;
}

static int by_start(const void *a, const void *b)
{
	return memcmp(((const struct range *)a)->start.b, ((const struct range *)b)->start.b, 16);
}

static int by_asn(const void *a, const void *b)
{
	const struct as_name *x = a, *y = b;

	if (x->asn != y->asn)
		return x->asn < y->asn ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int check_order(struct csv *c, const char *path)
{
	size_t kept = 0;

	if (!c->len)
		return 0;
	qsort(c->ranges, c->len, sizeof(*c->ranges), by_start);
	for (size_t i = 1; i < c->len; i++) {
		if (memcmp(c->ranges[i].start.b, c->ranges[i - 1].end.b, 16) > 0)
			continue;
		log_error("%s:%u: range overlaps that of line %u", path, c->ranges[i].line,
			  c->ranges[i - 1].line);
		return -EINVAL;
	}
	qsort(c->names, c->len, sizeof(*c->names), by_asn);
	for (size_t i = 0; i < c->len; i++)
		if (c->names[i].name[0] && (!kept || c->names[kept - 1].asn != c->names[i].asn))
			c->names[kept++] = c->names[i];
	c->names_len = kept;
	return 0;
}

static bool csv_lookup(struct enrich_source *s, const struct ip_addr *addr, struct origin *ret)
{
	const struct csv *c = (const struct csv *)s;
	size_t lo = 0, hi = c->len;

	while (lo < hi) { /* first range that starts behind addr */
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(c->ranges[mid].start.b, addr->b, 16) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || memcmp(addr->b, c->ranges[lo - 1].end.b, 16) > 0)
		return false;
	ret->asn = c->ranges[lo - 1].asn;
	memcpy(ret->country, c->ranges[lo - 1].country, sizeof(ret->country));
	return true;
}

static bool csv_as_name(struct enrich_source *s, uint32_t asn, char *buf, size_t len)
{
	const struct csv *c = (const struct csv *)s;
	size_t lo = 0, hi = c->names_len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->names[mid].asn < asn)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == c->names_len || c->names[lo].asn != asn)
		return false;
	enrich_copy(buf, len, c->names[lo].name, strlen(c->names[lo].name));
	return true;
}

static void csv_close(struct enrich_source *s)
{
	struct csv *c = (struct csv *)s;

	free(c->ranges);
	free(c->names);
	free(c);
}

static const struct enrich_source_ops csv_ops = {
	.lookup = csv_lookup,
	.as_name = csv_as_name,
	.close = csv_close,
};

int enrich_csv_open(const char *path, struct enrich_source **ret)
{
	struct csv *c;
	FILE *f;
	int err;

	f = fopen(path, "re");
	if (!f) {
		err = -errno;
		log_error("enrich.asn: csv:%s: %s", path, strerror(-err));
		return err;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		fclose(f);
		return -ENOMEM;
	}
	c->base.ops = &csv_ops;
	err = read_lines(c, f, path);
	fclose(f);
	if (!err)
		err = check_order(c, path);
	if (err) {
		csv_close(&c->base);
		return err;
	}
	*ret = &c->base;
	return 0;
}
