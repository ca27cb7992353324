// SPDX-License-Identifier: BSD-2-Clause
/* The stages in their order; no stage knows the next, this file does. */
#include "pipeline/pipeline.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/buf.h"
#include "correlate/flow.h"
#include "correlate/lease.h"
#include "dns/message.h"
#include "report/eve.h"

#define TICK_NS 1000000000ULL

/*
 * Responses on their way: sets of the tables are asked for when one comes in, entries when the next
 * AT_ENTRIES have come, what those point to after AT_MORE and AT_LAST. A miss takes as long as
 * about a third of the work on a response.
 */
#define WAITING	   8U /* a power of two */
#define AT_ENTRIES 2U
#define AT_MORE	   4U
#define AT_LAST	   6U

struct waiting {
	struct dns_arena *arena;
	struct dns_observation obs;
	struct lookahead lookahead, more;
	size_t detectors; /* from there on what `lookahead` holds is the detector's */
	struct correlate_plan plan;
	struct detect_plan detect;
	const char *pcap_filename;
	uint64_t pcap_cnt;
};

struct pipeline {
	struct pipeline_config cfg;
	struct pipeline_ops ops;
	void *ctx;

	struct reassembly *reassembly;
	struct flows *flows;
	struct leases *leases;
	struct dns_message message;
	struct waiting waiting[WAITING];
	uint32_t waiting_head, waiting_len;
	bool looks_ahead;
	struct correlator *correlator;
	struct detector *detector;

	struct eve_context eve;
	struct buf line;
	uint64_t now_ns, next_tick_ns;
	uint64_t consumed, samples, parsed, observed;
	uint64_t malformed[FT_COUNTER_MAX];
	uint64_t given_up[FT_COUNTER_MAX]; /* in reassembly, by reason */
};

static bool emits(const struct pipeline *p, enum pipeline_event kind)
{
	return (p->cfg.emit & kind) && p->ops.line;
}

static void put_line(struct pipeline *p, enum pipeline_event kind)
{
	p->ops.line(p->ctx, kind, p->line.bytes, p->line.len);
}

static void set_interface(struct pipeline *p, const struct ft_packet *pkt)
{
	p->eve.in_iface = NULL;
	if (pkt && p->ops.interface_name && pkt->direction != FT_DIR_CAPTURE)
		p->eve.in_iface = p->ops.interface_name(p->ctx, pkt->ifindex);
}

static void put_anomaly(struct pipeline *p, uint64_t time_ns, const struct ft_packet *pkt,
			unsigned int reason)
{
	if (!emits(p, PIPELINE_ANOMALY))
		return;
	set_interface(p, pkt);
	buf_reset(&p->line);
	eve_anomaly(&p->line, &p->eve, time_ns, pkt, reason);
	put_line(p, PIPELINE_ANOMALY);
}

/* --- responses ----------------------------------------------------------------------------- */

static struct ip_addr packet_addr(const __u8 raw[16])
{
	struct ip_addr a;

	memcpy(a.b, raw, sizeof(a.b));
	return a;
}

static void fill_observation(const struct message_unit *unit, struct dns_observation *obs)
{
	const struct ft_response *r = unit->response;

	obs->time_ns = unit->time_ns;
	obs->server = packet_addr(unit->pkt->src);
	obs->client = packet_addr(unit->pkt->dst);
	obs->client_port = ntohs(unit->pkt->dport);
	obs->has_txid = true;
	obs->forwarded = unit->pkt->direction == FT_DIR_EGRESS;
	obs->has_authority = true;
	if (r && r->novelty == FT_NOVELTY_FOLDED) {
		obs->folded = r->repeats;
	} else if (r && r->repeats) {
		obs->repeats = r->repeats;
		obs->ttl_min = r->ttl_min;
		obs->ttl_max = r->ttl_max;
		obs->first_ns = r->first_ns;
	}
}

/* @w: where it was planned before; else NULL. */
static void analyse(struct pipeline *p, const struct dns_observation *obs, struct waiting *w)
{
	if (p->correlator && w)
		correlator_planned(p->correlator, obs, &w->plan);
	else if (p->correlator)
		correlator_response(p->correlator, obs);
	if (p->detector && w)
		detector_expected(p->detector, obs, &w->detect);
	else if (p->detector)
		detector_response(p->detector, obs);
	if (p->ops.observation)
		p->ops.observation(p->ctx, obs);
}

static struct waiting *waiting_at(struct pipeline *p, uint32_t i)
{
	return &p->waiting[(p->waiting_head + i) % WAITING];
}

