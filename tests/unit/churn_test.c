// SPDX-License-Identifier: BSD-2-Clause
/* churn/: fresh sets, the bottom-k sample, estimates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "churn/names.h"
#include "churn/sketch.h"

static struct ip_addr v4(uint32_t n)
{
	uint8_t b[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

	return ip_from_v4(b);
}

static void sketch_counts_within_its_error(void **state)
{
	static const unsigned int counts[] = { 1, 3, 10, 40, 200, 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		double sum = 0;

		for (unsigned int run = 0; run < 200; run++) { /* the mean of runs is near */
			uint64_t sketch = 0;

			for (unsigned int n = 0; n < counts[i]; n++)
				sketch_add(&sketch, hash_mix(run * 1000003ULL + n + 1));
			sum += sketch_estimate(sketch);
		}
		assert_true(fabs(sum / 200 / counts[i] - 1) < 0.12);
	}
}

struct set_of { /* a response in the making */
	struct ip_addr addrs[16];
	uint64_t hashes[16];
	struct rrset r;
};

static void make(struct set_of *s, const uint32_t *ips, size_t n, uint32_t ttl)
{
	memset(&s->r, 0, sizeof(s->r));
	for (size_t i = 0; i < n; i++) {
		s->addrs[i] = v4(ips[i]);
		s->hashes[i] = hash_mix(ips[i] + 77ULL);
		s->r.identity ^= s->hashes[i];
	}
	s->r.set = (struct sample_set){ s->addrs, s->hashes, n };
	s->r.ttl_s = ttl;
	s->r.type = 1;
}

static enum names_outcome tell(struct names *n, double at_s, uint32_t server, const uint32_t *ips,
			       size_t len, uint32_t ttl, struct names_result *res)
{
	struct set_of s;
	struct names_response r = { .rrset = &s.r,
				    .server = server,
				    .client = 9,
				    .time_ns = (uint64_t)((1e9 + at_s) * 1e9) };

	make(&s, ips, len, ttl);
	names_observe(n, 42, names_get(n, 42), &r, res);
	return res->outcome;
}

static void replays_and_orders_are_no_news(void **state)
{
	static const uint32_t a[] = { 1, 2, 3 }, b[] = { 3, 1, 2 }, c[] = { 1, 2, 4 };
	struct names_result res;
	struct names *n;

	(void)state;
	assert_int_equal(names_new(64, &n), 0);
	assert_int_equal(tell(n, 0, 5, a, 3, 60, &res), NAMES_FIRST);
	assert_int_equal(tell(n, 10, 5, a, 3, 50, &res), NAMES_REPLAY);
	assert_int_equal(tell(n, 20.6, 5, b, 3, 40, &res), NAMES_REPLAY);
	/* another cache behind the address, whose copy expires earlier */
	assert_int_equal(tell(n, 30, 5, c, 3, 20, &res), NAMES_REPLAY);
	assert_int_equal(tell(n, 61, 5, b, 3, 60, &res), NAMES_SAME);
	assert_int_equal(tell(n, 125, 5, c, 3, 60, &res), NAMES_CHANGED);
	assert_int_equal(res.added_len, 1);
	assert_int_equal(res.removed_len, 1);
	assert_false(res.returned);
	assert_int_equal(tell(n, 190, 5, a, 3, 60, &res), NAMES_CHANGED);
	assert_true(res.returned);
	/* a server not heard before is judged by itself, but compared with what is known */
	assert_int_equal(tell(n, 191, 6, a, 3, 30, &res), NAMES_SAME);
	names_free(n);
}

/* A gateway sees what its resolver is told and what it tells: the evidence is one. */
static void what_a_resolver_passes_on_counts_once(void **state)
{
	static const uint32_t a[] = { 1, 2 }, b[] = { 3, 4 };
	struct names_result res;
	struct names *n;

	(void)state;
	assert_int_equal(names_new(64, &n), 0);
	assert_int_equal(tell(n, 0, 5, a, 2, 60, &res), NAMES_FIRST);
	assert_int_equal(tell(n, 0.01, 6, a, 2, 60, &res), NAMES_REPLAY);
	assert_int_equal(tell(n, 30.5, 6, a, 2, 30, &res), NAMES_REPLAY);
	assert_int_equal(tell(n, 61, 5, b, 2, 60, &res), NAMES_CHANGED);
	assert_int_equal(tell(n, 61.01, 6, b, 2, 59, &res), NAMES_REPLAY);
	assert_int_equal(names_get(n, 42)->fresh, 2);
	assert_int_equal(names_get(n, 42)->changes, 1);
	/* another resolver that asked for itself, later; and another set at the same time */
	assert_int_equal(tell(n, 80, 7, b, 2, 60, &res), NAMES_SAME);
	assert_int_equal(tell(n, 150, 5, a, 2, 60, &res), NAMES_CHANGED);
	assert_int_not_equal(tell(n, 150.01, 6, b, 2, 60, &res), NAMES_REPLAY);
	assert_int_equal(names_get(n, 42)->fresh, 5);
	names_free(n);
}

