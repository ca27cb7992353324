// SPDX-License-Identifier: BSD-2-Clause
/* A table of address ranges: refused as a whole, or each range answers for its two ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "enrich/enrich.h"
#include "file_input.h"

static void check_address(struct enrich *e, const char *text, size_t len)
{
	struct ip_addr addr;
	struct origin origin;
	char line[64], name[32];

	if (len >= sizeof(line))
		return;
	memcpy(line, text, len);
	line[len] = '\0';
	if (ip_parse(line, &addr) || !enrich_lookup(e, &addr, &origin))
		return;
	require(strnlen(origin.country, sizeof(origin.country)) < sizeof(origin.country));
	require(strlen(enrich_as_name(e, origin.asn, name, sizeof(name))) < sizeof(name));
}

/* Ask for whatever stands between commas and ends of lines. */
static void look_up_all(struct enrich *e, const char *text, size_t size)
{
	size_t start = 0;

	for (size_t i = 0; i <= size; i++) {
		if (i < size && !strchr(",\r\n", text[i]))
			continue;
		check_address(e, text + start, i - start);
		start = i + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("table", 0);
	struct enrich *e = NULL;
	const char *source;
	char text[40];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(text, sizeof(text), "csv:/proc/self/fd/%d", fd);
	source = text;
	if (!enrich_open(&source, 1, &e)) {
		look_up_all(e, (const char *)data, size);
		enrich_close(e);
	}
	close(fd);
	return 0;
}
