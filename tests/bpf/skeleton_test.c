// SPDX-License-Identifier: BSD-2-Clause
/*
 * Responses whose names were read before: the first pass over a plain frame must find what the walk
 * finds, whatever it remembers. The walk is what a frame with a VLAN tag gets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "libtap.h"

#define QNAME	 12 /* where the question's name stands */
#define ETHERNET 14

static struct tap *open_unfiltered(void)
{
	struct kernel_config cfg = kernel_config_default();
	struct tap *t;

	cfg.filter = false;
	cfg.ring_bytes = 1 << 16;
	cfg.malformed_per_s = 0;
	t = tap_open(&cfg, NULL);
	tap_need_walk(t);
	return t;
}

/* How many responses were read name by name and remembered. */
static uint64_t learnt(const struct tap *t)
{
	struct kernel_stats stats;

	kernel_stats(t->k, &stats);
	return stats.skeletons_learnt;
}

static const struct ft_response *only(const struct tap *t)
{
	assert_int_equal(t->records_len, 1);
	assert_int_equal(t->records[0].hdr.kind, FT_EVENT_RESPONSE);
	return &t->records[0].response;
}

static uint64_t fingerprint_of(struct tap *t, const struct packet *p)
{
	assert_int_equal(tap_run(t, TAP_XDP, p), FT_STAGE_EMITTED);
	return only(t)->fingerprint;
}

/* Where its parts lie, of the message. */
struct places {
	uint16_t target, a, server, glue, cookie;
};

