// SPDX-License-Identifier: BSD-2-Clause
/* detect/: verdicts on small hand-made histories, determinism, state across restarts. */
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

#include "base/buf.h"
#include "detect/config.h"
#include "detect/detector.h"
#include "detect/signature.h"

#define S  1000000000ULL
#define T0 1800000000ULL /* a second in 2027, well inside a day */

static const char asn_table[] = "198.18.0.0,198.18.31.255,64500,Lab A,AA\n"
				"198.18.32.0,198.18.63.255,64501,Lab B,BB\n"
				"198.18.64.0,198.18.95.255,64502,Lab C,CC\n"
				"198.18.96.0,198.18.127.255,64503,Lab D,DD\n"
				"198.18.128.0,198.18.159.255,64504,Lab E,EE\n"
				"198.18.160.0,198.18.191.255,64505,Lab F,FF\n"
				"198.19.0.0,198.19.255.255,64510,Lab CDN,ZZ\n";

struct world {
	struct detector *d;
	struct enrich *enrich;
	struct detect_config cfg;
	struct buf log; /* every alert, whole */
	struct alert last; /* of medium or above */
	unsigned int raised, updated, downgraded, churned, returned;
	double raised_at_s;
	uint32_t random;
};

static void on_alert(void *ctx, const struct alert *a)
{
	struct world *w = ctx;

	buf_add(&w->log, a, sizeof(*a));
	w->raised += a->state == ALERT_RAISED;
	w->updated += a->state == ALERT_UPDATED;
	w->downgraded += a->state == ALERT_DOWNGRADED;
	if (a->state == ALERT_RAISED)
		w->raised_at_s = (double)(a->time_ns - T0 * S) / 1e9;
	w->last = *a;
}

static void on_churn(void *ctx, const struct churn_change *c)
{
	struct world *w = ctx;

	w->churned++;
	w->returned += c->kind == CHURN_RETURNED;
}

static const char *const lab_prefixes[] = { "198.18.0.0/15" };

static void open_world(struct world *w)
{
	static const struct detector_ops ops = { .churn = on_churn, .alert = on_alert };
	char path[] = "/tmp/fluxtap-asn-XXXXXX", source[64];
	const char *sources[] = { source };
	int fd = mkstemp(path);

	memset(w, 0, sizeof(*w));
	assert_true(fd >= 0);
	assert_int_equal(write(fd, asn_table, sizeof(asn_table) - 1), sizeof(asn_table) - 1);
	close(fd);
	snprintf(source, sizeof(source), "csv:%s", path);
	assert_int_equal(enrich_open(sources, 1, &w->enrich), 0);
	unlink(path);
	w->cfg = detect_config_default();
	w->cfg.memory_bytes = 4 << 20;
	w->cfg.count_special = (struct config_list){ lab_prefixes, 1 };
	assert_int_equal(detector_new(&w->cfg, w->enrich, &hash_key_fixed, &ops, w, &w->d), 0);
	w->random = 12345;
}

static void close_world(struct world *w)
{
	detector_free(w->d);
	enrich_close(w->enrich);
	buf_fini(&w->log);
}

static uint32_t rnd(struct world *w, uint32_t below)
{
	w->random = w->random * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)w->random * below >> 32);
}

struct name_ips { /* what one response says */
	const char *name;
	uint32_t ips[16];
	unsigned int n, ttl;
	const char *ns[4];
	uint32_t glue[4];
	unsigned int ns_len, glue_ttl;
};

static struct ip_addr v4(uint32_t ip)
{
	uint8_t b[4] = { (uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8),
			 (uint8_t)ip };

	return ip_from_v4(b);
}

/* The kernel's filter: identical sets of a name are counted, and told with the next one let
 * through, once a minute. Four sets a name are remembered. */
struct filter {
	struct filtered {
		const char *name;
		uint64_t set;
		double sent_s, first_s;
		unsigned int repeats;
	} known[256];
	unsigned int len;
	bool on;
} filter;

