// SPDX-License-Identifier: BSD-2-Clause
#include "config/keys.h"

#include <string.h>

#include "config/config.h"

#define KIB 1024.0
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define SEC 1e9
#define DAY (86400 * SEC)

static const char *const capture_modes[] = {"auto", "native", "generic", "tc", NULL};
static const char *const capture_clients[] = { "off", "hosts", "all", NULL };
static const char *const connect_events[] = {"all", "candidates", "off", NULL};
static const char *const confidences[] = {"low", "medium", "high", NULL};
static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const event_types[] = {"dns",   "anomaly", "stats", "connect",
					  "churn", "alert",   NULL};

#define FIELD(member) offsetof(struct config, member), sizeof(((struct config *)NULL)->member)
#define RANGE(path, type, member, initial, min, max)               \
	{                                                          \
		path, type, FIELD(member), initial, min, max, NULL \
	}
#define PLAIN(path, type, member, initial) RANGE(path, type, member, initial, 0, 0)
#define WORDS(path, type, member, initial, words)               \
	{                                                       \
		path, type, FIELD(member), initial, 0, 0, words \
	}

const struct config_key config_keys[] = {
	PLAIN("interfaces", CONFIG_TEXTS, interfaces, ""),
	PLAIN("sensor", CONFIG_TEXT, sensor, ""),
	PLAIN("home_networks", CONFIG_NETWORKS, detect.home_networks, ""),

	PLAIN("dns.ports", CONFIG_PORTS, dns, "53"),

	WORDS("capture.mode", CONFIG_CHOICE, capture.mode, "auto", capture_modes),
	PLAIN("capture.egress", CONFIG_BOOL, capture.egress, "true"),
	RANGE("capture.ring_bytes", CONFIG_POW2, capture.ring_bytes, "16MiB", 64 * KIB, GIB),
	PLAIN("capture.filter", CONFIG_BOOL, capture.filter, "true"),
	RANGE("capture.filter_bytes", CONFIG_POW2, capture.filter_bytes, "32MiB", 64 * KIB, GIB),
	RANGE("capture.refresh", CONFIG_DURATION, capture.refresh_ns, "60s", 0, DAY),
	RANGE("capture.zone_names", CONFIG_COUNT, capture.zone_names, "1000", 0, 1000000),
	RANGE("capture.zone_denials", CONFIG_COUNT, capture.zone_denials, "100", 0, 1000000),
	WORDS("capture.clients", CONFIG_CHOICE, capture.clients, "hosts", capture_clients),
	PLAIN("capture.follow_tcp", CONFIG_BOOL, capture.follow_tcp, "true"),
	PLAIN("capture.follow_fragments", CONFIG_BOOL, capture.follow_fragments, "true"),

	RANGE("reassembly.max_fragments_bytes", CONFIG_SIZE, reassembly.max_fragments_bytes, NULL,
	      64 * KIB, GIB),
	RANGE("reassembly.max_tcp_streams", CONFIG_COUNT, reassembly.max_tcp_streams, NULL, 16,
	      1048576),
	RANGE("reassembly.max_tcp_bytes", CONFIG_SIZE, reassembly.max_tcp_bytes, NULL, 64 * KIB,
	      GIB),
	RANGE("reassembly.fragment_timeout", CONFIG_DURATION, reassembly.fragment_timeout_ns, NULL,
	      SEC / 10, 300 * SEC),
	RANGE("reassembly.tcp_timeout", CONFIG_DURATION, reassembly.tcp_timeout_ns, NULL, SEC / 10,
	      3600 * SEC),

	RANGE("correlate.max_addresses", CONFIG_COUNT, correlate.max_addresses, NULL, 64,
	      67108864),
	RANGE("correlate.keep", CONFIG_DURATION, correlate.keep_ns, NULL, SEC, 90 * DAY),
	RANGE("correlate.max_mappings", CONFIG_COUNT, correlate.max_mappings, NULL, 64, 67108864),
	RANGE("correlate.max_names", CONFIG_COUNT, correlate.max_names, NULL, 64, 67108864),
	RANGE("correlate.max_ties", CONFIG_COUNT, correlate.max_ties, NULL, 64, 67108864),

	RANGE("detect.low_score", CONFIG_NUMBER, detect.low_score, NULL, -50, 50),
	RANGE("detect.medium_score", CONFIG_NUMBER, detect.medium_score, NULL, -50, 50),
	RANGE("detect.high_score", CONFIG_NUMBER, detect.high_score, NULL, -50, 50),
	RANGE("detect.medium_sets", CONFIG_COUNT, detect.medium_sets, NULL, 2, 1000),
	RANGE("detect.high_sets", CONFIG_COUNT, detect.high_sets, NULL, 2, 1000),
	RANGE("detect.high_hold_s", CONFIG_COUNT, detect.high_hold_s, NULL, 0, 86400),
	RANGE("detect.cold_start_h", CONFIG_COUNT, detect.cold_start_h, NULL, 0, 2160),
	RANGE("detect.downgrade_h", CONFIG_COUNT, detect.downgrade_h, NULL, 0, 2160),
	RANGE("detect.update_s", CONFIG_COUNT, detect.update_s, NULL, 0, 86400),
	WORDS("detect.min_confidence", CONFIG_WORD, detect.min_confidence, NULL, confidences),
	RANGE("detect.watch_score", CONFIG_NUMBER, detect.watch_score, NULL, -50, 50),
	RANGE("detect.window_h", CONFIG_COUNT, detect.window_h, NULL, 1, 168),
	RANGE("detect.slow_window_d", CONFIG_COUNT, detect.slow_window_d, NULL, 1, 90),
	RANGE("detect.slow_span_h", CONFIG_COUNT, detect.slow_span_h, NULL, 1, 2160),
	RANGE("detect.keep_d", CONFIG_COUNT, detect.keep_d, NULL, 1, 3650),
	RANGE("detect.established_d", CONFIG_COUNT, detect.established_d, NULL, 1, 365),
	RANGE("detect.established_days", CONFIG_COUNT, detect.established_days, NULL, 1, 365),
	RANGE("detect.hosting_domains", CONFIG_COUNT, detect.hosting_domains, NULL, 1, 100000),
	RANGE("detect.max_names", CONFIG_COUNT, detect.max_names, NULL, 0, 268435456),
	RANGE("detect.max_candidates", CONFIG_COUNT, detect.max_candidates, NULL, 0, 268435456),
	RANGE("detect.max_domains", CONFIG_COUNT, detect.max_domains, NULL, 0, 268435456),
	RANGE("detect.max_addresses", CONFIG_COUNT, detect.max_addresses, NULL, 0, 268435456),
	RANGE("detect.max_zones", CONFIG_COUNT, detect.max_zones, NULL, 0, 268435456),
	RANGE("detect.names_per_domain", CONFIG_COUNT, detect.names_per_domain, NULL, 8, 65536),
	PLAIN("detect.learning", CONFIG_BOOL, detect.learning, NULL),
	PLAIN("detect.count_special", CONFIG_NETWORKS, detect.count_special, NULL),
	PLAIN("detect.allow_lists", CONFIG_TEXTS, detect.allow_lists, NULL),
	PLAIN("detect.deny_lists", CONFIG_TEXTS, detect.deny_lists, NULL),
	PLAIN("detect.home_lists", CONFIG_TEXTS, detect.home_lists, NULL),
	PLAIN("detect.suffix_lists", CONFIG_TEXTS, detect.suffix_lists, NULL),

	PLAIN("connect.enabled", CONFIG_BOOL, connect.enabled, "true"),
	WORDS("connect.events", CONFIG_CHOICE, connect.events, "all", connect_events),

	PLAIN("foreign.socket", CONFIG_PATHNAME, foreign.socket, ""),
	PLAIN("foreign.files", CONFIG_TEXTS, foreign.files, ""),

	PLAIN("enrich.asn", CONFIG_SOURCES, enrich.asn, "libloc"),

	PLAIN("store.enabled", CONFIG_BOOL, store.enabled, "true"),
	PLAIN("store.path", CONFIG_PATHNAME, store.path, "/var/lib/fluxtap/history.db"),
	RANGE("store.flush_interval", CONFIG_DURATION, store.flush_interval_ns, "5s", SEC / 10,
	      3600 * SEC),
	RANGE("store.retention", CONFIG_DURATION, store.retention_ns, "180d", 0, 36500 * DAY),

	PLAIN("state.path", CONFIG_PATHNAME, state.path, "/var/lib/fluxtap/state"),
	RANGE("state.save_interval", CONFIG_DURATION, state.save_interval_ns, "10m", SEC, 7 * DAY),

	PLAIN("eve.enabled", CONFIG_BOOL, eve.enabled, "true"),
	PLAIN("eve.path", CONFIG_PATHNAME, eve.path, "/var/log/fluxtap/eve.json"),
	WORDS("eve.types", CONFIG_FLAGS, eve.types, "dns,anomaly,stats,connect,churn,alert",
	      event_types),
	RANGE("eve.rotate_size", CONFIG_SIZE, eve.rotate_size, "1GiB", 0, 1024 * GIB),
	RANGE("eve.rotate_age", CONFIG_DURATION, eve.rotate_age_ns, "24h", 0, 365 * DAY),
	RANGE("eve.rotate_keep", CONFIG_COUNT, eve.rotate_keep, "7", 0, 10000),

	RANGE("stats.interval", CONFIG_DURATION, stats.interval_ns, "60s", 0, DAY),

	RANGE("limits.memory", CONFIG_SIZE, limits.memory, "64MiB", 4 * MIB, 1024 * GIB),

	PLAIN("privileges.user", CONFIG_TEXT, privileges.user, ""),

	PLAIN("control.socket", CONFIG_PATHNAME, control.socket, "/run/fluxtap/control.sock"),
	PLAIN("control.group", CONFIG_TEXT, control.group, ""),

	WORDS("log.level", CONFIG_CHOICE, log.level, "info", log_levels),
};

const size_t config_keys_len = sizeof(config_keys) / sizeof(config_keys[0]);

const struct config_key *config_key_find(const char *path)
{
	for (size_t i = 0; i < config_keys_len; i++)
		if (strcmp(config_keys[i].path, path) == 0)
			return &config_keys[i];
	return NULL;
}

int config_is_section(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < config_keys_len; i++)
		if (strncmp(config_keys[i].path, path, n) == 0 && config_keys[i].path[n] == '.')
			return 1;
	return 0;
}

int config_is_list(const struct config_key *key)
{
	switch (key->type) {
	case CONFIG_FLAGS:
	case CONFIG_TEXTS:
	case CONFIG_SOURCES:
	case CONFIG_NETWORKS:
	case CONFIG_PORTS:
		return 1;
	default:
		return 0;
	}
}
