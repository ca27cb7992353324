// SPDX-License-Identifier: BSD-2-Clause
#include "libverdict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "correlate/correlate.h"

/* --- small open-addressed tables: names to instances, watched addresses ------------------------ */

struct owner_slot {
	uint64_t key;
	uint32_t instance; /* + 1; 0: free */
};

struct watch_slot {
	uint64_t key;
	bool used, on;
};

struct run {
	const struct trial *trial;
	struct site *site;
	struct detector *detector;
	struct correlator *correlator;
	struct baselines *baselines;
	struct truths *truths;
	struct enrich *enrich;
	const struct instance *instances;
	size_t instances_len;
	struct outcome *outcomes;
	struct owner_slot *owners;
	size_t owners_cap;
	struct watch_slot *watched;
	size_t watched_cap, watched_len;
	struct site_totals totals;
	struct alert *explained;
	uint64_t now_ns, next_check_ns;
	enum confidence *level; /* of each instance now */
};

static uint64_t name_key(const struct dns_name *name)
{
	return hash_keyed(&hash_key_fixed, name->wire, name->len);
}

static void own(struct run *run, const struct dns_name *name, uint32_t instance)
{
	uint64_t key = name_key(name);
	size_t i = key & (run->owners_cap - 1);

	while (run->owners[i].instance && run->owners[i].key != key)
		i = (i + 1) & (run->owners_cap - 1);
	if (!run->owners[i].instance) /* a shared zone goes to the first that lives in it */
		run->owners[i] = (struct owner_slot){ key, instance + 1 };
}

static int owners_init(struct run *run)
{
	size_t names = 0;

	for (size_t i = 0; i < run->instances_len; i++)
		names += run->instances[i].names_len + 8;
	for (run->owners_cap = 1024; run->owners_cap < 2 * names;)
		run->owners_cap *= 2;
	run->owners = calloc(run->owners_cap, sizeof(*run->owners));
	if (!run->owners)
		return -ENOMEM;
	for (uint32_t i = 0; i < run->instances_len; i++) {
		const struct instance *in = &run->instances[i];

		for (size_t n = 0; n < in->names_len; n++)
			own(run, &in->names[n], i);
		for (uint32_t c = 0; c < in->chain_len; c++) {
			struct dns_name domain = dns_name_parent(&in->chain[c],
								 dns_name_labels(&in->chain[c]) - 2);

			own(run, &in->chain[c], i);
			own(run, &domain, i);
		}
		own(run, &in->zone, i);
	}
	return 0;
}

/* The instance @name belongs to, itself or through a domain above it; -1: none. */
static int64_t owner_of(const struct run *run, const struct dns_name *name)
{
	unsigned int labels = dns_name_labels(name);

	for (unsigned int up = 0; up + 2 <= labels; up++) {
		struct dns_name part = dns_name_parent(name, up);
		uint64_t key = name_key(&part);
		size_t i = key & (run->owners_cap - 1);

		for (; run->owners[i].instance; i = (i + 1) & (run->owners_cap - 1))
			if (run->owners[i].key == key)
				return run->owners[i].instance - 1;
	}
	return -1;
}

static struct watch_slot *watch_slot(struct run *run, const struct ip_addr *addr)
{
	uint64_t key = hash_keyed(&hash_key_fixed, addr->b, 16);
	size_t i = key & (run->watched_cap - 1);

	while (run->watched[i].used && run->watched[i].key != key)
		i = (i + 1) & (run->watched_cap - 1);
	run->watched[i].key = key;
	return &run->watched[i];
}

static int watch_grow(struct run *run)
{
	struct watch_slot *old = run->watched;
	size_t cap = run->watched_cap;

	run->watched_cap = cap ? cap * 2 : 65536;
	run->watched = calloc(run->watched_cap, sizeof(*run->watched));
	if (!run->watched) {
		run->watched = old;
		run->watched_cap = cap;
		return -ENOMEM;
	}
	for (size_t i = 0; i < cap; i++)
		if (old[i].used) {
			size_t at = old[i].key & (run->watched_cap - 1);

			while (run->watched[at].used)
				at = (at + 1) & (run->watched_cap - 1);
			run->watched[at] = old[i];
		}
	free(old);
	return 0;
}

static void on_watch(void *ctx, const struct ip_addr *addr, bool on)
{
	struct run *run = ctx;
	struct watch_slot *slot;

	if (run->watched_len * 2 >= run->watched_cap && watch_grow(run))
		return;
	slot = watch_slot(run, addr);
	run->watched_len += !slot->used;
	slot->used = true;
	slot->on = on;
}

static bool is_watched(void *ctx, const struct ip_addr *addr)
{
	struct run *run = ctx;

	return watch_slot(run, addr)->on;
}

