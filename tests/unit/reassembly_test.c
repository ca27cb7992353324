// SPDX-License-Identifier: BSD-2-Clause
/* capture/reassembly*: what streams and fragments become, in any order and against any limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include "capture/reassembly.h"

#define SECOND 1000000000ULL

/* What came out. */
struct seen {
	struct reassembly *r;
	size_t messages, refused[FT_COUNTER_MAX];
	uint16_t ids[64];
	size_t lens[64];
	uint64_t time_ns;
	struct ft_packet pkt;
};

static void on_message(void *ctx, const struct message_unit *unit)
{
	struct seen *s = ctx;

	assert_true(unit->len >= 12 && unit->bytes[2] & 0x80);
	if (s->messages < 64) {
		s->ids[s->messages] = (uint16_t)(unit->bytes[0] << 8 | unit->bytes[1]);
		s->lens[s->messages] = unit->len;
	}
	for (size_t i = 12; i < unit->len; i++) /* see put_message() */
		assert_int_equal(unit->bytes[i], (uint8_t)(i + unit->bytes[1]));
	s->messages++;
	s->time_ns = unit->time_ns;
	s->pkt = *unit->pkt;
}

static void on_refused(void *ctx, uint64_t time_ns, const struct ft_packet *pkt,
		       unsigned int reason)
{
	struct seen *s = ctx;

	(void)time_ns;
	(void)pkt;
	assert_non_null(reason_name(reason));
	s->refused[reason]++;
}

static void start(struct seen *s, const struct reassembly_config *given)
{
	const struct reassembly_ops ops = { .message = on_message, .refused = on_refused };
	struct reassembly_config cfg = given ? *given : reassembly_config_default();

	memset(s, 0, sizeof(*s));
	cfg.key = hash_key_fixed;
	assert_int_equal(reassembly_new(&cfg, &ops, s, &s->r), 0);
}

static void stop(struct seen *s)
{
	reassembly_tick(s->r, UINT64_MAX);
	assert_int_equal(reassembly_stats(s->r)->bytes_pending, 0);
	reassembly_free(s->r);
}

/* A response of @len octets whose content can be checked. */
static void put_message(uint8_t *p, uint16_t id, size_t len)
{
	static const uint8_t rest[10] = { 0x81, 0x80, 0, 1 };

	p[0] = (uint8_t)(id >> 8);
	p[1] = (uint8_t)id;
	memcpy(p + 2, rest, sizeof(rest));
	for (size_t i = 12; i < len; i++)
		p[i] = (uint8_t)(i + id);
}

/* --- TCP ------------------------------------------------------------------------------------- */

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static uint8_t stream[70000];
static size_t stream_len;

static void put_stream(uint16_t id, size_t len)
{
	stream[stream_len] = (uint8_t)(len >> 8);
	stream[stream_len + 1] = (uint8_t)len;
	put_message(stream + stream_len + 2, id, len);
	stream_len += 2 + len;
}

static struct ft_packet packet(uint8_t proto, uint16_t client)
{
	struct ft_packet pkt = {
		.src = { [10] = 0xff, 0xff, 192, 0, 2, 53 },
		.dst = { [10] = 0xff, 0xff, 198, 51, 100, 1 },
		.sport = htons(53),
		.dport = htons(client),
		.ip_version = 4,
		.ip_proto = proto,
	};

	return pkt;
}

struct segment {
	struct ft_segment head;
	uint8_t payload[66000];
};

static void feed_segment_of(struct seen *s, uint16_t client, uint32_t seq, uint8_t flags,
			    const uint8_t *bytes, size_t len, uint64_t time_ns)
{
	static struct segment rec;

	memset(&rec.head, 0, sizeof(rec.head));
	rec.head.hdr.kind = FT_EVENT_SEGMENT;
	rec.head.hdr.version = FT_EVENT_VERSION;
	rec.head.hdr.size = (uint32_t)((sizeof(rec.head) + len + 7) & ~7UL);
	rec.head.hdr.time_ns = time_ns;
	rec.head.pkt = packet(6, client);
	rec.head.seq = seq;
	rec.head.flags = flags;
	rec.head.payload_bytes = (uint16_t)len;
	if (len)
		memcpy(rec.head.payload, bytes, len);
	assert_true(record_valid(&rec, rec.head.hdr.size));
	reassembly_feed(s->r, &rec.head.hdr);
}

