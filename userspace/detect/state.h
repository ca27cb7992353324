/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of the detector: its state and the calls between its parts. */
#ifndef DETECT_STATE_H
#define DETECT_STATE_H

#include "churn/names.h"
#include "churn/zones.h"
#include "detect/candidate.h"
#include "detect/config.h"
#include "detect/detector.h"
#include "detect/lists.h"
#include "detect/local.h"

#define DAY_S	   86400U
#define TAKEOVER_S 1800U /* between two addresses that follow one another slowly */
#define SLOW_SET   3 /* addresses at a time, at most */
#define NS	   1000000000ULL

#define FINDINGS_MAX 1024
#define LOSSES_MAX   8

/*
 * A verdict with its life: one a cluster of names that share addresses.  The leader is the
 * member with the highest score; it lends the alert its name and evidence.
 */
struct finding {
	bool used, raised;
	enum verdict verdict; /* as last stated */
	enum confidence confidence; /* as last stated, uncapped */
	uint32_t leader, first_member, members;
	uint64_t alert_ns; /* of the last alert */
	uint64_t below_ns; /* under the level since; 0: above */
	uint64_t due_ns; /* to be looked at again; 0: with the next hour */
	uint32_t reported_distinct, reported_members, reported_peers, reported_home;
};

struct transaction { /* a response seen moments ago */
	uint64_t key, identity;
	uint32_t time_s;
	uint32_t unused;
};
#define TRANSACTIONS 16384U

struct suffix_entry { /* domain_len octets of registered domain under a parent */
	uint32_t key;
	uint8_t domain_len; /* 0: free */
	uint8_t unused[3];
};
#define SUFFIXES 16384U

struct watch_entry {
	uint64_t key;
	struct ip_addr addr;
	uint32_t refs;
	uint32_t unused;
};

/* Finds the candidate again when the entry of its name had to make room. */
struct candidate_ref {
	uint64_t key;
	uint64_t index1;
};

/* Entries of a new name are asked for their candidate, which nearly none has: bits of the keys that
 * ever were in by_key, closer than that. */
#define CANDIDATE_BITS (1U << 16)

struct peer_ports { /* peers of one host on one port that no answer explains */
	uint64_t key, peers;
};

struct loss {
	uint64_t from_ns, to_ns;
};

struct detector {
	struct detect_config cfg;
	struct enrich *enrich;
	struct hash_key key;
	struct detector_ops ops;
	void *ctx;
	uint64_t now_ns; /* largest input time */
	uint32_t now_s;
	uint64_t next_check_ns, next_age_ns;
	uint64_t mix[2]; /* secret of the address hashes */

	struct lists lists;
	struct names *names;
	struct local local;
	struct candidates candidates;
	struct contact_pool contacts;
	struct table *by_key, *zones, *watched, *peers;
	uint64_t had_candidate[CANDIDATE_BITS / 64];
	struct transaction *transactions;
	struct suffix_entry suffixes[SUFFIXES];
	struct finding findings[FINDINGS_MAX];
	struct loss losses[LOSSES_MAX];
	uint32_t losses_len;
	uint64_t findings_full;
	bool connects_visible;
	struct detector_stats stats;
	struct alert scratch;
	struct names_result result;
};

/* keys.c: identities */
/*
 * Identity of an address, or of the /64 of an IPv6 one: a customer owns a /64 whole.  A secret
 * permutation is enough here and four times as fast as the keyed hash: without mix[] nobody can
 * say which addresses have small values.
 */
static inline uint64_t unit_hash(const struct detector *d, const struct ip_addr *addr)
{
	uint64_t hi, lo;

	memcpy(&hi, addr->b, 8);
	memcpy(&lo, addr->b + 8, 8);
	if (hi)
		lo = 0;
	return hash_nonzero(hash_mix(hash_mix(hi ^ d->mix[0]) + lo + d->mix[1]));
}
uint64_t name_key(const struct detector *d, const uint8_t *wire, size_t len);
/* The same of a whole name of @obs. */
static inline uint64_t obs_key(const struct detector *d, const struct dns_observation *obs,
			       const struct dns_name *name)
{
	return dns_observation_hash(obs, &d->key, name);
}
static inline uint64_t typed_key(uint64_t key, uint16_t type)
{
	return hash_nonzero(hash_mix(key + type));
}
uint64_t aggregate_key(uint64_t domain);
uint32_t asn_of(struct detector *d, const struct ip_addr *addr);