static bool let_through(double at_s, const struct name_ips *r, struct dns_observation *obs)
{
	struct filtered *f = NULL;
	uint64_t set = 0;

	for (unsigned int i = 0; i < r->n; i++)
		set ^= hash_mix(r->ips[i]);
	for (unsigned int i = 0; i < filter.len; i++)
		if (filter.known[i].set == set && strcmp(filter.known[i].name, r->name) == 0)
			f = &filter.known[i];
	if (!f) {
		f = &filter.known[filter.len++ % 256];
		*f = (struct filtered){ .name = r->name, .set = set, .sent_s = at_s };
		return true;
	}
	if (at_s - f->sent_s < 60) {
		if (!f->repeats++)
			f->first_s = at_s;
		return false;
	}
	obs->repeats = f->repeats;
	obs->first_ns = f->repeats ? T0 * S + (uint64_t)(f->first_s * 1e9) : 0;
	obs->ttl_min = obs->ttl_max = f->repeats ? r->ttl : 0;
	f->repeats = 0;
	f->sent_s = at_s;
	return true;
}

static void respond(struct world *w, double at_s, const struct name_ips *r)
{
	struct dns_name name, zone, ns[4];
	struct dns_obs_record rr[32] = { 0 };
	struct dns_observation obs = {
		.time_ns = T0 * S + (uint64_t)(at_s * 1e9),
		.client = v4(0xc6120a01),
		.server = v4(0xc6120a35),
		.qtype = DNS_TYPE_A,
		.qclass = 1,
		.has_authority = true,
		.qname = &name,
		.records = rr,
	};

	if (filter.on && !let_through(at_s, r, &obs))
		return;
	assert_int_equal(dns_name_from_text(r->name, &name), 0);
	zone = dns_name_parent(&name, dns_name_labels(&name) - 2);
	for (unsigned int i = 0; i < r->n; i++)
		rr[obs.records_len++] = (struct dns_obs_record){
			.owner = &name, .addr = v4(r->ips[i]), .ttl_s = r->ttl, .type = DNS_TYPE_A
		};
	for (unsigned int i = 0; i < r->ns_len; i++) {
		assert_int_equal(dns_name_from_text(r->ns[i], &ns[i]), 0);
		rr[obs.records_len++] = (struct dns_obs_record){ .owner = &zone,
								 .target = &ns[i],
								 .ttl_s = r->glue_ttl,
								 .type = DNS_TYPE_NS,
								 .section = DNS_AUTHORITY };
		rr[obs.records_len++] = (struct dns_obs_record){ .owner = &ns[i],
								 .addr = v4(r->glue[i]),
								 .ttl_s = r->glue_ttl,
								 .type = DNS_TYPE_A,
								 .section = DNS_ADDITIONAL };
	}
	detector_response(w->d, &obs);
}

#define LAB 0xc6120000U /* 198.18.0.0 */
#define CDN 0xc6130000U /* 198.19.0.0 */

/* A botnet of 120 addresses in six networks, three at a time, new ones every 4 s. */
static void flux_at(struct world *w, const char *name, double t, bool with_ns)
{
	struct name_ips r = { .name = name, .n = 3, .ttl = 3 };
	static char ns_text[2][40];

	for (unsigned int i = 0; i < 3; i++)
		r.ips[i] = LAB + rnd(w, 6) * 0x2000 + rnd(w, 20) + 1;
	for (unsigned int i = 0; with_ns && i < 2; i++) {
		snprintf(ns_text[i], sizeof(ns_text[i]), "ns%u.flux-zone.example", rnd(w, 50));
		r.ns[i] = ns_text[i];
		r.glue[i] = LAB + rnd(w, 6) * 0x2000 + rnd(w, 20) + 1;
		r.ns_len = 2;
		r.glue_ttl = 3;
	}
	respond(w, t, &r);
}

static void flux_is_found_within_a_minute(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	for (double t = 0; t < 90; t += 4)
		flux_at(&w, "flux-zone.example", t, false);
	assert_int_equal(w.raised, 1);
	assert_true(w.raised_at_s <= 60);
	assert_int_equal(w.last.verdict, VERDICT_SINGLE_FLUX);
	assert_true(w.last.confidence >= CONFIDENCE_MEDIUM);
	assert_true(w.last.evidence.distinct_ips >= 10);
	assert_true(w.last.evidence.ips_len >= 10);
	assert_true(w.last.evidence.asns_len >= 3);
	assert_true(w.last.terms_len >= 20);
	assert_true(w.last.would_change_if_len > 0);
	close_world(&w);
}

static void flux_with_moving_nameservers_is_double(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	for (double t = 0; t < 90; t += 4)
		flux_at(&w, "www.flux-zone.example", t, true);
	assert_true(w.raised >= 1);
	assert_int_equal(w.last.verdict, VERDICT_DOUBLE_FLUX);
	assert_true(w.last.evidence.nameservers_len >= 3);
	assert_true(w.last.vantage.ns_visible);
	close_world(&w);
}

