// SPDX-License-Identifier: BSD-2-Clause
/* Names: checked first, copied once and folded eight octets at a time. */
#include "dns/name.h"

#include <errno.h>
#include <fluxtap/fingerprint.h>
#include "dns/wire.h"

#define LABEL_MAX 63 /* RFC 1035 2.3.4 */

bool dns_name_check(const uint8_t *msg, size_t msg_len, size_t pos, size_t *ret_end)
{
	size_t run = pos, end = 0, total = 0, target;
	unsigned int pointers = 0;

	for (;;) {
		uint8_t octet;

		if (pos >= msg_len)
			return false;
		octet = msg[pos];
		if (octet == 0)
			break;
		if (octet <= LABEL_MAX) {
			total += octet + 1U;
			if (total >= DNS_NAME_MAX) /* the root's octet must still fit */
				return false;
			pos += octet + 1U;
			continue;
		}
		/* RFC 1035 4.1.4: 01 and 10 are reserved; a pointer names a prior place. Without a
		 * bound, a chain of bare pointers made each record cost the length of the message.
		 */
		if (octet < 0xc0 || msg_len - pos < 2 || ++pointers > FT_NAME_POINTERS_MAX)
			return false;
		target = wire_u16(msg + pos) & 0x3fff;
		if (target < DNS_HEADER_BYTES || target >= run)
			return false;
		if (!end)
			end = pos + 2;
		pos = run = target;
	}
	*ret_end = end ? end : pos + 1;
	return true;
}

/* ASCII letters to lower case, eight octets at once; octets over 127 stay (RFC 4343 3). */
static inline uint64_t fold8(uint64_t x)
{
	const uint64_t ones = 0x0101010101010101ULL;
	uint64_t low = x & 0x7f * ones;
	uint64_t above_z = low + (0x7f - 'Z') * ones;
	uint64_t from_a = low + (0x80 - 'A') * ones;
	uint64_t upper = ~x & (from_a ^ above_z) & 0x80 * ones;

	return x | upper >> 2;
}

static inline uint8_t fold1(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* Length octets are at most 63 and digits of no letter, so folding them changes nothing. */
static void fold_run(uint8_t *dst, const uint8_t *src, size_t n, size_t src_room, size_t dst_room)
{
	uint64_t chunk;
	size_t i = 0;

	for (; i < n && src_room - i >= 8 && dst_room - i >= 8; i += 8) {
		memcpy(&chunk, src + i, 8);
		chunk = fold8(chunk);
		memcpy(dst + i, &chunk, 8);
	}
	for (; i < n; i++)
		dst[i] = fold1(src[i]);
}

void dns_name_copy(const uint8_t *msg, size_t msg_len, size_t pos, struct dns_name *ret)
{
	size_t len = 0;

	for (;;) {
		size_t run = pos, n;

		while (msg[pos] && msg[pos] <= LABEL_MAX)
			pos += msg[pos] + 1U;
		n = pos - run + (msg[pos] == 0);
		fold_run(ret->wire + len, msg + run, n, msg_len - run, DNS_NAME_MAX - len);
		len += n;
		if (msg[pos] == 0)
			break;
		pos = wire_u16(msg + pos) & 0x3fff;
	}
	ret->len = (uint8_t)len;
}

void dns_name_copy_run(const uint8_t *msg, size_t msg_len, size_t pos, size_t n,
		       struct dns_name *ret)
{
	fold_run(ret->wire, msg + pos, n, msg_len - pos, DNS_NAME_MAX);
	ret->len = (uint8_t)n;
}

int dns_name_parse(const uint8_t *msg, size_t msg_len, size_t *pos, struct dns_name *ret)
{
	size_t end;

	if (!dns_name_check(msg, msg_len, *pos, &end))
		return -EBADMSG;
	if (ret)
		dns_name_copy(msg, msg_len, *pos, ret);
	*pos = end;
	return 0;
}

/* One octet of a label as text, escaped or not. Advances *text; -1 for a bad escape. */
static int text_octet(const char **text)
{
	const char *s = *text;
	unsigned int value;

	if (*s != '\\') {
		*text = s + 1;
		return fold1((uint8_t)*s);
	}
	s++;
	if (*s < '0' || *s > '9') {
		*text = s + 1;
		return *s ? fold1((uint8_t)*s) : -1;
	}
	if (s[1] < '0' || s[1] > '9' || s[2] < '0' || s[2] > '9')
		return -1;
	value = (unsigned int)(s[0] - '0') * 100 + (unsigned int)(s[1] - '0') * 10 +
		(unsigned int)(s[2] - '0');
	*text = s + 3;
	return value <= 255 ? fold1((uint8_t)value) : -1;
}

int dns_name_from_text(const char *text, struct dns_name *ret)
{
	struct dns_name name = { 0 };
	size_t label = 0, len = 1; /* where the length octet is, where the next octet goes */

	if (text[0] == '.' && text[1] == '\0')
		text++;
	else if (!*text)
		return -EINVAL;
	while (*text) {
		int octet;

		if (*text == '.') {
			if (len == label + 1) /* an empty label */
				return -EINVAL;
			label = len++;
			text++;
			if (label >= DNS_NAME_MAX)
				return -EINVAL;
			name.wire[label] = 0;
			continue;
		}
		octet = text_octet(&text);
		if (octet < 0 || len - label > LABEL_MAX || len >= DNS_NAME_MAX)
			return -EINVAL;
		name.wire[len++] = (uint8_t)octet;
		name.wire[label]++;
	}
	if (len > label + 1) { /* no final dot */
		if (len >= DNS_NAME_MAX)
			return -EINVAL;
		name.wire[len++] = 0;
	}
	name.len = (uint8_t)len;
	*ret = name;
	return 0;
}

static char *format_octet(char *p, uint8_t c)
{
	if (c == '.' || c == '\\') {
		*p++ = '\\';
		*p++ = (char)c;
	} else if (c >= '!' && c <= '~') {
		*p++ = (char)c;
	} else {
		*p++ = '\\';
		*p++ = (char)('0' + c / 100);
		*p++ = (char)('0' + c / 10 % 10);
		*p++ = (char)('0' + c % 10);
	}
	return p;
}

size_t dns_name_format(const struct dns_name *name, char *buf)
{
	const uint8_t *w = name->wire;
	char *p = buf;

	while (*w) {
		const uint8_t *end = w + *w + 1;

		if (p != buf)
			*p++ = '.';
		for (w++; w < end; w++)
			p = format_octet(p, *w);
	}
	if (p == buf)
		*p++ = '.';
	*p = '\0';
	return (size_t)(p - buf);
}

bool dns_name_within(const struct dns_name *name, const struct dns_name *zone)
{
	size_t pos = 0;

	/* whole labels only: the tail of equal length must begin at a label */
	while (name->len - pos > zone->len)
		pos += name->wire[pos] + 1U;
	return name->len - pos == zone->len && memcmp(name->wire + pos, zone->wire, zone->len) == 0;
}

unsigned int dns_name_labels(const struct dns_name *name)
{
	unsigned int n = 0;

	for (size_t pos = 0; pos < name->len && name->wire[pos]; pos += name->wire[pos] + 1U)
		n++;
	return n;
}

struct dns_name dns_name_parent(const struct dns_name *name, unsigned int n)
{
	struct dns_name parent;
	size_t pos = 0;

	while (n-- > 0 && name->wire[pos])
		pos += name->wire[pos] + 1U;
	parent.len = (uint8_t)(name->len - pos);
	memcpy(parent.wire, name->wire + pos, parent.len);
	return parent;
}
