// SPDX-License-Identifier: BSD-2-Clause
/*
 * TCP streams from DNS servers (RFC 1035 4.2.2, RFC 7766): messages behind a length of two
 * octets each, however the segments cut them. What is in order and whole is handed on from the
 * segment itself; only a message in parts and what waits behind a hole is copied.
 */
#include "capture/reassembly_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FLAG_FIN 1
#define FLAG_SYN 2
#define FLAG_RST 4

#define WAITING_BYTES_MAX (256U << 10) /* behind one hole of one stream */
#define WAITING_MAX	  256
#define HOLE_WAIT_NS	  5000000000ULL /* the third retransmission is out by then (RFC 6298) */
#define TICK_NS		  250000000ULL
#define FAR_AWAY	  (1 << 20) /* no answer is so far ahead: another connection */
#define PART_FIRST	  512U
#define PREFIX		  2U

/* A segment behind a hole. */
struct waiting {
	struct waiting *next;
	uint64_t time_ns;
	uint32_t seq;
	uint32_t len;
	bool fin;
	uint8_t bytes[];
};

struct tcp_stream {
	uint64_t key;
	struct order_node node;
	struct order_node holder; /* among those that hold memory, by since when */
	bool is_holder;
	uint64_t last_ns; /* of the last segment */
	uint64_t hole_ns; /* since when something waits */
	struct waiting *waiting; /* by seq, no overlap among them resolved */
	uint32_t waiting_bytes, waiting_len;
	uint32_t next_seq;
	bool synced; /* next_seq is the start of a message when part_len is 0 */
	bool guessed; /* so it seemed, but no SYN said so: look again at each message */
	bool closed; /* by FIN or RST; stays for a while, so that repetitions are known as such */
	bool idle; /* timed out: holds nothing, is in no order, waits to be overwritten */
	bool ending; /* removed on purpose: not an eviction */
	struct ft_packet pkt; /* of the first segment */
	uint8_t *part; /* a message in parts, with its length before it */
	uint32_t part_len, part_cap;
};

static struct tcp_stream *stream_of(struct order_node *n)
{
	return (struct tcp_stream *)((char *)n - offsetof(struct tcp_stream, node));
}

static struct tcp_stream *holder_of(struct order_node *n)
{
	return (struct tcp_stream *)((char *)n - offsetof(struct tcp_stream, holder));
}

/* --- memory ---------------------------------------------------------------------------------- */

/* Whoever needs room finds those that have some without looking at all the others. */
static void note_holder(struct reassembly *r, struct tcp_stream *s)
{
	bool holds = s->part || s->waiting;

	if (holds == s->is_holder)
		return;
	s->is_holder = holds;
	if (holds)
		order_append(&r->streams_holding, &s->holder);
	else
		order_remove(&r->streams_holding, &s->holder);
}

static void free_part(struct reassembly *r, struct tcp_stream *s)
{
	r->streams_bytes -= s->part_cap;
	free(s->part);
	s->part = NULL;
	s->part_len = s->part_cap = 0;
}

static struct waiting *take_waiting(struct reassembly *r, struct tcp_stream *s)
{
	struct waiting *w = s->waiting;

	s->waiting = w->next;
	s->waiting_len--;
	s->waiting_bytes -= w->len;
	r->streams_bytes -= sizeof(*w) + w->len;
	return w;
}

/* Called for every entry that leaves the table. */
static void forget(void *ctx, void *entry)
{
	struct reassembly *r = ctx;
	struct tcp_stream *s = entry;

	if (!s->ending && !s->closed && !s->idle) {
		r->stats.evicted_streams++;
		if (s->part_len || s->waiting)
			reassembly_refuse(r, s->last_ns, &s->pkt, FT_REASON_TCP_LIMIT);
	}
	free_part(r, s);
	while (s->waiting)
		free(take_waiting(r, s));
	note_holder(r, s);
	if (!s->idle)
		order_remove(&r->streams_order, &s->node);
}

int tcp_new(struct reassembly *r)
{
	return table_new(sizeof(struct tcp_stream), r->cfg.max_tcp_streams, forget, r, &r->streams);
}

static void end_stream(struct reassembly *r, struct tcp_stream *s)
{
	s->ending = true;
	table_remove(r->streams, s);
}

