// SPDX-License-Identifier: BSD-2-Clause
#include "report/signature.h"

static const char bad_traffic[] = "Potentially Bad Traffic";
static const char misc_activity[] = "Misc activity";

/* Append only: an id keeps its meaning. */
static const struct signature by_verdict[] = {
	[VERDICT_NONE] = { 1568000, "FLUXTAP domain under observation", misc_activity },
	[VERDICT_SINGLE_FLUX] = { 1568001,
				  "FLUXTAP single-flux domain: its addresses rotate through many networks",
				  bad_traffic },
	[VERDICT_DOUBLE_FLUX] = { 1568002,
				  "FLUXTAP double-flux domain: addresses and name servers rotate",
				  bad_traffic },
	[VERDICT_SLOW_FLUX] = { 1568003,
				"FLUXTAP slow-flux domain: one address after another, none returns",
				bad_traffic },
	[VERDICT_WILDCARD_FLUX] = { 1568004,
				    "FLUXTAP wildcard-flux domain: many names share rotating addresses",
				    bad_traffic },
	[VERDICT_SUSPECTED_POOL] = { 1568005,
				     "FLUXTAP suspected pool: many addresses of unknown purpose, reused",
				     misc_activity },
};

static const struct signature home_node = {
	1568006, "FLUXTAP own address among the addresses of a suspected flux domain",
	"A Network Trojan was detected"
};

const struct signature *signature_of(const struct alert *alert)
{
	if (alert->is_home_node_alert)
		return &home_node;
	if ((unsigned int)alert->verdict >= sizeof(by_verdict) / sizeof(by_verdict[0]))
		return &by_verdict[VERDICT_NONE];
	return &by_verdict[alert->verdict];
}

unsigned int signature_severity(const struct alert *alert)
{
	if (alert->verdict == VERDICT_SUSPECTED_POOL && !alert->is_home_node_alert)
		return 3;
	switch (alert->confidence) {
	case CONFIDENCE_HIGH:
		return 1;
	case CONFIDENCE_MEDIUM:
		return 2;
	default:
		return 3;
	}
}
