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

#include "libbaseline.h"
#include "libsite.h"

static struct net *net;

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

static int open_net(void **state)
{
	char path[] = "/tmp/fluxtap-asn-XXXXXX";
	int fd = mkstemp(path), err = -1;

	(void)state;
	if (fd >= 0) {
		close(fd);
		err = net_write_synthetic(path, 1);
		err = err ? err : net_load(path, &net);
		unlink(path);
	}
	return err;
}

static int close_net(void **state)
{
	(void)state;
	net_free(net);
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
	};

	return cmocka_run_group_tests(tests, open_net, close_net);
}
