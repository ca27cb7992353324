// SPDX-License-Identifier: BSD-2-Clause
/* See libpacket.h. */
#include "libpacket.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum fix { FIX_IPV4, FIX_IPV6, FIX_UDP, FIX_PPPOE };

void packet_init(struct packet *p)
{
	p->len = p->fixes = p->dns = 0;
}

void packet_bytes(struct packet *p, const void *bytes, size_t n)
{
	if (p->len + n > PACKET_MAX)
		abort();
	memcpy(p->b + p->len, bytes, n);
	p->len += n;
}

void packet_u8(struct packet *p, uint8_t v)
{
	packet_bytes(p, &v, 1);
}

void packet_u16(struct packet *p, uint16_t v)
{
	uint16_t be = htons(v);

	packet_bytes(p, &be, 2);
}

void packet_u32(struct packet *p, uint32_t v)
{
	uint32_t be = htonl(v);

	packet_bytes(p, &be, 4);
}

static void zeros(struct packet *p, size_t n)
{
	while (n--)
		packet_u8(p, 0);
}

/* A length field at @at is filled in by packet_done(). */
static void fix(struct packet *p, enum fix kind, size_t at)
{
	p->fix[p->fixes] = at;
	p->fix_kind[p->fixes++] = (uint8_t)kind;
}

static void set_u16(struct packet *p, size_t at, size_t v)
{
	p->b[at] = (uint8_t)(v >> 8);
	p->b[at + 1] = (uint8_t)v;
}

void packet_done(struct packet *p)
{
	for (size_t i = 0; i < p->fixes; i++) {
		size_t at = p->fix[i];

		if (p->fix_kind[i] == FIX_IPV4)
			set_u16(p, at, p->len - (at - 2));
		else if (p->fix_kind[i] == FIX_IPV6)
			set_u16(p, at, p->len - (at + 36));
		else if (p->fix_kind[i] == FIX_UDP)
			set_u16(p, at, p->len - (at - 4));
		else
			set_u16(p, at, p->len - (at + 2));
	}
}

/* --- links -------------------------------------------------------------------------------------
 */

