// SPDX-License-Identifier: BSD-2-Clause
/* logs/: what others recorded, read back; and a real trace through join and detector. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "correlate/correlate.h"
#include "detect/config.h"
#include "detect/detector.h"
#include "logs/log_reader.h"

static const char zeek_dns[] =
	"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n"
	"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\ttrans_id\trtt\tquery"
	"\tqclass\tqtype\trcode\tAA\tTC\tanswers\tTTLs\n"
	"#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tcount\tinterval\tstring\tcount\tcount"
	"\tcount\tbool\tbool\tvector[string]\tvector[interval]\n"
	"100.500000\tC1\t192.0.2.1\t4001\t192.0.2.53\t53\tudp\t7\t0.25\tWWW.Example.com\t1\t1\t0\tF"
	"\tF\tedge.cdn.example,198.51.100.1,198.51.100.2\t300.000000,60.000000,60.000000\n"
	"101.000000\tC2\t192.0.2.1\t4002\t192.0.2.53\t53\tudp\t8\t-\tno.example\t1\t1\t3\tF\tF\t-\t-\n"
	"102.000000\tC3\tnot-an-address\t4002\t192.0.2.53\t53\tudp\t8\t-\tx.example\t1\t1\t0\tF\tF"
	"\t192.0.2.9\t60.0\n"
	"103.000000\tC4\t192.0.2.1\n"
	"104.000000\tC5\t192.0.2.1\t4003\t192.0.2.53\t53\tudp\t9\t0.1\tsix.example\t1\t28\t0\tF\tF"
	"\t2001:db8::1\t30.0\n";

static const char zeek_conn_json[] =
	"{\"ts\":101.5,\"uid\":\"C7\",\"id.orig_h\":\"192.0.2.1\",\"id.orig_p\":5000,"
	"\"id.resp_h\":\"198.51.100.1\",\"id.resp_p\":443,\"proto\":\"tcp\",\"duration\":0.5,"
	"\"orig_bytes\":100,\"resp_bytes\":2000,\"conn_state\":\"SF\"}\n"
	"{\"ts\":103.5,\"uid\":\"C8\",\"id.orig_h\":\"192.0.2.1\",\"id.orig_p\":5001,"
	"\"id.resp_h\":\"198.51.100.2\",\"id.resp_p\":443,\"proto\":\"tcp\",\"conn_state\":\"REJ\"}\n";

static const char eve[] =
	"{\"timestamp\":\"2026-11-21T10:00:00.250000+0100\",\"event_type\":\"dns\",\"src_ip\":"
	"\"192.0.2.53\",\"src_port\":53,\"dest_ip\":\"192.0.2.1\",\"dest_port\":4001,\"proto\":\"UDP\","
	"\"dns\":{\"version\":3,\"type\":\"response\",\"id\":4660,\"rcode\":\"NOERROR\",\"queries\":[{"
	"\"rrname\":\"www.example.com\",\"rrtype\":\"A\"}],\"answers\":[{\"rrname\":"
	"\"www.example.com\",\"rrtype\":\"A\",\"ttl\":60,\"rdata\":\"198.51.100.1\"}],\"authorities\":"
	"[{\"rrname\":\"example.com\",\"rrtype\":\"NS\",\"ttl\":3600,\"rdata\":\"ns1.example.com\"}],"
	"\"additionals\":[{\"rrname\":\"ns1.example.com\",\"rrtype\":\"A\",\"ttl\":3600,\"rdata\":"
	"\"198.51.100.53\"}]}}\n"
	"{\"timestamp\":\"2026-11-21T10:00:01.000000+0100\",\"event_type\":\"http\"}\n"
	"{ broken\n";

static const char cof[] =
	"{\"rrname\":\"a.example\",\"rrtype\":\"A\",\"rdata\":[\"198.51.100.1\",\"198.51.100.2\"],"
	"\"time_first\":1700000000,\"time_last\":1700003600,\"count\":4}\n"
	"{\"rrname\":\"a.example\",\"rrtype\":\"A\",\"rdata\":\"198.51.100.3\",\"time_first\":"
	"1700010000,\"time_last\":1700010000,\"count\":1}\n";

static const char own_events[] =
	"{\"timestamp\":\"2026-11-21T10:00:00.000000+0000\",\"event_type\":\"dns\",\"sensor\":\"gw1\","
	"\"src_ip\":\"192.0.2.53\",\"src_port\":53,\"dest_ip\":\"192.0.2.1\",\"dest_port\":4001,"
	"\"proto\":\"UDP\",\"dns\":{\"version\":3,\"type\":\"response\",\"id\":7,\"rcode\":\"NOERROR\","
	"\"repeats\":5,\"repeats_since\":\"2026-11-21T09:59:30.000000+0000\",\"queries\":[{\"rrname\":"
	"\"a.example\",\"rrtype\":\"A\"}],\"answers\":[{\"rrname\":\"a.example\",\"rrtype\":\"A\","
	"\"ttl\":60,\"rdata\":\"198.51.100.1\"}]}}\n"
	"{\"timestamp\":\"2026-11-21T10:00:01.000000+0000\",\"event_type\":\"connect\",\"sensor\":"
	"\"gw1\",\"src_ip\":\"192.0.2.1\",\"src_port\":5000,\"dest_ip\":\"198.51.100.1\",\"dest_port\":"
	"443,\"proto\":\"TCP\",\"connect\":{\"result\":\"ECONNREFUSED\",\"process\":{\"pid\":42,\"exe\":"
	"\"/usr/bin/bot\",\"comm\":\"bot\",\"uid\":1000}}}\n"
	"{\"timestamp\":\"2026-11-21T10:00:02.000000+0000\",\"event_type\":\"connect\",\"sensor\":"
	"\"gw1\",\"ether\":{\"src_mac\":\"02:00:00:00:00:0a\"},\"src_ip\":\"192.0.2.1\",\"src_port\":5001,\"dest_ip\":\"198.51.100.1\",\"dest_port\":"
	"443,\"proto\":\"TCP\",\"connect\":{\"result\":\"ok\",\"bytes_toserver\":7,\"bytes_toclient\":9,"
	"\"duration_s\":1.5}}\n"
	"{\"timestamp\":\"2026-11-21T10:00:03.000000+0000\",\"event_type\":\"churn\",\"sensor\":"
	"\"gw1\",\"churn\":{\"rrname\":\"a.example\"}}\n";

static const char trace[] =
	"{\"ts\": 22.335, \"client\": \"192.0.2.1\", \"qname\": \"PC\", \"qtype\": \"*\", \"answers\":"
	" [], \"ttls\": []}\n"
	"{\"ts\": 22.5, \"client\": \"fe80::1\", \"qname\": \"www.example\", \"qtype\": \"A\","
	" \"answers\": [\"edge.cdn.example\", \"198.51.100.7\"], \"ttls\": [300.0, 60.0]}\n"
	"{\"ts\": 23.5, \"client\": \"nobody\", \"qname\": \"www.example\", \"qtype\": \"A\","
	" \"answers\": [\"198.51.100.7\"], \"ttls\": [60.0]}\n";

struct files {
	char path[2][40];
	const char *list[2];
	size_t len;
};

static void put(struct files *f, const char *content)
{
	char *path = f->path[f->len];
	int fd;

	strcpy(path, "/tmp/fluxtap-logs-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
	f->list[f->len++] = path;
}

static struct log_reader *open_files(struct files *f)
{
	struct log_reader *r = NULL;
	char err[256];

	assert_int_equal(log_reader_open(f->list, f->len, &r, err, sizeof(err)), 0);
	for (size_t i = 0; i < f->len; i++) {
		assert_true(log_reader_is_log(f->list[i]));
		unlink(f->list[i]);
	}
	return r;
}

static void assert_name(const struct dns_name *name, const char *text)
{
	char buf[DNS_NAME_TEXT_MAX];

	dns_name_format(name, buf);
	assert_string_equal(buf, text);
}

/* Cut at NUL, a field would go on in what the buffer held before. */
static void a_separator_is_a_character(void **state)
{
	static const char *const separators[] = { "#set_separator\t\\x00\n", "#separator \\x00\n",
						  "#separator \n" };
	const char *rest = strstr(zeek_dns, "#empty_field"); /* behind those that are sound */
	char content[sizeof(zeek_dns) + 32];

	(void)state;
	for (size_t i = 0; i < sizeof(separators) / sizeof(separators[0]); i++) {
		struct files f = { .len = 0 };
		struct log_reader_stats stats;
		struct dns_observation obs;
		struct connection conn;
		struct log_reader *r;

		snprintf(content, sizeof(content), "%.*s%s%s", (int)(rest - zeek_dns), zeek_dns,
			 separators[i], rest);
		put(&f, content);
		r = open_files(&f);
		assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_RESPONSE);
		assert_int_equal(obs.records_len, 3);
		assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_RESPONSE);
		assert_int_equal(obs.records_len, 1);
		assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_END);
		log_reader_stats(r, &stats);
		assert_int_equal(stats.faulty, 3); /* two lines of the file are, too */
		assert_int_equal(stats.lines, 6);
		log_reader_close(r);
	}
}

