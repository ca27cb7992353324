// SPDX-License-Identifier: BSD-2-Clause
/* correlate/: which names a connection gets, in which order, and what counts as unexplained. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>

#include "correlate/correlate.h"

#define SECOND 1000000000ULL
#define T0     (1700000000ULL * SECOND)

struct fixture {
	struct correlator *c;
};

static int set_up(void **state)
{
	struct correlate_config cfg = correlate_config_default();
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	return correlator_new(&cfg, &hash_key_fixed, &f->c);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	correlator_free(f->c);
	free(f);
	return 0;
}

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

struct answer {
	const char *query, *owner, *addr, *client, *server;
	uint16_t client_port;
	uint32_t ttl;
	bool forwarded;
};

static void answered(struct correlator *c, uint64_t time_ns, struct answer a)
{
	struct dns_name query, owner;
	struct dns_obs_record r = {.owner = &owner, .type = DNS_TYPE_A, .ttl_s = a.ttl};
	struct dns_observation obs = {.time_ns = time_ns,
				      .qtype = 1,
				      .qclass = 1,
				      .qname = &query,
				      .records = &r,
				      .records_len = 1,
				      .client_port = a.client_port,
				      .forwarded = a.forwarded};

	assert_int_equal(dns_name_from_text(a.query, &query), 0);
	assert_int_equal(dns_name_from_text(a.owner ? a.owner : a.query, &owner), 0);
	r.addr = ip(a.addr);
	if (!ip_is_v4(&r.addr))
		r.type = DNS_TYPE_AAAA;
	obs.client = ip(a.client ? a.client : "10.0.0.9");
	obs.server = ip(a.server ? a.server : "10.0.0.1");
	correlator_response(c, &obs);
}

static struct connection connect_from(const char *src, const char *dst, uint64_t time_ns)
{
	struct connection conn = {.time_ns = time_ns,
				  .source = CONNECTION_GATEWAY,
				  .state = CONNECTION_OK,
				  .proto = IPPROTO_TCP,
				  .dport = 443};

	conn.src = ip(src);
	conn.dst = ip(dst);
	return conn;
}

static struct connection connect_by(uint32_t pid, const char *dst, uint64_t time_ns)
{
	struct connection conn = connect_from("10.0.0.9", dst, time_ns);

	conn.source = CONNECTION_LOCAL;
	conn.has_process = true;
	conn.process.pid = pid;
	conn.process.start_ns = T0 - SECOND * pid;
	conn.process.exe = "/usr/bin/client";
	return conn;
}

/* @pid asks a resolver by a socket of that port. */
static void asks(struct correlator *c, uint32_t pid, const char *src, uint16_t port,
		 uint64_t time_ns)
{
	struct connection conn = connect_by(pid, "10.0.0.1", time_ns);

	conn.src = ip(src);
	conn.sport = port;
	conn.dport = 53;
	conn.proto = IPPROTO_UDP;
	correlator_connection(c, &conn);
}

static void assert_name(const struct connection *conn, size_t i, const char *text)
{
	char buf[DNS_NAME_TEXT_MAX];

	assert_true(i < conn->names_len);
	dns_name_format(&conn->names[i].rrname, buf);
	assert_string_equal(buf, text);
}

static void a_connection_gets_its_name(void **state)
{
	struct fixture *f = *state;
	struct connection conn = connect_from("10.0.0.9", "192.0.2.1", T0 + 2 * SECOND);
	char buf[DNS_NAME_TEXT_MAX];

	answered(f->c, T0,
		 (struct answer){.query = "www.shop.example",
				 .owner = "edge.example",
				 .addr = "192.0.2.1",
				 .ttl = 60});
	correlator_connection(f->c, &conn);
	assert_int_equal(conn.names_len, 1);
	assert_name(&conn, 0, "edge.example");
	dns_name_format(&conn.names[0].query, buf);
	assert_string_equal(buf, "www.shop.example");
	assert_true(conn.names[0].same_host);
	assert_true(conn.names[0].age_s > 1.99 && conn.names[0].age_s < 2.01);
	assert_true(conn.names[0].ttl_left_s > 57.9 && conn.names[0].ttl_left_s < 58.1);
	assert_true(conn.names[0].confidence > 0.89 && conn.names[0].confidence < 0.91);
}

