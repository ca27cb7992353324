// SPDX-License-Identifier: BSD-2-Clause
#include "libeve.h"

#include <arpa/inet.h>
#include <string.h>

#include "libvalues.h"

struct ft_packet packet_v4(void)
{
	struct ft_packet pkt = {
		.sport = htons(53), .dport = htons(40001), .ip_version = 4, .ip_proto = IPPROTO_UDP
	};

	memcpy(pkt.src, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\x35", 16);
	memcpy(pkt.dst, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\7", 16);
	return pkt;
}

const uint8_t sample[SAMPLE_BYTES + 1] = "\x12\x34\x81\x80\0\1\0\1\0\1\0\1"
					 "\3WwW\7example\3com\0\0\1\0\1"
					 "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
					 "\xc0\x10\0\2\0\1\0\0\x0e\x10\0\6\3ns1\xc0\x10"
					 "\xc0\x3d\0\1\0\1\0\0\x0e\x10\0\4\xc0\0\2\2";

int write_dns(struct buf *out, const struct eve_context *ctx, const struct ft_packet *pkt,
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

struct connection connection_sample(void)
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
