// SPDX-License-Identifier: BSD-2-Clause
#include "detect/lists.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

static uint64_t name_hash(const uint8_t *wire, size_t len)
{
	return hash_keyed(&hash_key_fixed, wire, len);
}

static int grow(void **items, size_t len, size_t *cap, size_t bytes)
{
	size_t want = *cap ? *cap * 2 : 64;
	void *p;

	if (len < *cap)
		return 0;
	p = realloc(*items, want * bytes);
	if (!p)
		return -ENOMEM;
	*items = p;
	*cap = want;
	return 0;
}

/* "1,2,3": numbers up to @max. False on anything else, or more than LIST_VALUES. */
static bool parse_numbers(const char *text, unsigned long max, uint32_t *ret, uint8_t *ret_len)
{
	char *end;

	for (*ret_len = 0; *ret_len < LIST_VALUES; text = end + 1) {
		unsigned long n;

		if (strncmp(text, "AS", 2) == 0)
			text += 2;
		if (*text < '0' || *text > '9')
			return false;
		n = strtoul(text, &end, 10);
		if (n > max)
			return false;
		ret[(*ret_len)++] = (uint32_t)n;
		if (!*end)
			return true;
		if (*end != ',')
			return false;
	}
	return false;
}

static const char *parse_expiry(const char *text, uint32_t *ret)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	time_t t;

	if (!end || *end)
		return "expires= wants a date, YYYY-MM-DD";
	t = timegm(&tm);
	if (t < 0)
		return "expires= lies before 1970";
	/* the day itself included; what 32 bits do not hold is never */
	*ret = t < (time_t)UINT32_MAX - 86400 ? (uint32_t)t + 86400 : 0;
	return NULL;
}

/* One word behind the name. *ret_known is false when it begins the reason. */
static const char *parse_word(const char *word, struct list_entry *e, bool *ret_known)
{
	uint32_t values[LIST_VALUES];
	uint8_t n;

	*ret_known = true;
	if (strncmp(word, "asn=", 4) == 0)
		return parse_numbers(word + 4, UINT32_MAX, e->asns, &e->asns_len)
			       ? NULL
			       : "asn= wants up to 8 AS numbers, separated by commas";
	if (strncmp(word, "port=", 5) == 0) {
		if (!parse_numbers(word + 5, 65535, values, &n))
			return "port= wants up to 8 ports, separated by commas";
		for (e->ports_len = 0; e->ports_len < n; e->ports_len++)
			e->ports[e->ports_len] = (uint16_t)values[e->ports_len];
		return NULL;
	}
	if (strncmp(word, "ttl>=", 5) == 0) {
		if (!parse_numbers(word + 5, 2147483647, values, &n) || n != 1)
			return "ttl>= wants seconds";
		e->ttl_min_s = values[0];
		return NULL;
	}
	if (strncmp(word, "expires=", 8) == 0)
		return parse_expiry(word + 8, &e->expires_s);
	*ret_known = false;
	return NULL;
}

static const char *parse_entry(char *line, struct list_entry *e)
{
	char *save = NULL, *word = strtok_r(line, " \t", &save), *rest;
	const char *why;
	bool known = true;

	if (strncmp(word, "*.", 2) == 0)
		word += 2;
	if (dns_name_from_text(word, &e->name))
		return "not a domain name";
	if (e->name.len <= 1)
		return "the root would cover every name";
	while (known && (rest = save + strspn(save, " \t")) && *rest) {
		size_t n = strcspn(rest, " \t");
		char copy[256];

		if (n >= sizeof(copy))
			break;
		memcpy(copy, rest, n);
		copy[n] = '\0';
		why = parse_word(copy, e, &known);
		if (why)
			return why;
		if (known)
			save = rest + n;
	}
	snprintf(e->reason, sizeof(e->reason), "%s", save + strspn(save, " \t"));
	e->hash = name_hash(e->name.wire, e->name.len);
	return NULL;
}

static const char *add_entry(struct lists *l, char *line, enum list_kind kind)
{
	struct list_entry *e;
	const char *why;

	if (grow((void **)&l->entries, l->len, &l->cap, sizeof(*l->entries)))
		return "out of memory";
	e = &l->entries[l->len];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	why = parse_entry(line, e);
	if (!why)
		l->len++;
	return why;
}

static const char *add_prefix(struct ip_prefix **items, size_t *len, size_t *cap, char *text)
{
	char *end = text + strcspn(text, " \t");

	*end = '\0';
	if (grow((void **)items, *len, cap, sizeof(**items)))
		return "out of memory";
	if (ip_prefix_parse(text, &(*items)[*len]))
		return "not a prefix, or host bits set";
	++*len;
	return NULL;
}

