// SPDX-License-Identifier: BSD-2-Clause
/* Each frame ends where it should, in XDP and in TC; fragments, segments and flows in detail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>

#include "libframes.h"
#include "libtap.h"

static struct kernel_config small_config(bool filter)
{
	struct kernel_config cfg = kernel_config_default();

	cfg.filter_bytes = 1 << 20;
	cfg.ring_bytes = 1 << 20;
	cfg.filter = filter;
	return cfg;
}

static struct tap *open_with(void (*adjust)(struct ft_settings *), bool filter)
{
	struct kernel_config cfg = small_config(filter);

	return tap_open(&cfg, adjust);
}

static size_t by_name(const char *name)
{
	for (size_t i = 0; i < frame_kinds; i++)
		if (!strcmp(frame_name(i), name))
			return i;
	fail_msg("no frame %s", name);
	return 0;
}

static void run_named(struct tap *t, enum tap_way way, const char *name)
{
	static struct packet p;
	size_t i = by_name(name);

	frame_build(i, &p);
	assert_int_equal(tap_run(t, way, &p), frame_end(i));
}

static void all_fragments(struct ft_settings *s)
{
	s->follow_fragments = FT_FRAGMENTS_ALL;
}

/*
 * Test runs take one page, or several buffers, of XDP alone and on kernels that have those; and no
 * less than an IP header for TC.
 */
static bool can_run(const struct tap *t, enum tap_way way, const struct packet *p)
{
	if (way == TAP_XDP)
		return t->k->full || p->len <= 3500;
	return p->len >= 34 && p->len <= 4000;
}

static void every_frame_ends_where_it_should(void **state)
{
	struct kernel_config cfg = small_config(false);
	struct tap *t = tap_open_all(&cfg, all_fragments);
	static struct packet p;

	(void)state;
	for (size_t i = 0; i < frame_kinds; i++)
		for (enum tap_way way = TAP_XDP; way <= TAP_TC_OUT; way++) {
			unsigned int end;

			frame_build(i, &p);
			if (!can_run(t, way, &p))
				continue;
			end = tap_run(t, way, &p);
			if (end != frame_end(i))
				fail_msg("%s (way %d) ended in %u, not %u", frame_name(i), way, end,
					 frame_end(i));
			if (end == FT_STAGE_EMITTED || end >= FT_REASON_NONE)
				assert_int_equal(t->records_len, 1);
			else
				assert_int_equal(t->records_len, 0);
			if (t->records_len)
				assert_int_equal(t->records[0].response.pkt.direction,
						 way == TAP_TC_OUT ? FT_DIR_EGRESS
								   : FT_DIR_INGRESS);
		}
	tap_close(t);
}

static void packet_tells_vlans_tunnels_and_innermost_addresses(void **state)
{
	struct tap *t = open_with(NULL, false);
	const struct ft_packet *pkt = &t->records[0].response.pkt;
	static const uint8_t v6_src[16] = {0x20, 1, 0x0d, 0xb8, [15] = 0x53};
	static const uint8_t v4_src[16] = {[10] = 0xff, 0xff, 198, 18, 0, 53};

	(void)state;
	run_named(t, TAP_XDP, "four VLANs");
	assert_int_equal(pkt->vlans, 4);
	assert_int_equal(pkt->vlan[0], 1);
	assert_int_equal(pkt->vlan[3], 4);
	assert_int_equal(pkt->ip_version, 6);
	assert_int_equal(pkt->ip_ttl, 62);
	assert_memory_equal(pkt->src, v6_src, 16);
	assert_int_equal(ntohs(pkt->sport), 53);
	assert_int_equal(ntohs(pkt->dport), 40000);
	assert_int_equal(pkt->smac[5], 1);
	assert_int_equal(pkt->dmac[5], 2);
	run_named(t, TAP_XDP, "6in4");
	assert_int_equal(pkt->tunnels, 1);
	assert_int_equal(pkt->tunnel[0], FT_TUNNEL_IP6IP);
	assert_memory_equal(pkt->src, v6_src, 16);
	run_named(t, TAP_XDP, "Teredo");
	assert_int_equal(pkt->tunnel[0], FT_TUNNEL_TEREDO);
	run_named(t, TAP_XDP, "GTP-U");
	assert_int_equal(pkt->tunnel[0], FT_TUNNEL_GTPU);
	assert_int_equal(pkt->ip_version, 4);
	assert_memory_equal(pkt->src, v4_src, 16);
	run_named(t, TAP_XDP, "GRE, Ethernet, VLAN");
	assert_int_equal(pkt->tunnel[0], FT_TUNNEL_GRE);
	assert_int_equal(pkt->vlan[0], 99);
	tap_close(t);
}

