// SPDX-License-Identifier: BSD-2-Clause
/*
 * The life of verdicts.  Names whose addresses overlap form one finding; it is raised when its
 * leader's confidence reaches min_confidence, updated when there is something new to say and
 * update_s has passed, downgraded after downgrade_h below.  Whatever falls due does so at its
 * own time, before the next input is looked at: how often anybody ticks makes no difference.
 */
#include "detect/state.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define HOUR_NS (3600 * NS)
/* FluxBuster (Perdisci et al. 2012): single linkage cut, and the weight of small sets. */
#define CLUSTER_CUT   0.75
#define CLUSTER_GAMMA 3.0

static struct finding *finding_of(struct detector *d, const struct candidate *c)
{
	return c->finding ? &d->findings[c->finding - 1] : NULL;
}

static enum confidence min_confidence(const struct detector *d)
{
	const char *word = d->cfg.min_confidence;

	return word[0] == 'l'	? CONFIDENCE_LOW
	       : word[0] == 'h' ? CONFIDENCE_HIGH
				: CONFIDENCE_MEDIUM;
}

void finding_schedule(struct detector *d, struct finding *f, uint64_t due_ns)
{
	if (f->due_ns && f->due_ns <= due_ns)
		return;
	f->due_ns = due_ns;
	if (due_ns < d->next_check_ns)
		d->next_check_ns = due_ns;
}

/* --- clusters ---------------------------------------------------------------------------- */

static double distance(const struct sample *a, const struct sample *b)
{
	double common = 0, least = a->len < b->len ? a->len : b->len, jaccard;

	for (unsigned int i = 0; i < a->len; i++)
		common += sample_find(b, a->hash[i]) >= 0;
	if (common == 0)
		return 1;
	jaccard = common / (a->len + b->len - common);
	return 1 - jaccard / (1 + exp(CLUSTER_GAMMA - least));
}

static bool belong_together(const struct candidate *a, const struct candidate *b)
{
	return a->name_key == b->name_key || distance(&a->sample, &b->sample) <= CLUSTER_CUT ||
	       (a->domain == b->domain &&
		(a->kind == CANDIDATE_AGGREGATE || b->kind == CANDIDATE_AGGREGATE));
}

/* Another finding that the candidate's addresses lead to; 0 without. */
static uint32_t neighbour(struct detector *d, const struct candidate *c, uint32_t index1)
{
	for (unsigned int i = 0; i < c->sample.len; i++) {
		struct local_address *a = local_address_get(&d->local, c->sample.hash[i]);

		for (unsigned int j = 0; a && j < 2; j++) {
			const struct candidate *other;

			if (!a->candidates[j] || a->candidates[j] == index1)
				continue;
			other = candidate_at(&d->candidates, a->candidates[j]);
			if (other->finding && other->finding != c->finding &&
			    belong_together(c, other))
				return other->finding;
		}
	}
	return 0;
}

/* The same name's other address family. */
static uint32_t twin(struct detector *d, const struct candidate *c)
{
	const struct candidate *other = candidate_twin(d, c);

	return other ? other->finding : 0;
}

static void join(struct detector *d, uint32_t index1, uint32_t finding)
{
	struct candidate *c = candidate_at(&d->candidates, index1);
	struct finding *f = &d->findings[finding - 1];

	c->finding = finding;
	c->next_member = f->first_member;
	f->first_member = index1;
	f->members++;
}

static void choose_leader(struct detector *d, struct finding *f)
{
	f->leader = f->first_member;
	for (uint32_t m = f->first_member; m; m = candidate_at(&d->candidates, m)->next_member)
		if (best_known(candidate_at(&d->candidates, m)) >
		    best_known(candidate_at(&d->candidates, f->leader)))
			f->leader = m;
}

/* A raised finding keeps its name while that name carries it: people follow it by name. */
static void settle_leader(struct detector *d, struct finding *f)
{
	if (!f->raised ||
	    candidate_at(&d->candidates, f->leader)->last.confidence < min_confidence(d))
		choose_leader(d, f);
}

static void dissolve(struct detector *d, struct finding *f)
{
	uint32_t next;

	for (uint32_t m = f->first_member; m; m = next) {
		struct candidate *c = candidate_at(&d->candidates, m);

		next = c->next_member;
		c->finding = c->next_member = 0;
	}
	memset(f, 0, sizeof(*f));
}

