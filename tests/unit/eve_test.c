// SPDX-License-Identifier: BSD-2-Clause
/* report/eve: each event read back by an independent JSON parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include <yajl/yajl_tree.h>

#include "base/hash.h"
#include "detect/signature.h"
#include "report/eve.h"
#include "report/ledger.h"

#define TEN_O_CLOCK 1795255200000000000U /* 2026-11-21T10:00:00Z */

static const struct eve_context gw1 = { .sensor = "gw1", .in_iface = "eth0", .pcap_cnt = 17 };

static void assert_keys_differ(yajl_val v)
{
	for (size_t i = 0; i < v->u.object.len; i++)
		for (size_t k = i + 1; k < v->u.object.len; k++)
			assert_string_not_equal(v->u.object.keys[i], v->u.object.keys[k]);
}

/* Nothing that an event carries may be empty or null, and no key comes twice. */
static void assert_filled(yajl_val v)
{
	assert_non_null(v);
	assert_false(YAJL_IS_NULL(v));
	if (YAJL_IS_STRING(v))
		assert_int_not_equal(v->u.string[0], '\0');
	for (size_t i = 0; YAJL_IS_ARRAY(v) && i < v->u.array.len; i++)
		assert_filled(v->u.array.values[i]);
	if (YAJL_IS_OBJECT(v))
		assert_keys_differ(v);
	for (size_t i = 0; YAJL_IS_OBJECT(v) && i < v->u.object.len; i++)
		assert_filled(v->u.object.values[i]);
}

/* The buffer holds exactly one line, and that line is JSON. */
static yajl_val parse_line(struct buf *b)
{
	char error[256];
	yajl_val v;

	assert_false(b->failed);
	assert_true(b->len > 1);
	assert_ptr_equal(memchr(b->bytes, '\n', b->len), b->bytes + b->len - 1);
	b->bytes[b->len - 1] = '\0';
	v = yajl_tree_parse(b->bytes, error, sizeof(error));
	if (!v)
		fail_msg("%s in %s", error, b->bytes);
	b->bytes[b->len - 1] = '\n';
	assert_filled(v);
	return v;
}

/* "a.b.0.c": members by name, elements by number. */
static yajl_val at(yajl_val v, const char *path)
{
	char step[64];

	while (v && *path) {
		size_t n = strcspn(path, ".");

		assert_true(n < sizeof(step));
		memcpy(step, path, n);
		step[n] = '\0';
		path += n + (path[n] == '.');
		if (YAJL_IS_ARRAY(v)) {
			size_t i = strtoul(step, NULL, 10);

			v = i < v->u.array.len ? v->u.array.values[i] : NULL;
		} else {
			const char *keys[] = { step, NULL };

			v = yajl_tree_get(v, keys, yajl_t_any);
		}
	}
	return v;
}

static void assert_text_at(yajl_val v, const char *path, const char *expected)
{
	yajl_val found = at(v, path);

	if (!found || !YAJL_IS_STRING(found))
		fail_msg("no text at %s", path);
	else
		assert_string_equal(found->u.string, expected);
}

static void assert_number_at(yajl_val v, const char *path, double expected)
{
	yajl_val found = at(v, path);

	if (!found || !YAJL_IS_NUMBER(found))
		fail_msg("no number at %s", path);
	else
		assert_true(YAJL_GET_DOUBLE(found) == expected);
}

static void assert_absent(yajl_val v, const char *path)
{
	if (at(v, path))
		fail_msg("%s is there", path);
}

static struct ft_packet packet_v4(void)
{
	struct ft_packet pkt = {
		.sport = htons(53), .dport = htons(40001), .ip_version = 4, .ip_proto = IPPROTO_UDP
	};

