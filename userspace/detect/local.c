// SPDX-License-Identifier: BSD-2-Clause
#include "detect/local.h"

#include <errno.h>
#include <string.h>

#include "churn/sketch.h"

#define DAY_S	86400U
/*
 * Renewed while the verdict stands.  Most false verdicts fall in the first days, before anything
 * is known: were they to count for a month, what they name (content networks above all) would
 * never be learned, and the missing knowledge would keep them alive.
 */
#define FLAG_S	    (30 * DAY_S)
#define FLAG_WEAK_S (2 * DAY_S)
/* Long enough for every domain in daily use to have turned up once after learning began. */
#define WARM_S	(3 * DAY_S)

int local_init(struct local *l, const struct detect_config *cfg, const struct hash_key *key,
	       const struct local_sizes *sizes)
{
	memset(l, 0, sizeof(*l));
	l->cfg = cfg;
	l->key = *key;
	if (table_new(sizeof(struct local_domain), sizes->domains, NULL, NULL, &l->domains) ||
	    table_new(sizeof(struct local_address), sizes->addresses, NULL, NULL,
		      &l->addresses) ||
	    table_new(sizeof(struct local_as), sizes->ases, NULL, NULL, &l->ases)) {
		local_fini(l);
		return -ENOMEM;
	}
	return 0;
}

void local_fini(struct local *l)
{
	table_free(l->domains);
	table_free(l->addresses);
	table_free(l->ases);
	l->domains = l->addresses = l->ases = NULL;
}

struct local_domain *local_domain_get(const struct local *l, uint64_t domain)
{
	return table_get(l->domains, domain);
}

struct local_domain *local_domain(struct local *l, uint64_t domain, uint32_t now_s)
{
	bool is_new;
	struct local_domain *d = table_put(l->domains, domain, &is_new);

	if (!l->start_s)
		l->start_s = now_s;
	if (!l->since_s)
		l->since_s = now_s;
	if (is_new) {
		d->first_s = d->last_s = now_s;
		d->last_day = (uint16_t)(now_s / DAY_S);
		d->week = (uint16_t)(now_s / (7 * DAY_S));
		d->days = 1;
	}
	return d;
}

void local_domain_seen(struct local *l, struct local_domain *d, uint32_t client, uint32_t now_s)
{
	uint16_t day = (uint16_t)(now_s / DAY_S), week = (uint16_t)(now_s / (7 * DAY_S));

	if (now_s < d->last_s)
		return;
	if (week != d->week) {
		d->clients[1] = week == d->week + 1 ? d->clients[0] : 0;
		d->clients[0] = 0;
		d->week = week;
	}
	sketch_add(&d->clients[0], hash_mix(client ^ l->key.k0));
	if (day != d->last_day) {
		unsigned int gap = (unsigned int)(day - d->last_day);

		d->days = gap < 32 ? d->days << gap : 0;
		d->days |= 1;
		d->last_day = day;
	}
	d->last_s = now_s;
}

double local_unlearned(const struct local *l, uint32_t now_s)
{
	if (!l->start_s || now_s <= l->start_s)
		return 1;
	return now_s - l->start_s < WARM_S ? 1 - (now_s - (double)l->start_s) / WARM_S : 0;
}

bool local_is_established(const struct local *l, const struct local_domain *d, uint32_t now_s)
{
	return d && now_s >= d->first_s && now_s - d->first_s >= l->cfg->established_d * DAY_S &&
	       (uint32_t)__builtin_popcount(d->days) >= l->cfg->established_days &&
	       now_s >= d->flagged_s;
}

bool local_is_trusted(const struct local *l, const struct local_domain *d, uint32_t now_s)
{
	return local_is_established(l, d, now_s) ||
	       (d && now_s >= d->flagged_s && local_unlearned(l, now_s) > 0);
}

void local_flag(const struct local *l, struct local_domain *d, bool sure, uint32_t now_s)
{
	bool learning = now_s < l->start_s + l->cfg->established_d * DAY_S;
	uint32_t until_s = now_s + (sure && !learning ? FLAG_S : FLAG_WEAK_S);

	if (until_s > d->flagged_s)
		d->flagged_s = until_s;
}

double local_popularity(const struct local_domain *d)
{
	return sketch_estimate(sketch_merge(d->clients[0], d->clients[1]));
}

double local_age_days(const struct local *l, const struct local_domain *d, uint32_t now_s,
		      bool *ret_known)
{
	*ret_known = d->first_s >= l->start_s + WARM_S;
	return now_s > d->first_s ? (now_s - d->first_s) / (double)DAY_S : 0;
}

static void as_used(struct local *l, uint32_t asn, uint64_t domain, uint32_t now_s)
{
	bool is_new;
	uint64_t key = hash_nonzero(hash_mix(asn ^ l->key.k1)), h = hash_mix(domain);
	struct local_as *a = table_put(l->ases, key, &is_new);

	a->asn = asn;
	a->last_s = now_s;
	sketch_add(&a->domains[h >> 63], h);
}

double local_as_domains(const struct local *l, uint32_t asn)
{
	const struct local_as *a;

	if (!asn)
		return 0;
	a = table_get(l->ases, hash_nonzero(hash_mix(asn ^ l->key.k1)));
	return a ? sketch_estimate(a->domains[0]) + sketch_estimate(a->domains[1]) : 0;
}

struct local_address *local_address_get(const struct local *l, uint64_t hash)
{
	return table_get(l->addresses, hash);
}

struct local_address *local_address_used(struct local *l, uint64_t hash, uint64_t domain,
					 bool established, uint32_t asn, uint32_t now_s)
{
	bool is_new;
	struct local_address *a = table_put(l->addresses, hash, &is_new);

	a->last_s = now_s;
	if (!l->cfg->learning)
		return a;
	sketch_add(&a->domains, hash_mix(domain));
	if (established)
		sketch_add(&a->established, hash_mix(domain));
	if (asn)
		as_used(l, asn, domain, now_s);
	return a;
}

void local_age_out(struct local *l, uint32_t now_s)
{
	uint32_t keep_s = l->cfg->keep_d * DAY_S;
	size_t pos = 0;
	struct local_domain *d;
	struct local_address *a;
	struct local_as *as;

	while ((d = table_next(l->domains, &pos)))
		if (now_s > d->last_s && now_s - d->last_s > keep_s)
			table_remove(l->domains, d);
	pos = 0;
	while ((a = table_next(l->addresses, &pos)))
		if (now_s > a->last_s && now_s - a->last_s > keep_s)
			table_remove(l->addresses, a);
	pos = 0;
	while ((as = table_next(l->ases, &pos)))
		if (now_s > as->last_s && now_s - as->last_s > keep_s)
			table_remove(l->ases, as);
}
