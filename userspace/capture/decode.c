// SPDX-License-Identifier: BSD-2-Clause
/*
 * The native engine: the link types of capture files, the decoder of the kernel programs
 * (bpf/decode.h), and the walk of dns/message.c in place of theirs.
 */
#include "capture/decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <decode.h>
#include "dns/message.h"

#define TTL_MAX 0x7fffffffU /* RFC 2181 8 */

/* https://www.tcpdump.org/linktypes.html */
enum link_type {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_PPP = 9,
	LINK_RAW_12 = 12, /* DLT_RAW of most systems, and of OpenBSD */
	LINK_RAW_14 = 14,
	LINK_PPP_HDLC = 50,
	LINK_PPP_ETHER = 51,
	LINK_RAW = 101,
	LINK_C_HDLC = 104,
	LINK_LOOP = 108,
	LINK_SLL = 113,
	LINK_ARCNET_LINUX = 129,
	LINK_MPLS = 219,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_NFLOG = 239,
	LINK_SLL2 = 276,
};

struct decoder {
	struct ft_ports ports;
	uint64_t counters[FT_COUNTER_MAX];
	struct dns_message walk;
	union { /* all begin with the same header and packet */
		struct ft_event_hdr hdr;
		struct ft_response response;
		struct ft_fragment fragment;
		struct ft_segment segment;
		struct ft_refused refused;
		struct ft_flow flow;
		uint8_t bytes[DECODE_RECORD_MAX];
	} rec;
	bool skip_walk;
	struct flow_watch *watch; /* NULL: connections are not looked at */
	void (*sync)(void *ctx);
	void *sync_ctx;
};

int decoder_new(const struct decode_config *cfg, struct decoder **ret)
{
	struct decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->ports.len = (uint32_t)cfg->ports_len;
	if (cfg->ports_len > FT_PORTS_MAX) {
		free(d);
		return -EINVAL;
	}
	memcpy(d->ports.port, cfg->ports, cfg->ports_len * sizeof(cfg->ports[0]));
	if (!cfg->ports_len) {
		d->ports.len = 1;
		d->ports.port[0] = 53;
	}
	dns_message_init(&d->walk);
	*ret = d;
	return 0;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	dns_message_fini(&d->walk);
	free(d);
}

const uint64_t *decoder_counters(const struct decoder *d)
{
	return d->counters;
}

/* --- link types ------------------------------------------------------------------------------ */

/* Address families of BSD and Linux: 2 is IPv4 everywhere, IPv6 has a number for each system. */
static bool is_ip_family(uint32_t family)
{
	return family == 2 || family == 10 || family == 24 || family == 28 || family == 30;
}

static int start_ethertype(struct ft_decode *d, uint16_t type, uint32_t header)
{
	d->layer = FT_LAYER_ETHERTYPE;
	d->proto = type;
	d->off = header;
	return 0;
}

static int start_ip(struct ft_decode *d, uint32_t header)
{
	d->layer = FT_LAYER_IP;
	d->off = header;
	return 0;
}

/* Four octets of address family, in the order of the machine that captured, whichever it was. */
static int start_null(struct ft_decode *d, const uint8_t *p)
{
	uint32_t family = ft_be32(p);
	uint16_t type = ft_be16(p + 2);

	/* some writers leave an EtherType in the second half */
	if (is_ip_family(family) || is_ip_family(__builtin_bswap32(family)) || type == 0x0800 ||
	    type == 0x86dd)
		return start_ip(d, 4);
	return ft_done(d, FT_KIND_NOT_DNS);
}

/* RFC 1662 3.1: address and control may stand before the protocol; or it is Cisco's HDLC. */
static int start_ppp(struct ft_decode *d, const uint8_t *p)
{
	if ((p[0] == 0x0f || p[0] == 0x8f) && p[1] == 0)
		return start_ethertype(d, ft_be16(p + 2), 4);
	d->layer = FT_LAYER_PPP;
	d->off = p[0] == 0xff && p[1] == 0x03 ? 2 : 0;
	return 0;
}