static void thirty_minutes_late_still_has_its_name(void **state)
{
	struct fixture *f = *state;
	struct connection conn = connect_from("10.0.0.9", "192.0.2.1", T0 + 1800 * SECOND);
	struct correlate_stats s;

	answered(f->c, T0, (struct answer){.query = "a.example", .addr = "192.0.2.1", .ttl = 5});
	correlator_connection(f->c, &conn);
	assert_name(&conn, 0, "a.example");
	assert_true(conn.names[0].ttl_left_s < -1794 && conn.names[0].ttl_left_s > -1796);
	assert_true(conn.names[0].confidence < 0.90);
	correlator_stats(f->c, &s);
	assert_int_equal(s.late, 1);
}

static void a_mapping_ends_after_its_grace(void **state)
{
	struct fixture *f = *state;
	struct connection before = connect_from("10.0.0.9", "192.0.2.1", T0 + 86399 * SECOND);
	struct connection after = connect_from("10.0.0.9", "192.0.2.1", T0 + 86401 * SECOND);

	answered(f->c, T0, (struct answer){.query = "a.example", .addr = "192.0.2.1", .ttl = 5});
	correlator_connection(f->c, &before);
	correlator_connection(f->c, &after);
	assert_int_equal(before.names_len, 1);
	assert_int_equal(after.names_len, 0);
}

static void an_answer_after_the_connection_does_not_explain_it(void **state)
{
	struct fixture *f = *state;
	struct connection conn = connect_from("10.0.0.9", "192.0.2.1", T0);

	answered(f->c, T0 + 10 * SECOND,
		 (struct answer){.query = "a.example", .addr = "192.0.2.1"});
	correlator_connection(f->c, &conn);
	assert_int_equal(conn.names_len, 0);
}

/* The end of a long connection is reported with the time of its beginning. */
static void a_late_report_sees_the_answer_of_its_time(void **state)
{
	struct fixture *f = *state;
	struct connection conn = connect_from("10.0.0.9", "192.0.2.1", T0 + SECOND);

	answered(f->c, T0, (struct answer){.query = "a.example", .addr = "192.0.2.1", .ttl = 5});
	answered(f->c, T0 + 3600 * SECOND,
		 (struct answer){.query = "a.example", .addr = "192.0.2.1", .ttl = 5});
	conn.state = CONNECTION_CLOSED;
	correlator_connection(f->c, &conn);
	assert_name(&conn, 0, "a.example");
	assert_true(conn.names[0].age_s > 0.99 && conn.names[0].age_s < 1.01);
}

static void shared_address_own_host_first(void **state)
{
	struct fixture *f = *state;
	struct connection a = connect_from("10.0.0.11", "192.0.2.1", T0 + 10 * SECOND);
	struct connection b = connect_from("10.0.0.12", "192.0.2.1", T0 + 10 * SECOND);
	struct connection other = connect_from("10.0.0.13", "192.0.2.1", T0 + 10 * SECOND);

	answered(f->c, T0,
		 (struct answer){.query = "one.example",
				 .addr = "192.0.2.1",
				 .ttl = 60,
				 .client = "10.0.0.11"});
	answered(f->c, T0 + SECOND,
		 (struct answer){.query = "two.example",
				 .addr = "192.0.2.1",
				 .ttl = 60,
				 .client = "10.0.0.12"});
	correlator_connection(f->c, &a);
	correlator_connection(f->c, &b);
	correlator_connection(f->c, &other);
	assert_name(&a, 0, "one.example");
	assert_name(&a, 1, "two.example");
	assert_true(a.names[0].same_host);
	assert_false(a.names[1].same_host);
	assert_true(a.names[0].confidence > a.names[1].confidence);
	assert_name(&b, 0, "two.example");
	assert_name(&b, 1, "one.example");
	/* a stranger: newest first, and neither was answered to it */
	assert_name(&other, 0, "two.example");
	assert_false(other.names[0].same_host);
	assert_true(other.names[0].confidence < 0.5);
}

