// SPDX-License-Identifier: BSD-2-Clause
#include "correlate/tie.h"

#include <errno.h>
#include <stdlib.h>

#include "base/table.h"

#define LOCAL_HOST    1ULL /* key of the host that all local addresses are */
#define LOCAL_MAX     1024 /* addresses of this machine and its processes; a power of two */
#define QUESTIONS_MAX 32768 /* sockets that asked lately */
#define ASKED_MAX     32768 /* pairs of process and mapping */
#define WAITING_MAX   4096 /* answers whose question was not seen yet */
#define WAITING_KEPT  4 /* mappings of one such answer */
#define ANSWERED_BITS (1U << 19) /* 64 KiB */

#define TICK_NS	    10000000ULL /* times in ties: 32 bits of 10 ms, compared modulo 2^32 */
#define RELAY_TICKS 500 /* an answer handed on later than this is a new one */
#define ASK_NS	    30000000000ULL /* a question waits this long for its answer at most */
#define SKEW_NS	    1000000ULL /* between the clocks of two rings */

struct tie { /* key: host and mapping. Small: a set of eight is three cache lines */
	uint64_t key;
	uint32_t last;
	uint32_t upstream; /* last answered by another host; 0 never */
	uint32_t relayed; /* last handed on; 0 never */
	uint32_t direct; /* last answered by the host itself: a process asked the stub; 0 never */
};

struct question { /* key: socket */
	uint64_t key;
	uint64_t time_ns;
	uint32_t who;
};

struct asked { /* key: process and mapping */
	uint64_t key;
};

struct waiting { /* key: socket */
	uint64_t key;
	uint64_t time_ns;
	uint64_t mappings[WAITING_KEPT];
	uint32_t len;
};

struct local {
	uint64_t key;
	bool machine; /* else the address of a container or the like */
};

struct ties {
	struct hash_key key, address_key;
	struct table *ties, *questions, *asked, *waiting;
	struct local local[LOCAL_MAX]; /* open addressing */
	size_t locals;
	/* hosts that were answered, by bits of their key: most servers never were, and then nothing
	 * needs to be looked up for them; never cleared */
	uint64_t answered[ANSWERED_BITS / 64];
};

