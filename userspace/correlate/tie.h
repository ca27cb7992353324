/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who was answered: hosts and, where the asking socket is known, processes.  Bounded.
 */
#ifndef CORRELATE_TIE_H
#define CORRELATE_TIE_H

#include "base/lookahead.h"
#include "correlate/connection.h"
#include "base/hash.h"
#include "dns/observation.h"

struct ties;
int ties_new(size_t max_ties, const struct hash_key *key, struct ties **ret);
void ties_free(struct ties *t);

/*
 * An address of this machine: all of them are one host. Answers are tied to processes for these,
 * and for the addresses that local processes connected from (containers').
 */
void ties_local(struct ties *t, const struct ip_addr *addr);
bool ties_is_local(const struct ties *t, const struct ip_addr *addr);

/* A connection to a resolver: its socket's port belongs to a process. */
void ties_question(struct ties *t, const struct connection *conn);

struct tie_client { /* of one response, worked out once */
	uint64_t host, server; /* 0: unknown */
	uint64_t socket; /* that asked, when it may be a local process's; else 0 */
	uint64_t time_ns;
	uint64_t host_mix, server_mix; /* what keys of ties are made from; server: 0 when nobody was
					  ever answered there, so that it has no ties */
	uint32_t who; /* process; 0 not known (yet) */
	uint32_t ticks; /* time_ns in the unit of ties */
};
struct tie_client ties_client(struct ties *t, const struct dns_observation *obs);
/* ties_note() comes soon: begin to fetch what it will look at. */
void ties_expect(const struct ties *t, const struct tie_client *client, uint64_t mapping,
		 struct lookahead *l);

/* @client was answered @mapping. True when a forwarder merely handed the answer on. */
bool ties_note(struct ties *t, const struct tie_client *client, uint64_t mapping);

enum tie_strength { TIE_OTHERS = 0, TIE_HOST = 1, TIE_PROCESS = 2 };

struct tie_asker { /* of one connection, worked out once */
	uint64_t hosts[2]; /* its address; this machine */
	uint32_t who;
};
struct tie_asker ties_asker(const struct ties *t, const struct connection *conn);
/* Was @mapping answered to who connects? */
enum tie_strength ties_look(struct ties *t, const struct tie_asker *asker, uint64_t mapping);

uint64_t ties_evicted(const struct ties *t);
size_t ties_bytes(const struct ties *t);

#endif
