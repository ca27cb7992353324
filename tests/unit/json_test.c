// SPDX-License-Identifier: BSD-2-Clause
/* report/json: what is written, an independent parser reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <arpa/inet.h>
#include <math.h>
#include <cmocka.h>
#include <yajl/yajl_tree.h>

#include "base/hash.h"
#include "report/json.h"

/* The value as a document of its own, without the comma behind it. */
static yajl_val parse(struct buf *b)
{
	char error[256];
	yajl_val v;

	assert_false(b->failed);
	assert_true(b->len > 0);
	assert_int_equal(b->bytes[b->len - 1], ',');
	buf_add(b, "", 1);
	b->bytes[b->len - 2] = '\0';
	v = yajl_tree_parse(b->bytes, error, sizeof(error));
	if (!v)
		fail_msg("%s in %s", error, b->bytes);
	return v;
}

static void assert_text(struct buf *b, const char *expected)
{
	assert_false(b->failed);
	assert_int_equal(b->len, strlen(expected));
	assert_memory_equal(b->bytes, expected, b->len);
	buf_reset(b);
}

static uint64_t random_u64(uint64_t *seed)
{
	return hash_mix(++*seed);
}

/*
 * Repair by arithmetic: code point from the lead's pattern, then the limits of RFC 3629. Yields
 * the length of the well-formed sequence at @s, or 0.
 */
static size_t reference_utf8(const uint8_t *s, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = 0;
	uint32_t code;

	while (n < 8 && s[0] & 0x80 >> n)
		n++;
	if (n == 0)
		return 1;
	if (n < 2 || n > 4 || n > left)
		return 0;
	code = s[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return n;
}

static size_t repaired(const uint8_t *s, size_t len, char *ret)
{
	size_t out = 0;

	for (size_t i = 0; i < len;) {
		size_t n = reference_utf8(s + i, len - i);

		memcpy(ret + out, n ? (const char *)s + i : "\xef\xbf\xbd", n ? n : 3);
		out += n ? n : 3;
		i += n ? n : 1;
	}
	ret[out] = '\0';
	return out;
}

static void check_string(struct buf *b, const uint8_t *text, size_t len)
{
	char expected[3 * 64 + 1];
	yajl_val v;

	repaired(text, len, expected);
	buf_reset(b);
	json_string(b, (const char *)text, len);
	v = parse(b);
	assert_true(YAJL_IS_STRING(v));
	assert_string_equal(YAJL_GET_STRING(v), expected);
	yajl_tree_free(v);
}

static void any_bytes_become_a_valid_string(void **state)
{
	/* bytes where UTF-8 changes its mind, much likelier than chance would bring them */
	static const uint8_t edges[] = { 0x22, 0x5c, 0x1f, 0x7f, 0x80, 0x8f, 0x90, 0x9f,
					 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed,
					 0xef, 0xf0, 0xf4, 0xf5, 0xff, 'a',  '/',  0x0a };
	struct buf b = { 0 };
	uint64_t seed = 1;
	uint8_t text[64];

	(void)state;
	for (unsigned int round = 0; round < 20000; round++) {
		size_t len = random_u64(&seed) % sizeof(text);

		for (size_t i = 0; i < len; i++) {
			uint64_t r = random_u64(&seed);

			text[i] = r & 1 ? edges[(r >> 8) % sizeof(edges)] : (uint8_t)(r >> 16);
			text[i] = text[i] ? text[i] : 1; /* the tree hands out C strings */
		}
		check_string(&b, text, len);
	}
	buf_fini(&b);
}

static void every_sequence_of_two_bytes(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (unsigned int i = 0x101; i < 0x10000; i++) {
		uint8_t text[2] = { (uint8_t)(i >> 8), (uint8_t)i };

		if (text[0] && text[1])
			check_string(&b, text, 2);
	}
	buf_fini(&b);
}

static void strings_of_the_standard(void **state)
{
	struct buf b = { 0 };

	(void)state;
	json_string(&b, "a\"b\\c\n\r\t\x01\x1f/", 11);
	assert_text(&b, "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f/\",");
	json_string(&b, "\0x", 2);
	assert_text(&b, "\"\\u0000x\",");
	json_string(&b, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9);
	assert_text(&b, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\",");
	json_string(&b, "\xed\xa0\x80", 3); /* a surrogate: three bytes, three replacements */
	assert_text(&b, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",");
	json_string(&b, "", 0);
	assert_text(&b, "\"\",");
	json_member(&b, "\"k\":", NULL);
	json_member(&b, "\"k\":", "");
	assert_int_equal(b.len, 0);
	buf_fini(&b);
}

static void tail_is_quoted_in_place(void **state)
{
	struct buf b = { 0 };
	size_t start;

	(void)state;
	buf_str(&b, "{\"rdata\":");
	start = b.len;
	buf_str(&b, "\"v=spf1\" \"\\255\"");
	json_quote_tail(&b, start);
	json_end(&b, '}');
	assert_text(&b, "{\"rdata\":\"\\\"v=spf1\\\" \\\"\\\\255\\\"\"},");
	buf_fini(&b);
}

static void brackets_close_with_and_without_members(void **state)
{
	struct buf b = { 0 };

	(void)state;
	json_lit(&b, "{\"a\":[");
	json_end(&b, ']');
	json_lit(&b, "\"b\":{");
	json_end(&b, '}');
	json_lit(&b, "\"c\":[");
	json_u64(&b, 1);
	json_u64(&b, 2);
	json_end(&b, ']');
	json_end_line(&b);
	assert_text(&b, "{\"a\":[],\"b\":{},\"c\":[1,2]}\n");
	buf_fini(&b);
}

static void numbers(void **state)
{
	static const uint64_t whole[] = {
		0, 9, 10, 99, 100, 101, 65535, 4294967295U, 9007199254740993U, UINT64_MAX
	};
	static const struct {
		double value;
		const char *text;
	} doubles[] = {
		{ 0, "0," },
		{ -0.0, "0," },
		{ 0.5, "0.5," },
		{ -4.0, "-4," },
		{ 1.0 / 3, "0.333333," },
		{ 0.0000004, "0," },
		{ -0.0000004, "0," },
		{ 0.000001, "0.000001," },
		{ 99.9999999, "100," },
		{ 142.38, "142.38," },
		{ 1e15, "1000000000000000," },
		{ NAN, "null," },
		{ INFINITY, "null," },
		{ -INFINITY, "null," },
	};
	struct buf b = { 0 };
	char text[24];

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		snprintf(text, sizeof(text), "%llu,", (unsigned long long)whole[i]);
		json_u64(&b, whole[i]);
		assert_text(&b, text);
	}
	for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++) {
		json_double(&b, doubles[i].value);
		assert_text(&b, doubles[i].text);
	}
	buf_fini(&b);
}

