// SPDX-License-Identifier: BSD-2-Clause
/* correlate/flow: packets of watched addresses become connections, each once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "correlate/flow.h"

#define SECOND 1000000000ULL
#define T0     (1700000000ULL * SECOND)

struct fixture {
	struct flows *flows;
	struct connection last;
	size_t count, attempts;
};

static void take(void *ctx, struct connection *conn)
{
	struct fixture *f = ctx;

	f->last = *conn;
	f->count++;
	f->attempts += conn->state == CONNECTION_ATTEMPT;
}

static int set_up(void **state)
{
	struct flow_config cfg = flow_config_default();
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	return flows_new(&cfg, &hash_key_fixed, take, f, &f->flows);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	flows_free(f->flows);
	free(f);
	return 0;
}

static void packet(struct fixture *f, uint64_t time_ns, uint8_t event, const char *src,
		   uint16_t sport, const char *dst, uint16_t dport, uint8_t direction)
{
	struct ft_flow rec = {.hdr = {FT_EVENT_FLOW, FT_EVENT_VERSION, sizeof(rec), time_ns},
			      .event = event};
	struct ip_addr a;

	assert_int_equal(ip_parse(src, &a), 0);
	memcpy(rec.pkt.src, a.b, 16);
	assert_int_equal(ip_parse(dst, &a), 0);
	memcpy(rec.pkt.dst, a.b, 16);
	rec.pkt.sport = htons(sport);
	rec.pkt.dport = htons(dport);
	rec.pkt.ip_proto = event == FT_FLOW_UDP ? IPPROTO_UDP : IPPROTO_TCP;
	rec.pkt.has_mac = 1;
	rec.pkt.smac[5] = direction == FT_DIR_EGRESS ? 0xee : 0x11;
	rec.pkt.direction = direction;
	flows_record(f->flows, &rec);
}

static void a_handshake_is_one_connection(void **state)
{
	struct fixture *f = *state;
	struct flow_stats s;

	packet(f, T0, FT_FLOW_SYN, "10.0.0.9", 4000, "192.0.2.1", 443, FT_DIR_INGRESS);
	assert_int_equal(f->count, 0);
	/* the same frame on its way out, and the SYN once more */
	packet(f, T0 + 1000, FT_FLOW_SYN, "10.0.0.9", 4000, "192.0.2.1", 443, FT_DIR_EGRESS);
	packet(f, T0 + SECOND, FT_FLOW_SYN, "10.0.0.9", 4000, "192.0.2.1", 443, FT_DIR_INGRESS);
	packet(f, T0 + SECOND + 20000, FT_FLOW_SYNACK, "192.0.2.1", 443, "10.0.0.9", 4000,
	       FT_DIR_INGRESS);
	packet(f, T0 + 2 * SECOND, FT_FLOW_RST, "192.0.2.1", 443, "10.0.0.9", 4000, FT_DIR_INGRESS);
	flows_tick(f->flows, T0 + 3600 * SECOND);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->last.source, CONNECTION_GATEWAY);
	assert_int_equal(f->last.state, CONNECTION_OK);
	assert_int_equal(f->last.time_ns, T0);
	assert_int_equal(f->last.latency_us, 1000020);
	assert_int_equal(f->last.sport, 4000);
	assert_int_equal(f->last.dport, 443);
	assert_true(f->last.has_mac);
	assert_int_equal(f->last.mac[5], 0x11);
	flows_stats(f->flows, &s);
	assert_int_equal(s.repeats, 3);
}

static void failures_have_their_reason(void **state)
{
	struct fixture *f = *state;

	packet(f, T0, FT_FLOW_SYN, "10.0.0.9", 4000, "192.0.2.1", 443, FT_DIR_INGRESS);
	packet(f, T0 + 1000, FT_FLOW_RST, "192.0.2.1", 443, "10.0.0.9", 4000, FT_DIR_INGRESS);
	assert_int_equal(f->last.state, CONNECTION_FAILED);
	assert_int_equal(f->last.err, ECONNREFUSED);
	packet(f, T0, FT_FLOW_SYN, "10.0.0.9", 4001, "192.0.2.1", 443, FT_DIR_EGRESS);
	packet(f, T0 + SECOND, FT_FLOW_RST, "10.0.0.9", 4001, "192.0.2.1", 443, FT_DIR_EGRESS);
	assert_int_equal(f->last.err, ECONNABORTED);
	assert_false(f->last.has_mac); /* only seen on its way out: the address was ours */
	packet(f, T0, FT_FLOW_SYN, "2001:db8::9", 4002, "2001:db8::1", 443, FT_DIR_INGRESS);
	flows_tick(f->flows, T0 + 29 * SECOND);
	assert_int_equal(f->count, 2);
	flows_tick(f->flows, T0 + 30 * SECOND);
	assert_int_equal(f->count, 3);
	assert_int_equal(f->last.err, ETIMEDOUT);
}

static void udp_is_told_at_once_and_once(void **state)
{
	struct fixture *f = *state;

	packet(f, T0, FT_FLOW_UDP, "10.0.0.9", 123, "192.0.2.1", 123, FT_DIR_INGRESS);
	packet(f, T0 + 1000, FT_FLOW_UDP, "10.0.0.9", 123, "192.0.2.1", 123, FT_DIR_EGRESS);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->last.proto, IPPROTO_UDP);
	assert_int_equal(f->last.state, CONNECTION_OK);
	packet(f, T0 + 64 * SECOND, FT_FLOW_UDP, "10.0.0.9", 123, "192.0.2.1", 123, FT_DIR_INGRESS);
	assert_int_equal(f->count, 2);
}

static void answers_without_question_are_strays(void **state)
{
	struct fixture *f = *state;
	struct flow_stats s;

	packet(f, T0, FT_FLOW_SYNACK, "192.0.2.1", 443, "10.0.0.9", 4000, FT_DIR_INGRESS);
	packet(f, T0, FT_FLOW_RST, "192.0.2.1", 443, "10.0.0.9", 4000, FT_DIR_INGRESS);
	flows_stats(f->flows, &s);
	assert_int_equal(s.strays, 2);
	assert_int_equal(f->count, 0);
}

static void a_full_table_hands_over_what_it_gives_up(void **state)
{
	struct flow_config cfg = {.max_flows = 64, .timeout_ns = 30 * SECOND};
	struct fixture f = {};
	struct flow_stats s;

	(void)state;
	assert_int_equal(flows_new(&cfg, &hash_key_fixed, take, &f, &f.flows), 0);
	for (unsigned int i = 0; i < 1000; i++)
		packet(&f, T0 + i, FT_FLOW_SYN, "10.0.0.9", (uint16_t)(1000 + i), "192.0.2.1", 443,
		       FT_DIR_INGRESS);
	flows_stats(f.flows, &s);
	assert_int_equal(s.evicted, f.attempts);
	flows_tick(f.flows, T0 + 60 * SECOND);
	flows_stats(f.flows, &s);
	assert_int_equal(s.evicted + s.timed_out, 1000); /* each once, one way or the other */
	assert_int_equal(f.count, 1000);
	flows_free(f.flows);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_handshake_is_one_connection),
		CASE(failures_have_their_reason),
		CASE(udp_is_told_at_once_and_once),
		CASE(answers_without_question_are_strays),
		CASE(a_full_table_hands_over_what_it_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