static void look_alikes_stay_quiet(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	for (double t = 0; t < 600; t += 4) {
		struct name_ips robin = { .name = "robin.example", .n = 4, .ttl = 3 };
		struct name_ips cdn = { .name = "www.cdn.example", .n = 2, .ttl = 3 };
		struct name_ips still = { .name = "static.example", .n = 1, .ttl = 3 };
		uint32_t turn = rnd(&w, 4);

		for (unsigned int i = 0; i < 4; i++)
			robin.ips[i] = LAB + ((i + turn) % 4) * 0x2000 + 77;
		for (unsigned int i = 0; i < 2; i++)
			cdn.ips[i] = CDN + rnd(&w, 16) * 7;
		still.ips[0] = LAB + 99;
		respond(&w, t, &robin);
		respond(&w, t + 0.5, &cdn);
		respond(&w, t + 1, &still);
	}
	assert_int_equal(w.raised, 0);
	assert_true(w.churned > 3); /* the CDN's changes were seen all the same */
	assert_true(w.returned > 3);
	close_world(&w);
}

/* Without AS data networks stand in: a balancer's pool is spread over as many as it has members. */
static void networks_stand_in_for_as_numbers(void **state)
{
	static const struct detector_ops ops = { .churn = on_churn, .alert = on_alert };
	struct world w;

	(void)state;
	open_world(&w);
	detector_free(w.d);
	assert_int_equal(detector_new(&w.cfg, NULL, &hash_key_fixed, &ops, &w, &w.d), 0);
	for (double t = 0; t < 7200; t += 60) {
		struct name_ips flux = { .name = "bots.example", .n = 4, .ttl = 60 };
		struct name_ips pool = { .name = "balancer.example", .n = 2, .ttl = 60 };

		for (unsigned int i = 0; i < 4; i++)
			flux.ips[i] = 0x14000000 + (rnd(&w, 2000) << 12) + 5;
		for (unsigned int i = 0; i < 2; i++)
			pool.ips[i] = 0x40000000 + (rnd(&w, 12) << 20) + 9;
		respond(&w, t, &flux);
		respond(&w, t + 1, &pool);
		if (w.raised) {
			struct dns_name name;

			dns_name_from_text("bots.example", &name);
			assert_true(dns_name_equal(&w.last.domain, &name));
		}
	}
	assert_int_equal(w.raised, 1);
	close_world(&w);
}

/* An address at rest for days, then two in another network that take turns: a site moved. */
static void a_move_after_days_of_rest_is_one(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	for (unsigned int step = 0; step < 7 * 24 * 6; step++) {
		struct name_ips r = { .name = "www.shop.example", .n = 1, .ttl = 3600,
				      .ips = { LAB + (step < 5 * 24 * 6 ? 0 : 0x2000 + step % 2) } };

		respond(&w, step * 600, &r);
	}
	assert_int_equal(w.raised, 0);
	close_world(&w);
}

static void same_input_same_bytes(void **state)
{
	struct world a, b;

	(void)state;
	open_world(&a);
	open_world(&b);
	for (double t = 0; t < 200; t += 4)
		flux_at(&a, "www.flux-zone.example", t, true);
	for (double t = 0; t < 200; t += 4) {
		flux_at(&b, "www.flux-zone.example", t, true);
		for (int i = 0; i < 10; i++) /* how often one ticks must not matter */
			detector_tick(b.d, T0 * S + (uint64_t)((t + i * 0.37) * 1e9));
	}
	assert_true(a.log.len > 0);
	assert_int_equal(a.log.len, b.log.len);
	assert_memory_equal(a.log.bytes, b.log.bytes, a.log.len);
	close_world(&a);
	close_world(&b);
}

static void company(struct world *w, double t)
{
	struct name_ips cdn = { .name = "www.cdn.example", .n = 2, .ttl = 3 };
	struct name_ips still = { .name = "static.example", .n = 1, .ttl = 3, .ips = { LAB + 99 } };

	for (unsigned int i = 0; i < 2; i++)
		cdn.ips[i] = CDN + rnd(w, 5) * 7;
	flux_at(w, "flux-zone.example", t, false);
	respond(w, t + 0.5, &cdn);
	respond(w, t + 1, &still);
}