/* --- alerts ----------------------------------------------------------------------------------- */

static void credit(struct run *run, const struct dns_name *name, const struct alert *alert)
{
	int64_t at = owner_of(run, name);
	const struct instance *in;
	struct outcome *out;
	enum confidence level;

	if (at < 0) {
		run->totals.stray += alert->state == ALERT_RAISED;
		return;
	}
	in = &run->instances[at];
	out = &run->outcomes[at];
	level = alert->state == ALERT_DOWNGRADED && alert->confidence > CONFIDENCE_LOW ?
			CONFIDENCE_LOW :
			alert->confidence;
	for (int c = (int)run->level[at] + 1; c <= (int)level; c++)
		out->raised[alert->time_ns >= site_counted_ns(run->site)][c]++;
	run->level[at] = level;
	if (alert->state == ALERT_DOWNGRADED || alert->time_ns < in->start_ns ||
	    alert->time_ns >= in->end_ns)
		return;
	for (int c = CONFIDENCE_LOW; c <= (int)alert->confidence; c++)
		if (out->minutes[c] < 0) {
			out->minutes[c] = (double)(alert->time_ns - in->start_ns) / 60e9;
			if (c == CONFIDENCE_MEDIUM)
				out->fresh_sets = alert->evidence.fresh_sets;
		}
	if (alert->confidence >= CONFIDENCE_MEDIUM)
		out->verdicts[alert->verdict] = true;
	if (alert->score > out->score)
		out->score = alert->score;
}

static void print_alert(FILE *f, uint32_t site, const struct alert *a)
{
	char name[DNS_NAME_TEXT_MAX];

	dns_name_format(&a->domain, name);
	fprintf(f, "s%u %.0f %s %s %s %s S=%.2f n=%u sets=%u chg=%u members=%zu:", site,
		(double)(a->time_ns - SITE_EPOCH_NS) / 60e9, alert_state_name(a->state), name,
		verdict_name(a->verdict), confidence_name(a->confidence), a->score,
		a->evidence.distinct_ips, a->evidence.fresh_sets, a->evidence.changes,
		a->members_len);
	for (size_t i = 0; i < a->terms_len; i++)
		if (a->terms[i].contribution > 0.005 || a->terms[i].contribution < -0.005)
			fprintf(f, " %s=%+.2f", a->terms[i].name, a->terms[i].contribution);
	fputc('\n', f);
}

static void on_alert(void *ctx, const struct alert *alert)
{
	struct run *run = ctx;
	char text[DNS_NAME_TEXT_MAX + 64];
	int64_t at;
	int n;

	if (run->trial->alerts)
		print_alert(run->trial->alerts, run->trial->site.index, alert);
	run->totals.alerts++;
	n = (int)dns_name_format(&alert->domain, text);
	n += snprintf(text + n, 64, "|%llu|%d|%d|%d|%.6f", (unsigned long long)alert->time_ns,
		      (int)alert->verdict, (int)alert->state, (int)alert->confidence, alert->score);
	run->totals.digest = hash_mix(run->totals.digest ^
				      hash_keyed(&hash_key_fixed, text, (size_t)n));
	credit(run, &alert->domain, alert);
	for (size_t i = 0; i < alert->members_len; i++)
		credit(run, &alert->members[i], alert);
	at = owner_of(run, &alert->domain);
	if (at >= 0 && alert->state != ALERT_DOWNGRADED && alert->confidence >= CONFIDENCE_MEDIUM)
		truths_compare(run->truths, alert, (uint32_t)at, &run->outcomes[at].evidence);
}

/* --- the stream ------------------------------------------------------------------------------- */

static double cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void on_response(void *ctx, const struct dns_observation *obs, const struct instance *in)
{
	struct run *run = ctx;

	run->now_ns = obs->time_ns;
	run->totals.responses++;
	correlator_response(run->correlator, obs);
	if (in)
		truths_response(run->truths, obs, (uint32_t)(in - run->instances));
	detector_response(run->detector, obs);
	if (in && run->baselines && obs->time_ns >= site_counted_ns(run->site) &&
	    (in->background || (obs->time_ns >= in->start_ns && obs->time_ns < in->end_ns)))
		baselines_response(run->baselines, obs, (uint32_t)(in - run->instances));
}

static void on_connection(void *ctx, struct connection *conn, const struct instance *in)
{
	struct run *run = ctx;

	run->totals.connections++;
	truths_connection(run->truths, conn, (uint32_t)(in - run->instances));
	correlator_connection(run->correlator, conn);
	detector_connection(run->detector, conn);
}

