// SPDX-License-Identifier: BSD-2-Clause
/* dns/: names, messages, observations, text, registered domains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <fluxtap/fingerprint.h>
#include <fluxtap/ledger.h>
#include "dns/message.h"
#include "dns/psl.h"
#include "dns/text.h"

/* --- building messages ------------------------------------------------------------------- */

struct wire_out {
	uint8_t b[65600];
	size_t len;
};

static void put(struct wire_out *w, const void *bytes, size_t n)
{
	assert_true(w->len + n <= sizeof(w->b));
	memcpy(w->b + w->len, bytes, n);
	w->len += n;
}

static void put16(struct wire_out *w, unsigned int v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	put(w, b, 2);
}

static void put32(struct wire_out *w, uint32_t v)
{
	put16(w, v >> 16);
	put16(w, v & 0xffff);
}

static void put_name_text(struct wire_out *w, const char *text)
{
	struct dns_name n;

	assert_int_equal(dns_name_from_text(text, &n), 0);
	put(w, n.wire, n.len);
}

static void header(struct wire_out *w, unsigned int qd, unsigned int an, unsigned int ns,
		   unsigned int ar)
{
	w->len = 0;
	put16(w, 0x1234);
	put16(w, 0x8180);
	put16(w, qd);
	put16(w, an);
	put16(w, ns);
	put16(w, ar);
}

static void question(struct wire_out *w, const char *name, unsigned int type)
{
	put_name_text(w, name);
	put16(w, type);
	put16(w, 1);
}

/* A record whose owner is a pointer to offset 12. */
static void rr(struct wire_out *w, unsigned int type, uint32_t ttl, const void *rdata, size_t n)
{
	put16(w, 0xc00c);
	put16(w, type);
	put16(w, 1);
	put32(w, ttl);
	put16(w, (unsigned int)n);
	put(w, rdata, n);
}

/* --- names ------------------------------------------------------------------------------- */

static void name_text_round_trip(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ ".", "." },
		{ "example.com", "example.com" },
		{ "WWW.Example.COM.", "www.example.com" },
		{ "a\\.b.c", "a\\.b.c" },
		{ "a\\\\b", "a\\\\b" },
		{ "x\\032y\\000", "x\\032y\\000" },
		{ "\\200\\065b", "\\200ab" },
		{ "_sip._tcp.example", "_sip._tcp.example" },
	};
	static const char *const bad[] = {
		"",	  "..",
		"a..b",	  ".a",
		"a\\",	  "a\\25",
		"a\\256", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b"
	};
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name n;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(dns_name_from_text(cases[i].in, &n), 0);
		assert_int_equal(dns_name_format(&n, text), strlen(cases[i].out));
		assert_string_equal(text, cases[i].out);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(dns_name_from_text(bad[i], &n), -EINVAL);
}

/* 255 octets are a name, 256 are none (RFC 1035 2.3.4), as text and compressed. */
static void name_of_255_octets(void **state)
{
	char text[300] = "";
	struct wire_out w = { .len = 0 };
	struct dns_name n;
	size_t pos;

	(void)state;
	for (int i = 0; i < 127; i++)
		strcat(text, "a.");
	assert_int_equal(dns_name_from_text(text, &n), 0);
	assert_int_equal(n.len, 255);
	assert_int_equal(dns_name_labels(&n), 127);
	strcat(text, "a.");
	assert_int_equal(dns_name_from_text(text, &n), -EINVAL);
	text[127 * 2] = '\0';

	header(&w, 0, 0, 0, 0);
	put_name_text(&w, text);
	pos = 12;
	assert_int_equal(dns_name_parse(w.b, w.len, &pos, &n), 0);
	assert_int_equal(pos, w.len);
	assert_int_equal(n.len, 255);
	/* one more label in front of a pointer to it */
	pos = w.len;
	put(&w, "\1b", 2);
	put16(&w, 0xc00c);
	assert_int_equal(dns_name_parse(w.b, w.len, &pos, &n), -EBADMSG);
	/* in front of a pointer to the second label it is as long as the first */
	pos = w.len;
	put(&w, "\1b", 2);
	put16(&w, 0xc00e);
	assert_int_equal(dns_name_parse(w.b, w.len, &pos, &n), 0);
	assert_int_equal(n.len, 255);
	assert_int_equal(n.wire[1], 'b');
}

