/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines of the control socket, read and written in one place. */
#ifndef CONTROL_REQUEST_H
#define CONTROL_REQUEST_H

#include <stddef.h>

#include "base/buf.h"

#define REQUEST_COMMAND_MAX 32
#define REQUEST_NAME_MAX    1100 /* a domain name with every octet escaped */

struct request {
	char command[REQUEST_COMMAND_MAX];
	char name[REQUEST_NAME_MAX]; /* "" when absent */
};

/* 0, or -EINVAL with a short reason in @ret_why (static). @line need not be terminated. */
int request_parse(const char *line, size_t len, struct request *ret, const char **ret_why);

/* Append {"command":…,"name":…} and a newline; @name NULL: without it. */
void request_write(struct buf *out, const char *command, const char *name);

/* Append {"error":"…"}, without a newline. */
void request_error(struct buf *out, const char *why);

/* Append @text as a JSON string, quotes included. */
void request_string(struct buf *out, const char *text);

#endif