/* observe.c: an RRset of a name */
struct observed { /* one response, prepared */
	const struct dns_observation *obs;
	uint32_t server, client; /* tags */
	struct rrset rrset;
	uint64_t target; /* registered domain of the terminal owner, for a query name */
	bool foreign; /* reached by a CNAME from another registered domain */
	bool injected;
};
/* @name_hash: name_key() of the name. */
void observe_name(struct detector *d, const struct dns_name *name, uint64_t name_hash,
		  const struct observed *o);
/* Where the registered domain begins in @name. */
uint8_t domain_offset(struct detector *d, const struct dns_name *name);
/* The same, and name_key() of the domain. */
uint64_t registered_domain(struct detector *d, const struct dns_name *name, uint8_t *ret_off);
struct dns_name domain_name(const struct dns_name *name, uint8_t off);

/* candidates' life, promote.c */
const struct sample_ops *candidate_sample_ops(struct detector *d);
/* Fill a zeroed candidate from what the entry remembers. */
void candidate_begin(struct detector *d, struct candidate *c, const struct dns_name *name,
		     const struct churn_name *e, uint16_t type, const struct names_result *res);
/* @res: the response that earned it; what it added is left for the caller to add. */
uint32_t promote(struct detector *d, const struct dns_name *name, struct churn_name *e,
		 uint16_t type, const struct names_result *res);
/* The same name's candidate of the other address family; NULL without. */
struct candidate *candidate_twin(struct detector *d, const struct candidate *c);
void candidate_evict(void *ctx, uint32_t index1);
void watch_candidate(struct detector *d, struct candidate *c, bool on);
void watch_address(struct detector *d, const struct ip_addr *addr, uint64_t hash, bool on);

/* aggregate.c: names of a registered domain taken together */
void aggregate_observe(struct detector *d, const struct dns_name *name, uint8_t domain_off,
		       struct local_domain *dom, const struct observed *o, bool is_news,
		       bool has_candidate);

/* nameservers.c */
void observe_nameservers(struct detector *d, const struct dns_observation *obs, uint32_t server);
struct ns_view { /* what is known of the name servers of a name's zone */
	bool visible;
	const struct churn_name *rest; /* the NS set at rest */
	struct zone *zone; /* only once it changed */
};
struct ns_view nameservers_of(struct detector *d, const struct candidate *c);

/* features.c, score.c */
void evaluate(struct detector *d, struct candidate *c, uint32_t now_s);
double best_known(const struct candidate *c); /* the score that decides, as last computed */
bool is_double_flux(const struct evaluation *e);
void features(struct detector *d, struct candidate *c, uint32_t now_s);
double score_of(const struct evaluation *e, enum track track, double cluster);

/* finding.c */
void finding_review(struct detector *d, uint32_t index1);
void finding_leave(struct detector *d, uint32_t index1);
void findings_check(struct detector *d, uint64_t now_ns);
void finding_schedule(struct detector *d, struct finding *f, uint64_t due_ns);
/* The confidence that may be stated: cold start, allow and suffix lists; why in @ret_why. */
struct cap {
	enum confidence confidence;
	bool mismatch; /* an allow entry's constraint failed */
	const struct list_entry *entry;
};
struct cap confidence_cap(struct detector *d, const struct candidate *c, uint64_t now_ns);

/* evidence.c */
void evidence_fill(struct detector *d, const struct candidate *c, const struct finding *f,
		   uint64_t now_ns, struct alert *ret);
uint32_t home_nodes_of(const struct detector *d, const struct candidate *c, struct ip_addr *ret,
		       uint32_t max);
uint32_t peers_of(const struct detector *d, const struct candidate *c);

#endif
