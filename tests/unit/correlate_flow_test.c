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

/* As Linux sends its SYNs: the last after 63 s, and it gives up after 127. */
static void try_for_long(struct fixture *f, uint16_t sport)
{
	static const unsigned int at_s[] = {0, 1, 3, 7, 15, 31, 63};

	for (size_t i = 0; i < sizeof(at_s) / sizeof(at_s[0]); i++) {
		uint64_t now_ns = T0 + at_s[i] * SECOND;

		flows_tick(f->flows, now_ns);
		packet(f, now_ns, FT_FLOW_SYN, "10.0.0.9", sport, "192.0.2.1", 443, FT_DIR_INGRESS);
	}
}

static void a_long_attempt_is_one(void **state)
{
	struct fixture *f = *state;
	struct flow_stats s;

	try_for_long(f, 4000);
	flows_tick(f->flows, T0 + 200 * SECOND);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->last.err, ETIMEDOUT);
	flows_stats(f->flows, &s);
	assert_int_equal(s.attempts, 1);
	assert_int_equal(s.timed_out, 1);
	/* the next by that port is another one */
	packet(f, T0 + 300 * SECOND, FT_FLOW_SYN, "10.0.0.9", 4000, "192.0.2.1", 443, FT_DIR_INGRESS);
	flows_tick(f->flows, T0 + 400 * SECOND);
	assert_int_equal(f->count, 2);
}

static void an_answer_after_the_timeout_is_told(void **state)
{
	struct fixture *f = *state;

	try_for_long(f, 4000);
	assert_int_equal(f->count, 1);
	packet(f, T0 + 64 * SECOND, FT_FLOW_SYNACK, "192.0.2.1", 443, "10.0.0.9", 4000,
	       FT_DIR_INGRESS);
	assert_int_equal(f->count, 2);
	assert_int_equal(f->last.state, CONNECTION_OK);
	assert_int_equal(f->last.latency_us, 64000000);
	packet(f, T0 + 65 * SECOND, FT_FLOW_RST, "192.0.2.1", 443, "10.0.0.9", 4000, FT_DIR_INGRESS);
	flows_tick(f->flows, T0 + 400 * SECOND);
	assert_int_equal(f->count, 2);
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

static void local(struct fixture *f, uint64_t time_ns, const char *src, uint16_t sport,
		  const char *dst, uint16_t dport)
{
	struct connection conn = {.time_ns = time_ns, .sport = sport, .dport = dport,
				  .proto = IPPROTO_TCP};

	assert_int_equal(ip_parse(src, &conn.src), 0);
	assert_int_equal(ip_parse(dst, &conn.dst), 0);
	flows_local(f->flows, &conn);
}

static void handshake(struct fixture *f, uint64_t time_ns, uint16_t sport)
{
	packet(f, time_ns, FT_FLOW_SYN, "10.0.0.9", sport, "192.0.2.1", 443, FT_DIR_INGRESS);
	packet(f, time_ns + 1000, FT_FLOW_SYNACK, "192.0.2.1", 443, "10.0.0.9", sport,
	       FT_DIR_INGRESS);
}

static bool is_gateway(void *ctx, const struct ip_addr *addr)
{
	(void)ctx;
	return addr->b[15] == 254;
}

static int set_up_holding(void **state)
{
	struct flow_config cfg = flow_config_default();
	struct fixture *f = calloc(1, sizeof(*f));

	cfg.hold_ns = SECOND;
	cfg.is_own = is_gateway;
	*state = f;
	return flows_new(&cfg, &hash_key_fixed, take, f, &f->flows);
}

/* Whichever account comes first: the packets' is marked when the process told as well. */
static void what_a_process_told_is_marked(void **state)
{
	struct fixture *f = *state;
	struct flow_stats s;

	local(f, T0, "10.0.0.9", 4000, "192.0.2.1", 443);
	handshake(f, T0, 4000);
	handshake(f, T0, 4001);
	local(f, T0, "10.0.0.9", 4001, "192.0.2.1", 443);
	flows_tick(f->flows, T0 + SECOND);
	assert_int_equal(f->count, 0);
	flows_tick(f->flows, T0 + 2 * SECOND);
	assert_int_equal(f->count, 2);
	assert_true(f->last.seen_locally);
	assert_int_equal(f->last.state, CONNECTION_OK);
	assert_int_equal(f->last.latency_us, 1);
	flows_stats(f->flows, &s);
	assert_int_equal(s.local, 2);
}

/* A container's connection leaves with the address of the machine, and the port it had. */
static void an_address_put_in_place_of_a_containers_is_known_by_its_port(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *process, *packet;
		bool same;
	} cases[] = {
		{"172.17.0.2", "203.0.113.254", true},
		{"172.17.0.2", "10.0.0.9", false}, /* not this machine's address */
		{"10.0.0.254", "203.0.113.254", false}, /* of the machine itself: nothing to translate */
	};

	for (uint16_t i = 0; i < 3; i++) {
		local(f, T0, cases[i].process, (uint16_t)(4000 + i), "192.0.2.1", 443);
		packet(f, T0, FT_FLOW_SYN, cases[i].packet, (uint16_t)(4000 + i), "192.0.2.1", 443,
		       FT_DIR_EGRESS);
		packet(f, T0 + 1000, FT_FLOW_SYNACK, "192.0.2.1", 443, cases[i].packet,
		       (uint16_t)(4000 + i), FT_DIR_INGRESS);
		flows_tick(f->flows, T0 + 2 * SECOND);
		assert_int_equal(f->count, i + 1);
		assert_int_equal(f->last.seen_locally, cases[i].same);
		assert_false(f->last.adds_host);
	}
}

