/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A growing byte buffer for output.  Appends never report failure: when memory runs out the
 * buffer is marked `failed`, keeps what it had, and ignores further appends; ask once at the end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	char *bytes; /* not terminated */
	size_t len, cap;
	bool failed;
};

void buf_fini(struct buf *b);
bool buf_grow(struct buf *b, size_t more); /* room for @more; false when it failed */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_u64(struct buf *b, uint64_t value); /* decimal */

static inline void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

static inline void buf_add(struct buf *b, const void *bytes, size_t n)
{
	/* nothing into a buffer without memory: NULL has no offsets, not even 0 */
	if (!n || (b->cap - b->len < n && !buf_grow(b, n)))
		return;
	memcpy(b->bytes + b->len, bytes, n);
	b->len += n;
}

static inline void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

static inline void buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

#endif
