// SPDX-License-Identifier: BSD-2-Clause
/*
 * The "dns" event (EVE DNS version 3).  The one event written for every response, so the names
 * of records are kept as written: most owners are compression pointers to the question.
 */
#include "report/eve_common.h"

#include "dns/text.h"

enum { CLASS_IN = 1, TYPE_PTR = 12, TYPE_OPT = 41 };

#define FLAG_AA 0x0400
#define FLAG_TC 0x0200
#define FLAG_RD 0x0100
#define FLAG_RA 0x0080
#define FLAG_Z	0x0040

#define SEEN_NAMES 4

/* Names already in the output: where in the message, where in the buffer, quotes included. */
struct seen_name {
	size_t at, len; /* without the comma, which may have become a bracket */
	size_t offset;
};

struct dns_writer {
	struct buf *out;
	const struct dns_message *msg;
	struct seen_name seen[SEEN_NAMES];
	unsigned int seen_len;
};

/* Offset at which the labels of the name at @pos begin, behind pointers (RFC 1035 4.1.4). */
static size_t follow_pointers(const struct dns_message *m, size_t pos)
{
	for (unsigned int hops = 0; hops < 4 && pos + 1 < m->len; hops++) {
		if ((m->bytes[pos] & 0xc0) != 0xc0)
			break;
		pos = (size_t)(m->bytes[pos] & 0x3f) << 8 | m->bytes[pos + 1];
	}
	return pos;
}

static bool repeat_name(struct dns_writer *w, size_t offset)
{
	for (unsigned int i = 0; i < w->seen_len; i++) {
		const struct seen_name *s = &w->seen[i];

		if (s->offset != offset)
			continue;
		if (!json_room(w->out, s->len + 1)) /* only now is the source's address final */
			return true;
		buf_add(w->out, w->out->bytes + s->at, s->len);
		buf_char(w->out, ',');
		return true;
	}
	return false;
}

/* The name at @pos of the message; the parser has accepted it before. */
static void add_name(struct dns_writer *w, size_t pos)
{
	size_t offset = follow_pointers(w->msg, pos), start;
	struct dns_name name;

	if (repeat_name(w, offset))
		return;
	if (dns_name_parse(w->msg->bytes, w->msg->len, &pos, &name)) {
		json_lit(w->out, "null,"); /* unreachable for what the parser has read */
		return;
	}
	start = w->out->len;
	json_name(w->out, &name);
	if (w->seen_len < SEEN_NAMES && !w->out->failed)
		w->seen[w->seen_len++] = (struct seen_name){ .at = start,
							     .len = w->out->len - start - 1,
							     .offset = offset };
}

static void add_type(struct dns_writer *w, uint16_t type, uint16_t class_)
{
	char buf[16];

	json_lit(w->out, "\"rrtype\":\"");
	buf_str(w->out, dns_type_name(type, buf));
	json_lit(w->out, "\",");
	if (class_ == CLASS_IN)
		return;
	json_lit(w->out, "\"rrclass\":\"");
	buf_str(w->out, dns_class_name(class_, buf));
	json_lit(w->out, "\",");
}

static void add_queries(struct dns_writer *w)
{
	const struct dns_message *m = w->msg;

	if (!m->questions_len)
		return;
	json_lit(w->out, "\"queries\":[");
	for (size_t i = 0; i < m->questions_len; i++) {
		const struct dns_question *q = &m->questions[i];

		json_lit(w->out, "{\"rrname\":");
		add_name(w, q->name);
		add_type(w, q->type, q->class_);
		json_end(w->out, '}');
	}
	json_end(w->out, ']');
}

/* The frequent types without the detour through presentation text. */
static bool add_plain_rdata(struct dns_writer *w, const struct dns_rr *rr)
{
	const uint8_t *rdata = w->msg->bytes + rr->rdata;

	if (rr->class_ != CLASS_IN)
		return false;
	switch (rr->type) {
	case DNS_TYPE_A:
		if (rr->rdlength != 4)
			return false;
		json_lit(w->out, "\"rdata\":");
		json_ip4(w->out, rdata);
		return true;
	case DNS_TYPE_AAAA:
		if (rr->rdlength != 16)
			return false;
		json_lit(w->out, "\"rdata\":");
		json_ip6(w->out, rdata);
		return true;
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
		json_lit(w->out, "\"rdata\":");
		add_name(w, rr->rdata);
		return true;
	}
	return false;
}

