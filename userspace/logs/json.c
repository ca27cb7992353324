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

	v = v ? yajl_tree_get(v, path, yajl_t_string) : NULL;
	return v ? YAJL_GET_STRING(v) : "";
}

static double number_at(yajl_val v, const char *name, double absent)
{
	const char *path[] = { name, NULL };

	v = yajl_tree_get(v, path, yajl_t_number);
	return v ? strtod(YAJL_GET_NUMBER(v), NULL) : absent;
}

static uint64_t whole_at(yajl_val v, const char *name, uint64_t max)
{
	return whole(number_at(v, name, 0), max);
}

static yajl_val list_at(yajl_val v, const char *name)
{
	const char *path[] = { name, NULL };

	return yajl_tree_get(v, path, yajl_t_array);
}

uint64_t log_reader_time(const char *text)
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
	t = timegm(&tm) - offset;
	if (t <= 0 || t > 9000000000)
		return 0;
	return (uint64_t)t * 1000000000ULL + whole(fraction * 1e6 + 0.5, 1000000) * 1000;
}

static yajl_val object_at(yajl_val v, const char *name)
{
	const char *path[] = { name, NULL };

	return yajl_tree_get(v, path, yajl_t_object);
}

/* "ECONNREFUSED", or "errno 111". */
static int errno_of(const char *text)
{
	int number = 0;

	if (sscanf(text, "errno %d", &number) == 1)
		return number > 0 ? number : EIO;
	for (number = 1; number < 134; number++) {
		const char *name = strerrorname_np(number);

		if (name && strcmp(name, text) == 0)
			return number;
	}
	return EIO;
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
		uint32_t ttl_s = (uint32_t)whole_at(rr, "ttl", INT32_MAX);

		why = add_rr(e, text_at(rr, "rrname"), text_at(rr, "rrtype"), text_at(rr, "rdata"),
			     ttl_s, section);
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
		(uint16_t)whole_at(l->json, from_server ? "dest_port" : "src_port", UINT16_MAX);
	e->obs.txid = (uint16_t)whole_at(dns, "id", UINT16_MAX);
	e->obs.has_txid = number_at(dns, "id", -1) >= 0;
	/* our own events carry the sections that a message has */
	e->obs.has_authority = list_at(dns, "authorities") || *text_at(l->json, "sensor");
	e->obs.repeats = (uint32_t)whole_at(dns, "repeats", UINT32_MAX);
	e->obs.first_ns = log_reader_time(text_at(dns, "repeats_since"));
	if (e->obs.first_ns > e->obs.time_ns)
		e->obs.first_ns = 0;
	if (*text_at(dns, "rdata")) { /* version 1: a record a line */
		why = add_rr(e, question, qtype, text_at(dns, "rdata"),
			     (uint32_t)whole_at(dns, "ttl", INT32_MAX), DNS_ANSWER);
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
	uint64_t start_ns = log_reader_time(text_at(flow, "start")),
		 end_ns = log_reader_time(text_at(flow, "end"));
	const char *proto = text_at(l->json, "proto");

	if (ip_parse(text_at(l->json, "src_ip"), &c->src) ||
	    ip_parse(text_at(l->json, "dest_ip"), &c->dst))
		return "src_ip or dest_ip is no address";
	c->dport = (uint16_t)whole_at(l->json, "dest_port", UINT16_MAX);
	c->sport = (uint16_t)whole_at(l->json, "src_port", UINT16_MAX);
	if ((strcmp(proto, "TCP") != 0 && strcmp(proto, "UDP") != 0) || c->dport == 53)
		return NULL;
	c->proto = proto[0] == 'T' ? IPPROTO_TCP : IPPROTO_UDP;
	c->source = CONNECTION_LOG;
	c->time_ns = start_ns ? start_ns : e->order_ns;
	c->duration_ns = end_ns > start_ns && start_ns ? end_ns - start_ns : 0;
	c->bytes_toserver = whole_at(flow, "bytes_toserver", LINE_OCTETS);
	c->bytes_toclient = whole_at(flow, "bytes_toclient", LINE_OCTETS);
	c->has_bytes = true;
	c->state = number_at(flow, "pkts_toclient", 0) > 0 ? CONNECTION_OK : CONNECTION_FAILED;
	c->err = c->state == CONNECTION_FAILED ? ETIMEDOUT : 0;
	e->item = LOG_ITEM_CONNECTION;
	return NULL;
}

static void take_process(struct entry *e, yajl_val process)
{
	struct process_info *p = &e->conn.process;

	e->conn.has_process = true;
	p->pid = (uint32_t)whole_at(process, "pid", UINT32_MAX);
	p->ppid = (uint32_t)whole_at(process, "ppid", UINT32_MAX);
	p->uid = (uint32_t)whole_at(process, "uid", UINT32_MAX);
	p->exe = entry_text(e, text_at(process, "exe"));
	p->comm = entry_text(e, text_at(process, "comm"));
	p->cmdline = entry_text(e, text_at(process, "cmdline"));
	p->user = entry_text(e, text_at(process, "user"));
	p->unit = entry_text(e, text_at(process, "unit"));
	p->container_id = entry_text(e, text_at(process, "container_id"));
}

static bool parse_mac(const char *text, uint8_t ret[6])
{
	unsigned int b[6];

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6)
		return false;
	for (unsigned int i = 0; i < 6; i++)
		ret[i] = (uint8_t)b[i];
	return true;
}

