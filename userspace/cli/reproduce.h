/* SPDX-License-Identifier: BSD-2-Clause */
/* The shell command that comes to the same verdict again. */
#ifndef CLI_REPRODUCE_H
#define CLI_REPRODUCE_H

#include "base/buf.h"
#include "cli/setup.h"

struct reproduce {
	const char *config_path; /* NULL: the default */
	const struct setup_override *sets;
	size_t sets_len;
	const char *learned; /* directory of what was learned; NULL or "": nothing */
	uint64_t until_ns; /* as of when; 0: the end of the input */
	bool kernel_engine, filter;
	const char *name;
	const char *const *files;
	size_t files_len;
	bool rotated; /* and whatever begins like the last file */
};

/* Appends "fluxtap replay …", every word quoted for sh(1) where it has to be. */
void reproduce_command(struct buf *out, const struct reproduce *r);

/*
 * The command over the events that a monitor with @config writes, as of @time_ns, NUL-terminated
 * in @out; or NULL with the reason in *ret_why (static).
 */
const char *reproduce_from_events(struct buf *out, const struct config *config,
				  const char *config_path, const struct setup_override *sets,
				  size_t sets_len, const struct dns_name *name, uint64_t time_ns,
				  const char **ret_why);

#endif
