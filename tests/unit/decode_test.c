// SPDX-License-Identifier: BSD-2-Clause
/* capture/decode.c: link types, records, counters. The layers behind are bpf/decode.h's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fluxtap/fingerprint.h>
#include "capture/decode.h"

/* www.example A 192.0.2.1 ttl 300 and 192.0.2.2 ttl 60, from 192.0.2.53 to 198.51.100.7 */
static const uint8_t packet[] = {
	0x45, 0,    0,	  89,	0, 1,	0,   0,	  64,  17,  0,	 0,   192, 0, 2, 53, 198,
	51,   100,  7, /* IPv4 */
	0,    53,   0x9c, 0x41, 0, 69,	0,   0, /* UDP */
	0x12, 0x34, 0x81, 0x80, 0, 1,	0,   2,	  0,   0,   0,	 0, /* DNS */
	3,    'w',  'W',  'w',	7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0,   0, 1, 0,  1,
	0xc0, 12,   0,	  1,	0, 1,	0,   0,	  1,   44,  0,	 4,   192, 0, 2, 1,  0xc0,
	12,   0,    1,	  0,	1, 0,	0,   0,	  60,  0,   4,	 192, 0,   2, 2,
};
#define DNS_AT	28
#define DNS_LEN (sizeof(packet) - DNS_AT)

struct seen {
	size_t records;
	_Alignas(8) uint8_t last[DECODE_RECORD_MAX];
};

static void on_record(void *ctx, const struct ft_event_hdr *rec)
{
	struct seen *s = ctx;

	assert_true(record_valid(rec, rec->size));
	assert_int_equal(rec->size % 8, 0);
	memcpy(s->last, rec, rec->size);
	s->records++;
}

static struct decoder *new_decoder(void)
{
	struct decode_config cfg = { .ports_len = 0 };
	struct decoder *d;

	assert_int_equal(decoder_new(&cfg, &d), 0);
	return d;
}

static void decode(struct decoder *d, struct seen *s, int link_type, const uint8_t *bytes,
		   size_t captured, size_t wire)
{
	uint8_t *copy = malloc(captured ? captured : 1); /* exact, for the sanitizer */
	struct frame f = {
		.time_ns = 1234567890123456789ULL,
		.bytes = copy,
		.captured = (uint32_t)captured,
		.wire = (uint32_t)wire,
		.interface = 3,
		.link_type = link_type,
	};

	assert_non_null(copy);
	if (captured)
		memcpy(copy, bytes, captured);
	s->records = 0;
	decoder_frame(d, &f, on_record, s);
	free(copy);
}

static void expect_response(const struct seen *s)
{
	const struct ft_response *rec = (const struct ft_response *)s->last;
	size_t end = sizeof(*rec) + DNS_LEN;

	assert_int_equal(s->records, 1);
	assert_int_equal(rec->hdr.kind, FT_EVENT_RESPONSE);
	assert_true(rec->hdr.time_ns == 1234567890123456789ULL);
	assert_int_equal(rec->pkt.ifindex, 3);
	assert_int_equal(rec->pkt.direction, FT_DIR_CAPTURE);
	assert_int_equal(ntohs(rec->pkt.dport), 0x9c41);
	assert_int_equal(rec->pkt.src[15], 53);
	assert_int_equal(rec->message_bytes, DNS_LEN);
	assert_memory_equal(rec->message, packet + DNS_AT, DNS_LEN);
	for (size_t i = end; i < rec->hdr.size; i++)
		assert_int_equal(s->last[i], 0);
}

static void record_of_a_response(void **state)
{
	static const uint8_t name[] = "\3www\7example";
	static const uint8_t addresses[2][4] = { { 192, 0, 2, 1 }, { 192, 0, 2, 2 } };
	uint64_t seed = FT_SEED_FIXED, sum;
	struct decoder *d = new_decoder();
	struct seen s;
	const struct ft_response *rec = (const struct ft_response *)s.last;

	(void)state;
	decode(d, &s, 101, packet, sizeof(packet), sizeof(packet));
	expect_response(&s);
	sum = ft_record_a(seed, 0, addresses[0]) + ft_record_a(seed, 0, addresses[1]);
	assert_true(rec->fingerprint == ft_fingerprint(seed, sum, 0));
	assert_true(rec->name_hash == ft_name_hash(seed, ft_question_sum(seed, name, 13), 1, 1));
	assert_int_equal(rec->ttl_min, 60);
	assert_int_equal(rec->ttl_max, 300);
	assert_int_equal(rec->records[0], 2);
	assert_int_equal(rec->records[1], 0);
	assert_int_equal(rec->walked, 1);
	assert_int_equal(rec->status, FT_REASON_NONE);
	assert_int_equal(rec->novelty, FT_NOVELTY_UNFILTERED);
	decoder_free(d);
}

