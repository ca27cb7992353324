// SPDX-License-Identifier: BSD-2-Clause
/* Everything an alert shows, gathered from the candidate that leads a finding. */
#include "detect/state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "churn/sketch.h"

#define POOL_SETS 8 /* fewer fresh sets say too little about the size of the pool */

static uint64_t ns_of(uint32_t s)
{
	return s * NS;
}

uint32_t home_nodes_of(const struct detector *d, const struct candidate *c, struct ip_addr *ret,
		       uint32_t max)
{
	uint32_t n = 0;

	for (unsigned int i = 0; d->lists.home_len && i < c->sample.len && n < max; i++) {
		ret[n] = sample_addr(&c->sample, i);
		n += lists_is_home(&d->lists, &ret[n]);
	}
	return n;
}

uint32_t peers_of(const struct detector *d, const struct candidate *c)
{
	const struct contacts *k = c->contacts ? contacts_at(&d->contacts, c->contacts) : NULL;
	uint32_t n = 0;

	for (unsigned int i = 0; k && i < CONTACT_PEERS; i++)
		n += k->peers[i].id != 0;
	return n;
}

static void fill_terms(const struct candidate *c, struct alert *ret)
{
	double values[TERM_COUNT];
	struct evaluation kept = candidate_evaluation(c, values), *e = &kept;

	for (unsigned int t = 0; t < TERM_COUNT; t++) {
		double weight = term_weights[t].weight[e->track];
		double value = e->value[t];
		struct alert_term *term = &ret->terms[ret->terms_len];

		if (weight == 0)
			continue;
		term->name = term_weights[t].name;
		term->value = value;
		term->weight = weight;
		term->contribution = value * weight;
		ret->terms_len++;
	}
	ret->score = e->score[e->track];
	ret->probability = 1 / (1 + exp(-ret->score));
}

/* Terms whose removal alone brings the score under the level; if none, those that together do. */
static void fill_would_change(const struct detector *d, struct alert *a)
{
	const struct alert_term *best[ALERT_CHANGE_MAX] = { NULL };
	double need = a->score - d->cfg.medium_score;

	if (need <= 0)
		return;
	for (size_t i = 0; i < a->terms_len; i++) {
		const struct alert_term *t = &a->terms[i];

		if (t->contribution <= 0)
			continue;
		if (!best[0] || t->contribution > best[0]->contribution) {
			best[1] = best[0];
			best[0] = t;
		} else if (!best[1] || t->contribution > best[1]->contribution) {
			best[1] = t;
		}
	}
	if (!best[0] || best[0]->contribution + (best[1] ? best[1]->contribution : 0) < need)
		return;
	for (unsigned int i = 0; i < ALERT_CHANGE_MAX && best[i]; i++)
		if (i == 0 || best[0]->contribution < need || best[1]->contribution >= need)
			a->would_change_if[a->would_change_if_len++] = best[i]->name;
}

static int latest_first(const void *a, const void *b)
{
	const struct alert_ip *x = a, *y = b;

	if (x->last_ns != y->last_ns)
		return x->last_ns > y->last_ns ? -1 : 1;
	return memcmp(x->ip.b, y->ip.b, 16);
}

static void fill_ips(struct detector *d, const struct candidate *c, struct alert *a)
{
	struct alert_ip all[SAMPLE_SLOTS];
	size_t n = c->sample.len;

	for (unsigned int i = 0; i < n; i++) {
		const struct sample_slot *slot = &c->sample.slots[i];
		struct ip_addr addr = sample_addr(&c->sample, i);
		struct origin o = { 0 };

		if (d->enrich)
			enrich_lookup(d->enrich, &addr, &o);
		all[i] = (struct alert_ip){ .ip = addr,
					    .asn = slot->asn,
					    .first_ns = ns_of(slot->first_s),
					    .last_ns = ns_of(slot->last_s),
					    .sightings = slot->sightings,
					    .connects = slot->connects };
		memcpy(all[i].country, o.country, sizeof(o.country));
	}
	qsort(all, n, sizeof(all[0]), latest_first);
	a->evidence.ips_len = n < ALERT_IPS_MAX ? n : ALERT_IPS_MAX;
	memcpy(a->evidence.ips, all, a->evidence.ips_len * sizeof(all[0]));
	for (size_t i = 0; i < n; i++) {
		size_t j = 0;

		while (j < a->evidence.countries_len &&
		       strcmp(a->evidence.countries[j], all[i].country) != 0)
			j++;
		if (all[i].country[0] && j == a->evidence.countries_len && j < ALERT_COUNTRIES_MAX)
			memcpy(a->evidence.countries[a->evidence.countries_len++], all[i].country,
			       3);
	}
}

