// SPDX-License-Identifier: BSD-2-Clause
/* See libframes.h. Each builder is a frame; the table says what becomes of it. */
#include "libframes.h"

#include <string.h>
#include <fluxtap/ledger.h>

#define QNAME 12

static void message(struct packet *p)
{
	packet_dns(p, 0x1234, 0x8180);
	packet_question(p, "www.example.com.", 1);
	packet_a(p, 1, QNAME, 60, "192.0.2.1");
	packet_a(p, 1, QNAME, 61, "192.0.2.2");
}

/* UDP from port 53 with a response, and the end of the frame. */
static void datagram(struct packet *p)
{
	packet_udp(p, 53, 40000);
	message(p);
	packet_done(p);
}

static void start4(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 17, 0, 0);
}

static void start6(struct packet *p, uint8_t next)
{
	packet_init(p);
	packet_ethernet(p, 0x86dd);
	packet_ipv6(p, next);
}

/* --- links ------------------------------------------------------------------------------------ */

static void plain4(struct packet *p)
{
	start4(p);
	datagram(p);
}

static void plain6(struct packet *p)
{
	start6(p, 17);
	datagram(p);
}

static void vlan(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x8100);
	packet_vlan(p, 7, 0x0800);
	packet_ipv4(p, 17, 0, 0);
	datagram(p);
}

/* 802.3 with @dsap (0xaa: SNAP) and @type behind it, a response, and padding. */
static void llc(struct packet *p, uint8_t dsap, uint16_t type)
{
	packet_init(p);
	packet_ethernet(p, 0);
	packet_u16(p, (uint16_t)(dsap << 8 | dsap));
	packet_u32(p, 0x03000000);
	packet_u16(p, type);
	packet_ipv4(p, 17, 0, 0);
	datagram(p);
	p->b[12] = (uint8_t)((p->len - 14) >> 8);
	p->b[13] = (uint8_t)(p->len - 14);
	packet_u32(p, 0xffffffff);
}

static void snap(struct packet *p)
{
	llc(p, 0xaa, 0x0800);
}

static void snap_vlan(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x8100);
	packet_vlan(p, 7, 500);
	packet_u32(p, 0xaaaa0300);
	packet_u32(p, 0x000086dd);
	packet_ipv6(p, 17);
	datagram(p);
}

static void llc_other(struct packet *p)
{
	llc(p, 0x42, 0x0800); /* spanning tree */
}

static void snap_cut(struct packet *p)
{
	llc(p, 0xaa, 0x0800);
	p->b[12] = 0;
	p->b[13] = 8 + 19; /* in the middle of the IP header */
}

static void vlans(struct packet *p, int n)
{
	packet_init(p);
	packet_ethernet(p, 0x88a8);
	for (int i = 1; i < n; i++)
		packet_vlan(p, (uint16_t)i, 0x8100);
	packet_vlan(p, (uint16_t)n, 0x86dd);
	packet_ipv6(p, 17);
	datagram(p);
}

static void vlans4(struct packet *p)
{
	vlans(p, 4);
}

static void vlans5(struct packet *p)
{
	vlans(p, 5);
}

static void pppoe(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x8864);
	packet_pppoe(p, 0x0021);
	packet_ipv4(p, 17, 0, 0);
	datagram(p);
}

static void mpls(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x8847);
	packet_mpls(p, 16, 0);
	packet_mpls(p, 17, 1);
	packet_ipv4(p, 17, 0, 0);
	datagram(p);
}

static void arp(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x0806);
	for (int i = 0; i < 46; i++)
		packet_u8(p, 0);
}

static void padded(struct packet *p)
{
	start4(p);
	packet_udp(p, 53, 40000);
	packet_dns(p, 1, 0x8180);
	packet_done(p);
	while (p->len < 74)
		packet_u8(p, 0xaa);
}

/* --- IP --------------------------------------------------------------------------------------- */

static void options(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 17, 0, 40);
	datagram(p);
}