static void zeek_logs_are_merged_by_time(void **state)
{
	struct files f = { .len = 0 };
	struct dns_observation obs;
	struct connection conn;
	struct log_reader_stats stats;
	struct log_reader *r;

	(void)state;
	put(&f, zeek_dns);
	put(&f, zeek_conn_json);
	r = open_files(&f);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_RESPONSE);
	assert_true(obs.time_ns == 100750000000ULL); /* of the answer */
	assert_name(obs.qname, "www.example.com");
	assert_int_equal(obs.records_len, 3);
	assert_int_equal(obs.records[0].type, DNS_TYPE_CNAME);
	assert_name(obs.records[2].owner, "edge.cdn.example");
	assert_int_equal(obs.records[2].ttl_s, 60);
	assert_false(obs.has_authority);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_CONNECTION);
	assert_int_equal(conn.state, CONNECTION_OK);
	assert_int_equal(conn.bytes_toclient, 2000);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_CONNECTION);
	assert_int_equal(conn.state, CONNECTION_FAILED);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_RESPONSE);
	assert_int_equal(obs.records[0].type, DNS_TYPE_AAAA);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_END);
	log_reader_stats(r, &stats);
	assert_int_equal(stats.faulty, 2);
	assert_int_equal(stats.passed_over, 1);
	assert_non_null(strstr(log_reader_lacks(r), "authority"));
	log_reader_close(r);
}

