// SPDX-License-Identifier: BSD-2-Clause
#include "cli/compare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define COMPARE_NAMES_MAX 65536

struct highest {
	enum verdict verdict;
	enum confidence confidence;
};

struct compared_name {
	struct dns_name name;
	struct highest side[2];
};

struct compare {
	struct config *config;
	struct pipeline *pipeline;
	struct compared_name *names;
	size_t len, cap;
	uint64_t dropped; /* beyond COMPARE_NAMES_MAX */
};

static void on_base_alert(void *ctx, const struct alert *alert, const char *line, size_t len)
{
	(void)line;
	(void)len;
	compare_alert(ctx, COMPARE_BASE, alert);
}

static int load_base(struct compare *c, const char *base)
{
	char err[CONFIG_ERR_MAX];
	int rc;

	if (!strcmp(base, "default")) {
		c->config = config_default();
		return c->config ? 0 : -ENOMEM;
	}
	rc = config_load(base, &c->config, err, sizeof(err));
	if (rc)
		log_error("--compare: %s", err);
	return rc;
}

int compare_new(const char *base, const struct setup *setup, struct compare **ret)
{
	static const struct pipeline_ops ops = { .alert = on_base_alert };
	struct compare *c = calloc(1, sizeof(*c));
	struct pipeline_config cfg;
	int rc;

	if (!c)
		return -ENOMEM;
	rc = load_base(c, base);
	if (!rc) {
		setup_pipeline_config(setup, &hash_key_fixed, &cfg);
		cfg.detect = &c->config->detect;
		cfg.correlate = c->config->correlate;
		cfg.reassembly = c->config->reassembly;
		cfg.emit = 0;
		rc = pipeline_new(&cfg, &ops, c, &c->pipeline);
	}
	if (rc) {
		compare_free(c);
		return rc;
	}
	*ret = c;
	return 0;
}

void compare_free(struct compare *c)
{
	if (!c)
		return;
	pipeline_free(c->pipeline);
	config_free(c->config);
	free(c->names);
	free(c);
}

void compare_record(struct compare *c, const struct ft_event_hdr *rec)
{
	pipeline_record(c->pipeline, rec);
}

void compare_observation(struct compare *c, const struct dns_observation *obs)
{
	pipeline_observation(c->pipeline, obs);
}

void compare_connection(struct compare *c, struct connection *conn)
{
	pipeline_connection(c->pipeline, conn);
}

static struct compared_name *find_or_add(struct compare *c, const struct dns_name *name)
{
	for (size_t i = 0; i < c->len; i++)
		if (dns_name_equal(&c->names[i].name, name))
			return &c->names[i];
	if (c->len == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 64;
		struct compared_name *names;

		if (cap > COMPARE_NAMES_MAX)
			return NULL;
		names = realloc(c->names, cap * sizeof(*names));
		if (!names)
			return NULL;
		c->names = names;
		c->cap = cap;
	}
	memset(&c->names[c->len], 0, sizeof(c->names[0]));
	c->names[c->len].name = *name;
	return &c->names[c->len++];
}

void compare_alert(struct compare *c, enum compare_side side, const struct alert *alert)
{
	struct compared_name *n = find_or_add(c, &alert->domain);

	if (!n) {
		c->dropped++;
		return;
	}
	if (alert->confidence >= n->side[side].confidence) {
		n->side[side].confidence = alert->confidence;
		n->side[side].verdict = alert->verdict;
	}
}

static int by_name(const void *a, const void *b)
{
	const struct compared_name *x = a, *y = b;
	size_t n = x->name.len < y->name.len ? x->name.len : y->name.len;
	int order = memcmp(x->name.wire, y->name.wire, n);

	return order ? order : (int)x->name.len - (int)y->name.len;
}

static void format_highest(const struct highest *h, char *buf, size_t len)
{
	if (h->confidence == CONFIDENCE_NONE)
		snprintf(buf, len, "none");
	else
		snprintf(buf, len, "%s/%s", verdict_name(h->verdict),
			 confidence_name(h->confidence));
}

void compare_print(struct compare *c, struct line_out *out)
{
	char name[DNS_NAME_TEXT_MAX], before[64], after[64], line[DNS_NAME_TEXT_MAX + 160];
	size_t changed = 0;

	if (c->len)
		qsort(c->names, c->len, sizeof(c->names[0]), by_name);
	for (size_t i = 0; i < c->len; i++) {
		struct compared_name *n = &c->names[i];

		if (!memcmp(&n->side[COMPARE_BASE], &n->side[COMPARE_NEW], sizeof(n->side[0])))
			continue;
		changed++;
		dns_name_format(&n->name, name);
		format_highest(&n->side[COMPARE_BASE], before, sizeof(before));
		format_highest(&n->side[COMPARE_NEW], after, sizeof(after));
		line_out_add(out, line,
			     (size_t)snprintf(line, sizeof(line), "%s: %s -> %s\n", name, before,
					      after));
	}
	line_out_add(out, line,
		     (size_t)snprintf(line, sizeof(line),
				      "%zu names with a verdict, %zu would change\n", c->len,
				      changed));
	if (c->dropped)
		log_warn("--compare: %llu alerts beyond %d names not compared",
			 (unsigned long long)c->dropped, COMPARE_NAMES_MAX);
}
