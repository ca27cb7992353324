// SPDX-License-Identifier: BSD-2-Clause
/* Connections told to the candidates whose answers they followed. */
#include "detect/state.h"

#include <string.h>

#include "churn/sketch.h"

#define LATE_S 3600.0 /* this long after expiry no cache of a client explains the connection */

/* Peers that no answer explains, by host and port: what a peer-to-peer client looks like. */
static void note_unexplained(struct detector *d, const struct connection *conn)
{
	uint64_t key = hash_nonzero(hash_mix(unit_hash(d, &conn->src) ^ conn->dport));
	bool is_new;
	struct peer_ports *p = table_put(d->peers, key, &is_new);

	sketch_add(&p->peers, hash_mix(unit_hash(d, &conn->dst)));
}

static struct contacts *contacts_of(struct detector *d, struct candidate *c, uint32_t index1)
{
	uint32_t loser;

	if (!c->contacts) {
		c->contacts = contact_pool_take(&d->contacts, index1, &loser);
		if (loser)
			candidate_at(&d->candidates, loser)->contacts = 0;
	}
	return contacts_at(&d->contacts, c->contacts);
}

/* @connects: how many more. */
static void note_host(struct detector *d, struct candidate *c, const struct connection *conn,
		      unsigned int connects)
{
	struct asking_host *h;

	if (ip_is_unspecified(&conn->src)) /* a UDP socket that is bound to none */
		return;
	h = candidate_host(&d->candidates, c, &conn->src);
	if (!h)
		return;
	h->connects += connects;
	if (!conn->has_mac)
		return;
	memcpy(h->mac, conn->mac, sizeof(h->mac));
	h->has_mac = true;
}

static void count_slot(struct candidate *c, int slot, bool is_new, bool failed)
{
	struct sample_slot *s;

	if (slot < 0)
		return;
	s = &c->sample.slots[slot];
	if (is_new && s->connects < UINT16_MAX)
		s->connects++;
	if (failed && s->failures < UINT8_MAX)
		s->failures++;
	c->sample.contact |= 1ULL << slot;
}

static void tell(struct detector *d, uint32_t index1, const struct connection *conn, bool late)
{
	struct candidate *c = candidate_at(&d->candidates, index1);
	int slot = sample_find(&c->sample, unit_hash(d, &conn->dst));
	uint32_t before = peers_of(d, c);
	bool is_new, failed;

	/* the many candidates that nobody suspects would take the blocks of those that matter */
	if (!c->contacts && !c->finding && best_known(c) <= d->cfg.watch_score)
		return;
	if (conn->seen_locally) { /* counted with its process already */
		note_host(d, c, conn, conn->adds_host);
		return;
	}
	contacts_add(contacts_of(d, c, index1), conn, slot, c->sets, late, &is_new, &failed);
	count_slot(c, slot, is_new, failed);
	if (is_new)
		note_host(d, c, conn, 1);
	/* judged again when it may matter: for a standing verdict, or near one */
	if ((is_new || failed) && (c->finding || best_known(c) > d->cfg.watch_score) &&
	    (failed || before != peers_of(d, c) || c->sets % 4 == 0))
		finding_review(d, index1);
}

static void tell_name(struct detector *d, const struct connection *conn,
		      const struct dns_name *name, bool late)
{
	uint64_t base = name_key(d, name->wire, name->len);
	uint16_t type = ip_is_v4(&conn->dst) ? DNS_TYPE_A : DNS_TYPE_AAAA;
	struct churn_name *e = names_get(d->names, typed_key(base, type));
	struct local_domain *dom;

	if (!e)
		return;
	if (e->candidate)
		tell(d, e->candidate, conn, late);
	dom = local_domain_get(&d->local, e->domain);
	if (dom && dom->aggregate)
		tell(d, dom->aggregate, conn, late);
}

/* No name's answer explains the connection any more: an address that many names share is late for
 * the one and in time for the other. */
static bool is_late(const struct connection *conn)
{
	for (size_t i = 0; i < conn->names_len; i++)
		if (conn->names[i].ttl_left_s >= -LATE_S)
			return false;
	return conn->names_len > 0;
}

void detector_connection(struct detector *d, const struct connection *conn)
{
	bool late = is_late(conn);

	detector_tick(d, conn->time_ns);
	d->connects_visible = true;
	if (!conn->names_len && conn->state != CONNECTION_CLOSED)
		note_unexplained(d, conn);
	for (size_t i = 0; i < conn->names_len; i++) {
		const struct connection_name *cn = &conn->names[i];

		/* where the host's own answer explains it, what others were answered does not */
		if (conn->names[0].same_host && !cn->same_host)
			break;
		tell_name(d, conn, &cn->rrname, late);
		if (cn->query.len && !dns_name_equal(&cn->rrname, &cn->query))
			tell_name(d, conn, &cn->query, late);
	}
}
