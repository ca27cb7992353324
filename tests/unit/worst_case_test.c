// SPDX-License-Identifier: BSD-2-Clause
/*
 * The work that a message makes is bounded by its length, whatever it holds. Counted in the edges
 * of the control flow that the parser goes through (-fsanitize-coverage=trace-pc), not in time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"
#include "dns/text.h"
#include "libworst.h"

/* Edges an octet: what was found is 6, 82, 19 and 594 (gcc 12, -O2); twice that leaves room for
 * others. */
#define PARSE_MAX	12
#define FINGERPRINT_MAX 164
#define OBSERVE_MAX	38
#define TEXT_MAX	1200
#define TEXT_BYTES_MAX	(10U << 20) /* of one message */

void __sanitizer_cov_trace_pc(void);

static uint64_t edges;

void __sanitizer_cov_trace_pc(void)
{
	edges++;
}

enum step { STEP_PARSE, STEP_FINGERPRINT, STEP_OBSERVE, STEP_TEXT, STEPS };

static const struct {
	const char *name;
	uint64_t max;
} steps[STEPS] = {
	{ "parse", PARSE_MAX },
	{ "fingerprint", FINGERPRINT_MAX },
	{ "observe", OBSERVE_MAX },
	{ "text", TEXT_MAX },
};

struct parser {
	struct dns_message message;
	struct dns_arena *arena;
	struct buf out;
};

static uint64_t taken(void)
{
	uint64_t n = edges;

	edges = 0;
	return n;
}

/* A record as events show it. */
static void add_text(struct parser *p, const struct dns_rr *rr)
{
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name owner;
	size_t pos = rr->owner;

	dns_name_parse(p->message.bytes, p->message.len, &pos, &owner);
	dns_name_format(&owner, text);
	buf_add(&p->out, text, strlen(text));
	dns_rdata_format(&p->message, rr, &p->out);
}

/* One message through the steps that every response takes. */
static void work_of(struct parser *p, const uint8_t *bytes, size_t len, uint64_t ret[STEPS])
{
	struct dns_observation o;

	taken();
	assert_int_equal(dns_message_parse(&p->message, bytes, len), 0);
	ret[STEP_PARSE] = taken();
	dns_message_fingerprint(&p->message);
	ret[STEP_FINGERPRINT] = taken();
	assert_int_equal(dns_message_observe(&p->message, p->arena, &o), 0);
	ret[STEP_OBSERVE] = taken();
	buf_reset(&p->out);
	for (size_t i = 0; i < p->message.rrs_len; i++)
		add_text(p, &p->message.rrs[i]);
	ret[STEP_TEXT] = taken();
	assert_true(p->out.len <= TEXT_BYTES_MAX);
}

/* A message four times as long makes at most five times the work, and so much an octet. */
static void assert_bounded(enum step i, uint64_t small, uint64_t large, size_t len,
			   const struct worst_shape *s)
{
	char name[96];

	if (large > len * steps[i].max || large > 5 * small + 20000)
		fail_msg("%s: %llu edges for %zu octets, %llu for a quarter: %s", steps[i].name,
			 (unsigned long long)large, len, (unsigned long long)small,
			 worst_name(s, name));
}

static void work_is_in_proportion_to_length(void **state)
{
	static uint8_t bytes[WORST_BYTES];
	uint64_t small[STEPS], large[STEPS], most[STEPS] = { 0 };
	struct worst_shape s;
	struct parser p = { 0 };

	(void)state;
	dns_message_init(&p.message);
	assert_int_equal(dns_arena_new(&p.arena), 0);
	for (size_t i = 0; worst_shape(i, &s); i++) {
		size_t len = worst_build(&s, bytes, sizeof(bytes) / 4);

		work_of(&p, bytes, len, small);
		len = worst_build(&s, bytes, sizeof(bytes));
		assert_true(len > sizeof(bytes) * 9 / 10);
		work_of(&p, bytes, len, large);
		assert_true(large[STEP_PARSE] > len / 64); /* it is the parser that counts */
		for (enum step j = STEP_PARSE; j < STEPS; j++) {
			assert_bounded(j, small[j], large[j], len, &s);
			most[j] = large[j] > most[j] ? large[j] : most[j];
		}
	}
	for (enum step j = STEP_PARSE; j < STEPS; j++)
		print_message("# %s: %.1f edges an octet at most\n", steps[j].name,
			      (double)most[j] / WORST_BYTES);
	dns_message_fini(&p.message);
	dns_arena_free(p.arena);
	buf_fini(&p.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(work_is_in_proportion_to_length) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
