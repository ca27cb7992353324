// SPDX-License-Identifier: BSD-2-Clause
#include "report/ledger.h"

#include <stddef.h>

static uint64_t sum_reasons(const uint64_t *counters)
{
	uint64_t sum = 0;

	for (unsigned int i = FT_REASON_NONE + 1; i < FT_COUNTER_MAX; i++)
		sum += counters[i];
	return sum;
}

/* seen = not_dns + query + response */
static bool kernel_seen_holds(const struct ledger *l)
{
	return l->kernel[FT_STAGE_SEEN] == l->kernel[FT_STAGE_NOT_DNS] + l->kernel[FT_STAGE_QUERY] +
						   l->kernel[FT_STAGE_RESPONSE];
}

/* response = emitted + repeat + ring_full + shed + folded + sum(refused by reason) */
static bool kernel_response_holds(const struct ledger *l)
{
	return l->kernel[FT_STAGE_RESPONSE] ==
	       l->kernel[FT_STAGE_EMITTED] + l->kernel[FT_STAGE_REPEAT] +
		       l->kernel[FT_STAGE_RING_FULL] + l->kernel[FT_STAGE_SHED] +
		       l->kernel[FT_STAGE_FOLDED] +
		       sum_reasons(l->kernel);
}

static bool ring_holds(const struct ledger *l)
{
	return l->kernel[FT_STAGE_EMITTED] == l->consumed + l->in_ring;
}

static bool reassembly_holds(const struct ledger *l)
{
	const struct reassembly_stats *r = &l->reassembly;

	return r->records == r->passed + r->fragments + r->segments &&
	       l->consumed == r->records + l->malformed[FT_REASON_BAD_EVENT];
}

static bool messages_hold(const struct ledger *l)
{
	const struct reassembly_stats *r = &l->reassembly;

	return l->consumed + r->from_fragments + r->from_tcp ==
	       l->parsed + sum_reasons(l->malformed) + r->fragments + r->segments;
}

bool ledger_balanced(const struct ledger *l, const char **ret_which)
{
	static const struct {
		const char *name;
		bool (*holds)(const struct ledger *l);
	} sums[] = {
		{ "kernel_seen", kernel_seen_holds },
		{ "kernel_response", kernel_response_holds },
		{ "ring", ring_holds },
		{ "reassembly", reassembly_holds },
		{ "messages", messages_hold },
	};

	if (ret_which)
		*ret_which = NULL;
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		if (sums[i].holds(l))
			continue;
		if (ret_which)
			*ret_which = sums[i].name;
		return false;
	}
	return true;
}

bool ledger_kernel_balanced(const struct ledger *l)
{
	return kernel_seen_holds(l) && kernel_response_holds(l);
}
