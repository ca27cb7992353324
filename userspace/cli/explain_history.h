/* SPDX-License-Identifier: BSD-2-Clause */
/* explain NAME without a running monitor: from the history and the log of alerts. */
#ifndef CLI_EXPLAIN_HISTORY_H
#define CLI_EXPLAIN_HISTORY_H

#include "config/config.h"

/*
 * The last verdict on @name in the history at @path, its timeline, and the rest of what `explain`
 * shows, to standard output. 0, or negative errno with a line on stderr: -ENOENT when there is no
 * history, or nothing of the name in it.
 */
int explain_history(const char *path, const char *name, const struct config *config,
		    const char *config_path, bool text);

#endif
