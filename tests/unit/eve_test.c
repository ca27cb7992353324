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
#include "libeve.h"
#include "libline.h"
#include "libvalues.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
