// SPDX-License-Identifier: BSD-2-Clause
#include "libreport.h"

#include "detect/candidate.h"

#include <string.h>

static void share(FILE *f, double v)
{
	if (isnan(v))
		fputs(" – |", f);
	else if (v > 0.9949 && v < 1)
		fprintf(f, " %.4f |", v);
	else
		fprintf(f, " %.3g |", v < 0.001 ? v : round(v * 1000) / 1000);
}

static void whole(FILE *f, double v)
{
	if (isnan(v))
		fputs(" – |", f);
	else
		fprintf(f, " %.0f |", v);
}

static void class_row(FILE *f, const struct results *r, const struct profile *p, bool rules)
{
	struct filter c = FILTER_CLASS(p->id);

	if (!rate_count(r, &c))
		return;
	fprintf(f, "| %s %s | %zu |", p->id, p->title, rate_count(r, &c));
	for (int level = CONFIDENCE_LOW; level <= CONFIDENCE_HIGH; level++)
		share(f, rate_recall(r, &c, (enum confidence)level, 0));
	share(f, rate_standing(r, &c, CONFIDENCE_MEDIUM));
	whole(f, rate_minutes(r, &c, CONFIDENCE_MEDIUM, 0.5));
	whole(f, rate_minutes(r, &c, CONFIDENCE_MEDIUM, 0.9));
	whole(f, rate_sets(r, &c, 0.5));
	whole(f, rate_sets(r, &c, 0.9));
	for (int b = 0; rules && b < BASE_COUNT; b++)
		share(f, rate_baseline(r, &c, (enum baseline)b));
	fputc('\n', f);
}

static void false_row(FILE *f, const char *title, const struct results *r, const struct filter *c,
		      int learned)
{
	double days;
	uint32_t medium, high;
	double per_million = rate_false(r, c, learned, CONFIDENCE_MEDIUM, &days, &medium);
	double high_per_million = rate_false(r, c, learned, CONFIDENCE_HIGH, NULL, &high);

	if (days > 0)
		fprintf(f,
			"| %s%s | %.0f | %u | %.0f | %.0f–%.0f | %u | %.0f |\n", title,
			learned ? "" : ", while learning", days, medium, per_million,
			rate_poisson(medium, false) / days * 1e6,
			rate_poisson(medium, true) / days * 1e6, high, high_per_million);
}

void report_classes(FILE *f, const struct suite *s, const struct results *r)
{
	struct filter benign = FILTER_CLASS("B1,B2,B3,B4,B5,B6,B7,B8,B12,B13,B14,B15,B16,B17,B18,B19");
	struct filter pools = FILTER_CLASS("B9,B10,B11");
	struct filter ordinary = { .malicious = 0, .background = 1, .resolver_side = -1, .ns_flux = -1 };

	fprintf(f, "\n### %s\n\nShare of instances alerted; minutes and fresh sets to medium.\n\n", s->title);
	fputs("| class | n | low | medium | high | standing | min p50 | p90 | sets p50 | p90 |", f);
	for (int b = 0; s->trial.baselines && b < BASE_COUNT; b++)
		fprintf(f, " %s |", baseline_names[b]);
	fputs("\n| --- |", f);
	for (int i = 0; i < 9 + (s->trial.baselines ? BASE_COUNT : 0); i++)
		fputs(" ---: |", f);
	fputc('\n', f);
	for (size_t i = 0; i < profiles_benign_len; i++)
		class_row(f, r, &profiles_benign[i], s->trial.baselines);
	for (size_t i = 0; i < profiles_malicious_len; i++)
		class_row(f, r, &profiles_malicious[i], s->trial.baselines);
	fputs("\nFalse alerts by days of names lived through, with the exact 95 % interval (Poisson) of the "
	      "rate.\n\n"
	      "| names | name-days | medium | per million | 95 % | high | per million |\n"
	      "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n", f);
	for (int learned = 1; learned >= 0; learned--) {
		false_row(f, "B1–B8, B12–B19 (each class alike)", r, &benign, learned);
		false_row(f, "B9–B11", r, &pools, learned);
		false_row(f, "ordinary names (as frequent as in traffic)", r, &ordinary, learned);
	}
}