#define ISN   0xfffffff0U /* numbers wrap soon */
#define FIRST (ISN + 1)

/* Octets [from, to) of the stream. */
static void feed(struct seen *s, size_t from, size_t to, uint8_t flags)
{
	feed_segment_of(s, 40000, (uint32_t)(FIRST + from), ACK | flags, stream + from, to - from,
			SECOND);
}

static void feed_syn(struct seen *s)
{
	feed_segment_of(s, 40000, ISN, SYN | ACK, NULL, 0, SECOND);
}

static void expect(const struct seen *s, size_t messages, size_t gaps)
{
	assert_int_equal(s->messages, messages);
	assert_int_equal(s->refused[FT_REASON_TCP_GAP], gaps);
	for (size_t i = 0; i < messages; i++)
		assert_int_equal(s->ids[i], i + 1);
}

static void three_messages(void)
{
	stream_len = 0;
	put_stream(1, 40);
	put_stream(2, 12);
	put_stream(3, 300);
}

static void stream_cut_at_each_place(void **state)
{
	struct seen s;

	(void)state;
	three_messages();
	for (size_t cut = 0; cut <= stream_len; cut++) {
		start(&s, NULL);
		feed_syn(&s);
		feed(&s, 0, cut, 0);
		feed(&s, cut, stream_len, FIN);
		expect(&s, 3, 0);
		assert_int_equal(reassembly_stats(s.r)->from_tcp, 3);
		stop(&s);
	}
	start(&s, NULL);
	feed_syn(&s);
	for (size_t i = 0; i < stream_len; i++)
		feed(&s, i, i + 1, 0);
	expect(&s, 3, 0);
	stop(&s);
}

/* All orders of four pieces, the FIN on the last. */
static void stream_in_any_order(void **state)
{
	static const size_t cuts[5] = { 0, 1, 50, 60, 358 };
	struct seen s;

	(void)state;
	three_messages();
	assert_int_equal(stream_len, cuts[4]);
	for (unsigned int order = 0; order < 256; order++) {
		unsigned int used = 0;

		for (unsigned int i = 0; i < 4; i++)
			used |= 1U << (order >> 2 * i & 3);
		if (used != 15)
			continue;
		start(&s, NULL);
		feed_syn(&s);
		for (unsigned int i = 0; i < 4; i++) {
			unsigned int piece = order >> 2 * i & 3;

			feed(&s, cuts[piece], cuts[piece + 1], piece == 3 ? FIN : 0);
		}
		expect(&s, 3, 0);
		stop(&s);
	}
}

static void stream_repeated_and_overlapping(void **state)
{
	struct seen s;

	(void)state;
	three_messages();
	start(&s, NULL);
	feed_syn(&s);
	feed_syn(&s);
	feed(&s, 0, 30, 0);
	feed(&s, 0, 30, 0);
	feed(&s, 10, 50, 0); /* overlaps what was read */
	feed(&s, 100, 200, 0); /* waits */
	feed(&s, 100, 150, 0); /* inside what waits */
	feed(&s, 90, 250, 0); /* around it */
	feed_syn(&s);
	feed(&s, 50, 358, 0);
	expect(&s, 3, 0);
	feed(&s, 300, 358, FIN);
	feed(&s, 0, 358, 0); /* a repetition after the end */
	feed(&s, 0, 358, FIN);
	expect(&s, 3, 0);
	/* the same ports again */
	feed_segment_of(&s, 40000, 5000, SYN | ACK, NULL, 0, 2 * SECOND);
	feed_segment_of(&s, 40000, 5001, ACK, stream, 42, 2 * SECOND);
	assert_int_equal(s.messages, 4);
	stop(&s);
}

