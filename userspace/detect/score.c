// SPDX-License-Identifier: BSD-2-Clause
/* From values to a score, a verdict and a confidence for one candidate. */
#include "detect/state.h"

#include <math.h>

#define HIGH_ENTRIES   64
#define HIGH_NOVELTY   0.95
#define SLOW_TAKEOVERS 0.6 /* of three */
#define SLOW_LOOKS     4
#define SLOW_DAY       16 /* addresses within the fast window, of several at a time */
#define BORROWED       0.8

double score_of(const struct evaluation *e, enum track track, double cluster)
{
	double score = term_weights[TERM_CLUSTER].weight[track] * cluster;

	for (unsigned int t = 0; t < TERM_CLUSTER; t++)
		score += term_weights[t].weight[track] * e->value[t];
	return score;
}

double best_known(const struct candidate *c)
{
	return c->last.score[c->last.track];
}

bool is_double_flux(const struct evaluation *e)
{
	return e->value[TERM_NS_FLUX] > 0 || e->value[TERM_NS_OVERLAP] > 0;
}

static enum verdict verdict_of(const struct detector *d, const struct candidate *c,
			       const struct evaluation *e)
{
	double score = e->score[e->track];

	if (e->novelty < 0.2 && e->reentry > 0.6 && score > d->cfg.low_score)
		return VERDICT_SUSPECTED_POOL;
	if (c->kind == CANDIDATE_AGGREGATE)
		return VERDICT_WILDCARD_FLUX;
	if (is_double_flux(e))
		return VERDICT_DOUBLE_FLUX;
	return e->track == TRACK_SLOW ? VERDICT_SLOW_FLUX : VERDICT_SINGLE_FLUX;
}

/*
 * Time enough to tell a flow of addresses from a pool that is still being met: of a pool of 200
 * one in five of the later of 64 entries is an old acquaintance.  A list of seeds, told by its many
 * addresses in one answer, has no end either.
 */
static bool is_flow(const struct candidate *c, const struct evaluation *e)
{
	if (c->max_set >= SEED_ANSWERS)
		return false;
	if (e->track == TRACK_SLOW) /* alone, a name that moves slowly is somebody's habit */
		return e->value[TERM_COMMON_ORDER] > 0;
	return c->sample.entries >= HIGH_ENTRIES && e->novelty >= HIGH_NOVELTY;
}

static bool is_high(const struct detector *d, const struct candidate *c, const struct evaluation *e,
		    uint32_t now_s)
{
	double score = e->score[e->track];

	if (is_double_flux(e) && score > d->cfg.high_score - 1)
		return true;
	return score > d->cfg.high_score && e->sets >= d->cfg.high_sets && is_flow(c, e) &&
	       c->above_high_s && now_s - c->above_high_s >= d->cfg.high_hold_s;
}

/*
 * A few labels, each with its own address, are what every company has.  Disguises are many and
 * thrown away: labels enough, and most of them never asked again.
 */
static bool is_disguise(const struct detector *d, const struct candidate *c)
{
	const struct local_domain *dom = local_domain_get(&d->local, c->domain);

	return dom && c->sets >= 6 * d->cfg.medium_sets && dom->stays * 2U < dom->names;
}

/* Where connections are seen, the first few tell a service's pool from flux: worth waiting for. */
static bool awaits_contacts(const struct detector *d, const struct candidate *c,
			    const struct evaluation *e)
{
	return d->connects_visible && e->track == TRACK_FAST && e->sets < d->cfg.high_sets &&
	       (!c->contacts || contacts_at(&d->contacts, c->contacts)->connects < 2);
}

static enum confidence confidence_of(const struct detector *d, const struct candidate *c,
				     const struct evaluation *e, uint32_t now_s)
{
	double score = e->score[e->track];

	if (e->sets < d->cfg.medium_sets || score <= d->cfg.low_score)
		return CONFIDENCE_NONE;
	if (c->kind == CANDIDATE_AGGREGATE && !is_disguise(d, c))
		return CONFIDENCE_LOW;
	if (score <= d->cfg.medium_score || e->verdict == VERDICT_SUSPECTED_POOL)
		return CONFIDENCE_LOW;
	if (score <= d->cfg.high_score - 1 && awaits_contacts(d, c, e))
		return CONFIDENCE_LOW;
	/* addresses of well-known others: forged, or borrowed with nothing else among them */
	if (e->value[TERM_ADDRESS_SHARING] >= BORROWED && !is_double_flux(e))
		return CONFIDENCE_LOW;
	return is_high(d, c, e, now_s) ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
}

/* Slow flux shows few addresses at a time, one after another; below a zone that others rent, such
 * as that of a dynamic DNS provider, addresses come and go without it. */
static bool slow_may_speak(const struct detector *d, const struct candidate *c,
			   const struct half *slow)
{
	uint32_t span_s = d->cfg.slow_span_h * 3600;

	/* when every look shows another address, nobody saw one rest: more looks, or company */
	if (slow->sets < 2 * slow->changes && (slow->changes < SLOW_LOOKS || c->max_set > 1) &&
	    c->last.value[TERM_COMMON_ORDER] <= 0)
		return false;
	/* of several at a time it takes longer to see whether they come back */
	if (c->max_set > 1 && (c->last_s - c->first_s < 3 * span_s ||
			       slow->sets < d->cfg.high_sets || c->last.distinct > SLOW_DAY))
		return false;
	return c->last_s - c->first_s >= span_s && c->max_set <= SLOW_SET &&
	       c->last.value[TERM_NEVER_BACK] >= SLOW_TAKEOVERS && c->kind != CANDIDATE_AGGREGATE;
}

void evaluate(struct detector *d, struct candidate *c, uint32_t now_s)
{
	struct evaluation *e = &c->last;
	const struct finding *f = c->finding ? &d->findings[c->finding - 1] : NULL;
	struct half slow = window_sum(&c->slow, d->cfg.slow_window_d * DAY_S, now_s);
	double value[TERM_COUNT] = { 0 };

	e->value = value;
	features(d, c, now_s);
	e->value[TERM_CLUSTER] = f && f->members > 1 ? log2(f->members) : 0;
	for (unsigned int t = 0; t < TRACK_COUNT; t++)
		e->score[t] = score_of(e, (enum track)t, e->value[TERM_CLUSTER]);
	if (!slow_may_speak(d, c, &slow)) /* else its bias would hide what the fast track says */
		e->score[TRACK_SLOW] = -INFINITY;
	e->track = TRACK_FAST;
	if (e->score[TRACK_SLOW] > e->score[TRACK_FAST] &&
	    (e->score[TRACK_FAST] <= d->cfg.medium_score || e->sets < d->cfg.medium_sets))
		e->track = TRACK_SLOW;
	if (e->track == TRACK_SLOW) {
		e->sets = slow.sets;
		e->changes = slow.changes;
	}
	if (e->score[e->track] <= d->cfg.high_score)
		c->above_high_s = 0;
	else if (!c->above_high_s)
		c->above_high_s = now_s;
	e->verdict = verdict_of(d, c, e);
	e->confidence = confidence_of(d, c, e, now_s);
	candidate_keep_values(&d->candidates, c, value);
}
