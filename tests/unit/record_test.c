// SPDX-License-Identifier: BSD-2-Clause
/* capture/record: what passes as a record, and that every outcome has its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "capture/record.h"

struct response_record {
	struct ft_response head;
	uint8_t message[16];
};

static struct response_record sound(void)
{
	struct response_record r = {.head = {.hdr = {.kind = FT_EVENT_RESPONSE,
						     .version = FT_EVENT_VERSION,
						     .size = sizeof(r)},
					     .message_bytes = 16}};

	return r;
}

static void sound_record_is_valid(void **state)
{
	struct response_record r = sound();

	(void)state;
	assert_true(record_valid(&r, sizeof(r)));
	assert_true(record_valid(&r, sizeof(r) + 8));
}

static void sizes_that_do_not_fit_are_refused(void **state)
{
	struct response_record r = sound();

	(void)state;
	assert_false(record_valid(&r, sizeof(r) - 1));
	assert_false(record_valid(&r, 8));
	r.head.message_bytes = 17;
	assert_false(record_valid(&r, sizeof(r)));
	r = sound();
	r.head.hdr.size = sizeof(r.head) - 8;
	assert_false(record_valid(&r, sizeof(r)));
	r = sound();
	r.head.pkt.vlans = FT_MAX_VLANS + 1;
	assert_false(record_valid(&r, sizeof(r)));
	r = sound();
	r.head.pkt.tunnels = FT_MAX_TUNNELS + 1;
	assert_false(record_valid(&r, sizeof(r)));
}

static void unknown_kinds_versions_reasons_are_refused(void **state)
{
	struct response_record r = sound();
	struct ft_refused refused = {.hdr = {.kind = FT_EVENT_REFUSED,
					     .version = FT_EVENT_VERSION,
					     .size = sizeof(refused)},
				     .reason = FT_REASON_SHORT_L2};

	(void)state;
	r.head.hdr.kind = 77;
	assert_false(record_valid(&r, sizeof(r)));
	r = sound();
	r.head.hdr.version = FT_EVENT_VERSION + 1;
	assert_false(record_valid(&r, sizeof(r)));
	assert_true(record_valid(&refused, sizeof(refused)));
	refused.reason = FT_COUNTER_MAX;
	assert_false(record_valid(&refused, sizeof(refused)));
}

static void every_counter_has_a_name_and_every_reason_a_layer(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < FT_STAGE_MAX; i++)
		assert_non_null(stage_name(i));
	assert_null(stage_name(FT_STAGE_MAX));
	for (unsigned int i = FT_REASON_NONE; i < FT_COUNTER_MAX; i++) {
		assert_non_null(reason_name(i));
		assert_non_null(reason_layer(i));
	}
	assert_null(reason_name(FT_STAGE_SEEN));
	assert_null(reason_name(FT_COUNTER_MAX));
	assert_string_equal(reason_name(FT_REASON_BAD_IP_HEADER), "bad_ip_header");
	assert_string_equal(reason_layer(FT_REASON_BAD_IP_HEADER), "ip");
	assert_string_equal(reason_layer(FT_REASON_BAD_NAME), "dns");
	assert_null(tunnel_name(FT_TUNNEL_NONE));
	for (unsigned int i = FT_TUNNEL_NONE + 1; i <= FT_TUNNEL_TEREDO; i++)
		assert_non_null(tunnel_name(i));
	assert_null(tunnel_name(FT_TUNNEL_TEREDO + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_record_is_valid),
		cmocka_unit_test(sizes_that_do_not_fit_are_refused),
		cmocka_unit_test(unknown_kinds_versions_reasons_are_refused),
		cmocka_unit_test(every_counter_has_a_name_and_every_reason_a_layer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
