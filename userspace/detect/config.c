// SPDX-License-Identifier: BSD-2-Clause
#include "detect/config.h"

#include <errno.h>
#include <string.h>

#include "base/ip.h"

struct detect_config detect_config_default(void)
{
	struct detect_config cfg = {
		.low_score = 0.0,
		.medium_score = 2.0,
		.high_score = 4.0,
		.medium_sets = 4,
		.high_sets = 8,
		.high_hold_s = 600,
		.cold_start_h = 24,
		.downgrade_h = 6,
		.update_s = 30,
		.min_confidence = "medium",
		.watch_score = -2.0,
		.window_h = 24,
		.slow_window_d = 14,
		.slow_span_h = 8,
		.keep_d = 90,
		.established_d = 7,
		.established_days = 3,
		.hosting_domains = 20,
		.memory_bytes = 64ULL << 20,
		.names_per_domain = 256,
		.learning = true,
	};

	return cfg;
}

static const char *bad_prefix(const struct config_list *list)
{
	struct ip_prefix p;

	for (size_t i = 0; i < list->len; i++)
		if (ip_prefix_parse(list->items[i], &p))
			return list->items[i];
	return NULL;
}

int detect_config_check(const struct detect_config *cfg, const char **ret_key, const char **ret_why)
{
	const struct {
		bool bad;
		const char *key, *why;
	} rules[] = {
		{ !(cfg->low_score <= cfg->medium_score), "medium_score", "below low_score" },
		{ !(cfg->medium_score <= cfg->high_score), "high_score", "below medium_score" },
		{ cfg->medium_sets < 2, "medium_sets", "must be 2 or more" },
		{ cfg->high_sets < cfg->medium_sets, "high_sets", "below medium_sets" },
		{ !cfg->min_confidence || (strcmp(cfg->min_confidence, "low") != 0 &&
					   strcmp(cfg->min_confidence, "medium") != 0 &&
					   strcmp(cfg->min_confidence, "high") != 0),
		  "min_confidence", "must be low, medium or high" },
		{ cfg->window_h < 1 || cfg->window_h > 168, "window_h", "must be 1 to 168" },
		{ cfg->slow_window_d < 1 || cfg->slow_window_d > 90, "slow_window_d",
		  "must be 1 to 90" },
		{ cfg->slow_window_d * 24 < cfg->window_h, "slow_window_d", "below window_h" },
		{ cfg->keep_d < cfg->slow_window_d, "keep_d", "below slow_window_d" },
		{ cfg->names_per_domain < 8, "names_per_domain", "must be 8 or more" },
		{ cfg->memory_bytes < 1ULL << 20, "limits.memory", "below 1 MiB" },
		{ bad_prefix(&cfg->home_networks) != NULL, "home_networks",
		  "not a prefix, or host bits set" },
		{ bad_prefix(&cfg->count_special) != NULL, "count_special",
		  "not a prefix, or host bits set" },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!rules[i].bad)
			continue;
		*ret_key = rules[i].key;
		*ret_why = rules[i].why;
		return -EINVAL;
	}
	return 0;
}