/* Questions, CNAME, @addresses, name server with glue, EDNS with a cookie of eight octets. */
static struct places answer(struct packet *p, const char *const addresses[3], uint32_t ttl)
{
	static const uint8_t cookie[12] = { 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct places at;

	packet_response(p, "www.example.");
	at.target = packet_target(p, 1, QNAME, 5, ttl, "pool-of-many-hosts.cdn.example.net", 0);
	at.a = (uint16_t)(p->len - p->dns);
	for (int i = 0; i < 3; i++)
		packet_a(p, 1, at.target, ttl, addresses[i]);
	at.server = packet_target(p, 2, QNAME + 4, 2, 86400, "ns1", QNAME + 4);
	at.glue = (uint16_t)(p->len - p->dns);
	packet_a(p, 3, at.server, 86400, "192.0.2.53");
	packet_aaaa(p, 3, at.server, 86400, "2001:db8::53");
	at.cookie = (uint16_t)(p->len - p->dns);
	packet_record(p, 3, 0, 41, 0, cookie, sizeof(cookie));
	packet_done(p);
	return at;
}

static const char *const some[3] = { "192.0.2.1", "192.0.2.2", "192.0.2.3" };
static const char *const rotated[3] = { "192.0.2.2", "192.0.2.3", "192.0.2.1" };
static const char *const others[3] = { "192.0.2.1", "192.0.2.2", "192.0.2.4" };

static void what_names_do_not_hang_on_is_not_read_again(void **state)
{
	struct tap *t = open_unfiltered();
	static struct packet p;
	struct places at = answer(&p, some, 60);
	uint64_t first = fingerprint_of(t, &p);

	(void)state;
	assert_int_equal(learnt(t), 1);
	assert_int_equal(fingerprint_of(t, &p), first);
	p.b[p.dns] ^= 0x5a; /* identification */
	p.b[p.dns + QNAME + 1] ^= 0x20; /* case of the question */
	p.b[p.dns + at.cookie + 11 + 7] ^= 0xff; /* the cookie */
	assert_int_equal(fingerprint_of(t, &p), first);
	answer(&p, rotated, 7);
	assert_int_equal(fingerprint_of(t, &p), first);
	assert_int_equal(only(t)->ttl_min, 7);
	assert_int_equal(only(t)->ttl_max, 7);
	p.b[p.dns + at.a + 16 + 9] = 3; /* the second has another TTL, the third the first's */
	assert_int_equal(fingerprint_of(t, &p), first);
	assert_int_equal(only(t)->ttl_min, 3);
	assert_int_equal(only(t)->ttl_max, 7);
	answer(&p, others, 60);
	assert_int_not_equal(fingerprint_of(t, &p), first);
	assert_int_equal(learnt(t), 1);
	tap_close(t);
}

/* The same message in a frame that takes the long way. */
static void with_vlan(struct packet *to, const struct packet *p)
{
	static const uint8_t tag[4] = { 0x81, 0, 0, 7 };

	memcpy(to->b, p->b, 12);
	memcpy(to->b + 12, tag, sizeof(tag));
	memcpy(to->b + 16, p->b + 12, p->len - 12);
	to->len = p->len + 4;
}

/* Both ways find the same in @p; true when it is a sound message. */
static bool both_ways(struct tap *t, const struct packet *p)
{
	static struct packet tagged;
	struct ft_response r;

	assert_int_equal(tap_run(t, TAP_XDP, p), FT_STAGE_EMITTED);
	r = *only(t);
	with_vlan(&tagged, p);
	assert_int_equal(tap_run(t, TAP_XDP, &tagged), FT_STAGE_EMITTED);
	assert_int_equal(only(t)->status, r.status);
	assert_int_equal(only(t)->name_hash, r.name_hash);
	assert_int_equal(only(t)->fingerprint, r.fingerprint);
	assert_int_equal(only(t)->ttl_min, r.ttl_min);
	assert_int_equal(only(t)->ttl_max, r.ttl_max);
	assert_memory_equal(only(t)->records, r.records, sizeof(r.records));
	return r.status == FT_REASON_NONE;
}

/*
 * A record of sixteen octets and two name servers at the same places, in a section each: what lies
 * before them is one record in one message and two in the other.
 */
static void two_servers(struct packet *p, bool is_one, const int section[4])
{
	static const uint8_t rdata[16] = { 1, 2, 3, 4, 0xc0, QNAME, 0, 98, 0, 1 };
	int i = 0;

	packet_response(p, "www.example.");
	packet_record(p, section[i++], QNAME, 99, 60, rdata, is_one ? 16 : 4);
	if (!is_one)
		packet_record(p, section[i++], QNAME, 98, 0, NULL, 0);
	packet_target(p, section[i++], QNAME, 2, 60, "ns1", QNAME);
	packet_target(p, section[i++], QNAME, 2, 60, "ns2", QNAME);
	if (is_one)
		packet_record(p, section[i++], QNAME, 98, 0, rdata, 4);
	packet_done(p);
}

static void the_section_of_a_name_counts(void **state)
{
	static const int sections[3][4] = { { 1, 2, 2, 3 }, { 1, 1, 2, 3 }, { 1, 1, 3, 3 } };
	static struct packet p;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct tap *t = open_unfiltered();

		for (int n = 0; n < 4; n++) {
			two_servers(&p, n & 1, sections[i]);
			assert_true(both_ways(t, &p));
		}
		assert_int_equal(learnt(t), 2);
		tap_close(t);
	}
}

static void every_octet_changed_is_found_as_by_the_walk(void **state)
{
	static const uint8_t changes[] = { 0x01, 0x20, 0x40, 0x80, 0xff };
	struct tap *t = open_unfiltered();
	static struct packet p, changed;
	unsigned int sound = 0, broken = 0;

	(void)state;
	answer(&p, some, 60);
	for (size_t i = p.dns; i < p.len; i++)
		for (size_t j = 0; j < sizeof(changes); j++) {
			if (i == p.dns + 2 && changes[j] & 0x80)
				continue; /* a query */
			assert_true(both_ways(t, &p)); /* what it is compared with */
			changed = p;
			changed.b[i] ^= changes[j];
			if (both_ways(t, &changed))
				sound++;
			else
				broken++;
		}
	assert_true(sound > 300 && broken > 100);
	tap_close(t);
}