static void analyse_first(struct pipeline *p)
{
	struct waiting *w = waiting_at(p, 0);
	const char *filename = p->eve.pcap_filename;
	uint64_t cnt = p->eve.pcap_cnt;

	p->eve.pcap_filename = w->pcap_filename;
	p->eve.pcap_cnt = w->pcap_cnt;
	analyse(p, &w->obs, p->looks_ahead ? w : NULL);
	p->eve.pcap_filename = filename;
	p->eve.pcap_cnt = cnt;
	p->waiting_head++;
	p->waiting_len--;
}

void pipeline_flush(struct pipeline *p)
{
	while (p->waiting_len)
		analyse_first(p);
}

/* The one that came @after others ago; NULL when it was not there yet, or is done. */
static struct waiting *waiting_since(struct pipeline *p, uint32_t after)
{
	return p->waiting_len > after ? waiting_at(p, p->waiting_len - 1 - after) : NULL;
}

static void begin_fetching(struct pipeline *p, struct waiting *w)
{
	w->lookahead.len = w->more.len = 0;
	if (p->correlator)
		correlator_plan(p->correlator, &w->obs, &w->plan, &w->lookahead);
	w->detectors = w->lookahead.len;
	if (p->detector)
		detector_expect(p->detector, &w->obs, &w->lookahead, &w->detect);
	w = waiting_since(p, AT_ENTRIES);
	if (w)
		lookahead_entries(&w->lookahead);
	w = waiting_since(p, AT_MORE);
	if (w && p->correlator)
		correlator_expect_more(p->correlator, &w->lookahead, w->detectors);
	if (w && p->detector)
		detector_expect_more(p->detector, &w->obs, &w->lookahead, w->detectors, &w->more);
	w = waiting_since(p, AT_LAST);
	if (w)
		lookahead_entries(&w->more);
}

static void observe(struct pipeline *p, const struct message_unit *unit)
{
	struct waiting *w = waiting_at(p, p->waiting_len);

	if (dns_message_observe(&p->message, w->arena, &w->obs))
		return;
	fill_observation(unit, &w->obs);
	w->pcap_filename = p->eve.pcap_filename;
	w->pcap_cnt = p->eve.pcap_cnt;
	p->waiting_len++;
	if (p->looks_ahead)
		begin_fetching(p, w);
	if (!p->looks_ahead || p->waiting_len == WAITING)
		analyse_first(p);
}

static void put_dns(struct pipeline *p, const struct message_unit *unit)
{
	if (!emits(p, PIPELINE_DNS))
		return;
	set_interface(p, unit->pkt);
	buf_reset(&p->line);
	eve_dns(&p->line, &p->eve, unit, &p->message);
	put_line(p, unit->response && unit->response->repeats &&
				    unit->response->novelty != FT_NOVELTY_FOLDED
			    ? PIPELINE_REPEAT
			    : PIPELINE_DNS);
}

static void on_message(void *ctx, const struct message_unit *unit)
{
	struct pipeline *p = ctx;
	int err = dns_message_parse(&p->message, unit->bytes, unit->len);

	if (err == -EBADMSG) {
		p->malformed[p->message.status]++;
		put_anomaly(p, unit->time_ns, unit->pkt, p->message.status);
	} else if (err) {
		p->malformed[FT_REASON_TOO_MANY_RECORDS]++;
		return;
	} else {
		p->parsed++;
	}
	put_dns(p, unit);
	if (p->cfg.detection || p->ops.observation)
		observe(p, unit);
}

static void on_refused(void *ctx, uint64_t time_ns, const struct ft_packet *pkt,
		       unsigned int reason)
{
	struct pipeline *p = ctx;

	if (reason < FT_COUNTER_MAX)
		p->given_up[reason]++;
	put_anomaly(p, time_ns, pkt, reason);
}

/* --- records ------------------------------------------------------------------------------- */

static void advance(struct pipeline *p, uint64_t now_ns)
{
	if (now_ns > p->now_ns)
		p->now_ns = now_ns;
	if (p->now_ns < p->next_tick_ns)
		return;
	pipeline_flush(p);
	p->next_tick_ns = p->now_ns + TICK_NS;
	reassembly_tick(p->reassembly, p->now_ns);
	flows_tick(p->flows, p->now_ns);
	if (p->detector)
		detector_tick(p->detector, p->now_ns);
}

