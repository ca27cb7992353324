/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Origin AS and country of an address, from the sources of `enrich.asn` in order (first hit
 * wins): "libloc", "mmdb:FILE", "csv:FILE" with start,end,asn,name[,country].  Look-ups are
 * local, never touch the network, and are cached in a bounded table.
 */
#ifndef ENRICH_ENRICH_H
#define ENRICH_ENRICH_H

#include "base/ip.h"

struct enrich;

struct origin {
	uint32_t asn; /* 0: unknown */
	char country[3]; /* ISO 3166-1 alpha-2, or empty */
};

/* @sources: array of @n source strings. A source that cannot be opened is an error that names it
 * (on stderr through log.h) except a missing libloc database: a warning, look-ups then miss. */
int enrich_open(const char *const *sources, size_t n, struct enrich **ret_enrich);
void enrich_close(struct enrich *e);

/* @addr comes soon: begin to fetch what enrich_lookup() will look at. */
void enrich_expect(const struct enrich *e, const struct ip_addr *addr);
/* False when no source knows the address; *ret zeroed then. */
bool enrich_lookup(struct enrich *e, const struct ip_addr *addr, struct origin *ret);
/* Name of the AS, "" when unknown. @buf of @len bytes. */
const char *enrich_as_name(struct enrich *e, uint32_t asn, char *buf, size_t len);
/* True when at least one source is loaded. */
bool enrich_has_asn(const struct enrich *e);

#endif