/* The younger of the two gives its members to the older. */
static void merge(struct detector *d, uint32_t a, uint32_t b)
{
	uint32_t keep = d->findings[a - 1].alert_ns <= d->findings[b - 1].alert_ns ? a : b;
	struct finding *gone = &d->findings[(keep == a ? b : a) - 1];
	uint32_t next;

	for (uint32_t m = gone->first_member; m; m = next) {
		next = candidate_at(&d->candidates, m)->next_member;
		join(d, m, keep);
	}
	d->findings[keep - 1].raised |= gone->raised;
	memset(gone, 0, sizeof(*gone));
	settle_leader(d, &d->findings[keep - 1]);
}

void finding_leave(struct detector *d, uint32_t index1)
{
	struct candidate *c = candidate_at(&d->candidates, index1);
	struct finding *f = finding_of(d, c);
	uint32_t *link = &f->first_member;

	while (*link != index1)
		link = &candidate_at(&d->candidates, *link)->next_member;
	*link = c->next_member;
	c->finding = c->next_member = 0;
	f->members--;
	if (!f->members)
		memset(f, 0, sizeof(*f));
	else if (f->leader == index1)
		choose_leader(d, f);
}

/* --- alerts ------------------------------------------------------------------------------ */

static void emit(struct detector *d, struct finding *f, enum alert_state state, uint64_t now_ns,
		 const char *reason)
{
	const struct candidate *c = candidate_at(&d->candidates, f->leader);
	struct alert *a = &d->scratch;
	bool home;

	evidence_fill(d, c, f, now_ns, a);
	a->state = state;
	if (state == ALERT_DOWNGRADED && a->verdict != VERDICT_SUSPECTED_POOL)
		a->verdict = f->verdict;
	snprintf(a->reason, sizeof(a->reason), "%s", reason);
	f->verdict = a->verdict;
	f->confidence = a->confidence;
	f->alert_ns = now_ns;
	f->reported_distinct = a->evidence.distinct_ips;
	f->reported_members = f->members;
	f->reported_peers = peers_of(d, c);
	home = a->home_nodes_len > f->reported_home && state != ALERT_DOWNGRADED;
	f->reported_home = (uint32_t)a->home_nodes_len;
	d->stats.alerts++;
	d->stats.suppressed += a->suppressed_by[0] != '\0';
	d->ops.alert(d->ctx, a);
	if (!home)
		return;
	a->is_home_node_alert = true;
	a->state = ALERT_RAISED;
	d->stats.alerts++;
	d->ops.alert(d->ctx, a);
}

/* What an update would say that the last alert did not; NULL for nothing. */
static const char *what_is_new(struct detector *d, const struct finding *f,
			       const struct candidate *c, uint64_t now_ns)
{
	const struct evaluation *e = &c->last;
	struct cap cap = confidence_cap(d, c, now_ns);
	enum confidence stated = e->confidence < cap.confidence ? e->confidence : cap.confidence;
	struct ip_addr home[ALERT_HOME_MAX];

	if (e->confidence < min_confidence(d))
		return NULL;
	if (stated > f->confidence)
		return "confidence rose";
	if (e->verdict != f->verdict &&
	    (e->verdict == VERDICT_DOUBLE_FLUX || f->verdict == VERDICT_SUSPECTED_POOL))
		return "verdict changed";
	if (home_nodes_of(d, c, home, ALERT_HOME_MAX) > f->reported_home)
		return "an address of a home network among the answers";
	if (!f->reported_peers && peers_of(d, c))
		return "first connections";
	if (f->members >= 2 * f->reported_members)
		return "more names on the same addresses";
	if (e->distinct >= 2 * f->reported_distinct)
		return "twice the addresses";
	return NULL;
}

static void update(struct detector *d, struct finding *f, uint64_t now_ns)
{
	const struct candidate *c = candidate_at(&d->candidates, f->leader);
	const char *reason = what_is_new(d, f, c, now_ns);
	uint64_t at_ns = f->alert_ns + d->cfg.update_s * NS;

	if (!reason)
		return;
	if (now_ns >= at_ns)
		emit(d, f, ALERT_UPDATED, now_ns, reason);
	else
		finding_schedule(d, f, at_ns);
}

static void downgrade(struct detector *d, struct finding *f, uint64_t now_ns)
{
	const struct candidate *c = candidate_at(&d->candidates, f->leader);
	const struct evaluation *e = &c->last;
	char reason[128];

	if (!e->sets)
		snprintf(reason, sizeof(reason), "no fresh answer within %u h", d->cfg.window_h);
	else if (e->verdict == VERDICT_SUSPECTED_POOL)
		snprintf(reason, sizeof(reason),
			 "addresses come back (re-entry %.2f, novelty %.2f): a pool", e->reentry,
			 e->novelty);
	else
		snprintf(reason, sizeof(reason), "score %.2f for %u h", best_known(c),
			 d->cfg.downgrade_h);
	emit(d, f, ALERT_DOWNGRADED, now_ns, reason);
	dissolve(d, f);
}

