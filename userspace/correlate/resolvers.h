/* SPDX-License-Identifier: BSD-2-Clause */
/* Public resolvers that speak DNS over HTTPS, by address and by name. */
#ifndef CORRELATE_RESOLVERS_H
#define CORRELATE_RESOLVERS_H

#include "correlate/connection.h"

struct resolvers;
int resolvers_new(struct resolvers **ret);
void resolvers_free(struct resolvers *r);

/* What @proto to @dst:@dport is by port and address alone. */
enum connection_encrypted_dns resolvers_contact(const struct resolvers *r,
						const struct ip_addr *dst, uint16_t dport,
						uint8_t proto);
/* @name is the host name of a known resolver, or below one. */
bool resolvers_name_known(const struct resolvers *r, const struct dns_name *name);

#endif