static void response_behind_each_link(void **state)
{
	static const struct {
		int type;
		const char *header;
		size_t len;
	} links[] = {
#define LINK(type, header) { type, header, sizeof(header) - 1 }
		LINK(0, "\2\0\0\0"),
		LINK(0, "\0\0\0\2"),
		LINK(0, "\x0f\0\x08\0"),
		LINK(108, "\0\0\0\2"),
		LINK(1, "\1\2\3\4\5\6\7\1\2\3\4\5\x08\0"),
		LINK(1, "\1\2\3\4\5\6\7\1\2\3\4\5\x88\xa8\0\5\x81\0\0\6\x08\0"),
		LINK(9, "\0\x21"),
		LINK(9, "\xff\3\0\x21"),
		LINK(9, "\x21"),
		LINK(50, "\xff\3\0\x21"),
		LINK(50, "\x0f\0\x08\0"),
		LINK(51, "\x11\0\0\1\0\x5b\0\x21"),
		LINK(104, "\x0f\0\x08\0"),
		LINK(12, ""),
		LINK(14, ""),
		LINK(101, ""),
		LINK(228, ""),
		LINK(113, "\0\0\0\1\0\6\1\2\3\4\5\6\0\0\x08\0"),
		LINK(113, "\0\0\0\1\0\6\1\2\3\4\5\6\0\0\x81\0\0\5\x08\0"),
		LINK(276, "\x08\0\0\0\0\0\0\2\0\1\0\6\1\2\3\4\5\6\0\0"),
		LINK(129, "\1\2\0\0\xd4\0\0\1"),
		LINK(219, "\0\0\x11\xff"),
		LINK(239, "\2\0\0\0\5\0\1\0x\0\0\0\x5d\0\x09\0"),
		LINK(239, "\2\0\0\0\0\5\0\1x\0\0\0\0\x5d\0\x09"),
#undef LINK
	};
	struct decoder *d = new_decoder();
	uint8_t frame[128];
	struct seen s;

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		size_t len = links[i].len + sizeof(packet);

		memcpy(frame, links[i].header, links[i].len);
		memcpy(frame + links[i].len, packet, sizeof(packet));
		decode(d, &s, links[i].type, frame, len, len);
		if (s.records != 1)
			print_error("link type %d, row %zu\n", links[i].type, i);
		expect_response(&s);
		/* and never a fault with less of it */
		for (size_t cut = 0; cut < len; cut++) {
			decode(d, &s, links[i].type, frame, cut, len);
			assert_true(s.records <= 1);
			assert_true(s.records == 0 ||
				    ((struct ft_event_hdr *)s.last)->kind == FT_EVENT_REFUSED);
		}
	}
	decoder_free(d);
}

/* Cut by the snapshot length: truncated_capture as soon as the headers are there. */
static void cut_captures_are_refused_as_such(void **state)
{
	struct decoder *d = new_decoder();
	const struct ft_refused *rec;
	struct seen s;

	(void)state;
	for (size_t cut = DNS_AT; cut < sizeof(packet); cut++) {
		decode(d, &s, 101, packet, cut, sizeof(packet));
		rec = (const struct ft_refused *)s.last;
		assert_int_equal(s.records, 1);
		assert_int_equal(rec->hdr.kind, FT_EVENT_REFUSED);
		assert_int_equal(rec->reason, FT_REASON_TRUNCATED_CAPTURE);
		assert_int_equal(ntohs(rec->pkt.sport), 53);
	}
	assert_int_equal(decoder_counters(d)[FT_REASON_TRUNCATED_CAPTURE], sizeof(packet) - DNS_AT);
	decoder_free(d);
}