static void bad_ihl(struct packet *p)
{
	plain4(p);
	p->b[14] = 0x44;
}

static void bad_version(struct packet *p)
{
	plain4(p);
	p->b[14] = 0x55;
}

static void short_total(struct packet *p)
{
	plain4(p);
	p->b[16] = 0;
	p->b[17] = 19;
}

static void cut_ip(struct packet *p)
{
	plain4(p);
	p->len = 30;
}

static void total_zero(struct packet *p)
{
	plain4(p);
	p->b[16] = p->b[17] = 0;
}

static void extensions6(struct packet *p)
{
	start6(p, 0);
	packet_ipv6_ext(p, 60, 8);
	packet_ipv6_ext(p, 43, 24);
	packet_ipv6_ext(p, 17, 8);
	datagram(p);
}

static void ah6(struct packet *p)
{
	start6(p, 51);
	packet_ipv6_ext(p, 17, 24); /* length field 2 means 16 octets there; fixed below */
	p->b[14 + 40 + 1] = 4;
	datagram(p);
}

static void nine_extensions(struct packet *p)
{
	start6(p, 60);
	for (int i = 0; i < 8; i++)
		packet_ipv6_ext(p, 60, 8);
	packet_ipv6_ext(p, 17, 8);
	datagram(p);
}

static void icmp(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 1, 0, 0);
	packet_u32(p, 0x03030000);
	packet_u32(p, 0);
	packet_ipv4(p, 17, 0, 0);
	datagram(p);
}

/* --- fragments -------------------------------------------------------------------------------- */

static void first4(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 17, 0x2000, 0);
	datagram(p);
}

static void first4_elsewhere(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 17, 0x2000, 0);
	packet_udp(p, 5000, 40000);
	message(p);
	packet_done(p);
}

static void later4(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 17, 185, 0);
	packet_bytes(p, "rest of a message", 17);
	packet_done(p);
}

static void first6(struct packet *p)
{
	start6(p, 44);
	packet_ipv6_fragment(p, 17, 1, 0x12345678);
	datagram(p);
}

static void later6(struct packet *p)
{
	start6(p, 44);
	packet_ipv6_fragment(p, 17, 1480, 0x12345678);
	packet_bytes(p, "rest of a message", 17);
	packet_done(p);
}

static void atomic6(struct packet *p)
{
	start6(p, 44);
	packet_ipv6_fragment(p, 17, 0, 0x12345678);
	datagram(p);
}

static void later_gre(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 47, 100, 0);
	packet_bytes(p, "inner", 5);
	packet_done(p);
}

/* --- tunnels ---------------------------------------------------------------------------------- */

static void gre(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 47, 0, 0);
	packet_gre(p, 0xb000, 0x0800);
	packet_ipv4(p, 17, 0, 0);
	datagram(p);
}

static void gre_bridged(struct packet *p)
{
	start6(p, 47);
	packet_gre(p, 0, 0x6558);
	packet_ethernet(p, 0x8100);
	packet_vlan(p, 99, 0x0800);
	packet_ipv4(p, 17, 0, 0);
	datagram(p);
}

static void gre_routing(struct packet *p)
{
	gre(p);
	p->b[34] |= 0x40;
}

static void erspan(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 47, 0, 0);
	packet_gre(p, 0x1000, 0x88be);
	packet_u32(p, 0x10640001);
	packet_u32(p, 0);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 17, 0, 0);
	datagram(p);
}

static void ipip(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 4, 0, 0);
	packet_ipv4(p, 17, 0, 0);
	datagram(p);
}

static void sixinfour(struct packet *p)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 41, 0, 0);
	packet_ipv6(p, 17);
	datagram(p);
}

static void nested(struct packet *p, int n)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	for (int i = 0; i < n; i++)
		packet_ipv4(p, 4, 0, 0);
	packet_ipv4(p, 17, 0, 0);
	datagram(p);
}

static void nested4(struct packet *p)
{
	nested(p, 4);
}

static void nested5(struct packet *p)
{
	nested(p, 5);
}

