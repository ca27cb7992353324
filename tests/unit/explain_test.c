// SPDX-License-Identifier: BSD-2-Clause
/* What `explain` adds to an alert: the timeline and its limits, the nearest benign class, the
 * command that reproduces it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <yajl/yajl_tree.h>

#include "cli/reproduce.h"
#include "dns/observation.h"
#include "libvalues.h"
#include "report/explain.h"

#define SECOND_NS 1000000000ULL
#define T0_NS	  (1800000000ULL * SECOND_NS)

static void tell_change(struct timeline *t, const struct dns_name *name, uint64_t at_s,
			enum churn_kind kind)
{
	const struct ip_addr added[] = { addr_of("198.51.100.1"), addr_of("198.51.100.2"),
					 addr_of("198.51.100.3") };
	const struct churn_change change = { .time_ns = T0_NS + at_s * SECOND_NS,
					     .kind = kind,
					     .rrname = name,
					     .rrtype = DNS_TYPE_A,
					     .added = added,
					     .added_len = 3,
					     .removed = added,
					     .removed_len = 1,
					     .set_size = 3,
					     .distinct = (uint32_t)at_s,
					     .ttl_s = 60 };

	timeline_change(t, &change);
}

static void tell_connection(struct timeline *t, const struct dns_name *name, uint64_t at_s,
			    const char *to, int err)
{
	struct connection conn = { .time_ns = T0_NS + at_s * SECOND_NS,
				   .state = err ? CONNECTION_FAILED : CONNECTION_OK,
				   .err = err,
				   .src = addr_of("192.0.2.1"),
				   .dst = addr_of(to),
				   .dport = 443,
				   .proto = IPPROTO_TCP,
				   .has_process = true,
				   .process.exe = "/usr/bin/bot",
				   .names_len = 1 };

	conn.names[0].rrname = *name;
	timeline_connection(t, &conn);
}

static void tell_verdict(struct timeline *t, const struct dns_name *name, uint64_t at_s)
{
	struct alert alert = { .time_ns = T0_NS + at_s * SECOND_NS,
			       .verdict = VERDICT_SINGLE_FLUX,
			       .confidence = CONFIDENCE_MEDIUM,
			       .domain = *name,
			       .score = (double)at_s };

	timeline_alert(t, &alert);
}

static struct timeline *open_timeline(size_t names)
{
	struct timeline *t;

	assert_int_equal(timeline_new(names, &hash_key_fixed, &t), 0);
	return t;
}

static struct timeline_view view_of(struct timeline *t, const struct dns_name *name)
{
	struct alert alert = { .domain = *name, .evidence.first_ns = T0_NS };
	struct timeline_view view;

	timeline_get(t, &alert, &view);
	return view;
}

static void in_order(const struct timeline_view *v)
{
	for (size_t i = 1; i < v->len; i++)
		assert_true(v->entries[i - 1].time_ns <= v->entries[i].time_ns);
}

static void answers_connections_and_verdicts_in_order(void **state)
{
	struct dns_name name = name_of("www.flux.example");
	struct timeline *t = open_timeline(64);
	struct timeline_view v;

	(void)state;
	tell_change(t, &name, 10, CHURN_CHANGED);
	tell_connection(t, &name, 11, "198.51.100.1", 0);
	tell_connection(t, &name, 12, "198.51.100.1", 0); /* the same again */
	tell_connection(t, &name, 13, "198.51.100.2", ECONNREFUSED);
	tell_verdict(t, &name, 14);
	tell_change(t, &name, 15, CHURN_RETURNED);
	v = view_of(t, &name);
	in_order(&v);
	assert_int_equal(v.len, 6);
	assert_int_equal(v.left_out, 0);
	assert_int_equal(v.entries[0].kind, TIMELINE_FIRST);
	assert_int_equal(v.entries[1].kind, TIMELINE_CHANGED);
	assert_int_equal(v.entries[1].added, 3);
	assert_int_equal(v.entries[1].removed, 1);
	assert_int_equal(v.entries[1].ttl_s, 60);
	assert_int_equal(v.entries[2].kind, TIMELINE_CONNECT);
	assert_int_equal(v.entries[2].count, 2);
	assert_string_equal(v.entries[2].text, "bot");
	assert_int_equal(v.entries[3].err, ECONNREFUSED);
	assert_int_equal(v.entries[4].kind, TIMELINE_VERDICT);
	assert_int_equal(v.entries[5].kind, TIMELINE_RETURNED);
	timeline_free(t);
}

