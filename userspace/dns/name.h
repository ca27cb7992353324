/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain names as values: uncompressed wire format (RFC 1035 3.1), ASCII letters lower case,
 * final zero octet included: the root is one octet long.
 */
#ifndef DNS_NAME_H
#define DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DNS_NAME_MAX	  255 /* RFC 1035 2.3.4 */
#define DNS_NAME_TEXT_MAX 1021 /* every octet escaped \DDD, dots, terminating zero */

struct dns_name {
	uint8_t len; /* 1..255; 0: no name */
	uint8_t wire[DNS_NAME_MAX];
};

/*
 * Read the name at *pos of the message, following compression pointers (RFC 1035 4.1.4), each of
 * which must point before the place where the current run of labels began and not into the
 * header. On success *pos is behind the name in place and *ret is filled and folded to lower
 * case; -EBADMSG otherwise, *pos and *ret untouched. @ret may be NULL to validate only.
 */
int dns_name_parse(const uint8_t *msg, size_t msg_len, size_t *pos, struct dns_name *ret);

/* Text to name, with or without the final dot, \DDD and \X escapes. -EINVAL on bad text. */
int dns_name_from_text(const char *text, struct dns_name *ret);

/*
 * Name to text: lower case, no final dot (the root is "."), octets outside '!'..'~' as \DDD, '.'
 * and '\' inside a label as "\." and "\\" (RFC 4343 2.1). @buf holds DNS_NAME_TEXT_MAX bytes.
 * Returns the length without the terminating zero.
 */
size_t dns_name_format(const struct dns_name *name, char *buf);

static inline bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	/* names of one message are mostly one copy */
	return a == b || (a->len == b->len && memcmp(a->wire, b->wire, a->len) == 0);
}
/* @name is @zone or below it. */
bool dns_name_within(const struct dns_name *name, const struct dns_name *zone);
unsigned int dns_name_labels(const struct dns_name *name); /* the root has 0 */
/* The name without its first @n labels. */
struct dns_name dns_name_parent(const struct dns_name *name, unsigned int n);

#endif
