// SPDX-License-Identifier: BSD-2-Clause
#include "correlate/blind.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/table.h"

struct entry {
	uint64_t key;
	struct correlate_blind at;
};

struct blind {
	struct hash_key key;
	struct table *table;
};

int blind_new(const struct hash_key *key, struct blind **ret)
{
	struct blind *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->key = *key;
	if (table_new(sizeof(struct entry), BLIND_MAX, NULL, NULL, &b->table)) {
		free(b);
		return -ENOMEM;
	}
	*ret = b;
	return 0;
}

void blind_free(struct blind *b)
{
	if (!b)
		return;
	table_free(b->table);
	free(b);
}

void blind_count(struct blind *b, const struct connection *conn, enum blind_kind kind)
{
	struct {
		struct ip_addr host;
		char exe[sizeof(((struct correlate_blind *)0)->exe)];
	} name = {.host = conn->src};
	struct entry *e;
	uint64_t key;
	bool is_new;

	if (conn->has_process && conn->process.exe)
		snprintf(name.exe, sizeof(name.exe), "%s", conn->process.exe);
	key = hash_keyed(&b->key, &name, sizeof(name));
	e = table_put(b->table, key ? key : 1, &is_new);
	if (is_new) {
		e->at.host = name.host;
		memcpy(e->at.exe, name.exe, sizeof(name.exe));
	}
	if (kind == BLIND_ENCRYPTED_DNS) {
		e->at.encrypted_dns++;
		return;
	}
	e->at.connections++;
	e->at.unexplained += kind == BLIND_UNEXPLAINED;
}

static bool is_worse(const struct correlate_blind *a, const struct correlate_blind *b)
{
	if (a->unexplained != b->unexplained)
		return a->unexplained > b->unexplained;
	return a->encrypted_dns > b->encrypted_dns;
}

size_t blind_top(const struct blind *b, struct correlate_blind *ret, size_t max)
{
	const struct entry *e;
	size_t len = 0, pos = 0;

	while ((e = table_next(b->table, &pos))) {
		size_t i = len;

		if ((!e->at.unexplained && !e->at.encrypted_dns) || !max)
			continue;
		if (len == max && !is_worse(&e->at, &ret[len - 1]))
			continue;
		if (len < max)
			len++;
		else
			i--;
		for (; i && is_worse(&e->at, &ret[i - 1]); i--)
			ret[i] = ret[i - 1];
		ret[i] = e->at;
	}
	return len;
}

size_t blind_bytes(const struct blind *b)
{
	return table_bytes(b->table);
}