/* Seen inside with the client's address and outside with the gateway's. */
static void an_answer_to_the_gateway_is_its_clients(void **state)
{
	struct fixture *f = *state;
	struct flow_stats s;

	packet(f, T0, FT_FLOW_SYN, "10.0.0.9", 4000, "192.0.2.1", 443, FT_DIR_INGRESS);
	packet(f, T0, FT_FLOW_SYN, "10.0.0.9", 4001, "192.0.2.1", 443, FT_DIR_INGRESS);
	/* not an address of the gateway; not a port of the client */
	packet(f, T0 + 500, FT_FLOW_SYNACK, "192.0.2.1", 443, "203.0.113.9", 4000, FT_DIR_INGRESS);
	packet(f, T0 + 500, FT_FLOW_SYNACK, "192.0.2.1", 443, "203.0.113.254", 4002, FT_DIR_INGRESS);
	packet(f, T0 + 1000, FT_FLOW_SYNACK, "192.0.2.1", 443, "203.0.113.254", 4000,
	       FT_DIR_INGRESS);
	/* where the kernel tells, it also leaves with the client's */
	packet(f, T0 + 2000, FT_FLOW_SYNACK, "192.0.2.1", 443, "10.0.0.9", 4000, FT_DIR_EGRESS);
	packet(f, T0 + 1000, FT_FLOW_RST, "192.0.2.1", 443, "203.0.113.254", 4001, FT_DIR_INGRESS);
	flows_tick(f->flows, T0 + 2 * SECOND);
	assert_int_equal(f->count, 2);
	assert_int_equal(f->last.src.b[15], 9);
	flows_stats(f->flows, &s);
	assert_int_equal(s.attempts, 2);
	assert_int_equal(s.ok, 1);
	assert_int_equal(s.refused, 1);
	assert_int_equal(s.strays, 2);
	assert_int_equal(s.repeats, 1);
}

/* A UDP socket that is bound to no address: its process tells a port only. */
static void a_process_without_address_is_known_by_its_port(void **state)
{
	struct connection conn = {.time_ns = T0, .sport = 5000, .dport = 123, .proto = IPPROTO_UDP};
	struct fixture *f = *state;

	assert_int_equal(ip_parse("0.0.0.0", &conn.src), 0);
	assert_int_equal(ip_parse("192.0.2.1", &conn.dst), 0);
	flows_local(f->flows, &conn);
	packet(f, T0, FT_FLOW_UDP, "10.0.0.9", 5001, "192.0.2.1", 123, FT_DIR_INGRESS);
	flows_tick(f->flows, T0 + SECOND);
	assert_int_equal(f->count, 1);
	assert_false(f->last.seen_locally);
	packet(f, T0, FT_FLOW_UDP, "10.0.0.9", 5000, "192.0.2.1", 123, FT_DIR_INGRESS);
	flows_tick(f->flows, T0 + SECOND);
	assert_int_equal(f->count, 2);
	assert_true(f->last.seen_locally);
	assert_true(f->last.adds_host);
	assert_int_equal(f->last.src.b[15], 9);
}

