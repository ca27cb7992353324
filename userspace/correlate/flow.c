// SPDX-License-Identifier: BSD-2-Clause
#include "correlate/flow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/table.h"

struct flow {
	uint64_t key;
	uint64_t time_ns; /* of the first packet */
	struct ip_addr client, server;
	uint16_t client_port, server_port; /* host order */
	uint8_t proto;
	bool waiting; /* its outcome is not known and was not handed over */
	bool has_mac;
	uint8_t mac[6];
};

struct flows {
	struct flow_config cfg;
	struct hash_key key;
	struct table *table;
	flow_fn fn;
	void *ctx;
	struct flow_stats stats;
	bool closing;
};

struct flow_config flow_config_default(void)
{
	return (struct flow_config){.max_flows = 16384, .timeout_ns = 30000000000ULL};
}

static void hand_over(struct flows *f, struct flow *flow, enum connection_state state, int err,
		      uint64_t now_ns)
{
	struct connection conn;

	memset(&conn, 0, offsetof(struct connection, names));
	conn.time_ns = flow->time_ns;
	conn.source = CONNECTION_GATEWAY;
	conn.state = state;
	conn.err = err;
	conn.src = flow->client;
	conn.dst = flow->server;
	conn.sport = flow->client_port;
	conn.dport = flow->server_port;
	conn.proto = flow->proto;
	conn.has_mac = flow->has_mac;
	memcpy(conn.mac, flow->mac, sizeof(conn.mac));
	if (state != CONNECTION_ATTEMPT && now_ns > flow->time_ns)
		conn.latency_us = (now_ns - flow->time_ns) / 1000;
	flow->waiting = false;
	f->fn(f->ctx, &conn);
}

static void flow_evict(void *ctx, void *entry)
{
	struct flows *f = ctx;
	struct flow *flow = entry;

	if (f->closing || !flow->waiting)
		return;
	f->stats.evicted++;
	hand_over(f, flow, CONNECTION_ATTEMPT, 0, 0);
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
	if (table_new(sizeof(struct flow), cfg->max_flows, flow_evict, f, &f->table)) {
		free(f);
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
	free(f);
}

/* --- packets --------------------------------------------------------------------------------- */

struct ends { /* of one packet, the client's and the server's */
	struct ip_addr client, server;
	uint16_t client_port, server_port;
	uint8_t proto;
	uint8_t pad[3]; /* zero: all of it is hashed */
};

static struct ends ends_of(const struct ft_packet *p, bool from_client)
{
	struct ends e = {.client = ip_from_v6(from_client ? p->src : p->dst),
			 .server = ip_from_v6(from_client ? p->dst : p->src),
			 .client_port = ntohs(from_client ? p->sport : p->dport),
			 .server_port = ntohs(from_client ? p->dport : p->sport),
			 .proto = p->ip_proto};

	return e;
}

static uint64_t flow_key(const struct flows *f, const struct ends *e)
{
	uint64_t key = hash_keyed(&f->key, e, sizeof(*e));

	return key ? key : 1;
}

/* True when the packet begins something; *ret is then filled but for `waiting`. */
static bool begin(struct flows *f, const struct ft_flow *rec, struct flow **ret)
{
	struct ends e = ends_of(&rec->pkt, true);
	struct flow *flow;
	bool is_new;

	flow = table_put(f->table, flow_key(f, &e), &is_new);
	if (!is_new && rec->hdr.time_ns < flow->time_ns + f->cfg.timeout_ns) {
		f->stats.repeats++;
		return false;
	}
	if (flow->waiting) { /* its answer never came, and here is another attempt by that port */
		f->stats.timed_out++;
		hand_over(f, flow, CONNECTION_FAILED, ETIMEDOUT, flow->time_ns + f->cfg.timeout_ns);
	}
	flow->time_ns = rec->hdr.time_ns;
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

static void take_syn(struct flows *f, const struct ft_flow *rec)
{
	struct flow *flow;

	if (!begin(f, rec, &flow))
		return;
	flow->waiting = true;
	f->stats.attempts++;
}

static void take_udp(struct flows *f, const struct ft_flow *rec)
{
	struct flow *flow;

	if (!begin(f, rec, &flow))
		return;
	f->stats.udp++;
	hand_over(f, flow, CONNECTION_OK, 0, 0);
}

static struct flow *find(struct flows *f, const struct ft_packet *p, bool from_client)
{
	struct ends e = ends_of(p, from_client);

	return table_get(f->table, flow_key(f, &e));
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
	if (!flow->waiting) {
		f->stats.repeats++;
		return;
	}
	if (state == CONNECTION_OK)
		f->stats.ok++;
	else
		f->stats.refused++;
	hand_over(f, flow, state, err, rec->hdr.time_ns);
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

void flows_tick(struct flows *f, uint64_t now_ns)
{
	struct flow *flow;
	size_t pos = 0;

	while ((flow = table_next(f->table, &pos))) {
		if (flow->time_ns + f->cfg.timeout_ns > now_ns)
			continue;
		if (flow->waiting) {
			f->stats.timed_out++;
			hand_over(f, flow, CONNECTION_FAILED, ETIMEDOUT, now_ns);
		}
		table_remove(f->table, flow);
	}
}

void flows_stats(const struct flows *f, struct flow_stats *ret)
{
	*ret = f->stats;
	ret->table_bytes = table_bytes(f->table);
}
