/* SPDX-License-Identifier: BSD-2-Clause */
/* One configuration value: from text, to text, and released. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "base/buf.h"
#include "config/config.h"
#include "config/keys.h"

/*
 * Set the field of @key from @n texts (one for a scalar, any number for a list). The old value
 * is released. 0; -EINVAL with "what is wrong" in @err; -ENOMEM. @cfg is unchanged on failure.
 */
int value_set(struct config *cfg, const struct config_key *key, const char *const *texts, size_t n,
	      char *err, size_t err_len);

/* Append the field as a YAML scalar or flow sequence. */
void value_print(const struct config *cfg, const struct config_key *key, struct buf *out);

void value_fini(struct config *cfg, const struct config_key *key);

/* "5s", "1.5h", "0" to nanoseconds; "64KiB", "4096" to bytes. -EINVAL otherwise. */
int value_duration(const char *text, uint64_t *ret_ns);
int value_size(const char *text, uint64_t *ret_bytes);

#endif
