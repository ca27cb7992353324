// SPDX-License-Identifier: BSD-2-Clause
/*
 * Suricata EVE dns (versions 1 to 3) and flow events; passive DNS in Common Output Format
 * (draft-dulaunoy-dnsop-passive-dns-cof).
 */
#include "logs/line.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dns/text.h"

static const char *text_at(yajl_val v, const char *name)
{
	const char *path[] = { name, NULL };

	v = yajl_tree_get(v, path, yajl_t_string);
	return v ? YAJL_GET_STRING(v) : "";
}

static double number_at(yajl_val v, const char *name, double absent)
{
	const char *path[] = { name, NULL };

	v = yajl_tree_get(v, path, yajl_t_number);
	return v ? strtod(YAJL_GET_NUMBER(v), NULL) : absent;
}

static yajl_val list_at(yajl_val v, const char *name)
{
	const char *path[] = { name, NULL };

	return yajl_tree_get(v, path, yajl_t_array);
}

/* 2026-11-21T10:00:00.123456+0000 */
static uint64_t iso_time(const char *text)
{
	struct tm tm = { 0 };
	const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	double fraction = 0;
	char *end;
	int offset = 0;
	time_t t;

	if (!p)
		return 0;
	if (*p == '.') {
		fraction = strtod(p, &end);
		p = end;
	}
	if (*p == '+' || *p == '-') {
		int hhmm = 0, minutes = 0;

		if (strchr(p, ':'))
			sscanf(p + 1, "%2d:%2d", &hhmm, &minutes), hhmm *= 100;
		else
			sscanf(p + 1, "%4d", &hhmm);
		offset = (hhmm / 100 * 60 + hhmm % 100 + minutes) * (*p == '-' ? -60 : 60);
	}
	t = timegm(&tm);
	if (t <= 0)
		return 0;
	return (uint64_t)(t - offset) * 1000000000ULL + (uint64_t)(fraction * 1e6 + 0.5) * 1000;
}

static const char *add_rr(struct entry *e, const char *owner, const char *type_text,
			  const char *rdata, uint32_t ttl_s, uint8_t section)
{
	struct dns_obs_record rr = { .ttl_s = ttl_s, .section = section };

	if (dns_type_from_text(type_text, &rr.type))
		return "unknown record type";
	if (rr.type != DNS_TYPE_A && rr.type != DNS_TYPE_AAAA && rr.type != DNS_TYPE_NS &&
	    rr.type != DNS_TYPE_CNAME)
		return NULL;
	rr.owner = entry_name(e, owner);
	if (!rr.owner)
		return "rrname is no domain name";
	if (rr.type == DNS_TYPE_A || rr.type == DNS_TYPE_AAAA) {
		if (ip_parse(rdata, &rr.addr) || ip_is_v4(&rr.addr) != (rr.type == DNS_TYPE_A))
			return "rdata is no address of the type";
	} else {
		rr.target = entry_name(e, rdata);
		if (!rr.target)
			return "rdata is no domain name";
	}
	entry_record(e, &rr);
	return NULL;
}

static const char *add_list(struct entry *e, yajl_val dns, const char *member, uint8_t section)
{
	yajl_val list = list_at(dns, member);
	const char *why = NULL;

	for (size_t i = 0; list && i < YAJL_GET_ARRAY(list)->len && !why; i++) {
		yajl_val rr = YAJL_GET_ARRAY(list)->values[i];
		double ttl = number_at(rr, "ttl", 0);

		why = add_rr(e, text_at(rr, "rrname"), text_at(rr, "rrtype"), text_at(rr, "rdata"),
			     ttl > 0 && ttl < 2147483648.0 ? (uint32_t)ttl : 0, section);
	}
	return why;
}

static const char *eve_dns(const struct line *l, struct entry *e, yajl_val dns)
{
	bool from_server = number_at(l->json, "src_port", 0) == 53;
	const char *question = text_at(dns, "rrname"), *qtype = text_at(dns, "rrtype"), *why;
	yajl_val queries = list_at(dns, "queries");
	const char *kind = text_at(dns, "type");
	uint16_t rcode = 0;

	if (strcmp(kind, "answer") != 0 && strcmp(kind, "response") != 0)
		return NULL;
	if (queries && YAJL_GET_ARRAY(queries)->len) { /* version 3 */
		question = text_at(YAJL_GET_ARRAY(queries)->values[0], "rrname");
		qtype = text_at(YAJL_GET_ARRAY(queries)->values[0], "rrtype");
	}
	if (ip_parse(text_at(l->json, from_server ? "src_ip" : "dest_ip"), &e->obs.server) ||
	    ip_parse(text_at(l->json, from_server ? "dest_ip" : "src_ip"), &e->obs.client))
		return "src_ip or dest_ip is no address";
	e->obs.qname = entry_name(e, question);
	if (!e->obs.qname)
		return "rrname is no domain name";
	if (dns_type_from_text(qtype, &e->obs.qtype) ||
	    dns_rcode_from_text(*text_at(dns, "rcode") ? text_at(dns, "rcode") : "NOERROR", &rcode))
		return "unknown rrtype or rcode";
	e->obs.qclass = 1;
	e->obs.rcode = (uint8_t)rcode;
	e->obs.client_port =
		(uint16_t)number_at(l->json, from_server ? "dest_port" : "src_port", 0);
	e->obs.txid = (uint16_t)number_at(dns, "id", 0);
	e->obs.has_txid = number_at(dns, "id", -1) >= 0;
	e->obs.has_authority = list_at(dns, "authorities") != NULL;
	if (*text_at(dns, "rdata")) { /* version 1: a record a line */
		why = add_rr(e, question, qtype, text_at(dns, "rdata"),
			     (uint32_t)number_at(dns, "ttl", 0), DNS_ANSWER);
		e->obs.has_txid = false; /* its records would look like rival answers */
	} else {
		why = add_list(e, dns, "answers", DNS_ANSWER);
	}
	why = why ? why : add_list(e, dns, "authorities", DNS_AUTHORITY);
	why = why ? why : add_list(e, dns, "additionals", DNS_ADDITIONAL);
	if (!why && e->obs.records_len)
		e->item = LOG_ITEM_RESPONSE;
	return why;
}