/* @kind: enum list_kind, or -1 for prefixes of home networks. */
static int read_file(struct lists *l, const char *path, int kind, size_t *home_cap)
{
	FILE *f = fopen(path, "re");
	size_t cap = 0, number = 0;
	char *line = NULL;
	int err = 0;

	if (!f) {
		err = -errno;
		log_error("%s: %s", path, strerror(-err));
		return err;
	}
	while (!err && getline(&line, &cap, f) >= 0) {
		char *text = line + strspn(line, " \t");
		const char *why;

		number++;
		text[strcspn(text, "#\r\n")] = '\0';
		if (!*text)
			continue;
		why = kind < 0 ? add_prefix(&l->home, &l->home_len, home_cap, text)
			       : add_entry(l, text, (enum list_kind)kind);
		if (why) {
			log_error("%s:%zu: %s", path, number, why);
			err = -EINVAL;
		}
	}
	free(line);
	fclose(f);
	return err;
}

static int read_files(struct lists *l, const struct config_list *files, int kind, size_t *home_cap)
{
	int err = 0;

	for (size_t i = 0; i < files->len && !err; i++)
		err = read_file(l, files->items[i], kind, home_cap);
	return err;
}

static int read_prefixes(const struct config_list *list, const char *key, struct ip_prefix **items,
			 size_t *len, size_t *cap)
{
	for (size_t i = 0; i < list->len; i++) {
		char text[64];
		const char *why;

		snprintf(text, sizeof(text), "%s", list->items[i]);
		why = add_prefix(items, len, cap, text);
		if (why) {
			log_error("%s: \"%s\": %s", key, list->items[i], why);
			return -EINVAL;
		}
	}
	return 0;
}

static int by_hash(const void *a, const void *b)
{
	const struct list_entry *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

int lists_load(struct lists *l, const struct detect_config *cfg)
{
	struct lists fresh = { 0 };
	size_t home_cap = 0, special_cap = 0;
	int err;

	err = read_prefixes(&cfg->home_networks, "home_networks", &fresh.home, &fresh.home_len,
			    &home_cap);
	if (!err)
		err = read_prefixes(&cfg->count_special, "detect.count_special", &fresh.special,
				    &fresh.special_len, &special_cap);
	if (!err)
		err = read_files(&fresh, &cfg->home_lists, -1, &home_cap);
	if (!err)
		err = read_files(&fresh, &cfg->allow_lists, LIST_ALLOW, NULL);
	if (!err)
		err = read_files(&fresh, &cfg->deny_lists, LIST_DENY, NULL);
	if (!err)
		err = read_files(&fresh, &cfg->suffix_lists, LIST_SUFFIX, NULL);
	if (err) {
		lists_fini(&fresh);
		return err;
	}
	if (fresh.len)
		qsort(fresh.entries, fresh.len, sizeof(*fresh.entries), by_hash);
	lists_fini(l);
	*l = fresh;
	return 0;
}

void lists_fini(struct lists *l)
{
	free(l->entries);
	free(l->home);
	free(l->special);
	memset(l, 0, sizeof(*l));
}

static const struct list_entry *find_exact(const struct lists *l, enum list_kind kind,
					   const uint8_t *wire, size_t len, uint32_t now_s)
{
	uint64_t hash = name_hash(wire, len);
	size_t lo = 0, hi = l->len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->entries[mid].hash < hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < l->len && l->entries[lo].hash == hash; lo++) {
		const struct list_entry *e = &l->entries[lo];

		if (e->kind == kind && e->name.len == len && memcmp(e->name.wire, wire, len) == 0 &&
		    (!e->expires_s || now_s < e->expires_s))
			return e;
	}
	return NULL;
}

const struct list_entry *lists_find(const struct lists *l, enum list_kind kind,
				    const struct dns_name *name, uint32_t now_s)
{
	for (size_t at = 0; l->len && at + 1 < name->len; at += name->wire[at] + 1U) {
		const struct list_entry *e =
			find_exact(l, kind, name->wire + at, name->len - at, now_s);

		if (e)
			return e;
	}
	return NULL;
}

static bool in_any(const struct ip_prefix *p, size_t n, const struct ip_addr *addr)
{
	for (size_t i = 0; i < n; i++)
		if (ip_prefix_contains(&p[i], addr))
			return true;
	return false;
}

bool lists_is_home(const struct lists *l, const struct ip_addr *addr)
{
	return in_any(l->home, l->home_len, addr);
}

bool lists_counts(const struct lists *l, const struct ip_addr *addr)
{
	return ip_is_global(addr) || in_any(l->special, l->special_len, addr);
}
