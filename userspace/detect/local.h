/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is normal here: how long a registered domain has been seen and by how many, which
 * addresses serve several of the established ones, which networks host them, where their CNAMEs
 * lead and who serves their zones.  Learned from traffic, kept across restarts, forgotten after
 * keep_d days without use.  It only ever speaks for a name, never against it, except by age.
 *
 * Poisoning: a domain is established after established_d days of which it was seen on
 * established_days; not while it is flagged (a verdict names it, or shares its addresses).
 */
#ifndef DETECT_LOCAL_H
#define DETECT_LOCAL_H

#include "base/hash.h"
#include "base/ip.h"
#include "base/table.h"
#include "detect/config.h"

struct local_domain {
	uint64_t key;
	uint64_t clients[2]; /* sketches: this week, last week */
	uint64_t fanin;	     /* established domains whose CNAMEs lead here */
	uint64_t sources;    /* all of those, established or not */
	uint64_t zones;	     /* registered domains whose name servers are here */
	uint64_t members;    /* addresses of its small sets (wildcard aggregate) */
	uint64_t ns_domain;  /* registered domain of one of its name servers; 0 not seen */
	uint32_t first_s, last_s;
	uint32_t days;	     /* bit i: seen i days before last_day */
	uint32_t flagged_s;  /* flagged until */
	uint32_t aggregate;  /* candidate of the aggregate, index + 1 */
	uint16_t last_day, week;
	uint16_t names, small, changes;
	uint16_t stays; /* names asked again that answered the same */
};

struct local_address {
	uint64_t key;
	uint64_t domains, established; /* sketches of registered domains that use it */
	uint32_t last_s;
	uint32_t candidates[2];	       /* latest that use it, index + 1 */
	uint32_t unused;
};

struct local_as {
	uint64_t key;
	uint64_t domains[2]; /* established; two sketches: 18 % error */
	uint32_t asn, last_s;
};

struct local {
	const struct detect_config *cfg;
	struct hash_key key;	/* of every hash that is kept: saved with the state */
	struct table *domains, *addresses, *ases;
	uint64_t start_s;	/* learning began; 0: nothing heard yet */
	uint64_t since_s;	/* this run began */
};

struct local_sizes {
	size_t domains, addresses, ases;
};

int local_init(struct local *l, const struct detect_config *cfg, const struct hash_key *key,
	       const struct local_sizes *sizes);
void local_fini(struct local *l);

struct local_domain *local_domain(struct local *l, uint64_t domain, uint32_t now_s);
struct local_domain *local_domain_get(const struct local *l, uint64_t domain);
/* The domain was answered to a client not counted yet, or for the first time on a day. */
void local_domain_seen(struct local *l, struct local_domain *d, uint32_t client, uint32_t now_s);

bool local_is_established(const struct local *l, const struct local_domain *d, uint32_t now_s);
/*
 * May its CNAMEs and networks be learned from? Established domains; in the first days, before any
 * can be, also what is in use and not flagged: a network's habits are there from the start.
 */
bool local_is_trusted(const struct local *l, const struct local_domain *d, uint32_t now_s);
/* A verdict names the domain; @sure: with high confidence. */
void local_flag(const struct local *l, struct local_domain *d, bool sure, uint32_t now_s);
/* Distinct clients of this and last week. */
double local_popularity(const struct local_domain *d);
/*
 * Days since the domain was first seen. *ret_known is false when it may be older than that: it
 * was there when learning began or soon after.
 */
double local_age_days(const struct local *l, const struct local_domain *d, uint32_t now_s,
		      bool *ret_known);

/* 1 when learning begins, 0 once what is in daily use here has been met. */
double local_unlearned(const struct local *l, uint32_t now_s);

/* @domain uses @addr; @asn: its AS, when that is to be learned, else 0. */
struct local_address *local_address_used(struct local *l, uint64_t hash, uint64_t domain,
					 bool established, uint32_t asn, uint32_t now_s);
struct local_address *local_address_get(const struct local *l, uint64_t hash);
/* Established domains in the AS, estimated. */
double local_as_domains(const struct local *l, uint32_t asn);

void local_age_out(struct local *l, uint32_t now_s);

/* One file, state.bin, in @dir. See detector.h. */
int local_save(const struct local *l, const char *dir);
int local_load(struct local *l, const char *dir);

#endif
