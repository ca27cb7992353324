// SPDX-License-Identifier: BSD-2-Clause
#include "correlate/flow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/table.h"

/*
 * A SYN this long after the one before, and no answer in between, is the same attempt: the intervals
 * double, and before the sixth repetition, the last that Linux sends, there are 32 s; behind it 64.
 */
#define RESEND_NS 70000000000ULL

struct flow {
	uint64_t key;
	uint64_t time_ns; /* of the first packet */
	uint64_t syn_ns;  /* of the last SYN */
	struct ip_addr client, server;
	uint16_t client_port, server_port; /* host order */
	uint8_t proto;
	bool waiting; /* its outcome is not known and was not handed over */
	bool held;    /* its outcome is known and was not handed over */
	bool silent;  /* nobody has answered */
	bool told;    /* handed over, and no process had told of it */
	enum connection_state state;
	int err;
	uint64_t outcome_ns;
	bool has_mac;
	uint8_t mac[6];
};

struct local { /* a process's account of a flow */
	uint64_t key;
	uint64_t time_ns;
};

struct alias { /* a flow's ends but for its client, who may be translated */
	uint64_t key;
	uint64_t flow_key;
};

struct flows {
	struct flow_config cfg;
	struct hash_key key;
	struct table *table, *locals, *aliases;
	flow_fn fn;
	void *ctx;
	struct flow_stats stats;
	bool closing;
};

struct flow_config flow_config_default(void)
{
	return (struct flow_config){
		.max_flows = 16384, .timeout_ns = 30000000000ULL, .max_local = 16384};
}

struct ends { /* the client's and the server's */
	struct ip_addr client, server;
	uint16_t client_port, server_port;
	uint8_t proto;
	uint8_t translated; /* 1: whoever the client is, client is zero */
	uint8_t pad[2]; /* zero: all of it is hashed */
};

static uint64_t flow_key(const struct flows *f, const struct ends *e)
{
	uint64_t key = hash_keyed(&f->key, e, sizeof(*e));

	return key ? key : 1;
}

static bool is_of_that_time(const struct flows *f, const struct local *l, const struct flow *flow)
{
	return l && l->time_ns + f->cfg.timeout_ns >= flow->time_ns &&
	       l->time_ns <= flow->time_ns + f->cfg.timeout_ns;
}

static bool is_own(const struct flows *f, const struct ip_addr *addr)
{
	return f->cfg.is_own && f->cfg.is_own(f->cfg.ctx, addr);
}

/* The same ends, but for the client's address. */
static struct ends of_any_client(const struct ends *e)
{
	struct ends any = *e;

	any.client = (struct ip_addr){};
	any.translated = 1;
	return any;
}

/* Did a process of this machine tell of it? */
static void look_for_local(const struct flows *f, const struct flow *flow, struct connection *conn)
{
	struct ends e = {.client = flow->client, .server = flow->server,
			 .client_port = flow->client_port, .server_port = flow->server_port,
			 .proto = flow->proto};

	if (!f->cfg.hold_ns)
		return;
	conn->seen_locally = is_of_that_time(f, table_get(f->locals, flow_key(f, &e)), flow);
	if (!conn->seen_locally && is_own(f, &flow->client)) {
		struct ends any = of_any_client(&e);

		conn->seen_locally =
			is_of_that_time(f, table_get(f->locals, flow_key(f, &any)), flow);
	}
	if (conn->seen_locally || flow->proto != IPPROTO_UDP)
		return;
	e.client = ip_is_v4(&flow->client) ? ip_from_v4((const uint8_t[4]){0}) : (struct ip_addr){};
	conn->adds_host = is_of_that_time(f, table_get(f->locals, flow_key(f, &e)), flow);
	conn->seen_locally = conn->adds_host;
}

static void hand_over(struct flows *f, struct flow *flow)
{
	struct connection conn;

	memset(&conn, 0, offsetof(struct connection, names));
	conn.time_ns = flow->time_ns;
	conn.source = CONNECTION_GATEWAY;
	conn.state = flow->waiting ? CONNECTION_ATTEMPT : flow->state;
	conn.err = flow->waiting ? 0 : flow->err;
	conn.src = flow->client;
	conn.dst = flow->server;
	conn.sport = flow->client_port;
	conn.dport = flow->server_port;
	conn.proto = flow->proto;
	conn.has_mac = flow->has_mac;
	memcpy(conn.mac, flow->mac, sizeof(conn.mac));
	if (!flow->waiting && flow->outcome_ns > flow->time_ns)
		conn.latency_us = (flow->outcome_ns - flow->time_ns) / 1000;
	look_for_local(f, flow, &conn);
	flow->told = !conn.seen_locally;
	f->stats.local += conn.seen_locally;
	flow->waiting = flow->held = false;
	f->fn(f->ctx, &conn);
}