static void step(struct detector *d, struct finding *f, uint64_t now_ns)
{
	const struct candidate *c = candidate_at(&d->candidates, f->leader);
	uint64_t end_ns;

	if (c->last.confidence >= min_confidence(d) || c->denied) {
		f->below_ns = 0;
		if (f->raised) {
			update(d, f, now_ns);
			return;
		}
		f->raised = true;
		emit(d, f, ALERT_RAISED, now_ns, c->denied ? "on a deny list" : "");
		return;
	}
	if (!f->raised) {
		dissolve(d, f);
		return;
	}
	if (!f->below_ns)
		f->below_ns = now_ns;
	end_ns = f->below_ns + d->cfg.downgrade_h * HOUR_NS;
	if (now_ns >= end_ns)
		downgrade(d, f, now_ns);
	else
		finding_schedule(d, f, end_ns);
}

static uint32_t new_finding(struct detector *d)
{
	for (uint32_t i = 0; i < FINDINGS_MAX; i++) {
		if (d->findings[i].used)
			continue;
		memset(&d->findings[i], 0, sizeof(d->findings[i]));
		d->findings[i].used = true;
		return i + 1;
	}
	d->findings_full++;
	return 0;
}

static void find_place(struct detector *d, struct candidate *c, uint32_t index1)
{
	uint32_t other = 0;

	if (best_known(c) > d->cfg.low_score && c->last.sets >= d->cfg.medium_sets) {
		other = neighbour(d, c, index1);
		if (!other)
			other = twin(d, c);
	}
	if (c->finding) {
		if (other && other != c->finding)
			merge(d, c->finding, other);
		return;
	}
	if (!other && (c->last.confidence >= min_confidence(d) || c->denied)) {
		other = new_finding(d);
		if (other)
			d->findings[other - 1].leader = index1;
	}
	if (other)
		join(d, index1, other);
}

void finding_review(struct detector *d, uint32_t index1)
{
	struct candidate *c = candidate_at(&d->candidates, index1);
	struct local_domain *dom;
	struct finding *f;

	evaluate(d, c, d->now_s);
	if (best_known(c) > d->cfg.watch_score)
		watch_candidate(d, c, true);
	if (c->last.confidence >= CONFIDENCE_MEDIUM) {
		dom = local_domain_get(&d->local, c->domain);
		if (dom)
			local_flag(&d->local, dom, c->last.confidence == CONFIDENCE_HIGH, d->now_s);
	}
	if (!c->finding || c->sets % 4 == 0)
		find_place(d, c, index1);
	f = finding_of(d, c);
	if (!f)
		return;
	settle_leader(d, f);
	step(d, f, d->now_ns);
}

/* --- time -------------------------------------------------------------------------------- */

static void check_at(struct detector *d, uint64_t at_ns)
{
	bool hour = at_ns % HOUR_NS == 0;

	for (uint32_t i = 0; i < FINDINGS_MAX; i++) {
		struct finding *f = &d->findings[i];

		if (!f->used || (!hour && (!f->due_ns || f->due_ns > at_ns)))
			continue;
		if (f->due_ns && f->due_ns <= at_ns)
			f->due_ns = 0;
		evaluate(d, candidate_at(&d->candidates, f->leader), (uint32_t)(at_ns / NS));
		settle_leader(d, f);
		step(d, f, at_ns);
	}
}

void findings_check(struct detector *d, uint64_t now_ns)
{
	/* after a silence of months the hours between need not be looked at one by one */
	if (now_ns > d->next_check_ns + 24 * 365 * HOUR_NS)
		d->next_check_ns = now_ns / HOUR_NS * HOUR_NS;
	while (d->next_check_ns <= now_ns) {
		uint64_t at_ns = d->next_check_ns;
		uint64_t next = (at_ns / HOUR_NS + 1) * HOUR_NS;

		d->next_check_ns = next;
		check_at(d, at_ns);
		for (uint32_t i = 0; i < FINDINGS_MAX; i++)
			if (d->findings[i].used && d->findings[i].due_ns &&
			    d->findings[i].due_ns < d->next_check_ns)
				d->next_check_ns = d->findings[i].due_ns;
	}
}