static int start_mpls(struct ft_decode *d)
{
	d->layer = FT_LAYER_MPLS;
	ft_enter_tunnel(d, FT_TUNNEL_MPLS);
	return 0;
}

/* Type 212 is IP with the header of RFC 1201 2.1: split flag and sequence. */
static int start_arcnet(struct ft_decode *d, const uint8_t *p)
{
	if (p[4] != 212)
		return ft_done(d, FT_KIND_NOT_DNS);
	if (p[5]) /* in parts */
		return ft_refuse(d, FT_REASON_SHORT_L2);
	return start_ip(d, 8);
}

/* Attributes of netfilter's log, in host order of the writer; 9 is the packet. */
static int start_nflog(struct ft_decode *d, const uint8_t *data, uint32_t captured)
{
	bool swapped = false;
	uint32_t off = 4;

	while (captured - off >= 4) {
		uint16_t n = (uint16_t)(data[off] | data[off + 1] << 8);
		uint16_t type = (uint16_t)(data[off + 2] | data[off + 3] << 8);

		/* the first attribute shows the order: none is as long as a swapped small one */
		if (off == 4)
			swapped = n >= 0x100 && !(n & 0xff);
		if (swapped) {
			n = __builtin_bswap16(n);
			type = __builtin_bswap16(type);
		}
		if (n < 4)
			break;
		if (type == 9)
			return start_ip(d, off + 4);
		n = (uint16_t)(n + (-n & 3));
		if (captured - off < n || !n)
			break;
		off += n;
	}
	return ft_done(d, FT_KIND_NOT_DNS);
}

/* Octets of the link header that start_link() looks at. */
static uint32_t link_header(int type)
{
	switch (type) {
	case LINK_NULL:
	case LINK_LOOP:
	case LINK_PPP:
	case LINK_PPP_HDLC:
	case LINK_C_HDLC:
	case LINK_NFLOG:
		return 4;
	case LINK_ARCNET_LINUX:
		return 8;
	case LINK_SLL:
		return 16;
	case LINK_SLL2:
		return 20;
	default:
		return 0;
	}
}

/* Set the first layer of @d; the header is there. Unknown types end it. */
static int start_link(struct ft_decode *d, int type, const uint8_t *p)
{
	switch (type) {
	case LINK_ETHERNET:
		return 0;
	case LINK_NULL:
	case LINK_LOOP:
		return start_null(d, p);
	case LINK_PPP:
	case LINK_PPP_HDLC:
		return start_ppp(d, p);
	case LINK_PPP_ETHER:
		return start_ethertype(d, 0x8864, 0);
	case LINK_RAW_12:
	case LINK_RAW_14:
	case LINK_RAW:
	case LINK_IPV4:
	case LINK_IPV6:
		return start_ip(d, 0);
	case LINK_C_HDLC:
		return start_ethertype(d, ft_be16(p + 2), 4);
	case LINK_SLL:
		return start_ethertype(d, ft_be16(p + 14), 16);
	case LINK_SLL2:
		return start_ethertype(d, ft_be16(p), 20);
	case LINK_ARCNET_LINUX:
		return start_arcnet(d, p);
	case LINK_MPLS:
		return start_mpls(d);
	case LINK_NFLOG:
		return start_nflog(d, p, d->captured);
	default:
		return ft_refuse(d, FT_REASON_UNKNOWN_LINK_TYPE);
	}
}

