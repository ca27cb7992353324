/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One monitored network on a virtual clock: clients, resolvers with caches, names of every class
 * and a population of ordinary ones, as a single stream of responses and connections in time
 * order.  The same configuration gives the same stream.
 */
#ifndef TRAFFIC_SITE_H
#define TRAFFIC_SITE_H

#include "correlate/connection.h"
#include "dns/observation.h"
#include "libauthority.h"

#define SITE_EPOCH_NS (1767225600ULL * SECOND_NS) /* 2026-01-01 */

struct site_config {
	uint64_t seed;
	uint32_t index; /* sites of one seed differ by it */
	enum split split;
	const struct net *net;
	const char *classes;	 /* "M1,M2" or NULL for all */
	uint32_t per_class;
	uint32_t background;	 /* ordinary names */
	double warm_days;	 /* before the instances are counted; the known ones are there */
	double warm_rate;	 /* of their query rate meanwhile */
	double hours;		 /* each instance is watched for so long */
	double rate;		 /* factor on query rates; 1 is the profiles' */
	double loss;		 /* share of responses the monitor does not see */
	double flood_per_h;	 /* random names an hour besides (M14) */
	bool resolver_side;	 /* between resolver and authorities, else between clients and resolver */
	bool connects;		 /* connections are seen */
};

struct instance {
	uint32_t index;
	const struct profile *profile;
	bool background, known, beacon, agents;
	double queries_h;
	uint64_t start_ns, end_ns; /* counted span; known ones ask from the epoch on */
	struct dns_name zone;	   /* registered domain, unless the zone is shared */
	struct dns_name *names;
	size_t names_len;
	bool owns_zone;
	uint64_t responses;	   /* emitted in the counted span */

	/* the rest is the site's */
	struct authority authority;
	struct dns_name chain[4], chain_zone, owner;
	uint32_t chain_len, clients, first_client, peers;
	uint16_t port;
	double fail;
	struct random rng;
	struct cached **cached; /* [name][resolver][cache] */
	uint64_t from_ns, ask_ns;
	bool aged;
};

/* The process that connects for an instance whose site has agents. */
static inline uint32_t site_pid(uint32_t index)
{
	return 1000 + index;
}

struct site_ops {
	/* The instance is NULL for the flood. */
	void (*response)(void *ctx, const struct dns_observation *obs, const struct instance *in);
	void (*connection)(void *ctx, struct connection *conn, const struct instance *in);
	void (*tick)(void *ctx, uint64_t now_ns); /* once a minute of virtual time */
	/* Gateway connections are seen only for watched addresses; NULL: all are. */
	bool (*is_watched)(void *ctx, const struct ip_addr *addr);
};

struct site;

int site_new(const struct site_config *cfg, struct site **ret);
void site_free(struct site *s);
int site_run(struct site *s, const struct site_ops *ops, void *ctx);

size_t site_instances(const struct site *s, const struct instance **ret);
uint64_t site_counted_ns(const struct site *s); /* when the warm-up ends */
uint64_t site_end_ns(const struct site *s);

#endif
