/* SPDX-License-Identifier: BSD-2-Clause */
/* fluxtap top: the view of a running monitor, asked for through its control socket. */
#ifndef UI_TOP_H
#define UI_TOP_H

#include <stdbool.h>

struct top_options {
	const char *socket;
	unsigned int interval_ms; /* between two frames */
	bool once;		  /* one frame to standard output, then the end */
};

/*
 * Until q, SIGINT or SIGTERM. A monitor that goes away is waited for. 0, or negative errno when
 * none could be reached at first (-ENOENT, -ECONNREFUSED, -EACCES), or the answer was none
 * (-EBADMSG); one line on standard error says so. The terminal is left as it was.
 */
int top_run(const struct top_options *options);

#endif
