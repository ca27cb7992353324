// SPDX-License-Identifier: BSD-2-Clause
/* Rdata as presentation text, one small function a type. */
#include "dns/text.h"

#include "dns/wire.h"

enum {
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_SRV = 33,
	TYPE_DS = 43,
	TYPE_SVCB = 64,
	TYPE_HTTPS = 65,
	TYPE_CAA = 257,
};

/* Rdata being read; names in it may point anywhere before them in the message. */
struct reader {
	const struct dns_message *m;
	size_t pos, end;
	struct buf *out;
};

static size_t left(const struct reader *r)
{
	return r->end - r->pos;
}

static bool put_name(struct reader *r)
{
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name name;
	size_t end;

	if (!dns_name_check(r->m->bytes, r->m->len, r->pos, &end) || end > r->end)
		return false;
	dns_name_copy(r->m->bytes, r->m->len, r->pos, &name);
	buf_add(r->out, text, dns_name_format(&name, text));
	r->pos = end;
	return true;
}

static bool put_u8(struct reader *r)
{
	if (left(r) < 1)
		return false;
	buf_u64(r->out, r->m->bytes[r->pos++]);
	return true;
}

static bool put_u16(struct reader *r)
{
	if (left(r) < 2)
		return false;
	buf_u64(r->out, wire_u16(r->m->bytes + r->pos));
	r->pos += 2;
	return true;
}

static bool put_u32(struct reader *r)
{
	if (left(r) < 4)
		return false;
	buf_u64(r->out, wire_u32(r->m->bytes + r->pos));
	r->pos += 4;
	return true;
}

static bool put_addr(struct reader *r, size_t bytes)
{
	const uint8_t *p = r->m->bytes + r->pos;
	struct ip_addr addr;
	char text[IP_TEXT_MAX];

	if (left(r) < bytes)
		return false;
	addr = bytes == 4 ? ip_from_v4(p) : ip_from_v6(p);
	/* ::ffff:a.b.c.d inside an AAAA record is IPv6 and is written as such */
	if (bytes == 16 && ip_is_v4(&addr))
		buf_str(r->out, "::ffff:");
	buf_str(r->out, ip_format(&addr, text));
	r->pos += bytes;
	return true;
}

static bool space(struct reader *r)
{
	buf_char(r->out, ' ');
	return true;
}

/* RFC 1035 5.1: an octet of a quoted string. */
static void put_char(struct buf *out, uint8_t c)
{
	char text[4] = { '\\', (char)('0' + c / 100), (char)('0' + c / 10 % 10),
			 (char)('0' + c % 10) };

	if (c < ' ' || c > '~') {
		buf_add(out, text, 4);
		return;
	}
	if (c == '"' || c == '\\')
		buf_char(out, '\\');
	buf_char(out, (char)c);
}

static void put_quoted(struct reader *r, size_t n)
{
	buf_char(r->out, '"');
	for (size_t i = 0; i < n; i++)
		put_char(r->out, r->m->bytes[r->pos + i]);
	buf_char(r->out, '"');
	r->pos += n;
}

static bool put_soa(struct reader *r)
{
	return put_name(r) && space(r) && put_name(r) && space(r) && put_u32(r) && space(r) &&
	       put_u32(r) && space(r) && put_u32(r) && space(r) && put_u32(r) && space(r) &&
	       put_u32(r);
}

static bool put_txt(struct reader *r)
{
	bool first = true;

	if (!left(r))
		return false;
	for (; left(r); first = false) {
		size_t n = r->m->bytes[r->pos++];

		if (left(r) < n)
			return false;
		if (!first)
			space(r);
		put_quoted(r, n);
	}
	return true;
}

static void put_hex(struct reader *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = r->m->bytes[r->pos + i];

		buf_char(r->out, "0123456789ABCDEF"[c >> 4]);
		buf_char(r->out, "0123456789ABCDEF"[c & 15]);
	}
	r->pos += n;
}

static bool put_ds(struct reader *r)
{
	if (!put_u16(r) || !space(r) || !put_u8(r) || !space(r) || !put_u8(r) || !left(r))
		return false;
	space(r);
	put_hex(r, left(r));
	return true;
}

static bool is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* RFC 8659 4.1.1: flags, tag of ASCII letters and digits, value. */
static bool put_caa(struct reader *r)
{
	size_t n;

	if (!put_u8(r) || !left(r))
		return false;
	n = r->m->bytes[r->pos++];
	if (!n || left(r) < n)
		return false;
	space(r);
	for (size_t i = 0; i < n; i++) {
		uint8_t c = r->m->bytes[r->pos + i];

		if (!is_alnum(c))
			return false;
		buf_char(r->out, (char)c);
	}
	r->pos += n;
	space(r);
	put_quoted(r, left(r));
	return true;
}

static void put_base64(struct reader *r, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *p = r->m->bytes + r->pos;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;

		v |= i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0;
		v |= i + 2 < n ? p[i + 2] : 0;
		buf_char(r->out, digits[v >> 18]);
		buf_char(r->out, digits[v >> 12 & 63]);
		buf_char(r->out, i + 1 < n ? digits[v >> 6 & 63] : '=');
		buf_char(r->out, i + 2 < n ? digits[v & 63] : '=');
	}
	r->pos += n;
}

