// SPDX-License-Identifier: BSD-2-Clause
/* The traffic generators keep their promises; published rules judge what they make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libcapture.h"
#include "libpools.h"
#include "libverdict.h"

#include "dns/message.h"

static struct net *net;
static char net_path[] = "/tmp/fluxtap-asn-XXXXXX";

struct watcher {
	uint64_t digest, last_ns, responses, connections, upstream, disorder;
	struct baselines *baselines;
	const struct instance *instances;
};

static void mix(struct watcher *w, const void *bytes, size_t len)
{
	w->digest = hash_mix(w->digest ^ hash_keyed(&hash_key_fixed, bytes, len));
}

static void watch_response(void *ctx, const struct dns_observation *obs, const struct instance *in)
{
	struct watcher *w = ctx;

	w->responses++;
	w->disorder += obs->time_ns < w->last_ns;
	w->last_ns = obs->time_ns;
	mix(w, obs->qname->wire, obs->qname->len);
	for (size_t i = 0; i < obs->records_len; i++) {
		mix(w, obs->records[i].addr.b, 16);
		mix(w, &obs->records[i].ttl_s, sizeof(obs->records[i].ttl_s));
		w->upstream += obs->records[i].section == DNS_AUTHORITY;
	}
	if (in && w->baselines && obs->time_ns >= in->start_ns)
		baselines_response(w->baselines, obs, (uint32_t)(in - w->instances));
}

static void watch_connection(void *ctx, struct connection *conn, const struct instance *in)
{
	struct watcher *w = ctx;

	(void)in;
	w->connections++;
	mix(w, conn->dst.b, 16);
}

static const struct site_ops watching = { .response = watch_response,
					  .connection = watch_connection };

static struct site_config small(uint64_t seed)
{
	return (struct site_config){ .seed = seed, .split = SPLIT_TEST, .net = net, .per_class = 2,
				     .background = 40, .warm_days = 1, .warm_rate = 0.2, .hours = 4,
				     .rate = 1, .connects = true };
}

static struct watcher run(const struct site_config *cfg)
{
	struct watcher w = { 0 };
	struct site *s;

	assert_int_equal(site_new(cfg, &s), 0);
	assert_int_equal(site_run(s, &watching, &w), 0);
	site_free(s);
	return w;
}

static void same_seed_same_stream(void **state)
{
	struct site_config cfg = small(7);
	struct watcher a = run(&cfg), b = run(&cfg), c;

	(void)state;
	assert_true(a.responses > 1000);
	assert_int_equal(a.digest, b.digest);
	assert_int_equal(a.disorder, 0);
	cfg.seed = 8;
	c = run(&cfg);
	assert_int_not_equal(a.digest, c.digest);
}

static void loss_hides_a_share(void **state)
{
	struct site_config cfg = small(7);
	uint64_t all = run(&cfg).responses, seen;

	(void)state;
	cfg.loss = 0.2;
	seen = run(&cfg).responses;
	assert_in_range(seen, all * 78 / 100, all * 82 / 100);
}

static void authority_is_seen_upstream_only(void **state)
{
	struct site_config cfg = small(7);

	(void)state;
	assert_int_equal(run(&cfg).upstream, 0);
	cfg.resolver_side = true;
	assert_true(run(&cfg).upstream > 100);
}

static void no_connection_when_none_is_seen(void **state)
{
	struct site_config cfg = small(7);

	(void)state;
	assert_true(run(&cfg).connections > 100);
	cfg.connects = false;
	assert_int_equal(run(&cfg).connections, 0);
}

/* Continuous parameters of training and test never meet. */
static void ranges_are_split(void **state)
{
	const struct range ttl = { 1800, 7200 };
	struct random r = { 1 };

	(void)state;
	for (int i = 0; i < 10000; i++) {
		double train = random_range(&r, ttl, SPLIT_TRAIN);
		double test = random_range(&r, ttl, SPLIT_TEST);

		assert_true(train >= ttl.lo && train <= ttl.hi && test >= ttl.lo && test <= ttl.hi);
		assert_int_equal((int)(log(train / ttl.lo) / log(4) * 8) % 2, 0);
		assert_int_equal((int)(log(test / ttl.lo) / log(4) * 8) % 2, 1);
	}
}

/* A row of what published rules make of a class: at least one instance, or none. */
struct expectation {
	const char *id;
	enum baseline rule;
	bool fires;
};