/* A CNAME that points to the letters at @at. */
static void points_into(struct packet *p, uint16_t *at, uint16_t type)
{
	static const uint8_t text[] = { 4, 'a', 'b', 'c', 'd', 0 };

	packet_response(p, "www.example.");
	*at = (uint16_t)(p->len - p->dns + 12);
	packet_record(p, 1, QNAME, type, 60, text, sizeof(text));
	packet_target(p, 1, QNAME, 5, 60, "x", *at);
	packet_done(p);
}

/* What is not hashed may change behind a name: such names are read each time. */
static void names_that_reach_elsewhere_are_read_again(void **state)
{
	static const uint16_t types[] = { 16, 41, 6, 46, 65 }; /* TXT, OPT, SOA, RRSIG, HTTPS */
	struct tap *t = open_unfiltered();
	static struct packet p;
	uint64_t first;
	uint16_t at;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		points_into(&p, &at, types[i]);
		first = fingerprint_of(t, &p);
		assert_int_equal(fingerprint_of(t, &p), first);
		assert_true(both_ways(t, &p));
		p.b[p.dns + at + 2] ^= 1;
		assert_int_not_equal(fingerprint_of(t, &p), first);
		assert_true(both_ways(t, &p));
	}
	/* into a TTL: a root, a letter and a root */
	packet_response(&p, "www.example.");
	packet_a(&p, 1, QNAME, 0x01610000, "192.0.2.1");
	at = (uint16_t)(p.len - p.dns - 10);
	packet_target(&p, 1, QNAME, 5, 60, "x", at);
	packet_done(&p);
	first = fingerprint_of(t, &p);
	assert_true(both_ways(t, &p));
	p.b[p.dns + at + 1] = 'b';
	assert_int_not_equal(fingerprint_of(t, &p), first);
	assert_true(both_ways(t, &p));
	assert_int_equal(learnt(t), 0);
	tap_close(t);
}

/* Runs of A records longer than a round takes, over sections, and broken off by another record. */
static void runs_are_counted(void **state)
{
	struct tap *t = open_unfiltered();
	static struct packet p;
	char text[32];

	(void)state;
	for (int n = 1; n <= 34; n++)
		for (int cut = 0; cut <= n; cut += 1 + n / 4) {
			uint16_t server;

			packet_response(&p, "www.example.");
			for (int i = 0; i < cut; i++) {
				snprintf(text, sizeof(text), "198.51.100.%d", i);
				packet_a(&p, 1, QNAME, 60, text);
			}
			server = packet_target(&p, cut & 1 ? 1 : 2, QNAME, 2, 60, "ns", QNAME);
			(void)server;
			for (int i = cut; i < n; i++) {
				snprintf(text, sizeof(text), "198.51.100.%d", i);
				packet_a(&p, 3, QNAME, n & 1 ? 60 : 61, text);
			}
			packet_done(&p);
			for (int round = 0; round < 2; round++)
				assert_true(both_ways(t, &p));
		}
	tap_close(t);
}

static void known_sets_in_turn_stay_quiet(void **state)
{
	static const char *const *const sets[] = { some, others };
	struct kernel_config cfg = kernel_config_default();
	static struct packet p;
	struct tap *t;

	(void)state;
	cfg.filter_bytes = 1 << 20;
	cfg.ring_bytes = 1 << 16;
	cfg.refresh_ns = 0;
	t = tap_open(&cfg, NULL);
	tap_need_walk(t);
	for (int i = 0; i < 20; i++) {
		answer(&p, sets[i & 1], 60);
		assert_int_equal(tap_run(t, TAP_XDP, &p),
				 i < 2 ? FT_STAGE_EMITTED : FT_STAGE_REPEAT);
	}
	/* another name server: another skeleton, another set */
	for (int i = 0; i < 20; i++) {
		struct places at = answer(&p, sets[i & 1], 60);

		if (i & 2)
			p.b[p.dns + at.server + 3] = '2';
		assert_int_equal(tap_run(t, TAP_XDP, &p), i == 2 || i == 3 ? FT_STAGE_EMITTED :
									     FT_STAGE_REPEAT);
	}
	assert_int_equal(learnt(t), 2);
	tap_close(t);
}

