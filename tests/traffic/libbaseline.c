// SPDX-License-Identifier: BSD-2-Clause
#include "libbaseline_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HOLZ_LIMIT 142.38

const char *const baseline_names[BASE_COUNT] = {
	"naive5", "naive10", "Holz 2", "Holz 24h", "Zeek pkg", "Stalmans", "Jaroslaw", "ff rule",
	"OSS cfg", "FluxBuster", "FB cluster", "edgedns",
};

static void fire(struct tracked *t, enum baseline which, bool fires, uint64_t now_ns)
{
	if (fires && !t->judged.fired_ns[which])
		t->judged.fired_ns[which] = now_ns;
}

/* One response's own set. */
struct response {
	struct bag *set;
	uint64_t time_ns;
	uint32_t ttl_s, nameservers;
	bool fresh;
};

static void judge_response(struct tracked *t, const struct response *r)
{
	const struct bag *s = r->set;
	double holz = bag_holz(s) + (r->ttl_s <= 300 ? 5 : 0) - 50;
	double jaroslaw = s->addresses + r->nameservers + 1.5 * s->p24 + 1.5 * s->asns +
			  (r->ttl_s <= 300 ? 1 : 0) + 2.0 * s->countries;

	fire(t, BASE_STALMANS, holz > 0, r->time_ns);
	fire(t, BASE_JAROSLAW, jaroslaw >= 18, r->time_ns);
	fire(t, BASE_RULE,
	     (s->p24 && s->addresses >= 2) ||
		     (r->nameservers > 1 && ((s->p24 >= 1 && s->asns > 1) || r->ttl_s <= 300)),
	     r->time_ns);
}

static void judge_day(struct tracked *t, const struct baselines *b, const struct response *r)
{
	if (r->ttl_s > t->ttl_max)
		t->ttl_max = r->ttl_s;
	for (uint32_t i = 0; i < r->set->addresses; i++)
		bag_add(&t->day, b->net, &r->set->addrs[i]);
	t->judged.naive = t->ttl_max <= 300 ? t->day.addresses : 0;
	t->judged.holz24 = bag_holz(&t->day);
	fire(t, BASE_NAIVE5, t->judged.naive >= 5, r->time_ns);
	fire(t, BASE_NAIVE10, t->judged.naive >= 10, r->time_ns);
	fire(t, BASE_HOLZ24, t->judged.holz24 > HOLZ_LIMIT, r->time_ns);
}

/* The package keeps a name for 31 minutes after it last added an address to it. */
static void judge_zeek(struct tracked *t, const struct baselines *b, const struct response *r)
{
	double score;

	if (r->ttl_s > 1800)
		return;
	if (r->time_ns > t->zeek_ns + 31 * 60 * 1000000000ULL)
		bag_clear(&t->zeek);
	for (uint32_t i = 0; i < r->set->addresses; i++)
		if (bag_add(&t->zeek, b->net, &r->set->addrs[i]))
			t->zeek_ns = r->time_ns;
	if (!t->zeek.addresses)
		return;
	score = bag_holz(&t->zeek) * t->zeek.asns / t->zeek.addresses;
	if (score > t->judged.zeek)
		t->judged.zeek = score;
	fire(t, BASE_ZEEK, score > HOLZ_LIMIT, r->time_ns);
}

static bool same_set(const struct bag *a, const struct bag *b)
{
	if (a->addresses != b->addresses)
		return false;
	for (uint32_t i = 0; i < a->addresses; i++)
		if (!bag_has(b, &a->addrs[i]))
			return false;
	return true;
}

static void judge_lookups(struct tracked *t, struct baselines *b, const struct response *r)
{
	if (!r->fresh)
		return;
	bag_clear(&b->scratch);
	for (uint32_t i = 0; i < t->previous.addresses; i++)
		bag_add(&b->scratch, b->net, &t->previous.addrs[i]);
	for (uint32_t i = 0; i < r->set->addresses; i++)
		bag_add(&b->scratch, b->net, &r->set->addrs[i]);
	if (t->previous.addresses)
		fire(t, BASE_HOLZ2, bag_holz(&b->scratch) > HOLZ_LIMIT, r->time_ns);
}

/* Within an hour that begins with a response; the next begins with the first one after it. */
static void judge_hour(struct tracked *t, const struct baselines *b, const struct response *r)
{
	if (r->time_ns >= t->hour_ns + 3600 * 1000000000ULL) {
		bag_clear(&t->hour);
		t->hour_ns = r->time_ns;
		t->hour_changes = t->hour_responses = 0;
		t->hour_ttl_s = 0;
	}
	t->hour_responses++;
	t->hour_ttl_s += r->ttl_s;
	t->hour_changes += t->previous.addresses && !same_set(&t->previous, r->set);
	for (uint32_t i = 0; i < r->set->addresses; i++)
		bag_add(&t->hour, b->net, &r->set->addrs[i]);
	fire(t, BASE_OSS,
	     t->hour.addresses >= 5 && t->hour_ttl_s <= 300.0 * t->hour_responses &&
		     t->hour_changes >= 5 && t->hour.asns >= 3,
	     r->time_ns);
}

static void judge_fluxbuster(struct tracked *t, const struct baselines *b, const struct response *r)
{
	const struct bag *s = r->set;

	if (r->time_ns >= t->half_day_ns + 12 * 3600 * 1000000000ULL) {
		bag_clear(&t->half_day);
		t->half_day_ns = r->time_ns;
		t->half_day_responses = 0;
		t->half_day_ttl_s = 0;
	}
	t->half_day_responses++;
	t->half_day_ttl_s += r->ttl_s;
	if (r->ttl_s > 10800 || (s->addresses < 3 && r->ttl_s > 30) ||
	    (s->addresses >= 3 && bag_h16(s) < 1.0 / 3))
		return;
	for (uint32_t i = 0; i < s->addresses; i++)
		bag_add(&t->half_day, b->net, &s->addrs[i]);
	fire(t, BASE_FLUXBUSTER, t->half_day.addresses >= 3 && bag_h16(&t->half_day) >= 0.5,
	     r->time_ns);
}

