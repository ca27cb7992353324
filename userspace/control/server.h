/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket of a running monitor: a Unix stream socket, one JSON object a line both
 * ways.  {"command":"explain","name":"www.example.com"} is answered by one line; "watch" is
 * answered by {"watching":true} and then by every line that control_publish() is given.
 *
 * Who may connect is a matter of file permissions: mode 0660, owner and group. Never blocks:
 * requests, replies and the number of clients are bounded; when all places are taken the client
 * silent for longest makes room; a watcher that does not read loses lines, is told how many
 * ({"lost":N}), and keeps what it has in one piece.
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

#define CONTROL_CLIENTS_MAX 16
#define CONTROL_REQUEST_MAX 8192	/* bytes of a request line */
#define CONTROL_PENDING_MAX (1U << 20) /* bytes a client may leave unread */

struct control;

/*
 * Append the reply to @command, one JSON value without a newline, to @reply. @argument is the
 * request's "name", "" when absent. Nothing appended: the client is told that the command is
 * unknown. Both strings are UTF-8 from the client, without control characters.
 */
typedef void (*control_handler_fn)(void *ctx, const char *command, const char *argument,
				   struct buf *reply);

/*
 * Listen at @path; its directory is made when missing (mode 0755). @group "" is "fluxtap" where
 * that exists, else the process's own. A socket left by a monitor that died is replaced.
 * 0; -EADDRINUSE: a monitor answers there; -ENOENT: no such group; another negative errno.
 */
int control_open(const char *path, const char *group, control_handler_fn handler, void *ctx,
		 struct control **ret);

/*
 * Hand socket, and its directory when control_open() made it, over to the user that the monitor
 * is going to be, so that control_close() may still remove them. 0 or negative errno.
 */
int control_own(struct control *c, uid_t uid);

/* Closes all clients and removes the socket. NULL is fine. */
void control_close(struct control *c);

int control_fd(const struct control *c); /* readable: call control_dispatch() */
void control_dispatch(struct control *c);

/* One line (without its newline) to each client that watches. */
void control_publish(struct control *c, const char *line, size_t len);

struct control_stats {
	uint64_t clients, requests, bad_requests, evicted, lines_lost;
};
void control_stats(const struct control *c, struct control_stats *ret);

#endif
