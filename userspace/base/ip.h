/* SPDX-License-Identifier: BSD-2-Clause */
/* IP addresses and prefixes as values: 16 bytes, network order, IPv4 mapped (RFC 4291 2.5.5.2). */
#ifndef BASE_IP_H
#define BASE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ip_addr {
	uint8_t b[16];
};

struct ip_prefix {
	struct ip_addr addr; /* host bits zero */
	uint8_t bits; /* 0..128 of the mapped form: an IPv4 /24 is 120 */
};

#define IP_TEXT_MAX 46 /* INET6_ADDRSTRLEN */

static inline struct ip_addr ip_from_v4(const uint8_t v4[4])
{
	struct ip_addr a = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff } };

	memcpy(a.b + 12, v4, 4);
	return a;
}

static inline struct ip_addr ip_from_v6(const uint8_t v6[16])
{
	struct ip_addr a;

	memcpy(a.b, v6, 16);
	return a;
}

static inline bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a->b, b->b, 16) == 0;
}

static inline bool ip_is_v4(const struct ip_addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}

static inline bool ip_is_unspecified(const struct ip_addr *a)
{
	static const uint8_t none[16];

	return memcmp(a->b + 12, none, 4) == 0 &&
	       (ip_is_v4(a) || memcmp(a->b, none, sizeof(none)) == 0);
}

/* Globally reachable unicast by the IANA special-purpose registries (RFC 6890 and updates);
 * 198.18.0.0/15, documentation, private, shared and link-local ranges are not. */
bool ip_is_global(const struct ip_addr *a);

/* The address with all but the first @bits of the mapped form cleared. */
struct ip_addr ip_mask(const struct ip_addr *a, unsigned int bits);

/* Text: dotted quad for mapped IPv4, RFC 5952 otherwise. @buf holds IP_TEXT_MAX bytes; returns
 * @buf. */
char *ip_format(const struct ip_addr *a, char *buf);

/* 0, or -EINVAL when @text is no address; @ret untouched then. */
int ip_parse(const char *text, struct ip_addr *ret);

/* "192.0.2.0/24", "2001:db8::/32" or a lone address. -EINVAL on bad text or host bits set. */
int ip_prefix_parse(const char *text, struct ip_prefix *ret);
char *ip_prefix_format(const struct ip_prefix *p, char *buf); /* IP_TEXT_MAX + 4 bytes */
bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a);

#endif
