/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One DNS response as the analysis sees it, whatever it came from: a ring record, a capture
 * file, a Zeek or EVE log.  Borrowed: valid only during the call it is passed to.
 */
#ifndef DNS_OBSERVATION_H
#define DNS_OBSERVATION_H

#include "base/hash.h"
#include "base/ip.h"
#include "dns/name.h"

enum dns_section { DNS_ANSWER = 0, DNS_AUTHORITY = 1, DNS_ADDITIONAL = 2 };

/* The types the analysis reads (IANA DNS parameters); everything else stays in the message. */
enum { DNS_TYPE_A = 1, DNS_TYPE_NS = 2, DNS_TYPE_CNAME = 5, DNS_TYPE_AAAA = 28 };

struct dns_obs_record {
	const struct dns_name *owner;
	const struct dns_name *target; /* NS, CNAME; else NULL */
	struct ip_addr addr;	       /* A, AAAA; A as mapped IPv4 */
	uint32_t ttl_s;		       /* as sent; values over 2^31-1 count as 0 (RFC 2181 8) */
	uint16_t type;
	uint8_t section;	       /* enum dns_section */
};

struct dns_observation {
	uint64_t time_ns;	/* Unix time; of this response, or of the last repeat it stands for */
	struct ip_addr client;	/* who asked (destination of the response); unspecified if unknown */
	struct ip_addr server;	/* who answered; unspecified if unknown */
	uint16_t client_port, txid;
	uint16_t qtype, qclass;
	uint8_t rcode;
	bool tc, aa;
	bool has_txid;		/* logs may not carry one */
	bool forwarded;		/* seen on its way out of this machine to the client */
	bool has_authority;	/* the source can carry authority and additional sections */
	uint32_t repeats;	/* identical responses since the last, counted in the kernel */
	uint32_t folded;	/* responses for other names of the zone, counted in the kernel */
	uint32_t ttl_min, ttl_max; /* over this response and its repeats; 0 without */
	uint64_t first_ns;	/* time of the first of the repeats; 0 without */
	const struct dns_name *qname; /* NULL without a question */
	size_t records_len;
	const struct dns_obs_record *records; /* A, AAAA, NS, CNAME of class IN, wire order */
	/*
	 * Hashes of the names, each worked out once however many ask; name_hashes NULL: none are
	 * kept, 0: not asked for yet. For dns_observation_hash().
	 */
	const struct dns_name *names;
	size_t names_len;
	uint64_t *name_hashes;
	struct hash_key names_key;
};

/* The keyed hash of @name, never 0; kept when @name is one of @obs and @key is names_key. */
static inline uint64_t dns_observation_hash(const struct dns_observation *obs,
					    const struct hash_key *key,
					    const struct dns_name *name)
{
	uint64_t hash;
	size_t at;

	if (!obs->name_hashes || name < obs->names || name >= obs->names + obs->names_len ||
	    key->k0 != obs->names_key.k0 || key->k1 != obs->names_key.k1)
		return hash_nonzero(hash_keyed(key, name->wire, name->len));
	at = (size_t)(name - obs->names);
	hash = obs->name_hashes[at];
	if (!hash) {
		hash = hash_nonzero(hash_keyed(key, name->wire, name->len));
		obs->name_hashes[at] = hash;
	}
	return hash;
}

#endif