static void shared_address_own_process_first(void **state)
{
	struct fixture *f = *state;
	struct connection a = connect_by(101, "192.0.2.1", T0 + 2 * SECOND);
	struct connection b = connect_by(102, "192.0.2.1", T0 + 2 * SECOND);
	struct correlate_stats s;

	/* one asks before its answer is seen; of the other the answer is seen first */
	asks(f->c, 101, "127.0.0.1", 40001, T0);
	answered(f->c, T0 + SECOND / 1000,
		 (struct answer){.query = "one.example",
				 .addr = "192.0.2.1",
				 .ttl = 60,
				 .client = "127.0.0.1",
				 .server = "127.0.0.53",
				 .client_port = 40001});
	answered(f->c, T0 + SECOND,
		 (struct answer){.query = "two.example",
				 .addr = "192.0.2.1",
				 .ttl = 60,
				 .client = "127.0.0.1",
				 .server = "127.0.0.53",
				 .client_port = 40002});
	asks(f->c, 102, "127.0.0.1", 40002, T0 + SECOND - SECOND / 1000);
	correlator_local(f->c, &a.src);
	correlator_connection(f->c, &a);
	correlator_connection(f->c, &b);
	assert_int_equal(a.names_len, 2);
	assert_int_equal(b.names_len, 2);
	assert_name(&a, 0, "one.example");
	assert_name(&b, 0, "two.example");
	assert_true(a.names[0].confidence > 0.95);
	assert_true(a.names[1].same_host);
	correlator_stats(f->c, &s);
	assert_int_equal(s.same_process, 2);
}

/* The stub's socket was not connected: its address is not known, its port is. */
static void a_question_by_sendto_names_its_process(void **state)
{
	struct fixture *f = *state;
	struct connection conn = connect_by(7, "192.0.2.1", T0 + SECOND);

	asks(f->c, 7, "0.0.0.0", 41000, T0);
	answered(f->c, T0 + 1000,
		 (struct answer){.query = "a.example",
				 .addr = "192.0.2.1",
				 .client = "127.0.0.1",
				 .server = "127.0.0.1",
				 .client_port = 41000});
	correlator_connection(f->c, &conn);
	correlator_local(f->c, &conn.src);
	correlator_connection(f->c, &conn);
	assert_true(conn.names[0].confidence > 0.95);
}

static void a_reused_port_is_not_the_earlier_process(void **state)
{
	struct fixture *f = *state;
	struct connection conn = connect_by(8, "192.0.2.1", T0 + 61 * SECOND);
	struct correlate_stats s;

	correlator_local(f->c, &conn.src);
	asks(f->c, 8, "127.0.0.1", 42000, T0);
	/* the answer comes a minute later: the port is someone else's by then */
	answered(f->c, T0 + 60 * SECOND,
		 (struct answer){.query = "a.example",
				 .addr = "192.0.2.1",
				 .client = "127.0.0.1",
				 .server = "127.0.0.1",
				 .client_port = 42000});
	correlator_connection(f->c, &conn);
	correlator_stats(f->c, &s);
	assert_int_equal(s.same_process, 0);
	assert_int_equal(s.same_host, 1);
}

static void an_answer_handed_on_counts_once(void **state)
{
	struct fixture *f = *state;
	struct ip_addr gateway = ip("198.51.100.1");
	struct connection client = connect_from("10.0.0.11", "192.0.2.1", T0 + SECOND);
	struct connection own = connect_by(9, "192.0.2.1", T0 + SECOND);
	struct correlate_stats s;

	own.src = gateway;
	correlator_local(f->c, &gateway);
	gateway = ip("10.0.0.1");
	correlator_local(f->c, &gateway);
	answered(f->c, T0,
		 (struct answer){.query = "a.example",
				 .addr = "192.0.2.1",
				 .client = "198.51.100.1",
				 .server = "9.9.9.9"});
	answered(f->c, T0 + 1000000,
		 (struct answer){.query = "a.example",
				 .addr = "192.0.2.1",
				 .client = "10.0.0.11",
				 .server = "10.0.0.1"});
	correlator_connection(f->c, &client);
	correlator_connection(f->c, &own);
	assert_int_equal(client.names_len, 1);
	assert_true(client.names[0].same_host);
	assert_false(own.names[0].same_host); /* the forwarder asked for another */
	correlator_stats(f->c, &s);
	assert_int_equal(s.answers, 1);
	assert_int_equal(s.relayed, 1);
}