int ties_new(size_t max_ties, const struct hash_key *key, struct ties **ret)
{
	struct ties *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->key = *key;
	t->address_key = hash_key_derive(key, "tie");
	if (table_new(sizeof(struct tie), max_ties, NULL, NULL, &t->ties) ||
	    table_new(sizeof(struct question), QUESTIONS_MAX, NULL, NULL, &t->questions) ||
	    table_new(sizeof(struct asked), ASKED_MAX, NULL, NULL, &t->asked) ||
	    table_new(sizeof(struct waiting), WAITING_MAX, NULL, NULL, &t->waiting)) {
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
	table_free(t->asked);
	table_free(t->waiting);
	free(t);
}

/* --- hosts ----------------------------------------------------------------------------------- */

static bool is_loopback(const struct ip_addr *a)
{
	static const struct ip_addr v6 = { { [15] = 1 } };

	return (ip_is_v4(a) && a->b[12] == 127) || ip_equal(a, &v6);
}

static uint64_t address_key(const struct ties *t, const struct ip_addr *addr)
{
	uint64_t key = hash_address(&t->address_key, addr->b);

	return key > LOCAL_HOST ? key : LOCAL_HOST + 1;
}

static const struct local *local_find(const struct ties *t, uint64_t key)
{
	if (!t->locals)
		return NULL;
	for (size_t i = key % LOCAL_MAX; t->local[i].key; i = (i + 1) % LOCAL_MAX)
		if (t->local[i].key == key)
			return &t->local[i];
	return NULL;
}

static void local_add(struct ties *t, const struct ip_addr *addr, bool machine)
{
	uint64_t key = address_key(t, addr);
	size_t i = key % LOCAL_MAX;

	while (t->local[i].key && t->local[i].key != key)
		i = (i + 1) % LOCAL_MAX;
	if (!t->local[i].key) {
		/* half full is where open addressing is still short; containers come and go */
		if (t->locals >= LOCAL_MAX / 2 + (machine ? LOCAL_MAX / 4 : 0))
			return;
		t->local[i].key = key;
		t->locals++;
	}
	t->local[i].machine |= machine;
}

void ties_local(struct ties *t, const struct ip_addr *addr)
{
	local_add(t, addr, true);
}

static bool is_machine(const struct ties *t, const struct ip_addr *addr, uint64_t key)
{
	const struct local *l;

	if (is_loopback(addr))
		return true;
	l = local_find(t, key);
	return l && l->machine;
}

bool ties_is_local(const struct ties *t, const struct ip_addr *addr)
{
	return is_machine(t, addr, address_key(t, addr));
}

static uint64_t host_key(const struct ties *t, const struct ip_addr *addr)
{
	uint64_t key;

	if (ip_is_unspecified(addr))
		return 0;
	key = address_key(t, addr);
	return is_machine(t, addr, key) ? LOCAL_HOST : key;
}

/* --- questions ------------------------------------------------------------------------------- */

static uint64_t socket_key(uint64_t address, uint16_t port)
{
	uint64_t key = hash_mix(address ^ (uint64_t)port << 48);

	return key ? key : 1;
}

static uint32_t process_key(const struct ties *t, const struct process_info *p)
{
	uint64_t name[2] = { p->pid, p->start_ns };
	uint32_t who = (uint32_t)hash_keyed(&t->key, name, sizeof(name));

	return who ? who : 1;
}

static uint64_t asked_key(uint32_t who, uint64_t mapping)
{
	uint64_t key = hash_mix(mapping ^ hash_mix(who));

	return key ? key : 1;
}

static void note_asked(struct ties *t, uint32_t who, uint64_t mapping)
{
	bool is_new;

	table_put(t->asked, asked_key(who, mapping), &is_new);
}

void ties_question(struct ties *t, const struct connection *conn)
{
	uint64_t socket;
	struct question *q;
	struct waiting *w;
	bool is_new;

	if (!conn->has_process || !conn->sport)
		return;
	if (!ip_is_unspecified(&conn->src))
		local_add(t, &conn->src, false);
	socket = socket_key(address_key(t, &conn->src), conn->sport);
	q = table_put(t->questions, socket, &is_new);
	q->time_ns = conn->time_ns;
	q->who = process_key(t, &conn->process);
	w = table_get(t->waiting,
		      socket); /* the answer came through its ring before the question */
	if (!w)
		return;
	if (w->time_ns + SKEW_NS >= q->time_ns && w->time_ns <= q->time_ns + ASK_NS)
		for (size_t i = 0; i < w->len; i++)
			note_asked(t, q->who, w->mappings[i]);
	table_remove(t->waiting, w);
}

/* Who asked by that socket for what was answered at @time_ns; 0: not known. */
static uint32_t asker_of(struct ties *t, uint64_t socket, uint64_t time_ns)
{
	const struct question *q = table_get(t->questions, socket);

	if (!q || q->time_ns > time_ns + SKEW_NS || q->time_ns + ASK_NS < time_ns)
		return 0;
	return q->who;
}

/* The socket that asked; one without connect() has no address of its own. */
static void find_socket(struct ties *t, const struct dns_observation *obs, uint64_t address,
			struct tie_client *c)
{
	struct ip_addr any = {};

	c->socket = socket_key(address, obs->client_port);
	c->who = asker_of(t, c->socket, obs->time_ns);
	if (c->who || c->host != LOCAL_HOST)
		return;
	if (ip_is_v4(&obs->client))
		any = ip_from_v4((const uint8_t[4]){ 0 });
	c->who = asker_of(t, socket_key(address_key(t, &any), obs->client_port), obs->time_ns);
}

static void note_answered(struct ties *t, uint64_t host)
{
	t->answered[host % ANSWERED_BITS / 64] |= 1ULL << host % 64;
}

static bool was_answered(const struct ties *t, uint64_t host)
{
	return t->answered[host % ANSWERED_BITS / 64] >> host % 64 & 1;
}

static uint32_t ticks(uint64_t time_ns)
{
	uint32_t n = (uint32_t)(time_ns / TICK_NS);

	return n ? n : 1;
}

struct tie_client ties_client(struct ties *t, const struct dns_observation *obs)
{
	struct tie_client c = { .time_ns = obs->time_ns };
	const struct local *l;
	uint64_t address;

	if (ip_is_unspecified(&obs->client))
		return c;
	address = address_key(t, &obs->client);
	l = is_loopback(&obs->client) ? NULL : local_find(t, address);
	c.host = is_loopback(&obs->client) || (l && l->machine) ? LOCAL_HOST : address;
	c.server = host_key(t, &obs->server);
	if (obs->forwarded) /* to this machine it came first, as if it had asked */
		c.server = LOCAL_HOST;
	c.host_mix = hash_mix(c.host);
	c.ticks = ticks(obs->time_ns);
	note_answered(t, c.host);
	if (c.server && was_answered(t, c.server))
		c.server_mix = hash_mix(c.server);
	if (obs->client_port && (l || c.host == LOCAL_HOST))
		find_socket(t, obs, address, &c);
	return c;
}

/* --- ties ------------------------------------------------------------------------------------ */

static uint64_t tie_key(uint64_t host_mix, uint64_t mapping)
{
	return hash_nonzero(hash_mix(host_mix ^ mapping));
}

void ties_expect(const struct ties *t, const struct tie_client *client, uint64_t mapping,
		 struct lookahead *l)
{
	if (!client->host)
		return;
	lookahead_add(l, t->ties, tie_key(client->host_mix, mapping));
	if (client->server_mix && client->server != client->host)
		lookahead_add(l, t->ties, tie_key(client->server_mix, mapping));
}

static bool note_relay(struct ties *t, const struct tie_client *client, uint64_t mapping)
{
	uint32_t now = client->ticks;
	struct tie *up;

	if (!client->server_mix)
		return false;
	up = table_get(t->ties, tie_key(client->server_mix, mapping));
	if (!up || !up->upstream || now - up->upstream > RELAY_TICKS)
		return false;
	if (client->server != client->host)
		up->relayed = now;
	return true;
}

static void note_process(struct ties *t, const struct tie_client *client, uint64_t mapping)
{
	struct waiting *w;
	bool is_new;

	if (client->who) {
		note_asked(t, client->who, mapping);
		return;
	}
	w = table_put(t->waiting, client->socket, &is_new);
	if (w->time_ns != client->time_ns)
		w->len = 0;
	w->time_ns = client->time_ns;
	if (w->len < WAITING_KEPT)
		w->mappings[w->len++] = mapping;
}

bool ties_note(struct ties *t, const struct tie_client *client, uint64_t mapping)
{
	struct tie *tie;
	bool relayed, is_new;

	if (!client->host)
		return false;
	relayed = note_relay(t, client, mapping);
	tie = table_put(t->ties, tie_key(client->host_mix, mapping), &is_new);
	tie->last = client->ticks;
	if (client->server == client->host)
		tie->direct = tie->last;
	else
		tie->upstream = tie->last;
	if (client->socket)
		note_process(t, client, mapping);
	return relayed;
}

struct tie_asker ties_asker(const struct ties *t, const struct connection *conn)
{
	struct tie_asker a = {};

	if (!ip_is_unspecified(&conn->src)) {
		a.hosts[0] = address_key(t, &conn->src);
		if (is_machine(t, &conn->src, a.hosts[0]))
			a.hosts[1] = LOCAL_HOST;
	} else if (conn->source == CONNECTION_LOCAL) {
		a.hosts[1] = LOCAL_HOST;
	}
	if (conn->has_process && conn->source == CONNECTION_LOCAL)
		a.who = process_key(t, &conn->process);
	return a;
}

enum tie_strength ties_look(struct ties *t, const struct tie_asker *asker, uint64_t mapping)
{
	enum tie_strength best = TIE_OTHERS;

	if (asker->who && table_get(t->asked, asked_key(asker->who, mapping)))
		return TIE_PROCESS;
	for (size_t i = 0; i < 2; i++) {
		const struct tie *tie =
			asker->hosts[i]
				? table_get(t->ties, tie_key(hash_mix(asker->hosts[i]), mapping))
				: NULL;

		/* asked for others, and by nobody here */
		if (!tie ||
		    (tie->relayed && !tie->direct && (int32_t)(tie->last - tie->relayed) <= 0))
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
	return table_bytes(t->ties) + table_bytes(t->questions) + table_bytes(t->asked) +
	       table_bytes(t->waiting);
}