	memcpy(pkt.src, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\x35", 16);
	memcpy(pkt.dst, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\7", 16);
	return pkt;
}

/* Header, question www.example.com A, an A record, an NS record and its glue. */
static const uint8_t sample[] = "\x12\x34\x81\x80\0\1\0\1\0\1\0\1"
				"\3WwW\7example\3com\0\0\1\0\1"
				"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
				"\xc0\x10\0\2\0\1\0\0\x0e\x10\0\6\3ns1\xc0\x10"
				"\xc0\x3d\0\1\0\1\0\0\x0e\x10\0\4\xc0\0\2\2";
#define SAMPLE_BYTES (sizeof(sample) - 1)

/* Parse @len bytes as a message and write its event; returns what the parser returned. */
static int write_dns(struct buf *out, const struct eve_context *ctx, const struct ft_packet *pkt,
		     const struct ft_response *response, const uint8_t *bytes, size_t len)
{
	struct message_unit unit = { .time_ns = TEN_O_CLOCK + 123456000,
				     .pkt = pkt,
				     .response = response,
				     .bytes = bytes,
				     .len = len };
	struct dns_message msg;
	int rc;

	dns_message_init(&msg);
	rc = dns_message_parse(&msg, bytes, len);
	eve_dns(out, ctx, &unit, &msg);
	dns_message_fini(&msg);
	return rc;
}

static void dns_line_of_the_documentation(void **state)
{
	static const char expected[] =
		"{\"timestamp\":\"2026-11-21T10:00:00.123456+0000\",\"event_type\":\"dns\","
		"\"sensor\":\"gw1\",\"in_iface\":\"eth0\",\"src_ip\":\"192.0.2.53\",\"src_port\":53,"
		"\"dest_ip\":\"198.51.100.7\",\"dest_port\":40001,\"proto\":\"UDP\",\"ip_v\":4,"
		"\"pcap_cnt\":17,\"dns\":{\"version\":3,\"type\":\"response\",\"id\":4660,"
		"\"flags\":\"8180\",\"qr\":true,\"rd\":true,\"ra\":true,\"opcode\":0,"
		"\"rcode\":\"NOERROR\",\"queries\":[{\"rrname\":\"www.example.com\",\"rrtype\":\"A\"}],"
		"\"answers\":[{\"rrname\":\"www.example.com\",\"rrtype\":\"A\",\"ttl\":60,"
		"\"rdata\":\"192.0.2.1\"}],"
		"\"authorities\":[{\"rrname\":\"example.com\",\"rrtype\":\"NS\",\"ttl\":3600,"
		"\"rdata\":\"ns1.example.com\"}],"
		"\"additionals\":[{\"rrname\":\"ns1.example.com\",\"rrtype\":\"A\",\"ttl\":3600,"
		"\"rdata\":\"192.0.2.2\"}]}}\n";
	struct ft_packet pkt = packet_v4();
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(write_dns(&out, &gw1, &pkt, NULL, sample, SAMPLE_BYTES), 0);
	assert_int_equal(out.len, sizeof(expected) - 1);
	assert_memory_equal(out.bytes, expected, out.len);
	buf_fini(&out);
}

static void dns_keeps_what_came_before_the_break(void **state)
{
	struct ft_packet pkt = packet_v4();
	struct buf out = { 0 };
	yajl_val v;

	(void)state;
	assert_int_equal(write_dns(&out, &gw1, &pkt, NULL, sample, SAMPLE_BYTES - 18), -EBADMSG);
	v = parse_line(&out);
	assert_text_at(v, "dns.answers.0.rdata", "192.0.2.1");
	assert_absent(v, "dns.authorities");
	assert_absent(v, "dns.additionals");
	yajl_tree_free(v);
	buf_reset(&out);
	assert_int_equal(write_dns(&out, &gw1, &pkt, NULL, sample, 14), -EBADMSG);
	v = parse_line(&out);
	assert_number_at(v, "dns.id", 4660);
	assert_absent(v, "dns.queries");
	yajl_tree_free(v);
	buf_fini(&out);
}

/* Several types, an OPT with a client subnet, an unknown type, escapes, two VLANs, tunnels. */
static void dns_with_everything(void **state)
{
	static const uint8_t message[] =
		"\0\1\x87\x50\0\1\0\6\0\0\0\2"
		"\4a\".b\0\xff\x01\0\1"
		"\xc0\x0c\0\x1c\0\1\0\0\0\5\0\x10\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
		"\xc0\x0c\0\x1c\0\1\0\0\0\5\0\x10\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1"
		"\xc0\x0c\0\x10\0\1\xff\xff\xff\xff\0\6\5a\"\\b\xe9"
		"\xc0\x0c\0\x0f\0\1\0\0\0\5\0\4\0\x0a\xc0\x0c"
		"\xc0\x0c\xff\0\0\1\0\0\0\5\0\3xyz"
		"\xc0\x0c\0\1\0\3\0\0\0\5\0\4\1\2\3\4"
		"\0\0\x29\x04\xd0\x01\0\x80\0\0\x0b\0\x08\0\x07\0\x01\x18\0\xc6\x33\x64"
		"\xc0\x0c\0\2\0\1\0\0\0\5\0\x01\0";
	struct eve_context ctx = { .sensor = "s", .pcap_filename = "a \"b\".pcap" };
	struct ft_response response = { .repeats = 41 };
	struct ft_packet pkt = packet_v4();
	struct buf out = { 0 };
	yajl_val v;

	(void)state;
	pkt.ip_version = 6;
	memcpy(pkt.src, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x35", 16);
	pkt.ip_proto = IPPROTO_TCP;
	pkt.vlans = 2;
	pkt.vlan[0] = 100;
	pkt.vlan[1] = 4094;
	pkt.tunnels = 2;
	pkt.tunnel[0] = FT_TUNNEL_GRE;
	pkt.tunnel[1] = FT_TUNNEL_VXLAN;
	assert_int_equal(write_dns(&out, &ctx, &pkt, &response, message, sizeof(message) - 1), 0);
	v = parse_line(&out);
	assert_text_at(v, "src_ip", "2001:db8::35");
	assert_text_at(v, "dest_ip", "::ffff:198.51.100.7");
	assert_text_at(v, "proto", "TCP");
	assert_number_at(v, "ip_v", 6);
	assert_number_at(v, "vlan.1", 4094);
	assert_text_at(v, "tunnel.0", "gre");
	assert_text_at(v, "tunnel.1", "vxlan");
	assert_text_at(v, "pcap_filename", "a \"b\".pcap");
	assert_absent(v, "in_iface");
	assert_absent(v, "pcap_cnt");
	assert_text_at(v, "dns.flags", "8750");
	assert_true(YAJL_IS_TRUE(at(v, "dns.aa")));
	assert_true(YAJL_IS_TRUE(at(v, "dns.tc")));
	assert_true(YAJL_IS_TRUE(at(v, "dns.z")));
	assert_absent(v, "dns.ra");
	assert_number_at(v, "dns.repeats", 41);
	assert_text_at(v, "dns.rcode", "BADVERS");
	assert_text_at(v, "dns.queries.0.rrname", "a\"\\.b");
	assert_text_at(v, "dns.queries.0.rrtype", "TYPE65281");
	assert_text_at(v, "dns.answers.0.rdata", "2001:db8::1");
	assert_text_at(v, "dns.answers.1.rdata", "::ffff:192.0.2.1");
	assert_text_at(v, "dns.answers.2.rrtype", "TXT");
	assert_number_at(v, "dns.answers.2.ttl", 4294967295.0);
	assert_non_null(strstr(at(v, "dns.answers.2.rdata")->u.string, "\\233"));
	assert_text_at(v, "dns.answers.3.rdata", "10 a\"\\.b");
	assert_text_at(v, "dns.answers.4.rrtype", "TYPE65280");
	assert_number_at(v, "dns.answers.4.rdlength", 3);
	assert_absent(v, "dns.answers.4.rdata");
	assert_text_at(v, "dns.answers.5.rrclass", "CH");
	assert_text_at(v, "dns.additionals.0.rdata", ".");
	assert_absent(v, "dns.additionals.1");
	assert_number_at(v, "dns.edns.udp_size", 1232);
	assert_true(YAJL_IS_TRUE(at(v, "dns.edns.do")));
	assert_text_at(v, "dns.edns.ecs", "198.51.100.0/24");
	yajl_tree_free(v);
	buf_fini(&out);
}

static void check_any_message(struct buf *out, const uint8_t *bytes, size_t len)
{
	struct ft_packet pkt = packet_v4();

	buf_reset(out);
	write_dns(out, &gw1, &pkt, NULL, bytes, len);
	yajl_tree_free(parse_line(out));
}

/* The message itself, every prefix of a short one, and seeded damage to its octets. */
static void check_variants(struct buf *out, const uint8_t *bytes, size_t len)
{
	uint64_t seed = len;
	uint8_t *copy = malloc(len);

	assert_non_null(copy);
	check_any_message(out, bytes, len);
	for (size_t n = 12; n < len && len < 600; n++)
		check_any_message(out, bytes, n);
	for (unsigned int round = 0; round < 200 && len > 12; round++) {
		memcpy(copy, bytes, len);
		for (unsigned int i = 0; i < 1 + round % 4; i++) {
			uint64_t r = hash_mix(++seed);

			copy[12 + (r >> 8) % (len - 12)] = (uint8_t)r;
		}
		check_any_message(out, copy, len);
	}
	free(copy);
}

static size_t check_folder(struct buf *out, const char *folder)
{
	static uint8_t bytes[65535];
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t files = 0;

	while (dir && (entry = readdir(dir))) {
		char path[1024];
		size_t len;
		FILE *f;

		if (entry->d_name[0] == '.' || strstr(entry->d_name, ".jsonl"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		f = fopen(path, "rb");
		assert_non_null(f);
		len = fread(bytes, 1, sizeof(bytes), f);
		fclose(f);
		if (len < 12 || !(bytes[2] & 0x80)) /* the writer is given responses only */
			continue;
		check_variants(out, bytes, len);
		files++;
	}
	if (dir)
		closedir(dir);
	return files;
}

static void any_message_becomes_one_valid_line(void **state)
{
	struct buf out = { 0 };
	size_t files;

	(void)state;
	check_variants(&out, sample, SAMPLE_BYTES);
	files = check_folder(&out, "../shared/corpora/dnsmsg/unbound") +
		check_folder(&out, "../shared/corpora/dnsmsg/c-ares");
	print_message("# %zu messages of the corpora besides the built-in one\n", files);
	buf_fini(&out);
}

static void anomaly_line(void **state)
{
	struct ft_packet pkt = packet_v4(), below_ip = { .vlans = 1, .vlan = { 7 } };
	struct buf out = { 0 };
	yajl_val v;

	(void)state;
	for (unsigned int reason = FT_REASON_NONE + 1; reason < FT_COUNTER_MAX; reason++) {
		buf_reset(&out);
		eve_anomaly(&out, &gw1, TEN_O_CLOCK, reason & 1 ? &pkt : NULL, reason);
		v = parse_line(&out);
		assert_text_at(v, "event_type", "anomaly");
		assert_text_at(v, "anomaly.type", "decode");
		assert_text_at(v, "anomaly.event", reason_name(reason));
		assert_text_at(v, "anomaly.layer", reason_layer(reason));
		yajl_tree_free(v);
	}
	buf_reset(&out);
	eve_anomaly(&out, &gw1, TEN_O_CLOCK, &below_ip, FT_REASON_BAD_IP_HEADER);
	v = parse_line(&out);
	assert_number_at(v, "vlan.0", 7);
	assert_absent(v, "src_ip");
	yajl_tree_free(v);
	buf_fini(&out);
}

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_from_text(text, &name), 0);
	return name;
}

static struct ip_addr addr_of(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_parse(text, &addr), 0);
	return addr;
}

static void churn_lines(void **state)
{
	struct dns_name rrname = name_of("shop.example"), added_name = name_of("ns2.shop.example");
	struct ip_addr added[2] = { addr_of("192.0.2.1"), addr_of("192.0.2.2") };
	struct ip_addr removed = addr_of("198.51.100.1");
	struct churn_change change = { .time_ns = TEN_O_CLOCK,
				       .kind = CHURN_CHANGED,
				       .rrname = &rrname,
				       .rrtype = DNS_TYPE_A,
				       .added = added,
				       .added_len = 2,
				       .removed = &removed,
				       .removed_len = 1,
				       .set_size = 2,
				       .distinct = 3,
				       .ttl_s = 60 };
	struct buf out = { 0 };
	yajl_val v;

	(void)state;
	eve_churn(&out, &gw1, &change);
	v = parse_line(&out);
	assert_text_at(v, "churn.rrname", "shop.example");
	assert_text_at(v, "churn.rrtype", "A");
	assert_text_at(v, "churn.change", "changed");
	assert_text_at(v, "churn.added.1", "192.0.2.2");
	assert_text_at(v, "churn.removed.0", "198.51.100.1");
	assert_number_at(v, "churn.set_size", 2);
	assert_number_at(v, "churn.distinct", 3);
	assert_number_at(v, "churn.ttl", 60);
	yajl_tree_free(v);
	buf_reset(&out);
	change = (struct churn_change){ .time_ns = TEN_O_CLOCK,
					.kind = CHURN_FIRST,
					.rrname = &rrname,
					.rrtype = DNS_TYPE_NS,
					.added_names = &added_name,
					.added_names_len = 1,
					.set_size = 1,
					.distinct = 1 };
	eve_churn(&out, &gw1, &change);
	v = parse_line(&out);
	assert_text_at(v, "churn.rrtype", "NS");
	assert_text_at(v, "churn.change", "first");
	assert_text_at(v, "churn.added.0", "ns2.shop.example");
	assert_non_null(at(v, "churn.removed"));
	assert_absent(v, "churn.removed.0");
	yajl_tree_free(v);
	buf_fini(&out);
}

static struct connection connection_sample(void)
{
	struct connection conn = {
		.time_ns = TEN_O_CLOCK,
		.state = CONNECTION_CLOSED,
		.src = addr_of("198.51.100.7"),
		.dst = addr_of("192.0.2.1"),
		.sport = 51000,
		.dport = 443,
		.proto = IPPROTO_TCP,
		.has_process = true,
		.has_bytes = true,
		.latency_us = 1500,
		.bytes_toserver = 517,
		.duration_ns = 2500000000U,
		.process = { .pid = 4242,
			     .ppid = 1,
			     .uid = 0,
			     .exe = "/usr/bin/c\xffurl",
			     .comm = "c\"url\n",
			     .cmdline = "" },
		.names_len = 1,
	};

	conn.names[0] = (struct connection_name){ .rrname = name_of("shop.example"),
						  .age_s = 0.25,
						  .ttl_left_s = -3,
						  .same_host = true,
						  .confidence = 0.9 };
	return conn;
}

static void connect_line(void **state)
{
	struct connection conn = connection_sample();
	struct buf out = { 0 };
	yajl_val v;

	(void)state;
	eve_connect(&out, &gw1, &conn);
	v = parse_line(&out);
	assert_text_at(v, "src_ip", "198.51.100.7");
	assert_number_at(v, "dest_port", 443);
	assert_text_at(v, "connect.result", "ok");
	assert_number_at(v, "connect.latency_us", 1500);
	assert_number_at(v, "connect.process.pid", 4242);
	assert_number_at(v, "connect.process.uid", 0);
	assert_text_at(v, "connect.process.exe", "/usr/bin/c\xef\xbf\xbdurl");
	assert_text_at(v, "connect.process.comm", "c\"url\n");
	assert_absent(v, "connect.process.cmdline");
	assert_absent(v, "connect.process.unit");
	assert_text_at(v, "connect.names.0.rrname", "shop.example");
	assert_text_at(v, "connect.names.0.query", "shop.example");
	assert_number_at(v, "connect.names.0.ttl_left_s", -3);
	assert_true(YAJL_IS_TRUE(at(v, "connect.names.0.same_host")));
	assert_number_at(v, "connect.bytes_toserver", 517);
	assert_number_at(v, "connect.bytes_toclient", 0);
	assert_number_at(v, "connect.duration_s", 2.5);
	yajl_tree_free(v);
	buf_fini(&out);
}

static void connect_results(void **state)
{
	struct connection conn = connection_sample();
	struct buf out = { 0 };
	yajl_val v;

	(void)state;
	conn.state = CONNECTION_FAILED;
	conn.err = ECONNREFUSED;
	conn.has_process = conn.has_bytes = false;
	conn.names_len = 0;
	conn.sport = 0;
	conn.duration_ns = 0;
	conn.has_mac = true;
	memcpy(conn.mac, "\2\0\x5e\0\x53\xff", 6);
	eve_connect(&out, &gw1, &conn);
	v = parse_line(&out);
	assert_text_at(v, "connect.result", "ECONNREFUSED");
	assert_text_at(v, "ether.src_mac", "02:00:5e:00:53:ff");
	assert_absent(v, "src_port");
	assert_absent(v, "connect.process");
	assert_absent(v, "connect.names");
	assert_absent(v, "connect.bytes_toserver");
	assert_absent(v, "connect.duration_s");
	yajl_tree_free(v);
	buf_reset(&out);
	conn.err = 4095;
	eve_connect(&out, &gw1, &conn);
	v = parse_line(&out);
	assert_text_at(v, "connect.result", "errno 4095");
	assert_absent(v, "connect.preexisting");
	assert_absent(v, "connect.encrypted_dns");
	yajl_tree_free(v);
	buf_reset(&out);
	conn.state = CONNECTION_ATTEMPT;
	conn.preexisting = true;
	conn.encrypted_dns = CONNECTION_DNS_QUIC;
	eve_connect(&out, &gw1, &conn);
	v = parse_line(&out);
	assert_absent(v, "connect.result");
	assert_true(YAJL_IS_TRUE(at(v, "connect.preexisting")));
	assert_text_at(v, "connect.encrypted_dns", "quic");
	yajl_tree_free(v);
	buf_fini(&out);
}

static void fill_evidence(struct alert *a)
{
	a->evidence.distinct_ips = 24;
	a->evidence.has_pool = true;
	a->evidence.pool_estimate = 61.5;
	a->evidence.pool_low = 30;
	a->evidence.pool_high = 116;
	a->evidence.novelty = 1;
	a->evidence.first_ns = TEN_O_CLOCK - 3600000000000U;
	a->evidence.last_ns = TEN_O_CLOCK;
	a->evidence.asns_len = 1;
	a->evidence.asns[0] = (struct alert_asn){ .asn = 64500, .count = 3, .name = "EXAMPLE-AS" };
	a->evidence.countries_len = 2;
	strcpy(a->evidence.countries[0], "DE");
	strcpy(a->evidence.countries[1], "FR");
	a->evidence.ips_len = 1;
	a->evidence.ips[0] = (struct alert_ip){ .ip = addr_of("192.0.2.1"),
						.asn = 64500,
						.country = "DE",
						.first_ns = TEN_O_CLOCK,
						.last_ns = TEN_O_CLOCK,
						.sightings = 2,
						.connects = 1 };
	a->evidence.nameservers_len = 1;
	a->evidence.nameservers[0].name = name_of("ns1.shop.example");
	a->evidence.nameservers[0].ips_len = 1;
	a->evidence.nameservers[0].ips[0] = addr_of("198.51.100.53");
}

/* On the heap: a struct alert is large. */
static struct alert *alert_sample(void)
{
	struct alert *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	a->time_ns = TEN_O_CLOCK;
	a->verdict = VERDICT_SINGLE_FLUX;
	a->confidence = CONFIDENCE_HIGH;
	a->domain = name_of("www.shop.example");
	a->registered_domain = name_of("shop.example");
	a->score = 5.25;
	a->probability = 0.994780;
	a->terms_len = 1;
	a->terms[0] = (struct alert_term){ "late_novelty", 1, 3, 3 };
	fill_evidence(a);
	a->hosts_len = 1;
	a->hosts[0] = (struct alert_host){ .ip = addr_of("198.51.100.7"), .queries = 9 };
	a->processes_len = 1;
	a->processes[0].pid = 4242;
	a->processes[0].host = addr_of("198.51.100.7");
	strcpy(a->processes[0].exe, "/tmp/\xc3(\x01 \"evil\"\\");
	a->home_nodes_len = 1;
	a->home_nodes[0] = addr_of("203.0.113.80");
	a->members_len = 1;
	a->members[0] = name_of("cdn.shop.example");
	a->would_change_if_len = 1;
	a->would_change_if[0] = "late_novelty";
	a->vantage.ns_visible = true;
	a->degraded = true;
	return a;
}

static void alert_line(void **state)
{
	struct alert *a = alert_sample();
	struct buf out = { 0 };
	yajl_val v;

	(void)state;
	eve_alert(&out, &gw1, a);
	v = parse_line(&out);
	assert_text_at(v, "event_type", "alert");
	assert_text_at(v, "alert.action", "allowed");
	assert_number_at(v, "alert.gid", 1);
	assert_number_at(v, "alert.signature_id", verdict_signature(a)->id);
	assert_number_at(v, "alert.severity", 1);
	assert_text_at(v, "alert.metadata.mitre_technique_id.0", "T1568.001");
	assert_text_at(v, "alert.metadata.d3fend.0", "D3-DNSTA");
	assert_text_at(v, "flux.domain", "www.shop.example");
	assert_text_at(v, "flux.registered_domain", "shop.example");
	assert_text_at(v, "flux.verdict", "single-flux");
	assert_text_at(v, "flux.state", "raised");
	assert_text_at(v, "flux.confidence", "high");
	assert_number_at(v, "flux.score", 5.25);
	assert_text_at(v, "flux.terms.0.name", "late_novelty");
	assert_number_at(v, "flux.terms.0.contribution", 3);
	assert_number_at(v, "flux.evidence.pool_estimate", 61.5);
	assert_text_at(v, "flux.evidence.asns.0.name", "EXAMPLE-AS");
	assert_text_at(v, "flux.evidence.countries.1", "FR");
	assert_text_at(v, "flux.evidence.first_seen", "2026-11-21T09:00:00.000000+0000");
	assert_text_at(v, "flux.evidence.ips.0.ip", "192.0.2.1");
	assert_number_at(v, "flux.evidence.ips.0.connects", 1);
	assert_text_at(v, "flux.evidence.nameservers.0.ips.0", "198.51.100.53");
	assert_number_at(v, "flux.hosts.0.queries", 9);
	assert_absent(v, "flux.hosts.0.mac");
	assert_text_at(v, "flux.processes.0.exe", "/tmp/\xef\xbf\xbd(\x01 \"evil\"\\");
	assert_text_at(v, "flux.processes.0.host", "198.51.100.7");
	assert_absent(v, "flux.processes.0.unit");
	assert_text_at(v, "flux.home_nodes.0", "203.0.113.80");
	assert_text_at(v, "flux.members.0", "cdn.shop.example");
	assert_true(YAJL_IS_TRUE(at(v, "flux.vantage.ns_visible")));
	assert_true(YAJL_IS_FALSE(at(v, "flux.vantage.connects_visible")));
	assert_text_at(v, "flux.would_change_if.0", "late_novelty");
	assert_true(YAJL_IS_TRUE(at(v, "flux.degraded")));
	assert_absent(v, "flux.suppressed_by");
	yajl_tree_free(v);
	buf_fini(&out);
	free(a);
}

static void alert_without_anything_optional(void **state)
{
	struct alert *a = calloc(1, sizeof(*a));
	struct buf out = { 0 };
	yajl_val v;

	(void)state;
	assert_non_null(a);
	a->time_ns = TEN_O_CLOCK;
	a->verdict = VERDICT_SUSPECTED_POOL;
	a->confidence = CONFIDENCE_HIGH;
	a->domain = name_of("pool.example");
	eve_alert(&out, &gw1, a);
	v = parse_line(&out); /* which refuses empty strings and nulls */
	assert_number_at(v, "alert.severity", alert_severity(a));
	assert_absent(v, "flux.evidence.pool_estimate");
	assert_absent(v, "flux.evidence.first_seen");
	assert_absent(v, "flux.hosts");
	assert_absent(v, "flux.degraded");
	yajl_tree_free(v);
	buf_fini(&out);
	free(a);
}

static void signatures_are_distinct(void **state)
{
	struct alert *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	for (int i = VERDICT_NONE; i <= VERDICT_DENIED; i++) {
		a->verdict = (enum verdict)i;
		assert_int_equal(strncmp(verdict_signature(a)->text, "FLUXTAP ", 8), 0);
		for (int k = i + 1; k <= VERDICT_DENIED; k++) {
			b->verdict = (enum verdict)k;
			assert_int_not_equal(verdict_signature(a)->id, verdict_signature(b)->id);
			assert_string_not_equal(verdict_signature(a)->text,
						verdict_signature(b)->text);
		}
		b->is_home_node_alert = true;
		assert_int_not_equal(verdict_signature(a)->id, verdict_signature(b)->id);
		b->is_home_node_alert = false;
	}
	free(a);
	free(b);
}

static void stats_line(void **state)
{
	struct ledger l = { .uptime_ns = 12999999999U, .capture_mode = "xdp native" };
	struct buf out = { 0 };
	yajl_val v;

	(void)state;
	l.kernel[FT_STAGE_SEEN] = l.kernel[FT_STAGE_RESPONSE] = 3;
	l.kernel[FT_STAGE_EMITTED] = l.consumed = l.reassembly.records = l.reassembly.passed = 2;
	l.kernel[FT_REASON_SHORT_DNS] = 1;
	l.parsed = 1;
	l.malformed[FT_REASON_BAD_NAME] = 1;
	eve_stats(&out, &gw1, TEN_O_CLOCK, &l);
	v = parse_line(&out);
	assert_number_at(v, "stats.uptime", 12);
	assert_text_at(v, "stats.capture_mode", "xdp native");
	assert_true(YAJL_IS_TRUE(at(v, "stats.balanced")));
	assert_absent(v, "stats.unbalanced");
	assert_number_at(v, "stats.kernel.seen", 3);
	assert_number_at(v, "stats.kernel.not_dns", 0);
	assert_number_at(v, "stats.kernel.refused.short_dns", 1);
	assert_absent(v, "stats.kernel.refused.short_l2");
	assert_number_at(v, "stats.dns.malformed.bad_name", 1);
	yajl_tree_free(v);
	buf_reset(&out);
	l.kernel[FT_STAGE_SEEN]++;
	eve_stats(&out, &gw1, TEN_O_CLOCK, &l);
	v = parse_line(&out);
	assert_true(YAJL_IS_FALSE(at(v, "stats.balanced")));
	assert_text_at(v, "stats.unbalanced", "kernel_seen");
	yajl_tree_free(v);
	buf_fini(&out);
}

/* --- docs/output.md --------------------------------------------------------------------------- */

/* The line just written stands in the documentation, word for word. */
static void assert_documented(struct buf *out)
{
	static struct buf doc;
	char bytes[4096];
	FILE *f;
	size_t n;

	buf_reset(&doc);
	f = fopen("docs/output.md", "rb");
	assert_non_null(f);
	while ((n = fread(bytes, 1, sizeof(bytes), f)))
		buf_add(&doc, bytes, n);
	fclose(f);
	yajl_tree_free(parse_line(out));
	if (!memmem(doc.bytes, doc.len, out->bytes, out->len))
		fail_msg("docs/output.md lacks\n%.*s", (int)out->len, out->bytes);
	buf_fini(&doc);
	buf_reset(out);
}

static void documented_connect(struct buf *out)
{
	struct connection conn = connection_sample();

	conn.bytes_toclient = 3120;
	conn.names[0].ttl_left_s = 59.75;
	conn.process = (struct process_info){ .pid = 4242,
					      .ppid = 4100,
					      .uid = 1000,
					      .exe = "/usr/bin/curl",
					      .comm = "curl",
					      .cmdline = "curl -s https://shop.example/",
					      .user = "alice",
					      .cgroup = "/user.slice/user-1000.slice",
					      .unit = "session-4.scope" };
	eve_connect(out, &(struct eve_context){ .sensor = "gw1" }, &conn);
}

static void documented_alert(struct buf *out)
{
	struct alert *a = alert_sample();

	a->terms_len = 2;
	a->terms[1] = (struct alert_term){ "ttl", 60, 1, 1 };
	a->evidence.prefixes = 21;
	a->evidence.ttl_max = 60;
	a->evidence.fresh_sets = 14;
	a->evidence.changes = 13;
	a->evidence.coverage = 0.08;
	a->evidence.effective_asns = 9.3;
	a->hosts[0].connects = 5;
	strcpy(a->processes[0].exe, "/usr/bin/curl");
	strcpy(a->processes[0].comm, "curl");
	a->processes[0].uid = 1000;
	a->processes[0].connects = 5;
	a->processes[0].distinct_ips = 4;
	a->members_len = 0;
	a->home_nodes_len = 0;
	a->degraded = false;
	a->vantage.connects_visible = true;
	a->vantage.resolvers = 1;
	eve_alert(out, &(struct eve_context){ .sensor = "gw1" }, a);
	free(a);
}

static void documented_stats(struct buf *out)
{
	struct ledger l = { .uptime_ns = 60000000000U,
			    .capture_mode = "xdp native",
			    .filtering = true,
			    .events_written = 130 };

	l.kernel[FT_STAGE_SEEN] = 1000;
	l.kernel[FT_STAGE_NOT_DNS] = 600;
	l.kernel[FT_STAGE_QUERY] = 200;
	l.kernel[FT_STAGE_RESPONSE] = 200;
	l.kernel[FT_STAGE_EMITTED] = l.consumed = l.reassembly.records = 105;
	l.reassembly.passed = 100;
	l.reassembly.segments = 5;
	l.reassembly.from_tcp = 1;
	l.kernel[FT_STAGE_REPEAT] = 93;
	l.kernel[FT_REASON_SHORT_DNS] = 2;
	l.parsed = 100;
	l.malformed[FT_REASON_BAD_NAME] = 1;
	l.given_up[FT_REASON_TCP_GAP] = 1;
	eve_stats(out, &(struct eve_context){ .sensor = "gw1" }, TEN_O_CLOCK, &l);
}

static void lines_of_the_documentation(void **state)
{
	struct dns_name rrname = name_of("shop.example");
	struct ip_addr added = addr_of("192.0.2.1"), removed = addr_of("198.51.100.1");
	struct churn_change change = { .time_ns = TEN_O_CLOCK,
				       .kind = CHURN_CHANGED,
				       .rrname = &rrname,
				       .rrtype = DNS_TYPE_A,
				       .added = &added,
				       .added_len = 1,
				       .removed = &removed,
				       .removed_len = 1,
				       .set_size = 2,
				       .distinct = 3,
				       .ttl_s = 60 };
	struct ft_packet pkt = packet_v4();
	struct buf out = { 0 };

	(void)state;
	write_dns(&out, &gw1, &pkt, NULL, sample, SAMPLE_BYTES);
	assert_documented(&out);
	eve_anomaly(&out, &gw1, TEN_O_CLOCK, &pkt, FT_REASON_BAD_NAME);
	assert_documented(&out);
	eve_churn(&out, &(struct eve_context){ .sensor = "gw1" }, &change);
	assert_documented(&out);
	documented_connect(&out);
	assert_documented(&out);
	documented_alert(&out);
	assert_documented(&out);
	documented_stats(&out);
	assert_documented(&out);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dns_line_of_the_documentation),
		cmocka_unit_test(dns_keeps_what_came_before_the_break),
		cmocka_unit_test(dns_with_everything),
		cmocka_unit_test(any_message_becomes_one_valid_line),
		cmocka_unit_test(anomaly_line),
		cmocka_unit_test(churn_lines),
		cmocka_unit_test(connect_line),
		cmocka_unit_test(connect_results),
		cmocka_unit_test(alert_line),
		cmocka_unit_test(alert_without_anything_optional),
		cmocka_unit_test(signatures_are_distinct),
		cmocka_unit_test(stats_line),
		cmocka_unit_test(lines_of_the_documentation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