/* Five fresh answers stand in for the five active rounds of the original. */
static void judge_edgedns(struct tracked *t, const struct baselines *b, const struct response *r)
{
	if (!r->fresh)
		return;
	if (t->rounds == 5) {
		bag_clear(&t->five);
		t->rounds = 0;
		t->five_ttl_s = UINT32_MAX;
		t->five_changes = 0;
	}
	t->five_changes += t->rounds && !same_set(&t->previous, r->set);
	t->rounds++;
	if (r->ttl_s < t->five_ttl_s)
		t->five_ttl_s = r->ttl_s;
	for (uint32_t i = 0; i < r->set->addresses; i++)
		bag_add(&t->five, b->net, &r->set->addrs[i]);
	fire(t, BASE_EDGEDNS,
	     t->rounds == 5 && t->five_ttl_s < 300 && t->five_changes && t->five.addresses > 1 &&
		     t->five.cdn * 2 <= t->five.addresses,
	     r->time_ns);
}

static struct tracked *track(struct baselines *b, const struct dns_name *name)
{
	uint64_t key = hash_keyed(&hash_key_fixed, name->wire, name->len) | 1;
	size_t i;

	if (b->len * 2 >= b->cap && baselines_grow(b))
		return NULL;
	i = baselines_slot(b, key);
	if (!b->index[i].tracked) {
		struct tracked *t = calloc(1, sizeof(*t));

		if (!t)
			return NULL;
		t->judged.name = *name;
		t->five_ttl_s = UINT32_MAX;
		b->index[i].key = key;
		b->index[i].tracked = b->all[b->len++] = t;
	}
	return b->index[i].tracked;
}

/* Order-free value of the global addresses; with their number and the name servers in @r. */
static uint64_t read_response(struct baselines *b, const struct dns_observation *obs,
			      struct response *r)
{
	uint64_t sum = 0;

	b->answers_len = 0;
	for (size_t i = 0; i < obs->records_len; i++) {
		const struct dns_obs_record *rr = &obs->records[i];
		uint64_t words[2];

		r->nameservers += rr->type == DNS_TYPE_NS;
		if (rr->section != DNS_ANSWER || rr->target || !ip_is_global(&rr->addr) ||
		    b->answers_len == RESPONSE_MAX)
			continue;
		b->answers[b->answers_len++] = &rr->addr;
		r->ttl_s = rr->ttl_s;
		memcpy(words, rr->addr.b, 16);
		sum += hash_mix(words[0] ^ hash_mix(words[1]));
	}
	return sum;
}

/* Rules that look at one response have steps at a TTL of 30 and of 300. */
static unsigned int ttl_step(uint32_t ttl_s)
{
	return ttl_s <= 30 ? 0 : ttl_s <= 300 ? 1 : 2;
}

/* The answer of before, still in the cache, and no window at its end: only counts change. */
static bool is_repeat(const struct tracked *t, const struct response *r, uint64_t sum)
{
	return !r->fresh && sum == t->previous_sum &&
	       ttl_step(r->ttl_s) == ttl_step(t->previous_ttl_s) &&
	       r->time_ns < t->hour_ns + 3600 * 1000000000ULL &&
	       r->time_ns < t->half_day_ns + 12 * 3600 * 1000000000ULL &&
	       r->time_ns <= t->zeek_ns + 31 * 60 * 1000000000ULL;
}

static void count_repeat(struct tracked *t, const struct response *r)
{
	t->hour_responses++;
	t->hour_ttl_s += r->ttl_s;
	t->half_day_responses++;
	t->half_day_ttl_s += r->ttl_s;
}

static void judge_all(struct tracked *t, struct baselines *b, const struct response *r)
{
	judge_response(t, r);
	judge_day(t, b, r);
	judge_zeek(t, b, r);
	judge_lookups(t, b, r);
	judge_hour(t, b, r);
	judge_fluxbuster(t, b, r);
	judge_edgedns(t, b, r);
}

void baselines_response(struct baselines *b, const struct dns_observation *obs, uint32_t instance)
{
	struct tracked *t = track(b, obs->qname);
	struct response r = { .set = &b->set, .time_ns = obs->time_ns };
	uint64_t expiry, sum = read_response(b, obs, &r);

	if (!t || !b->answers_len)
		return;
	expiry = r.time_ns + r.ttl_s * 1000000000ULL;
	r.fresh = expiry > t->expiry_ns + 2 * 1000000000ULL;
	if (is_repeat(t, &r, sum)) {
		count_repeat(t, &r);
		return;
	}
	bag_clear(&b->set);
	for (size_t i = 0; i < b->answers_len; i++)
		bag_add(&b->set, b->net, b->answers[i]);
	t->judged.instance = instance;
	if (!t->judged.first_ns)
		t->judged.first_ns = r.time_ns;
	if (r.fresh)
		t->expiry_ns = expiry;
	judge_all(t, b, &r);
	bag_clear(&t->previous);
	for (uint32_t i = 0; i < b->set.addresses; i++)
		bag_add(&t->previous, b->net, &b->set.addrs[i]);
	t->previous_sum = sum;
	t->previous_ttl_s = r.ttl_s;
}
