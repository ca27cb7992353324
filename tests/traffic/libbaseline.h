/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Published and customary rules, scored on the same responses as the detector.  Constants are
 * those of the sources: Holz et al. (NDSS 2008) through the public Zeek scripts, Stalmans'
 * ffanalyse, FluxBuster's candidate filter, distance and shipped decision tree, the edgedns
 * documentation, a common default configuration of DNS anomaly modules.
 */
#ifndef TRAFFIC_BASELINE_H
#define TRAFFIC_BASELINE_H

#include "dns/observation.h"
#include "libnet.h"

enum baseline {
	BASE_NAIVE5,	 /* >= 5 addresses in all, TTL <= 300 */
	BASE_NAIVE10,
	BASE_HOLZ2,	 /* union of two look-ups, the second after expiry */
	BASE_HOLZ24,	 /* union of 24 h */
	BASE_ZEEK,	 /* score times ASN share; state idle for 31 min is dropped */
	BASE_STALMANS,	 /* one response, modified Holz */
	BASE_JAROSLAW,	 /* one response, Jaroslaw/Patrycja */
	BASE_RULE,	 /* one response, the third rule of ffanalyse */
	BASE_OSS,	 /* >= 5 addresses, mean TTL <= 300, >= 5 changes, >= 3 ASNs within an hour */
	BASE_FLUXBUSTER, /* candidate filter over 12 h, per name */
	BASE_FLUXCLUSTER,/* the candidates clustered, clusters judged by the shipped tree */
	BASE_EDGEDNS,	 /* min TTL < 300, rotation, > 1 address, not mostly CDN, five rounds */
	BASE_COUNT
};

extern const char *const baseline_names[BASE_COUNT];

/* What one name showed. */
struct judged {
	struct dns_name name;
	uint32_t instance;	       /* index at the site */
	uint64_t first_ns;
	uint64_t fired_ns[BASE_COUNT]; /* 0: never */
	double naive, holz24, zeek;    /* largest scores, for ROC */
};

struct baselines;

int baselines_new(const struct net *net, struct baselines **ret);
void baselines_free(struct baselines *b);
void baselines_response(struct baselines *b, const struct dns_observation *obs, uint32_t instance);
/* Cluster what passed the filter; call once, at the end. */
void baselines_finish(struct baselines *b, uint64_t now_ns);
/* The names, in the order they were first seen. */
size_t baselines_count(const struct baselines *b);
const struct judged *baselines_get(const struct baselines *b, size_t i);

#endif
