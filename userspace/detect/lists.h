/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of the operator: plain files, one entry a line, '#' begins a comment.
 *
 *	cdn.example		asn=64496,64497 port=443 ttl>=60  expires=2027-01-31  our CDN
 *	*.dyn.example		reason for people
 *
 * First the name: it stands for itself and everything below ("*." in front says the same).
 * Then constraints in any order: asn= (every known origin must be one of these), port= (every
 * connection's port must be), ttl>= (seconds), expires= (UTC date, the last day on which it
 * holds).  The rest is the reason.  Home lists hold prefixes instead of names.
 */
#ifndef DETECT_LISTS_H
#define DETECT_LISTS_H

#include "base/hash.h"
#include "base/ip.h"
#include "detect/config.h"
#include "dns/name.h"

#define LIST_VALUES 8
#define LIST_REASON 96

enum list_kind { LIST_ALLOW, LIST_DENY, LIST_SUFFIX };

struct list_entry {
	uint64_t hash;
	struct dns_name name;
	enum list_kind kind;
	uint32_t asns[LIST_VALUES];
	uint16_t ports[LIST_VALUES];
	uint8_t asns_len, ports_len;
	uint32_t ttl_min_s;
	uint32_t expires_s; /* Unix time; 0: never */
	char reason[LIST_REASON];
};

struct lists {
	struct list_entry *entries; /* ordered by hash, then kind */
	size_t len, cap;
	struct ip_prefix *home, *special;
	size_t home_len, special_len;
};

/*
 * Read all lists of @cfg. On a fault: logged with file and line (or key), -EINVAL or the errno
 * of the file, and *l is left as it was.
 */
int lists_load(struct lists *l, const struct detect_config *cfg);
void lists_fini(struct lists *l);

/* The entry of @kind for the longest suffix of @name that holds at @now_s; NULL without. */
const struct list_entry *lists_find(const struct lists *l, enum list_kind kind,
				    const struct dns_name *name, uint32_t now_s);

bool lists_is_home(const struct lists *l, const struct ip_addr *addr);
/* Global unicast, or in count_special. */
bool lists_counts(const struct lists *l, const struct ip_addr *addr);

#endif
