/* SPDX-License-Identifier: BSD-2-Clause */
/* What a fresh RRset changed for a name: the value behind the "churn" event. Borrowed. */
#ifndef CHURN_CHANGE_H
#define CHURN_CHANGE_H

#include "base/ip.h"
#include "dns/name.h"

enum churn_kind { CHURN_FIRST, CHURN_CHANGED, CHURN_RETURNED };

struct churn_change {
	uint64_t time_ns;
	enum churn_kind kind;
	const struct dns_name *rrname;
	uint16_t rrtype; /* A, AAAA or NS */
	/* A, AAAA: addresses; NS: names. One pair of lists is empty. */
	const struct ip_addr *added, *removed;
	size_t added_len, removed_len;
	const struct dns_name *added_names, *removed_names;
	size_t added_names_len, removed_names_len;
	uint32_t set_size, distinct;
	uint32_t ttl_s;
};

#endif