static void vxlan(struct packet *p)
{
	start4(p);
	packet_udp(p, 50000, 4789);
	packet_u32(p, 0x08000000);
	packet_u32(p, 77 << 8);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 17, 0, 0);
	datagram(p);
}

static void vxlan_not(struct packet *p)
{
	start4(p);
	packet_udp(p, 50000, 4789);
	packet_u32(p, 0);
	packet_u32(p, 1);
	packet_done(p);
}

static void geneve(struct packet *p)
{
	start6(p, 17);
	packet_udp(p, 50000, 6081);
	packet_u32(p, 0x02006558);
	packet_u32(p, 5 << 8);
	packet_u32(p, 0);
	packet_u32(p, 0);
	packet_ethernet(p, 0x86dd);
	packet_ipv6(p, 17);
	datagram(p);
}

static void gtpu(struct packet *p)
{
	start4(p);
	packet_udp(p, 2152, 2152);
	packet_u32(p, 0x34ff0400);
	packet_u32(p, 1);
	packet_u32(p, 0x00000085);
	packet_u32(p, 0x01000900);
	packet_ipv4(p, 17, 0, 0);
	datagram(p);
}

static void teredo(struct packet *p)
{
	start4(p);
	packet_udp(p, 3544, 50000);
	packet_u32(p, 0);
	packet_u32(p, 0);
	packet_ipv6(p, 17);
	datagram(p);
}

/* --- transport -------------------------------------------------------------------------------- */

static void udp_length(struct packet *p, uint16_t v)
{
	plain4(p);
	p->b[38] = (uint8_t)(v >> 8);
	p->b[39] = (uint8_t)v;
}

static void udp_length_small(struct packet *p)
{
	udp_length(p, 7);
}

static void udp_length_beyond(struct packet *p)
{
	udp_length(p, 4000);
}

static void short_dns(struct packet *p)
{
	udp_length(p, 19);
}

static void qr_zero(struct packet *p)
{
	plain4(p);
	p->b[p->dns + 2] &= 0x7f;
}

static void query(struct packet *p)
{
	start4(p);
	packet_udp(p, 40000, 53);
	packet_dns(p, 1, 0x0100);
	packet_question(p, "www.example.com.", 1);
	packet_done(p);
}

static void other_udp(struct packet *p)
{
	start4(p);
	packet_udp(p, 443, 40000);
	packet_bytes(p, "something else", 14);
	packet_done(p);
}

static void tcp(struct packet *p, uint16_t sport, uint16_t dport, uint8_t flags,
		const char *payload)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, 6, 0x4000, 0);
	packet_tcp(p, sport, dport, flags);
	packet_bytes(p, payload, strlen(payload));
	packet_done(p);
}

static void tcp_payload(struct packet *p)
{
	tcp(p, 53, 40000, 0x18, "not yet looked at");
}

static void tcp_synack(struct packet *p)
{
	tcp(p, 53, 40000, 0x12, "");
}

static void tcp_ack(struct packet *p)
{
	tcp(p, 53, 40000, 0x10, "");
}

static void tcp_query(struct packet *p)
{
	tcp(p, 40000, 53, 0x18, "question");
}

static void tcp_other(struct packet *p)
{
	tcp(p, 443, 40000, 0x18, "something else");
}

static void tcp_offset(struct packet *p)
{
	tcp_payload(p);
	p->b[14 + 20 + 12] = 0x40;
}

/* --- messages --------------------------------------------------------------------------------- */

