// SPDX-License-Identifier: BSD-2-Clause
#include "detect/signature.h"

#define MALWARE "A Network Trojan was detected"
#define MISC	"Misc activity"

static const struct signature signatures[] = {
	[VERDICT_NONE] = { 5300000, 1, "FLUXTAP name under examination", MISC },
	[VERDICT_SINGLE_FLUX] = { 5300001, 1, "FLUXTAP single-flux domain", MALWARE },
	[VERDICT_DOUBLE_FLUX] = { 5300002, 1, "FLUXTAP double-flux domain", MALWARE },
	[VERDICT_SLOW_FLUX] = { 5300003, 1, "FLUXTAP slow-flux domain", MALWARE },
	[VERDICT_WILDCARD_FLUX] = { 5300004, 1, "FLUXTAP wildcard-flux domain", MALWARE },
	[VERDICT_SUSPECTED_POOL] = { 5300005, 1, "FLUXTAP address pool of unknown purpose", MISC },
	[VERDICT_DENIED] = { 5300006, 1, "FLUXTAP name on a deny list", MALWARE },
};

static const struct signature home_node = { 5300010, 1,
					    "FLUXTAP home network address serves a flux domain",
					    MALWARE };

const struct signature *verdict_signature(const struct alert *alert)
{
	return alert->is_home_node_alert ? &home_node : &signatures[alert->verdict];
}

int alert_severity(const struct alert *alert)
{
	if (alert->is_home_node_alert || alert->confidence == CONFIDENCE_HIGH)
		return 1;
	return alert->confidence == CONFIDENCE_MEDIUM ? 2 : 3;
}

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = {
		[VERDICT_NONE] = "none",
		[VERDICT_SINGLE_FLUX] = "single-flux",
		[VERDICT_DOUBLE_FLUX] = "double-flux",
		[VERDICT_SLOW_FLUX] = "slow-flux",
		[VERDICT_WILDCARD_FLUX] = "wildcard-flux",
		[VERDICT_SUSPECTED_POOL] = "suspected-pool",
		[VERDICT_DENIED] = "deny-listed",
	};

	return names[v];
}

const char *confidence_name(enum confidence c)
{
	static const char *const names[] = { "none", "low", "medium", "high" };

	return names[c];
}

const char *alert_state_name(enum alert_state s)
{
	static const char *const names[] = { "raised", "updated", "downgraded" };

	return names[s];
}