/* A table of one line: what makes room is read again, and nothing else changes. */
static void full_table_makes_room(void **state)
{
	struct kernel_config cfg = kernel_config_default();
	static struct packet p;
	struct tap *t;
	char prefix[32];

	(void)state;
	cfg.filter_bytes = FT_FILTER_SET_BYTES;
	cfg.ring_bytes = 1 << 20;
	t = tap_open(&cfg, NULL);
	tap_need_walk(t);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 40; i++) {
			packet_response(&p, "www.example.");
			snprintf(prefix, sizeof(prefix), "host%d", i);
			packet_target(&p, 1, QNAME, 5, 60, prefix, QNAME + 4);
			packet_done(&p);
			tap_run(t, TAP_XDP, &p);
		}
	assert_true(learnt(t) > 100 && learnt(t) <= 120);
	tap_close(t);
}

/* A name of @octets, the root's among them, in labels of @label octets and a last one of less. */
static size_t name_of(char *text, size_t octets, size_t label)
{
	size_t labels = 0, at = 0;

	for (size_t left = octets - 1; left; labels++) {
		size_t n = left - 1 < label ? left - 1 : label;

		if (left - 1 - n == 1) /* one octet is no label */
			n--;
		for (size_t i = 0; i < n; i++, at++)
			text[at] = (char)((i & 3 ? 'a' : 'A') + (at * 7 + octets) % 26);
		text[at++] = '.';
		left -= n + 1;
	}
	text[at] = 0;
	return labels;
}

/* Names by words of eight octets: whatever the length, both ways find what the header says. */
static void questions_of_every_length_and_shape(void **state)
{
	static const size_t shapes[] = { 63, 25, 24, 9, 8, 7, 2 };
	struct tap *t = open_unfiltered();
	static struct packet p;
	char text[256], target[32];

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (size_t octets = 3; octets <= 255; octets++) {
			size_t labels = name_of(text, octets, shapes[i]);
			bool is_short = octets <= 96 && labels <= 34;
			uint64_t before = learnt(t), sum;

			packet_response(&p, text);
			snprintf(target, sizeof(target), "pool%zu.example.net", i);
			packet_target(&p, 1, QNAME, 5, 60, target, 0);
			packet_done(&p);
			sum = ft_question_sum(FT_SEED_FIXED, p.b + p.dns + QNAME, (uint32_t)octets);
			assert_true(both_ways(t, &p));
			assert_true(only(t)->name_hash == ft_name_hash(FT_SEED_FIXED, sum, 1, 1));
			assert_int_equal(learnt(t) - before, is_short);
			p.b[p.dns + QNAME + octets - 2] ^= 1; /* the last letter */
			assert_true(both_ways(t, &p));
			assert_true(only(t)->name_hash != ft_name_hash(FT_SEED_FIXED, sum, 1, 1));
			p.b[p.dns + QNAME + octets - 2] ^= 1;
			for (size_t at = 1; at < octets - 1; at++)
				if (p.b[p.dns + QNAME + at] > 63)
					p.b[p.dns + QNAME + at] ^= 0x20;
			before = learnt(t);
			assert_true(both_ways(t, &p));
			assert_true(only(t)->name_hash == ft_name_hash(FT_SEED_FIXED, sum, 1, 1));
			assert_int_equal(learnt(t), before); /* as the one remembered */
		}
	tap_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_names_do_not_hang_on_is_not_read_again),
		cmocka_unit_test(the_section_of_a_name_counts),
		cmocka_unit_test(every_octet_changed_is_found_as_by_the_walk),
		cmocka_unit_test(questions_of_every_length_and_shape),
		cmocka_unit_test(names_that_reach_elsewhere_are_read_again),
		cmocka_unit_test(runs_are_counted),
		cmocka_unit_test(known_sets_in_turn_stay_quiet),
		cmocka_unit_test(full_table_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
