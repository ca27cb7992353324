/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The libcyaml schema of the configuration, made from the table of keys: sections are mappings,
 * every value is read as text (or a list of texts) and converted by config/value.c, so that
 * durations and sizes keep their units until the key's own check sees them.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <stddef.h>

struct raw_value { /* one per key, in the order of config_keys */
	char *text; /* scalars */
	char **texts; /* lists */
	unsigned int texts_len;
};

/*
 * Load @text. *ret_raw has config_keys_len entries, or is NULL when the document is empty;
 * release with schema_free(). 0, -ENOMEM, or -EINVAL with a message in @err.
 */
int schema_load(const char *text, size_t len, struct raw_value **ret_raw, char *err,
		size_t err_len);
void schema_free(struct raw_value *raw);

#endif
