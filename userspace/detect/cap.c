// SPDX-License-Identifier: BSD-2-Clause
/*
 * What keeps a confidence down: the first hours, and the operator's lists.  A cap never hides:
 * the record is made all the same and says what suppressed it.
 */
#include "detect/state.h"

static bool is_cold(const struct detector *d, const struct candidate *c, uint64_t now_ns)
{
	double value[TERM_COUNT];
	struct evaluation e;
	uint64_t warm_ns = (d->local.start_s + d->cfg.cold_start_h * 3600ULL) * NS;

	if (now_ns >= warm_ns)
		return false;
	e = candidate_evaluation(c, value);
	return !is_double_flux(&e) &&
	       !(value[TERM_ROTATION_FOLLOWED] > 0 && value[TERM_CONNECT_FAILURES] > 0);
}

static bool asns_hold(const struct list_entry *entry, const struct candidate *c)
{
	for (unsigned int i = 0; entry->asns_len && i < c->sample.len; i++) {
		uint32_t asn = c->sample.slots[i].asn;
		unsigned int j = 0;

		while (j < entry->asns_len && entry->asns[j] != asn)
			j++;
		if (asn && j == entry->asns_len)
			return false;
	}
	return true;
}

static bool ports_hold(const struct detector *d, const struct list_entry *entry,
		       const struct candidate *c)
{
	const struct contacts *k = c->contacts ? contacts_at(&d->contacts, c->contacts) : NULL;

	for (unsigned int i = 0; entry->ports_len && k && i < CONTACT_PORTS; i++) {
		unsigned int j = 0;

		while (j < entry->ports_len && entry->ports[j] != k->ports[i].port)
			j++;
		if (k->ports[i].connects && j == entry->ports_len)
			return false;
	}
	return true;
}

static bool holds(const struct detector *d, const struct list_entry *entry,
		  const struct candidate *c)
{
	return asns_hold(entry, c) && ports_hold(d, entry, c) &&
	       (!entry->ttl_min_s || c->fast.now.ttl_max >= entry->ttl_min_s);
}

struct cap confidence_cap(struct detector *d, const struct candidate *c, uint64_t now_ns)
{
	uint32_t now_s = (uint32_t)(now_ns / NS);
	struct cap cap = { .confidence = CONFIDENCE_HIGH };
	struct dns_name name = candidate_name(c);
	const struct list_entry *entry;

	if (c->denied)
		return cap;
	if (is_cold(d, c, now_ns))
		cap.confidence = CONFIDENCE_MEDIUM;
	entry = lists_find(&d->lists, LIST_ALLOW, &name, now_s);
	if (!entry)
		entry = lists_find(&d->lists, LIST_SUFFIX, &name, now_s);
	if (!entry)
		return cap;
	if (!holds(d, entry, c)) {
		cap.mismatch = true;
		return cap;
	}
	cap.entry = entry;
	cap.confidence = CONFIDENCE_LOW;
	return cap;
}
