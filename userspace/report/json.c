// SPDX-License-Identifier: BSD-2-Clause
#include "report/json.h"

#include <math.h>

#include "base/utf8.h"

void json_end_line(struct buf *b)
{
	json_end(b, '}');
	if (b->len)
		b->bytes[b->len - 1] = '\n';
}

static const char digit_pairs[201] = "0001020304050607080910111213141516171819"
				     "2021222324252627282930313233343536373839"
				     "4041424344454647484950515253545556575859"
				     "6061626364656667686970717273747576777879"
				     "8081828384858687888990919293949596979899";

static inline char *put_two(char *p, unsigned int value)
{
	memcpy(p, digit_pairs + 2 * value, 2);
	return p + 2;
}

static inline char *put_u64(char *p, uint64_t value)
{
	char digits[20];
	size_t i = sizeof(digits);

	while (value >= 100) {
		i -= 2;
		memcpy(digits + i, digit_pairs + 2 * (value % 100), 2);
		value /= 100;
	}
	if (value >= 10) {
		i -= 2;
		memcpy(digits + i, digit_pairs + 2 * value, 2);
	} else {
		digits[--i] = (char)('0' + value);
	}
	memcpy(p, digits + i, sizeof(digits) - i);
	return p + sizeof(digits) - i;
}

void json_u64(struct buf *b, uint64_t value)
{
	char *p;

	if (!json_room(b, 21))
		return;
	p = put_u64(b->bytes + b->len, value);
	*p++ = ',';
	b->len = (size_t)(p - b->bytes);
}

void json_double(struct buf *b, double value)
{
	uint64_t micros, fraction;
	char *p;

	if (!isfinite(value)) {
		json_lit(b, "null,");
		return;
	}
	if (fabs(value) >=
	    9e12) { /* six decimals would no longer fit 64 bits; nor does a double have them */
		buf_printf(b, "%.0f,", value);
		return;
	}
	if (!json_room(b, 32))
		return;
	micros = (uint64_t)llround(fabs(value) * 1e6);
	p = b->bytes + b->len;
	if (value < 0 && micros)
		*p++ = '-';
	p = put_u64(p, micros / 1000000);
	fraction = micros % 1000000;
	if (fraction) {
		*p++ = '.';
		for (uint64_t unit = 100000; fraction; fraction %= unit, unit /= 10)
			*p++ = (char)('0' + fraction / unit);
	}
	*p++ = ',';
	b->len = (size_t)(p - b->bytes);
}

/* Bytes that stand for themselves in a JSON string: ASCII but controls, '"' and '\'. */
static inline bool is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static char *put_escaped(char *p, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";

	*p++ = '\\';
	switch (c) {
	case '"':
	case '\\':
		*p++ = (char)c;
		return p;
	case '\n':
		*p++ = 'n';
		return p;
	case '\r':
		*p++ = 'r';
		return p;
	case '\t':
		*p++ = 't';
		return p;
	}
	memcpy(p, "u00", 3);
	p[3] = hex[c >> 4];
	p[4] = hex[c & 15];
	return p + 5;
}

void json_string(struct buf *b, const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text, *end = s + len;
	size_t n;
	char *p;

	if (!json_room(b, 6 * len + 3)) /* \u00xx is the longest an octet becomes */
		return;
	p = b->bytes + b->len;
	*p++ = '"';
	while (s < end) {
		if (is_plain(*s)) {
			*p++ = (char)*s++;
		} else if (*s < 0x80) {
			p = put_escaped(p, *s++);
		} else if ((n = utf8_length(s, (size_t)(end - s)))) {
			memcpy(p, s, n);
			p += n;
			s += n;
		} else {
			memcpy(p, "\xef\xbf\xbd", 3);
			p += 3;
			s++;
		}
	}
	*p++ = '"';
	*p++ = ',';
	b->len = (size_t)(p - b->bytes);
}

void json_quote_tail(struct buf *b, size_t start)
{
	size_t n;

	if (b->failed || b->len < start)
		return;
	n = b->len - start;
	if (!json_room(b, 6 * n + 3)) /* so that the source does not move under json_string() */
		return;
	json_string(b, b->bytes + start, n);
	memmove(b->bytes + start, b->bytes + start + n, b->len - start - n);
	b->len -= n;
}

/* Longest name: each of 255 octets as "\\\\DDD", quotes, comma. */
#define JSON_NAME_MAX (DNS_NAME_MAX * 5 + 3)

