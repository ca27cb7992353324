/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The authoritative side of one domain: which addresses it answers with at a time.  Pools age
 * lazily: a member is replaced when it is looked at after its end.
 */
#ifndef TRAFFIC_AUTHORITY_H
#define TRAFFIC_AUTHORITY_H

#include "libworld.h"

#define SECOND_NS 1000000000ULL
#define HOUR_NS	  (3600 * SECOND_NS)
#define DAY_NS	  (24 * HOUR_NS)

struct answer {
	uint32_t ttl_s, len;
	struct ip_addr addr[ANSWER_MAX];
};

struct member {
	struct ip_addr addr;
	uint64_t until_ns; /* 0: for ever */
	uint32_t uses;
};

struct authority {
	const struct profile *profile;
	struct world *world;
	struct random rng;
	uint64_t salt;		/* of slot choices */
	struct provider *provider, *decoy;
	const struct as_info **ases;
	uint32_t ases_len, provider_first, provider_span; /* ASes of the provider in use */
	struct member *pool;
	uint32_t pool_len, answers, ttl_s, sets, networks;
	uint64_t slot_ns, life_ns, phase_ns, next_ns, move_ns;
	uint32_t drawn, turned; /* addresses drawn; members that served their uses */
	bool v6;
	uint8_t local_kind;	/* CHOOSE_LOCAL: 0 list, 1 private, 2 sinkhole, 3 parking */
	/* name servers */
	enum nameservers ns_kind;
	struct dns_name ns[NS_MAX];
	struct ip_addr ns_addr[NS_MAX];
	uint32_t ns_len, ns_ttl_s, ns_generation;
	uint64_t ns_next_ns;
	bool ns_renames, minimal; /* answers without authority section */
};

/*
 * @zone is the registered domain. @start_ns: the first instant it is asked for. @shared_zone: its
 * name servers are those of the site's first hosting company, as for all that share it.
 */
int authority_init(struct authority *a, const struct profile *profile, struct world *world,
		   struct random *r, const struct dns_name *zone, uint64_t start_ns, bool shared_zone);
void authority_fini(struct authority *a);

/* @label: which of the zone's many names (CHOOSE_LABELS); 0 otherwise. */
void authority_answer(struct authority *a, uint64_t now_ns, uint32_t label, struct answer *ret);
/* Bring ns, ns_addr and ns_len up to @now_ns. */
void authority_nameservers(struct authority *a, uint64_t now_ns, const struct dns_name *zone);

#endif