static void outcome(struct flows *f, struct flow *flow, enum connection_state state, int err,
		    uint64_t now_ns)
{
	flow->waiting = false;
	flow->state = state;
	flow->err = err;
	flow->outcome_ns = now_ns;
	flow->held = f->cfg.hold_ns != 0;
	if (!flow->held)
		hand_over(f, flow);
}

static void flow_evict(void *ctx, void *entry)
{
	struct flows *f = ctx;
	struct flow *flow = entry;

	if (f->closing || (!flow->waiting && !flow->held))
		return;
	f->stats.evicted++;
	hand_over(f, flow);
}

int flows_new(const struct flow_config *cfg, const struct hash_key *key, flow_fn fn, void *ctx,
	      struct flows **ret)
{
	struct flows *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->cfg = *cfg;
	f->key = *key;
	f->fn = fn;
	f->ctx = ctx;
	if (table_new(sizeof(struct flow), cfg->max_flows, flow_evict, f, &f->table) ||
	    (cfg->is_own &&
	     table_new(sizeof(struct alias), cfg->max_flows, NULL, NULL, &f->aliases)) ||
	    (cfg->hold_ns &&
	     table_new(sizeof(struct local), cfg->max_local, NULL, NULL, &f->locals))) {
		flows_free(f);
		return -ENOMEM;
	}
	*ret = f;
	return 0;
}

void flows_free(struct flows *f)
{
	if (!f)
		return;
	f->closing = true;
	table_free(f->table);
	table_free(f->aliases);
	table_free(f->locals);
	free(f);
}

/* --- packets --------------------------------------------------------------------------------- */

static struct ends ends_of(const struct ft_packet *p, bool from_client)
{
	struct ends e = {.client = ip_from_v6(from_client ? p->src : p->dst),
			 .server = ip_from_v6(from_client ? p->dst : p->src),
			 .client_port = ntohs(from_client ? p->sport : p->dport),
			 .server_port = ntohs(from_client ? p->dport : p->sport),
			 .proto = p->ip_proto};

	return e;
}

static bool is_repeat(const struct flows *f, const struct flow *flow, uint64_t time_ns)
{
	return time_ns < flow->time_ns + f->cfg.timeout_ns ||
	       (flow->silent && time_ns < flow->syn_ns + RESEND_NS);
}

/* True when the packet begins something; *ret is then filled but for `waiting`. */
static bool begin(struct flows *f, const struct ft_flow *rec, struct flow **ret)
{
	struct ends e = ends_of(&rec->pkt, true);
	struct flow *flow;
	bool is_new;

	flow = table_put(f->table, flow_key(f, &e), &is_new);
	if (!is_new && is_repeat(f, flow, rec->hdr.time_ns)) {
		f->stats.repeats++;
		flow->syn_ns = rec->hdr.time_ns;
		return false;
	}
	if (flow->waiting) { /* its answer never came, and here is another attempt by that port */
		f->stats.timed_out++;
		outcome(f, flow, CONNECTION_FAILED, ETIMEDOUT, flow->time_ns + f->cfg.timeout_ns);
	}
	if (flow->held)
		hand_over(f, flow);
	flow->time_ns = flow->syn_ns = rec->hdr.time_ns;
	flow->silent = flow->told = false;
	flow->client = e.client;
	flow->server = e.server;
	flow->client_port = e.client_port;
	flow->server_port = e.server_port;
	flow->proto = e.proto;
	/* on its way out a packet bears this machine's own address */
	flow->has_mac = rec->pkt.has_mac && rec->pkt.direction != FT_DIR_EGRESS;
	memcpy(flow->mac, rec->pkt.smac, sizeof(flow->mac));
	*ret = flow;
	return true;
}

static void put_alias(struct flows *f, const struct ends *e)
{
	struct ends any = of_any_client(e);
	struct alias *alias;
	bool is_new;

	if (!f->aliases || is_own(f, &e->client))
		return;
	alias = table_put(f->aliases, flow_key(f, &any), &is_new);
	alias->flow_key = flow_key(f, e);
}

static void take_syn(struct flows *f, const struct ft_flow *rec)
{
	struct ends e = ends_of(&rec->pkt, true);
	struct flow *flow;

	if (!begin(f, rec, &flow))
		return;
	put_alias(f, &e);
	flow->waiting = flow->silent = true;
	f->stats.attempts++;
}

