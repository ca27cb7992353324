/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames for tests, put together layer by layer; lengths and counts are filled in at the end. */
#ifndef TESTS_BPF_LIBPACKET_H
#define TESTS_BPF_LIBPACKET_H

#include <stddef.h>
#include <stdint.h>

#define PACKET_MAX 70000

struct packet {
	uint8_t b[PACKET_MAX];
	size_t len;
	size_t fix[16]; /* places where a length is missing */
	uint8_t fix_kind[16]; /* enum in libpacket.c */
	size_t fixes;
	size_t dns; /* where the message begins */
};

void packet_init(struct packet *p);
void packet_bytes(struct packet *p, const void *bytes, size_t n);
void packet_u8(struct packet *p, uint8_t v);
void packet_u16(struct packet *p, uint16_t v);
void packet_u32(struct packet *p, uint32_t v);

void packet_ethernet(struct packet *p, uint16_t type);
void packet_vlan(struct packet *p, uint16_t id, uint16_t type); /* after one of type 8100/88a8 */
void packet_pppoe(struct packet *p, uint16_t ppp_proto);
void packet_mpls(struct packet *p, uint32_t label, int last);
/* @fragment: flags and offset as in the header; @options: octets, a multiple of four */
void packet_ipv4(struct packet *p, uint8_t proto, uint16_t fragment, size_t options);
void packet_ipv6(struct packet *p, uint8_t next);
void packet_ipv6_ext(struct packet *p, uint8_t next, size_t bytes); /* a multiple of eight */
void packet_ipv6_fragment(struct packet *p, uint8_t next, uint16_t offset_more, uint32_t id);
void packet_gre(struct packet *p, uint16_t flags, uint16_t type);
void packet_udp(struct packet *p, uint16_t sport, uint16_t dport);
void packet_tcp(struct packet *p, uint16_t sport, uint16_t dport, uint8_t flags);
/* Fill in the lengths. */
void packet_done(struct packet *p);

/* DNS: a header (counts are kept up to date by what follows), names as text with final dot. */
void packet_dns(struct packet *p, uint16_t id, uint16_t flags);
void packet_name(struct packet *p, const char *text);
void packet_pointer(struct packet *p, uint16_t target);
void packet_question(struct packet *p, const char *name, uint16_t type);
/* @section 1 answer, 2 authority, 3 additional; owner is a pointer unless 0, then the root */
void packet_record(struct packet *p, int section, uint16_t owner, uint16_t type, uint32_t ttl,
		   const void *rdata, size_t rdlength);
void packet_a(struct packet *p, int section, uint16_t owner, uint32_t ttl, const char *addr);
void packet_aaaa(struct packet *p, int section, uint16_t owner, uint32_t ttl, const char *addr);
/* NS or CNAME: labels of @prefix, then a pointer (0: the root). Returns where the rdata begins. */
uint16_t packet_target(struct packet *p, int section, uint16_t owner, uint16_t type, uint32_t ttl,
		       const char *prefix, uint16_t pointer);

/* Ethernet, IPv4, UDP 53 → 40000, response to @qname A. Add records, then packet_done(). */
void packet_response(struct packet *p, const char *qname);

#endif
