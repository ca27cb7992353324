/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reports of other machines, one JSON object a line (correlate/foreign_event.h): from a Unix
 * stream socket whose file permissions say who may report, and from files that are followed as
 * they grow, are truncated, or are replaced.  Non-blocking; bounded work a poll.
 */
#ifndef CORRELATE_FOREIGN_H
#define CORRELATE_FOREIGN_H

#include "correlate/foreign_event.h"

#define FOREIGN_SENDERS_MAX 32
#define FOREIGN_FILES_MAX   8

struct foreign_config {
	const char *socket_path; /* NULL: none. A stale socket there is replaced, a file is not */
	unsigned int socket_mode; /* permissions; default 0660 */
	const char *files[FOREIGN_FILES_MAX]; /* read from their present end on */
	size_t files_len;
};

struct foreign_ops { /* borrowed for the call; members may be NULL */
	void (*connection)(void *ctx, struct connection *conn);
	void (*answer)(void *ctx, const struct dns_observation *obs);
};

struct foreign_stats {
	uint64_t lines, connections, answers;
	uint64_t refused[FOREIGN_REASON_MAX]; /* lines = connections + answers + sum of these */
	uint64_t senders, senders_refused;    /* accepted; turned away at FOREIGN_SENDERS_MAX */
};

struct foreign;
struct foreign_config foreign_config_default(void);
/* -EADDRINUSE: another process listens there. The log says more. */
int foreign_open(const struct foreign_config *cfg, const struct foreign_ops *ops, void *ctx,
		 struct foreign **ret);
void foreign_close(struct foreign *f); /* removes its socket; NULL is fine */

/* Readable when a sender has something; -1 without a socket. Files need polling by a timer. */
int foreign_fd(const struct foreign *f);
/* Take what is there, at most some megabytes. @now_ns: Unix time. */
void foreign_poll(struct foreign *f, uint64_t now_ns);
void foreign_stats(const struct foreign *f, struct foreign_stats *ret);

#endif
