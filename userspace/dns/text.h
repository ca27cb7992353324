/* SPDX-License-Identifier: BSD-2-Clause */
/* Presentation: mnemonics of the IANA DNS parameters, and rdata as text. */
#ifndef DNS_TEXT_H
#define DNS_TEXT_H

#include "base/buf.h"
#include "dns/message.h"

/* "A", "HTTPS"; "TYPE65280" (RFC 3597) is put into @buf (>= 16 bytes) for unknown ones. */
const char *dns_type_name(uint16_t type, char *buf);
const char *dns_class_name(uint16_t class_, char *buf); /* "IN", "CLASS4096" */
const char *dns_rcode_name(uint16_t rcode, char *buf);	/* "NOERROR", "RCODE23" */
/* -EINVAL for unknown text. Accepts TYPEnnn. */
int dns_type_from_text(const char *text, uint16_t *ret);
int dns_rcode_from_text(const char *text, uint16_t *ret);

/*
 * Append the rdata of @rr as presentation text without quotes around it (master file form: RFC
 * 1035 5.1, SVCB RFC 9460 2.1, CAA RFC 8659, DS RFC 4034 5.3). False, and nothing appended, for
 * types whose rdata is not shown or is malformed.
 */
bool dns_rdata_format(const struct dns_message *m, const struct dns_rr *rr, struct buf *out);

#endif