static const char *eve_flow(const struct line *l, struct entry *e, yajl_val flow)
{
	struct connection *c = &e->conn;
	uint64_t start_ns = iso_time(text_at(flow, "start")),
		 end_ns = iso_time(text_at(flow, "end"));
	const char *proto = text_at(l->json, "proto");

	if (ip_parse(text_at(l->json, "src_ip"), &c->src) ||
	    ip_parse(text_at(l->json, "dest_ip"), &c->dst))
		return "src_ip or dest_ip is no address";
	c->dport = (uint16_t)number_at(l->json, "dest_port", 0);
	c->sport = (uint16_t)number_at(l->json, "src_port", 0);
	if ((strcmp(proto, "TCP") != 0 && strcmp(proto, "UDP") != 0) || c->dport == 53)
		return NULL;
	c->proto = proto[0] == 'T' ? IPPROTO_TCP : IPPROTO_UDP;
	c->source = CONNECTION_LOG;
	c->time_ns = start_ns ? start_ns : e->order_ns;
	c->duration_ns = end_ns > start_ns && start_ns ? end_ns - start_ns : 0;
	c->bytes_toserver = (uint64_t)number_at(flow, "bytes_toserver", 0);
	c->bytes_toclient = (uint64_t)number_at(flow, "bytes_toclient", 0);
	c->has_bytes = true;
	c->state = number_at(flow, "pkts_toclient", 0) > 0 ? CONNECTION_OK : CONNECTION_FAILED;
	c->err = c->state == CONNECTION_FAILED ? ETIMEDOUT : 0;
	e->item = LOG_ITEM_CONNECTION;
	return NULL;
}

const char *eve_line(const struct line *l, struct entry *e)
{
	static const char *const dns_path[] = { "dns", NULL }, *const flow_path[] = { "flow",
										      NULL };
	const char *type = text_at(l->json, "event_type");
	yajl_val dns = yajl_tree_get(l->json, (const char **)dns_path, yajl_t_object);
	yajl_val flow = yajl_tree_get(l->json, (const char **)flow_path, yajl_t_object);

	e->order_ns = e->obs.time_ns = iso_time(text_at(l->json, "timestamp"));
	if (!e->order_ns)
		return "timestamp is no time";
	if (strcmp(type, "dns") == 0 && dns)
		return eve_dns(l, e, dns);
	if (strcmp(type, "flow") == 0 && flow)
		return eve_flow(l, e, flow);
	return NULL;
}

/*
 * An aggregate of sightings stands for one: the first.  It has no TTL; an hour neither speaks for
 * flux nor makes the record's like look fresh more often than it was recorded.
 */
const char *cof_line(const struct line *l, struct entry *e)
{
	const char *type = text_at(l->json, "rrtype"), *why = NULL;
	const char *single = text_at(l->json, "rdata");
	yajl_val list = list_at(l->json, "rdata");
	double first = number_at(l->json, "time_first", 0);

	if (first <= 0)
		first = number_at(l->json, "zone_time_first", 0);
	if (first <= 0 || first > 9e9)
		return "time_first is no time";
	e->order_ns = e->obs.time_ns = (uint64_t)first * 1000000000ULL;
	e->obs.qname = entry_name(e, text_at(l->json, "rrname"));
	if (!e->obs.qname)
		return "rrname is no domain name";
	if (dns_type_from_text(type, &e->obs.qtype))
		return "unknown rrtype";
	e->obs.qclass = 1;
	for (size_t i = 0; list && i < YAJL_GET_ARRAY(list)->len && !why; i++) {
		yajl_val v = YAJL_GET_ARRAY(list)->values[i];

		if (YAJL_IS_STRING(v))
			why = add_rr(e, text_at(l->json, "rrname"), type, YAJL_GET_STRING(v), 3600,
				     DNS_ANSWER);
	}
	if (*single)
		why = add_rr(e, text_at(l->json, "rrname"), type, single, 3600, DNS_ANSWER);
	if (!why && e->obs.records_len)
		e->item = LOG_ITEM_RESPONSE;
	return why;
}