static void stream_with_a_hole(void **state)
{
	struct seen s;

	(void)state;
	stream_len = 0;
	put_stream(1, 40);
	put_stream(99, 100); /* octets 42 to 144, partly lost */
	put_stream(2, 60);
	put_stream(3, 60);
	start(&s, NULL);
	feed_syn(&s);
	feed(&s, 0, 80, 0);
	feed(&s, 144, 206, 0);
	feed(&s, 206, 268, 0);
	expect(&s, 1, 0);
	reassembly_tick(s.r, 5 * SECOND);
	expect(&s, 1, 0);
	reassembly_tick(s.r, 7 * SECOND);
	expect(&s, 3, 1);
	/* what fills the hole afterwards is too late */
	feed(&s, 80, 144, 0);
	expect(&s, 3, 1);
	stop(&s);

	/* behind the hole nothing begins: counted once, and nothing is made up */
	start(&s, NULL);
	feed_syn(&s);
	feed(&s, 0, 80, 0);
	feed(&s, 100, 130, FIN);
	reassembly_tick(s.r, UINT64_MAX);
	assert_int_equal(s.messages, 1);
	assert_int_equal(s.refused[FT_REASON_TCP_GAP], 1);
	stop(&s);
}

static void stream_from_the_middle(void **state)
{
	struct seen s;

	(void)state;
	three_messages();
	start(&s, NULL);
	feed(&s, 10, 42, 0); /* the tail of a message */
	assert_int_equal(s.messages, 0);
	assert_int_equal(reassembly_stats(s.r)->ignored, 1);
	feed(&s, 42, 200, 0);
	feed(&s, 200, 358, 0);
	assert_int_equal(s.messages, 2);
	assert_int_equal(s.ids[0], 2);
	stop(&s);

	/* the length in a segment of its own */
	start(&s, NULL);
	feed(&s, 0, 2, 0);
	feed(&s, 2, 42, 0);
	expect(&s, 1, 0);
	stop(&s);
}

static void stream_cut_off(void **state)
{
	static const uint8_t flags[] = { FIN, RST };
	struct seen s;

	(void)state;
	three_messages();
	for (size_t i = 0; i < 2; i++) {
		start(&s, NULL);
		feed_syn(&s);
		feed(&s, 0, 50, 0);
		feed(&s, 50, 50, flags[i]);
		expect(&s, 1, 1);
		assert_int_equal(reassembly_stats(s.r)->bytes_pending, 0);
		stop(&s);
	}
}

static void stream_of_queries_and_short_messages(void **state)
{
	struct seen s;

	(void)state;
	three_messages();
	stream[4] &= 0x7f; /* QR=0 */
	start(&s, NULL);
	feed_syn(&s);
	feed(&s, 0, stream_len, 0);
	assert_int_equal(s.messages, 2);
	assert_int_equal(reassembly_stats(s.r)->ignored, 1);
	stop(&s);

	start(&s, NULL);
	feed_syn(&s);
	feed_segment_of(&s, 40000, FIRST, ACK, (const uint8_t *)"\0\3abc\0\0", 7, SECOND);
	assert_int_equal(s.refused[FT_REASON_SHORT_DNS], 2);
	stop(&s);
}

static void stream_of_the_largest_message(void **state)
{
	struct seen s;

	(void)state;
	stream_len = 0;
	put_stream(1, 65535);
	start(&s, NULL);
	feed_syn(&s);
	for (size_t i = 0; i < stream_len; i += 1460)
		feed(&s, i, i + 1460 < stream_len ? i + 1460 : stream_len, 0);
	expect(&s, 1, 0);
	assert_int_equal(s.lens[0], 65535);
	stop(&s);
}

