/* SPDX-License-Identifier: BSD-2-Clause */
/* Distinct addresses, ASes, prefixes and countries of a set that grows. */
#ifndef TRAFFIC_BAG_H
#define TRAFFIC_BAG_H

#include "libnet.h"

struct bag {
	uint64_t *keys; /* 0: free */
	uint32_t *counts;
	struct ip_addr *addrs; /* in order of arrival */
	size_t cap, used, addrs_cap;
	uint32_t addresses, asns, p24, p16, countries, cdn;
	double p16_nlogn; /* sum of n ln n over the /16s, n addresses in each */
};

/* True when the address is new. Without memory nothing is added. */
bool bag_add(struct bag *b, const struct net *net, const struct ip_addr *addr);
bool bag_has(const struct bag *b, const struct ip_addr *addr);
void bag_clear(struct bag *b); /* keeps its memory */
void bag_fini(struct bag *b);
/* Entropy of the /16s over log n, FluxBuster's measure; 0 below two addresses. */
double bag_h16(const struct bag *b);
double bag_holz(const struct bag *b); /* 1.32 nA + 18.54 nASN */

#endif
