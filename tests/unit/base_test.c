// SPDX-License-Identifier: BSD-2-Clause
/* base/: addresses, the keyed hash, the bounded table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/hash.h"
#include "base/ip.h"
#include "base/blocks.h"
#include "base/table.h"

static void ip_text_round_trip(void **state)
{
	static const char *const texts[] = { "0.0.0.0", "192.0.2.1",   "255.255.255.255",
					     "::",	"2001:db8::1", "fe80::1:0:0:1" };
	char buf[IP_TEXT_MAX];
	struct ip_addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(ip_parse(texts[i], &a), 0);
		assert_string_equal(ip_format(&a, buf), texts[i]);
	}
	assert_int_not_equal(ip_parse("192.0.2", &a), 0);
	assert_int_not_equal(ip_parse("example", &a), 0);
}

static void ip_special_ranges_are_not_global(void **state)
{
	static const struct {
		const char *text;
		bool global;
	} cases[] = {
		{ "8.8.8.8", true },	  { "10.1.2.3", false },    { "172.16.0.1", false },
		{ "172.32.0.1", true },	  { "198.18.0.1", false },  { "198.20.0.1", true },
		{ "100.64.0.1", false },  { "127.0.0.1", false },   { "224.0.0.1", false },
		{ "2001:db8::1", false }, { "2a00:1450::1", true }, { "fe80::1", false },
		{ "fd00::1", false },	  { "::1", false },	    { "3fff::1", false },
	};
	struct ip_addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ip_parse(cases[i].text, &a), 0);
		assert_int_equal(ip_is_global(&a), cases[i].global);
	}
}

static void prefix_parse_and_contains(void **state)
{
	struct ip_prefix p;
	struct ip_addr a;
	char buf[IP_TEXT_MAX + 4];

	(void)state;
	assert_int_equal(ip_prefix_parse("198.18.0.0/15", &p), 0);
	assert_string_equal(ip_prefix_format(&p, buf), "198.18.0.0/15");
	ip_parse("198.19.255.255", &a);
	assert_true(ip_prefix_contains(&p, &a));
	ip_parse("198.20.0.0", &a);
	assert_false(ip_prefix_contains(&p, &a));
	assert_int_not_equal(ip_prefix_parse("198.18.0.1/15", &p), 0);
	assert_int_not_equal(ip_prefix_parse("198.18.0.0/33", &p), 0);
	assert_int_not_equal(ip_prefix_parse("198.18.0.0/", &p), 0);
	assert_int_equal(ip_prefix_parse("2001:db8::/32", &p), 0);
	assert_string_equal(ip_prefix_format(&p, buf), "2001:db8::/32");
}

static void keyed_hash_matches_reference(void **state)
{
	/* SipHash-1-3 of the bytes 0..n-1 under the key 00..0f, from the reference code */
	uint8_t bytes[16] = { 0 };
	uint64_t empty = hash_keyed(&hash_key_fixed, bytes, 0);

	(void)state;
	for (uint8_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i;
	assert_true(empty == 0xabac0158050fc4dcULL);
	assert_true(hash_keyed(&hash_key_fixed, bytes, 1) == 0xc9f49bf37d57ca93ULL);
}

struct entry {
	uint64_t key;
	uint64_t value;
};

static void table_is_bounded_and_counts_evictions(void **state)
{
	struct table *t;
	bool is_new;
	size_t pos = 0, n = 0;

	(void)state;
	assert_int_equal(table_new(sizeof(struct entry), 64, NULL, NULL, &t), 0);
	for (uint64_t i = 1; i <= 10000; i++) {
		uint64_t key = hash_mix(i);
		struct entry *e = table_put(t, key, &is_new);

		assert_true(is_new);
		e->value = i;
		assert_ptr_equal(table_get(t, key), e);
	}
	assert_true(table_count(t) <= table_capacity(t));
	assert_int_equal(table_evictions(t) + table_count(t), 10000);
	while (table_next(t, &pos))
		n++;
	assert_int_equal(n, table_count(t));
	table_free(t);
}

static void table_keeps_what_is_used_in_a_flood(void **state)
{
	struct table *t;
	bool is_new;
	uint64_t hot = hash_mix(1);

	(void)state;
	assert_int_equal(table_new(sizeof(struct entry), 64, NULL, NULL, &t), 0);
	table_put(t, hot, &is_new);
	for (uint64_t i = 2; i <= 10000; i++) {
		assert_non_null(table_get(t, hot));
		table_put(t, hash_mix(i), &is_new);
	}
	table_free(t);
}