/* Octets of each byte value: only A..Z are folded, in chunks of eight and beyond. */
static void name_folding_is_ascii_only(void **state)
{
	struct wire_out w = { .len = 0 };
	struct dns_name n;
	size_t pos;

	(void)state;
	for (unsigned int first = 0; first < 256; first += 32) {
		header(&w, 0, 0, 0, 0);
		put(&w, "\x20", 1);
		for (unsigned int i = 0; i < 32; i++)
			put(&w, &(uint8_t){ (uint8_t)(first + i) }, 1);
		put(&w, "", 1);
		pos = 12;
		assert_int_equal(dns_name_parse(w.b, w.len, &pos, &n), 0);
		for (unsigned int i = 0; i < 32; i++) {
			unsigned int c = first + i;

			assert_int_equal(n.wire[1 + i], c >= 'A' && c <= 'Z' ? c + 32 : c);
		}
	}
}

static void name_pointers(void **state)
{
	static const struct {
		const char *what;
		uint8_t tail[8]; /* put at offset 17, behind "abc" at 12 */
		size_t len, start;
		int err;
	} cases[] = {
		{ "to the name before", { 0xc0, 12 }, 2, 17, 0 },
		{ "label and pointer", { 1, 'x', 0xc0, 12 }, 4, 17, 0 },
		{ "pointer to pointer", { 0xc0, 12, 0xc0, 17 }, 4, 19, 0 },
		{ "into the header", { 0xc0, 11 }, 2, 17, -EBADMSG },
		{ "to itself", { 0xc0, 17 }, 2, 17, -EBADMSG },
		{ "to its own run", { 1, 'x', 0xc0, 17 }, 4, 17, -EBADMSG },
		{ "into its own run", { 1, 'x', 0xc0, 18 }, 4, 17, -EBADMSG },
		{ "forward", { 0xc0, 19, 0 }, 3, 17, -EBADMSG },
		{ "cut", { 0xc0 }, 1, 17, -EBADMSG },
		{ "label cut", { 3, 'x' }, 2, 17, -EBADMSG },
		{ "no root", { 1, 'x' }, 2, 17, -EBADMSG },
		{ "label type 01", { 0x41, 0 }, 2, 17, -EBADMSG },
		{ "label type 10", { 0x80, 0 }, 2, 17, -EBADMSG },
		{ "empty", { 0 }, 0, 17, -EBADMSG },
	};
	struct dns_name n;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t msg[32] = { [12] = 3, 'a', 'b', 'c', 0 };
		size_t pos = cases[i].start;
		int err;

		memcpy(msg + 17, cases[i].tail, cases[i].len);
		n.len = 99;
		err = dns_name_parse(msg, 17 + cases[i].len, &pos, &n);
		if (err != cases[i].err)
			print_error("case: %s\n", cases[i].what);
		assert_int_equal(err, cases[i].err);
		if (err) {
			assert_int_equal(pos, cases[i].start);
			assert_int_equal(n.len, 99);
		}
	}
}

/* A chain of bare pointers ends after as many as a name has labels. */
static void name_pointer_chain_is_bounded(void **state)
{
	struct wire_out w = { .len = 0 };
	size_t pos;

	(void)state;
	header(&w, 0, 0, 0, 0);
	put(&w, "", 1);
	put16(&w, 0xc00c);
	for (unsigned int i = 1; i < 200; i++)
		put16(&w, 0xc000 | (13 + 2 * (i - 1)));
	pos = 13 + 2 * 126;
	assert_int_equal(dns_name_parse(w.b, w.len, &pos, NULL), 0);
	pos = 13 + 2 * 127;
	assert_int_equal(dns_name_parse(w.b, w.len, &pos, NULL), -EBADMSG);
}