static void rate_row(FILE *f, const struct results *r, const char *id, int resolver_side)
{
	static const double edges[] = { 0, 8, 20, 60, 0 };

	fprintf(f, "| %s%s |", id, resolver_side ? ", upstream of the resolver" : "");
	for (int i = 0; i < 4; i++) {
		struct filter c = FILTER_CLASS(id);

		c.resolver_side = resolver_side;
		c.min_rate = edges[i];
		c.max_rate = i < 3 ? edges[i + 1] : 0;
		share(f, rate_recall(r, &c, CONFIDENCE_MEDIUM, 0));
		whole(f, rate_minutes(r, &c, CONFIDENCE_MEDIUM, 0.5));
	}
	fputc('\n', f);
}

void report_rates(FILE *f, const struct results *r)
{
	fputs("\nRecall at medium and median minutes to it, by questions an hour.\n\n"
	      "| class | < 8 | min | 8–20 | min | 20–60 | min | ≥ 60 | min |\n"
	      "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n", f);
	for (size_t i = 0; i < profiles_malicious_len; i++)
		for (int side = 0; side < 2; side++) {
			struct filter c = FILTER_CLASS(profiles_malicious[i].id);

			c.resolver_side = side;
			if (rate_count(r, &c))
				rate_row(f, r, profiles_malicious[i].id, side);
		}
}

void report_totals(FILE *f, const struct suite *s, const struct results *r)
{
	struct site_totals all = { 0 };
	size_t largest = 0, joined = 0;

	for (size_t i = 0; i < r->sites_len; i++) {
		const struct site_totals *t = &r->sites[i];

		all.responses += t->responses;
		all.connections += t->connections;
		all.alerts += t->alerts;
		all.evicted_names += t->evicted_names;
		all.evicted_candidates += t->evicted_candidates;
		all.folded += t->folded;
		all.stray += t->stray;
		all.cpu_s += t->cpu_s;
		all.digest = hash_mix(all.digest ^ t->digest);
		largest = t->table_bytes > largest ? t->table_bytes : largest;
		joined = t->correlator_bytes > joined ? t->correlator_bytes : joined;
	}
	fprintf(f,
		"\n%zu sites, seed %llu, %llu responses, %llu connections, %llu alert events (%llu raised "
		"on names of no instance); evicted %llu names and %llu candidates, folded %llu; largest "
		"tables %.1f MiB (detector) and %.1f MiB (join); %.0f s of CPU for everything; digest of all "
		"alerts %016llx.\n",
		r->sites_len, (unsigned long long)s->trial.site.seed,
		(unsigned long long)all.responses, (unsigned long long)all.connections,
		(unsigned long long)all.alerts, (unsigned long long)all.stray,
		(unsigned long long)all.evicted_names, (unsigned long long)all.evicted_candidates,
		(unsigned long long)all.folded, (double)largest / 1048576, (double)joined / 1048576,
		all.cpu_s, (unsigned long long)all.digest);
}

static void evidence_row(FILE *f, const struct results *r, const char *id)
{
	struct filter c = FILTER_CLASS(id), upstream = c;
	struct shares hosts = rate_hosts(r, &c, CANDIDATE_HOSTS);
	struct shares processes = rate_processes(r, &c, CONTACT_PEERS), servers;

	upstream.resolver_side = 1;
	servers = rate_servers(r, &upstream, ALERT_NS_MAX);
	fprintf(f, "| %s |", id);
	share(f, rate_error(r, &c, false, 0.5));
	share(f, rate_error(r, &c, false, 0.9));
	share(f, rate_error(r, &c, true, 0.5));
	share(f, rate_error(r, &c, true, 0.9));
	share(f, rate_networks(r, &c));
	share(f, hosts.precision);
	share(f, hosts.recall);
	share(f, processes.precision);
	share(f, processes.recall);
	share(f, servers.precision);
	share(f, servers.recall);
	fputc('\n', f);
}

