// SPDX-License-Identifier: BSD-2-Clause
/* Floods of random names: which go up, which are folded, what the next record of the zone says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "libtap.h"

#define QNAME	 12
#define SECOND	 1000000000ULL
#define START	 (1700000000 * SECOND)
#define NAMES	 10 /* a zone and second */
#define DENIALS	 3

enum answer { ADDRESS, NXDOMAIN, EMPTY };

static void given_clock(struct ft_settings *s)
{
	s->given_clock = 1;
}

static struct tap *open_folding(uint32_t names, uint32_t denials)
{
	struct kernel_config cfg = kernel_config_default();
	struct tap *t;

	cfg.filter_bytes = 1 << 20;
	cfg.zone_names_per_s = names;
	cfg.zone_denials_per_s = denials;
	t = tap_open(&cfg, given_clock);
	tap_need_walk(t);
	tap_clock(t, START);
	return t;
}

static unsigned int run(struct tap *t, enum answer kind, const char *qname)
{
	static struct packet p;

	packet_response(&p, qname);
	if (kind == ADDRESS)
		packet_a(&p, 1, QNAME, 60, "192.0.2.1");
	packet_done(&p);
	if (kind == NXDOMAIN)
		p.b[p.dns + 3] |= 3;
	return tap_run(t, TAP_XDP, &p);
}

/* Names @from up to @to below @zone: how many went up. */
static unsigned int flood(struct tap *t, enum answer kind, const char *zone, int from, int to)
{
	unsigned int up = 0, end;
	char name[256];

	for (int i = from; i < to; i++) {
		snprintf(name, sizeof(name), "label%d.%s", i, zone);
		end = run(t, kind, name);
		assert_true(end == FT_STAGE_EMITTED || end == FT_STAGE_FOLDED);
		up += end == FT_STAGE_EMITTED;
	}
	return up;
}

static const struct ft_response *only(const struct tap *t)
{
	assert_int_equal(t->records_len, 1);
	return &t->records[0].response;
}

static void a_zone_has_so_many_new_names_a_second(void **state)
{
	struct tap *t = open_folding(NAMES, DENIALS);

	(void)state;
	assert_int_equal(flood(t, ADDRESS, "flood.example.", 0, 50), NAMES);
	assert_int_equal(t->counters[FT_STAGE_FOLDED], 40);
	/* nobody else's zone, and not above it */
	assert_int_equal(run(t, ADDRESS, "www.other.example."), FT_STAGE_EMITTED);
	assert_int_equal(only(t)->novelty, FT_NOVELTY_NAME);
	assert_int_equal(run(t, ADDRESS, "flood.example."), FT_STAGE_EMITTED);
	assert_int_equal(run(t, ADDRESS, "www.label1.flood.example."), FT_STAGE_EMITTED);
	/* what is known stays known */
	assert_int_equal(run(t, ADDRESS, "label3.flood.example."), FT_STAGE_REPEAT);
	/* what was folded is new again; its record tells of those before it */
	assert_int_equal(run(t, ADDRESS, "label30.flood.example."), FT_STAGE_FOLDED);
	tap_clock(t, START + SECOND);
	assert_int_equal(run(t, ADDRESS, "label30.flood.example."), FT_STAGE_EMITTED);
	assert_int_equal(only(t)->novelty, FT_NOVELTY_FOLDED);
	assert_int_equal(only(t)->repeats, 41);
	assert_true(only(t)->first_ns == 0);
	assert_int_equal(run(t, ADDRESS, "label31.flood.example."), FT_STAGE_EMITTED);
	assert_int_equal(only(t)->novelty, FT_NOVELTY_NAME);
	assert_int_equal(only(t)->repeats, 0);
	tap_close(t);
}

static void names_that_are_not_use_up_none_of_those_that_are(void **state)
{
	struct tap *t = open_folding(NAMES, DENIALS);

	(void)state;
	assert_int_equal(flood(t, NXDOMAIN, "flood.example.", 0, 50), DENIALS);
	assert_int_equal(flood(t, EMPTY, "flood.example.", 50, 100), 0);
	assert_int_equal(flood(t, ADDRESS, "flood.example.", 100, 150), NAMES);
	assert_int_equal(t->counters[FT_STAGE_FOLDED], 150 - NAMES - DENIALS);
	tap_close(t);
}