static void unknown_link_types_are_counted(void **state)
{
	struct decoder *d = new_decoder();
	struct seen s;

	(void)state;
	decode(d, &s, 195, packet, sizeof(packet), sizeof(packet));
	assert_int_equal(s.records, 1);
	assert_int_equal(((struct ft_refused *)s.last)->reason, FT_REASON_UNKNOWN_LINK_TYPE);
	decode(d, &s, 113, packet, 0, 0);
	assert_int_equal(((struct ft_refused *)s.last)->reason, FT_REASON_SHORT_L2);
	decoder_free(d);
}

static void a_broken_message_keeps_what_was_read(void **state)
{
	struct decoder *d = new_decoder();
	uint8_t frame[sizeof(packet)];
	const struct ft_response *rec;
	struct seen s;

	(void)state;
	memcpy(frame, packet, sizeof(frame));
	frame[sizeof(frame) - 5] = 3; /* rdlength of the last A */
	decode(d, &s, 101, frame, sizeof(frame), sizeof(frame));
	rec = (const struct ft_response *)s.last;
	assert_int_equal(rec->hdr.kind, FT_EVENT_RESPONSE);
	assert_int_equal(rec->status, FT_REASON_BAD_RDATA);
	assert_int_equal(rec->novelty, FT_NOVELTY_BROKEN);
	assert_int_equal(rec->records[0], 1);
	assert_int_equal(rec->ttl_min, 300);
	assert_true(rec->name_hash && rec->fingerprint);
	decoder_free(d);
}

static void each_frame_ends_in_one_counter(void **state)
{
	struct decoder *d = new_decoder();
	const uint64_t *n = decoder_counters(d);
	uint64_t refused = 0;
	uint8_t frame[sizeof(packet)];
	struct seen s;

	(void)state;
	for (size_t i = 0; i < sizeof(packet); i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			memcpy(frame, packet, sizeof(frame));
			frame[i] ^= (uint8_t)(1U << bit);
			decode(d, &s, 101, frame, sizeof(frame), sizeof(frame));
		}
	}
	for (unsigned int i = FT_REASON_NONE + 1; i < FT_COUNTER_MAX; i++)
		refused += n[i];
	assert_int_equal(n[FT_STAGE_SEEN], sizeof(packet) * 8);
	assert_int_equal(n[FT_STAGE_SEEN],
			 n[FT_STAGE_NOT_DNS] + n[FT_STAGE_QUERY] + n[FT_STAGE_RESPONSE]);
	assert_int_equal(n[FT_STAGE_RESPONSE], n[FT_STAGE_EMITTED] + refused);
	assert_true(n[FT_STAGE_QUERY] && n[FT_STAGE_NOT_DNS] && refused);
	decoder_free(d);
}

static void other_ports(void **state)
{
	struct decode_config cfg = { .ports = { 5353, 53 }, .ports_len = 2 };
	struct decoder *d;
	uint8_t frame[sizeof(packet)];
	struct seen s;

	(void)state;
	assert_int_equal(decoder_new(&cfg, &d), 0);
	memcpy(frame, packet, sizeof(frame));
	decode(d, &s, 101, frame, sizeof(frame), sizeof(frame));
	assert_int_equal(s.records, 1);
	frame[20] = 5353 >> 8;
	frame[21] = 5353 & 0xff;
	decode(d, &s, 101, frame, sizeof(frame), sizeof(frame));
	assert_int_equal(s.records, 1);
	frame[21]++;
	decode(d, &s, 101, frame, sizeof(frame), sizeof(frame));
	assert_int_equal(s.records, 0);
	decoder_free(d);
	cfg.ports_len = DECODE_PORTS_MAX + 1;
	assert_int_not_equal(decoder_new(&cfg, &d), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_of_a_response),
		cmocka_unit_test(response_behind_each_link),
		cmocka_unit_test(cut_captures_are_refused_as_such),
		cmocka_unit_test(unknown_link_types_are_counted),
		cmocka_unit_test(a_broken_message_keeps_what_was_read),
		cmocka_unit_test(each_frame_ends_in_one_counter),
		cmocka_unit_test(other_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