/* Truncated, as over UDP before the client asks again over TCP. */
static enum names_outcome tell_cut(struct names *n, double at_s, const uint32_t *ips, size_t len,
				   struct names_result *res)
{
	struct set_of s;
	struct names_response r = {
		.rrset = &s.r, .server = 5, .client = 9, .time_ns = (uint64_t)((1e9 + at_s) * 1e9)
	};

	make(&s, ips, len, 60);
	s.r.partial = true;
	names_observe(n, 42, names_get(n, 42), &r, res);
	return res->outcome;
}

static void truncated_answer_and_its_retry_count_once(void **state)
{
	static const uint32_t a[] = { 1, 2, 3, 4 }, b[] = { 5, 6, 7, 8 };
	struct names_result res;
	struct names *n;

	(void)state;
	assert_int_equal(names_new(64, &n), 0);
	assert_int_equal(tell_cut(n, 0, a, 2, &res), NAMES_REPLAY);
	assert_true(res.set_aside);
	assert_int_equal(res.weight, 0);
	assert_int_equal(tell(n, 0.02, 5, a, 4, 60, &res), NAMES_FIRST);
	assert_int_equal(res.weight, 1);
	assert_int_equal(tell_cut(n, 70, b, 2, &res), NAMES_REPLAY);
	assert_int_equal(tell_cut(n, 70.01, b, 2, &res), NAMES_REPLAY); /* another client */
	assert_int_equal(tell(n, 70.02, 5, b, 4, 60, &res), NAMES_CHANGED);
	assert_int_equal(res.added_len, 4);
	assert_int_equal(res.removed_len, 4);
	assert_int_equal(tell(n, 70.03, 5, b, 4, 60, &res), NAMES_REPLAY);
	assert_int_equal(names_get(n, 42)->fresh, 2);
	assert_int_equal(names_get(n, 42)->changes, 1);
	names_free(n);
}

static void truncated_answers_count_where_no_retry_is_seen(void **state)
{
	static const uint32_t a[] = { 1, 2, 3, 4 };
	struct names_result res;
	struct names *n;

	(void)state;
	assert_int_equal(names_new(64, &n), 0);
	assert_int_equal(tell_cut(n, 0, a, 2, &res), NAMES_REPLAY);
	assert_int_equal(tell_cut(n, 70, a, 2, &res), NAMES_REPLAY);
	assert_int_equal(tell_cut(n, 140, a, 2, &res), NAMES_FIRST);
	assert_false(res.set_aside);
	assert_int_equal(tell_cut(n, 210, a, 2, &res), NAMES_SAME);
	/* one whole answer, and they are set aside again */
	assert_int_equal(tell(n, 280, 5, a, 4, 60, &res), NAMES_FIRST);
	assert_int_equal(tell_cut(n, 350, a, 2, &res), NAMES_REPLAY);
	assert_true(res.set_aside);
	names_free(n);
}

static void ttl_zero_counts_once_in_five_seconds(void **state)
{
	uint32_t ip = 1;
	struct names_result res;
	struct names *n;
	unsigned int fresh = 0;

	(void)state;
	assert_int_equal(names_new(64, &n), 0);
	for (double t = 0; t < 20; t += 0.5) {
		ip++;
		fresh += tell(n, t, 5, &ip, 1, 0, &res) != NAMES_REPLAY;
	}
	assert_int_equal(fresh, 4);
	names_free(n);
}

static struct blocks blocks; /* where samples grow */
static const struct sample_ops sample_ops = { .blocks = &blocks };

static void draw(struct sample *s, uint64_t *random, uint32_t pool, unsigned int k, uint32_t at_s)
{
	struct set_of set;
	struct sample_delta delta;
	uint32_t ips[16];

	for (unsigned int i = 0; i < k; i++) {
		unsigned int j;

		do { /* without repetition */
			ips[i] = (uint32_t)(hash_mix(++*random) % pool);
			for (j = 0; j < i && ips[j] != ips[i]; j++)
				;
		} while (j < i);
	}
	make(&set, ips, k, 60);
	sample_add(s, &set.r.set, 0, true, 1, at_s, 120, &sample_ops, &delta);
}