/* However much happens: the beginning, the latest and the verdicts stay, the rest is counted. */
static void the_beginning_and_the_end_stay(void **state)
{
	enum { CHANGES = 1000 };
	struct dns_name name = name_of("www.flux.example");
	struct timeline *t = open_timeline(64);
	unsigned int changes = 0, verdicts = 0;
	struct timeline_view v;

	(void)state;
	for (uint64_t i = 1; i <= CHANGES; i++) {
		tell_change(t, &name, i, CHURN_CHANGED);
		if (i % 100 == 0)
			tell_verdict(t, &name, i);
	}
	v = view_of(t, &name);
	in_order(&v);
	for (size_t i = 0; i < v.len; i++) {
		changes += v.entries[i].kind == TIMELINE_CHANGED;
		verdicts += v.entries[i].kind == TIMELINE_VERDICT;
	}
	assert_int_equal(changes, TIMELINE_HEAD + TIMELINE_TAIL);
	assert_int_equal(verdicts, TIMELINE_VERDICTS);
	assert_int_equal(v.left_out, CHANGES - changes + 10 - verdicts);
	assert_int_equal(v.entries[1].distinct, 1);
	assert_int_equal(v.entries[TIMELINE_HEAD].distinct, TIMELINE_HEAD);
	assert_int_equal(v.entries[v.len - 1].time_ns, T0_NS + CHANGES * SECOND_NS);
	timeline_free(t);
}

static void a_full_table_makes_room_and_counts(void **state)
{
	struct timeline *t = open_timeline(64);
	struct timeline_stats before, after;
	char text[64];

	(void)state;
	timeline_stats(t, &before);
	for (unsigned int i = 0; i < 10000; i++) {
		struct dns_name name;

		snprintf(text, sizeof(text), "n%u.flood.example", i);
		name = name_of(text);
		tell_change(t, &name, i, CHURN_CHANGED);
	}
	timeline_stats(t, &after);
	assert_int_equal(before.bytes, after.bytes);
	assert_true(after.names <= 64);
	assert_int_equal(after.names + after.evicted, 10000);
	timeline_free(t);
}

static void what_is_known_once_is_not_kept(void **state)
{
	struct dns_name name = name_of("www.quiet.example");
	struct timeline *t = open_timeline(64);
	struct timeline_stats stats;

	(void)state;
	tell_change(t, &name, 1, CHURN_FIRST);
	tell_connection(t, &name, 2, "198.51.100.1", 0);
	timeline_stats(t, &stats);
	assert_int_equal(stats.names, 0);
	assert_int_equal(view_of(t, &name).len, 1); /* its first answer, by the evidence */
	timeline_free(t);
}

static void name_servers_of_the_zone_belong_to_the_story(void **state)
{
	struct dns_name name = name_of("a.www.flux.example"), zone = name_of("flux.example");
	const struct dns_name servers[] = { name_of("ns1.flux.example"),
					    name_of("ns2.flux.example") };
	const struct churn_change change = { .time_ns = T0_NS + 5 * SECOND_NS,
					     .kind = CHURN_CHANGED,
					     .rrname = &zone,
					     .rrtype = DNS_TYPE_NS,
					     .added_names = servers,
					     .added_names_len = 2 };
	struct timeline *t = open_timeline(64);
	struct timeline_view v;

	(void)state;
	timeline_change(t, &change);
	tell_change(t, &zone, 6, CHURN_CHANGED); /* not the name's own answers */
	tell_change(t, &name, 7, CHURN_CHANGED);
	v = view_of(t, &name);
	assert_int_equal(v.len, 3);
	assert_int_equal(v.entries[1].kind, TIMELINE_SERVERS);
	assert_string_equal(v.entries[1].text, "ns1.flux.example ns2.flux.example");
	timeline_free(t);
}

/* --- the nearest benign class ---------------------------------------------------------------- */

/* In the middle of each of the class's ranges. */
static struct alert typical(const struct benign_profile *p)
{
	struct alert a = { .vantage = { .ns_visible = true, .connects_visible = true } };

	for (size_t i = 0; i < BENIGN_TERMS_MAX && p->ranges[i].term; i++)
		a.terms[a.terms_len++] = (struct alert_term){
			.name = p->ranges[i].term,
			.value = (p->ranges[i].low + p->ranges[i].high) / 2,
			.weight = 2,
		};
	return a;
}

static void each_class_is_nearest_to_itself(void **state)
{
	(void)state;
	assert_true(benign_profiles_len > 20);
	for (size_t i = 0; i < benign_profiles_len; i++) {
		struct alert a = typical(&benign_profiles[i]);
		struct benign_match m;

		benign_match(&a, &m);
		assert_non_null(m.nearest);
		assert_true(m.distance < 1e-6); /* others may be as near: ranges overlap */
		assert_int_equal(m.against_len, 0);
		assert_int_equal(m.nearest->track, benign_profiles[i].track);
	}
}

