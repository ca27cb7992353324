/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the names of a site have in common: hosting companies, content networks and clouds with
 * their addresses, CNAME domains and name servers.  Instances draw from them, so that sharing,
 * fan-in and hosting ASes arise instead of being assigned.
 */
#ifndef TRAFFIC_WORLD_H
#define TRAFFIC_WORLD_H

#include "dns/name.h"
#include "libnet.h"
#include "profile.h"

enum { NS_MAX = 4, PROVIDERS_MAX = 16, PROVIDER_ASES_MAX = 48, FAKE_POOL = 30 };

struct provider {
	struct dns_name domain; /* CNAME targets lie below it */
	struct dns_name ns[NS_MAX];
	struct ip_addr ns_addr[NS_MAX];
	uint32_t ns_len;
	const struct as_info *ases[PROVIDER_ASES_MAX];
	uint32_t ases_len;
	struct ip_addr *addrs; /* grouped by AS, per_as each */
	uint32_t per_as;
};

struct world {
	const struct net *net;
	enum split split;
	struct provider providers[PLACE_VOLUNTEER + 1][PROVIDERS_MAX]; /* by enum placement */
	uint32_t providers_len[PLACE_VOLUNTEER + 1];
	struct ip_addr fake[FAKE_POOL];	/* what a censor answers with */
	struct ip_addr parked;		/* where a registrar parks aged domains */
	struct ip_addr sinkhole;
};

int world_init(struct world *w, const struct net *net, uint64_t seed, uint32_t site,
	       enum split split);
void world_fini(struct world *w);

/* A provider for @place, the first ones more often than the last. NULL where there is none. */
struct provider *world_provider(struct world *w, struct random *r, enum placement place);

/* printf into a name; ends the program on a bad one (the formats are ours). */
struct dns_name name_make(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
