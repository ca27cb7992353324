// SPDX-License-Identifier: BSD-2-Clause
#include "librate.h"

#include <stdlib.h>
#include <string.h>

static bool in_list(const char *list, const char *id)
{
	size_t len = strlen(id);

	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (!strncmp(list, id, len) && (list[len] == ',' || !list[len]))
			return true;
	return false;
}

bool filter_takes(const struct filter *f, const struct outcome *o)
{
	return (!f->id || in_list(f->id, o->id)) &&
	       (f->malicious < 0 || f->malicious == o->malicious) &&
	       (f->background < 0 || f->background == o->background) &&
	       (f->resolver_side < 0 || f->resolver_side == o->resolver_side) &&
	       (f->ns_flux < 0 || f->ns_flux == o->ns_flux) && o->queries_h >= f->min_rate &&
	       (f->max_rate <= 0 || o->queries_h < f->max_rate);
}

size_t rate_count(const struct results *r, const struct filter *f)
{
	size_t n = 0;

	for (size_t i = 0; i < r->len; i++)
		n += filter_takes(f, &r->outcomes[i]);
	return n;
}

double rate_recall(const struct results *r, const struct filter *f, enum confidence c,
		   double minutes)
{
	size_t n = 0, hits = 0;

	for (size_t i = 0; i < r->len; i++) {
		const struct outcome *o = &r->outcomes[i];

		if (!filter_takes(f, o))
			continue;
		n++;
		hits += o->minutes[c] >= 0 && (minutes <= 0 || o->minutes[c] <= minutes);
	}
	return n ? (double)hits / (double)n : NAN;
}

double rate_standing(const struct results *r, const struct filter *f, enum confidence c)
{
	size_t n = 0, hits = 0;

	for (size_t i = 0; i < r->len; i++)
		if (filter_takes(f, &r->outcomes[i])) {
			n++;
			hits += r->outcomes[i].standing[c];
		}
	return n ? (double)hits / (double)n : NAN;
}

double rate_baseline(const struct results *r, const struct filter *f, enum baseline b)
{
	size_t n = 0, hits = 0;

	for (size_t i = 0; i < r->len; i++)
		if (filter_takes(f, &r->outcomes[i])) {
			n++;
			hits += r->outcomes[i].base_minutes[b] >= 0;
		}
	return n ? (double)hits / (double)n : NAN;
}

