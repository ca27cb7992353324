// SPDX-License-Identifier: BSD-2-Clause
#include "cli/line_out.h"

#include <errno.h>
#include <unistd.h>

void line_out_flush(struct line_out *out)
{
	size_t done = 0;

	if (out->buf.failed && !out->err)
		out->err = -ENOMEM;
	while (!out->err && done < out->buf.len) {
		ssize_t n = write(out->fd, out->buf.bytes + done, out->buf.len - done);

		if (n < 0 && errno != EINTR)
			out->err = -errno;
		else if (n > 0)
			done += (size_t)n;
	}
	buf_reset(&out->buf);
}
