/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines to a descriptor in large writes, blocking: for commands whose reader sets the pace. */
#ifndef CLI_LINE_OUT_H
#define CLI_LINE_OUT_H

#include "base/buf.h"

#define LINE_OUT_BATCH (256 * 1024)

struct line_out {
	int fd;
	struct buf buf;
	int err; /* first write error, negative errno; later lines are dropped */
	uint64_t lines;
};

void line_out_flush(struct line_out *out);

static inline void line_out_add(struct line_out *out, const char *line, size_t len)
{
	out->lines++;
	buf_add(&out->buf, line, len);
	if (out->buf.len >= LINE_OUT_BATCH)
		line_out_flush(out);
}

#endif