static void pool_estimates_are_near(void **state)
{
	double sum = 0, distinct = 0;
	unsigned int inside = 0;

	(void)state;
	for (unsigned int run = 0; run < 100; run++) {
		struct sample s = { .len = 0 };
		uint64_t random = run * 1000003ULL;
		struct sample_pool p;

		for (uint32_t m = 0; m < 32; m++)
			draw(&s, &random, 100, 8, 1000 + m * 60);
		p = sample_pool_size(&s, 32);
		sum += p.estimate;
		inside += p.low <= 100 && p.high >= 100;
		distinct += sample_distinct(&s, 0);
		sample_free(&s, &blocks);
	}
	/* after 32 sets of 8 about 93 of 100 have been seen, and the estimate says 100 */
	assert_true(fabs(sum / 100 - 100) < 12);
	assert_true(fabs(distinct / 100 - 93) < 12);
	assert_true(inside >=
		    60); /* the band is an 80 % one; the sample's own error comes on top */
}

static void one_answer_says_nothing_about_the_pool(void **state)
{
	struct sample s = { .len = 0 };
	uint64_t random = 5;

	(void)state;
	draw(&s, &random, 1000, 16, 1000);
	assert_true(fabs(sample_pool_size(&s, 1).estimate - 16) < 0.01);
	sample_free(&s, &blocks);
}

static void novelty_falls_in_a_pool_and_stays_in_flux(void **state)
{
	struct sample pool = { .len = 0 }, flux = { .len = 0 };
	uint64_t random = 7;

	(void)state;
	for (uint32_t m = 0; m < 60; m++) {
		draw(&pool, &random, 12, 2, 1000 + m * 300);
		draw(&flux, &random, 1000000, 2, 1000 + m * 300);
	}
	assert_true(sample_novelty(&pool) < 0.1);
	assert_true(sample_novelty(&flux) > 0.9);
	sample_free(&pool, &blocks);
	sample_free(&flux, &blocks);
}

static struct sample_delta tell_sample(struct sample *s, uint32_t ip, unsigned int server,
				       uint32_t at_s)
{
	struct sample_delta delta;
	struct set_of set;

	make(&set, &ip, 1, 60);
	sample_add(s, &set.r.set, server, at_s > 1000, 1, at_s, 120, &sample_ops, &delta);
	return delta;
}

/* A balancer may turn faster than its TTL; other caches behind other servers are no turn. */
static void quick_returns_are_known_addresses(void **state)
{
	struct sample s = { 0 };

	(void)state;
	tell_sample(&s, 1, 0, 1000);
	assert_int_equal(tell_sample(&s, 2, 0, 1010).novel, 1);
	assert_int_equal(s.entries, 1);
	assert_int_equal(tell_sample(&s, 1, 0, 1020).reentries, 0);
	assert_int_equal(tell_sample(&s, 2, 0, 1030).reentries, 0);
	assert_int_equal(s.entries, 3);
	assert_true(sample_novelty(&s) < 0.01);
	assert_int_equal(tell_sample(&s, 1, 1, 1040).reentries, 0);
	assert_int_equal(s.entries, 3);
	assert_int_equal(tell_sample(&s, 1, 0, 1200).reentries, 1);
	assert_int_equal(s.entries, 4);
	sample_free(&s, &blocks);
}

static void sample_expires_and_stays_sound(void **state)
{
	struct sample s = { .len = 0 };
	uint64_t random = 9;

	(void)state;
	for (uint32_t m = 0; m < 200; m++)
		draw(&s, &random, 100000, 8, 1000 + m * 60);
	assert_int_equal(s.len, SAMPLE_SLOTS);
	assert_true(s.overflowed);
	assert_true(fabs(sample_distinct(&s, 0) / 1600 - 1) < 0.4);
	sample_expire(&s, 1000 + 150 * 60, &sample_ops);
	assert_true(s.len < SAMPLE_SLOTS);
	for (unsigned int i = 0; i < s.len; i++)
		assert_true(s.slots[i].last_s >= 1000 + 150 * 60);
	sample_expire(&s, UINT32_MAX, &sample_ops);
	assert_int_equal(s.len, 0);
	draw(&s, &random, 100, 8, 99999);
	assert_int_equal(s.len, 8);
	sample_free(&s, &blocks);
	assert_int_equal(blocks.used, 0);
}

static void sample_costs_what_it_holds(void **state)
{
	struct sample s = { .len = 0 };

	(void)state;
	for (uint32_t i = 0; i < SAMPLE_SLOTS; i++) {
		tell_sample(&s, i, 0, 1000 + i * 60);
		assert_int_equal(s.len, i + 1);
		assert_true(blocks.used == 32 * (i < 4	  ? 4
						 : i < 8  ? 8
						 : i < 16 ? 16
						 : i < 32 ? 32
							  : 64));
	}
	sample_free(&s, &blocks);
}

