/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public suffix list, looked up in a tenth of the time that libpsl takes, where the very list
 * that libpsl was built from lies beside it.  Same answers; libpsl is asked for what is not here.
 */
#ifndef DNS_PSL_RULES_H
#define DNS_PSL_RULES_H

#include "dns/name.h"

#define PSL_STRIP_NONE 0xff /* the name is a suffix itself */

struct psl_rules;

/* @sha1: that the file must have, in hex. -EBADMSG: another one, or one that is not understood. */
int psl_rules_open(const char *path, const char *sha1, struct psl_rules **ret);
void psl_rules_close(struct psl_rules *r); /* NULL is fine */

/* Labels before the registered domain of @name, or PSL_STRIP_NONE; -1: ask libpsl. */
int psl_rules_strip(struct psl_rules *r, const struct dns_name *name);

#endif