double rate_named(const struct results *r, const struct filter *f, enum verdict v)
{
	size_t n = 0, hits = 0;

	for (size_t i = 0; i < r->len; i++)
		if (filter_takes(f, &r->outcomes[i])) {
			n++;
			hits += r->outcomes[i].verdicts[v];
		}
	return n ? (double)hits / (double)n : NAN;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The @q quantile of @n values, which are sorted in place. */
static double quantile(double *values, size_t n, double q)
{
	if (!n)
		return NAN;
	qsort(values, n, sizeof(*values), by_value);
	return values[(size_t)(q * (double)(n - 1) + 0.5)];
}

static double quantile_of(const struct results *r, const struct filter *f, enum confidence c,
			  bool sets, double q)
{
	double *values = calloc(r->len + 1, sizeof(*values)), at;
	size_t n = 0;

	if (!values)
		return NAN;
	for (size_t i = 0; i < r->len; i++)
		if (filter_takes(f, &r->outcomes[i]) && r->outcomes[i].minutes[c] >= 0)
			values[n++] = sets ? r->outcomes[i].fresh_sets : r->outcomes[i].minutes[c];
	at = quantile(values, n, q);
	free(values);
	return at;
}

double rate_third(const struct results *r, const struct filter *f, bool of_any, double q)
{
	double *values = calloc(r->len + 1, sizeof(*values)), at;
	size_t n = 0;

	if (!values)
		return NAN;
	for (size_t i = 0; i < r->len; i++)
		if (filter_takes(f, &r->outcomes[i]) && r->outcomes[i].third_minutes[of_any] >= 0)
			values[n++] = r->outcomes[i].third_minutes[of_any];
	at = quantile(values, n, q);
	free(values);
	return at;
}

double rate_minutes(const struct results *r, const struct filter *f, enum confidence c, double q)
{
	return quantile_of(r, f, c, false, q);
}

double rate_sets(const struct results *r, const struct filter *f, double q)
{
	return quantile_of(r, f, CONFIDENCE_MEDIUM, true, q);
}

static double poisson_up_to(double mean, uint32_t k)
{
	double term = exp(-mean), sum = term;

	for (uint32_t i = 1; i <= k; i++) {
		term *= mean / i;
		sum += term;
	}
	return sum;
}

double rate_poisson(uint32_t k, bool upper)
{
	double lo = 0, hi = 10 + 3.0 * k;

	if (!upper && !k)
		return 0;
	for (int i = 0; i < 60; i++) {
		double mid = (lo + hi) / 2;
		bool above = upper ? poisson_up_to(mid, k) < 0.025 :
				     1 - poisson_up_to(mid, k - 1) > 0.025;

		lo = above ? lo : mid;
		hi = above ? mid : hi;
	}
	return lo;
}

double rate_false(const struct results *r, const struct filter *f, int learned, enum confidence c,
		  double *ret_days, uint32_t *ret_alerts)
{
	double days = 0;
	uint32_t alerts = 0;

	for (size_t i = 0; i < r->len; i++)
		if (filter_takes(f, &r->outcomes[i])) {
			days += r->outcomes[i].days[learned] * r->outcomes[i].names;
			alerts += r->outcomes[i].raised[learned][c];
		}
	if (ret_days)
		*ret_days = days;
	if (ret_alerts)
		*ret_alerts = alerts;
	return days > 0 ? alerts / days * 1e6 : NAN;
}

static bool has_evidence(const struct filter *f, const struct outcome *o)
{
	return filter_takes(f, o) && o->evidence.held;
}

struct tally {
	double named, right, there, found;
};

static void add(struct tally *t, uint32_t named, uint32_t right, uint32_t there, uint32_t found,
		uint32_t room)
{
	t->named += named;
	t->right += right;
	t->there += there < room ? there : room;
	t->found += found;
}

static struct shares shares_of(const struct tally *t)
{
	return (struct shares){ .precision = t->named > 0 ? t->right / t->named : NAN,
				.recall = t->there > 0 ? t->found / t->there : NAN };
}

struct shares rate_hosts(const struct results *r, const struct filter *f, uint32_t room)
{
	struct tally t = { 0 };

	for (size_t i = 0; i < r->len; i++) {
		const struct evidence_marks *m = &r->outcomes[i].evidence;

		if (has_evidence(f, &r->outcomes[i]))
			add(&t, m->hosts_named, m->hosts_right, m->hosts_true, m->hosts_found, room);
	}
	return shares_of(&t);
}

struct shares rate_processes(const struct results *r, const struct filter *f, uint32_t room)
{
	struct tally t = { 0 };

	for (size_t i = 0; i < r->len; i++) {
		const struct evidence_marks *m = &r->outcomes[i].evidence;

		if (has_evidence(f, &r->outcomes[i]))
			add(&t, m->processes_named, m->processes_right, m->processes_true,
			    m->processes_right, room);
	}
	return shares_of(&t);
}

struct shares rate_servers(const struct results *r, const struct filter *f, uint32_t room)
{
	struct tally t = { 0 };

	for (size_t i = 0; i < r->len; i++) {
		const struct evidence_marks *m = &r->outcomes[i].evidence;

		if (has_evidence(f, &r->outcomes[i]) && r->outcomes[i].ns_flux)
			add(&t, m->servers_named, m->servers_right, m->servers_true,
			    m->servers_right, room);
	}
	return shares_of(&t);
}

double rate_networks(const struct results *r, const struct filter *f)
{
	double named = 0, right = 0;

	for (size_t i = 0; i < r->len; i++)
		if (has_evidence(f, &r->outcomes[i])) {
			named += r->outcomes[i].evidence.networks_named;
			right += r->outcomes[i].evidence.networks_right;
		}
	return named > 0 ? right / named : NAN;
}

double rate_error(const struct results *r, const struct filter *f, bool asns, double q)
{
	double *values = calloc(r->len + 1, sizeof(*values)), at;
	size_t n = 0;

	if (!values)
		return NAN;
	for (size_t i = 0; i < r->len; i++) {
		const struct evidence_marks *m = &r->outcomes[i].evidence;

		if (has_evidence(f, &r->outcomes[i]) && (!asns || m->has_asns))
			values[n++] = fabs((asns ? m->effective_asns : m->distinct) - 1);
	}
	at = quantile(values, n, q);
	free(values);
	return at;
}
