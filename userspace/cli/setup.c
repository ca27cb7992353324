// SPDX-License-Identifier: BSD-2-Clause
#include "cli/setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"

int setup_override_parse(const char *text, struct setup_override *sets, size_t *len)
{
	const char *equals = strchr(text, '=');
	struct setup_override *set = &sets[*len];

	if (!equals || equals == text || (size_t)(equals - text) >= sizeof(set->key)) {
		log_error("--set: '%s' is not KEY=VALUE", text);
		return -EINVAL;
	}
	if (*len == SETUP_OVERRIDES_MAX) {
		log_error("--set: more than %d settings", SETUP_OVERRIDES_MAX);
		return -EINVAL;
	}
	snprintf(set->key, sizeof(set->key), "%.*s", (int)(equals - text), text);
	set->value = equals + 1;
	++*len;
	return 0;
}

static int load_config(struct setup *s, const char *path)
{
	char err[CONFIG_ERR_MAX];
	int rc;

	if (!path && access(CONFIG_PATH, F_OK)) {
		s->config = config_default();
		return s->config ? 0 : -ENOMEM;
	}
	rc = config_load(path ? path : CONFIG_PATH, &s->config, err, sizeof(err));
	if (rc)
		log_error("%s", err);
	return rc;
}

static int apply_overrides(struct setup *s, const struct setup_override *sets, size_t len)
{
	char err[CONFIG_ERR_MAX];

	for (size_t i = 0; i < len; i++) {
		int rc = config_set(s->config, sets[i].key, sets[i].value, err, sizeof(err));

		if (rc) {
			log_error("--set: %s", err);
			return rc;
		}
	}
	if (len && config_check(s->config, err, sizeof(err))) {
		log_error("--set: %s", err);
		return -EINVAL;
	}
	return 0;
}

int setup_load(struct setup *s, const char *path, const struct setup_override *sets,
	       size_t sets_len)
{
	int rc = load_config(s, path);

	if (!rc)
		rc = apply_overrides(s, sets, sets_len);
	if (rc)
		return rc;
	log_set_level(s->config->log.level);
	snprintf(s->sensor, sizeof(s->sensor), "%s", s->config->sensor);
	if (!s->sensor[0] && gethostname(s->sensor, sizeof(s->sensor) - 1))
		snprintf(s->sensor, sizeof(s->sensor), "localhost");
	return enrich_open((const char *const *)s->config->enrich.asn.items,
			   s->config->enrich.asn.len, &s->enrich);
}

void setup_fini(struct setup *s)
{
	enrich_close(s->enrich);
	config_free(s->config);
	memset(s, 0, sizeof(*s));
}

static const struct {
	unsigned int config, pipeline;
} event_bits[] = {
	{ CONFIG_EVENT_DNS, PIPELINE_DNS },	{ CONFIG_EVENT_ANOMALY, PIPELINE_ANOMALY },
	{ CONFIG_EVENT_CHURN, PIPELINE_CHURN }, { CONFIG_EVENT_CONNECT, PIPELINE_CONNECT },
	{ CONFIG_EVENT_ALERT, PIPELINE_ALERT }, { CONFIG_EVENT_STATS, PIPELINE_STATS },
};

static enum pipeline_connects connects_of(enum config_connect_events events)
{
	switch (events) {
	case CONFIG_CONNECT_ALL:
		return PIPELINE_CONNECTS_ALL;
	case CONFIG_CONNECT_CANDIDATES:
		return PIPELINE_CONNECTS_CANDIDATES;
	case CONFIG_CONNECT_OFF:
		break;
	}
	return PIPELINE_CONNECTS_OFF;
}

static int utc_offset(void)
{
	time_t now = time(NULL);
	struct tm local;

	return localtime_r(&now, &local) ? (int)local.tm_gmtoff : 0;
}

static enum kernel_mode mode_of(enum config_capture_mode mode)
{
	switch (mode) {
	case CONFIG_CAPTURE_NATIVE:
		return KERNEL_MODE_NATIVE;
	case CONFIG_CAPTURE_GENERIC:
		return KERNEL_MODE_GENERIC;
	case CONFIG_CAPTURE_TC:
		return KERNEL_MODE_TC;
	case CONFIG_CAPTURE_AUTO:
		break;
	}
	return KERNEL_MODE_AUTO;
}

static enum kernel_clients clients_of(enum config_capture_clients clients)
{
	switch (clients) {
	case CONFIG_CLIENTS_HOSTS:
		return KERNEL_CLIENTS_HOSTS;
	case CONFIG_CLIENTS_ALL:
		return KERNEL_CLIENTS_ALL;
	case CONFIG_CLIENTS_OFF:
		break;
	}
	return KERNEL_CLIENTS_OFF;
}

void setup_kernel_config(const struct setup *s, struct kernel_config *ret)
{
	const struct config *c = s->config;
	struct kernel_config cfg = kernel_config_default();

	memcpy(cfg.ports, c->dns.ports, sizeof(cfg.ports));
	cfg.ports_len = c->dns.ports_len;
	cfg.mode = mode_of(c->capture.mode);
	cfg.egress = c->capture.egress;
	cfg.ring_bytes = c->capture.ring_bytes;
	cfg.filter = c->capture.filter;
	cfg.filter_bytes = c->capture.filter_bytes;
	cfg.clients = clients_of(c->capture.clients);
	cfg.refresh_ns = c->capture.refresh_ns;
	cfg.zone_names_per_s = c->capture.zone_names;
	cfg.zone_denials_per_s = c->capture.zone_denials;
	cfg.follow_tcp = c->capture.follow_tcp;
	cfg.follow_fragments = c->capture.follow_fragments;
	*ret = cfg;
}

void setup_pipeline_config(const struct setup *s, const struct hash_key *key,
			   struct pipeline_config *ret)
{
	const struct config *c = s->config;

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < sizeof(event_bits) / sizeof(event_bits[0]); i++)
		if (c->eve.types & event_bits[i].config)
			ret->emit |= event_bits[i].pipeline;
	ret->connects = connects_of(c->connect.events);
	ret->sensor = s->sensor;
	ret->utc_offset_s = utc_offset();
	ret->reassembly = c->reassembly;
	ret->reassembly.key = *key;
	ret->correlate = c->correlate;
	ret->detect = &c->detect;
	ret->enrich = s->enrich;
	ret->key = *key;
	ret->detection = true;
}

int setup_open_store(const struct setup *s, const char *path, bool block,
		     const struct hash_key *key, struct store **ret)
{
	struct store_config cfg = store_config_default();
	const char *notice;
	char err[512];
	int rc;

	cfg.path = path;
	cfg.sensor = s->sensor;
	cfg.interval_ns = s->config->store.flush_interval_ns;
	cfg.max_age_s = s->config->store.retention_ns / 1000000000ULL;
	cfg.block = block;
	cfg.key = *key;
	rc = store_open(&cfg, ret, &notice, err, sizeof(err));
	if (rc)
		log_error("%s", err);
	else if (notice[0])
		log_warn("%s", notice);
	return rc;
}

struct human_style setup_human_style(bool colour)
{
	return (struct human_style){ .colour = colour && !getenv("NO_COLOR"),
				     .utc_offset_s = utc_offset() };
}

int setup_exit_code(int err)
{
	switch (err) {
	case 0:
		return EXIT_OK;
	case -EINVAL:
		return EXIT_USAGE;
	case -EPERM:
	case -EACCES:
	case -ENOENT:
	case -ENODEV:
	case -EOPNOTSUPP:
		return EXIT_PREREQUISITE;
	default:
		return EXIT_RUNTIME;
	}
}
