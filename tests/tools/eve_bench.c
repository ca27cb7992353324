// SPDX-License-Identifier: BSD-2-Clause
/*
 * eve_bench [EVENTS [PATH]]: "dns" events written per second on one core for a response of about
 * 180 octets (a CNAME, four addresses, two name servers), parsed once and written again and again
 * into a buffer that is emptied at 64 KiB, or line by line into a sink that writes PATH. Prints
 * JSON. CPU time of this thread, so that neighbours do not count; `wall_s` includes the writing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <arpa/inet.h>

#include "report/eve.h"
#include "report/sink.h"

static const uint8_t message[] = "\x12\x34\x81\x80\0\1\0\5\0\2\0\0"
				 "\3www\6static\7example\3com\0\0\1\0\1"
				 "\xc0\x0c\0\5\0\1\0\0\1\x2c\0\x13\4edge\3cdn\7example\xc0\x1f"
				 "\xc0\x34\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
				 "\xc0\x34\0\1\0\1\0\0\0\x3c\0\4\xc6\x33\x64\2"
				 "\xc0\x34\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\xfe"
				 "\xc0\x34\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\x80"
				 "\xc0\x39\0\2\0\1\0\0\x0e\x10\0\6\3ns1\xc0\x39"
				 "\xc0\x39\0\2\0\1\0\0\x0e\x10\0\6\3ns2\xc0\x39";

static double seconds_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct sink *open_sink(const char *path)
{
	struct sink_config cfg = sink_config_default();
	struct sink *s = NULL;
	char err[256];

	cfg.kind = SINK_FILE;
	cfg.path = path;
	cfg.block = true;
	if (sink_open(&cfg, &s, err, sizeof(err)))
		fprintf(stderr, "eve_bench: %s\n", err);
	return s;
}

int main(int argc, char **argv)
{
	unsigned long events = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000000;
	struct eve_context ctx = { .sensor = "gateway", .in_iface = "eth0" };
	struct ft_packet pkt = { .sport = htons(53),
				 .dport = htons(40001),
				 .ip_version = 4,
				 .ip_proto = 17,
				 .src = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 53 },
				 .dst = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3 } };
	struct message_unit unit = { .time_ns = 1795255200123456000U,
				     .pkt = &pkt,
				     .bytes = message,
				     .len = sizeof(message) - 1 };
	struct dns_message msg;
	struct buf out = { 0 };
	struct sink *sink = NULL;
	double start, cpu, wall;
	size_t bytes = 0;

	dns_message_init(&msg);
	if (dns_message_parse(&msg, message, sizeof(message) - 1)) {
		fprintf(stderr, "eve_bench: the message is broken at %zu\n", msg.broke_at);
		return 1;
	}
	if (argc > 2 && !(sink = open_sink(argv[2])))
		return 1;
	wall = seconds_of(CLOCK_MONOTONIC);
	start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	for (unsigned long i = 0; i < events; i++) {
		unit.time_ns += 1700;
		eve_dns(&out, &ctx, &unit, &msg);
		if (sink)
			sink_write(sink, SINK_RESPONSE, out.bytes, out.len);
		else if (out.len < 65536)
			continue;
		bytes += out.len;
		buf_reset(&out);
	}
	bytes += out.len;
	cpu = seconds_of(CLOCK_THREAD_CPUTIME_ID) - start;
	sink_close(sink, UINT64_MAX, NULL);
	wall = seconds_of(CLOCK_MONOTONIC) - wall;
	printf("{\"bench\":\"eve_dns\",\"sink\":%s,\"events\":%lu,\"message_bytes\":%zu,"
	       "\"line_bytes\":%zu,\"events_per_cpu_s\":%.0f,\"ns_per_event\":%.1f,\"wall_s\":%.2f}\n",
	       sink ? "true" : "false", events, sizeof(message) - 1, bytes / (events ? events : 1),
	       (double)events / cpu, cpu * 1e9 / (double)events, wall);
	buf_fini(&out);
	dns_message_fini(&msg);
	return 0;
}
