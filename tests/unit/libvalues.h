/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and addresses out of text that is known to be right. */
#ifndef UNIT_LIBVALUES_H
#define UNIT_LIBVALUES_H

#include "base/ip.h"
#include "dns/name.h"

struct dns_name name_of(const char *text);
struct ip_addr addr_of(const char *text);

#endif