static void later_fragments_of_others_are_told_apart(void **state)
{
	struct tap *t = open_with(NULL, true);
	static struct packet p;

	(void)state;
	/* unknown: it may have overtaken its first */
	run_named(t, TAP_XDP, "IPv4 later fragment");
	assert_int_equal(t->records[0].fragment.offset, 185 * 8);
	assert_int_equal(t->records[0].fragment.more, 0);
	assert_int_equal(t->records[0].fragment.id, 0xbeef);
	assert_int_equal(t->records[0].fragment.payload_bytes, 17);
	assert_memory_equal(t->records[0].fragment.payload, "rest of a message", 17);
	/* the first one was DNS: the rest goes up */
	run_named(t, TAP_XDP, "IPv4 first fragment");
	assert_int_equal(t->records[0].fragment.more, 1);
	run_named(t, TAP_XDP, "IPv4 later fragment");
	/* the first one was not */
	run_named(t, TAP_XDP, "IPv4 first fragment, other port");
	frame_build(by_name("IPv4 later fragment"), &p);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_REASON_FRAGMENT_LATER);
	p.b[14 + 5] ^= 1; /* another packet */
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_EMITTED);
	/* identifications come round again: now it is one of DNS */
	run_named(t, TAP_XDP, "IPv4 first fragment");
	run_named(t, TAP_XDP, "IPv4 later fragment");
	tap_close(t);
}

static void follow_nothing(struct ft_settings *s)
{
	s->follow_fragments = FT_FRAGMENTS_OFF;
	s->follow_tcp = 0;
}

static void what_is_not_followed_is_counted(void **state)
{
	struct tap *t = open_with(follow_nothing, true);
	static struct packet p;

	(void)state;
	frame_build(by_name("IPv6 first fragment"), &p);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_REASON_FRAGMENT_FIRST_INCOMPLETE);
	frame_build(by_name("IPv6 later fragment"), &p);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_REASON_FRAGMENT_LATER);
	frame_build(by_name("TCP payload"), &p);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_REASON_TCP_LIMIT);
	tap_close(t);
}

static void segments_carry_sequence_and_payload(void **state)
{
	struct tap *t = open_with(NULL, true);

	(void)state;
	run_named(t, TAP_XDP, "TCP payload");
	assert_int_equal(t->records[0].hdr.kind, FT_EVENT_SEGMENT);
	assert_int_equal(t->records[0].segment.seq, 1000);
	assert_int_equal(t->records[0].segment.ack, 2000);
	assert_int_equal(t->records[0].segment.flags, 0x18);
	assert_memory_equal(t->records[0].segment.payload, "not yet looked at", 17);
	run_named(t, TAP_XDP, "TCP SYN/ACK");
	assert_int_equal(t->records[0].segment.flags, 0x12);
	assert_int_equal(t->records[0].segment.payload_bytes, 0);
	tap_close(t);
}