static void decode(struct ft_decode *d, const struct frame *f, const struct ft_ports *ports)
{
	uint32_t captured = f->captured < f->wire ? f->captured : f->wire;

	ft_decode_start(d, FT_LAYER_ETHERNET, captured, f->wire);
	d->pkt.ifindex = f->interface;
	d->pkt.direction = FT_DIR_CAPTURE;
	if (captured < link_header(f->link_type)) {
		ft_short(d, link_header(f->link_type), FT_REASON_SHORT_L2);
		return;
	}
	start_link(d, f->link_type, f->bytes);
	if (d->kind == FT_KIND_NOT_DNS && d->layer != FT_LAYER_DONE)
		ft_decode(d, f->bytes, ports);
}

/* --- records --------------------------------------------------------------------------------- */

/* The head that all records share, and the size rounded up, with what lies behind cleared. */
static void fill_head(struct decoder *d, const struct ft_decode *frame, const struct frame *f,
		      uint16_t kind, size_t bytes)
{
	size_t size = (bytes + 7) & ~(size_t)7;

	memset(d->rec.bytes + bytes, 0, size - bytes);
	d->rec.hdr = (struct ft_event_hdr){
		.kind = kind,
		.version = FT_EVENT_VERSION,
		.size = (uint32_t)size,
		.time_ns = f->time_ns,
	};
	d->rec.response.pkt = frame->pkt;
}

static void note_ttls(const struct dns_message *m, struct ft_response *rec)
{
	bool first = true;

	for (size_t i = 0; i < m->read[DNS_ANSWER]; i++) {
		const struct dns_rr *rr = &m->rrs[i];
		uint32_t ttl = rr->ttl <= TTL_MAX ? rr->ttl : 0;

		if (rr->class_ != 1 || (rr->type != DNS_TYPE_A && rr->type != DNS_TYPE_AAAA &&
					rr->type != DNS_TYPE_NS && rr->type != DNS_TYPE_CNAME))
			continue;
		if (first || ttl < rec->ttl_min)
			rec->ttl_min = ttl;
		if (first || ttl > rec->ttl_max)
			rec->ttl_max = ttl;
		first = false;
	}
}

void decoder_skip_walk(struct decoder *d)
{
	d->skip_walk = true;
}

static void fill_response(struct decoder *d, const struct ft_decode *frame, const struct frame *f)
{
	struct ft_response *rec = &d->rec.response;
	struct dns_message *m = &d->walk;

	memset(rec, 0, sizeof(*rec));
	rec->status = FT_REASON_NONE;
	fill_head(d, frame, f, FT_EVENT_RESPONSE, sizeof(*rec) + frame->payload_bytes);
	memcpy(rec->message, f->bytes + frame->payload, frame->payload_bytes);
	rec->message_bytes = (uint16_t)frame->payload_bytes;
	if (d->skip_walk || dns_message_parse(m, rec->message, frame->payload_bytes) == -ENOMEM)
		return; /* not walked: who reads it will parse it again and say so */
	rec->walked = 1;
	rec->status = (uint16_t)m->status;
	rec->novelty = m->status == FT_REASON_NONE ? FT_NOVELTY_UNFILTERED : FT_NOVELTY_BROKEN;
	rec->name_hash = dns_message_name_hash(m);
	rec->fingerprint = dns_message_fingerprint(m);
	memcpy(rec->records, m->read, sizeof(rec->records));
	note_ttls(m, rec);
}

static void fill_fragment(struct decoder *d, const struct ft_decode *frame, const struct frame *f)
{
	struct ft_fragment *rec = &d->rec.fragment;

	memset(rec, 0, sizeof(*rec));
	fill_head(d, frame, f, FT_EVENT_FRAGMENT, sizeof(*rec) + frame->payload_bytes);
	rec->id = frame->id;
	rec->offset = frame->fragment;
	rec->more = frame->more;
	rec->payload_bytes = (uint16_t)frame->payload_bytes;
	memcpy(rec->payload, f->bytes + frame->payload, frame->payload_bytes);
}

