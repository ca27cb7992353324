/* SPDX-License-Identifier: BSD-2-Clause */
/* Many sites, in as many processes as allowed, their outcomes in one array. */
#ifndef TRAFFIC_SUITE_H
#define TRAFFIC_SUITE_H

#include "libverdict.h"

struct suite {
	const char *name, *title;
	struct trial trial;	/* the pattern; index and vantage differ by site */
	uint32_t sites;
	double resolver_share;	/* of the sites */
	uint32_t jobs;
};

struct results {
	struct outcome *outcomes;
	size_t len;
	struct site_totals *sites;
	size_t sites_len;
};

/* Sites are in order of their index whatever the number of processes. */
int suite_run(const struct suite *suite, struct results *ret);
void results_free(struct results *r);

#endif
