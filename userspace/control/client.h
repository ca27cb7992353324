/* SPDX-License-Identifier: BSD-2-Clause */
/* The other end of control/server.h, for the commands: blocking, with time limits. */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include <stddef.h>

#include "base/buf.h"

struct control_client;

/*
 * 0; -ENOENT or -ECONNREFUSED: no monitor runs there; -EACCES: not in its group. @err then
 * holds a line for people that names @path.
 */
int control_client_open(const char *path, struct control_client **ret, char *err, size_t err_len);
void control_client_close(struct control_client *c); /* NULL is fine */
int control_client_fd(const struct control_client *c);

/*
 * Send @command (with "name": @argument unless NULL) and append the reply line, without its
 * newline, to @reply. 0; -ETIMEDOUT; -EPIPE: the monitor went away; another negative errno.
 */
int control_client_request(struct control_client *c, const char *command, const char *argument,
			   int timeout_ms, struct buf *reply);

/* The next line after "watch". @timeout_ms -1: wait for ever. As above; -EINTR on a signal. */
int control_client_line(struct control_client *c, int timeout_ms, struct buf *line);

/* "error" of a reply {"error":"…"} into @ret: 1; 0 when it is none. */
int control_client_error(const struct buf *reply, char *ret, size_t len);

#endif
