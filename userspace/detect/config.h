/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every detect.* key.  The name of a field is the name of its key, except that times are given
 * in the unit of the key's suffix here and there alike (_s seconds, _h hours, _d days), and that
 * `home_networks` and `memory_bytes` come from the top-level keys home_networks and
 * limits.memory.  Lists are borrowed: the strings outlive the detector, or the next
 * detector_reconfigure().
 */
#ifndef DETECT_CONFIG_H
#define DETECT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_list {
	const char *const *items; /* NULL when empty */
	size_t len;
};

struct detect_config {
	/* verdicts: scores are log-odds, see docs/detection.md */
	double low_score; /* 0: above it a name is worth showing (low) */
	double medium_score; /* 2: above it a verdict is raised */
	double high_score; /* 4 */
	uint32_t medium_sets; /* 4: fresh sets needed before the detector may speak at all */
	uint32_t high_sets; /* 8: fresh sets needed for high */
	uint32_t high_hold_s; /* 600: time above high_score before high is stated */
	uint32_t cold_start_h; /* 24: after the first start, at most medium without NS or connect
				* evidence; 0: no cap */
	uint32_t downgrade_h; /* 6: below the level for this long: downgraded */
	uint32_t update_s; /* 30: least time between two updates of one alert */
	const char *min_confidence; /* "medium": alerts below it are not emitted (explain and top
				     * still show them): "low", "medium" or "high" */
	double watch_score; /* -2: connections of candidates above it are wanted */

	/* windows */
	uint32_t window_h; /* 24: of the fast track */
	uint32_t slow_window_d; /* 14: of the slow track */
	uint32_t slow_span_h; /* 8: least observed span for a slow-flux verdict */
	uint32_t keep_d; /* 90: learned state unused for this long is forgotten */
	uint32_t established_d; /* 7: age from which a registered domain may count as established */
	uint32_t established_days; /* 3: and on how many different days it must have been seen */
	uint32_t hosting_domains; /* 20: established domains that make an AS a hosting one */

	/* tables: entries; 0: derived from memory_bytes */
	uint64_t memory_bytes; /* limits.memory, 64 MiB: all tables of the detector together */
	uint32_t max_names; /* name and type, 128 bytes each */
	uint32_t max_candidates; /* changing names under examination */
	uint32_t max_domains; /* registered domains: age, popularity */
	uint32_t max_addresses;
	uint32_t max_zones; /* name server sets */
	uint32_t names_per_domain; /* 256: further names of one registered domain are folded */

	bool learning; /* true: learn ages, popularity, hosting networks */

	/* addresses */
	struct config_list
		home_networks; /* top-level key; CIDRs: answers from them raise home_nodes */
	struct config_list count_special; /* CIDRs that count although not globally reachable */

	/* files, one entry a line (docs/detection.md, "Lists") */
	struct config_list allow_lists; /* cap at low, with constraint, reason and expiry */
	struct config_list deny_lists; /* raised at once when answered or looked up */
	struct config_list home_lists; /* CIDRs, like home_networks */
	struct config_list suffix_lists; /* CDN and dynamic-DNS suffixes: only cap at low */
};

/* Defaults as stated above; lists empty. */
struct detect_config detect_config_default(void);

/*
 * Are the values usable together? 0, or -EINVAL with the key in *ret_key and why in *ret_why
 * (static strings). Prefix lists are checked too.
 */
int detect_config_check(const struct detect_config *cfg, const char **ret_key,
			const char **ret_why);

#endif
