/* SPDX-License-Identifier: BSD-2-Clause */
/* The view across the control socket: the reply to "top". */
#ifndef UI_STATUS_JSON_H
#define UI_STATUS_JSON_H

#include "base/buf.h"
#include "ui/view.h"

/* Append @view as one JSON object, without a newline. */
void status_json(struct buf *out, const struct view *view);

/*
 * Read it back. Keys that are missing stay zero, unknown ones are passed over: monitor and
 * client may be of different versions. -EBADMSG when it is no such object; @ret is untouched.
 */
int status_parse(const char *text, size_t len, struct view *ret);

#endif