static bool fires(const struct baselines *b, const struct instance *all, const char *id,
		  enum baseline rule)
{
	for (size_t i = 0; i < baselines_count(b); i++) {
		const struct judged *j = baselines_get(b, i);

		if (!all[j->instance].background && j->fired_ns[rule] &&
		    !strcmp(all[j->instance].profile->id, id))
			return true;
	}
	return false;
}

static void published_rules_see_the_classes(void **state)
{
	static const struct expectation expected[] = {
		{ "B1", BASE_HOLZ24, false },  { "B3", BASE_NAIVE5, true },
		{ "B3", BASE_HOLZ24, false },  { "B8", BASE_HOLZ24, true },
		{ "B9", BASE_ZEEK, true },     { "B12", BASE_NAIVE5, false },
		{ "B17", BASE_HOLZ24, false }, { "M1", BASE_HOLZ24, true },
		{ "M1", BASE_HOLZ2, true },    { "M2", BASE_OSS, true },
		{ "M5", BASE_NAIVE5, false },  { "M7", BASE_HOLZ24, false },
		{ "M9", BASE_NAIVE5, false },  { "M12", BASE_HOLZ24, true },
	};
	struct site_config cfg = small(11);
	struct watcher w = { 0 };
	struct site *s;

	(void)state;
	cfg.hours = 8;
	cfg.per_class = 4;
	assert_int_equal(site_new(&cfg, &s), 0);
	site_instances(s, &w.instances);
	assert_int_equal(baselines_new(net, &w.baselines), 0);
	assert_int_equal(site_run(s, &watching, &w), 0);
	baselines_finish(w.baselines, w.last_ns);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		bool got = fires(w.baselines, w.instances, expected[i].id, expected[i].rule);

		if (got != expected[i].fires)
			fail_msg("%s on %s: %d", baseline_names[expected[i].rule], expected[i].id,
				 got);
	}
	baselines_free(w.baselines);
	site_free(s);
}

/* --- through the detector --------------------------------------------------------------------- */

static struct trial small_trial(uint64_t seed)
{
	static char source[64];
	struct trial t = { .site = small(seed), .asn_source = source,
			   .detect = detect_config_default() };

	snprintf(source, sizeof(source), "csv:%s", net_path);
	t.site.classes = "B1,B3,B6,B17,M1,M2,M3,M5,M8,M10,M12";
	t.site.per_class = 3;
	t.site.background = 200;
	t.site.warm_days = 8;
	t.site.warm_rate = 0.1;
	t.site.hours = 24;
	t.site.rate = 0.5;
	return t;
}

/* Share of the class alerted at medium, of those of the counted span. */
static double alerted(const struct outcome *all, size_t len, const char *id)
{
	double n = 0, hits = 0;

	for (size_t i = 0; i < len; i++)
		if (!all[i].background && !strcmp(all[i].id, id)) {
			n++;
			hits += all[i].minutes[CONFIDENCE_MEDIUM] >= 0;
		}
	assert_true(n > 0);
	return hits / n;
}

/*
 * Classes that the evaluation finds always, or never alerted on, over hundreds of instances; the
 * ones in between are for the evaluation to measure.
 */
static void verdicts_by_class(void **state)
{
	static const char *const flux[] = { "M1", "M2", "M3", "M5", "M8", "M10", "M12" };
	static const char *const quiet[] = { "B1", "B3", "B6", "B17" };

	(void)state;
	for (int side = 0; side < 2; side++) {
		struct trial t = small_trial(21);
		struct site_totals totals;
		struct outcome *all;
		size_t len;

		t.site.resolver_side = side;
		assert_int_equal(trial_run(&t, &all, &len, &totals), 0);
		for (size_t i = 0; i < sizeof(flux) / sizeof(flux[0]); i++)
			if (alerted(all, len, flux[i]) < 1)
				fail_msg("%s: %.2f found, side %d", flux[i],
					 alerted(all, len, flux[i]), side);
		for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++)
			if (alerted(all, len, quiet[i]) > 0)
				fail_msg("%s: %.2f alerted, side %d", quiet[i],
					 alerted(all, len, quiet[i]), side);
		assert_true(totals.table_bytes <= t.detect.memory_bytes);
		free(all);
	}
}

