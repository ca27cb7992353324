/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The running monitor: everything opened in order, privileges dropped, the event loop, everything
 * closed again.  The only code that reads a clock.
 */
#ifndef CLI_MONITOR_H
#define CLI_MONITOR_H

#include "cli/setup.h"

#define MONITOR_INTERFACES_MAX 64

struct monitor_options {
	const char **interfaces; /* names or patterns; none: the configuration's */
	size_t interfaces_len;
	const char *config_path; /* read again on SIGHUP */
	const struct setup_override *sets;
	size_t sets_len;
	bool live_view; /* text for a person on standard output, else JSON Lines */
	unsigned long seconds; /* end by itself after this; 0: never */
};

/* Runs until SIGTERM, SIGINT or the time is over; returns an exit code. @setup's configuration is
 * replaced on SIGHUP. Errors are said on stderr, one line each. */
int monitor_run(struct setup *setup, const struct monitor_options *opt);

#endif
