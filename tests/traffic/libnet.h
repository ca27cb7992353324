/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The address space the generators draw from: autonomous systems with their real (or invented)
 * prefixes.  Read from the same CSV that the detector's enrich stage is given, so that both see
 * one table; baselines ask net_lookup().
 */
#ifndef TRAFFIC_NET_H
#define TRAFFIC_NET_H

#include <stddef.h>
#include "base/ip.h"
#include "random.h"

enum as_kind { AS_ACCESS, AS_HOSTING, AS_CLOUD, AS_CDN, AS_KINDS };

struct as_info {
	uint32_t asn;
	char country[3];
	enum as_kind kind;
	uint64_t v4_addresses;
	size_t v4_first, v4_len, v6_first, v6_len; /* into the net's by-AS order */
};

struct net;

/* Read "start,end,asn,name[,country]" lines. -EBADMSG with a message on stderr for a bad line. */
int net_load(const char *path, struct net **ret);
void net_free(struct net *net);

/* The AS of @addr, or NULL. */
const struct as_info *net_lookup(const struct net *net, const struct ip_addr *addr);

/*
 * An AS of @kind, heavy-tailed by size: access networks by the square root of their addresses,
 * the others by rank. @split halves the AS population between training and test. @country, when
 * not NULL, asks for that country and falls back to any.
 */
const struct as_info *net_draw_as(const struct net *net, struct random *r, enum as_kind kind,
				  enum split split, const char *country);
/* A unicast address of the AS; v6: a random /64 of it, mapped v4 when it has no v6 prefix. */
struct ip_addr net_draw_v4(const struct net *net, struct random *r, const struct as_info *as);
struct ip_addr net_draw_v6(const struct net *net, struct random *r, const struct as_info *as);
size_t net_as_count(const struct net *net, enum as_kind kind);

/* Write tables: an invented one, and the largest networks of the libloc database. */
int net_write_synthetic(const char *path, uint64_t seed);
int net_write_libloc(const char *path, const char *database);

#endif