/* A gateway that translates addresses: in with its own, out with the client's. */
static void an_answer_translated_on_its_way_is_the_clients(void **state)
{
	struct fixture *f = *state;
	struct connection client = connect_from("10.0.0.11", "192.0.2.1", T0 + SECOND);
	struct connection own = connect_from("198.51.100.1", "192.0.2.1", T0 + SECOND);
	struct correlate_stats s;

	correlator_local(f->c, &own.src);
	answered(f->c, T0,
		 (struct answer){.query = "a.example",
				 .addr = "192.0.2.1",
				 .client = "198.51.100.1",
				 .server = "9.9.9.9"});
	answered(f->c, T0 + 10000,
		 (struct answer){.query = "a.example",
				 .addr = "192.0.2.1",
				 .client = "10.0.0.11",
				 .server = "9.9.9.9",
				 .forwarded = true});
	correlator_connection(f->c, &client);
	correlator_connection(f->c, &own);
	assert_true(client.names[0].same_host);
	assert_false(own.names[0].same_host);
	correlator_stats(f->c, &s);
	assert_int_equal(s.answers, 1);
	assert_int_equal(s.relayed, 1);
}

static void a_stub_on_lo_counts_once_and_ties_the_host(void **state)
{
	struct fixture *f = *state;
	struct connection own = connect_by(9, "192.0.2.1", T0 + SECOND);
	struct correlate_stats s;

	correlator_local(f->c, &own.src);
	answered(f->c, T0,
		 (struct answer){.query = "a.example",
				 .addr = "192.0.2.1",
				 .client = "10.0.0.9",
				 .server = "9.9.9.9"});
	answered(f->c, T0 + 1000000,
		 (struct answer){.query = "a.example",
				 .addr = "192.0.2.1",
				 .client = "127.0.0.1",
				 .server = "127.0.0.53"});
	correlator_connection(f->c, &own);
	assert_true(own.names[0].same_host);
	correlator_stats(f->c, &s);
	assert_int_equal(s.answers, 1);
	assert_int_equal(s.relayed, 1);
	/* from the cache of the stub, a minute later: an answer of its own */
	answered(f->c, T0 + 60 * SECOND,
		 (struct answer){.query = "a.example",
				 .addr = "192.0.2.1",
				 .client = "127.0.0.1",
				 .server = "127.0.0.53"});
	correlator_stats(f->c, &s);
	assert_int_equal(s.answers, 2);
}

static void unexplained_and_encrypted_are_counted_by_who(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *dst;
		uint16_t dport;
		uint8_t proto;
		enum connection_encrypted_dns kind;
	} cases[] = {
		{"203.0.113.7", 6881, IPPROTO_TCP, CONNECTION_DNS_NONE},
		{"203.0.113.8", 443, IPPROTO_TCP, CONNECTION_DNS_NONE},
		{"203.0.113.9", 853, IPPROTO_TCP, CONNECTION_DNS_TLS},
		{"203.0.113.9", 853, IPPROTO_UDP, CONNECTION_DNS_QUIC},
		{"1.1.1.1", 443, IPPROTO_TCP, CONNECTION_DNS_HTTPS},
		{"2606:4700:4700::1111", 443, IPPROTO_UDP, CONNECTION_DNS_HTTPS},
		/* not counted at all */
		{"127.0.0.1", 80, IPPROTO_TCP, CONNECTION_DNS_NONE},
		{"224.0.0.251", 5353, IPPROTO_UDP, CONNECTION_DNS_NONE},
		{"fe80::1", 80, IPPROTO_TCP, CONNECTION_DNS_NONE},
		{"10.0.0.1", 53, IPPROTO_UDP, CONNECTION_DNS_NONE},
	};
	struct correlate_blind top[4];
	struct correlate_stats s;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct connection conn = connect_by(5, cases[i].dst, T0);

		conn.dport = cases[i].dport;
		conn.proto = cases[i].proto;
		correlator_connection(f->c, &conn);
		assert_int_equal(conn.encrypted_dns, cases[i].kind);
	}
	correlator_stats(f->c, &s);
	assert_int_equal(s.connections, 2);
	assert_int_equal(s.unexplained, 2);
	assert_int_equal(s.encrypted_dns, 4);
	assert_int_equal(s.not_counted, 4);
	assert_int_equal(correlator_blind_top(f->c, top, 4), 1);
	assert_int_equal(top[0].unexplained, 2);
	assert_int_equal(top[0].encrypted_dns, 4);
	assert_string_equal(top[0].exe, "/usr/bin/client");
}