/* An event of our own: what the tracepoints or the watch set have reported. */
static const char *eve_connect_event(const struct line *l, struct entry *e, yajl_val connect)
{
	const char *result = text_at(connect, "result"), *proto = text_at(l->json, "proto");
	yajl_val process = object_at(connect, "process");
	struct connection *c = &e->conn;
	double duration = number_at(connect, "duration_s", -1);

	if (ip_parse(text_at(l->json, "src_ip"), &c->src) ||
	    ip_parse(text_at(l->json, "dest_ip"), &c->dst))
		return "src_ip or dest_ip is no address";
	c->time_ns = e->order_ns;
	c->sport = (uint16_t)whole_at(l->json, "src_port", UINT16_MAX);
	c->dport = (uint16_t)whole_at(l->json, "dest_port", UINT16_MAX);
	c->proto = strcmp(proto, "UDP") == 0 ? IPPROTO_UDP : IPPROTO_TCP;
	if (process)
		take_process(e, process);
	c->has_mac = parse_mac(text_at(object_at(l->json, "ether"), "src_mac"), c->mac);
	c->source = process ? CONNECTION_LOCAL : CONNECTION_GATEWAY;
	c->state = strcmp(result, "ok") != 0 ? CONNECTION_FAILED
		   : duration >= 0	     ? CONNECTION_CLOSED
					     : CONNECTION_OK;
	c->err = c->state == CONNECTION_FAILED ? errno_of(result) : 0;
	c->duration_ns = duration > 0 && duration < 1e8 ? (uint64_t)(duration * 1e9) : 0;
	c->bytes_toserver = whole_at(connect, "bytes_toserver", LINE_OCTETS);
	c->bytes_toclient = whole_at(connect, "bytes_toclient", LINE_OCTETS);
	c->has_bytes = number_at(connect, "bytes_toserver", -1) >= 0;
	e->item = LOG_ITEM_CONNECTION;
	return NULL;
}

const char *eve_line(const struct line *l, struct entry *e)
{
	const char *type = text_at(l->json, "event_type");
	yajl_val dns = object_at(l->json, "dns"), flow = object_at(l->json, "flow");
	yajl_val connect = object_at(l->json, "connect");

	e->order_ns = e->obs.time_ns = log_reader_time(text_at(l->json, "timestamp"));
	if (!e->order_ns)
		return "timestamp is no time";
	if (strcmp(type, "dns") == 0 && dns)
		return eve_dns(l, e, dns);
	if (strcmp(type, "flow") == 0 && flow)
		return eve_flow(l, e, flow);
	if (strcmp(type, "connect") == 0 && connect)
		return eve_connect_event(l, e, connect);
	return NULL;
}

/*
 * Normalised traces: {"ts","client","qname","qtype","answers","ttls"}. The answers are in the
 * order of the section, without owners: an address belongs to the last name before it.
 */
const char *trace_line(const struct line *l, struct entry *e)
{
	const char *type = text_at(l->json, "qtype"), *why;
	double ts = number_at(l->json, "ts", -1);

	if (ts < 0 || ts > 9e9)
		return "ts is no time";
	/* a trace may begin at 0, which elsewhere stands for no time at all */
	e->order_ns = e->obs.time_ns = (uint64_t)(ts * 1e6 + 0.5) * 1000 + (ts < 1 ? 1000 : 0);
	if (ip_parse(text_at(l->json, "client"), &e->obs.client))
		return "client is no address";
	if (dns_type_from_text(type, &e->obs.qtype) ||
	    (e->obs.qtype != DNS_TYPE_A && e->obs.qtype != DNS_TYPE_AAAA &&
	     e->obs.qtype != DNS_TYPE_NS && e->obs.qtype != DNS_TYPE_CNAME))
		return NULL;
	e->obs.qname = entry_name(e, text_at(l->json, "qname"));
	if (!e->obs.qname)
		return "qname is no domain name";
	e->obs.qclass = 1;
	why = entry_answers(l, e, "ttls");
	if (!why && e->obs.records_len)
		e->item = LOG_ITEM_RESPONSE;
	return why;
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