static void addresses_as_the_c_library_writes_them(void **state)
{
	char expected[INET6_ADDRSTRLEN + 3], text[INET6_ADDRSTRLEN];
	struct buf b = { 0 };
	uint64_t seed = 7;
	uint8_t a[16];

	(void)state;
	for (unsigned int round = 0; round < 20000; round++) {
		uint64_t sparse = random_u64(&seed);

		for (size_t i = 0; i < 16; i++) /* runs of zero groups of every length */
			a[i] = sparse >> (i / 2 * 3) & 3 ? 0 : (uint8_t)random_u64(&seed);
		if (round % 5 == 0)
			memcpy(a, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
		snprintf(expected, sizeof(expected), "\"%s\",",
			 inet_ntop(AF_INET6, a, text, sizeof(text)));
		json_ip6(&b, a);
		assert_text(&b, expected);
		snprintf(expected, sizeof(expected), "\"%s\",",
			 inet_ntop(AF_INET, a + 12, text, sizeof(text)));
		json_ip4(&b, a + 12);
		assert_text(&b, expected);
	}
	memcpy(a, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01", 16);
	json_ip(&b,
		&(struct ip_addr){ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1 } });
	assert_text(&b, "\"192.0.2.1\",");
	json_ip6(&b, a);
	assert_text(&b, "\"::ffff:192.0.2.1\",");
	buf_fini(&b);
}

static void times_as_the_c_library_breaks_them_down(void **state)
{
	static const int offsets[] = { 0, 3600, -34200, 20700, -43200, 50400 };
	char expected[80], date[40];
	struct buf b = { 0 };
	uint64_t seed = 3;

	(void)state;
	for (unsigned int round = 0; round < 20000; round++) {
		/* 1970-01-02 to 2500 */
		uint64_t ns = 86400000000000U + random_u64(&seed) % 16725225600000000000U;
		int off = offsets[round % 6];
		time_t local = (time_t)(ns / 1000000000U) + off;
		struct tm tm;

		gmtime_r(&local, &tm);
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(expected, sizeof(expected), "\"%s.%06u%c%02d%02d\",", date,
			 (unsigned int)(ns % 1000000000U / 1000), off < 0 ? '-' : '+',
			 abs(off) / 3600, abs(off) / 60 % 60);
		json_time(&b, ns, off);
		assert_text(&b, expected);
	}
	json_time(&b, 951782400000000999U, 0); /* 29 February 2000 */
	assert_text(&b, "\"2000-02-29T00:00:00.000000+0000\",");
	json_time(&b, 0, -3600);
	assert_text(&b, "\"1970-01-01T00:00:00.000000-0100\",");
	buf_fini(&b);
}

static void names_escape_twice(void **state)
{
	static const struct {
		const char *wire;
		uint8_t len;
		const char *json;
	} cases[] = {
		{ "", 1, "\".\"," },
		{ "\3www\7example\3com", 17, "\"www.example.com\"," },
		{ "\3a.b\1c", 7, "\"a\\\\.b.c\"," },
		{ "\3a\\b", 5, "\"a\\\\\\\\b\"," },
		{ "\3a\"b", 5, "\"a\\\"b\"," },
		{ "\5 \x7f\xff\n!", 7, "\"\\\\032\\\\127\\\\255\\\\010!\"," },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dns_name name = { .len = cases[i].len };

		memcpy(name.wire, cases[i].wire, cases[i].len);
		json_name(&b, &name);
		yajl_tree_free(parse(&b)); /* parse() swaps the comma for a terminator */
		assert_int_equal(b.len - 2, strlen(cases[i].json) - 1);
		assert_memory_equal(b.bytes, cases[i].json, b.len - 2);
		buf_reset(&b);
	}
	buf_fini(&b);
}

/* Two ways to the same text: octet by octet with the names' own writer, then as any string. */
static void names_as_their_text_escaped(void **state)
{
	struct buf direct = { 0 }, by_text = { 0 };
	char text[DNS_NAME_TEXT_MAX];

	(void)state;
	for (unsigned int octet = 0; octet < 256; octet++) {
		for (uint8_t len = 1; len < 20; len++) {
			for (uint8_t at = 0; at < len; at++) {
				struct dns_name name = { .len = (uint8_t)(len + 2) };

				memset(name.wire, 'a', sizeof(name.wire));
				name.wire[0] = len;
				name.wire[1 + at] = (uint8_t)octet;
				name.wire[1 + len] = 0;
				buf_reset(&direct);
				buf_reset(&by_text);
				json_name(&direct, &name);
				json_string(&by_text, text, dns_name_format(&name, text));
				assert_int_equal(direct.len, by_text.len);
				assert_memory_equal(direct.bytes, by_text.bytes, direct.len);
			}
		}
	}
	buf_fini(&direct);
	buf_fini(&by_text);
}

static void longest_name_fits(void **state)
{
	struct dns_name name = { .len = 255 };
	struct buf b = { 0 };
	yajl_val v;

	(void)state;
	memset(name.wire, 0xff, sizeof(name.wire));
	name.wire[0] = name.wire[64] = name.wire[128] = 63;
	name.wire[192] = 61;
	name.wire[254] = 0;
	json_name(&b, &name);
	v = parse(&b);
	assert_true(YAJL_IS_STRING(v));
	assert_int_equal(strlen(v->u.string), 250 * 4 + 3);
	yajl_tree_free(v);
	buf_fini(&b);
}

static void failed_buffer_stays_quiet(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_char(&b, '[');
	b.len = b.cap; /* full, and no memory for more */
	b.failed = true;
	json_string(&b, "x", 1);
	json_u64(&b, 1);
	json_double(&b, 1.5);
	json_time(&b, 1, 0);
	json_quote_tail(&b, 0);
	json_end(&b, '}');
	json_end_line(&b);
	assert_int_equal(b.len, b.cap);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_bytes_become_a_valid_string),
		cmocka_unit_test(every_sequence_of_two_bytes),
		cmocka_unit_test(strings_of_the_standard),
		cmocka_unit_test(tail_is_quoted_in_place),
		cmocka_unit_test(brackets_close_with_and_without_members),
		cmocka_unit_test(numbers),
		cmocka_unit_test(addresses_as_the_c_library_writes_them),
		cmocka_unit_test(times_as_the_c_library_breaks_them_down),
		cmocka_unit_test(names_escape_twice),
		cmocka_unit_test(names_as_their_text_escaped),
		cmocka_unit_test(longest_name_fits),
		cmocka_unit_test(failed_buffer_stays_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
