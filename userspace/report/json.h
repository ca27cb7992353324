/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON by direct appends to a buffer.  Convention: every value is followed by a comma, and
 * json_end() turns the last comma of an object or array into its closing bracket; so members
 * may be absent without anybody keeping count of the first one.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include "base/buf.h"
#include "base/ip.h"
#include "dns/name.h"

/* Append a string constant as it is: keys and brackets. */
#define json_lit(b, constant) buf_add((b), "" constant, sizeof(constant) - 1)

/* Room for @n bytes; false when memory ran out. */
static inline bool json_room(struct buf *b, size_t n)
{
	return b->cap - b->len >= n || buf_grow(b, n);
}

/* Close what was opened last: the comma behind its last value becomes @bracket and a comma. */
static inline void json_end(struct buf *b, char bracket)
{
	if (b->len && b->bytes[b->len - 1] == ',')
		b->len--;
	if (!json_room(b, 2))
		return;
	b->bytes[b->len++] = bracket;
	b->bytes[b->len++] = ',';
}

/* Close the event itself: '}' and a newline. */
void json_end_line(struct buf *b);

void json_u64(struct buf *b, uint64_t value); /* the number and its comma, as all below */

/*
 * Up to six decimals, without trailing zeros and without regard to the locale. JSON has no
 * infinity and no NaN (RFC 8259 6): those become null.
 */
void json_double(struct buf *b, double value);

/* Quoted and escaped; bytes that are no UTF-8 (RFC 3629) become U+FFFD, one for each byte. */
void json_string(struct buf *b, const char *text, size_t len);

/* What stands from @start on in the buffer becomes a JSON string in place. */
void json_quote_tail(struct buf *b, size_t start);

/* The name as dns_name_format() writes it, quoted. */
void json_name(struct buf *b, const struct dns_name *name);

/* Dotted quad for mapped IPv4, RFC 5952 otherwise, quoted. */
void json_ip(struct buf *b, const struct ip_addr *addr);
/* The same for an address known to be IPv6, which a mapped one may be as well. */
void json_ip6(struct buf *b, const uint8_t bytes[16]);
void json_ip4(struct buf *b, const uint8_t bytes[4]);

void json_mac(struct buf *b, const uint8_t mac[6]);

/* Unix time as "2026-11-21T10:00:00.123456+0000", quoted. */
void json_time(struct buf *b, uint64_t time_ns, int utc_offset_s);

/* "key":"text", unless @text is NULL or empty. @key comes with quotes and colon. */
void json_member(struct buf *b, const char *key, const char *text);

#endif
