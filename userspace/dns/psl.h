/* SPDX-License-Identifier: BSD-2-Clause */
/* Registered domain (public suffix plus one label) through libpsl's built-in list. */
#ifndef DNS_PSL_H
#define DNS_PSL_H

#include "dns/name.h"

/*
 * The registered domain of @name: ICANN section and private section alike ("github.io" is a
 * suffix). When @name is itself a suffix or the root, *ret = @name and false is returned.
 */
bool dns_registered_domain(const struct dns_name *name, struct dns_name *ret);

#endif
