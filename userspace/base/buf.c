// SPDX-License-Identifier: BSD-2-Clause
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_fini(struct buf *b)
{
	free(b->bytes);
	memset(b, 0, sizeof(*b));
}

bool buf_grow(struct buf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 256;
	char *bytes;

	if (b->failed)
		return false;
	while (cap - b->len < more)
		cap *= 2;
	bytes = realloc(b->bytes, cap);
	if (!bytes) {
		b->failed = true;
		return false;
	}
	b->bytes = bytes;
	b->cap = cap;
	return true;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || (b->cap - b->len <= (size_t)n && !buf_grow(b, (size_t)n + 1)))
		return;
	va_start(ap, fmt);
	vsnprintf(b->bytes + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void buf_u64(struct buf *b, uint64_t value)
{
	char digits[20];
	size_t i = sizeof(digits);

	do
		digits[--i] = (char)('0' + value % 10);
	while (value /= 10);
	buf_add(b, digits + i, sizeof(digits) - i);
}
