/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TRAFFIC_SITE_INTERNAL_H
#define TRAFFIC_SITE_INTERNAL_H

#include "libsite.h"

enum { RESOLVERS_MAX = 4, CACHES_MAX = 16, CLIENTS = 500 };

struct resolver {
	struct ip_addr addr;
	uint32_t caches, min_ttl_s;
	double stale; /* share of expired sets that are served on (RFC 8767) */
};

struct cached {
	uint64_t expires_ns;
	struct answer answer;
};

enum happening_kind { HAPPENS_QUERY, HAPPENS_CONNECT, HAPPENS_FLOOD, HAPPENS_TICK };

struct happening {
	uint64_t time_ns, seq;
	enum happening_kind kind;
	uint32_t instance, client;
	struct ip_addr dst;
	bool failed, peer;
};

struct site {
	struct site_config cfg;
	struct world world;
	struct random rng;
	struct resolver resolvers[RESOLVERS_MAX];
	uint32_t resolvers_len;
	struct instance *instances;
	size_t instances_len;
	struct happening *heap;
	size_t heap_len, heap_cap;
	uint64_t seq;
	const struct site_ops *ops;
	void *ctx;
	int err;
};

int site_push(struct site *s, struct happening h);
void site_query(struct site *s, struct instance *in, uint64_t now_ns);
void site_connect(struct site *s, struct instance *in, const struct happening *h);
void site_flood(struct site *s, uint64_t now_ns);

#endif
