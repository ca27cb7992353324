/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TRAFFIC_BASELINE_INTERNAL_H
#define TRAFFIC_BASELINE_INTERNAL_H

#include "libbag.h"
#include "libbaseline.h"

enum { RESPONSE_MAX = 64 };

struct tracked {
	struct judged judged;
	struct bag day, zeek, previous, hour, half_day, five;
	uint64_t previous_sum, expiry_ns, zeek_ns, hour_ns, half_day_ns;
	uint32_t ttl_max, previous_ttl_s, hour_changes, hour_responses, half_day_responses;
	uint32_t rounds, five_changes, five_ttl_s;
	double hour_ttl_s, half_day_ttl_s;
};

struct tracked_slot {
	uint64_t key;
	struct tracked *tracked;
};

struct baselines {
	const struct net *net;
	struct tracked **all; /* by first sight */
	struct tracked_slot *index;
	size_t len, cap;
	struct bag set, scratch;
	const struct ip_addr *answers[RESPONSE_MAX]; /* of the response in hand */
	size_t answers_len;
};

int baselines_grow(struct baselines *b);
size_t baselines_slot(const struct baselines *b, uint64_t key);

#endif
