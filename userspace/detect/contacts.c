// SPDX-License-Identifier: BSD-2-Clause
#include "detect/contacts.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/hash.h"

int contact_pool_init(struct contact_pool *p, uint32_t cap)
{
	p->cap = cap;
	p->reused = 0;
	p->blocks = calloc(cap, sizeof(*p->blocks));
	return p->blocks ? 0 : -ENOMEM;
}

void contact_pool_fini(struct contact_pool *p)
{
	free(p->blocks);
	p->blocks = NULL;
}

uint32_t contact_pool_take(struct contact_pool *p, uint32_t owner, uint32_t *ret_loser)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < p->cap && p->blocks[at].owner; i++)
		if (!p->blocks[i].owner || p->blocks[i].last_s < p->blocks[at].last_s)
			at = i;
	*ret_loser = p->blocks[at].owner;
	p->reused += p->blocks[at].owner != 0;
	memset(&p->blocks[at], 0, sizeof(p->blocks[at]));
	p->blocks[at].owner = owner;
	return at + 1;
}

void contact_pool_release(struct contact_pool *p, uint32_t index1)
{
	memset(contacts_at(p, index1), 0, sizeof(struct contacts));
}

static uint64_t mix_addr(uint64_t h, const struct ip_addr *a)
{
	uint64_t hi, lo;

	memcpy(&hi, a->b, 8);
	memcpy(&lo, a->b + 8, 8);
	return hash_mix(hash_mix(h ^ hi) + lo);
}

/* The same for every report about one connection. */
static uint64_t connection_id(const struct connection *conn)
{
	uint64_t h = mix_addr(1, &conn->src);

	h = mix_addr(h, &conn->dst);
	h = hash_mix(h ^ ((uint64_t)conn->sport << 32 | (uint64_t)conn->dport << 16 | conn->proto));
	if (!conn->sport)
		h = hash_mix(h ^ conn->time_ns);
	return hash_nonzero(h);
}

static struct contact_recent *recent_of(struct contacts *c, uint64_t id, bool *ret_new)
{
	struct contact_recent *r;

	*ret_new = false;
	for (unsigned int i = 0; i < CONTACT_RECENT; i++)
		if (c->recent[i].id == id && !c->recent[i].closed)
			return &c->recent[i];
	*ret_new = true;
	r = &c->recent[c->recent_at++ % CONTACT_RECENT];
	memset(r, 0, sizeof(*r));
	r->id = id;
	return r;
}

static void copy_text(char *to, size_t len, const char *from)
{
	size_t n = from ? strnlen(from, len - 1) : 0;

	memcpy(to, from ? from : "", n);
	to[n] = '\0';
}

static struct contact_peer *peer_of(struct contacts *c, const struct connection *conn,
				    uint32_t now_s)
{
	const struct process_info *info = &conn->process;
	uint64_t id = mix_addr(2, &conn->src);
	struct contact_peer *oldest = &c->peers[0];
	struct alert_process *p;

	if (conn->has_process)
		id = hash_mix(hash_mix(id ^ info->pid) ^ info->start_ns);
	id |= 1;
	for (unsigned int i = 0; i < CONTACT_PEERS; i++) {
		if (c->peers[i].id == id)
			return &c->peers[i];
		if (c->peers[i].last_s < oldest->last_s)
			oldest = &c->peers[i];
	}
	memset(oldest, 0, sizeof(*oldest));
	oldest->id = id;
	oldest->last_s = now_s;
	oldest->is_process = conn->has_process;
	p = &oldest->process;
	p->host = conn->src;
	if (!conn->has_process)
		return oldest;
	p->pid = info->pid;
	p->ppid = info->ppid;
	p->uid = info->uid;
	copy_text(p->exe, sizeof(p->exe), info->exe);
	copy_text(p->comm, sizeof(p->comm), info->comm);
	copy_text(p->cmdline, sizeof(p->cmdline), info->cmdline);
	copy_text(p->unit, sizeof(p->unit), info->unit);
	copy_text(p->container_id, sizeof(p->container_id), info->container_id);
	return oldest;
}

static void count_port(struct contacts *c, const struct connection *conn)
{
	struct contact_port *least = &c->ports[0];

	c->ntp += conn->proto == IPPROTO_UDP && conn->dport == 123;
	for (unsigned int i = 0; i < CONTACT_PORTS; i++) {
		struct contact_port *p = &c->ports[i];

		if (p->connects && p->port == conn->dport && p->proto == conn->proto) {
			p->connects++;
			return;
		}
		if (p->connects < least->connects)
			least = p;
	}
	/* space saving (Metwally et al. 2005): the newcomer inherits the count it displaces */
	least->port = conn->dport;
	least->proto = conn->proto;
	least->connects++;
}

void contacts_add(struct contacts *c, const struct connection *conn, int slot, uint32_t set,
		  bool late, bool *ret_new, bool *ret_failed)
{
	uint32_t now_s = (uint32_t)(conn->time_ns / 1000000000ULL);
	struct contact_recent *r = recent_of(c, connection_id(conn), ret_new);
	struct contact_peer *peer = peer_of(c, conn, now_s);
	bool outcome = conn->state == CONNECTION_OK || conn->state == CONNECTION_FAILED;

	if (conn->told_before) { /* counted: what is new is the process */
		peer->process.connects++;
		peer->process.failures += conn->state == CONNECTION_FAILED;
		*ret_new = outcome = false;
		r->failed = true;
	}
	*ret_failed = conn->state == CONNECTION_FAILED && !r->failed;
	r->failed |= *ret_failed;
	c->last_s = peer->last_s = now_s;
	if (*ret_new) {
		c->connects++;
		c->late += late;
		peer->process.connects++;
		count_port(c, conn);
	}
	c->outcomes += outcome;
	c->failures += *ret_failed;
	peer->process.failures += *ret_failed;
	if (slot >= 0)
		peer->slots |= 1ULL << slot;
	peer->sets |= 1ULL << (set & 63);
	peer->process.distinct_ips = (uint32_t)__builtin_popcountll(peer->slots);
	r->closed = conn->state == CONNECTION_CLOSED;
	if (conn->has_bytes) { /* with its end; logs tell a connection as a whole */
		peer->process.bytes_toserver += conn->bytes_toserver;
		peer->process.bytes_toclient += conn->bytes_toclient;
	}
}

bool contacts_nonweb_port(const struct contact_port *p)
{
	static const uint16_t web[] = { 80, 443, 8080, 8443 };

	for (unsigned int i = 0; i < sizeof(web) / sizeof(web[0]); i++)
		if (p->port == web[i])
			return false;
	return p->connects > 0;
}