/* What was stated of which name, without the figures that repeats can only estimate. */
static void verdicts_are_the_same_behind_the_filter(void **state)
{
	struct world open, filtered;
	const struct alert *a, *b;

	(void)state;
	open_world(&open);
	for (double t = 0; t < 400; t += 4)
		company(&open, t);
	memset(&filter, 0, sizeof(filter));
	filter.on = true;
	open_world(&filtered);
	for (double t = 0; t < 400; t += 4)
		company(&filtered, t);
	filter.on = false;
	assert_int_equal(open.raised, 1);
	assert_int_equal(filtered.raised, 1);
	assert_true(open.raised_at_s == filtered.raised_at_s);
	a = (const struct alert *)open.log.bytes;
	b = (const struct alert *)filtered.log.bytes;
	assert_memory_equal(&a->domain, &b->domain, sizeof(a->domain));
	assert_int_equal(a->verdict, b->verdict);
	assert_int_equal(a->confidence, b->confidence);
	assert_true(a->score == b->score);
	close_world(&open);
	close_world(&filtered);
}

static void verdict_falls_when_answers_end(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	/* ends while new addresses still come: once the pool is known, the score falls by that */
	for (double t = 0; t < 60; t += 4)
		flux_at(&w, "flux-zone.example", t, false);
	assert_int_equal(w.raised, 1);
	detector_tick(w.d, (T0 + 11 * 3600) * S); /* the window moves by halves of 12 h */
	assert_int_equal(w.downgraded, 0);
	detector_tick(w.d, (T0 + 40 * 3600) * S);
	assert_int_equal(w.downgraded, 1);
	assert_int_equal(w.last.state, ALERT_DOWNGRADED);
	assert_string_not_equal(w.last.reason, "");
	close_world(&w);
}

static void state_survives_and_damage_is_set_aside(void **state)
{
	char dir[] = "/tmp/fluxtap-state-XXXXXX", path[64], aside[80];
	struct world w;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/state.bin", dir);
	snprintf(aside, sizeof(aside), "%s.damaged", path);
	open_world(&w);
	assert_int_equal(detector_load(w.d, dir), -ENOENT);
	for (double t = 0; t < 200; t += 4)
		flux_at(&w, "flux-zone.example", t, false);
	assert_int_equal(detector_save(w.d, dir), 0);
	close_world(&w);
	open_world(&w);
	assert_int_equal(detector_load(w.d, dir), 0);
	close_world(&w);
	f = fopen(path, "r+");
	assert_non_null(f);
	fseek(f, 100, SEEK_SET);
	fputc(0x5a, f);
	fputc(0xa5, f);
	fclose(f);
	open_world(&w);
	assert_int_equal(detector_load(w.d, dir), -EBADMSG);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(aside, F_OK), 0);
	close_world(&w);
	unlink(aside);
	rmdir(dir);
}

static void explain_knows_what_was_answered(void **state)
{
	struct alert *a = malloc(sizeof(*a));
	struct dns_name name;
	struct world w;

	(void)state;
	open_world(&w);
	for (double t = 0; t < 60; t += 4)
		flux_at(&w, "flux-zone.example", t, false);
	dns_name_from_text("flux-zone.example", &name);
	assert_int_equal(detector_explain(w.d, &name, (T0 + 60) * S, a), 0);
	assert_true(a->score > 2);
	respond(&w, 61,
		&(struct name_ips){
			.name = "still.example", .ips = { LAB + 9 }, .n = 1, .ttl = 60 });
	dns_name_from_text("still.example", &name);
	assert_int_equal(detector_explain(w.d, &name, (T0 + 62) * S, a), 0);
	assert_true(a->score < 0);
	assert_int_equal(a->evidence.distinct_ips, 1);
	dns_name_from_text("other.example", &name);
	assert_int_equal(detector_explain(w.d, &name, (T0 + 60) * S, a), -ENOENT);
	assert_int_equal(detector_top(w.d, (T0 + 60) * S, a, 1), 1);
	free(a);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flux_is_found_within_a_minute),
		cmocka_unit_test(flux_with_moving_nameservers_is_double),
		cmocka_unit_test(look_alikes_stay_quiet),
		cmocka_unit_test(networks_stand_in_for_as_numbers),
		cmocka_unit_test(a_move_after_days_of_rest_is_one),
		cmocka_unit_test(same_input_same_bytes),
		cmocka_unit_test(verdicts_are_the_same_behind_the_filter),
		cmocka_unit_test(verdict_falls_when_answers_end),
		cmocka_unit_test(state_survives_and_damage_is_set_aside),
		cmocka_unit_test(explain_knows_what_was_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
