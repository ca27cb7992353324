// SPDX-License-Identifier: BSD-2-Clause
#include "base/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct special_v4 {
	uint8_t net[4];
	uint8_t bits;
};

/* IANA IPv4 Special-Purpose Address Registry, entries that are not globally reachable;
 * multicast and the reserved upper block besides. */
static const struct special_v4 special_v4[] = {
	{ { 0, 0, 0, 0 }, 8 },	   { { 10, 0, 0, 0 }, 8 },	{ { 100, 64, 0, 0 }, 10 },
	{ { 127, 0, 0, 0 }, 8 },   { { 169, 254, 0, 0 }, 16 },	{ { 172, 16, 0, 0 }, 12 },
	{ { 192, 0, 0, 0 }, 24 },  { { 192, 0, 2, 0 }, 24 },	{ { 192, 168, 0, 0 }, 16 },
	{ { 198, 18, 0, 0 }, 15 }, { { 198, 51, 100, 0 }, 24 }, { { 203, 0, 113, 0 }, 24 },
	{ { 224, 0, 0, 0 }, 3 },
};

static bool v4_in(const uint8_t *a, const struct special_v4 *s)
{
	uint32_t addr = (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];
	uint32_t net = (uint32_t)s->net[0] << 24 | (uint32_t)s->net[1] << 16 |
		       (uint32_t)s->net[2] << 8 | s->net[3];

	return (addr ^ net) >> (32 - s->bits) == 0;
}

/* Nine in ten addresses need no look at the table. */
static bool may_be_special(uint8_t first)
{
	switch (first) {
	case 0:
	case 10:
	case 100:
	case 127:
	case 169:
	case 172:
	case 192:
	case 198:
	case 203:
		return true;
	default:
		return first >= 224;
	}
}

bool ip_is_global(const struct ip_addr *a)
{
	if (ip_is_v4(a)) {
		if (!may_be_special(a->b[12]))
			return true;
		for (size_t i = 0; i < sizeof(special_v4) / sizeof(special_v4[0]); i++)
			if (v4_in(a->b + 12, &special_v4[i]))
				return false;
		return true;
	}
	if ((a->b[0] & 0xe0) != 0x20) /* 2000::/3 is all that is assigned */
		return false;
	if (a->b[0] == 0x20 && a->b[1] == 0x01) {
		if (a->b[2] == 0x0d && a->b[3] == 0xb8) /* documentation, RFC 3849 */
			return false;
		if (a->b[2] == 0 && a->b[3] == 2) /* benchmarking, RFC 5180 */
			return false;
	}
	/* documentation, RFC 9637 */
	return !(a->b[0] == 0x3f && a->b[1] == 0xff && (a->b[2] & 0xf0) == 0);
}

struct ip_addr ip_mask(const struct ip_addr *a, unsigned int bits)
{
	struct ip_addr m = *a;
	unsigned int whole = bits / 8;

	if (bits >= 128)
		return m;
	if (bits % 8)
		m.b[whole] &= (uint8_t)(0xff << (8 - bits % 8)), whole++;
	memset(m.b + whole, 0, sizeof(m.b) - whole);
	return m;
}

char *ip_format(const struct ip_addr *a, char *buf)
{
	const uint8_t *v4 = a->b + 12;

	if (ip_is_v4(a))
		snprintf(buf, IP_TEXT_MAX, "%u.%u.%u.%u", v4[0], v4[1], v4[2], v4[3]);
	else
		inet_ntop(AF_INET6, a->b, buf, IP_TEXT_MAX);
	return buf;
}

int ip_parse(const char *text, struct ip_addr *ret)
{
	uint8_t raw[16];

	if (inet_pton(AF_INET, text, raw) == 1)
		*ret = ip_from_v4(raw);
	else if (inet_pton(AF_INET6, text, raw) == 1)
		*ret = ip_from_v6(raw);
	else
		return -EINVAL;
	return 0;
}

int ip_prefix_parse(const char *text, struct ip_prefix *ret)
{
	char addr_text[IP_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	struct ip_addr addr, masked;
	unsigned long bits, max;
	char *end;

	if (n >= sizeof(addr_text))
		return -EINVAL;
	memcpy(addr_text, text, n);
	addr_text[n] = '\0';
	if (ip_parse(addr_text, &addr))
		return -EINVAL;
	max = strchr(addr_text, ':') ? 128 : 32;
	bits = max;
	if (slash) {
		if (slash[1] < '0' || slash[1] > '9')
			return -EINVAL;
		bits = strtoul(slash + 1, &end, 10);
		if (*end || bits > max)
			return -EINVAL;
	}
	bits += 128 - max;
	masked = ip_mask(&addr, (unsigned int)bits);
	if (!ip_equal(&masked, &addr))
		return -EINVAL;
	ret->addr = addr;
	ret->bits = (uint8_t)bits;
	return 0;
}

char *ip_prefix_format(const struct ip_prefix *p, char *buf)
{
	bool v4 = ip_is_v4(&p->addr) && p->bits >= 96;
	size_t n;

	ip_format(&p->addr, buf);
	n = strlen(buf);
	snprintf(buf + n, IP_TEXT_MAX + 4 - n, "/%u", v4 ? p->bits - 96U : p->bits);
	return buf;
}

bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a)
{
	struct ip_addr masked = ip_mask(a, p->bits);

	return ip_equal(&masked, &p->addr);
}