static void name_relations(void **state)
{
	struct dns_name www, example, ample, root, got;

	(void)state;
	dns_name_from_text("www.example.com", &www);
	dns_name_from_text("example.com", &example);
	dns_name_from_text("ample.com", &ample);
	dns_name_from_text(".", &root);
	assert_true(dns_name_within(&www, &example));
	assert_true(dns_name_within(&www, &www));
	assert_true(dns_name_within(&www, &root));
	assert_false(dns_name_within(&www, &ample));
	assert_false(dns_name_within(&example, &www));
	assert_int_equal(dns_name_labels(&www), 3);
	assert_int_equal(dns_name_labels(&root), 0);
	got = dns_name_parent(&www, 1);
	assert_true(dns_name_equal(&got, &example));
	got = dns_name_parent(&www, 9);
	assert_true(dns_name_equal(&got, &root));
}

/* --- messages ---------------------------------------------------------------------------- */

static void message_with_all_sections(void **state)
{
	struct wire_out w = { .len = 0 };
	struct dns_message m;
	struct dns_edns e;
	static const uint8_t ecs[] = { 0, 8, 0, 7, 0, 1, 24, 16, 192, 0, 2 };

	(void)state;
	header(&w, 1, 2, 1, 2);
	question(&w, "www.example.com", 1);
	rr(&w, 5, 60, "\3cdn\xc0\x10", 6);
	rr(&w, 1, 30, "\xc0\0\2\1", 4);
	rr(&w, 2, 3600, "\2ns\xc0\x10", 5);
	rr(&w, 28, 3600, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	put(&w, "", 1); /* OPT */
	put16(&w, 41);
	put16(&w, 1232);
	put32(&w, 0x01008000);
	put16(&w, sizeof(ecs));
	put(&w, ecs, sizeof(ecs));
	put(&w, "xyz", 3);

	dns_message_init(&m);
	assert_int_equal(dns_message_parse(&m, w.b, w.len), 0);
	assert_int_equal(m.status, FT_REASON_NONE);
	assert_int_equal(m.id, 0x1234);
	assert_int_equal(m.questions_len, 1);
	assert_int_equal(m.rrs_len, 5);
	assert_int_equal(m.read[0], 2);
	assert_int_equal(m.read[1], 1);
	assert_int_equal(m.read[2], 2);
	assert_int_equal(m.trailing, 3);
	assert_int_equal(m.rcode, 16);
	assert_true(dns_message_edns(&m, &e));
	assert_int_equal(e.udp_size, 1232);
	assert_true(e.dnssec_ok);
	assert_true(e.has_ecs);
	assert_int_equal(e.ecs_source, 24);
	assert_int_equal(e.ecs_scope, 16);
	assert_int_equal(e.ecs_addr.b[13], 0);
	assert_int_equal(e.ecs_addr.b[14], 2);
	dns_message_fini(&m);
}

static void message_breaks_off(void **state)
{
	static const struct {
		const char *what;
		unsigned int type, status;
		size_t rdlength;
		const char *rdata;
	} cases[] = {
		{ "A of three octets", 1, FT_REASON_BAD_RDATA, 3, "abc" },
		{ "A of five octets", 1, FT_REASON_BAD_RDATA, 5, "abcde" },
		{ "AAAA of four octets", 28, FT_REASON_BAD_RDATA, 4, "abcd" },
		{ "CNAME shorter than its rdata", 5, FT_REASON_BAD_RDATA, 3, "\xc0\xc!" },
		{ "CNAME longer than its rdata", 5, FT_REASON_BAD_RDATA, 1, "\xc0" },
		{ "empty NS", 2, FT_REASON_BAD_RDATA, 0, "" },
		{ "empty TXT", 16, FT_REASON_NONE, 0, "" },
	};
	struct wire_out w = { .len = 0 };
	struct dns_message m;

	(void)state;
	dns_message_init(&m);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		header(&w, 1, 2, 0, 0);
		question(&w, "a.example", 1);
		rr(&w, 1, 60, "\1\2\3\4", 4);
		rr(&w, cases[i].type, 60, cases[i].rdata, cases[i].rdlength);
		put(&w, "", 1);
		dns_message_parse(&m, w.b, w.len);
		if (m.status != cases[i].status)
			print_error("case: %s\n", cases[i].what);
		assert_int_equal(m.status, cases[i].status);
		assert_int_equal(m.rrs_len, cases[i].status == FT_REASON_NONE ? 2 : 1);
	}
	dns_message_fini(&m);
}

