// SPDX-License-Identifier: BSD-2-Clause
/* report/ledger: a balanced ledger, and each of its sums put out of balance in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "report/ledger.h"

/* 1000 frames: 100 other, 50 queries, 850 responses; two messages put together, three broken. */
static struct ledger balanced(void)
{
	struct ledger l;

	memset(&l, 0, sizeof(l));
	l.kernel[FT_STAGE_SEEN] = 1000;
	l.kernel[FT_STAGE_NOT_DNS] = 100;
	l.kernel[FT_STAGE_QUERY] = 50;
	l.kernel[FT_STAGE_RESPONSE] = 850;
	l.kernel[FT_STAGE_EMITTED] = 500;
	l.kernel[FT_STAGE_REPEAT] = 300;
	l.kernel[FT_STAGE_RING_FULL] = 20;
	l.kernel[FT_STAGE_SHED] = 10;
	l.kernel[FT_REASON_SHORT_DNS] = 15;
	l.kernel[FT_REASON_BAD_EVENT] = 5; /* the last reason */
	l.consumed = 490;
	l.in_ring = 10;
	l.reassembly.records = 489;
	l.reassembly.passed = 480;
	l.reassembly.fragments = 4;
	l.reassembly.segments = 5;
	l.reassembly.from_fragments = 1;
	l.reassembly.from_tcp = 1;
	l.malformed[FT_REASON_BAD_EVENT] = 1;
	l.malformed[FT_REASON_BAD_NAME] = 2;
	l.parsed = 480;
	l.given_up[FT_REASON_TCP_GAP] = 3; /* beside the sum */
	return l;
}

static void assert_unbalanced(struct ledger l, const char *which)
{
	const char *found = NULL;

	assert_false(ledger_balanced(&l, &found));
	assert_string_equal(found, which);
	assert_false(ledger_balanced(&l, NULL));
}

static void balanced_ledger_is_balanced(void **state)
{
	struct ledger l = balanced(), zero;
	const char *which = "untouched";

	(void)state;
	assert_true(ledger_balanced(&l, &which));
	assert_null(which);
	assert_true(ledger_balanced(&l, NULL));
	memset(&zero, 0, sizeof(zero));
	assert_true(ledger_balanced(&zero, NULL));
}

static void each_counter_is_part_of_a_sum(void **state)
{
	static const struct {
		size_t offset;
		const char *which;
	} cases[] = {
#define KERNEL(i)    offsetof(struct ledger, kernel) + (i) * sizeof(uint64_t)
#define MALFORMED(i) offsetof(struct ledger, malformed) + (i) * sizeof(uint64_t)
		{ KERNEL(FT_STAGE_SEEN), "kernel_seen" },
		{ KERNEL(FT_STAGE_NOT_DNS), "kernel_seen" },
		{ KERNEL(FT_STAGE_QUERY), "kernel_seen" },
		{ KERNEL(FT_STAGE_RESPONSE), "kernel_seen" },
		{ KERNEL(FT_STAGE_EMITTED), "kernel_response" },
		{ KERNEL(FT_STAGE_REPEAT), "kernel_response" },
		{ KERNEL(FT_STAGE_RING_FULL), "kernel_response" },
		{ KERNEL(FT_STAGE_SHED), "kernel_response" },
		{ KERNEL(FT_STAGE_FOLDED), "kernel_response" },
		{ KERNEL(FT_REASON_SHORT_L2), "kernel_response" },
		{ KERNEL(FT_REASON_BAD_EVENT), "kernel_response" },
		{ offsetof(struct ledger, in_ring), "ring" },
		{ offsetof(struct ledger, consumed), "ring" },
		{ offsetof(struct ledger, reassembly.records), "reassembly" },
		{ offsetof(struct ledger, reassembly.passed), "reassembly" },
		{ offsetof(struct ledger, reassembly.fragments), "reassembly" },
		{ offsetof(struct ledger, reassembly.segments), "reassembly" },
		{ MALFORMED(FT_REASON_BAD_EVENT), "reassembly" },
		{ offsetof(struct ledger, reassembly.from_fragments), "messages" },
		{ offsetof(struct ledger, reassembly.from_tcp), "messages" },
		{ offsetof(struct ledger, parsed), "messages" },
		{ MALFORMED(FT_REASON_SHORT_L2), "messages" },
		{ MALFORMED(FT_REASON_TCP_LIMIT), "messages" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ledger l = balanced();
		uint64_t *counter = (uint64_t *)((char *)&l + cases[i].offset);

		++*counter;
		assert_unbalanced(l, cases[i].which);
	}
}

static void one_lost_between_stages_is_found(void **state)
{
	struct ledger l = balanced();

	(void)state;
	l.kernel[FT_STAGE_SEEN]++; /* consistent at the first sum, lost at the second */
	l.kernel[FT_STAGE_RESPONSE]++;
	assert_unbalanced(l, "kernel_response");
	l = balanced();
	l.consumed++; /* read one more than was emitted, taken in and parsed */
	l.reassembly.records++;
	l.reassembly.passed++;
	l.parsed++;
	assert_unbalanced(l, "ring");
	l = balanced();
	l.reassembly.passed--; /* a piece booked as a whole message, and nothing parsed for it */
	l.reassembly.segments++;
	assert_unbalanced(l, "messages");
}

static void given_up_pieces_are_beside_the_sum(void **state)
{
	struct ledger l = balanced();

	(void)state;
	l.given_up[FT_REASON_FRAGMENT_TIMEOUT] += 1000;
	assert_true(ledger_balanced(&l, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(balanced_ledger_is_balanced),
		cmocka_unit_test(each_counter_is_part_of_a_sum),
		cmocka_unit_test(one_lost_between_stages_is_found),
		cmocka_unit_test(given_up_pieces_are_beside_the_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