static void take_udp(struct flows *f, const struct ft_flow *rec)
{
	struct flow *flow;

	if (!begin(f, rec, &flow))
		return;
	f->stats.udp++;
	outcome(f, flow, CONNECTION_OK, 0, rec->hdr.time_ns);
}

/* A gateway's clients are answered at the gateway's own address, mostly at the port they chose. */
static struct flow *find_translated(struct flows *f, const struct ends *e)
{
	struct ends any = of_any_client(e);
	const struct alias *alias;

	if (!is_own(f, &e->client))
		return NULL;
	alias = table_get(f->aliases, flow_key(f, &any));
	return alias ? table_get(f->table, alias->flow_key) : NULL;
}

static struct flow *find(struct flows *f, const struct ft_packet *p, bool from_client)
{
	struct ends e = ends_of(p, from_client);
	struct flow *flow = table_get(f->table, flow_key(f, &e));

	return flow || from_client ? flow : find_translated(f, &e);
}

static void take_answer(struct flows *f, const struct ft_flow *rec, enum connection_state state,
			int err)
{
	struct flow *flow = find(f, &rec->pkt, false);

	/* a client that gives up sends the RST itself; that is no refusal */
	if (!flow && rec->event == FT_FLOW_RST) {
		flow = find(f, &rec->pkt, true);
		err = ECONNABORTED;
	}
	if (!flow) {
		f->stats.strays++;
		return;
	}
	/* given up already, and yet there is the answer */
	if (!flow->waiting && !(flow->silent && state == CONNECTION_OK)) {
		f->stats.repeats++;
		return;
	}
	flow->silent = false;
	if (state == CONNECTION_OK)
		f->stats.ok++;
	else
		f->stats.refused++;
	outcome(f, flow, state, err, rec->hdr.time_ns);
}

void flows_record(struct flows *f, const struct ft_flow *rec)
{
	f->stats.records++;
	switch (rec->event) {
	case FT_FLOW_SYN:
		take_syn(f, rec);
		break;
	case FT_FLOW_SYNACK:
		take_answer(f, rec, CONNECTION_OK, 0);
		break;
	case FT_FLOW_RST:
		take_answer(f, rec, CONNECTION_FAILED, ECONNREFUSED);
		break;
	case FT_FLOW_UDP:
		take_udp(f, rec);
		break;
	default:
		f->stats.strays++;
	}
}

static void put_local(struct flows *f, const struct ends *e, uint64_t time_ns)
{
	struct local *l;
	bool is_new;

	l = table_put(f->locals, flow_key(f, e), &is_new);
	l->time_ns = time_ns;
}

void flows_local(struct flows *f, const struct connection *conn)
{
	struct ends e = {.client = conn->src, .server = conn->dst, .client_port = conn->sport,
			 .server_port = conn->dport, .proto = conn->proto};

	if (!f->cfg.hold_ns || !conn->sport)
		return;
	put_local(f, &e, conn->time_ns);
	if (ip_is_unspecified(&conn->src) || is_own(f, &conn->src))
		return;
	e = of_any_client(&e); /* a container's: what leaves may bear this machine's address */
	put_local(f, &e, conn->time_ns);
}

bool flows_told(const struct flows *f, const struct connection *conn)
{
	struct ends e = {.client = conn->src, .server = conn->dst, .client_port = conn->sport,
			 .server_port = conn->dport, .proto = conn->proto};
	struct local l = {.time_ns = conn->time_ns};
	const struct flow *flow;

	if (!f->cfg.hold_ns || !conn->sport)
		return false;
	flow = table_get(f->table, flow_key(f, &e));
	return flow && flow->told && is_of_that_time(f, &l, flow);
}

void flows_tick(struct flows *f, uint64_t now_ns)
{
	struct flow *flow;
	size_t pos = 0;

	while ((flow = table_next(f->table, &pos))) {
		bool is_over = flow->time_ns + f->cfg.timeout_ns <= now_ns;

		if (flow->waiting && is_over) {
			f->stats.timed_out++;
			outcome(f, flow, CONNECTION_FAILED, ETIMEDOUT, now_ns);
		}
		if (flow->held && flow->outcome_ns + f->cfg.hold_ns <= now_ns)
			hand_over(f, flow);
		if (is_over && !flow->held && !(flow->silent && flow->syn_ns + RESEND_NS > now_ns))
			table_remove(f->table, flow);
	}
}

void flows_stats(const struct flows *f, struct flow_stats *ret)
{
	*ret = f->stats;
	ret->evicted_local = f->locals ? table_evictions(f->locals) : 0;
	ret->table_bytes = table_bytes(f->table) + (f->locals ? table_bytes(f->locals) : 0) +
			   (f->aliases ? table_bytes(f->aliases) : 0);
}