/* Beside what the detector needs, what nobody could do without. */
static void report_slow(FILE *f, const struct results *r)
{
	struct filter c = FILTER_CLASS("M7");

	if (!rate_count(r, &c))
		return;
	fputs("\n| M7, hours | p10 | p50 | p90 |\n| --- | ---: | ---: | ---: |\n", f);
	for (int any = 1; any >= 0; any--)
		fprintf(f, "| a third address was answered, for %s | %.1f | %.1f | %.1f |\n",
			any ? "any name of the operator's" : "one and the same name",
			rate_third(r, &c, any, 0.1) / 60, rate_third(r, &c, any, 0.5) / 60,
			rate_third(r, &c, any, 0.9) / 60);
	fprintf(f, "| medium | %.1f | %.1f | %.1f |\n", rate_minutes(r, &c, CONFIDENCE_MEDIUM, 0.1) / 60,
		rate_minutes(r, &c, CONFIDENCE_MEDIUM, 0.5) / 60,
		rate_minutes(r, &c, CONFIDENCE_MEDIUM, 0.9) / 60);
}

void report_evidence(FILE *f, const struct suite *s, const struct results *r)
{
	struct filter flux = { .malicious = 1, .resolver_side = -1, .ns_flux = -1 };

	(void)s;
	if (!rate_count(r, &flux))
		return;
	fprintf(f,
		"\nEvidence of the last alert at medium or above against what went past the monitor: error of "
		"the number of\naddresses and of effective ASes; share right of the AS numbers named; share "
		"right, and share named of those there\nwere (up to the %d hosts, %d processes, %d name "
		"servers that an alert holds), of hosts, processes, name servers.\n\n"
		"| class | addresses p50 | p90 | ASes p50 | p90 | AS right | hosts right | named | "
		"processes right | named | servers right | named |\n"
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
		CANDIDATE_HOSTS, CONTACT_PEERS, ALERT_NS_MAX);
	for (size_t i = 0; i < profiles_malicious_len; i++) {
		struct filter c = FILTER_CLASS(profiles_malicious[i].id);

		if (rate_count(r, &c))
			evidence_row(f, r, profiles_malicious[i].id);
	}
	report_slow(f, r);
}

/* --- targets ---------------------------------------------------------------------------------- */

struct verdicts {
	FILE *f;
	unsigned int missed;
};

static void target(struct verdicts *v, const char *what, double value, bool at_least, double limit)
{
	bool met = at_least ? value >= limit : value <= limit;

	if (isnan(value)) {
		fprintf(v->f, "| %s | %s %g | – | not measured |\n", what, at_least ? "≥" : "≤", limit);
		return;
	}
	v->missed += !met;
	fprintf(v->f, "| %s | %s %g | %.4g | %s |\n", what, at_least ? "≥" : "≤", limit, value,
		met ? "met" : "**missed**");
}

static void recall_targets(struct verdicts *v, const struct judged_results *j)
{
	static const struct {
		const char *id;
		double at_least;
	} recalls[] = { { "M1", 0.99 }, { "M2", 0.99 }, { "M3", 0.99 },	 { "M4", 0.99 },
			{ "M5", 0.99 }, { "M8", 0.99 }, { "M10", 0.99 }, { "M6", 0.95 },
			{ "M9", 0.95 }, { "M12", 0.95 }, { "M11", 0.8 }, { "M13", 0.8 } };
	char what[96];

	for (size_t i = 0; j->day && i < sizeof(recalls) / sizeof(recalls[0]); i++) {
		struct filter c = FILTER_CLASS(recalls[i].id);

		snprintf(what, sizeof(what), "recall %s at medium within 24 h", recalls[i].id);
		target(v, what, rate_recall(j->day, &c, CONFIDENCE_MEDIUM, 1440), true,
		       recalls[i].at_least);
	}
	if (j->week) {
		struct filter c = FILTER_CLASS("M7");

		target(v, "recall M7 at medium within 7 d",
		       rate_recall(j->week, &c, CONFIDENCE_MEDIUM, 7 * 1440), true, 0.95);
		target(v, "M7 hours to medium, median",
		       rate_minutes(j->week, &c, CONFIDENCE_MEDIUM, 0.5) / 60, false, 16);
		target(v, "M7 hours to medium, p90",
		       rate_minutes(j->week, &c, CONFIDENCE_MEDIUM, 0.9) / 60, false, 36);
	}
}

