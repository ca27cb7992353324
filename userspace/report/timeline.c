// SPDX-License-Identifier: BSD-2-Clause
#include "report/timeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "dns/observation.h"

#define SAME_CONNECTION_NS (60 * 1000000000ULL) /* equal connections within it are one entry */
#define ZONES_ABOVE	   3 /* parents of a name whose name servers belong to its story */

struct remembered {
	uint64_t key;
	uint32_t head_len, tail_at, tail_len;
	uint64_t dropped; /* between head and tail */
	struct timeline_entry head[TIMELINE_HEAD], tail[TIMELINE_TAIL];
	/* few, and what everything else is about: they do not give way to answers */
	uint32_t verdicts_len, verdicts_at;
	struct timeline_entry verdicts[TIMELINE_VERDICTS];
};

struct timeline {
	struct table *names;
	struct hash_key key;
};

int timeline_new(size_t names, const struct hash_key *key, struct timeline **ret)
{
	struct timeline *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->key = *key;
	if (table_new(sizeof(struct remembered), names, NULL, NULL, &t->names)) {
		free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void timeline_free(struct timeline *t)
{
	if (!t)
		return;
	table_free(t->names);
	free(t);
}

static uint64_t key_of(const struct timeline *t, const struct dns_name *name)
{
	return hash_nonzero(hash_keyed(&t->key, name->wire, name->len));
}

static struct timeline_entry *append(struct remembered *r)
{
	struct timeline_entry *e;

	if (r->head_len < TIMELINE_HEAD)
		return &r->head[r->head_len++];
	e = &r->tail[r->tail_at];
	r->tail_at = (r->tail_at + 1) % TIMELINE_TAIL;
	if (r->tail_len < TIMELINE_TAIL)
		r->tail_len++;
	else
		r->dropped++;
	return e;
}

static struct timeline_entry *latest(struct remembered *r)
{
	if (r->tail_len)
		return &r->tail[(r->tail_at + TIMELINE_TAIL - 1) % TIMELINE_TAIL];
	return r->head_len ? &r->head[r->head_len - 1] : NULL;
}

/* --- what happens ---------------------------------------------------------------------------- */

static void add_text(char *text, const char *more)
{
	size_t n = strlen(text);

	snprintf(text + n, TIMELINE_TEXT - n, "%s%s", n ? " " : "", more);
}

static void add_names(struct timeline_entry *e, const struct dns_name *names, size_t n)
{
	char text[DNS_NAME_TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		if (strlen(e->text) + dns_name_format(&names[i], text) + 6 > TIMELINE_TEXT) {
			add_text(e->text, "…");
			break;
		}
		add_text(e->text, text);
	}
}

void timeline_change(struct timeline *t, const struct churn_change *c)
{
	struct timeline_entry *e;
	struct remembered *r;
	bool is_new;

	/* most first answers are the only ones: they are known by the evidence */
	if (!t || c->kind == CHURN_FIRST)
		return;
	r = table_put(t->names, key_of(t, c->rrname), &is_new);
	e = append(r);
	*e = (struct timeline_entry){
		.time_ns = c->time_ns,
		.last_ns = c->time_ns,
		.kind = c->rrtype == DNS_TYPE_NS    ? TIMELINE_SERVERS
			: c->kind == CHURN_RETURNED ? TIMELINE_RETURNED
						    : TIMELINE_CHANGED,
		.rrtype = c->rrtype,
		.added = (uint16_t)(c->added_len + c->added_names_len),
		.removed = (uint16_t)(c->removed_len + c->removed_names_len),
		.set_size = c->set_size,
		.distinct = c->distinct,
		.ttl_s = c->ttl_s,
		.count = 1,
	};
	for (size_t i = 0; i < c->added_len && i < TIMELINE_ADDRS; i++)
		e->addrs[i] = c->added[i];
	add_names(e, c->added_names, c->added_names_len);
}

static const char *program_of(const struct connection *conn)
{
	const char *slash;

	if (!conn->has_process)
		return "";
	if (!conn->process.exe || !*conn->process.exe)
		return conn->process.comm ? conn->process.comm : "";
	slash = strrchr(conn->process.exe, '/');
	return slash ? slash + 1 : conn->process.exe;
}

static void note_connection(struct remembered *r, const struct connection *conn)
{
	struct timeline_entry *e = latest(r);

	if (e && e->kind == TIMELINE_CONNECT && e->port == conn->dport && e->err == conn->err &&
	    ip_equal(&e->addrs[0], &conn->dst) && ip_equal(&e->addrs[1], &conn->src) &&
	    conn->time_ns - e->last_ns < SAME_CONNECTION_NS) {
		e->count++;
		e->last_ns = conn->time_ns;
		return;
	}
	e = append(r);
	*e = (struct timeline_entry){
		.time_ns = conn->time_ns,
		.last_ns = conn->time_ns,
		.kind = TIMELINE_CONNECT,
		.proto = conn->proto,
		.port = conn->dport,
		.err = conn->err,
		.count = 1,
		.addrs = { conn->dst, conn->src },
	};
	snprintf(e->text, sizeof(e->text), "%s", program_of(conn));
}

void timeline_connection(struct timeline *t, const struct connection *conn)
{
	/* an attempt's outcome comes by itself, and so did that of one that now ends */
	if (!t || conn->state == CONNECTION_ATTEMPT ||
	    (conn->state == CONNECTION_CLOSED && conn->source != CONNECTION_LOG))
		return;
	for (size_t i = 0; i < conn->names_len && i < CONNECTION_NAMES_MAX; i++) {
		const struct connection_name *n = &conn->names[i];
		struct remembered *r = table_get(t->names, key_of(t, &n->rrname));

		if (r)
			note_connection(r, conn);
		if (n->query.len && !dns_name_equal(&n->query, &n->rrname)) {
			r = table_get(t->names, key_of(t, &n->query));
			if (r)
				note_connection(r, conn);
		}
	}
}

/* The first stays; of the others the latest. */
static struct timeline_entry *append_verdict(struct remembered *r)
{
	if (r->verdicts_len < TIMELINE_VERDICTS)
		return &r->verdicts[r->verdicts_len++];
	r->dropped++;
	r->verdicts_at = r->verdicts_at % (TIMELINE_VERDICTS - 1) + 1;
	return &r->verdicts[r->verdicts_at];
}

void timeline_alert(struct timeline *t, const struct alert *a)
{
	struct timeline_entry *e;
	bool is_new;

	if (!t || a->is_home_node_alert)
		return;
	e = append_verdict(table_put(t->names, key_of(t, &a->domain), &is_new));
	*e = (struct timeline_entry){
		.time_ns = a->time_ns,
		.last_ns = a->time_ns,
		.kind = TIMELINE_VERDICT,
		.verdict = (uint8_t)a->verdict,
		.confidence = (uint8_t)a->confidence,
		.state = (uint8_t)a->state,
		.score = (float)a->score,
		.count = 1,
	};
	snprintf(e->text, sizeof(e->text), "%.60s", a->reason);
}

/* --- what is told ---------------------------------------------------------------------------- */

void timeline_add(struct timeline_view *v, const struct timeline_entry *entry)
{
	size_t at = v->len;

	if (v->len == TIMELINE_SHOWN) {
		/* the beginning stays, and so do the latest: what follows the head gives way */
		size_t out = TIMELINE_HEAD;

		v->left_out++;
		if (entry->time_ns < v->entries[out].time_ns)
			return;
		memmove(&v->entries[out], &v->entries[out + 1],
			(TIMELINE_SHOWN - out - 1) * sizeof(v->entries[0]));
		at = --v->len;
	}
	while (at && v->entries[at - 1].time_ns > entry->time_ns) {
		v->entries[at] = v->entries[at - 1];
		at--;
	}
	v->entries[at] = *entry;
	v->len++;
}

static void add_name(struct timeline *t, const struct dns_name *name, bool servers_only,
		     struct timeline_view *ret)
{
	const struct remembered *r = t ? table_get(t->names, key_of(t, name)) : NULL;

	if (!r)
		return;
	for (uint32_t i = 0; i < r->head_len; i++)
		if (!servers_only || r->head[i].kind == TIMELINE_SERVERS)
			timeline_add(ret, &r->head[i]);
	for (uint32_t i = 0; i < r->tail_len; i++) {
		uint32_t at = (r->tail_at + TIMELINE_TAIL - r->tail_len + i) % TIMELINE_TAIL;

		if (!servers_only || r->tail[at].kind == TIMELINE_SERVERS)
			timeline_add(ret, &r->tail[at]);
	}
	for (uint32_t i = 0; i < r->verdicts_len && !servers_only; i++)
		timeline_add(ret, &r->verdicts[i]);
	ret->left_out += r->dropped;
}

/* No entries of its own: a name taken together with its siblings, or one that gave way. */
static void add_from_evidence(const struct alert *a, struct timeline_view *ret)
{
	for (size_t i = 0; i < a->evidence.ips_len; i++) {
		const struct alert_ip *ip = &a->evidence.ips[i];
		struct timeline_entry e = { .time_ns = ip->first_ns,
					    .last_ns = ip->last_ns,
					    .kind = TIMELINE_RECORD,
					    .rrtype =
						    ip_is_v4(&ip->ip) ? DNS_TYPE_A : DNS_TYPE_AAAA,
					    .count = ip->sightings };

		ip_format(&ip->ip, e.text);
		timeline_add(ret, &e);
	}
}

/* Their addresses move without a change of the NS set. */
static void add_servers(const struct alert *a, struct timeline_view *ret)
{
	for (size_t i = 0; i < a->evidence.nameservers_len; i++) {
		const struct alert_nameserver *ns = &a->evidence.nameservers[i];
		struct timeline_entry e = { .time_ns = ns->first_ns,
					    .last_ns = ns->last_ns,
					    .kind = TIMELINE_SERVERS,
					    .rrtype = DNS_TYPE_NS,
					    .added = 1,
					    .count = 1 };

		for (size_t k = 0; k < ns->ips_len && k < TIMELINE_ADDRS; k++)
			e.addrs[k] = ns->ips[k];
		add_names(&e, &ns->name, 1);
		timeline_add(ret, &e);
	}
}

static bool has_kind(const struct timeline_view *v, enum timeline_kind kind)
{
	for (size_t i = 0; i < v->len; i++)
		if (v->entries[i].kind == kind)
			return true;
	return false;
}

void timeline_get(struct timeline *t, const struct alert *alert, struct timeline_view *ret)
{
	unsigned int labels = dns_name_labels(&alert->domain);

	ret->len = 0;
	ret->left_out = 0;
	if (alert->evidence.first_ns) {
		struct timeline_entry first = { .time_ns = alert->evidence.first_ns,
						.last_ns = alert->evidence.first_ns,
						.kind = TIMELINE_FIRST,
						.count = 1 };

		timeline_add(ret, &first);
	}
	add_name(t, &alert->domain, false, ret);
	for (unsigned int up = 1; up < labels && up <= ZONES_ABOVE; up++) {
		struct dns_name zone = dns_name_parent(&alert->domain, up);

		add_name(t, &zone, true, ret);
	}
	if (!has_kind(ret, TIMELINE_SERVERS))
		add_servers(alert, ret);
	if (!has_kind(ret, TIMELINE_CHANGED) && !has_kind(ret, TIMELINE_RETURNED))
		add_from_evidence(alert, ret);
}

void timeline_stats(const struct timeline *t, struct timeline_stats *ret)
{
	*ret = (struct timeline_stats){ 0 };
	if (!t)
		return;
	ret->names = table_count(t->names);
	ret->evicted = table_evictions(t->names);
	ret->bytes = table_bytes(t->names);
}

const char *timeline_kind_name(enum timeline_kind kind)
{
	static const char *const names[] = {
		[TIMELINE_FIRST] = "first",	  [TIMELINE_CHANGED] = "changed",
		[TIMELINE_RETURNED] = "returned", [TIMELINE_SERVERS] = "nameservers",
		[TIMELINE_CONNECT] = "connect",	  [TIMELINE_VERDICT] = "verdict",
		[TIMELINE_RECORD] = "record",
	};

	return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "";
}
