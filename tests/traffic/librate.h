/* SPDX-License-Identifier: BSD-2-Clause */
/* Figures over outcomes: shares, quantiles, rates. */
#ifndef TRAFFIC_RATE_H
#define TRAFFIC_RATE_H

#include "libsuite.h"

/* Which outcomes count. NULL and negative fields choose all. */
struct filter {
	const char *id;		  /* class, or a list "M1,M2" */
	int malicious, background, resolver_side, ns_flux;
	double min_rate, max_rate; /* questions an hour; 0: any */
};
#define FILTER_CLASS(c) { .id = (c), .malicious = -1, .background = 0, .resolver_side = -1, .ns_flux = -1 }

bool filter_takes(const struct filter *f, const struct outcome *o);
size_t rate_count(const struct results *r, const struct filter *f);
/* Share that reached @c within @minutes (0: ever in the span); NAN without instances. */
double rate_recall(const struct results *r, const struct filter *f, enum confidence c,
		   double minutes);
double rate_standing(const struct results *r, const struct filter *f, enum confidence c);
double rate_baseline(const struct results *r, const struct filter *f, enum baseline b);
double rate_named(const struct results *r, const struct filter *f, enum verdict v);
/* Quantile of the minutes to @c, or of the fresh sets at medium; NAN when none reached it. */
double rate_minutes(const struct results *r, const struct filter *f, enum confidence c, double q);
double rate_sets(const struct results *r, const struct filter *f, double q);
/* Until a third address was answered, for one name of an instance or for any of them: what moves
 * slowly can be known for it no sooner. */
double rate_third(const struct results *r, const struct filter *f, bool of_any, double q);
/* The least, or largest (@upper), mean of a Poisson variable that makes @k or more, or @k or
 * fewer, happen 25 times in 1000: together the exact 95 % interval. */
double rate_poisson(uint32_t k, bool upper);
/* Alerts that came up to @c while learning (@learned 0) or afterwards (1), for each million days
 * of names; and those days. */
double rate_false(const struct results *r, const struct filter *f, int learned, enum confidence c,
		  double *ret_days, uint32_t *ret_alerts);

/* The share of what alerts name that is right, and of what there was that they name (no more than
 * @room can be); NAN without any. */
struct shares {
	double precision, recall;
};
struct shares rate_hosts(const struct results *r, const struct filter *f, uint32_t room);
struct shares rate_processes(const struct results *r, const struct filter *f, uint32_t room);
struct shares rate_servers(const struct results *r, const struct filter *f, uint32_t room);
double rate_networks(const struct results *r, const struct filter *f);
/* Quantile of the error of the stated number of addresses, or of effective ASes, as a share. */
double rate_error(const struct results *r, const struct filter *f, bool asns, double q);

#endif
