/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to lab/: the monitor under observation, from its configuration to its end. */
#ifndef LAB_LAB_MONITOR_H
#define LAB_LAB_MONITOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "lab/lab.h"

struct lab_monitor {
	const char *self, *dir; /* this program; the lab's directory. Borrowed */
	pid_t pid; /* 0: not running */
	int events_fd; /* its standard output; -1: closed */
	bool has_ended; /* the stream has */
};

/* Write its files and start it inside @netns. 0 or negative errno. */
int lab_monitor_start(struct lab_monitor *m, const struct lab_config *cfg, const char *netns);
/* It answers on its control socket, which it does once it is attached to everything. */
bool lab_monitor_is_ready(const struct lab_monitor *m);
/* Append its answer to the control command @command about @name (NULL: none). 0 or negative errno.
 */
int lab_monitor_ask(const struct lab_monitor *m, const char *command, const char *name,
		    struct buf *reply);
/* After the end of the stream, or too long a wait for it: its exit status as wait(2) tells it. */
int lab_monitor_end(struct lab_monitor *m);

#endif