static void rich(struct packet *p)
{
	uint16_t target, ns;

	start4(p);
	packet_udp(p, 53, 40000);
	packet_dns(p, 7, 0x8400);
	packet_question(p, "WWW.A-rather-long-label-that-goes-on.Example.COM.", 1);
	target = packet_target(p, 1, QNAME, 5, 300, "edge-17.of-a-pool-of-hosts.example.net", 0);
	packet_a(p, 1, target, 60, "192.0.2.1");
	packet_aaaa(p, 1, target, 60, "2001:db8::1");
	ns = packet_target(p, 2, (uint16_t)(target + 8), 2, 86400, "ns1", (uint16_t)(target + 8));
	packet_target(p, 2, (uint16_t)(target + 8), 2, 86400, "ns.elsewhere.example", 0);
	packet_a(p, 3, ns, 86400, "192.0.2.53");
	packet_aaaa(p, 3, ns, 0xffffffff, "2001:db8::53");
	packet_record(p, 3, 0, 41, 0, "", 0);
	packet_done(p);
}

static void many(struct packet *p)
{
	start6(p, 17);
	packet_udp(p, 53, 40000);
	packet_dns(p, 7, 0x8180);
	packet_question(p, "many.example.", 1);
	for (int i = 0; i < 60; i++)
		packet_a(p, 1 + i / 20, QNAME, (uint32_t)i, "192.0.2.1");
	packet_done(p);
}

/* the least that is walked in place */
static void root_question(struct packet *p)
{
	packet_response(p, ".");
	packet_done(p);
}

static void no_question(struct packet *p)
{
	start4(p);
	packet_udp(p, 53, 40000);
	packet_dns(p, 7, 0x8183);
	packet_done(p);
}

static void two_questions(struct packet *p)
{
	start4(p);
	packet_udp(p, 53, 40000);
	packet_dns(p, 7, 0x8180);
	packet_question(p, "one.example.", 1);
	packet_question(p, "two.example.", 28);
	packet_a(p, 1, QNAME, 5, "192.0.2.1");
	packet_done(p);
}

static void self_pointer(struct packet *p)
{
	start4(p);
	packet_udp(p, 53, 40000);
	packet_dns(p, 7, 0x8180);
	packet_question(p, "loop.example.", 1);
	packet_a(p, 1, 30, 5, "192.0.2.1"); /* the owner points at itself */
	packet_done(p);
}

static void bad_a(struct packet *p)
{
	start4(p);
	packet_udp(p, 53, 40000);
	packet_dns(p, 7, 0x8180);
	packet_question(p, "a.example.", 1);
	packet_a(p, 1, QNAME, 5, "192.0.2.1");
	packet_record(p, 1, QNAME, 1, 5, "\1\2\3", 3);
	packet_done(p);
}

static void large(struct packet *p)
{
	start4(p);
	packet_udp(p, 53, 40000);
	message(p);
	for (int i = 0; i < 4000; i++)
		packet_u8(p, (uint8_t)i); /* trailing octets */
	packet_done(p);
}