static void add_rdata(struct dns_writer *w, const struct dns_rr *rr)
{
	size_t start;

	if (add_plain_rdata(w, rr))
		return;
	start = w->out->len;
	json_lit(w->out, "\"rdata\":");
	if (dns_rdata_format(w->msg, rr, w->out)) {
		json_quote_tail(w->out, start + sizeof("\"rdata\":") - 1);
		return;
	}
	if (!w->out->failed)
		w->out->len = start;
	json_lit(w->out, "\"rdlength\":");
	json_u64(w->out, rr->rdlength);
}

static void add_record(struct dns_writer *w, const struct dns_rr *rr)
{
	json_lit(w->out, "{\"rrname\":");
	add_name(w, rr->owner);
	add_type(w, rr->type, rr->class_);
	json_lit(w->out, "\"ttl\":");
	json_u64(w->out, rr->ttl);
	add_rdata(w, rr);
	json_end(w->out, '}');
}

static void add_section(struct dns_writer *w, enum dns_section section, const char *key)
{
	const struct dns_message *m = w->msg;
	bool open = false;

	for (size_t i = 0; i < m->rrs_len; i++) {
		const struct dns_rr *rr = &m->rrs[i];

		if (rr->section != section || rr->type == TYPE_OPT)
			continue;
		if (!open)
			buf_str(w->out, key);
		open = true;
		add_record(w, rr);
	}
	if (open)
		json_end(w->out, ']');
}

static void add_edns(struct buf *out, const struct dns_message *m)
{
	struct dns_edns edns;
	char text[IP_TEXT_MAX];
	size_t start;

	if (m->opt < 0 || !dns_message_edns(m, &edns))
		return;
	json_lit(out, "\"edns\":{\"udp_size\":");
	json_u64(out, edns.udp_size);
	if (edns.dnssec_ok)
		json_lit(out, "\"do\":true,");
	if (edns.has_ecs) {
		json_lit(out, "\"ecs\":");
		start = out->len;
		buf_str(out, ip_format(&edns.ecs_addr, text));
		buf_char(out, '/');
		buf_u64(out, edns.ecs_source);
		json_quote_tail(out, start);
	}
	json_end(out, '}');
}

static void add_flags(struct buf *out, uint16_t flags)
{
	static const char hex[] = "0123456789abcdef";
	char text[4] = { hex[flags >> 12], hex[flags >> 8 & 15], hex[flags >> 4 & 15],
			 hex[flags & 15] };

	json_lit(out, "\"flags\":\"");
	buf_add(out, text, sizeof(text));
	json_lit(out, "\",\"qr\":true,");
	if (flags & FLAG_AA)
		json_lit(out, "\"aa\":true,");
	if (flags & FLAG_TC)
		json_lit(out, "\"tc\":true,");
	if (flags & FLAG_RD)
		json_lit(out, "\"rd\":true,");
	if (flags & FLAG_RA)
		json_lit(out, "\"ra\":true,");
	if (flags & FLAG_Z)
		json_lit(out, "\"z\":true,");
}

static void add_header(struct buf *out, const struct dns_message *m)
{
	char buf[16];

	json_lit(out, "\"version\":3,\"type\":\"response\",\"id\":");
	json_u64(out, m->id);
	add_flags(out, m->flags);
	json_lit(out, "\"opcode\":");
	json_u64(out, m->opcode);
	json_lit(out, "\"rcode\":\"");
	buf_str(out, dns_rcode_name(m->rcode, buf));
	json_lit(out, "\",");
}

void eve_dns(struct buf *out, const struct eve_context *ctx, const struct message_unit *unit,
	     const struct dns_message *msg)
{
	struct dns_writer w = { .out = out, .msg = msg };

	eve_begin(out, ctx, unit->time_ns, "dns");
	eve_packet(out, ctx, unit->pkt);
	json_lit(out, "\"dns\":{");
	add_header(out, msg);
	if (unit->response && unit->response->novelty == FT_NOVELTY_FOLDED) {
		json_lit(out, "\"folded\":");
		json_u64(out, unit->response->repeats);
	} else if (unit->response && unit->response->repeats) {
		json_lit(out, "\"repeats\":");
		json_u64(out, unit->response->repeats);
		if (unit->response->first_ns) {
			json_lit(out, "\"repeats_since\":");
			json_time(out, unit->response->first_ns, ctx->utc_offset_s);
		}
	}
	add_queries(&w);
	add_section(&w, DNS_ANSWER, "\"answers\":[");
	add_section(&w, DNS_AUTHORITY, "\"authorities\":[");
	add_section(&w, DNS_ADDITIONAL, "\"additionals\":[");
	add_edns(out, msg);
	json_end(out, '}');
	json_end_line(out);
}