/* Cut everywhere: what is read never shrinks, the reason fits the place. */
static void message_cut_at_each_octet(void **state)
{
	struct wire_out w = { .len = 0 };
	struct dns_message m;
	size_t read = 0;

	(void)state;
	header(&w, 1, 3, 0, 0);
	question(&w, "a.example", 1);
	for (int i = 0; i < 3; i++)
		rr(&w, 1, 60, "\1\2\3\4", 4);
	dns_message_init(&m);
	for (size_t len = 0; len < w.len; len++) {
		uint8_t *cut = malloc(len ? len : 1); /* exact, for the sanitizer */

		assert_non_null(cut);
		memcpy(cut, w.b, len);
		assert_int_equal(dns_message_parse(&m, cut, len), -EBADMSG);
		if (len < 12)
			assert_int_equal(m.status, FT_REASON_SHORT_DNS);
		else if (len < 27)
			assert_int_equal(m.status, FT_REASON_BAD_QUESTION);
		else
			assert_true(m.status == FT_REASON_BAD_NAME ||
				    m.status == FT_REASON_SHORT_RECORD);
		assert_true(m.rrs_len >= read);
		read = m.rrs_len;
		free(cut);
	}
	assert_int_equal(read, 2);
	dns_message_fini(&m);
}

static void message_pointer_below_header_is_refused(void **state)
{
	struct wire_out w = { .len = 0 };
	struct dns_message m;

	(void)state;
	header(&w, 0, 1, 0, 0);
	put16(&w, 0xc000);
	put16(&w, 1);
	put16(&w, 1);
	put32(&w, 1);
	put16(&w, 4);
	put(&w, "abcd", 4);
	dns_message_init(&m);
	assert_int_equal(dns_message_parse(&m, w.b, w.len), -EBADMSG);
	assert_int_equal(m.status, FT_REASON_BAD_NAME);
	dns_message_fini(&m);
}

static void message_observed(void **state)
{
	struct wire_out w = { .len = 0 };
	struct dns_message m;
	struct dns_arena *arena;
	struct dns_observation o;
	char text[DNS_NAME_TEXT_MAX];

	(void)state;
	header(&w, 1, 4, 0, 1);
	question(&w, "WwW.eXample.com", 1);
	rr(&w, 5, 300, "\3CDN\xc0\x10", 6);
	rr(&w, 16, 5, "\1x", 2);
	rr(&w, 1, 0x80000000, "\xc0\0\2\1", 4);
	rr(&w, 1, 30, "\xc0\0\2\2", 4);
	rr(&w, 1, 7, "\xc0\0\2\3", 4);
	dns_message_init(&m);
	assert_int_equal(dns_arena_new(&arena), 0);
	assert_int_equal(dns_message_parse(&m, w.b, w.len), 0);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(dns_message_observe(&m, arena, &o), 0);
		dns_name_format(o.qname, text);
		assert_string_equal(text, "www.example.com");
		assert_int_equal(o.records_len, 4);
		assert_int_equal(o.records[0].type, DNS_TYPE_CNAME);
		dns_name_format(o.records[0].target, text);
		assert_string_equal(text, "cdn.example.com");
		assert_ptr_equal(o.records[1].owner, o.qname); /* one copy of a name */
		assert_int_equal(o.records[1].ttl_s, 0);
		assert_int_equal(o.records[3].section, DNS_ADDITIONAL);
		assert_int_equal(o.ttl_min, 0);
		assert_int_equal(o.ttl_max, 300);
		assert_int_equal(o.txid, 0x1234);
	}
	dns_arena_free(arena);
	dns_message_fini(&m);
}

