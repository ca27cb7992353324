// SPDX-License-Identifier: BSD-2-Clause
/* report/eve: alerts and statistics, and the sample lines of docs/output.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "detect/signature.h"
#include "report/ledger.h"
#include "libeve.h"
#include "libline.h"
#include "libvalues.h"

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
	assert_absent(v, "stats.filter");
	yajl_tree_free(v);
	buf_reset(&out);
	l.filter_names_max = 16;
	l.filter_skeletons_learnt = 5;
	l.kernel[FT_STAGE_SEEN]++;
	eve_stats(&out, &gw1, TEN_O_CLOCK, &l);
	v = parse_line(&out);
	assert_true(YAJL_IS_FALSE(at(v, "stats.balanced")));
	assert_text_at(v, "stats.unbalanced", "kernel_seen");
	assert_number_at(v, "stats.filter.names_max", 16);
	assert_number_at(v, "stats.filter.skeletons_learnt", 5);
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
		cmocka_unit_test(alert_line),
		cmocka_unit_test(alert_without_anything_optional),
		cmocka_unit_test(signatures_are_distinct),
		cmocka_unit_test(stats_line),
		cmocka_unit_test(lines_of_the_documentation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