static void time_targets(struct verdicts *v, const struct results *day)
{
	struct filter fast = FILTER_CLASS("M1,M2"), slow = fast, vps = FILTER_CLASS("M6");
	struct filter flux = { .malicious = 1, .background = 0, .resolver_side = 1, .ns_flux = 1 };

	fast.min_rate = 60;
	slow.min_rate = 8;
	slow.max_rate = 20;
	target(v, "M1, M2 minutes to medium at ≥ 60 q/h, median",
	       rate_minutes(day, &fast, CONFIDENCE_MEDIUM, 0.5), false, 15);
	target(v, "M1, M2 minutes to medium at 8–20 q/h, median",
	       rate_minutes(day, &slow, CONFIDENCE_MEDIUM, 0.5), false, 30);
	fast.min_rate = 0;
	target(v, "M1, M2 fresh sets to medium, median", rate_sets(day, &fast, 0.5), false, 4);
	target(v, "M6 minutes to medium, median", rate_minutes(day, &vps, CONFIDENCE_MEDIUM, 0.5),
	       false, 100);
	target(v, "double flux named when glue is visible",
	       rate_named(day, &flux, VERDICT_DOUBLE_FLUX), true, 0.95);
}

static void false_targets(struct verdicts *v, const struct results *day)
{
	struct filter benign = FILTER_CLASS("B1,B2,B3,B4,B5,B6,B7,B8,B12,B13,B14,B15,B16,B17,B18,B19");
	struct filter ordinary = { .malicious = 0, .background = 1, .resolver_side = -1, .ns_flux = -1 };
	struct filter pools = FILTER_CLASS("B9,B10,B11");

	target(v, "false medium per million name-days, classes alike",
	       rate_false(day, &benign, 1, CONFIDENCE_MEDIUM, NULL, NULL), false, 50);
	target(v, "false high per million name-days, classes alike",
	       rate_false(day, &benign, 1, CONFIDENCE_HIGH, NULL, NULL), false, 1);
	target(v, "false medium per million name-days, ordinary population",
	       rate_false(day, &ordinary, 1, CONFIDENCE_MEDIUM, NULL, NULL), false, 50);
	target(v, "false high per million name-days, ordinary population",
	       rate_false(day, &ordinary, 1, CONFIDENCE_HIGH, NULL, NULL), false, 1);
	target(v, "B9–B11 ever high", rate_recall(day, &pools, CONFIDENCE_HIGH, 0), false, 0);
	target(v, "B9–B11 standing at medium after 24 h",
	       rate_standing(day, &pools, CONFIDENCE_MEDIUM), false, 0.1);
}

static size_t most_bytes(const struct results *r)
{
	size_t most = 0;

	for (size_t i = 0; i < r->sites_len; i++)
		if (r->sites[i].table_bytes > most)
			most = r->sites[i].table_bytes;
	return most;
}

unsigned int report_targets(FILE *f, const struct judged_results *j)
{
	struct filter all = { .id = "M1,M2,M3,M4,M5,M6,M8,M9,M10,M11,M12,M13", .malicious = 1,
			      .background = 0, .resolver_side = -1, .ns_flux = -1 };
	struct verdicts v = { .f = f };

	fputs("\n### Targets\n\n| quantity | target | measured | |\n| --- | --- | ---: | --- |\n", f);
	recall_targets(&v, j);
	if (j->day) {
		time_targets(&v, j->day);
		false_targets(&v, j->day);
		target(&v, "detector tables, MiB", (double)most_bytes(j->day) / 1048576, false, 64);
	}
	if (j->loss20 && j->calm)
		target(&v, "recall lost with 20 % of responses",
		       rate_recall(j->calm, &all, CONFIDENCE_MEDIUM, 0) -
			       rate_recall(j->loss20, &all, CONFIDENCE_MEDIUM, 0),
		       false, 0.03);
	if (j->flood && j->calm) {
		target(&v, "recall lost to a flood of random names (M14)",
		       rate_recall(j->calm, &all, CONFIDENCE_MEDIUM, 0) -
			       rate_recall(j->flood, &all, CONFIDENCE_MEDIUM, 0),
		       false, 0.05);
		target(&v, "detector tables under the flood, MiB",
		       (double)most_bytes(j->flood) / 1048576, false, 64);
	}
	fprintf(f, "\n%u missed.\n", v.missed);
	return v.missed;
}