static int by_count(const void *a, const void *b)
{
	const struct alert_asn *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->asn < y->asn ? -1 : x->asn > y->asn;
}

static void fill_asns(struct detector *d, const struct candidate *c, struct alert *a)
{
	struct alert_asn all[SAMPLE_SLOTS];
	size_t n = 0;

	for (unsigned int i = 0; i < c->sample.len; i++) {
		uint32_t asn = c->sample.slots[i].asn;
		size_t j = 0;

		if (!asn)
			continue;
		while (j < n && all[j].asn != asn)
			j++;
		if (j == n)
			all[n++] = (struct alert_asn){ .asn = asn };
		all[j].count++;
	}
	qsort(all, n, sizeof(all[0]), by_count);
	a->evidence.asns_len = n < ALERT_ASNS_MAX ? n : ALERT_ASNS_MAX;
	for (size_t i = 0; i < a->evidence.asns_len; i++) {
		a->evidence.asns[i] = all[i];
		enrich_as_name(d->enrich, all[i].asn, a->evidence.asns[i].name,
			       sizeof(a->evidence.asns[i].name));
	}
}

static void fill_nameservers(struct detector *d, const struct candidate *c, struct alert *a)
{
	struct ns_view v = nameservers_of(d, c);

	for (unsigned int i = 0; v.zone && i < v.zone->names_len; i++) {
		struct alert_nameserver *ns = &a->evidence.nameservers[i];

		ns->name = v.zone->names[i].name;
		ns->first_ns = ns_of(v.zone->names[i].first_s);
		ns->last_ns = ns_of(v.zone->names[i].last_s);
		for (unsigned int j = 0; j < v.zone->glue.len && ns->ips_len < 4; j++)
			if (v.zone->glue.slots[j].tag == i)
				ns->ips[ns->ips_len++] = sample_addr(&v.zone->glue, j);
		a->evidence.nameservers_len = i + 1;
	}
}

static void fill_evidence(struct detector *d, const struct candidate *c, struct alert *a)
{
	const struct evaluation *e = &c->last;
	uint32_t since_s = (uint32_t)(a->time_ns / NS) - d->cfg.slow_window_d * DAY_S;
	uint32_t window_s =
		e->track == TRACK_SLOW ? d->cfg.slow_window_d * DAY_S : d->cfg.window_h * 3600;
	const struct window *w = e->track == TRACK_SLOW ? &c->slow : &c->fast;
	struct sample_pool pool = sample_pool_size(&c->sample, c->sets);

	a->evidence.distinct_ips = (uint32_t)(sample_distinct(&c->sample, since_s) + 0.5);
	a->evidence.prefixes = sample_prefixes(&c->sample, since_s);
	a->evidence.ttl_max = window_sum(w, window_s, (uint32_t)(a->time_ns / NS)).ttl_max;
	a->evidence.fresh_sets = e->sets;
	a->evidence.changes = e->changes;
	a->evidence.has_pool = c->sets >= POOL_SETS;
	a->evidence.pool_estimate = pool.estimate;
	a->evidence.pool_low = pool.low;
	a->evidence.pool_high = pool.high;
	a->evidence.coverage = pool.coverage;
	a->evidence.novelty = e->novelty;
	a->evidence.reentry = e->reentry;
	a->evidence.effective_asns = e->dispersion;
	a->evidence.first_ns = ns_of(c->first_s);
	a->evidence.last_ns = ns_of(c->last_s);
	fill_ips(d, c, a);
	if (d->enrich)
		fill_asns(d, c, a);
	fill_nameservers(d, c, a);
}

static int busiest_host(const void *a, const void *b)
{
	const struct alert_host *x = a, *y = b;

	if (x->connects != y->connects)
		return x->connects > y->connects ? -1 : 1;
	if (x->queries != y->queries)
		return x->queries > y->queries ? -1 : 1;
	return memcmp(x->ip.b, y->ip.b, 16);
}

