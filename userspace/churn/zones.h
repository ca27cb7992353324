/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Name servers of zones whose NS set or glue changes.  Zones at rest live in the table of names
 * (an entry of type NS, and one of type NAMES_GLUE); a zone gets a record here with its first
 * change.  Bounded: CLOCK eviction, counted by the table.
 */
#ifndef CHURN_ZONES_H
#define CHURN_ZONES_H

#include "base/table.h"
#include "churn/sample.h"
#include "dns/name.h"

#define ZONE_NAMES 16

struct zone_name {
	uint64_t hash;
	uint32_t first_s, last_s;
	struct dns_name name;
};

struct zone {
	uint64_t key;
	uint32_t first_s, last_s, change_s;
	uint32_t glue_ttl_s, ns_ttl_s; /* largest heard */
	uint32_t ns_changes, glue_changes, glue_sets;
	uint32_t names_len;
	struct zone_name names[ZONE_NAMES]; /* latest ones */
	struct sample glue; /* slot.tag: index into names */
};

/* Note that @name serves the zone now; returns its place, where the one not seen longest goes. */
unsigned int zone_name_seen(struct zone *z, const struct dns_name *name, uint64_t hash,
			    uint32_t now_s);

#endif