static void dump_terms(struct run *run, const struct instance *in, double hours)
{
	FILE *f = run->trial->terms;
	const struct alert *a = run->explained;

	fprintf(f, "%s %d %u %u %.1f %d %u %.4f", in->profile->id, in->profile->malicious,
		run->trial->site.index, in->index, hours, (int)a->verdict, a->evidence.fresh_sets,
		a->score);
	for (size_t i = 0; i < a->terms_len; i++)
		fprintf(f, " %s=%.5f*%.5f", a->terms[i].name, a->terms[i].value,
			a->terms[i].weight);
	fputc('\n', f);
}

/* The highest score among the instance's names, into run->explained. */
static bool explain_best(struct run *run, const struct instance *in, uint64_t now_ns)
{
	struct alert *a = calloc(1, sizeof(*a));
	const struct dns_name *at[8] = { &in->zone, &in->owner };
	size_t n = 2;
	bool any = false;

	for (size_t i = 0; i < in->names_len && n < 8; i++)
		at[n++] = &in->names[i];
	for (size_t i = 0; a && i < n; i++)
		if (!detector_explain(run->detector, at[i], now_ns, a) &&
		    (!any || a->score > run->explained->score)) {
			*run->explained = *a;
			any = true;
		}
	free(a);
	return any;
}

static void check_instances(struct run *run, uint64_t now_ns)
{
	for (size_t i = 0; i < run->instances_len; i++) {
		const struct instance *in = &run->instances[i];
		double hours = (double)(now_ns - in->start_ns) / 3600e9;

		if (in->background || now_ns < in->start_ns || now_ns > in->end_ns ||
		    !explain_best(run, in, now_ns))
			continue;
		if (run->explained->score > run->outcomes[i].score)
			run->outcomes[i].score = run->explained->score;
		for (int c = CONFIDENCE_LOW; c < CONFIDENCES; c++) /* the last check remains */
			run->outcomes[i].standing[c] = (int)run->explained->confidence >= c;
		if (run->explained->confidence >= CONFIDENCE_LOW &&
		    run->outcomes[i].minutes[CONFIDENCE_LOW] < 0)
			run->outcomes[i].minutes[CONFIDENCE_LOW] = hours * 60;
		if (run->trial->terms)
			dump_terms(run, in, hours);
	}
}

/* What stands when counting begins counts. */
static void count_standing(struct run *run)
{
	for (size_t i = 0; i < run->instances_len; i++)
		for (int c = CONFIDENCE_LOW;
		     !run->instances[i].background && c <= (int)run->level[i]; c++)
			run->outcomes[i].minutes[c] = 0;
}

/*
 * An hour after the last start, then each quarter of the span; a fit wants to see the first
 * minutes of each instance too.
 */
static uint64_t next_check(const struct run *run, uint64_t now_ns)
{
	uint64_t counted = site_counted_ns(run->site);
	double hours = run->trial->site.hours;

	if (run->trial->terms && now_ns < counted + 4 * HOUR_NS)
		return now_ns + 900 * SECOND_NS;
	if (now_ns < counted + 3 * HOUR_NS)
		return counted + 3 * HOUR_NS;
	if (run->trial->terms)
		return now_ns + 6 * HOUR_NS;
	return now_ns + (uint64_t)(hours / 4 * (double)HOUR_NS);
}

static void on_tick(void *ctx, uint64_t now_ns)
{
	struct run *run = ctx;
	uint64_t counted = site_counted_ns(run->site);

	detector_tick(run->detector, now_ns);
	if (now_ns < counted || now_ns < run->next_check_ns)
		return;
	if (!run->next_check_ns)
		count_standing(run);
	else
		check_instances(run, now_ns);
	run->next_check_ns = next_check(run, now_ns);
}

/* --- a whole run ------------------------------------------------------------------------------ */

static void init_outcome(struct run *run, size_t i)
{
	const struct instance *in = &run->instances[i];
	struct outcome *out = &run->outcomes[i];
	uint64_t counted = site_counted_ns(run->site);

	*out = (struct outcome){ .site = run->trial->site.index,
				 .index = in->index,
				 .malicious = in->profile->malicious,
				 .background = in->background,
				 .known = in->known,
				 .resolver_side = run->trial->site.resolver_side,
				 .ns_flux = in->authority.ns_kind == NS_FLUX,
				 .queries_h = in->queries_h,
				 .names = (uint32_t)in->names_len,
				 .score = -99 };
	out->days[0] = in->from_ns < counted ? (double)(counted - in->from_ns) / (double)DAY_NS : 0;
	out->days[1] = (double)(in->end_ns - (in->from_ns > counted ? in->from_ns : counted)) /
		       (double)DAY_NS;
	memcpy(out->id, in->profile->id, strnlen(in->profile->id, sizeof(out->id) - 1));
	for (int c = 0; c < CONFIDENCES; c++)
		out->minutes[c] = -1;
	for (int b = 0; b < BASE_COUNT; b++)
		out->base_minutes[b] = -1;
}

