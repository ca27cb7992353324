/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay --compare BASE: the same records through a second pipeline with the configuration BASE
 * (a file, or "default"), and the names whose highest verdict differs.
 */
#ifndef CLI_COMPARE_H
#define CLI_COMPARE_H

#include "cli/line_out.h"
#include "cli/setup.h"

enum compare_side { COMPARE_BASE, COMPARE_NEW };

struct compare;

/* @setup lends its ASN sources. Errors are said on stderr. */
int compare_new(const char *base, const struct setup *setup, struct compare **ret);
void compare_free(struct compare *c); /* NULL is fine */
void compare_record(struct compare *c, const struct ft_event_hdr *rec);
void compare_observation(struct compare *c, const struct dns_observation *obs);
void compare_connection(struct compare *c, struct connection *conn);
void compare_alert(struct compare *c, enum compare_side side, const struct alert *alert);
/* One line a name whose verdict or confidence differs, sorted; then a line with the counts. */
void compare_print(struct compare *c, struct line_out *out);

#endif