/* An offset may not lead before 1970: what is counted from there has no sign. */
static void times_are_of_this_epoch(void **state)
{
	(void)state;
	assert_true(log_reader_time("2026-11-21T10:00:00.250000+0100") == 1795251600250000000ULL);
	assert_true(log_reader_time("1970-01-01T02:00:00.5-01:30") == 12600500000000ULL);
	assert_true(log_reader_time("1970-01-01T01:00:00+0100") == 0);
	assert_true(log_reader_time("1970-01-01T00:10:00+9900") == 0);
	assert_true(log_reader_time("2255-03-14T16:00:01-0000") == 0);
	assert_true(log_reader_time("yesterday") == 0);
}

static void eve_answers_carry_name_servers(void **state)
{
	struct files f = { .len = 0 };
	struct dns_observation obs;
	struct connection conn;
	struct log_reader_stats stats;
	struct log_reader *r;

	(void)state;
	put(&f, eve);
	r = open_files(&f);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_RESPONSE);
	assert_true(obs.time_ns == 1795251600250000000ULL);
	assert_true(obs.has_authority);
	assert_int_equal(obs.records_len, 3);
	assert_int_equal(obs.records[1].section, DNS_AUTHORITY);
	assert_int_equal(obs.client_port, 4001);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_END);
	log_reader_stats(r, &stats);
	assert_int_equal(stats.faulty, 1);
	log_reader_close(r);
}