static int run_init(struct run *run)
{
	const struct trial *t = run->trial;
	static const struct detector_ops ops = { .alert = on_alert, .watch = on_watch };
	struct correlate_config correlate = correlate_config_default();
	const char *const sources[] = { t->asn_source };
	int err = site_new(&t->site, &run->site);

	if (err)
		return err;
	run->instances_len = site_instances(run->site, &run->instances);
	run->outcomes = calloc(run->instances_len + 1, sizeof(*run->outcomes));
	run->level = calloc(run->instances_len + 1, sizeof(*run->level));
	run->explained = calloc(1, sizeof(*run->explained));
	if (!run->outcomes || !run->level || !run->explained)
		return -ENOMEM;
	for (size_t i = 0; i < run->instances_len; i++)
		init_outcome(run, i);
	err = owners_init(run);
	if (!err)
		err = watch_grow(run);
	if (!err)
		err = truths_new(t->site.net, run->instances, run->instances_len, &run->truths);
	if (!err && t->asn_source)
		err = enrich_open(sources, 1, &run->enrich);
	if (!err)
		err = correlator_new(&correlate, &hash_key_fixed, &run->correlator);
	if (!err)
		err = detector_new(&t->detect, run->enrich, &hash_key_fixed, &ops, run,
				   &run->detector);
	if (!err && t->baselines)
		err = baselines_new(t->site.net, &run->baselines);
	return err;
}

static void run_fini(struct run *run)
{
	baselines_free(run->baselines);
	truths_free(run->truths);
	detector_free(run->detector);
	correlator_free(run->correlator);
	enrich_close(run->enrich);
	free(run->owners);
	free(run->watched);
	free(run->level);
	free(run->explained);
	site_free(run->site);
}

static void collect_baselines(struct run *run)
{
	baselines_finish(run->baselines, site_end_ns(run->site));
	for (size_t i = 0; i < baselines_count(run->baselines); i++) {
		const struct judged *j = baselines_get(run->baselines, i);
		struct outcome *out = &run->outcomes[j->instance];
		uint64_t start = run->instances[j->instance].start_ns;

		for (int b = 0; b < BASE_COUNT; b++) {
			double m = ((double)j->fired_ns[b] - (double)start) / 60e9;

			if (j->fired_ns[b] && (out->base_minutes[b] < 0 || m < out->base_minutes[b]))
				out->base_minutes[b] = m > 0 ? m : 0;
		}
		out->naive = fmax(out->naive, j->naive);
		out->holz24 = fmax(out->holz24, j->holz24);
		out->zeek = fmax(out->zeek, j->zeek);
	}
}

static void collect(struct run *run)
{
	struct detector_stats stats;
	struct correlate_stats joined;

	for (uint32_t i = 0; i < run->instances_len; i++) {
		run->outcomes[i].responses = run->instances[i].responses;
		for (int any = 0; any < 2; any++) {
			uint64_t at_ns = truths_third_ns(run->truths, i, any);
			double m = ((double)at_ns - (double)run->instances[i].start_ns) / 60e9;

			run->outcomes[i].third_minutes[any] = !at_ns ? -1 : m > 0 ? m : 0;
		}
	}
	if (run->baselines)
		collect_baselines(run);
	detector_stats(run->detector, &stats);
	correlator_stats(run->correlator, &joined);
	run->totals.names = stats.names;
	run->totals.evicted_names = stats.evicted_names;
	run->totals.evicted_candidates = stats.evicted_candidates;
	run->totals.folded = stats.folded_names;
	run->totals.table_bytes = stats.table_bytes;
	run->totals.correlator_bytes = joined.table_bytes;
}

int trial_run(const struct trial *t, struct outcome **ret_outcomes, size_t *ret_len,
	      struct site_totals *ret_totals)
{
	static const struct site_ops ops = { .response = on_response,
					     .connection = on_connection,
					     .tick = on_tick,
					     .is_watched = is_watched };
	struct run run = { .trial = t };
	double began = cpu_now();
	int err = run_init(&run);

	if (!err)
		err = site_run(run.site, &ops, &run);
	if (!err) {
		collect(&run);
		run.totals.cpu_s = cpu_now() - began;
		*ret_outcomes = run.outcomes;
		*ret_len = run.instances_len;
		*ret_totals = run.totals;
	} else {
		free(run.outcomes);
	}
	run_fini(&run);
	return err;
}