/* Make the streams that hold memory for longest go until @more bytes fit; never @keep. */
static bool make_room(struct reassembly *r, size_t more, const struct tcp_stream *keep)
{
	while (r->streams_bytes + more > r->cfg.max_tcp_bytes) {
		struct order_node *n = r->streams_holding.first;
		struct tcp_stream *s;

		if (n && holder_of(n) == keep)
			n = n->next;
		if (!n)
			return false;
		s = holder_of(n);
		r->stats.evicted_streams++;
		reassembly_refuse(r, s->last_ns, &s->pkt, FT_REASON_TCP_LIMIT);
		end_stream(r, s);
	}
	return true;
}

/* --- messages -------------------------------------------------------------------------------- */

/* Where the octets at hand come from. */
struct source {
	const struct ft_packet *pkt;
	uint64_t time_ns;
};

static void emit(struct reassembly *r, const struct source *src, const uint8_t *msg, size_t len)
{
	struct message_unit unit = {
		.time_ns = src->time_ns, .pkt = src->pkt, .bytes = msg, .len = len
	};

	if (len < DNS_HEADER_BYTES) {
		reassembly_refuse(r, src->time_ns, src->pkt, FT_REASON_SHORT_DNS);
	} else if (!is_response(msg, len)) {
		r->stats.ignored++;
	} else {
		r->stats.from_tcp++;
		r->ops.message(r->ctx, &unit);
	}
}

static bool reserve_part(struct reassembly *r, struct tcp_stream *s, uint32_t len)
{
	uint32_t cap = s->part_cap ? s->part_cap : PART_FIRST;
	uint8_t *bigger;

	if (len <= s->part_cap)
		return true;
	while (cap < len)
		cap *= 2;
	if (!make_room(r, cap - s->part_cap, s))
		return false;
	bigger = realloc(s->part, cap);
	if (!bigger)
		return false;
	r->streams_bytes += cap - s->part_cap;
	s->part = bigger;
	s->part_cap = cap;
	return true;
}

/* Nothing says any more where a message begins. */
static void lose_sync(struct reassembly *r, struct tcp_stream *s, const struct source *src,
		      unsigned int reason)
{
	free_part(r, s);
	s->synced = false;
	reassembly_refuse(r, src->time_ns, src->pkt, reason);
}

/* Move up to what completes the length, then the message. Returns how many octets were taken. */
static size_t extend_part(struct reassembly *r, struct tcp_stream *s, const struct source *src,
			  const uint8_t *p, size_t n)
{
	uint32_t want = s->part_len < PREFIX ? PREFIX : PREFIX + load16(s->part);
	size_t take = want - s->part_len;

	if (take > n)
		take = n;
	if (!reserve_part(r, s, s->part_len + (uint32_t)take)) {
		lose_sync(r, s, src, FT_REASON_TCP_LIMIT);
		return n;
	}
	memcpy(s->part + s->part_len, p, take);
	s->part_len += (uint32_t)take;
	if (s->part_len >= PREFIX && s->part_len == PREFIX + load16(s->part)) {
		emit(r, src, s->part + PREFIX, s->part_len - PREFIX);
		free_part(r, s);
	}
	return take;
}

/*
 * Does this begin like a message? A length that holds a header, QR=1, a known opcode, Z=0 (RFC
 * 1035 4.1.1, RFC 4035 3.2), and at most one question. A segment of the length alone passes: the
 * header of the next message will tell.
 */
static bool is_plausible(const uint8_t *p, size_t n)
{
	if (n < PREFIX || load16(p) < DNS_HEADER_BYTES)
		return false;
	if (n == PREFIX)
		return true;
	return n >= PREFIX + 6 && p[4] & 0x80 && (p[4] >> 3 & 15) <= 6 && !(p[5] & 0x40) &&
	       load16(p + 6) <= 1;
}

/* @n octets in order, of a stream in step. */
static void take_octets(struct reassembly *r, struct tcp_stream *s, const struct source *src,
			const uint8_t *p, size_t n)
{
	while (n && s->synced) {
		size_t whole = n >= PREFIX ? PREFIX + (size_t)load16(p) : 0, taken;

		if (s->guessed && !s->part_len && n >= PREFIX + 6 && !is_plausible(p, n)) {
			lose_sync(r, s, src, FT_REASON_TCP_GAP);
			return;
		}
		if (!s->part_len && whole && whole <= n) {
			emit(r, src, p + PREFIX, whole - PREFIX);
			taken = whole;
		} else {
			taken = extend_part(r, s, src, p, n);
		}
		p += taken;
		n -= taken;
	}
}