/* Order, TTL, case and compression do not count; section, data and multiplicity do. */
static void message_fingerprints(void **state)
{
	struct wire_out w = { .len = 0 };
	struct dns_message m;
	uint64_t print[7], hash[7];
	struct dns_name n;

	(void)state;
	dns_message_init(&m);
	for (unsigned int i = 0; i < 7; i++) {
		const char *one = "\1\2\3\4", *two = i == 3 ? "\1\2\3\6" : "\1\2\3\5";

		header(&w, 1, i == 4 ? 2 : 3, 0, i == 4);
		question(&w, i == 1 ? "wWw.EXAMPLE" : "www.example", i == 6 ? 28 : 1);
		if (i == 2) { /* uncompressed name, first */
			rr(&w, 5, 9, "\3cDn\7eXample", 13);
			rr(&w, 1, 9, two, 4);
			rr(&w, 1, 9, one, 4);
		} else {
			rr(&w, 1, 60, one, 4);
			rr(&w, i == 5 ? 2 : 5, 60, "\3cdn\xc0\x10", 6);
			rr(&w, 1, 60, two, 4);
		}
		assert_int_equal(dns_message_parse(&m, w.b, w.len), 0);
		print[i] = dns_message_fingerprint(&m);
		hash[i] = dns_message_name_hash(&m);
	}
	assert_true(print[0] == print[1] && print[0] == print[2] && print[0] == print[6]);
	assert_true(print[0] != print[3] && print[0] != print[4] && print[0] != print[5]);
	assert_true(hash[0] == hash[1] && hash[0] != hash[6]);
	dns_name_from_text("www.example", &n);
	assert_true(hash[0] == ft_name_hash(FT_SEED_FIXED,
					    ft_question_sum(FT_SEED_FIXED, n.wire, n.len), 1, 1));
	for (unsigned int i = 1; i <= 40; i++) { /* words of eight octets, full ones and others */
		char text[64];

		snprintf(text, sizeof(text), "%.*s.net", (int)i,
			 "a-label-that-is-as-long-as-it-has-to-be-for-this");
		header(&w, 1, 0, 0, 0);
		question(&w, text, 1);
		dns_name_from_text(text, &n);
		assert_int_equal(dns_message_parse(&m, w.b, w.len), 0);
		assert_true(dns_message_name_hash(&m) ==
			    ft_name_hash(FT_SEED_FIXED,
					 ft_question_sum(FT_SEED_FIXED, n.wire, n.len), 1, 1));
	}
	header(&w, 0, 0, 0, 0);
	assert_int_equal(dns_message_parse(&m, w.b, w.len), 0);
	assert_true(dns_message_name_hash(&m) == 0);
	assert_true(dns_message_fingerprint(&m) == ft_fingerprint(FT_SEED_FIXED, 0, 0));
	dns_message_fini(&m);
}

/* The largest message: records enough to make every array grow, names beyond the reuse window. */
/*
 * Two labels of sixteen octets that differ in top bits alone: where a word's difference goes must
 * not be known without the seed, else the next word can take it back.
 */
static void labels_do_not_collide_whatever_the_seed(void **state)
{
	static const __u8 flips[][16] = {
		{ [7] = 0x80, [11] = 0x80, [15] = 0x80 },
		{ [7] = 0x80, [15] = 0x80 },
		{ [3] = 0x80, [7] = 0x80, [11] = 0x80, [15] = 0x80 },
		{ [7] = 0x40, [11] = 0x40, [15] = 0x40 },
	};
	__u8 a[18] = { 16 }, b[18];
	__u64 seed = FT_SEED_FIXED;

	(void)state;
	memset(a + 1, 0x21, 16);
	for (int i = 0; i < 4000; i++) {
		memcpy(b, a, sizeof(b));
		for (int j = 0; j < 16; j++)
			b[1 + j] ^= flips[i & 3][j];
		assert_true(ft_name_sum(seed, a) != ft_name_sum(seed, b));
		assert_true(ft_question_sum(seed, a, sizeof(a)) !=
			    ft_question_sum(seed, b, sizeof(b)));
		seed = ft_mix(seed + FT_MUL_2);
	}
}