static void passive_dns_gives_first_sightings(void **state)
{
	struct files f = { .len = 0 };
	struct dns_observation obs;
	struct connection conn;
	struct log_reader *r;

	(void)state;
	put(&f, cof);
	r = open_files(&f);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_RESPONSE);
	assert_int_equal(obs.records_len, 2);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_RESPONSE);
	assert_true(obs.time_ns == 1700010000000000000ULL);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_END);
	log_reader_close(r);
}

/* What fluxtap itself has written: with it, everything an analysis needs comes back. */
static void own_events_come_back(void **state)
{
	struct files f = { .len = 0 };
	struct dns_observation obs;
	struct connection conn;
	struct log_reader *r;

	(void)state;
	put(&f, own_events);
	r = open_files(&f);
	assert_string_equal(log_reader_lacks(r), "");
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_RESPONSE);
	assert_int_equal(obs.repeats, 5);
	assert_true(obs.time_ns - obs.first_ns == 30 * 1000000000ULL);
	assert_true(obs.has_authority && obs.has_txid);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_CONNECTION);
	assert_int_equal(conn.state, CONNECTION_FAILED);
	assert_int_equal(conn.err, ECONNREFUSED);
	assert_true(conn.has_process && conn.source == CONNECTION_LOCAL);
	assert_int_equal(conn.process.pid, 42);
	assert_string_equal(conn.process.exe, "/usr/bin/bot");
	assert_null(conn.process.cmdline);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_CONNECTION);
	assert_int_equal(conn.state, CONNECTION_CLOSED);
	assert_false(conn.has_process);
	assert_int_equal(conn.source, CONNECTION_GATEWAY);
	assert_int_equal(conn.bytes_toclient, 9);
	assert_true(conn.has_mac);
	assert_int_equal(conn.mac[5], 10);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_END);
	log_reader_close(r);
}

static void normalised_traces_are_read(void **state)
{
	struct files f = { .len = 0 };
	struct log_reader_stats stats;
	struct dns_observation obs;
	struct connection conn;
	struct log_reader *r;
	struct ip_addr client;

	(void)state;
	put(&f, trace);
	r = open_files(&f);
	assert_non_null(strstr(log_reader_lacks(r), "authority"));
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_RESPONSE);
	assert_true(obs.time_ns == 22500000000ULL);
	assert_int_equal(ip_parse("fe80::1", &client), 0);
	assert_true(ip_equal(&obs.client, &client));
	assert_false(obs.has_txid || obs.has_authority);
	assert_int_equal(obs.records_len, 2);
	assert_int_equal(obs.records[0].type, DNS_TYPE_CNAME);
	assert_ptr_equal(obs.records[1].owner, obs.records[0].target);
	assert_int_equal(obs.records[1].ttl_s, 60);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_END);
	log_reader_stats(r, &stats);
	assert_int_equal(stats.passed_over, 1);
	assert_int_equal(stats.faulty, 1);
	log_reader_close(r);
}

/* As a port, an id or a size it is none; not what is left of it in sixteen bits. */
static void numbers_that_do_not_fit_count_as_absent(void **state)
{
	struct files f = { .len = 0 };
	struct dns_observation obs;
	struct connection conn;
	struct log_reader *r;

	(void)state;
	put(&f, "{\"ts\":1e9,\"id.orig_h\":\"192.0.2.1\",\"id.orig_p\":65537,\"id.resp_h\":"
		"\"192.0.2.53\",\"trans_id\":-7,\"query\":\"a.example\",\"qclass\":1e300,"
		"\"qtype\":1,\"rcode\":256,\"answers\":[\"192.0.2.7\"],\"TTLs\":[1e300]}\n"
		"{\"ts\":1e9,\"id.orig_h\":\"192.0.2.1\",\"id.resp_h\":\"192.0.2.53\",\"query\":"
		"\"b.example\",\"qtype\":65537,\"answers\":[\"192.0.2.7\"]}\n");
	r = open_files(&f);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_RESPONSE);
	assert_int_equal(obs.client_port, 0);
	assert_int_equal(obs.txid, 0);
	assert_int_equal(obs.qclass, 0);
	assert_int_equal(obs.rcode, 0);
	assert_int_equal(obs.records[0].ttl_s, 0);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_END);
	log_reader_close(r);
}