static void what_speaks_against_adds_up_to_the_distance(void **state)
{
	struct alert a = typical(&benign_profiles[0]);
	double sum = 0;
	struct benign_match m;

	(void)state;
	a.terms[0].value += 100;
	a.terms[1].value -= 50;
	benign_match(&a, &m);
	for (size_t i = 0; i < m.against_len; i++) {
		sum += m.against[i].log_odds;
		assert_true(!i || m.against[i - 1].log_odds >= m.against[i].log_odds);
	}
	assert_true(m.distance > 100);
	assert_true(sum <= m.distance + 1e-9);
	assert_true(m.against_len < BENIGN_AGAINST_MAX ? sum > m.distance - 1e-9 : sum > 0);
	assert_true(m.second_distance > m.distance);
}

static void what_cannot_be_seen_is_not_compared(void **state)
{
	struct alert a = { .terms_len = 3,
			   .terms = { { .name = "late_novelty", .value = 1, .weight = 2 },
				      { .name = "service_pool", .value = 77, .weight = -6 },
				      { .name = "ns_stable", .value = 77, .weight = -2 } } };
	struct benign_match m;

	(void)state;
	benign_match(&a, &m);
	assert_true(m.blind && m.learning);
	for (size_t i = 0; i < m.against_len; i++)
		assert_string_equal(m.against[i].term, "late_novelty");
	a.vantage.connects_visible = true;
	benign_match(&a, &m);
	assert_string_equal(m.against[0].term, "service_pool");
	a.terms_len = 0;
	benign_match(&a, &m);
	assert_null(m.nearest);
}

/* --- output ---------------------------------------------------------------------------------- */

static void the_event_stays_json(void **state)
{
	const char *path[] = { "explain", "timeline", NULL };
	const char *command[] = { "explain", "reproduce", NULL };
	struct alert a = typical(&benign_profiles[0]);
	const struct eve_context ctx = { .sensor = "s" };
	struct timeline *t = open_timeline(64);
	struct explanation e;
	struct buf out = { 0 };
	yajl_val root;
	char err[128];

	(void)state;
	a.domain = name_of("www.flux.example");
	a.evidence.first_ns = T0_NS;
	tell_change(t, &a.domain, 1, CHURN_CHANGED);
	tell_connection(t, &a.domain, 2, "2001:db8::1", ETIMEDOUT);
	tell_verdict(t, &a.domain, 3);
	explanation_fill(&e, &a, t);
	e.reproduce = "fluxtap replay 'a \"b\"'";
	eve_explanation(&out, &ctx, &e);
	assert_int_equal(out.bytes[out.len - 1], '\n');
	out.bytes[out.len - 1] = '\0';
	root = yajl_tree_parse(out.bytes, err, sizeof(err));
	assert_non_null(root);
	assert_int_equal(YAJL_GET_ARRAY(yajl_tree_get(root, path, yajl_t_array))->len, 4);
	assert_string_equal(YAJL_GET_STRING(yajl_tree_get(root, command, yajl_t_string)),
			    e.reproduce);
	yajl_tree_free(root);
	buf_fini(&out);
	timeline_free(t);
}

static void words_are_quoted_for_the_shell(void **state)
{
	const struct setup_override sets[] = { { .key = "detect.low_score", .value = "1 2" } };
	const char *const files[] = { "a.pcap", "it's here.pcap", "" };
	const struct reproduce r = { .config_path = "/etc/f.yaml",
				     .sets = sets,
				     .sets_len = 1,
				     .learned = "/var/s",
				     .until_ns = T0_NS,
				     .kernel_engine = true,
				     .name = "$(x).example",
				     .files = files,
				     .files_len = 3 };
	struct buf out = { 0 };

	(void)state;
	reproduce_command(&out, &r);
	buf_char(&out, '\0');
	assert_string_equal(out.bytes, "fluxtap replay -c /etc/f.yaml --set 'detect.low_score=1 2'"
				       " --engine kernel --learned /var/s"
				       " --until 2027-01-15T08:00:00.000000+0000"
				       " --explain '$(x).example' a.pcap 'it'\\''s here.pcap' ''");
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_connections_and_verdicts_in_order),
		cmocka_unit_test(the_beginning_and_the_end_stay),
		cmocka_unit_test(a_full_table_makes_room_and_counts),
		cmocka_unit_test(what_is_known_once_is_not_kept),
		cmocka_unit_test(name_servers_of_the_zone_belong_to_the_story),
		cmocka_unit_test(each_class_is_nearest_to_itself),
		cmocka_unit_test(what_speaks_against_adds_up_to_the_distance),
		cmocka_unit_test(what_cannot_be_seen_is_not_compared),
		cmocka_unit_test(the_event_stays_json),
		cmocka_unit_test(words_are_quoted_for_the_shell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