static void message_of_65535_octets(void **state)
{
	struct wire_out *w = calloc(1, sizeof(*w));
	struct dns_message m;
	struct dns_arena *arena;
	struct dns_observation o;
	unsigned int n = 0;

	(void)state;
	assert_non_null(w);
	header(w, 1, 0, 0, 0);
	question(w, "example", 2);
	for (; w->len + 17 <= 65535; n++)
		rr(w, 2, n, (uint8_t[]){ 2, (uint8_t)('a' + n % 26), 'n', 0xc0, 12 }, 5);
	w->b[6] = (uint8_t)(n >> 8);
	w->b[7] = (uint8_t)n;
	dns_message_init(&m);
	assert_int_equal(dns_arena_new(&arena), 0);
	assert_int_equal(dns_message_parse(&m, w->b, w->len), 0);
	assert_int_equal(m.rrs_len, n);
	assert_int_equal(dns_message_observe(&m, arena, &o), 0);
	assert_int_equal(o.records_len, n);
	assert_int_equal(o.records[n - 1].ttl_s, n - 1);
	assert_int_equal(o.records[n - 1].target->wire[1], 'a' + (n - 1) % 26);
	dns_arena_free(arena);
	dns_message_fini(&m);
	free(w);
}

/* --- text -------------------------------------------------------------------------------- */

#define OCTETS(s) s, sizeof(s) - 1

static void rdata_as_text(void **state)
{
	static const struct {
		unsigned int type;
		const char *rdata;
		size_t len;
		const char *text; /* NULL: not shown */
	} cases[] = {
		{ 1, OCTETS("\xc0\0\2\1"), "192.0.2.1" },
		{ 28, OCTETS("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"), "2001:db8::1" },
		{ 28, OCTETS("\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4"), "::ffff:1.2.3.4" },
		{ 2, OCTETS("\2NS\xc0\xc"), "ns.example.com" },
		{ 12, OCTETS("\0"), "." },
		{ 15, OCTETS("\0\xa\2mx\xc0\xc"), "10 mx.example.com" },
		{ 15, OCTETS("\0\xa"), NULL },
		{ 6, OCTETS("\xc0\xc\xc0\xc\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\xff\xff\xff\xff"),
		  "example.com example.com 1 2 3 4 4294967295" },
		{ 6, OCTETS("\xc0\xc\xc0\xc\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\xff\xff\xff"), NULL },
		{ 33, OCTETS("\0\1\0\2\0\x50\xc0\xc"), "1 2 80 example.com" },
		{ 16, OCTETS("\3a\"b\2\\\1"), "\"a\\\"b\" \"\\\\\\001\"" },
		{ 16, OCTETS("\4abc"), NULL },
		{ 43, OCTETS("\0\1\x8\2\xab\xcd"), "1 8 2 ABCD" },
		{ 257, OCTETS("\0\5issueca.example"), "0 issue \"ca.example\"" },
		{ 257, OCTETS("\0\xffissue"), NULL },
		{ 65, OCTETS("\0\1\0\0\1\0\3\2h2\0\4\0\4\1\2\3\4"),
		  "1 . alpn=h2 ipv4hint=1.2.3.4" },
		{ 65, OCTETS("\0\0\3cdn\xc0\xc"), "0 cdn.example.com" },
		{ 64, OCTETS("\0\1\0\0\3\0\2\x20\xfb"), "1 . port=8443" },
		{ 64, OCTETS("\0\1\0\0\0\0\4\0\1\0\3\0\1\0\3\2h2\0\2\0\0\0\3\0\2\1\xbb\0\5\0\2hi"),
		  "1 . mandatory=alpn,port alpn=h2 no-default-alpn port=443 ech=aGk=" },
		{ 64, OCTETS("\0\1\0\x2\x9b\0\1\x41"), "1 . key667=\"A\"" },
		{ 64, OCTETS("\0\1\0\0\4\0\3\1\2\3"), NULL }, /* hint of three octets */
		{ 64, OCTETS("\0\1\0\0\4\0\4\1\2\3\4\0\3\0\2\0\1"), NULL }, /* keys fall */
		{ 10, OCTETS("abc"), NULL },
	};
	struct wire_out w = { .len = 0 };
	struct dns_message m;
	struct buf out = { 0 };

	(void)state;
	dns_message_init(&m);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool shown;

		header(&w, 1, 1, 0, 0);
		question(&w, "example.com", 1);
		rr(&w, cases[i].type, 1, cases[i].rdata, cases[i].len);
		assert_int_equal(dns_message_parse(&m, w.b, w.len), 0);
		buf_reset(&out);
		buf_char(&out, '>');
		shown = dns_rdata_format(&m, &m.rrs[0], &out);
		buf_char(&out, '\0');
		assert_int_equal(shown, cases[i].text != NULL);
		assert_string_equal(out.bytes + 1, shown ? cases[i].text : "");
	}
	buf_fini(&out);
	dns_message_fini(&m);
}