static char *put_label_octet(char *p, uint8_t c)
{
	if (c > 0x20 && c < 0x7f && c != '.' && c != '\\') { /* here only '"' comes this way */
		*p++ = '\\';
		*p++ = (char)c;
		return p;
	}
	*p++ = '\\'; /* the backslash of RFC 4343 2.1, itself escaped for JSON */
	*p++ = '\\';
	if (c == '.') {
		*p++ = '.';
	} else if (c == '\\') {
		*p++ = '\\';
		*p++ = '\\';
	} else {
		*p++ = (char)('0' + c / 100);
		p = put_two(p, c % 100);
	}
	return p;
}

static inline bool is_plain_in_label(uint8_t c)
{
	return c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '.';
}

/* Eight octets at once: true when none of them needs an escape; the high bits tell of each. */
static inline bool all_plain_in_label(uint64_t w)
{
	const uint64_t ones = 0x0101010101010101U, high = 0x80 * ones;
	uint64_t quote = w ^ '"' * ones, backslash = w ^ '\\' * ones, dot = w ^ '.' * ones;
	uint64_t del = w ^ 0x7f * ones;
	/* zero in a lane that holds the octet; below '!' by the borrow; beyond ASCII by itself */
	uint64_t bad = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
		       ((dot - ones) & ~dot) | ((del - ones) & ~del) | (w - '!' * ones) | w;

	return !(bad & high);
}

static inline char *put_label(char *p, const uint8_t *s, size_t len)
{
	for (; len >= 8; len -= 8, s += 8) {
		uint64_t w;

		memcpy(&w, s, 8);
		if (!all_plain_in_label(w))
			break;
		memcpy(p, &w, 8);
		p += 8;
	}
	for (; len; len--, s++) {
		if (is_plain_in_label(*s))
			*p++ = (char)*s;
		else
			p = put_label_octet(p, *s);
	}
	return p;
}

void json_name(struct buf *b, const struct dns_name *name)
{
	const uint8_t *s = name->wire, *end = s + name->len;
	char *p;

	if (!json_room(b, JSON_NAME_MAX))
		return;
	p = b->bytes + b->len;
	*p++ = '"';
	if (name->len <= 1)
		*p++ = '.';
	while (s < end && *s) {
		size_t len = *s++;

		if (len > (size_t)(end - s)) /* no name; but never beyond it */
			len = (size_t)(end - s);
		if (s != name->wire + 1)
			*p++ = '.';
		p = put_label(p, s, len);
		s += len;
	}
	*p++ = '"';
	*p++ = ',';
	b->len = (size_t)(p - b->bytes);
}

static inline char *put_octet(char *p, unsigned int v)
{
	if (v >= 100) {
		*p++ = (char)('0' + v / 100);
		return put_two(p, v % 100);
	}
	if (v >= 10)
		return put_two(p, v);
	*p++ = (char)('0' + v);
	return p;
}

static char *put_ip4(char *p, const uint8_t *v4)
{
	p = put_octet(p, v4[0]);
	*p++ = '.';
	p = put_octet(p, v4[1]);
	*p++ = '.';
	p = put_octet(p, v4[2]);
	*p++ = '.';
	return put_octet(p, v4[3]);
}

static char *put_hex_group(char *p, unsigned int v)
{
	static const char hex[] = "0123456789abcdef";

	if (v >= 0x1000)
		*p++ = hex[v >> 12];
	if (v >= 0x100)
		*p++ = hex[v >> 8 & 15];
	if (v >= 0x10)
		*p++ = hex[v >> 4 & 15];
	*p++ = hex[v & 15];
	return p;
}

/* RFC 5952 4.2: the longest run of at least two zero groups, the first of equals. */
static void longest_zero_run(const unsigned int group[8], unsigned int *ret_at,
			     unsigned int *ret_len)
{
	unsigned int at = 8, len = 1;

	for (unsigned int i = 0; i < 8; i++) {
		unsigned int n = 0;

		while (i + n < 8 && !group[i + n])
			n++;
		if (n > len) {
			at = i;
			len = n;
		}
		i += n;
	}
	*ret_at = at;
	*ret_len = at == 8 ? 0 : len;
}