static void a_resolver_is_known_by_its_name_too(void **state)
{
	struct fixture *f = *state;
	struct connection conn = connect_from("10.0.0.9", "192.0.2.5", T0 + SECOND);

	answered(f->c, T0,
		 (struct answer){
			 .query = "mozilla.cloudflare-dns.com", .addr = "192.0.2.5", .ttl = 60});
	correlator_connection(f->c, &conn);
	assert_int_equal(conn.encrypted_dns, CONNECTION_DNS_HTTPS);
}

static void the_end_of_a_connection_is_not_counted_again(void **state)
{
	struct fixture *f = *state;
	struct connection conn = connect_by(5, "203.0.113.7", T0);
	struct correlate_stats s;

	correlator_connection(f->c, &conn);
	conn.state = CONNECTION_CLOSED;
	correlator_connection(f->c, &conn);
	correlator_stats(f->c, &s);
	assert_int_equal(s.connections, 1);
}

/* Far more addresses, names and clients than there is room for: bounded, counted, still right. */
static void full_tables_evict_and_stay_right(void **state)
{
	struct correlate_config cfg = {.max_addresses = 1024,
				       .max_mappings = 1024,
				       .max_names = 1024,
				       .max_ties = 1024,
				       .keep_ns = 3600 * SECOND};
	struct correlate_stats s, before;
	struct correlator *c;
	size_t named = 0;

	(void)state;
	assert_int_equal(correlator_new(&cfg, &hash_key_fixed, &c), 0);
	correlator_stats(c, &before);
	for (unsigned int i = 0; i < 20000; i++) {
		char name[64], addr[32], client[32];
		struct connection conn;

		snprintf(name, sizeof(name), "n%u.example", i);
		snprintf(addr, sizeof(addr), "198.18.%u.%u", i / 200 % 256, i % 200);
		snprintf(client, sizeof(client), "10.1.%u.%u", i / 250 % 250, i % 250);
		answered(c, T0 + i * SECOND,
			 (struct answer){.query = name, .addr = addr, .client = client, .ttl = 1});
		conn = connect_from(client, addr, T0 + i * SECOND + 1000);
		correlator_connection(c, &conn);
		if (conn.names_len) {
			assert_name(&conn, 0, name);
			named++;
		}
	}
	/* what was answered last is never what gives way */
	assert_int_equal(named, 20000);
	correlator_stats(c, &s);
	assert_true(s.evicted > 10000);
	assert_int_equal(s.table_bytes, before.table_bytes);
	correlator_free(c);
}

static void many_names_on_one_address_keep_the_latest(void **state)
{
	struct fixture *f = *state;
	struct connection conn = connect_from("10.0.0.9", "192.0.2.1", T0 + 200 * SECOND);
	struct correlate_stats s;

	for (unsigned int i = 0; i < 100; i++) {
		char name[64];

		snprintf(name, sizeof(name), "n%u.example", i);
		answered(f->c, T0 + i * SECOND,
			 (struct answer){.query = name, .addr = "192.0.2.1", .ttl = 1});
	}
	correlator_connection(f->c, &conn);
	assert_int_equal(conn.names_len, CONNECTION_NAMES_MAX);
	assert_name(&conn, 0, "n99.example");
	assert_name(&conn, 7, "n92.example");
	correlator_stats(f->c, &s);
	assert_int_equal(s.evicted, 76);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_connection_gets_its_name),
		CASE(thirty_minutes_late_still_has_its_name),
		CASE(a_mapping_ends_after_its_grace),
		CASE(an_answer_after_the_connection_does_not_explain_it),
		CASE(a_late_report_sees_the_answer_of_its_time),
		CASE(shared_address_own_host_first),
		CASE(shared_address_own_process_first),
		CASE(a_question_by_sendto_names_its_process),
		CASE(a_reused_port_is_not_the_earlier_process),
		CASE(an_answer_handed_on_counts_once),
		CASE(an_answer_translated_on_its_way_is_the_clients),
		CASE(a_stub_on_lo_counts_once_and_ties_the_host),
		CASE(unexplained_and_encrypted_are_counted_by_who),
		CASE(a_resolver_is_known_by_its_name_too),
		CASE(the_end_of_a_connection_is_not_counted_again),
		CASE(full_tables_evict_and_stay_right),
		CASE(many_names_on_one_address_keep_the_latest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