/* One company's small pool is quiet from the first minute on; one in many networks is seen. */
static void small_pools_are_quiet_when_cold(void **state)
{
	char source[64];
	const char *const sources[] = { source };
	struct enrich *enrich = NULL;

	(void)state;
	snprintf(source, sizeof(source), "csv:%s", net_path);
	assert_int_equal(enrich_open(sources, 1, &enrich), 0);
	for (int kind = 0; kind < 4; kind++) {
		struct pools_sweep s = { .count = 20, .networks = 1, .seed = 31,
					 .fixed = kind & 1, .both_sides = kind & 2 };
		struct pools_share share = pools_sweep(&s, net, enrich);

		assert_true(share.at_medium[POOLS_TIMES - 1] == 0);
		s.networks = 16;
		share = pools_sweep(&s, net, enrich);
		assert_true(share.at_medium[POOLS_TIMES - 1] > 0);
	}
	enrich_close(enrich);
}

static void same_stream_same_alerts(void **state)
{
	struct trial t = small_trial(22);
	struct site_totals a, b;
	struct outcome *all;
	size_t len;

	(void)state;
	t.site.warm_days = 1;
	assert_int_equal(trial_run(&t, &all, &len, &a), 0);
	free(all);
	assert_int_equal(trial_run(&t, &all, &len, &b), 0);
	free(all);
	assert_true(a.alerts > 0);
	assert_int_equal(a.digest, b.digest);
}

/* --- as packets ------------------------------------------------------------------------------- */

struct reader {
	struct dns_message message;
	struct dns_arena *arena;
	uint64_t compared;
};

static void compare_message(void *ctx, const struct dns_observation *obs, const struct instance *in)
{
	static uint8_t bytes[CAPTURE_MESSAGE_MAX];
	struct reader *r = ctx;
	struct dns_observation read = { 0 };
	int len = capture_message(bytes, obs);

	(void)in;
	assert_true(len > 0);
	assert_int_equal(dns_message_parse(&r->message, bytes, (size_t)len), 0);
	assert_int_equal(dns_message_observe(&r->message, r->arena, &read), 0);
	assert_true(dns_name_equal(read.qname, obs->qname));
	assert_int_equal(read.records_len, obs->records_len);
	for (size_t i = 0; i < obs->records_len; i++) {
		const struct dns_obs_record *a = &obs->records[i], *b = &read.records[i];

		assert_true(dns_name_equal(a->owner, b->owner) && a->type == b->type &&
			    a->ttl_s == b->ttl_s && a->section == b->section);
		if (a->target)
			assert_true(dns_name_equal(a->target, b->target));
		else
			assert_true(ip_equal(&a->addr, &b->addr));
	}
	r->compared++;
}

static void packets_say_the_same(void **state)
{
	static const struct site_ops ops = { .response = compare_message };
	struct site_config cfg = small(23);
	struct reader r = { 0 };
	struct site *s;

	(void)state;
	cfg.resolver_side = true;
	cfg.hours = 1;
	dns_message_init(&r.message);
	assert_int_equal(dns_arena_new(&r.arena), 0);
	assert_int_equal(site_new(&cfg, &s), 0);
	assert_int_equal(site_run(s, &ops, &r), 0);
	assert_true(r.compared > 1000);
	site_free(s);
	dns_arena_free(r.arena);
	dns_message_fini(&r.message);
}

static int open_net(void **state)
{
	int fd = mkstemp(net_path), err = -1;

	(void)state;
	if (fd >= 0) {
		close(fd);
		err = net_write_synthetic(net_path, 1);
		err = err ? err : net_load(net_path, &net);
	}
	return err;
}

static int close_net(void **state)
{
	(void)state;
	net_free(net);
	unlink(net_path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_seed_same_stream),
		cmocka_unit_test(loss_hides_a_share),
		cmocka_unit_test(authority_is_seen_upstream_only),
		cmocka_unit_test(no_connection_when_none_is_seen),
		cmocka_unit_test(ranges_are_split),
		cmocka_unit_test(published_rules_see_the_classes),
		cmocka_unit_test(verdicts_by_class),
		cmocka_unit_test(small_pools_are_quiet_when_cold),
		cmocka_unit_test(same_stream_same_alerts),
		cmocka_unit_test(packets_say_the_same),
	};

	return cmocka_run_group_tests(tests, open_net, close_net);
}
