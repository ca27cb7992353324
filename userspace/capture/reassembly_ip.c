// SPDX-License-Identifier: BSD-2-Clause
/*
 * IP packets from fragments. A packet's octets are collected in one buffer that grows with the
 * furthest fragment, and the ranges present are kept sorted; any overlap condemns the packet.
 */
#include "capture/reassembly_impl.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define RANGES_MAX     128 /* 65,535 octets in fragments of the smallest MTU of IPv4 in use, 576 */
#define IP_PAYLOAD_MAX 65535U
#define EXTENSIONS_MAX 8
#define UDP_HEADER     8U
#define TCP_HEADER     20U
#define BUFFER_FIRST   4096U

struct range {
	uint32_t from, to; /* to: one behind */
};

struct ip_packet {
	uint64_t key;
	struct order_node node;
	struct reassembly *owner;
	uint64_t started_ns;
	uint8_t *bytes;
	uint32_t cap;
	uint32_t total; /* 0: the last fragment has not been seen */
	uint32_t present;
	bool has_first; /* the fragment at offset 0, which comes from a DNS port or is too short */
	bool condemned; /* later pieces are swallowed until the time is over */
	bool is_apart; /* in the order of the condemned, which hold no memory */
	uint8_t proto; /* as the first fragment says, RFC 8200 4.5 */
	uint16_t ranges_len, ranges_cap;
	uint32_t pieces;
	struct range *ranges;
};

static struct ip_packet *packet_of(struct order_node *n)
{
	return (struct ip_packet *)((char *)n - offsetof(struct ip_packet, node));
}

static size_t packet_memory(const struct ip_packet *p)
{
	return p->cap + p->ranges_cap * sizeof(*p->ranges);
}

static void free_bytes(struct ip_packet *p)
{
	p->owner->packets_bytes -= packet_memory(p);
	free(p->bytes);
	free(p->ranges);
	p->bytes = NULL;
	p->ranges = NULL;
	p->cap = 0;
	p->ranges_cap = p->ranges_len = 0;
}

/* Called for every entry that leaves the table, for whatever reason. */
static void forget(void *ctx, void *entry)
{
	struct reassembly *r = ctx;
	struct ip_packet *p = entry;

	free_bytes(p);
	order_remove(p->is_apart ? &r->packets_condemned : &r->packets_order, &p->node);
}

/* The table makes room, or memory is short. */
static void give_up(struct reassembly *r, struct ip_packet *p, unsigned int reason)
{
	if (p->condemned)
		return;
	if (p->has_first)
		reassembly_refuse(r, p->started_ns, NULL, reason);
	else
		r->stats.ignored += p->pieces;
}

static void evicted(void *ctx, void *entry)
{
	struct reassembly *r = ctx;
	struct ip_packet *p = entry;

	/* table_remove() is always called on condemned entries: what is not, was pushed out */
	if (!p->condemned) {
		r->stats.evicted_fragments++;
		give_up(r, p, FT_REASON_FRAGMENT_LIMIT);
	}
	forget(ctx, entry);
}

static void drop(struct reassembly *r, struct ip_packet *p)
{
	p->condemned = true;
	table_remove(r->packets, p);
}

int fragments_new(struct reassembly *r)
{
	/* each that is waited for holds a buffer; four times as many may be condemned ones */
	size_t packets = r->cfg.max_fragments_bytes / BUFFER_FIRST * 4;

	return table_new(sizeof(struct ip_packet), packets, evicted, r, &r->packets);
}

static uint64_t key_of(const struct reassembly *r, const struct ft_fragment *f)
{
	struct {
		uint8_t src[16], dst[16];
		uint16_t vlan[FT_MAX_VLANS];
		uint32_t id;
		uint8_t proto, version, pad[2];
	} tuple = { .id = f->id, .proto = f->pkt.ip_proto, .version = f->pkt.ip_version };

	memcpy(tuple.src, f->pkt.src, 16);
	memcpy(tuple.dst, f->pkt.dst, 16);
	memcpy(tuple.vlan, f->pkt.vlan, sizeof(tuple.vlan));
	/* RFC 8200 4.5: of IPv6 the next header may differ between fragments */
	if (tuple.version == 6)
		tuple.proto = 0;
	return hash_keyed(&r->cfg.key, &tuple, sizeof(tuple)) | 1;
}

static void condemn(struct reassembly *r, struct ip_packet *p, const struct ft_fragment *f,
		    unsigned int reason)
{
	free_bytes(p);
	order_remove(&r->packets_order, &p->node);
	order_append(&r->packets_condemned, &p->node);
	p->condemned = p->is_apart = true;
	reassembly_refuse(r, f->hdr.time_ns, &f->pkt, reason);
}