/* Octets at s->next_seq. */
static void advance(struct reassembly *r, struct tcp_stream *s, const struct source *src,
		    const uint8_t *p, size_t n)
{
	s->next_seq += (uint32_t)n;
	if (!s->synced) {
		if (!is_plausible(p, n)) {
			r->stats.ignored++;
			return;
		}
		s->synced = s->guessed = true;
	}
	take_octets(r, s, src, p, n);
}

/* --- order ----------------------------------------------------------------------------------- */

/* Keep a segment for later, sorted; of two that begin alike the longer one. */
static void keep_waiting(struct reassembly *r, struct tcp_stream *s, const struct tcp_piece *piece)
{
	struct waiting **at = &s->waiting, *w;
	size_t bytes = sizeof(*w) + piece->len;

	while (*at && (int32_t)((*at)->seq - piece->seq) < 0)
		at = &(*at)->next;
	if (*at && (*at)->seq == piece->seq && (*at)->len >= piece->len)
		return;
	w = make_room(r, bytes, s) ? malloc(bytes) : NULL;
	if (!w) {
		reassembly_refuse(r, piece->time_ns, piece->pkt, FT_REASON_TCP_LIMIT);
		return;
	}
	*w = (struct waiting){
		.next = *at,
		.time_ns = piece->time_ns,
		.seq = piece->seq,
		.len = (uint32_t)piece->len,
		.fin = piece->flags & FLAG_FIN,
	};
	if (piece->len)
		memcpy(w->bytes, piece->payload, piece->len);
	*at = w;
	if (!s->waiting_len++)
		s->hole_ns = piece->time_ns;
	s->waiting_bytes += w->len;
	r->streams_bytes += bytes;
}

/*
 * Hand on what is in order now; what the segment of time @now_ns completed has its time, what
 * stands behind a hole (0) has its own. True when the stream came to its end.
 */
static bool drain(struct reassembly *r, struct tcp_stream *s, uint64_t now_ns)
{
	bool fin = false;

	while (s->waiting && (int32_t)(s->waiting->seq - s->next_seq) <= 0) {
		struct waiting *w = take_waiting(r, s);
		uint32_t old = s->next_seq - w->seq;
		struct source src = { .pkt = &s->pkt, .time_ns = now_ns ? now_ns : w->time_ns };

		if (old < w->len)
			advance(r, s, &src, w->bytes + old, w->len - old);
		fin |= w->fin && old <= w->len;
		free(w);
	}
	if (s->waiting)
		s->hole_ns = s->waiting->time_ns;
	return fin;
}

/* The hole before what waits will not be filled: go on behind it, at a plausible place. */
static bool jump_hole(struct reassembly *r, struct tcp_stream *s)
{
	struct source src = { .pkt = &s->pkt, .time_ns = s->waiting->time_ns };

	lose_sync(r, s, &src, FT_REASON_TCP_GAP);
	s->next_seq = s->waiting->seq;
	return drain(r, s, 0);
}

/* Read what can be read of a stream that is over; it stays in the table, closed. */
static void close_stream(struct reassembly *r, struct tcp_stream *s)
{
	struct source src = { .pkt = &s->pkt, .time_ns = s->last_ns };

	while (s->waiting)
		jump_hole(r, s);
	if (s->part_len)
		lose_sync(r, s, &src, FT_REASON_TCP_GAP);
	s->closed = true;
}

/* --- segments -------------------------------------------------------------------------------- */

static uint64_t key_of(const struct reassembly *r, const struct ft_packet *pkt)
{
	struct {
		uint8_t src[16], dst[16];
		__be16 sport, dport;
		uint16_t vlan[FT_MAX_VLANS];
		uint8_t pad[4];
	} tuple = { .sport = pkt->sport, .dport = pkt->dport };

	memcpy(tuple.src, pkt->src, 16);
	memcpy(tuple.dst, pkt->dst, 16);
	memcpy(tuple.vlan, pkt->vlan, sizeof(tuple.vlan));
	return hash_keyed(&r->cfg.key, &tuple, sizeof(tuple)) | 1;
}

static struct tcp_stream *add_stream(struct reassembly *r, const struct tcp_piece *piece)
{
	bool is_new;
	struct tcp_stream *s = table_put(r->streams, key_of(r, piece->pkt), &is_new);

	order_append(&r->streams_order, &s->node);
	s->pkt = *piece->pkt;
	s->next_seq = piece->seq;
	s->synced = piece->flags & FLAG_SYN;
	return s;
}

