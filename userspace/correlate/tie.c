// SPDX-License-Identifier: BSD-2-Clause
#include "correlate/tie.h"

#include <errno.h>
#include <stdlib.h>

#include "base/table.h"

#define LOCAL_HOST    1ULL /* key of the host that all local addresses are */
#define LOCAL_MAX     1024 /* addresses of this machine; a power of two */
#define QUESTIONS_MAX 32768 /* sockets that asked lately */
#define RELAY_NS      5000000000ULL /* an answer handed on later than this is a new one */
#define ASK_NS	      30000000000ULL /* a question waits this long for its answer at most */

struct ask {
	uint64_t socket;
	uint64_t time_ns;
	uint32_t who; /* 0: look the socket up */
};

struct tie { /* key: host and mapping */
	uint64_t key;
	uint64_t last_ns;
	uint64_t upstream_ns; /* last answered by another host */
	uint64_t relayed_ns; /* when it was last handed on; 0 never */
	uint64_t direct_ns; /* last answered to this host by itself: a process asked the stub */
	uint32_t asks_next;
	struct ask asks[TIE_ASKS];
};

struct question {
	uint64_t key;
	uint64_t time_ns;
	uint32_t who;
};

struct ties {
	struct hash_key key;
	struct table *ties, *questions;
	uint64_t local[LOCAL_MAX]; /* keys of addresses, open addressing */
	size_t locals;
};

