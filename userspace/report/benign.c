// SPDX-License-Identifier: BSD-2-Clause
#include "report/benign.h"

#include <math.h>
#include <string.h>

static bool is_listed(const char *term, const char *const *list, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strcmp(term, list[i]))
			return true;
	return false;
}

#define LISTED(term, list) is_listed(term, list, sizeof(list) / sizeof((list)[0]))

#define NOTHING 0.005 /* log-odds that would be shown as 0.00 */

/* Terms of what is learned about a domain's surroundings: 0 until something is. */
static bool is_context(const char *term)
{
	static const char *const context[] = { "unlearned",   "age_day",       "age_week",
					       "age_old",     "popular",       "address_sharing",
					       "cname_fanin", "sibling_names", "hosting_networks",
					       "hosted_pool", "common_order",  "ns_local",
					       "ns_common",   "ns_stable" };

	return LISTED(term, context);
}

static bool is_contact(const char *term)
{
	static const char *const contact[] = { "rotation_followed", "connect_failures",
					       "service_pool", "late_contact" };

	return LISTED(term, contact);
}

static bool is_server(const char *term)
{
	return !strncmp(term, "ns_", 3);
}

/* The slow track has no late novelty. */
static enum track track_of(const struct alert *a)
{
	for (size_t i = 0; i < a->terms_len; i++)
		if (!strcmp(a->terms[i].name, "late_novelty"))
			return TRACK_FAST;
	return TRACK_SLOW;
}

/* Age says nothing yet: of the fast track a term of its own, of both that none applies. */
static bool still_learns(const struct alert *a)
{
	bool any = false;

	for (size_t i = 0; i < a->terms_len; i++) {
		const struct alert_term *t = &a->terms[i];

		if (!strcmp(t->name, "unlearned"))
			return t->value > 0;
		any |= !strncmp(t->name, "age_", 4) && t->value > 0;
	}
	return !any;
}

/* What could not be seen, or is not known yet, speaks neither way. */
static bool is_comparable(const struct alert *a, const char *term, bool learning)
{
	return !(learning && is_context(term)) &&
	       (a->vantage.connects_visible || !is_contact(term)) &&
	       (a->vantage.ns_visible || !is_server(term));
}

static const struct benign_range *range_of(const struct benign_profile *p, const char *term)
{
	for (size_t i = 0; i < BENIGN_TERMS_MAX && p->ranges[i].term; i++)
		if (!strcmp(p->ranges[i].term, term))
			return &p->ranges[i];
	return NULL;
}

/* How far the term is outside, in log-odds. False when it is inside or not to be compared. */
static bool differs(const struct benign_profile *p, const struct alert *a,
		    const struct alert_term *t, bool learning, struct benign_difference *ret)
{
	const struct benign_range *r = range_of(p, t->name);
	double outside;

	if (!r || !is_comparable(a, t->name, learning))
		return false;
	outside = t->value < r->low    ? r->low - t->value
		  : t->value > r->high ? t->value - r->high
				       : 0;
	*ret = (struct benign_difference){ t->name, t->value, r->low, r->high,
					   outside * fabs(t->weight) };
	return ret->log_odds >= NOTHING;
}

/* A class that the track judges only where connections are out of sight is none to look like here.
 */
static bool is_possible(const struct benign_profile *p, const struct alert *a)
{
	for (size_t i = 0; i < a->terms_len && a->vantage.connects_visible; i++)
		if (is_contact(a->terms[i].name) && !range_of(p, a->terms[i].name))
			return false;
	return true;
}

static double distance_to(const struct benign_profile *p, const struct alert *a, bool learning)
{
	struct benign_difference d;
	double sum = 0;

	for (size_t i = 0; i < a->terms_len; i++)
		if (differs(p, a, &a->terms[i], learning, &d))
			sum += d.log_odds;
	return sum;
}

static void add_difference(struct benign_match *m, const struct benign_difference *d)
{
	size_t at = m->against_len;

	while (at && m->against[at - 1].log_odds < d->log_odds)
		at--;
	if (at == BENIGN_AGAINST_MAX)
		return;
	if (m->against_len < BENIGN_AGAINST_MAX)
		m->against_len++;
	memmove(&m->against[at + 1], &m->against[at],
		(m->against_len - at - 1) * sizeof(m->against[0]));
	m->against[at] = *d;
}

static void rank(struct benign_match *m, const struct benign_profile *p, double distance)
{
	if (!m->nearest || distance < m->distance - NOTHING) {
		m->second = m->nearest;
		m->second_distance = m->distance;
		m->nearest = p;
		m->distance = distance;
		m->others_len = 0;
	} else if (distance < m->distance + NOTHING) {
		if (m->others_len < BENIGN_OTHERS_MAX)
			m->others[m->others_len++] = p;
	} else if (!m->second || distance < m->second_distance) {
		m->second = p;
		m->second_distance = distance;
	}
}

void benign_match(const struct alert *a, struct benign_match *ret)
{
	enum track track = track_of(a);
	struct benign_difference d;

	*ret = (struct benign_match){ .learning = still_learns(a),
				      .blind = !a->vantage.connects_visible };
	for (size_t i = 0; a->terms_len && i < benign_profiles_len; i++) {
		const struct benign_profile *p = &benign_profiles[i];
		double distance;

		if (p->track != track || !is_possible(p, a))
			continue;
		distance = distance_to(p, a, ret->learning);
		rank(ret, p, distance);
	}
	for (size_t i = 0; ret->nearest && i < a->terms_len; i++)
		if (differs(ret->nearest, a, &a->terms[i], ret->learning, &d))
			add_difference(ret, &d);
}