static int busiest_process(const void *a, const void *b)
{
	const struct alert_process *x = a, *y = b;

	if (x->connects != y->connects)
		return x->connects > y->connects ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static void fill_host_name(const struct detector *d, struct alert_host *host)
{
	const char *name = NULL;

	if (d->ops.host_name)
		name = d->ops.host_name(d->ctx, &host->ip, host->has_mac ? host->mac : NULL);
	snprintf(host->hostname, sizeof(host->hostname), "%s", name ? name : "");
}

static void fill_contacts(const struct detector *d, const struct candidate *c, struct alert *a)
{
	const struct contacts *k = c->contacts ? contacts_at(&d->contacts, c->contacts) : NULL;

	for (unsigned int i = 0; i < c->hosts_cap; i++) {
		const struct asking_host *h = &c->hosts[i];
		struct alert_host *out = &a->hosts[a->hosts_len];

		if (!(h->queries + h->connects))
			continue;
		out->ip = h->ip;
		memcpy(out->mac, h->mac, sizeof(out->mac));
		out->has_mac = h->has_mac;
		out->queries = h->queries;
		out->connects = h->connects;
		fill_host_name(d, out);
		a->hosts_len++;
	}
	qsort(a->hosts, a->hosts_len, sizeof(a->hosts[0]), busiest_host);
	for (unsigned int i = 0; k && i < CONTACT_PEERS; i++)
		if (k->peers[i].id && k->peers[i].is_process)
			a->processes[a->processes_len++] = k->peers[i].process;
	qsort(a->processes, a->processes_len, sizeof(a->processes[0]), busiest_process);
}

static void fill_members(const struct detector *d, const struct finding *f, struct alert *a)
{
	for (uint32_t m = f ? f->first_member : 0; m && a->members_len < ALERT_MEMBERS_MAX;
	     m = candidate_at(&d->candidates, m)->next_member) {
		const struct candidate *other = candidate_at(&d->candidates, m);
		struct dns_name name;
		size_t i = 0;

		name = candidate_name(other);
		while (i < a->members_len && !dns_name_equal(&a->members[i], &name))
			i++;
		if (i == a->members_len && !dns_name_equal(&name, &a->domain))
			a->members[a->members_len++] = name;
	}
}

static void fill_cap(struct detector *d, const struct candidate *c, struct alert *a)
{
	struct cap cap = confidence_cap(d, c, a->time_ns);
	char name[DNS_NAME_TEXT_MAX];

	a->confidence = c->denied ? CONFIDENCE_HIGH : c->last.confidence;
	if (a->confidence > cap.confidence)
		a->confidence = cap.confidence;
	a->allowlist_mismatch = cap.mismatch;
	if (!cap.entry)
		return;
	dns_name_format(&cap.entry->name, name);
	snprintf(a->suppressed_by, sizeof(a->suppressed_by), "%.60s%s%.60s", name,
		 cap.entry->reason[0] ? ": " : "", cap.entry->reason);
}

static bool is_degraded(const struct detector *d, const struct candidate *c, uint64_t now_ns)
{
	uint64_t from_ns = now_ns - d->cfg.window_h * 3600 * NS;

	if (from_ns < ns_of(c->first_s) || from_ns > now_ns)
		from_ns = ns_of(c->first_s);
	for (uint32_t i = 0; i < d->losses_len; i++)
		if (d->losses[i].from_ns <= now_ns && d->losses[i].to_ns >= from_ns)
			return true;
	return false;
}

void evidence_fill(struct detector *d, const struct candidate *c, const struct finding *f,
		   uint64_t now_ns, struct alert *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->time_ns = now_ns;
	ret->verdict = c->denied && c->last.confidence < CONFIDENCE_MEDIUM ? VERDICT_DENIED
									   : c->last.verdict;
	ret->domain = candidate_name(c);
	ret->registered_domain = domain_name(&ret->domain, c->domain_off);
	fill_terms(c, ret);
	fill_would_change(d, ret);
	fill_evidence(d, c, ret);
	fill_contacts(d, c, ret);
	ret->home_nodes_len = home_nodes_of(d, c, ret->home_nodes, ALERT_HOME_MAX);
	fill_members(d, f, ret);
	ret->vantage.ns_visible = c->last.ns_visible;
	ret->vantage.connects_visible = d->connects_visible;
	ret->vantage.resolvers = (uint32_t)(sketch_estimate(c->resolvers) + 0.5);
	fill_cap(d, c, ret);
	ret->degraded = is_degraded(d, c, now_ns);
}