int ties_new(size_t max_ties, const struct hash_key *key, struct ties **ret)
{
	struct ties *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->key = *key;
	if (table_new(sizeof(struct tie), max_ties, NULL, NULL, &t->ties) ||
	    table_new(sizeof(struct question), QUESTIONS_MAX, NULL, NULL, &t->questions)) {
		ties_free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void ties_free(struct ties *t)
{
	if (!t)
		return;
	table_free(t->ties);
	table_free(t->questions);
	free(t);
}

/* --- hosts ----------------------------------------------------------------------------------- */

static bool is_loopback(const struct ip_addr *a)
{
	static const struct ip_addr v6 = {{[15] = 1}};

	return (ip_is_v4(a) && a->b[12] == 127) || ip_equal(a, &v6);
}

static uint64_t address_key(const struct ties *t, const struct ip_addr *addr)
{
	uint64_t key = hash_keyed(&t->key, addr->b, sizeof(addr->b));

	return key > LOCAL_HOST ? key : LOCAL_HOST + 1;
}

static bool local_has(const struct ties *t, uint64_t key)
{
	for (size_t i = key % LOCAL_MAX; t->local[i]; i = (i + 1) % LOCAL_MAX)
		if (t->local[i] == key)
			return true;
	return false;
}

void ties_local(struct ties *t, const struct ip_addr *addr)
{
	uint64_t key = address_key(t, addr);
	size_t i = key % LOCAL_MAX;

	if (local_has(t, key) || t->locals == LOCAL_MAX / 2)
		return;
	while (t->local[i])
		i = (i + 1) % LOCAL_MAX;
	t->local[i] = key;
	t->locals++;
}

bool ties_is_local(const struct ties *t, const struct ip_addr *addr)
{
	return is_loopback(addr) || local_has(t, address_key(t, addr));
}

static uint64_t host_key(const struct ties *t, const struct ip_addr *addr)
{
	uint64_t key;

	if (ip_is_unspecified(addr))
		return 0;
	if (is_loopback(addr))
		return LOCAL_HOST;
	key = address_key(t, addr);
	return local_has(t, key) ? LOCAL_HOST : key;
}

/* --- questions ------------------------------------------------------------------------------- */

static uint64_t socket_key(uint64_t address, uint16_t port)
{
	uint64_t key = hash_mix(address ^ (uint64_t)port << 48);

	return key ? key : 1;
}

static uint32_t process_key(const struct ties *t, const struct process_info *p)
{
	uint64_t name[2] = {p->pid, p->start_ns};
	uint32_t who = (uint32_t)hash_keyed(&t->key, name, sizeof(name));

	return who ? who : 1;
}

void ties_question(struct ties *t, const struct connection *conn)
{
	struct question *q;
	bool is_new;

	if (!conn->has_process || !conn->sport)
		return;
	q = table_put(t->questions, socket_key(address_key(t, &conn->src), conn->sport), &is_new);
	q->time_ns = conn->time_ns;
	q->who = process_key(t, &conn->process);
}

/* Who asked by that socket for what was answered at @time_ns; 0: not known. */
static uint32_t asker_of(struct ties *t, uint64_t socket, uint64_t time_ns)
{
	const struct question *q = table_get(t->questions, socket);

	/* the two times come from two rings of one clock: an answer may seem to be a little early
	 */
	if (!q || q->time_ns > time_ns + 1000000 || q->time_ns + ASK_NS < time_ns)
		return 0;
	return q->who;
}

struct tie_client ties_client(struct ties *t, const struct dns_observation *obs)
{
	struct tie_client c = {.time_ns = obs->time_ns};
	uint64_t address;

	if (ip_is_unspecified(&obs->client))
		return c;
	address = address_key(t, &obs->client);
	c.host = is_loopback(&obs->client) || local_has(t, address) ? LOCAL_HOST : address;
	c.server = host_key(t, &obs->server);
	if (obs->client_port) {
		c.ask = socket_key(address, obs->client_port);
		c.who = asker_of(t, c.ask, obs->time_ns);
	}
	/* a socket without connect() has no address of its own */
	if (obs->client_port && !c.who && c.host == LOCAL_HOST) {
		struct ip_addr any = {};
		uint64_t ask;

		if (ip_is_v4(&obs->client))
			any = ip_from_v4((const uint8_t[4]){0});
		ask = socket_key(address_key(t, &any), obs->client_port);
		c.who = asker_of(t, ask, obs->time_ns);
	}
	return c;
}

/* --- ties ------------------------------------------------------------------------------------ */

static uint64_t tie_key(uint64_t host, uint64_t mapping)
{
	uint64_t key = hash_mix(hash_mix(host) ^ mapping);

	return key ? key : 1;
}

static bool note_relay(struct ties *t, const struct tie_client *client, uint64_t mapping)
{
	struct tie *up;

	if (!client->server)
		return false;
	up = table_get(t->ties, tie_key(client->server, mapping));
	if (!up || !up->upstream_ns || up->upstream_ns + RELAY_NS < client->time_ns)
		return false;
	if (client->server != client->host)
		up->relayed_ns = client->time_ns;
	return true;
}

bool ties_note(struct ties *t, const struct tie_client *client, uint64_t mapping)
{
	struct tie *tie;
	bool relayed, is_new;

	if (!client->host)
		return false;
	relayed = note_relay(t, client, mapping);
	tie = table_put(t->ties, tie_key(client->host, mapping), &is_new);
	if (client->time_ns > tie->last_ns)
		tie->last_ns = client->time_ns;
	if (client->server == client->host)
		tie->direct_ns = client->time_ns;
	else
		tie->upstream_ns = client->time_ns;
	if (client->ask)
		tie->asks[tie->asks_next++ % TIE_ASKS] = (struct ask){
			.socket = client->ask, .time_ns = client->time_ns, .who = client->who};
	return relayed;
}

struct tie_asker ties_asker(const struct ties *t, const struct connection *conn)
{
	struct tie_asker a = {};

	if (!ip_is_unspecified(&conn->src)) {
		a.hosts[0] = address_key(t, &conn->src);
		if (is_loopback(&conn->src) || local_has(t, a.hosts[0]))
			a.hosts[1] = LOCAL_HOST;
	} else if (conn->source == CONNECTION_LOCAL) {
		a.hosts[1] = LOCAL_HOST;
	}
	if (conn->has_process && conn->source == CONNECTION_LOCAL)
		a.who = process_key(t, &conn->process);
	return a;
}

static bool asked_by(struct ties *t, struct tie *tie, uint32_t who)
{
	for (size_t i = 0; i < TIE_ASKS; i++) {
		struct ask *ask = &tie->asks[i];

		if (!ask->socket)
			continue;
		if (!ask->who)
			ask->who = asker_of(t, ask->socket, ask->time_ns);
		if (ask->who == who)
			return true;
	}
	return false;
}

enum tie_strength ties_look(struct ties *t, const struct tie_asker *asker, uint64_t mapping)
{
	enum tie_strength best = TIE_OTHERS;

	for (size_t i = 0; i < 2; i++) {
		struct tie *tie = asker->hosts[i]
					  ? table_get(t->ties, tie_key(asker->hosts[i], mapping))
					  : NULL;

		if (!tie)
			continue;
		if (asker->who && asked_by(t, tie, asker->who))
			return TIE_PROCESS;
		/* asked for others, and by nobody here */
		if (tie->relayed_ns && !tie->direct_ns && tie->last_ns <= tie->relayed_ns)
			continue;
		best = TIE_HOST;
	}
	return best;
}

uint64_t ties_evicted(const struct ties *t)
{
	return table_evictions(t->ties);
}

size_t ties_bytes(const struct ties *t)
{
	return table_bytes(t->ties) + table_bytes(t->questions);
}