/* Half-open streams, each with the start of a large message, and holes: memory stays bounded. */
static void stream_flood_is_bounded(void **state)
{
	struct reassembly_config cfg = reassembly_config_default();
	const struct reassembly_stats *st;
	struct seen s;

	(void)state;
	cfg.max_tcp_streams = 1024;
	cfg.max_tcp_bytes = 1 << 20;
	stream_len = 0;
	put_stream(1, 65535);
	start(&s, &cfg);
	st = reassembly_stats(s.r);
	for (uint32_t i = 0; i < 30000; i++) {
		uint16_t client = (uint16_t)(1024 + i);

		feed_segment_of(&s, client, 1, SYN | ACK, NULL, 0, SECOND);
		feed_segment_of(&s, client, 2, ACK, stream, 1000 + i % 3000, SECOND);
		feed_segment_of(&s, client, 20000, ACK, stream, 1000, SECOND);
		assert_true(st->bytes_pending <= cfg.max_tcp_bytes);
	}
	assert_true(st->evicted_streams > 28000);
	assert_int_equal(s.messages, 0);
	/* one connection in the midst of it is still read */
	three_messages();
	feed_segment_of(&s, 1000, 1, SYN | ACK, NULL, 0, SECOND);
	feed_segment_of(&s, 1000, 2, ACK, stream, 100, SECOND);
	feed_segment_of(&s, 1000, 102, ACK, stream + 100, stream_len - 100, SECOND);
	assert_int_equal(s.messages, 3);
	stop(&s);
}

/* One stream cannot keep more than its share waiting. */
static void stream_hole_is_bounded(void **state)
{
	struct seen s;

	(void)state;
	three_messages();
	start(&s, NULL);
	feed_syn(&s);
	for (uint32_t i = 0; i < 1000; i++)
		feed_segment_of(&s, 40000, FIRST + 1000 + 2 * i, ACK, stream, 1, SECOND);
	assert_true(reassembly_stats(s.r)->bytes_pending < 64 << 10);
	assert_true(s.refused[FT_REASON_TCP_GAP] > 0);
	stop(&s);
}

/* --- fragments ------------------------------------------------------------------------------- */

static uint8_t datagram[65535];
static size_t datagram_len;

static void put_datagram(uint16_t id, size_t dns_len)
{
	datagram_len = 8 + dns_len;
	memcpy(datagram,
	       (uint8_t[]){ 0, 53, 0x9c, 0x40, (uint8_t)(datagram_len >> 8), (uint8_t)datagram_len,
			    0, 0 },
	       8);
	put_message(datagram + 8, id, dns_len);
}

struct fragment {
	struct ft_fragment head;
	uint8_t payload[66000];
};

static void feed_fragment_at(struct seen *s, uint32_t id, size_t from, size_t to, uint64_t time_ns,
			     uint8_t proto)
{
	static struct fragment rec;
	size_t len = to - from;

	memset(&rec.head, 0, sizeof(rec.head));
	rec.head.hdr.kind = FT_EVENT_FRAGMENT;
	rec.head.hdr.version = FT_EVENT_VERSION;
	rec.head.hdr.size = (uint32_t)((sizeof(rec.head) + len + 7) & ~7UL);
	rec.head.hdr.time_ns = time_ns;
	rec.head.pkt = packet(proto, 40000);
	if (from)
		rec.head.pkt.sport = rec.head.pkt.dport = 0;
	rec.head.id = id;
	rec.head.offset = (uint16_t)from;
	rec.head.more = to < datagram_len;
	rec.head.payload_bytes = (uint16_t)len;
	memcpy(rec.head.payload, datagram + from, len);
	assert_true(record_valid(&rec, rec.head.hdr.size));
	reassembly_feed(s->r, &rec.head.hdr);
}

static void feed_fragment(struct seen *s, uint32_t id, size_t from, size_t to)
{
	feed_fragment_at(s, id, from, to, SECOND, 17);
}

