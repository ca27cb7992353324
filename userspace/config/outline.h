/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First pass over a configuration file: which keys stand on which lines.  Refuses what YAML
 * allows and a configuration has no use for: aliases, tags of second documents, unknown or
 * repeated keys, a list where a value belongs; each with the line it stands on.
 */
#ifndef CONFIG_OUTLINE_H
#define CONFIG_OUTLINE_H

#include <stddef.h>

struct outline {
	unsigned int *lines; /* by index in config_keys; 0: the key is absent */
};

/* 0, -ENOMEM, or -EINVAL with "FILE:LINE: …" in @err. Nothing to release on failure. */
int outline_read(const char *name, const char *text, size_t len, struct outline *ret, char *err,
		 size_t err_len);
void outline_fini(struct outline *o);

#endif