/* Make the oldest packets go until @more bytes fit; never @keep. */
static bool make_room(struct reassembly *r, size_t more, const struct ip_packet *keep)
{
	while (r->packets_bytes + more > r->cfg.max_fragments_bytes) {
		struct order_node *n = r->packets_order.first;

		if (n && packet_of(n) == keep)
			n = n->next;
		if (!n)
			return false;
		r->stats.evicted_fragments++;
		give_up(r, packet_of(n), FT_REASON_FRAGMENT_LIMIT);
		drop(r, packet_of(n));
	}
	return true;
}

static bool reserve_bytes(struct reassembly *r, struct ip_packet *p, uint32_t end)
{
	uint32_t cap = p->cap ? p->cap : BUFFER_FIRST;
	uint8_t *bigger;

	if (end <= p->cap)
		return true;
	while (cap < end)
		cap *= 2;
	if (!make_room(r, cap - p->cap, p))
		return false;
	bigger = realloc(p->bytes, cap);
	if (!bigger)
		return false;
	r->packets_bytes += cap - p->cap;
	p->bytes = bigger;
	p->cap = cap;
	return true;
}

static bool reserve_range(struct reassembly *r, struct ip_packet *p)
{
	uint16_t cap = p->ranges_cap ? (uint16_t)(p->ranges_cap * 2) : 8;
	size_t more = (size_t)(cap - p->ranges_cap) * sizeof(*p->ranges);
	struct range *bigger;

	if (p->ranges_len < p->ranges_cap)
		return true;
	if (cap > RANGES_MAX || !make_room(r, more, p))
		return false;
	bigger = realloc(p->ranges, cap * sizeof(*p->ranges));
	if (!bigger)
		return false;
	r->packets_bytes += more;
	p->ranges = bigger;
	p->ranges_cap = cap;
	return true;
}

enum fit { FIT_NEW, FIT_REPEATED, FIT_OVERLAP };

/* Where [from, to) goes among the ranges; *ret_at is its place when new. */
static enum fit find_place(const struct ip_packet *p, const struct ft_fragment *f, uint16_t *ret_at)
{
	uint32_t from = f->offset, to = from + f->payload_bytes;
	uint16_t i = p->ranges_len;

	while (i > 0 && p->ranges[i - 1].from >= to)
		i--;
	*ret_at = i;
	if (i == 0 || p->ranges[i - 1].to <= from)
		return FIT_NEW;
	i--;
	/* ranges are kept one a fragment, so that a repetition can be told from an overlap */
	if (p->ranges[i].from == from && p->ranges[i].to == to &&
	    memcmp(p->bytes + from, f->payload, f->payload_bytes) == 0)
		return FIT_REPEATED;
	return FIT_OVERLAP;
}

/* The end of the packet, as the last fragment says, against all other fragments. */
static bool is_end_consistent(struct ip_packet *p, const struct ft_fragment *f)
{
	uint32_t to = (uint32_t)f->offset + f->payload_bytes;

	if (!f->more) {
		if (p->total && p->total != to)
			return false;
		if (p->ranges_len && p->ranges[p->ranges_len - 1].to > to)
			return false;
		p->total = to;
	}
	return !p->total || to <= p->total;
}

/* FT_REASON_NONE when the fragment is in, or repeated; *ret_new then tells. */
static unsigned int insert(struct reassembly *r, struct ip_packet *p, const struct ft_fragment *f)
{
	uint32_t from = f->offset, to = from + f->payload_bytes;
	uint16_t at;

	if (to > IP_PAYLOAD_MAX || !f->payload_bytes)
		return FT_REASON_BAD_IP_HEADER;
	if (!is_end_consistent(p, f))
		return FT_REASON_FRAGMENT_OVERLAP;
	switch (find_place(p, f, &at)) {
	case FIT_OVERLAP:
		return FT_REASON_FRAGMENT_OVERLAP;
	case FIT_REPEATED:
		r->stats.ignored++;
		return FT_REASON_NONE;
	case FIT_NEW:
		break;
	}
	if (!reserve_bytes(r, p, to) || !reserve_range(r, p))
		return FT_REASON_FRAGMENT_LIMIT;
	memmove(p->ranges + at + 1, p->ranges + at,
		(size_t)(p->ranges_len - at) * sizeof(*p->ranges));
	p->ranges[at] = (struct range){ from, to };
	p->ranges_len++;
	p->present += f->payload_bytes;
	p->pieces++;
	memcpy(p->bytes + from, f->payload, f->payload_bytes);
	if (from == 0) {
		p->has_first = true;
		p->proto = f->pkt.ip_proto;
	}
	return FT_REASON_NONE;
}

static bool is_dns_port(const struct reassembly *r, const uint8_t *port)
{
	for (size_t i = 0; i < r->cfg.ports_len; i++)
		if (r->cfg.ports[i] == load16(port))
			return true;
	return false;
}

