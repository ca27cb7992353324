/* SPDX-License-Identifier: BSD-2-Clause */
/* Unexplained connections by host and executable: a bounded table. */
#ifndef CORRELATE_BLIND_H
#define CORRELATE_BLIND_H

#include "correlate/correlate.h"

#define BLIND_MAX 2048

enum blind_kind { BLIND_EXPLAINED, BLIND_UNEXPLAINED, BLIND_ENCRYPTED_DNS };

struct blind;
int blind_new(const struct hash_key *key, struct blind **ret);
void blind_free(struct blind *b);
void blind_count(struct blind *b, const struct connection *conn, enum blind_kind kind);
size_t blind_top(const struct blind *b, struct correlate_blind *ret, size_t max);
size_t blind_bytes(const struct blind *b);

#endif
