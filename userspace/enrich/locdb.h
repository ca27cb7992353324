/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network tree of a libloc database (format 1), walked in place.  libloc's own look-up gives
 * the same answers, but builds a network object and its text at each step: six microseconds where
 * the walk takes a fraction of one.
 */
#ifndef ENRICH_LOCDB_H
#define ENRICH_LOCDB_H

#include "enrich/enrich.h"

struct locdb;

/* Map the file behind @fd, which may be closed afterwards. -EBADMSG: not a format known here. */
int locdb_open(int fd, struct locdb **ret);
void locdb_close(struct locdb *db); /* NULL is fine */
/* Of the smallest network that holds @addr. False, *ret untouched, when there is none. */
bool locdb_lookup(struct locdb *db, const struct ip_addr *addr, struct origin *ret);
/* @addr comes soon: begin to fetch what locdb_lookup() will look at first. */
void locdb_expect(const struct locdb *db, const struct ip_addr *addr);

#endif