static void complete_udp(struct reassembly *r, const uint8_t *udp, size_t n,
			 const struct ft_packet *pkt, uint64_t time_ns)
{
	size_t udp_len = n >= UDP_HEADER ? load16(udp + 4) : 0;
	struct message_unit unit = { .time_ns = time_ns, .pkt = pkt, .bytes = udp + UDP_HEADER };

	if (udp_len < UDP_HEADER || udp_len > n) {
		reassembly_refuse(r, time_ns, pkt, FT_REASON_BAD_UDP_LENGTH);
		return;
	}
	unit.len = udp_len - UDP_HEADER;
	if (unit.len < DNS_HEADER_BYTES) {
		reassembly_refuse(r, time_ns, pkt, FT_REASON_SHORT_DNS);
	} else if (!is_response(unit.bytes, unit.len)) {
		r->stats.ignored++;
	} else {
		r->stats.from_fragments++;
		r->ops.message(r->ctx, &unit);
	}
}

static void complete_tcp(struct reassembly *r, const uint8_t *tcp, size_t n,
			 const struct ft_packet *pkt, uint64_t time_ns)
{
	size_t header = n >= TCP_HEADER ? (size_t)(tcp[12] >> 4) * 4 : 0;
	struct tcp_piece piece = { .time_ns = time_ns, .pkt = pkt };

	if (header < TCP_HEADER || header > n) {
		reassembly_refuse(r, time_ns, pkt, FT_REASON_BAD_TCP_HEADER);
		return;
	}
	piece.seq = (uint32_t)load16(tcp + 4) << 16 | load16(tcp + 6);
	piece.flags = tcp[13];
	piece.payload = tcp + header;
	piece.len = n - header;
	tcp_feed(r, &piece);
}

/*
 * Where the transport header begins: behind the extension headers that were fragmented with it
 * (RFC 8200 4.5), AH among them (RFC 4302 2.2). *proto becomes its protocol.
 */
static uint32_t transport_offset(const struct ip_packet *p, uint8_t *proto)
{
	uint32_t at = 0;

	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		bool is_ah = *proto == IPPROTO_AH;

		if (!is_ah && *proto != IPPROTO_HOPOPTS && *proto != IPPROTO_ROUTING &&
		    *proto != IPPROTO_DSTOPTS)
			break;
		if (p->total - at < 8)
			break;
		*proto = p->bytes[at];
		at += is_ah ? (p->bytes[at + 1] + 2U) * 4 : (p->bytes[at + 1] + 1U) * 8;
		if (at > p->total)
			return p->total;
	}
	return at;
}

/* Every octet is there. */
static void complete(struct reassembly *r, const struct ip_packet *p,
		     const struct ft_fragment *last)
{
	struct ft_packet pkt = last->pkt;
	const uint8_t *transport;
	uint32_t at;

	pkt.ip_proto = p->proto;
	at = transport_offset(p, &pkt.ip_proto);
	transport = p->bytes + at;
	if (p->total - at < 4 || !is_dns_port(r, transport) ||
	    (pkt.ip_proto != IPPROTO_UDP && pkt.ip_proto != IPPROTO_TCP)) {
		r->stats.ignored += p->pieces;
		return;
	}
	memcpy(&pkt.sport, transport, 2);
	memcpy(&pkt.dport, transport + 2, 2);
	if (pkt.ip_proto == IPPROTO_UDP)
		complete_udp(r, transport, p->total - at, &pkt, last->hdr.time_ns);
	else
		complete_tcp(r, transport, p->total - at, &pkt, last->hdr.time_ns);
}

static void finish(struct reassembly *r, struct ip_packet *p, const struct ft_fragment *last)
{
	complete(r, p, last);
	drop(r, p);
}

void fragments_feed(struct reassembly *r, const struct ft_fragment *f)
{
	unsigned int reason;
	struct ip_packet *p;
	bool is_new;

	fragments_tick(r, r->now_ns);
	p = table_put(r->packets, key_of(r, f), &is_new);
	if (is_new) {
		p->owner = r;
		p->started_ns = f->hdr.time_ns;
		order_append(&r->packets_order, &p->node);
	}
	if (p->condemned) {
		r->stats.ignored++;
		return;
	}
	reason = insert(r, p, f);
	if (reason != FT_REASON_NONE)
		condemn(r, p, f, reason);
	else if (p->total && p->present == p->total)
		finish(r, p, f);
}

static bool is_over(const struct reassembly *r, const struct ip_packet *p, uint64_t now_ns)
{
	return now_ns > p->started_ns && now_ns - p->started_ns > r->cfg.fragment_timeout_ns;
}

void fragments_tick(struct reassembly *r, uint64_t now_ns)
{
	struct order_node *n;

	while ((n = r->packets_order.first) && is_over(r, packet_of(n), now_ns)) {
		give_up(r, packet_of(n), FT_REASON_FRAGMENT_TIMEOUT);
		drop(r, packet_of(n));
	}
	while ((n = r->packets_condemned.first) && is_over(r, packet_of(n), now_ns))
		drop(r, packet_of(n));
}
