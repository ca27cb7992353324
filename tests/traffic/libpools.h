/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small harmless pools in the first minutes: nothing learned, no connections seen, one pool at a
 * time with a detector of its own.  Answers hold 1 to 8 of 4 to 40 addresses, drawn anew each time
 * or one of fixed sets, TTL 5 to 300 s, asked for every 1 to 30 s.  Synthetic.
 */
#ifndef TRAFFIC_POOLS_H
#define TRAFFIC_POOLS_H

#include "enrich/enrich.h"
#include "libnet.h"

enum { POOLS_TIMES = 3 };
extern const double pools_times_s[POOLS_TIMES];

struct pools_sweep {
	uint32_t count, networks; /* networks: ASes a pool lies in; clouds up to two, else access */
	bool fixed; /* sets that stay together */
	bool both_sides; /* a gateway: what its resolver is told, and what it tells */
	uint64_t seed;
};

struct pools_share {
	double at_medium[POOLS_TIMES]; /* share of the pools, within so long */
};

struct pools_share pools_sweep(const struct pools_sweep *s, const struct net *net,
			       struct enrich *enrich);

#endif