void pipeline_record(void *ctx, const struct ft_event_hdr *rec)
{
	struct pipeline *p = ctx;

	advance(p, rec->time_ns);
	switch (rec->kind) {
	case FT_EVENT_RESPONSE:
	case FT_EVENT_FRAGMENT:
	case FT_EVENT_SEGMENT:
		p->consumed++;
		reassembly_feed(p->reassembly, rec);
		break;
	case FT_EVENT_REFUSED: {
		const struct ft_refused *refused = (const struct ft_refused *)rec;

		p->samples++;
		put_anomaly(p, rec->time_ns, &refused->pkt, refused->reason);
		break;
	}
	case FT_EVENT_FLOW:
		p->samples++;
		flows_record(p->flows, (const struct ft_flow *)rec);
		break;
	case FT_EVENT_DHCP: {
		const struct ft_segment *message = (const struct ft_segment *)rec;

		p->samples++;
		leases_message(p->leases, message->payload, message->payload_bytes, rec->time_ns);
		break;
	}
	}
}

void pipeline_observation(struct pipeline *p, const struct dns_observation *obs)
{
	advance(p, obs->time_ns);
	p->observed++;
	pipeline_flush(p);
	analyse(p, obs, NULL);
}

static bool connection_wanted(const struct pipeline *p, const struct connection *conn)
{
	if (conn->state == CONNECTION_ATTEMPT || conn->seen_locally)
		return false;
	if (p->cfg.connects == PIPELINE_CONNECTS_CANDIDATES)
		return conn->names_len > 0;
	return p->cfg.connects == PIPELINE_CONNECTS_ALL;
}

void pipeline_connection(struct pipeline *p, struct connection *conn)
{
	advance(p, conn->time_ns);
	pipeline_flush(p);
	if (conn->source == CONNECTION_LOCAL && conn->state != CONNECTION_CLOSED)
		conn->told_before = flows_told(p->flows, conn);
	if (p->correlator)
		correlator_connection(p->correlator, conn);
	if (conn->source == CONNECTION_LOCAL && conn->names_len) /* watched addresses have names */
		flows_local(p->flows, conn);
	if (p->detector)
		detector_connection(p->detector, conn);
	if (p->ops.connection)
		p->ops.connection(p->ctx, conn);
	if (!emits(p, PIPELINE_CONNECT) || !connection_wanted(p, conn))
		return;
	p->eve.in_iface = NULL;
	buf_reset(&p->line);
	eve_connect(&p->line, &p->eve, conn);
	put_line(p, PIPELINE_CONNECT);
}

static void on_flow(void *ctx, struct connection *conn)
{
	struct pipeline *p = ctx;

	conn->hostname =
		leases_name(p->leases, &conn->src, conn->has_mac ? conn->mac : NULL, conn->time_ns);
	pipeline_connection(p, conn);
}

static bool is_own_address(void *ctx, const struct ip_addr *addr)
{
	const struct pipeline *p = ctx;

	return p->correlator && correlator_is_local(p->correlator, addr);
}

static const char *host_name(void *ctx, const struct ip_addr *addr, const uint8_t *mac)
{
	struct pipeline *p = ctx;

	return leases_name(p->leases, addr, mac, p->now_ns);
}

void pipeline_local_address(struct pipeline *p, const struct ip_addr *addr)
{
	if (p->correlator)
		correlator_local(p->correlator, addr);
}

void pipeline_tick(struct pipeline *p, uint64_t now_ns)
{
	advance(p, now_ns);
}

/* --- findings ------------------------------------------------------------------------------ */

static void on_change(void *ctx, const struct churn_change *change)
{
	struct pipeline *p = ctx;

	if (p->ops.change)
		p->ops.change(p->ctx, change);
	if (!emits(p, PIPELINE_CHURN))
		return;
	p->eve.in_iface = NULL;
	buf_reset(&p->line);
	eve_churn(&p->line, &p->eve, change);
	put_line(p, PIPELINE_CHURN);
}

static void on_alert(void *ctx, const struct alert *alert)
{
	struct pipeline *p = ctx;

	p->eve.in_iface = NULL;
	buf_reset(&p->line);
	eve_alert(&p->line, &p->eve, alert);
	if (emits(p, PIPELINE_ALERT))
		put_line(p, PIPELINE_ALERT);
	if (p->ops.alert)
		p->ops.alert(p->ctx, alert, p->line.bytes, p->line.len);
}

static void on_watch(void *ctx, const struct ip_addr *addr, bool on)
{
	struct pipeline *p = ctx;

	if (p->ops.watch)
		p->ops.watch(p->ctx, addr, on);
}