/* A SYN, or a number out of any reach, begins another connection between the same ports. */
static bool is_other_connection(const struct tcp_stream *s, const struct tcp_piece *piece)
{
	int32_t ahead = (int32_t)(piece->seq - s->next_seq);

	if (ahead > FAR_AWAY || ahead < -FAR_AWAY)
		return true;
	/* a repeated SYN points at or behind what has been read */
	return piece->flags & FLAG_SYN && (ahead > 0 || s->closed);
}

/* The stream of a segment, made when the segment may begin one, or NULL. */
static struct tcp_stream *stream_for(struct reassembly *r, const struct tcp_piece *piece)
{
	struct tcp_stream *s = table_get(r->streams, key_of(r, piece->pkt));

	if (s && is_other_connection(s, piece)) {
		close_stream(r, s);
		end_stream(r, s);
		s = NULL;
	}
	if (!s) {
		if (!(piece->flags & FLAG_SYN) && !is_plausible(piece->payload, piece->len))
			return NULL;
		s = add_stream(r, piece);
	} else {
		if (!s->idle)
			order_remove(&r->streams_order, &s->node);
		s->idle = false;
		order_append(&r->streams_order, &s->node);
	}
	s->last_ns = piece->time_ns;
	return s;
}

/* A segment at or before the place that is expected. True when it ends the stream. */
static bool take_segment(struct reassembly *r, struct tcp_stream *s, const struct tcp_piece *piece)
{
	struct source src = { .pkt = piece->pkt, .time_ns = piece->time_ns };
	uint32_t old = s->next_seq - piece->seq;
	bool fin = piece->flags & FLAG_FIN && old <= piece->len;

	if (old < piece->len)
		advance(r, s, &src, piece->payload + old, piece->len - old);
	else if (piece->len)
		r->stats.ignored++;
	return drain(r, s, piece->time_ns) || fin;
}

static bool is_older(uint64_t then_ns, uint64_t now_ns, uint64_t limit_ns)
{
	return now_ns > then_ns && now_ns - then_ns > limit_ns;
}

static bool must_jump(const struct tcp_stream *s, uint64_t now_ns)
{
	return s->waiting &&
	       (s->waiting_bytes > WAITING_BYTES_MAX || s->waiting_len > WAITING_MAX ||
		is_older(s->hole_ns, now_ns, HOLE_WAIT_NS));
}

static void feed_stream(struct reassembly *r, struct tcp_stream *s, const struct tcp_piece *piece)
{
	bool over = false;

	if ((int32_t)(piece->seq - s->next_seq) <= 0)
		over = take_segment(r, s, piece);
	else
		keep_waiting(r, s, piece);
	while (!over && must_jump(s, piece->time_ns))
		over = jump_hole(r, s);
	if (over)
		close_stream(r, s);
	note_holder(r, s);
}

void tcp_feed(struct reassembly *r, const struct tcp_piece *given)
{
	struct tcp_piece piece = *given;
	struct tcp_stream *s;

	/* the SYN takes one number before the payload (RFC 9293 3.4) */
	if (piece.flags & FLAG_SYN)
		piece.seq++;
	if (piece.flags & FLAG_RST) {
		s = table_get(r->streams, key_of(r, piece.pkt));
		if (s && !s->closed) {
			close_stream(r, s);
			note_holder(r, s);
		}
		return;
	}
	s = stream_for(r, &piece);
	if (s && !s->closed)
		feed_stream(r, s, &piece);
	else if (piece.len)
		r->stats.ignored++;
}

/*
 * A stream that times out gives back its memory, but its place is kept while nobody needs the
 * entry: what is repeated much later is still known as a repetition.
 */
static void put_to_rest(struct reassembly *r, struct tcp_stream *s)
{
	bool was_closed = s->closed;

	close_stream(r, s);
	s->closed = was_closed;
	s->idle = true;
	order_remove(&r->streams_order, &s->node);
}

void tcp_tick(struct reassembly *r, uint64_t now_ns)
{
	struct order_node *n = r->streams_order.first, *next;

	if (now_ns < r->tcp_tick_ns)
		return;
	r->tcp_tick_ns = now_ns < UINT64_MAX - TICK_NS ? now_ns + TICK_NS : now_ns;
	for (; n; n = next) {
		struct tcp_stream *s = stream_of(n);

		if (!is_older(s->last_ns, now_ns, HOLE_WAIT_NS))
			break;
		while (s->waiting)
			if (jump_hole(r, s))
				s->closed = true;
		next = n->next; /* only now: the jumps may have pushed others out */
		if (is_older(s->last_ns, now_ns, r->cfg.tcp_timeout_ns))
			put_to_rest(r, s);
		note_holder(r, s);
	}
}
