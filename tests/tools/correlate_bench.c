// SPDX-License-Identifier: BSD-2-Clause
/*
 * Time of correlator_response() and correlator_connection(): answers of one query over a CNAME
 * with one or two addresses, names and clients drawn from sets of a given size. Best of rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "correlate/correlate.h"

#define ROUNDS 300
#define BATCH  10000

struct world {
	size_t names, addresses, clients;
	size_t records; /* addresses an answer */
	struct dns_name *query, *owner;
};

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct ip_addr address(uint8_t net, uint64_t n)
{
	return ip_from_v4((uint8_t[4]){net, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n});
}

static void make_names(struct world *w)
{
	char text[80];

	w->query = calloc(w->names, sizeof(*w->query));
	w->owner = calloc(w->names, sizeof(*w->owner));
	for (size_t i = 0; i < w->names; i++) {
		snprintf(text, sizeof(text), "www.site%zu.example", i);
		dns_name_from_text(text, &w->query[i]);
		snprintf(text, sizeof(text), "site%zu.edge.cdn.example", i);
		dns_name_from_text(text, &w->owner[i]);
	}
}

static void answer(struct correlator *c, const struct world *w, uint64_t n, uint64_t time_ns)
{
	uint64_t draw = hash_mix(n), name = draw % w->names;
	struct dns_obs_record r[4];
	struct dns_observation obs = {.time_ns = time_ns,
				      .client = address(10, (draw >> 20) % w->clients),
				      .server = address(10, 0xffffff),
				      .client_port = (uint16_t)(1024 + draw % 60000),
				      .qname = &w->query[name],
				      .qtype = 1,
				      .qclass = 1,
				      .records = r,
				      .records_len = w->records + 1};

	r[0] = (struct dns_obs_record){.owner = &w->query[name],
				       .target = &w->owner[name],
				       .type = DNS_TYPE_CNAME,
				       .ttl_s = 300};
	for (size_t i = 1; i <= w->records; i++)
		r[i] = (struct dns_obs_record){.owner = &w->owner[name],
					       .type = DNS_TYPE_A,
					       .ttl_s = 60,
					       .addr = address(198, (name * 3 + i) % w->addresses)};
	if (c)
		correlator_response(c, &obs);
	else
		__asm__ volatile("" : : "r"(&obs) : "memory"); /* what making one costs */
}

static void connection(struct correlator *c, const struct world *w, uint64_t n, uint64_t time_ns)
{
	static struct connection conn;
	uint64_t draw = hash_mix(n), name = draw % w->names;

	conn.time_ns = time_ns;
	conn.source = CONNECTION_GATEWAY;
	conn.state = CONNECTION_OK;
	conn.src = address(10, (draw >> 20) % w->clients);
	conn.dst = address(198, (name * 3 + 1) % w->addresses);
	conn.dport = 443;
	correlator_connection(c, &conn);
}

static double best(struct correlator *c, const struct world *w,
		   void (*one)(struct correlator *, const struct world *, uint64_t, uint64_t),
		   uint64_t *n)
{
	double least = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double t = now_s();

		for (int i = 0; i < BATCH; i++, ++*n)
			one(c, w, *n, 1700000000000000000ULL + *n * 10000);
		t = (now_s() - t) / BATCH * 1e9;
		least = t < least ? t : least;
	}
	return least;
}

int main(void)
{
	static const struct world worlds[] = {
		{.names = 500, .addresses = 1000, .clients = 50, .records = 1},
		{.names = 500, .addresses = 1000, .clients = 50, .records = 2},
		{.names = 20000, .addresses = 50000, .clients = 1000, .records = 1},
		{.names = 20000, .addresses = 50000, .clients = 1000, .records = 2},
	};
	struct correlate_config cfg = correlate_config_default();

	for (size_t i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++) {
		struct world w = worlds[i];
		struct correlate_stats s;
		struct correlator *c;
		uint64_t n = 0;
		double t;

		make_names(&w);
		if (correlator_new(&cfg, &hash_key_fixed, &c))
			return 1;
		t = best(c, &w, answer, &n) - best(NULL, &w, answer, &n);
		correlator_stats(c, &s);
		printf("%6zu names %6zu addresses %5zu clients, %zu a response: response %.0f ns, "
		       "connection %.0f ns, %.1f MiB\n",
		       w.names, w.addresses, w.clients, w.records, t, best(c, &w, connection, &n),
		       (double)s.table_bytes / 1048576);
		correlator_free(c);
		free(w.query);
		free(w.owner);
	}
	return 0;
}
