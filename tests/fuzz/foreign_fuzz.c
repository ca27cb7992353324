// SPDX-License-Identifier: BSD-2-Clause
/* Lines that other machines report: whatever they hold, what comes out is sound. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>

#include "correlate/foreign_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1800000000000000000ULL

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_connection(const struct connection *c)
{
	require(c->time_ns && c->time_ns <= NOW + 86400000000000ULL);
	require(c->proto == IPPROTO_TCP || c->proto == IPPROTO_UDP);
	require((c->state == CONNECTION_FAILED) == (c->err > 0));
	require(!c->process.exe || strlen(c->process.exe) < FOREIGN_TEXT_MAX);
	require(!c->process.cmdline || strlen(c->process.cmdline) < FOREIGN_TEXT_MAX);
	require(c->names_len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct foreign_event ev;
	enum foreign_reason reason = foreign_event_parse(&ev, (const char *)data, size, NOW);

	if (reason) {
		require(foreign_reason_name(reason) != NULL);
	} else if (ev.is_answer) {
		require(ev.obs.records_len > 0 && ev.obs.records_len <= FOREIGN_ANSWERS_MAX);
		require(ev.obs.qname->len > 0);
	} else {
		check_connection(&ev.conn);
	}
	return 0;
}