static void long_segments_go_up_whole(void **state)
{
	struct tap *t = open_with(NULL, true);
	static struct packet p;

	(void)state;
	tap_need_walk(t); /* several buffers came with what it needs */
	packet_init(&p);
	packet_ethernet(&p, 0x0800);
	packet_ipv4(&p, 6, 0x4000, 0);
	packet_tcp(&p, 53, 40000, 0x18);
	for (int i = 0; i < 30000; i++)
		packet_u8(&p, (uint8_t)(i * 7));
	packet_done(&p);
	assert_int_equal(tap_run(t, TAP_XDP, &p), FT_STAGE_EMITTED);
	assert_int_equal(t->records_len, 1);
	assert_int_equal(t->records[0].segment.payload_bytes, 30000);
	assert_memory_equal(t->records[0].segment.payload, p.b + 54, 30000);
	tap_close(t);
}

static void flow_packet(struct packet *p, uint8_t proto, uint16_t sport, uint16_t dport,
			uint8_t flags)
{
	packet_init(p);
	packet_ethernet(p, 0x0800);
	packet_ipv4(p, proto, 0, 0);
	if (proto == 6)
		packet_tcp(p, sport, dport, flags);
	else
		packet_udp(p, sport, dport);
	packet_done(p);
}

/* Frames that are not DNS; @event is what they say of a watched address, 0: nothing. */
static void expect_flow(struct tap *t, const struct packet *p, unsigned int event)
{
	assert_int_equal(tap_run(t, TAP_XDP, p), FT_STAGE_NOT_DNS);
	assert_int_equal(t->records_len, event ? 1 : 0);
	if (event) {
		assert_int_equal(t->records[0].hdr.kind, FT_EVENT_FLOW);
		assert_int_equal(t->records[0].flow.event, event);
	}
}

static void watched_addresses_report_their_flows(void **state)
{
	struct tap *t = open_with(NULL, true);
	struct ip_addr addr;
	static struct packet p;

	(void)state;
	assert_int_equal(ip_parse("198.18.1.7", &addr), 0); /* where the frames go */
	flow_packet(&p, 6, 40000, 443, 0x02);
	expect_flow(t, &p, 0);
	assert_int_equal(kernel_watch(t->k, &addr, true), 0);
	assert_int_equal(kernel_watch(t->k, &addr, true), 0);
	expect_flow(t, &p, FT_FLOW_SYN);
	flow_packet(&p, 6, 443, 40000, 0x12);
	expect_flow(t, &p, FT_FLOW_SYNACK);
	flow_packet(&p, 6, 443, 40000, 0x14);
	expect_flow(t, &p, FT_FLOW_RST);
	flow_packet(&p, 6, 443, 40000, 0x10);
	expect_flow(t, &p, 0);
	flow_packet(&p, 17, 443, 40000, 0);
	expect_flow(t, &p, FT_FLOW_UDP);
	expect_flow(t, &p, 0);
	flow_packet(&p, 17, 443, 40001, 0);
	expect_flow(t, &p, FT_FLOW_UDP);
	assert_int_equal(kernel_watch(t->k, &addr, false), 0);
	assert_true(kernel_watch(t->k, &addr, false) < 0);
	flow_packet(&p, 6, 40000, 443, 0x02);
	expect_flow(t, &p, 0);
	tap_close(t);
}

static void expect_read(struct tap *t, size_t n, unsigned int event)
{
	tap_read(t);
	assert_int_equal(t->records_len, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(t->records[i].hdr.kind, FT_EVENT_FLOW);
		assert_int_equal(t->records[i].flow.event, event + i);
		assert_int_equal(ntohs(t->records[i].flow.pkt.sport), i ? 443 : 40000);
	}
}