static void fragments_in_any_order(void **state)
{
	static const size_t cuts[4] = { 0, 8, 1000, 2008 };
	static const unsigned int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
						   { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct seen s;

	(void)state;
	put_datagram(1, 2000);
	for (size_t o = 0; o < 6; o++) {
		start(&s, NULL);
		for (size_t i = 0; i < 3; i++) {
			unsigned int piece = orders[o][i];

			feed_fragment(&s, 7, cuts[piece], cuts[piece + 1]);
			/* exact repetitions do not count */
			if (i < 2)
				feed_fragment(&s, 7, cuts[piece], cuts[piece + 1]);
		}
		assert_int_equal(s.messages, 1);
		assert_int_equal(s.lens[0], 2000);
		assert_int_equal(ntohs(s.pkt.sport), 53);
		assert_int_equal(ntohs(s.pkt.dport), 40000);
		assert_int_equal(reassembly_stats(s.r)->from_fragments, 1);
		stop(&s);
	}
}

static void fragments_overlapping(void **state)
{
	static const size_t bad[][2] = { { 8, 64 }, { 56, 72 }, { 40, 48 }, { 0, 2008 } };
	struct seen s;

	(void)state;
	put_datagram(1, 2000);
	for (size_t i = 0; i < 4; i++) {
		start(&s, NULL);
		feed_fragment(&s, 7, 0, 64);
		feed_fragment(&s, 7, bad[i][0], bad[i][1]);
		assert_int_equal(s.refused[FT_REASON_FRAGMENT_OVERLAP], 1);
		/* RFC 5722: those that come later go with it */
		feed_fragment(&s, 7, 64, 2008);
		feed_fragment(&s, 7, 0, 64);
		assert_int_equal(s.messages, 0);
		assert_int_equal(s.refused[FT_REASON_FRAGMENT_OVERLAP], 1);
		stop(&s);
	}
	/* same range, other bytes */
	start(&s, NULL);
	feed_fragment(&s, 7, 64, 128);
	datagram[100] ^= 1;
	feed_fragment(&s, 7, 64, 128);
	assert_int_equal(s.refused[FT_REASON_FRAGMENT_OVERLAP], 1);
	stop(&s);
	/* two ends */
	start(&s, NULL);
	feed_fragment(&s, 7, 1000, 2008);
	datagram_len = 3000;
	feed_fragment(&s, 7, 2008, 3000);
	assert_int_equal(s.refused[FT_REASON_FRAGMENT_OVERLAP], 1);
	stop(&s);
}

static void fragments_that_are_no_response(void **state)
{
	struct seen s;

	(void)state;
	put_datagram(1, 100);
	datagram[1] = 54;
	start(&s, NULL);
	feed_fragment(&s, 1, 64, 108);
	feed_fragment(&s, 1, 0, 64);
	assert_int_equal(s.messages, 0);
	assert_int_equal(reassembly_stats(s.r)->ignored, 2);

	put_datagram(1, 100);
	datagram[4] = 1; /* longer than what there is */
	feed_fragment(&s, 2, 0, 64);
	feed_fragment(&s, 2, 64, 108);
	assert_int_equal(s.refused[FT_REASON_BAD_UDP_LENGTH], 1);

	put_datagram(1, 8);
	feed_fragment(&s, 3, 0, 8);
	feed_fragment(&s, 3, 8, 16);
	assert_int_equal(s.refused[FT_REASON_SHORT_DNS], 1);

	put_datagram(1, 100);
	datagram[10] &= 0x7f;
	feed_fragment(&s, 4, 0, 64);
	feed_fragment(&s, 4, 64, 108);
	assert_int_equal(s.messages, 0);
	stop(&s);
}

static void fragments_of_a_segment(void **state)
{
	static const uint8_t tcp[20] = { 0, 53, 0x9c, 0x40, 0, 0, 0, 9, 0, 0, 0, 1, 0x50, ACK };
	struct seen s;

	(void)state;
	three_messages();
	start(&s, NULL);
	memcpy(datagram, tcp, 20);
	memcpy(datagram + 20, stream, stream_len);
	datagram_len = 20 + stream_len;
	feed_fragment_at(&s, 9, 0, 8, SECOND, 6);
	feed_fragment_at(&s, 9, 8, datagram_len, SECOND, 6);
	expect(&s, 3, 0);
	stop(&s);
}

static void fragments_time_out(void **state)
{
	struct seen s;

	(void)state;
	put_datagram(1, 2000);
	start(&s, NULL);
	feed_fragment_at(&s, 1, 0, 64, SECOND, 17);
	feed_fragment_at(&s, 2, 64, 128, SECOND, 17); /* its first never comes */
	reassembly_tick(s.r, 6 * SECOND);
	assert_int_equal(s.refused[FT_REASON_FRAGMENT_TIMEOUT], 0);
	reassembly_tick(s.r, 6 * SECOND + 1);
	assert_int_equal(s.refused[FT_REASON_FRAGMENT_TIMEOUT], 1);
	assert_int_equal(reassembly_stats(s.r)->ignored, 1);
	feed_fragment_at(&s, 1, 64, 2008, 7 * SECOND, 17);
	assert_int_equal(s.messages, 0);
	stop(&s);
}

static void fragment_flood_is_bounded(void **state)
{
	struct reassembly_config cfg = reassembly_config_default();
	const struct reassembly_stats *st;
	struct seen s;

	(void)state;
	cfg.max_fragments_bytes = 1 << 20;
	put_datagram(1, 60000);
	start(&s, &cfg);
	st = reassembly_stats(s.r);
	for (uint32_t i = 0; i < 20000; i++) {
		feed_fragment(&s, i, 0, 8);
		feed_fragment(&s, i, 50000, 50008);
		assert_true(st->bytes_pending <= cfg.max_fragments_bytes);
	}
	assert_true(st->evicted_fragments > 19000);
	assert_int_equal(s.refused[FT_REASON_FRAGMENT_LIMIT], st->evicted_fragments);
	put_datagram(5, 2000);
	feed_fragment(&s, 99999, 0, 1000);
	feed_fragment(&s, 99999, 1000, 2008);
	assert_int_equal(s.messages, 1);
	stop(&s);
	/* too many pieces of one packet */
	put_datagram(1, 60000);
	start(&s, &cfg);
	for (size_t i = 0; i < 200; i++)
		feed_fragment(&s, 1, 16 * i, 16 * i + 8);
	assert_int_equal(s.refused[FT_REASON_FRAGMENT_LIMIT], 1);
	stop(&s);
}

static void fragments_beyond_an_ip_packet(void **state)
{
	struct seen s;

	(void)state;
	put_datagram(1, 60000);
	start(&s, NULL);
	feed_fragment(&s, 1, 0, 8);
	datagram_len = 70000;
	feed_fragment(&s, 1, 65528, 65535);
	assert_int_equal(s.refused[FT_REASON_BAD_IP_HEADER], 0);
	feed_fragment(&s, 1, 0, 0);
	assert_int_equal(s.refused[FT_REASON_BAD_IP_HEADER], 1);
	stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stream_cut_at_each_place),
		cmocka_unit_test(stream_in_any_order),
		cmocka_unit_test(stream_repeated_and_overlapping),
		cmocka_unit_test(stream_with_a_hole),
		cmocka_unit_test(stream_from_the_middle),
		cmocka_unit_test(stream_cut_off),
		cmocka_unit_test(stream_of_queries_and_short_messages),
		cmocka_unit_test(stream_of_the_largest_message),
		cmocka_unit_test(stream_flood_is_bounded),
		cmocka_unit_test(stream_hole_is_bounded),
		cmocka_unit_test(fragments_in_any_order),
		cmocka_unit_test(fragments_overlapping),
		cmocka_unit_test(fragments_that_are_no_response),
		cmocka_unit_test(fragments_of_a_segment),
		cmocka_unit_test(fragments_time_out),
		cmocka_unit_test(fragment_flood_is_bounded),
		cmocka_unit_test(fragments_beyond_an_ip_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