/* The longest line there can be, all brackets, does not exhaust the stack. */
static void nesting_is_bounded(void **state)
{
	const size_t depth = 500000;
	char *text = malloc(2 * depth + sizeof(cof) + 64), *p = text;
	struct files f = { .len = 0 };
	struct dns_observation obs;
	struct log_reader_stats stats;
	struct connection conn;
	struct log_reader *r;

	(void)state;
	assert_non_null(text);
	p = stpcpy(p, "{\"timestamp\":\"2026-11-21T10:00:00.250000+0100\",\"a\":");
	memset(p, '[', depth);
	memset(p + depth, ']', depth);
	p = stpcpy(p + 2 * depth, "}\n");
	strcpy(p, cof);
	put(&f, text);
	free(text);
	r = open_files(&f);
	assert_int_equal(log_reader_next(r, &obs, &conn), LOG_ITEM_RESPONSE);
	log_reader_stats(r, &stats);
	assert_int_equal(stats.faulty, 1);
	log_reader_close(r);
}

static void other_files_are_refused_by_name(void **state)
{
	struct files f = { .len = 0 };
	struct log_reader *r = NULL;
	const char *missing[] = { "/nonexistent/dns.log" };
	char err[256];

	(void)state;
	put(&f, "an ordinary text\nof two lines\n");
	assert_int_equal(log_reader_open(f.list, 1, &r, err, sizeof(err)), -EBADMSG);
	assert_non_null(strstr(err, f.list[0]));
	assert_false(log_reader_is_log(f.list[0]));
	unlink(f.list[0]);
	assert_int_equal(log_reader_open(missing, 1, &r, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "/nonexistent/dns.log"));
}

/* --- the real trace ---------------------------------------------------------------------- */

#define TRACES "../shared/corpora/traces/"

struct trace_run {
	unsigned int alerts, pool_alerts;
};

static void on_alert(void *ctx, const struct alert *a)
{
	struct trace_run *t = ctx;
	char name[DNS_NAME_TEXT_MAX];

	if (a->confidence < CONFIDENCE_MEDIUM)
		return;
	dns_name_format(&a->domain, name);
	printf("# %s %s %s score %.2f, %u addresses, %u fresh sets\n", name,
	       verdict_name(a->verdict), confidence_name(a->confidence), a->score,
	       a->evidence.distinct_ips, a->evidence.fresh_sets);
	t->alerts++;
	t->pool_alerts += strstr(name, "pool.ntp.org") != NULL;
}

static void run_trace(const char *const *files, size_t n, struct trace_run *ret,
		      struct log_reader_stats *stats)
{
	static const struct detector_ops ops = { .alert = on_alert };
	struct detect_config cfg = detect_config_default();
	struct correlate_config join_cfg = correlate_config_default();
	const char *sources[] = { "libloc" };
	struct dns_observation obs;
	struct connection conn;
	struct correlator *join;
	struct enrich *enrich;
	struct detector *d;
	struct log_reader *r = NULL;
	enum log_item item;
	char err[256];

	memset(ret, 0, sizeof(*ret));
	assert_int_equal(log_reader_open(files, n, &r, err, sizeof(err)), 0);
	assert_int_equal(enrich_open(sources, 1, &enrich), 0);
	assert_int_equal(correlator_new(&join_cfg, &hash_key_fixed, &join), 0);
	assert_int_equal(detector_new(&cfg, enrich, &hash_key_fixed, &ops, ret, &d), 0);
	while ((item = log_reader_next(r, &obs, &conn)) != LOG_ITEM_END) {
		if (item == LOG_ITEM_RESPONSE) {
			correlator_response(join, &obs);
			detector_response(d, &obs);
		} else {
			correlator_connection(join, &conn);
			detector_connection(d, &conn);
		}
	}
	log_reader_stats(r, stats);
	detector_free(d);
	correlator_free(join);
	enrich_close(enrich);
	log_reader_close(r);
}