/* A client is faster than whoever reads the answer: its SYN comes before the address is watched. */
static void connections_from_before_the_watch_are_found(void **state)
{
	struct tap *t = open_with(NULL, true);
	struct ip_addr addr, other;
	struct kernel_stats stats;
	static struct packet p;

	(void)state;
	assert_int_equal(ip_parse("198.18.1.7", &addr), 0);
	assert_int_equal(ip_parse("198.18.9.9", &other), 0);
	assert_int_equal(kernel_watch(t->k, &other, true), 0);
	flow_packet(&p, 6, 40000, 443, 0x02);
	tap_run_unread(t, TAP_XDP, &p);
	flow_packet(&p, 6, 443, 40000, 0x12);
	tap_run_unread(t, TAP_XDP, &p);
	flow_packet(&p, 17, 40000, 443, 0); /* QUIC is too much to keep */
	tap_run_unread(t, TAP_XDP, &p);
	assert_int_equal(kernel_watch(t->k, &addr, true), 0);
	expect_read(t, 2, FT_FLOW_SYN);
	expect_read(t, 0, 0);
	kernel_stats(t->k, &stats);
	assert_int_equal(stats.recent_found, 2);
	/* nobody wanted this one when its turn came: it had not been told the address */
	flow_packet(&p, 6, 40001, 443, 0x02);
	p.b[33] ^= 1;
	tap_run(t, TAP_XDP, &p);
	assert_int_equal(t->records_len, 0);
	addr.b[15] ^= 1;
	assert_int_equal(kernel_watch(t->k, &addr, true), 0);
	expect_read(t, 0, 0);
	assert_int_equal(stats.recent_missed, 0);
	tap_close(t);
}

/* More than the slots hold: the newest are there, how many are not is counted. */
static void what_the_slots_forgot_is_counted(void **state)
{
	struct tap *t = open_with(NULL, true);
	struct ip_addr addr, other;
	struct kernel_stats stats;
	static struct packet p, q;

	(void)state;
	assert_int_equal(ip_parse("198.18.1.7", &addr), 0);
	assert_int_equal(ip_parse("198.18.9.9", &other), 0);
	assert_int_equal(kernel_watch(t->k, &other, true), 0);
	flow_packet(&p, 6, 40000, 443, 0x02);
	memcpy(&q, &p, sizeof(q));
	q.b[33] ^= 1; /* to somebody else */
	for (int cpu = 0; cpu < 2; cpu++) /* test runs stay on a CPU; should one not, half is enough */
		for (size_t i = 0; i < FT_RECENT_SLOTS; i++)
			tap_run_unread(t, TAP_XDP, &q);
	tap_run_unread(t, TAP_XDP, &p);
	assert_int_equal(kernel_watch(t->k, &addr, true), 0);
	expect_read(t, 1, FT_FLOW_SYN);
	kernel_stats(t->k, &stats);
	assert_int_equal(stats.recent_found, 1);
	assert_in_range(stats.recent_missed, 1, FT_RECENT_SLOTS + 1);
	tap_close(t);
}

static void few_refusals(struct ft_settings *s)
{
	s->refused_per_s = 1;
}

static void refusals_are_sampled_but_all_counted(void **state)
{
	struct tap *t = open_with(few_refusals, true);
	size_t sampled = 0;
	static struct packet p;
	struct kernel_stats stats;

	(void)state;
	frame_build(by_name("ihl 4"), &p);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(tap_run(t, TAP_XDP, &p), FT_REASON_BAD_IP_HEADER);
		sampled += t->records_len;
		if (t->records_len)
			assert_int_equal(t->records[0].refused.reason, FT_REASON_BAD_IP_HEADER);
	}
	assert_int_equal(t->counters[FT_REASON_BAD_IP_HEADER], 200);
	kernel_stats(t->k, &stats);
	assert_int_equal(stats.samples, sampled);
	assert_int_equal(stats.samples + stats.samples_lost, 200);
	assert_true(sampled >= 1 && sampled < 200);
	tap_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_frame_ends_where_it_should),
		cmocka_unit_test(packet_tells_vlans_tunnels_and_innermost_addresses),
		cmocka_unit_test(later_fragments_of_others_are_told_apart),
		cmocka_unit_test(what_is_not_followed_is_counted),
		cmocka_unit_test(segments_carry_sequence_and_payload),
		cmocka_unit_test(long_segments_go_up_whole),
		cmocka_unit_test(watched_addresses_report_their_flows),
		cmocka_unit_test(connections_from_before_the_watch_are_found),
		cmocka_unit_test(what_the_slots_forgot_is_counted),
		cmocka_unit_test(refusals_are_sampled_but_all_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