enum svc_key { /* RFC 9460 14.3.2 */
	       SVC_MANDATORY = 0,
	       SVC_ALPN = 1,
	       SVC_NO_DEFAULT_ALPN = 2,
	       SVC_PORT = 3,
	       SVC_IPV4HINT = 4,
	       SVC_ECH = 5,
	       SVC_IPV6HINT = 6,
	       SVC_DOHPATH = 7,
	       SVC_OHTTP = 8,
	       SVC_KNOWN
};

static const char *const svc_keys[SVC_KNOWN] = { "mandatory", "alpn",	  "no-default-alpn",
						 "port",      "ipv4hint", "ech",
						 "ipv6hint",  "dohpath",  "ohttp" };

static void put_svc_key(struct buf *out, uint16_t key)
{
	if (key < SVC_KNOWN) {
		buf_str(out, svc_keys[key]);
	} else {
		buf_str(out, "key");
		buf_u64(out, key);
	}
}

/* A list separated by commas until the end of the parameter, at least one item. */
static bool put_list(struct reader *r, bool (*item)(struct reader *))
{
	if (!left(r))
		return false;
	while (item(r)) {
		if (!left(r))
			return true;
		buf_char(r->out, ',');
	}
	return false;
}

static bool item_v4(struct reader *r)
{
	return put_addr(r, 4);
}

static bool item_v6(struct reader *r)
{
	return put_addr(r, 16);
}

static bool item_key(struct reader *r)
{
	if (left(r) < 2)
		return false;
	put_svc_key(r->out, wire_u16(r->m->bytes + r->pos));
	r->pos += 2;
	return true;
}

/* RFC 9460 7.1.1, appendix A.1: commas and backslashes inside an id are escaped twice. */
static bool item_alpn(struct reader *r)
{
	size_t n = r->m->bytes[r->pos++];

	if (!n || left(r) < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = r->m->bytes[r->pos + i];

		if (c == ',' || c == '\\')
			buf_str(r->out, c == ',' ? "\\\\," : "\\\\\\\\");
		else if (c == ' ')
			buf_str(r->out, "\\032");
		else
			put_char(r->out, c);
	}
	r->pos += n;
	return true;
}

static bool put_svc_value(struct reader *r, uint16_t key)
{
	switch (key) {
	case SVC_MANDATORY:
		return put_list(r, item_key);
	case SVC_ALPN:
		return put_list(r, item_alpn);
	case SVC_PORT:
		return put_u16(r) && !left(r);
	case SVC_IPV4HINT:
		return put_list(r, item_v4);
	case SVC_IPV6HINT:
		return put_list(r, item_v6);
	case SVC_ECH:
		put_base64(r, left(r));
		return true;
	default:
		put_quoted(r, left(r));
		return true;
	}
}

static bool svc_key_bare(uint16_t key)
{
	return key == SVC_NO_DEFAULT_ALPN || key == SVC_OHTTP;
}

/* RFC 9460 2.2: priority, target, parameters by strictly rising key. */
static bool put_svcb(struct reader *r)
{
	size_t end = r->end;
	int last = -1;

	if (!put_u16(r) || !space(r) || !put_name(r))
		return false;
	while (left(r)) {
		uint16_t key, n;

		if (left(r) < 4)
			return false;
		key = wire_u16(r->m->bytes + r->pos);
		n = wire_u16(r->m->bytes + r->pos + 2);
		r->pos += 4;
		if (left(r) < n || key <= last || (svc_key_bare(key) && n))
			return false;
		last = key;
		space(r);
		put_svc_key(r->out, key);
		if (!n && (svc_key_bare(key) || key >= SVC_KNOWN))
			continue;
		buf_char(r->out, '=');
		r->end = r->pos + n;
		if (!put_svc_value(r, key))
			return false;
		r->end = end;
	}
	return true;
}

static bool put_rdata(struct reader *r, uint16_t type)
{
	switch (type) {
	case DNS_TYPE_A:
		return put_addr(r, 4);
	case DNS_TYPE_AAAA:
		return put_addr(r, 16);
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
	case TYPE_PTR:
		return put_name(r);
	case TYPE_MX:
		return put_u16(r) && space(r) && put_name(r);
	case TYPE_SOA:
		return put_soa(r);
	case TYPE_SRV:
		return put_u16(r) && space(r) && put_u16(r) && space(r) && put_u16(r) && space(r) &&
		       put_name(r);
	case TYPE_TXT:
		return put_txt(r);
	case TYPE_DS:
		return put_ds(r);
	case TYPE_SVCB:
	case TYPE_HTTPS:
		return put_svcb(r);
	case TYPE_CAA:
		return put_caa(r);
	default:
		return false;
	}
}

bool dns_rdata_format(const struct dns_message *m, const struct dns_rr *rr, struct buf *out)
{
	struct reader r = {
		.m = m, .pos = rr->rdata, .end = (size_t)rr->rdata + rr->rdlength, .out = out
	};
	size_t before = out->len;

	if (put_rdata(&r, rr->type) && r.pos == r.end)
		return true;
	out->len = before;
	return false;
}