/* What is logged of a client that sets its clock by a pool: four answers of a pool of 200 over the world. */
static void write_pool(struct files *f)
{
	static char dns[400000], ntp[100000];
	size_t d = 0, n = 0;
	uint32_t rnd = 1;

	for (int i = 0; i < 240; i++) {
		double at = 1700000000.0 + 65 * i;

		d += (size_t)snprintf(dns + d, sizeof(dns) - d,
				      "{\"ts\":%.1f,\"uid\":\"C%d\",\"id.orig_h\":\"192.0.2.1\","
				      "\"id.orig_p\":4001,\"id.resp_h\":\"192.0.2.53\",\"id.resp_p\":53,"
				      "\"proto\":\"udp\",\"trans_id\":%d,\"rtt\":0.02,\"query\":"
				      "\"0.pool.ntp.org\",\"qclass\":1,\"qtype\":1,\"rcode\":0,"
				      "\"answers\":[",
				      at, i, i);
		for (unsigned int j = 0; j < 4; j++) {
			rnd = rnd * 1664525 + 1013904223;
			d += (size_t)snprintf(dns + d, sizeof(dns) - d, "%s\"%u.%u.7.9\"",
					      j ? "," : "", 24 + (rnd >> 24) % 100,
					      (rnd >> 23) % 2 * 97);
			if (!j)
				n += (size_t)snprintf(
					ntp + n, sizeof(ntp) - n,
					"{\"ts\":%.1f,\"uid\":\"N%d\",\"id.orig_h\":\"192.0.2.1\","
					"\"id.orig_p\":123,\"id.resp_h\":\"%u.%u.7.9\",\"id.resp_p\":"
					"123,\"xmt_time\":%.1f,\"version\":4}\n",
					at + 0.5, i, 24 + (rnd >> 24) % 100, (rnd >> 23) % 2 * 97, at);
		}
		d += (size_t)snprintf(dns + d, sizeof(dns) - d,
				      "],\"TTLs\":[60.0,60.0,60.0,60.0]}\n");
	}
	put(f, dns);
	put(f, ntp);
}

/* The real trace, and without it or beside it one made here. */
static void ntp_pool_is_known_by_its_connections(void **state)
{
	static const char *const real[] = { TRACES "wrccdc-2018.dns.log.gz",
					    TRACES "wrccdc-2018.ntp.log.gz" };
	bool is_here = !access(real[0], R_OK) && !access(real[1], R_OK);
	struct log_reader_stats stats;
	struct files made = { 0 };
	struct trace_run run;

	(void)state;
	write_pool(&made);
	for (int i = is_here; i >= 0; i--) {
		const char *const *logs = i ? real : made.list;

		printf("# %s, without connections:\n", i ? "a real trace" : "a trace made here");
		run_trace(logs, 1, &run, &stats);
		assert_true(stats.responses > (i ? 10000 : 200));
		assert_true(stats.faulty * 100 < stats.lines);
		assert_true(i || run.pool_alerts > 0); /* it would say something */
		printf("# with the NTP log:\n");
		run_trace(logs, 2, &run, &stats);
		assert_true(stats.connections > (i ? 500 : 200));
		assert_int_equal(run.pool_alerts, 0);
		assert_int_equal(run.alerts, 0);
	}
	unlink(made.list[0]);
	unlink(made.list[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_separator_is_a_character),
		cmocka_unit_test(zeek_logs_are_merged_by_time),
		cmocka_unit_test(times_are_of_this_epoch),
		cmocka_unit_test(eve_answers_carry_name_servers),
		cmocka_unit_test(passive_dns_gives_first_sightings),
		cmocka_unit_test(own_events_come_back),
		cmocka_unit_test(normalised_traces_are_read),
		cmocka_unit_test(numbers_that_do_not_fit_count_as_absent),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(other_files_are_refused_by_name),
		cmocka_unit_test(ntp_pool_is_known_by_its_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