static char *put_ip6(char *p, const uint8_t *b)
{
	unsigned int group[8], run, run_len;

	for (unsigned int i = 0; i < 8; i++)
		group[i] = (unsigned int)b[2 * i] << 8 | b[2 * i + 1];
	longest_zero_run(group, &run, &run_len);
	for (unsigned int i = 0; i < 8; i++) {
		if (i == run) {
			*p++ = ':';
			*p++ = ':';
			i += run_len - 1;
			continue;
		}
		if (i && i != run + run_len)
			*p++ = ':';
		/* embedded IPv4 as inet_ntop() shows it (RFC 5952 5) */
		if (i == 6 && run == 0 && (run_len == 6 || (run_len == 5 && group[5] == 0xffff)))
			return put_ip4(p, b + 12);
		p = put_hex_group(p, group[i]);
	}
	return p;
}

static inline void add_quoted_ip(struct buf *b, const uint8_t *bytes, bool v4)
{
	char *p;

	if (!json_room(b, IP_TEXT_MAX + 3))
		return;
	p = b->bytes + b->len;
	*p++ = '"';
	p = v4 ? put_ip4(p, bytes) : put_ip6(p, bytes);
	*p++ = '"';
	*p++ = ',';
	b->len = (size_t)(p - b->bytes);
}

void json_ip4(struct buf *b, const uint8_t bytes[4])
{
	add_quoted_ip(b, bytes, true);
}

void json_ip6(struct buf *b, const uint8_t bytes[16])
{
	add_quoted_ip(b, bytes, false);
}

void json_ip(struct buf *b, const struct ip_addr *addr)
{
	if (ip_is_v4(addr))
		json_ip4(b, addr->b + 12);
	else
		json_ip6(b, addr->b);
}

void json_mac(struct buf *b, const uint8_t mac[6])
{
	static const char hex[] = "0123456789abcdef";
	char text[17];

	for (size_t i = 0; i < 6; i++) {
		text[3 * i] = hex[mac[i] >> 4];
		text[3 * i + 1] = hex[mac[i] & 15];
		if (i < 5)
			text[3 * i + 2] = ':';
	}
	json_string(b, text, sizeof(text));
}

struct civil {
	unsigned int year, month, day;
};

/* Days since 1970-01-01 to a date of the Gregorian calendar, by eras of 400 years from March. */
static struct civil civil_from_days(uint64_t days)
{
	uint64_t z = days + 719468, era = z / 146097, doe = z % 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint64_t mp = (5 * doy + 2) / 153;
	unsigned int month = (unsigned int)(mp < 10 ? mp + 3 : mp - 9);

	return (struct civil){ .year = (unsigned int)(yoe + era * 400) + (month <= 2),
			       .month = month,
			       .day = (unsigned int)(doy - (153 * mp + 2) / 5 + 1) };
}

static char *put_utc_offset(char *p, int utc_offset_s)
{
	unsigned int minutes = (unsigned int)(utc_offset_s < 0 ? -utc_offset_s : utc_offset_s) / 60;

	*p++ = utc_offset_s < 0 ? '-' : '+';
	p = put_two(p, minutes / 60 % 100);
	return put_two(p, minutes % 60);
}

void json_time(struct buf *b, uint64_t time_ns, int utc_offset_s)
{
	int64_t local_s = (int64_t)(time_ns / 1000000000U) + utc_offset_s;
	unsigned int us = (unsigned int)(time_ns % 1000000000U / 1000U), s;
	struct civil date;
	char *p;

	if (!json_room(b, 40))
		return;
	if (local_s < 0) /* an hour before 1970: only a clock never set gets here */
		local_s = 0;
	date = civil_from_days((uint64_t)local_s / 86400);
	s = (unsigned int)((uint64_t)local_s % 86400);
	p = b->bytes + b->len;
	*p++ = '"';
	p = put_two(p, date.year / 100 % 100);
	p = put_two(p, date.year % 100);
	*p++ = '-';
	p = put_two(p, date.month);
	*p++ = '-';
	p = put_two(p, date.day);
	*p++ = 'T';
	p = put_two(p, s / 3600);
	*p++ = ':';
	p = put_two(p, s / 60 % 60);
	*p++ = ':';
	p = put_two(p, s % 60);
	*p++ = '.';
	p = put_two(p, us / 10000);
	p = put_two(p, us / 100 % 100);
	p = put_two(p, us % 100);
	p = put_utc_offset(p, utc_offset_s);
	*p++ = '"';
	*p++ = ',';
	b->len = (size_t)(p - b->bytes);
}

void json_member(struct buf *b, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	buf_str(b, key);
	json_string(b, text, strlen(text));
}
