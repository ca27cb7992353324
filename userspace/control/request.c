// SPDX-License-Identifier: BSD-2-Clause
#include "control/request.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_tree.h>

#include "base/utf8.h"
#include "report/json.h"

/* UTF-8 without control characters; the JSON parser lets overlong forms pass. */
static bool is_text(const char *text)
{
	const uint8_t *p = (const uint8_t *)text, *end = p + strlen(text);

	while (p < end) {
		size_t n = utf8_length(p, (size_t)(end - p));

		if (!n || iscntrl(*p))
			return false;
		p += n;
	}
	return true;
}

/* Copy the string at @key; 1: done, 0: absent, -EINVAL: not a string, too long, or not printable. */
static int get_string(yajl_val root, const char *key, char *ret, size_t len)
{
	const char *path[] = { key, NULL };
	yajl_val v = yajl_tree_get(root, path, yajl_t_any);
	const char *text;

	if (!v)
		return 0;
	text = YAJL_GET_STRING(v);
	if (!text || strlen(text) >= len)
		return -EINVAL;
	if (!is_text(text))
		return -EINVAL;
	snprintf(ret, len, "%s", text);
	return 1;
}

int request_parse(const char *line, size_t len, struct request *ret, const char **ret_why)
{
	char *text = strndup(line, len), problem[64];
	struct request request = { .name = "" };
	yajl_val root = NULL;
	const char *why = NULL;

	if (text && strlen(text) == len)
		root = yajl_tree_parse(text, problem, sizeof(problem));
	if (!YAJL_IS_OBJECT(root))
		why = "not a JSON object";
	else if (get_string(root, "command", request.command, sizeof(request.command)) != 1)
		why = "no command";
	else if (get_string(root, "name", request.name, sizeof(request.name)) < 0)
		why = "bad name";
	yajl_tree_free(root);
	free(text);
	if (why) {
		*ret_why = why;
		return -EINVAL;
	}
	*ret = request;
	return 0;
}

void request_string(struct buf *out, const char *text)
{
	json_string(out, text, strlen(text));
	if (out->len && out->bytes[out->len - 1] == ',')
		out->len--; /* its convention: a comma behind every value */
}

void request_write(struct buf *out, const char *command, const char *name)
{
	buf_str(out, "{\"command\":");
	request_string(out, command);
	if (name) {
		buf_str(out, ",\"name\":");
		request_string(out, name);
	}
	buf_str(out, "}\n");
}

void request_error(struct buf *out, const char *why)
{
	buf_str(out, "{\"error\":");
	request_string(out, why);
	buf_char(out, '}');
}