/* Addresses of both families, as an aggregate meets them, in any order. */
static void sample_tells_the_addresses_it_was_told(void **state)
{
	struct ip_addr told[40];
	struct sample s = { .len = 0 };
	struct sample_delta delta;

	(void)state;
	for (uint32_t i = 0; i < 40; i++) {
		uint8_t raw[16] = {
			0x20, 0x01, 0x0d, 0xb8, 0, (uint8_t)i, 0, 0, [15] = (uint8_t)i
		};
		uint64_t hash = hash_mix(i + 1);
		struct sample_set set = { &told[i], &hash, 1 };

		told[i] = i > 10 && i % 3 ? ip_from_v6(raw) : ip_from_v4(raw);
		if (ip_is_v4(&told[i]))
			told[i].b[15] = (uint8_t)i;
		sample_add(&s, &set, 0, true, 1, 1000 + i, 120, &sample_ops, &delta);
	}
	for (uint32_t i = 0; i < 40; i++) {
		int at = sample_find(&s, hash_mix(i + 1));
		struct ip_addr addr = sample_addr(&s, (unsigned int)at);

		assert_true(at >= 0);
		assert_true(ip_equal(&addr, &told[i]));
	}
	sample_expire(&s, 1020, &sample_ops);
	assert_int_equal(s.len, 20);
	for (uint32_t i = 20; i < 40; i++) {
		int at = sample_find(&s, hash_mix(i + 1));
		struct ip_addr addr = sample_addr(&s, (unsigned int)at);

		assert_true(ip_equal(&addr, &told[i]));
	}
	sample_free(&s, &blocks);
	assert_int_equal(blocks.used, 0);
}

/* It stays as large as it is, and still says how many there were. */
static void sample_makes_do_without_memory(void **state)
{
	struct blocks few;
	const struct sample_ops ops = { .blocks = &few };
	struct sample s = { .len = 0 };
	struct sample_delta delta;

	(void)state;
	assert_int_equal(blocks_init(&few, BLOCK_MOST), 0);
	assert_non_null(blocks_take(&few, BLOCK_MOST / 2));
	assert_non_null(blocks_take(&few, BLOCK_MOST / 8)); /* left: 512 and 1024 */
	for (uint32_t i = 0; i < 800; i++) {
		struct set_of set;

		make(&set, &i, 1, 60);
		sample_add(&s, &set.r.set, 0, true, 1, 1000 + i, 120, &ops, &delta);
	}
	assert_int_equal(s.cap, 16); /* it grows into a new block before it leaves the old */
	assert_true(s.overflowed && few.refused > 0);
	assert_true(fabs(sample_distinct(&s, 0) / 800 - 1) < 0.5);
	blocks_fini(&few);
}

static void one_off_names_leave_the_table_alone(void **state)
{
	struct names_stats stats;
	struct names_result res;
	struct names *n;
	uint32_t ip = 1;
	struct set_of set;

	(void)state;
	assert_int_equal(names_new(4096, &n), 0);
	make(&set, &ip, 1, 60);
	for (uint64_t i = 0; i < 200000; i++) {
		struct names_response r = { .rrset = &set.r,
					    .server = 1,
					    .client = 1,
					    .time_ns = 1000000000ULL * 1000 + i * 1000000 };
		uint64_t key = hash_nonzero(hash_mix(i));

		names_observe(n, key, names_get(n, key), &r, &res);
		if (i % 10 == 0) /* in use all the time */
			names_observe(n, 4711, names_get(n, 4711), &r, &res);
	}
	assert_false(res.is_new);
	names_stats(n, &stats);
	assert_true(stats.count <= 4096);
	assert_true(stats.refused > 150000);
	assert_non_null(names_get(n, 4711));
	names_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sketch_counts_within_its_error),
		cmocka_unit_test(replays_and_orders_are_no_news),
		cmocka_unit_test(truncated_answer_and_its_retry_count_once),
		cmocka_unit_test(truncated_answers_count_where_no_retry_is_seen),
		cmocka_unit_test(ttl_zero_counts_once_in_five_seconds),
		cmocka_unit_test(pool_estimates_are_near),
		cmocka_unit_test(one_answer_says_nothing_about_the_pool),
		cmocka_unit_test(novelty_falls_in_a_pool_and_stays_in_flux),
		cmocka_unit_test(what_a_resolver_passes_on_counts_once),
		cmocka_unit_test(quick_returns_are_known_addresses),
		cmocka_unit_test(sample_expires_and_stays_sound),
		cmocka_unit_test(sample_costs_what_it_holds),
		cmocka_unit_test(sample_tells_the_addresses_it_was_told),
		cmocka_unit_test(sample_makes_do_without_memory),
		cmocka_unit_test(one_off_names_leave_the_table_alone),
	};

	if (blocks_init(&blocks, 1U << 20))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