static void table_uses_anew_what_was_removed(void **state)
{
	struct table *t;
	bool is_new;

	(void)state;
	assert_int_equal(table_new(sizeof(struct entry), 1024, NULL, NULL, &t), 0);
	for (uint64_t i = 1; i <= 300; i++)
		table_put(t, hash_mix(i), &is_new);
	for (uint64_t round = 1; round <= 50; round++) {
		for (uint64_t i = 1; i <= 300; i += 3)
			table_remove(t, table_get(t, hash_mix(i)));
		assert_int_equal(table_count(t), 200);
		for (uint64_t i = 1; i <= 300; i += 3) {
			struct entry *e;

			assert_null(table_get(t, hash_mix(i)));
			e = table_put(t, hash_mix(i), &is_new);
			assert_true(is_new);
			assert_int_equal(e->value, 0);
			assert_true(table_number(t, e) < 300);
			e->value = i * round;
		}
		for (uint64_t i = 1; i <= 300; i++) {
			const struct entry *e = table_get(t, hash_mix(i));

			assert_int_equal(e->value, i % 3 == 1 ? i * round : 0);
		}
	}
	table_free(t);
}

/* Huge pages when it is in use, or from the beginning: what it holds is the same. */
static void table_holds_the_same_in_huge_pages(void **state)
{
	(void)state;
	for (int round = 0; round < 2; round++) {
		struct table *t;
		bool is_new;

		assert_int_equal(table_new(sizeof(struct entry), 1 << 18, NULL, NULL, &t), 0);
		for (uint64_t i = 1; i <= 33000; i++) {
			struct entry *e = table_put(t, hash_mix(i), &is_new);

			assert_true(is_new);
			e->value = i;
		}
		assert_int_equal(table_evictions(t), 0);
		for (uint64_t i = 1; i <= 33000; i++) {
			const struct entry *e = table_peek(t, hash_mix(i));

			assert_non_null(e);
			assert_int_equal(e->value, i);
		}
		table_free(t);
		table_expect_much();
	}
}

#define HELD 200

struct held {
	uint8_t *block;
	size_t bytes;
	uint8_t mark;
};

static void let_go(struct blocks *b, struct held *h)
{
	for (size_t i = 0; h->block && i < h->bytes; i++)
		assert_int_equal(h->block[i], h->mark);
	blocks_give(b, h->block, h->bytes);
	h->block = NULL;
}

static void blocks_neither_overlap_nor_get_lost(void **state)
{
	struct held held[HELD] = { 0 };
	struct blocks b;
	uint64_t random = 3;

	(void)state;
	assert_int_equal(blocks_init(&b, 64 * BLOCK_MOST), 0);
	for (unsigned int i = 0; i < 100000; i++) {
		struct held *h = &held[hash_mix(++random) % HELD];

		let_go(&b, h);
		h->bytes = 1 + hash_mix(++random) % BLOCK_MOST;
		h->mark = (uint8_t)i;
		h->block = blocks_take(&b, h->bytes);
		for (size_t j = 0; h->block && j < h->bytes; j++)
			assert_int_equal(h->block[j], 0);
		if (h->block)
			memset(h->block, h->mark, h->bytes);
	}
	assert_true(b.refused > 0); /* more was asked for than there is */
	for (unsigned int i = 0; i < HELD; i++)
		let_go(&b, &held[i]);
	assert_int_equal(b.used, 0);
	assert_int_equal(blocks_large_left(&b), 128); /* all joined again */
	assert_null(blocks_take(&b, BLOCK_MOST + 1));
	blocks_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ip_text_round_trip),
		cmocka_unit_test(ip_special_ranges_are_not_global),
		cmocka_unit_test(prefix_parse_and_contains),
		cmocka_unit_test(keyed_hash_matches_reference),
		cmocka_unit_test(table_is_bounded_and_counts_evictions),
		cmocka_unit_test(table_keeps_what_is_used_in_a_flood),
		cmocka_unit_test(table_uses_anew_what_was_removed),
		cmocka_unit_test(table_holds_the_same_in_huge_pages),
		cmocka_unit_test(blocks_neither_overlap_nor_get_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
