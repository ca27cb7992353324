/* SPDX-License-Identifier: BSD-2-Clause */
/* Octets of a DNS message; private to dns/. Callers have checked that they are there. */
#ifndef DNS_WIRE_H
#define DNS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "dns/name.h"

#define DNS_HEADER_BYTES 12
#define DNS_CLASS_IN	 1

static inline uint16_t wire_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t wire_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The rules of dns_name_parse() without a copy. True and *ret_end behind the name in place. */
bool dns_name_check(const uint8_t *msg, size_t msg_len, size_t pos, size_t *ret_end);

/* The name at @pos, which dns_name_check() accepted. */
void dns_name_copy(const uint8_t *msg, size_t msg_len, size_t pos, struct dns_name *ret);
/* The same of a name of @n octets that has no pointer in it. */
void dns_name_copy_run(const uint8_t *msg, size_t msg_len, size_t pos, size_t n,
		       struct dns_name *ret);

/* Octets of the name at @pos of @m where it is known to have no pointer in it, else 0. */
struct dns_message;
size_t dns_message_run(const struct dns_message *m, size_t pos);

#endif
