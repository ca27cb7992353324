// SPDX-License-Identifier: BSD-2-Clause
#include "libline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void assert_keys_differ(yajl_val v)
{
	for (size_t i = 0; i < v->u.object.len; i++)
		for (size_t k = i + 1; k < v->u.object.len; k++)
			assert_string_not_equal(v->u.object.keys[i], v->u.object.keys[k]);
}

/* Nothing that an event carries may be empty or null, and no key comes twice. */
static void assert_filled(yajl_val v)
{
	assert_non_null(v);
	assert_false(YAJL_IS_NULL(v));
	if (YAJL_IS_STRING(v))
		assert_int_not_equal(v->u.string[0], '\0');
	for (size_t i = 0; YAJL_IS_ARRAY(v) && i < v->u.array.len; i++)
		assert_filled(v->u.array.values[i]);
	if (YAJL_IS_OBJECT(v))
		assert_keys_differ(v);
	for (size_t i = 0; YAJL_IS_OBJECT(v) && i < v->u.object.len; i++)
		assert_filled(v->u.object.values[i]);
}

yajl_val parse_line(struct buf *b)
{
	char error[256];
	yajl_val v;

	assert_false(b->failed);
	assert_true(b->len > 1);
	assert_ptr_equal(memchr(b->bytes, '\n', b->len), b->bytes + b->len - 1);
	b->bytes[b->len - 1] = '\0';
	v = yajl_tree_parse(b->bytes, error, sizeof(error));
	if (!v)
		fail_msg("%s in %s", error, b->bytes);
	b->bytes[b->len - 1] = '\n';
	assert_filled(v);
	return v;
}

yajl_val at(yajl_val v, const char *path)
{
	char step[64];

	while (v && *path) {
		size_t n = strcspn(path, ".");

		assert_true(n < sizeof(step));
		memcpy(step, path, n);
		step[n] = '\0';
		path += n + (path[n] == '.');
		if (YAJL_IS_ARRAY(v)) {
			size_t i = strtoul(step, NULL, 10);

			v = i < v->u.array.len ? v->u.array.values[i] : NULL;
		} else {
			const char *keys[] = { step, NULL };

			v = yajl_tree_get(v, keys, yajl_t_any);
		}
	}
	return v;
}

void assert_text_at(yajl_val v, const char *path, const char *expected)
{
	yajl_val found = at(v, path);

	if (!found || !YAJL_IS_STRING(found))
		fail_msg("no text at %s", path);
	else
		assert_string_equal(found->u.string, expected);
}

void assert_number_at(yajl_val v, const char *path, double expected)
{
	yajl_val found = at(v, path);

	if (!found || !YAJL_IS_NUMBER(found))
		fail_msg("no number at %s", path);
	else
		assert_true(YAJL_GET_DOUBLE(found) == expected);
}

void assert_absent(yajl_val v, const char *path)
{
	if (at(v, path))
		fail_msg("%s is there", path);
}