/* Its process tells of it when the kernel gives up, long after the packets were handed over. */
static void a_process_may_tell_of_a_long_attempt_later(void **state)
{
	struct connection conn = {.time_ns = T0, .sport = 4000, .dport = 443, .proto = IPPROTO_TCP};
	struct fixture *f = *state;

	assert_int_equal(ip_parse("10.0.0.9", &conn.src), 0);
	assert_int_equal(ip_parse("192.0.2.1", &conn.dst), 0);
	try_for_long(f, 4000);
	assert_int_equal(f->count, 1);
	flows_tick(f->flows, T0 + 127 * SECOND);
	assert_true(flows_told(f->flows, &conn));
	conn.sport = 4001;
	assert_false(flows_told(f->flows, &conn));
	conn.sport = 4000;
	conn.time_ns = T0 + 100 * SECOND; /* another attempt */
	assert_false(flows_told(f->flows, &conn));
	/* what its process had told before is no news from it */
	local(f, T0 + 500 * SECOND, "10.0.0.9", 4002, "192.0.2.1", 443);
	handshake(f, T0 + 500 * SECOND, 4002);
	flows_tick(f->flows, T0 + 502 * SECOND);
	conn.sport = 4002;
	conn.time_ns = T0 + 500 * SECOND;
	assert_false(flows_told(f->flows, &conn));
}

static void what_only_packets_told_is_not(void **state)
{
	struct fixture *f = *state;
	struct flow_stats s;

	local(f, T0, "10.0.0.9", 4000, "192.0.2.1", 443);
	/* another port, and the same one much later */
	handshake(f, T0, 4002);
	flows_tick(f->flows, T0 + 2 * SECOND);
	assert_int_equal(f->count, 1);
	assert_false(f->last.seen_locally);
	handshake(f, T0 + 300 * SECOND, 4000);
	flows_tick(f->flows, T0 + 302 * SECOND);
	assert_int_equal(f->count, 2);
	assert_false(f->last.seen_locally);
	/* what is held when its port is used again, or nobody answers, is not lost */
	handshake(f, T0 + 400 * SECOND, 4000);
	handshake(f, T0 + 431 * SECOND, 4000);
	assert_int_equal(f->count, 3);
	packet(f, T0 + 431 * SECOND, FT_FLOW_SYN, "10.0.0.9", 4003, "192.0.2.1", 443, FT_DIR_INGRESS);
	flows_tick(f->flows, T0 + 461 * SECOND);
	flows_tick(f->flows, T0 + 462 * SECOND);
	assert_int_equal(f->count, 5);
	assert_int_equal(f->last.err, ETIMEDOUT);
	flows_stats(f->flows, &s);
	assert_int_equal(s.local, 0);
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
#define CASE(f)	   cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define HOLDING(f) cmocka_unit_test_setup_teardown(f, set_up_holding, tear_down)
	const struct CMUnitTest tests[] = {
		HOLDING(what_a_process_told_is_marked),
		HOLDING(an_address_put_in_place_of_a_containers_is_known_by_its_port),
		HOLDING(an_answer_to_the_gateway_is_its_clients),
		HOLDING(a_process_without_address_is_known_by_its_port),
		HOLDING(what_only_packets_told_is_not),
		HOLDING(a_process_may_tell_of_a_long_attempt_later),
		CASE(a_handshake_is_one_connection),
		CASE(a_long_attempt_is_one),
		CASE(an_answer_after_the_timeout_is_told),
		CASE(failures_have_their_reason),
		CASE(udp_is_told_at_once_and_once),
		CASE(answers_without_question_are_strays),
		CASE(a_full_table_hands_over_what_it_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