static void fill_segment(struct decoder *d, const struct ft_decode *frame, const struct frame *f)
{
	struct ft_segment *rec = &d->rec.segment;

	memset(rec, 0, sizeof(*rec));
	fill_head(d, frame, f, frame->kind == FT_KIND_DHCP ? FT_EVENT_DHCP : FT_EVENT_SEGMENT,
		  sizeof(*rec) + frame->payload_bytes);
	rec->seq = frame->seq;
	rec->ack = frame->ack;
	rec->flags = frame->flags;
	rec->payload_bytes = (uint16_t)frame->payload_bytes;
	memcpy(rec->payload, f->bytes + frame->payload, frame->payload_bytes);
}

static void fill_refused(struct decoder *d, const struct ft_decode *frame, const struct frame *f)
{
	struct ft_refused *rec = &d->rec.refused;

	memset(rec, 0, sizeof(*rec));
	fill_head(d, frame, f, FT_EVENT_REFUSED, sizeof(*rec));
	rec->reason = frame->reason;
}

void decoder_watch(struct decoder *d, struct flow_watch *w, void (*sync)(void *ctx), void *ctx)
{
	d->watch = w;
	d->sync = sync;
	d->sync_ctx = ctx;
}

/* As ft_watch_frame() of the kernel program does. */
static bool fill_flow(struct decoder *d, const struct ft_decode *frame, const struct frame *f)
{
	struct ft_flow *rec = &d->rec.flow;
	uint8_t event;

	if (!d->watch || !flow_watch_wants(frame->pkt.ip_proto, frame->flags))
		return false;
	if (d->sync)
		d->sync(d->sync_ctx);
	event = flow_watch_event(d->watch, &frame->pkt, frame->flags);
	if (!event)
		return false;
	memset(rec, 0, sizeof(*rec));
	fill_head(d, frame, f, FT_EVENT_FLOW, sizeof(*rec));
	rec->event = event;
	return true;
}

const struct dns_message *decoder_message(const struct decoder *d, const struct ft_response *rec)
{
	return rec == &d->rec.response && rec->walked ? &d->walk : NULL;
}

/* One counter for where the frame ends; see fluxtap/ledger.h for the sums. */
static void count(struct decoder *d, const struct ft_decode *frame)
{
	d->counters[FT_STAGE_SEEN]++;
	switch (frame->kind) {
	case FT_KIND_NOT_DNS:
	case FT_KIND_DHCP:
		d->counters[FT_STAGE_NOT_DNS]++;
		return;
	case FT_KIND_QUERY:
		d->counters[FT_STAGE_QUERY]++;
		return;
	case FT_KIND_REFUSED:
		d->counters[FT_STAGE_RESPONSE]++;
		d->counters[frame->reason]++;
		return;
	default:
		d->counters[FT_STAGE_RESPONSE]++;
		d->counters[FT_STAGE_EMITTED]++;
	}
}

void decoder_frame(struct decoder *d, const struct frame *f, record_fn fn, void *ctx)
{
	struct ft_decode frame;

	decode(&frame, f, &d->ports);
	/* jumbograms and offload: more than an IP packet, or its record, can hold */
	if ((frame.kind == FT_KIND_FRAGMENT || frame.kind == FT_KIND_SEGMENT) &&
	    frame.payload_bytes > UINT16_MAX)
		ft_refuse(&frame, FT_REASON_MESSAGE_TOO_LARGE);
	count(d, &frame);
	switch (frame.kind) {
	case FT_KIND_RESPONSE:
		fill_response(d, &frame, f);
		break;
	case FT_KIND_FRAGMENT:
		fill_fragment(d, &frame, f);
		break;
	case FT_KIND_SEGMENT:
	case FT_KIND_DHCP:
		fill_segment(d, &frame, f);
		break;
	case FT_KIND_REFUSED:
		fill_refused(d, &frame, f);
		break;
	case FT_KIND_NOT_DNS:
		if (!fill_flow(d, &frame, f))
			return;
		break;
	default:
		return;
	}
	fn(ctx, &d->rec.hdr);
}
