// SPDX-License-Identifier: BSD-2-Clause
/* Lines of the control socket, both ways: a request to the monitor, a reply to top. */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/request.h"
#include "ui/frame.h"
#include "ui/status_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* What the monitor takes for a request it also writes as one. */
static void fuzz_request(const char *text, size_t len)
{
	struct request request, again;
	struct buf line = { 0 };
	const char *why = NULL;

	if (request_parse(text, len, &request, &why)) {
		require(why && *why);
		return;
	}
	request_write(&line, request.command, request.name);
	require(line.len > 0 && line.bytes[line.len - 1] == '\n');
	require(!request_parse(line.bytes, line.len - 1, &again, &why));
	require(!strcmp(request.command, again.command) && !strcmp(request.name, again.name));
	buf_fini(&line);
}

/* What top draws stays on its lines and obeys nothing. */
static void fuzz_reply(const char *text, size_t len)
{
	static struct view view;
	const struct frame_style style = { .columns = 80, .rows = 24 };
	struct buf frame = { 0 };
	size_t column = 0;

	if (status_parse(text, len, &view))
		return;
	require(frame_render(&frame, &view, NULL, &style) <= style.rows);
	for (size_t i = 0; i < frame.len; i++) {
		column = frame.bytes[i] == '\n' ? 0 : column + 1;
		require(column <= style.columns);
		require(frame.bytes[i] == '\n' || isprint((unsigned char)frame.bytes[i]));
	}
	buf_fini(&frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_request((const char *)data, size);
	fuzz_reply((const char *)data, size);
	return 0;
}
