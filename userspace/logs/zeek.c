// SPDX-License-Identifier: BSD-2-Clause
/* Zeek's dns.log, conn.log and ntp.log: https://docs.zeek.org/en/current/logs/ names the fields. */
#include "logs/line.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static uint64_t time_of(const struct line *l, const char *field)
{
	double s = line_number(l, field);

	return s > 0 && s < 9e9 ? (uint64_t)(s * 1e6 + 0.5) * 1000 : 0;
}

static const char *endpoints(const struct line *l, struct ip_addr *orig, struct ip_addr *resp)
{
	char buf[32];

	if (ip_parse(line_text(l, "id.orig_h", buf), orig))
		return "id.orig_h is no address";
	if (ip_parse(line_text(l, "id.resp_h", buf), resp))
		return "id.resp_h is no address";
	return NULL;
}

const char *entry_answers(const struct line *l, struct entry *e, const char *ttls)
{
	const struct dns_name *owner = e->obs.qname;
	char text[DNS_NAME_TEXT_MAX], ttl[32];

	for (size_t i = 0; line_element(l, "answers", i, text, sizeof(text)); i++) {
		struct dns_obs_record rr = { .owner = owner };
		double ttl_s = line_element(l, ttls, i, ttl, sizeof(ttl)) ? strtod(ttl, NULL) : 0;

		rr.ttl_s = ttl_s > 0 && ttl_s < 2147483648.0 ? (uint32_t)ttl_s : 0;
		if (ip_parse(text, &rr.addr) == 0) {
			rr.type = ip_is_v4(&rr.addr) ? DNS_TYPE_A : DNS_TYPE_AAAA;
		} else if (e->obs.qtype == DNS_TYPE_NS) {
			rr.type = DNS_TYPE_NS;
			rr.target = entry_name(e, text);
		} else {
			rr.type = DNS_TYPE_CNAME;
			rr.target = entry_name(e, text);
			owner = rr.target;
		}
		if ((rr.type == DNS_TYPE_NS || rr.type == DNS_TYPE_CNAME) && !rr.target)
			return "an answer is neither an address nor a name";
		if (!entry_record(e, &rr))
			break;
	}
	return NULL;
}

const char *zeek_dns_line(const struct line *l, struct entry *e)
{
	double rtt = line_number(l, "rtt");
	char buf[32];
	const char *why;

	e->obs.time_ns = time_of(l, "ts");
	if (!e->obs.time_ns)
		return "ts is no time";
	/* ts is the question's */
	e->obs.time_ns += rtt > 0 && rtt < 60 ? (uint64_t)(rtt * 1e9) : 0;
	e->order_ns = e->obs.time_ns;
	why = endpoints(l, &e->obs.client, &e->obs.server);
	if (why)
		return why;
	e->obs.qtype = (uint16_t)line_whole(l, "qtype", UINT16_MAX);
	if (!*line_text(l, "answers", buf) && l->columns)
		return NULL; /* a question without an answer */
	if (e->obs.qtype != DNS_TYPE_A && e->obs.qtype != DNS_TYPE_AAAA &&
	    e->obs.qtype != DNS_TYPE_NS && e->obs.qtype != DNS_TYPE_CNAME)
		return NULL;
	e->obs.qname = entry_name(e, line_text(l, "query", buf));
	if (!e->obs.qname)
		return "query is no domain name";
	e->obs.client_port = (uint16_t)line_whole(l, "id.orig_p", UINT16_MAX);
	e->obs.txid = (uint16_t)line_whole(l, "trans_id", UINT16_MAX);
	e->obs.has_txid = true;
	e->obs.qclass = (uint16_t)line_whole(l, "qclass", UINT16_MAX);
	e->obs.rcode = (uint8_t)line_whole(l, "rcode", UINT8_MAX);
	e->obs.aa = line_flag(l, "AA");
	e->obs.tc = line_flag(l, "TC");
	why = entry_answers(l, e, "TTLs");
	if (!why && e->obs.records_len)
		e->item = LOG_ITEM_RESPONSE;
	return why;
}

/* https://docs.zeek.org/en/current/scripts/base/protocols/conn/main.zeek.html#field-conn_state */
static enum connection_state state_of(const char *text)
{
	static const char *const failed[] = { "S0", "REJ", "RSTOS0", "RSTRH", "SH", "SHR" };

	for (size_t i = 0; i < sizeof(failed) / sizeof(failed[0]); i++)
		if (strcmp(text, failed[i]) == 0)
			return CONNECTION_FAILED;
	return strcmp(text, "OTH") == 0 ? CONNECTION_ATTEMPT : CONNECTION_OK;
}

const char *zeek_conn_line(const struct line *l, struct entry *e)
{
	struct connection *c = &e->conn;
	double duration = line_number(l, "duration");
	char buf[32];
	const char *proto, *why = endpoints(l, &c->src, &c->dst);

	c->time_ns = time_of(l, "ts");
	if (!c->time_ns)
		return "ts is no time";
	if (why)
		return why;
	c->sport = (uint16_t)line_whole(l, "id.orig_p", UINT16_MAX);
	c->dport = (uint16_t)line_whole(l, "id.resp_p", UINT16_MAX);
	proto = line_text(l, "proto", buf);
	if (strcmp(proto, "icmp") == 0 || c->dport == 53)
		return NULL;
	c->proto = strcmp(proto, "tcp") == 0 ? IPPROTO_TCP : IPPROTO_UDP;
	c->source = CONNECTION_LOG;
	c->state = state_of(line_text(l, "conn_state", buf));
	c->err = c->state != CONNECTION_FAILED			 ? 0
		 : strcmp(line_text(l, "conn_state", buf), "S0") ? ECONNREFUSED
								 : ETIMEDOUT;
	c->duration_ns = duration > 0 && duration < 1e8 ? (uint64_t)(duration * 1e9) : 0;
	c->bytes_toserver = line_whole(l, "orig_bytes", LINE_OCTETS);
	c->bytes_toclient = line_whole(l, "resp_bytes", LINE_OCTETS);
	c->has_bytes = duration > 0;
	/* written when it ended */
	e->order_ns = c->time_ns + c->duration_ns;
	e->item = LOG_ITEM_CONNECTION;
	return NULL;
}
