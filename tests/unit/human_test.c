// SPDX-License-Identifier: BSD-2-Clause
/* report/human: what people read, and that nobody else writes to their terminal through it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "libvalues.h"
#include "report/human.h"

#define TEN_O_CLOCK 1795255200123000000U /* 2026-11-21T10:00:00.123Z */

static const struct human_style plain;
static const struct human_style coloured = { .colour = true, .utc_offset_s = 3600 };

static const char *text_of(struct buf *b)
{
	buf_add(b, "", 1);
	assert_false(b->failed);
	return b->bytes;
}

/* What a terminal would obey rather than show. */
static void assert_harmless(const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p != '\n' && ((unsigned char)*p < 0x20 || *p == 0x7f))
			fail_msg("control character %d", *p);
	assert_null(strstr(text, "\xc2\x9b")); /* CSI as one code point */
}

static struct alert *alert_sample(void)
{
	struct alert *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	a->time_ns = TEN_O_CLOCK;
	a->verdict = VERDICT_DOUBLE_FLUX;
	a->confidence = CONFIDENCE_HIGH;
	a->domain = name_of("www.shop.example");
	a->registered_domain = name_of("shop.example");
	a->score = 6.1;
	a->probability = 0.9978;
	a->terms_len = 3;
	a->terms[0] = (struct alert_term){ "small", 1, 0.5, 0.5 };
	a->terms[1] = (struct alert_term){ "large_negative", 1, -3, -3 };
	a->terms[2] = (struct alert_term){ "middle", 2, 1, 2 };
	a->evidence.distinct_ips = 24;
	a->evidence.prefixes = 1;
	a->evidence.first_ns = a->evidence.last_ns = TEN_O_CLOCK;
	a->evidence.ips_len = 1;
	a->evidence.ips[0] =
		(struct alert_ip){ .ip = addr_of("2001:db8::1"), .asn = 64500, .sightings = 1 };
	a->evidence.nameservers_len = 1;
	a->evidence.nameservers[0].name = name_of("ns1.shop.example");
	a->evidence.nameservers[0].ips_len = 1;
	a->evidence.nameservers[0].ips[0] = addr_of("198.51.100.53");
	a->hosts_len = 1;
	a->hosts[0] =
		(struct alert_host){ .ip = addr_of("198.51.100.7"), .queries = 9, .connects = 1 };
	a->processes_len = 1;
	a->processes[0].pid = 4242;
	a->processes[0].connects = 3;
	a->processes[0].distinct_ips = 2;
	strcpy(a->processes[0].exe, "/tmp/\033[2J\xff\xc2\x9b"
				    "evil\x7f\r\xc3\xa4");
	a->home_nodes_len = 1;
	a->home_nodes[0] = addr_of("203.0.113.80");
	a->would_change_if_len = 1;
	a->would_change_if[0] = "middle";
	a->vantage.resolvers = 2;
	return a;
}

static void alert_block_says_it_all(void **state)
{
	struct alert *a = alert_sample();
	struct buf out = { 0 };
	const char *text;

	(void)state;
	human_alert(&out, &plain, a);
	text = text_of(&out);
	assert_ptr_equal(strstr(text, "double-flux  www.shop.example  high confidence, raised "
				      "2026-11-21 10:00:00\n"),
			 text);
	assert_non_null(strstr(text, "24 addresses in 1 network ("));
	assert_non_null(strstr(text, "+6.10 log-odds, probability 99.8 %"));
	assert_non_null(strstr(text, "2001:db8::1  AS64500  1 sighting\n"));
	assert_non_null(strstr(text, "ns1.shop.example  198.51.100.53\n"));
	assert_non_null(strstr(text, "198.51.100.7  9 queries, 1 connection\n"));
	assert_non_null(strstr(text, "/tmp/?[2J??evil??\xc3\xa4  pid 4242, uid 0: 3 connections to "
				     "2 addresses\n"));
	assert_non_null(strstr(text, "203.0.113.80"));
	assert_non_null(strstr(text, "without middle\n"));
	assert_non_null(strstr(text, "2 resolvers\n"));
	assert_null(strstr(text, "lost while"));
	assert_harmless(text);
	buf_fini(&out);
	free(a);
}

static void terms_stand_by_weight(void **state)
{
	struct alert *a = alert_sample();
	struct buf out = { 0 };
	const char *text, *first, *second, *third;

	(void)state;
	human_alert(&out, &plain, a);
	text = text_of(&out);
	first = strstr(text, "-3.00  large_negative");
	second = strstr(text, "+2.00  middle");
	third = strstr(text, "+0.50  small");
	assert_true(first && second && third);
	assert_true(first < second && second < third);
	buf_fini(&out);
	free(a);
}

static void colour_only_when_asked_for(void **state)
{
	struct alert *a = alert_sample();
	struct buf out = { 0 };
	const char *text;

	(void)state;
	human_alert(&out, &coloured, a);
	text = text_of(&out);
	assert_ptr_equal(strstr(text, "\033[1;31mdouble-flux"), text);
	assert_non_null(strstr(text, "2026-11-21 11:00:00"));
	assert_null(strstr(text, "\033[2J"));
	buf_fini(&out);
	free(a);
}