static void mnemonics_round_trip(void **state)
{
	char buf[16];
	uint16_t back;

	(void)state;
	for (unsigned int t = 0; t < 65536; t++) {
		assert_int_equal(dns_type_from_text(dns_type_name((uint16_t)t, buf), &back), 0);
		assert_int_equal(back, t);
		assert_int_equal(dns_rcode_from_text(dns_rcode_name((uint16_t)t, buf), &back), 0);
		assert_int_equal(back, t);
	}
	assert_string_equal(dns_type_name(65, buf), "HTTPS");
	assert_string_equal(dns_type_name(65280, buf), "TYPE65280");
	assert_string_equal(dns_rcode_name(3, buf), "NXDOMAIN");
	assert_string_equal(dns_class_name(1, buf), "IN");
	assert_string_equal(dns_class_name(4096, buf), "CLASS4096");
	assert_int_equal(dns_type_from_text("TYPE65536", &back), -EINVAL);
	assert_int_equal(dns_type_from_text("NOSUCH", &back), -EINVAL);
}

static void registered_domains(void **state)
{
	static const struct {
		const char *name, *registered;
		bool is;
	} cases[] = {
		{ "www.example.com", "example.com", true },
		{ "example.com", "example.com", true },
		{ "com", "com", false },
		{ ".", ".", false },
		{ "a.b.example.co.uk", "example.co.uk", true },
		{ "co.uk", "co.uk", false },
		{ "user.github.io", "user.github.io", true },
		{ "github.io", "github.io", false },
		{ "host.lan", "host.lan", true },
		{ "x.a\\.com.example", "a\\.com.example", true },
		{ "x.\\000b.example", "\\000b.example", true },
	};

	(void)state;
	for (int again = 0; again < 2; again++) { /* the second time from the cache */
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct dns_name n, got;
			char text[DNS_NAME_TEXT_MAX];

			assert_int_equal(dns_name_from_text(cases[i].name, &n), 0);
			assert_int_equal(dns_registered_domain(&n, &got), cases[i].is);
			dns_name_format(&got, text);
			assert_string_equal(text, cases[i].registered);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_text_round_trip),
		cmocka_unit_test(name_of_255_octets),
		cmocka_unit_test(name_folding_is_ascii_only),
		cmocka_unit_test(name_pointers),
		cmocka_unit_test(name_pointer_chain_is_bounded),
		cmocka_unit_test(name_relations),
		cmocka_unit_test(message_with_all_sections),
		cmocka_unit_test(message_breaks_off),
		cmocka_unit_test(message_cut_at_each_octet),
		cmocka_unit_test(message_pointer_below_header_is_refused),
		cmocka_unit_test(message_observed),
		cmocka_unit_test(message_fingerprints),
		cmocka_unit_test(labels_do_not_collide_whatever_the_seed),
		cmocka_unit_test(message_of_65535_octets),
		cmocka_unit_test(rdata_as_text),
		cmocka_unit_test(mnemonics_round_trip),
		cmocka_unit_test(registered_domains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