static const struct {
	const char *name;
	void (*build)(struct packet *);
	unsigned int end;
} frames[] = {
	{"IPv4", plain4, FT_STAGE_EMITTED},
	{"IPv6", plain6, FT_STAGE_EMITTED},
	{"VLAN", vlan, FT_STAGE_EMITTED},
	{"four VLANs", vlans4, FT_STAGE_EMITTED},
	{"five VLANs", vlans5, FT_REASON_VLAN_TOO_DEEP},
	{"PPPoE", pppoe, FT_STAGE_EMITTED},
	{"MPLS", mpls, FT_STAGE_EMITTED},
	{"802.3 SNAP", snap, FT_STAGE_EMITTED},
	{"802.3 SNAP, VLAN, IPv6", snap_vlan, FT_STAGE_EMITTED},
	{"802.3 LLC", llc_other, FT_STAGE_NOT_DNS},
	{"802.3 length in the IP header", snap_cut, FT_REASON_BAD_IP_HEADER},
	{"ARP", arp, FT_STAGE_NOT_DNS},
	{"padding", padded, FT_STAGE_EMITTED},
	{"IPv4 options", options, FT_STAGE_EMITTED},
	{"ihl 4", bad_ihl, FT_REASON_BAD_IP_HEADER},
	{"version 5", bad_version, FT_REASON_BAD_IP_HEADER},
	{"total length 19", short_total, FT_REASON_BAD_IP_HEADER},
	{"IPv4 header cut", cut_ip, FT_REASON_BAD_IP_HEADER},
	{"total length 0", total_zero, FT_STAGE_EMITTED},
	{"IPv6 extensions", extensions6, FT_STAGE_EMITTED},
	{"IPv6 AH", ah6, FT_STAGE_EMITTED},
	{"nine extensions", nine_extensions, FT_REASON_IPV6_EXT_TOO_DEEP},
	{"ICMP quoting", icmp, FT_STAGE_NOT_DNS},
	{"IPv4 first fragment", first4, FT_STAGE_EMITTED},
	{"IPv4 first fragment, other port", first4_elsewhere, FT_STAGE_NOT_DNS},
	{"IPv4 later fragment", later4, FT_STAGE_EMITTED},
	{"IPv6 first fragment", first6, FT_STAGE_EMITTED},
	{"IPv6 later fragment", later6, FT_STAGE_EMITTED},
	{"IPv6 atomic fragment", atomic6, FT_STAGE_EMITTED},
	{"later fragment of GRE", later_gre, FT_REASON_FRAGMENT_LATER},
	{"GRE", gre, FT_STAGE_EMITTED},
	{"GRE, Ethernet, VLAN", gre_bridged, FT_STAGE_EMITTED},
	{"GRE with routing", gre_routing, FT_REASON_BAD_TUNNEL_HEADER},
	{"ERSPAN II", erspan, FT_STAGE_EMITTED},
	{"IP in IP", ipip, FT_STAGE_EMITTED},
	{"6in4", sixinfour, FT_STAGE_EMITTED},
	{"four tunnels", nested4, FT_STAGE_EMITTED},
	{"five tunnels", nested5, FT_REASON_TUNNEL_TOO_DEEP},
	{"VXLAN", vxlan, FT_STAGE_EMITTED},
	{"port of VXLAN", vxlan_not, FT_STAGE_NOT_DNS},
	{"Geneve", geneve, FT_STAGE_EMITTED},
	{"GTP-U", gtpu, FT_STAGE_EMITTED},
	{"Teredo", teredo, FT_STAGE_EMITTED},
	{"UDP length 7", udp_length_small, FT_REASON_BAD_UDP_LENGTH},
	{"UDP length beyond", udp_length_beyond, FT_REASON_BAD_UDP_LENGTH},
	{"eleven octets", short_dns, FT_REASON_SHORT_DNS},
	{"QR=0", qr_zero, FT_STAGE_QUERY},
	{"query", query, FT_STAGE_QUERY},
	{"other UDP", other_udp, FT_STAGE_NOT_DNS},
	{"TCP payload", tcp_payload, FT_STAGE_EMITTED},
	{"TCP SYN/ACK", tcp_synack, FT_STAGE_EMITTED},
	{"TCP bare ACK", tcp_ack, FT_STAGE_NOT_DNS},
	{"TCP query", tcp_query, FT_STAGE_QUERY},
	{"other TCP", tcp_other, FT_STAGE_NOT_DNS},
	{"TCP data offset 4", tcp_offset, FT_REASON_BAD_TCP_HEADER},
	{"rich message", rich, FT_STAGE_EMITTED},
	{"sixty records", many, FT_STAGE_EMITTED},
	{"question for the root", root_question, FT_STAGE_EMITTED},
	{"no question", no_question, FT_STAGE_EMITTED},
	{"two questions", two_questions, FT_STAGE_EMITTED},
	{"pointer to itself", self_pointer, FT_STAGE_EMITTED},
	{"A of three octets", bad_a, FT_STAGE_EMITTED},
	{"4,000 octets more", large, FT_STAGE_EMITTED},
};

const size_t frame_kinds = sizeof(frames) / sizeof(frames[0]);

const char *frame_name(size_t i)
{
	return frames[i].name;
}

unsigned int frame_end(size_t i)
{
	return frames[i].end;
}

void frame_build(size_t i, struct packet *p)
{
	frames[i].build(p);
}