static void lists_are_cut(void **state)
{
	struct alert *a = alert_sample();
	struct buf out = { 0 };

	(void)state;
	a->hosts_len = ALERT_HOSTS_MAX;
	human_alert(&out, &plain, a);
	assert_non_null(strstr(text_of(&out), "and 8 more\n"));
	buf_fini(&out);
	free(a);
}

static void responses_on_one_line(void **state)
{
	struct dns_name qname = name_of("www.shop.example"), target = name_of("edge.example");
	struct dns_obs_record records[7] = {
		{ .owner = &qname, .type = DNS_TYPE_CNAME, .target = &target },
	};
	struct dns_observation obs = { .time_ns = TEN_O_CLOCK,
				       .client = addr_of("198.51.100.7"),
				       .qtype = DNS_TYPE_A,
				       .qname = &qname,
				       .records = records,
				       .records_len = 7,
				       .repeats = 3,
				       .ttl_max = 60 };
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 1; i < 6; i++)
		records[i] = (struct dns_obs_record){ .owner = &target,
						      .type = DNS_TYPE_A,
						      .addr = addr_of("192.0.2.1") };
	records[6] = records[5];
	records[6].section = DNS_ADDITIONAL; /* not an answer */
	human_dns(&out, &plain, &obs);
	assert_string_equal(
		text_of(&out),
		"10:00:00.123  198.51.100.7  www.shop.example A  edge.example, "
		"192.0.2.1, 192.0.2.1, 192.0.2.1 and 2 more  ttl 60  (and 3 like it)\n");
	buf_reset(&out);
	obs = (struct dns_observation){ .time_ns = TEN_O_CLOCK,
					.client = addr_of("::1"),
					.qname = &qname,
					.qtype = 28,
					.rcode = 3 };
	human_dns(&out, &plain, &obs);
	assert_string_equal(text_of(&out), "10:00:00.123  ::1  www.shop.example AAAA  NXDOMAIN\n");
	buf_reset(&out);
	obs.qname = NULL;
	human_dns(&out, &plain, &obs);
	assert_non_null(strstr(text_of(&out), "(no question)"));
	buf_fini(&out);
}

static void changes_on_one_line(void **state)
{
	struct dns_name rrname = name_of("shop.example");
	struct ip_addr added = addr_of("192.0.2.1"), removed[5];
	struct churn_change c = { .time_ns = TEN_O_CLOCK,
				  .kind = CHURN_CHANGED,
				  .rrname = &rrname,
				  .rrtype = DNS_TYPE_A,
				  .added = &added,
				  .added_len = 1,
				  .removed = removed,
				  .removed_len = 5,
				  .set_size = 1,
				  .distinct = 9 };
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < 5; i++)
		removed[i] = addr_of("198.51.100.1");
	human_churn(&out, &plain, &c);
	assert_string_equal(
		text_of(&out),
		"10:00:00.123  shop.example A changed: +192.0.2.1 -198.51.100.1 "
		"-198.51.100.1 -198.51.100.1 -198.51.100.1 -1 more  (1 now, 9 so far)\n");
	buf_fini(&out);
}

static void connections_on_one_line(void **state)
{
	struct connection conn = { .time_ns = TEN_O_CLOCK,
				   .state = CONNECTION_FAILED,
				   .err = ECONNREFUSED,
				   .src = addr_of("198.51.100.7"),
				   .dst = addr_of("2001:db8::1"),
				   .dport = 443,
				   .proto = IPPROTO_TCP,
				   .has_process = true,
				   .process = { .pid = 7, .comm = "a\nb" },
				   .names_len = 2 };
	struct buf out = { 0 };

	(void)state;
	conn.names[0].rrname = conn.names[1].rrname = name_of("shop.example");
	human_connect(&out, &plain, &conn);
	assert_string_equal(text_of(&out),
			    "10:00:00.123  a?b[7] -> [2001:db8::1]:443/tcp  failed (Connection "
			    "refused)  shop.example or 1 more\n");
	buf_reset(&out);
	conn.has_process = false;
	conn.state = CONNECTION_CLOSED;
	conn.has_bytes = true;
	conn.bytes_toserver = 12;
	conn.duration_ns = 1500000000U;
	conn.names_len = 0;
	conn.dst = addr_of("192.0.2.1");
	conn.proto = IPPROTO_UDP;
	human_connect(&out, &plain, &conn);
	assert_string_equal(text_of(&out),
			    "10:00:00.123  198.51.100.7 -> 192.0.2.1:443/udp  closed "
			    "after 1.5 s, 12 B out, 0 B in\n");
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alert_block_says_it_all),
		cmocka_unit_test(terms_stand_by_weight),
		cmocka_unit_test(colour_only_when_asked_for),
		cmocka_unit_test(lists_are_cut),
		cmocka_unit_test(responses_on_one_line),
		cmocka_unit_test(changes_on_one_line),
		cmocka_unit_test(connections_on_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