static void below_a_top_level_domain_only_denials_fold(void **state)
{
	struct tap *t = open_folding(NAMES, DENIALS);

	(void)state;
	assert_int_equal(flood(t, ADDRESS, "example.", 0, 50), 50);
	assert_int_equal(flood(t, NXDOMAIN, "example.", 50, 100), DENIALS);
	tap_close(t);
}

static void without_a_limit_nothing_folds(void **state)
{
	struct tap *t = open_folding(0, DENIALS);

	(void)state;
	assert_int_equal(flood(t, ADDRESS, "flood.example.", 0, 50), 50);
	assert_int_equal(flood(t, NXDOMAIN, "flood.example.", 50, 100), DENIALS);
	tap_close(t);
	t = open_folding(NAMES, 0);
	assert_int_equal(flood(t, ADDRESS, "flood.example.", 0, 50), NAMES);
	assert_int_equal(flood(t, NXDOMAIN, "flood.example.", 50, 100), 50);
	tap_close(t);
}

/* Case does not matter, and neither how long the way is that the message takes. */
static void a_zone_is_one_however_it_is_written(void **state)
{
	struct tap *t = open_folding(2, DENIALS);
	static struct packet p;

	(void)state;
	assert_int_equal(run(t, ADDRESS, "a.flood.example."), FT_STAGE_EMITTED);
	assert_int_equal(run(t, ADDRESS, "b.FLOOD.exAMPle."), FT_STAGE_EMITTED);
	assert_int_equal(run(t, ADDRESS, "c.flood.example."), FT_STAGE_FOLDED);
	/* a label of 63 octets is read by the long way */
	assert_int_equal(run(t, ADDRESS,
			     "d23456789012345678901234567890123456789012345678901234567890123."
			     "flood.example."),
			 FT_STAGE_FOLDED);
	/* the root has no zone */
	packet_response(&p, ".");
	packet_a(&p, 1, QNAME, 60, "192.0.2.1");
	packet_done(&p);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_EMITTED);
	tap_close(t);
}

/* More zones than there are places: who made room is counted, and no count is lost from sight. */
static void zones_make_room_and_it_is_counted(void **state)
{
	struct tap *t = open_folding(1, 1);
	struct kernel_stats stats;
	uint64_t carried = 0;
	char zone[64];

	(void)state;
	for (int i = 0; i < 3 * FT_ZONE_SETS * 4; i++) {
		tap_clock(t, START + (unsigned int)i * SECOND / 100);
		snprintf(zone, sizeof(zone), "zone%d.example.", i);
		assert_int_equal(flood(t, ADDRESS, zone, 0, 2), 1);
	}
	kernel_stats(t->k, &stats);
	assert_in_range(stats.evicted_folded, 2 * FT_ZONE_SETS * 4, 3 * FT_ZONE_SETS * 4 - 1);
	for (int i = 0; i < 3 * FT_ZONE_SETS * 4; i++) {
		tap_clock(t, START + (1000 + (unsigned int)i) * SECOND);
		snprintf(zone, sizeof(zone), "label3.zone%d.example.", 3 * FT_ZONE_SETS * 4 - 1 - i);
		assert_int_equal(run(t, ADDRESS, zone), FT_STAGE_EMITTED);
		if (only(t)->novelty == FT_NOVELTY_FOLDED)
			carried += only(t)->repeats;
	}
	kernel_stats(t->k, &stats);
	assert_int_equal(carried + stats.evicted_folded, t->counters[FT_STAGE_FOLDED]);
	tap_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zone_has_so_many_new_names_a_second),
		cmocka_unit_test(names_that_are_not_use_up_none_of_those_that_are),
		cmocka_unit_test(below_a_top_level_domain_only_denials_fold),
		cmocka_unit_test(without_a_limit_nothing_folds),
		cmocka_unit_test(a_zone_is_one_however_it_is_written),
		cmocka_unit_test(zones_make_room_and_it_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