void pipeline_fill_ledger(const struct pipeline *p, struct ledger *ledger)
{
	ledger->consumed = p->consumed;
	ledger->samples = p->samples;
	ledger->reassembly = *reassembly_stats(p->reassembly);
	ledger->parsed = p->parsed;
	ledger->observed = p->observed;
	memcpy(ledger->given_up, p->given_up, sizeof(ledger->given_up));
	memcpy(ledger->malformed, p->malformed, sizeof(ledger->malformed));
	flows_stats(p->flows, &ledger->flows);
	leases_stats(p->leases, &ledger->leases);
	if (p->correlator) {
		correlator_stats(p->correlator, &ledger->correlate);
		ledger->blind_len =
			correlator_blind_top(p->correlator, ledger->blind, LEDGER_BLIND_MAX);
	}
	if (p->detector)
		detector_stats(p->detector, &ledger->detect);
}

void pipeline_stats(struct pipeline *p, uint64_t now_ns, struct ledger *ledger)
{
	pipeline_flush(p);
	pipeline_fill_ledger(p, ledger);
	if (!emits(p, PIPELINE_STATS))
		return;
	p->eve.in_iface = NULL;
	buf_reset(&p->line);
	eve_stats(&p->line, &p->eve, now_ns, ledger);
	put_line(p, PIPELINE_STATS);
}

void pipeline_begin_source(struct pipeline *p)
{
	reassembly_end_source(p->reassembly);
	pipeline_flush(p);
	p->now_ns = 0;
	p->next_tick_ns = 0;
}

void pipeline_set_frame(struct pipeline *p, const char *filename, uint64_t number)
{
	p->eve.pcap_filename = filename;
	p->eve.pcap_cnt = number;
}

struct detector *pipeline_detector(struct pipeline *p)
{
	return p->detector;
}

uint64_t pipeline_now(const struct pipeline *p)
{
	return p->now_ns;
}

/* --- life ---------------------------------------------------------------------------------- */

static int open_analysis(struct pipeline *p)
{
	static const struct detector_ops detector_ops = {
		.churn = on_change, .alert = on_alert, .watch = on_watch, .host_name = host_name
	};
	int err;

	if (!p->cfg.detection)
		return 0;
	err = correlator_new(&p->cfg.correlate, &p->cfg.key, &p->correlator);
	if (err)
		return err;
	return detector_new(p->cfg.detect, p->cfg.enrich, &p->cfg.key, &detector_ops, p,
			    &p->detector);
}

static int open_waiting(struct pipeline *p)
{
	int err = 0;

	for (size_t i = 0; i < WAITING && !err; i++) {
		err = dns_arena_new(&p->waiting[i].arena);
		if (!err)
			dns_arena_set_key(p->waiting[i].arena, &p->cfg.key);
	}
	return err;
}

int pipeline_new(const struct pipeline_config *cfg, const struct pipeline_ops *ops, void *ctx,
		 struct pipeline **ret)
{
	static const struct reassembly_ops reassembly_ops = { on_message, on_refused };
	struct flow_config flows = flow_config_default();
	struct pipeline *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->cfg = *cfg;
	p->ops = *ops;
	p->ctx = ctx;
	p->eve.sensor = cfg->sensor;
	p->eve.utc_offset_s = cfg->utc_offset_s;
	dns_message_init(&p->message);
	p->looks_ahead = cfg->lookahead && !(cfg->emit & (PIPELINE_DNS | PIPELINE_ANOMALY));
	err = open_waiting(p);
	if (!err)
		err = reassembly_new(&cfg->reassembly, &reassembly_ops, p, &p->reassembly);
	flows.hold_ns = cfg->flow_hold_ns;
	flows.is_own = is_own_address;
	flows.ctx = p;
	if (!err)
		err = flows_new(&flows, &cfg->key, on_flow, p, &p->flows);
	if (!err)
		err = leases_new(&cfg->key, &p->leases);
	if (!err)
		err = open_analysis(p);
	if (err) {
		pipeline_free(p);
		return err;
	}
	*ret = p;
	return 0;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	detector_free(p->detector);
	correlator_free(p->correlator);
	flows_free(p->flows);
	leases_free(p->leases);
	reassembly_free(p->reassembly);
	for (size_t i = 0; i < WAITING; i++)
		dns_arena_free(p->waiting[i].arena);
	dns_message_fini(&p->message);
	buf_fini(&p->line);
	free(p);
}
