// SPDX-License-Identifier: BSD-2-Clause
#include "churn/zones.h"

unsigned int zone_name_seen(struct zone *z, const struct dns_name *name, uint64_t hash,
			    uint32_t now_s)
{
	unsigned int at = 0;

	for (unsigned int i = 0; i < z->names_len; i++) {
		if (z->names[i].hash == hash) {
			z->names[i].last_s = now_s;
			return i;
		}
		if (z->names[i].last_s < z->names[at].last_s)
			at = i;
	}
	if (z->names_len < ZONE_NAMES)
		at = z->names_len++;
	z->names[at].hash = hash;
	z->names[at].first_s = z->names[at].last_s = now_s;
	z->names[at].name = *name;
	return at;
}