void packet_ethernet(struct packet *p, uint16_t type)
{
	packet_bytes(p, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01", 12);
	packet_u16(p, type);
}

void packet_vlan(struct packet *p, uint16_t id, uint16_t type)
{
	packet_u16(p, (uint16_t)(0x2000 | id)); /* a priority, to be masked away */
	packet_u16(p, type);
}

void packet_pppoe(struct packet *p, uint16_t ppp_proto)
{
	packet_u16(p, 0x1100);
	packet_u16(p, 77);
	fix(p, FIX_PPPOE, p->len);
	packet_u16(p, 0);
	packet_u16(p, ppp_proto);
}

void packet_mpls(struct packet *p, uint32_t label, int last)
{
	packet_u32(p, label << 12 | (last ? 0x100u : 0) | 64);
}

/* --- IP ----------------------------------------------------------------------------------------
 */

void packet_ipv4(struct packet *p, uint8_t proto, uint16_t fragment, size_t options)
{
	packet_u16(p, (uint16_t)(0x4500 + (options / 4 << 8)));
	fix(p, FIX_IPV4, p->len);
	packet_u16(p, 0);
	packet_u16(p, 0xbeef);
	packet_u16(p, fragment);
	packet_u8(p, 61);
	packet_u8(p, proto);
	packet_u16(p, 0);
	packet_bytes(p, "\xc6\x12\x00\x35\xc6\x12\x01\x07", 8); /* 198.18.0.53, 198.18.1.7 */
	zeros(p, options);
}

void packet_ipv6(struct packet *p, uint8_t next)
{
	packet_u32(p, 0x60000000);
	fix(p, FIX_IPV6, p->len);
	packet_u16(p, 0);
	packet_u8(p, next);
	packet_u8(p, 62);
	packet_bytes(p, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x53", 16);
	packet_bytes(p, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07", 16);
}

void packet_ipv6_ext(struct packet *p, uint8_t next, size_t bytes)
{
	packet_u8(p, next);
	packet_u8(p, (uint8_t)(bytes / 8 - 1));
	zeros(p, bytes - 2);
}

void packet_ipv6_fragment(struct packet *p, uint8_t next, uint16_t offset_more, uint32_t id)
{
	packet_u8(p, next);
	packet_u8(p, 0);
	packet_u16(p, offset_more);
	packet_u32(p, id);
}

void packet_gre(struct packet *p, uint16_t flags, uint16_t type)
{
	packet_u16(p, flags);
	packet_u16(p, type);
	for (uint16_t bit = 0x8000; bit >= 0x1000; bit >>= 1)
		if (flags & bit)
			packet_u32(p, 1);
}

/* --- transport ---------------------------------------------------------------------------------
 */

void packet_udp(struct packet *p, uint16_t sport, uint16_t dport)
{
	packet_u16(p, sport);
	packet_u16(p, dport);
	fix(p, FIX_UDP, p->len);
	packet_u32(p, 0);
}

void packet_tcp(struct packet *p, uint16_t sport, uint16_t dport, uint8_t flags)
{
	packet_u16(p, sport);
	packet_u16(p, dport);
	packet_u32(p, 1000);
	packet_u32(p, 2000);
	packet_u8(p, 0x50);
	packet_u8(p, flags);
	packet_u16(p, 1024);
	packet_u32(p, 0);
}

/* --- DNS ---------------------------------------------------------------------------------------
 */

void packet_dns(struct packet *p, uint16_t id, uint16_t flags)
{
	p->dns = p->len;
	packet_u16(p, id);
	packet_u16(p, flags);
	zeros(p, 8);
}

static void count(struct packet *p, int section)
{
	size_t at = p->dns + 4 + 2 * (size_t)section;

	set_u16(p, at, (size_t)(p->b[at] << 8 | p->b[at + 1]) + 1);
}

static void labels(struct packet *p, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, ".");

		packet_u8(p, (uint8_t)n);
		packet_bytes(p, text, n);
		text += n + (text[n] == '.');
	}
}

void packet_name(struct packet *p, const char *text)
{
	labels(p, text);
	packet_u8(p, 0);
}

void packet_pointer(struct packet *p, uint16_t target)
{
	packet_u16(p, 0xc000 | target);
}

void packet_question(struct packet *p, const char *name, uint16_t type)
{
	count(p, 0);
	packet_name(p, name);
	packet_u16(p, type);
	packet_u16(p, 1);
}

static void owner_or_root(struct packet *p, uint16_t owner)
{
	if (owner)
		packet_pointer(p, owner);
	else
		packet_u8(p, 0);
}

void packet_record(struct packet *p, int section, uint16_t owner, uint16_t type, uint32_t ttl,
		   const void *rdata, size_t rdlength)
{
	count(p, section);
	owner_or_root(p, owner);
	packet_u16(p, type);
	packet_u16(p, 1);
	packet_u32(p, ttl);
	packet_u16(p, (uint16_t)rdlength);
	packet_bytes(p, rdata, rdlength);
}

void packet_a(struct packet *p, int section, uint16_t owner, uint32_t ttl, const char *addr)
{
	struct in_addr a;

	inet_pton(AF_INET, addr, &a);
	packet_record(p, section, owner, 1, ttl, &a, 4);
}

void packet_aaaa(struct packet *p, int section, uint16_t owner, uint32_t ttl, const char *addr)
{
	struct in6_addr a;

	inet_pton(AF_INET6, addr, &a);
	packet_record(p, section, owner, 28, ttl, &a, 16);
}

uint16_t packet_target(struct packet *p, int section, uint16_t owner, uint16_t type, uint32_t ttl,
		       const char *prefix, uint16_t pointer)
{
	size_t start;

	packet_record(p, section, owner, type, ttl, "", 0);
	start = p->len;
	labels(p, prefix);
	owner_or_root(p, pointer);
	set_u16(p, start - 2, p->len - start);
	return (uint16_t)(start - p->dns);
}

void packet_response(struct packet *p, const char *qname)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 17, 0, 0);
	packet_udp(p, 53, 40000);
	packet_dns(p, 0x1234, 0x8180);
	packet_question(p, qname, 1);
}
