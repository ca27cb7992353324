// SPDX-License-Identifier: BSD-2-Clause
/*
 * libpsl answers in one or two microseconds. Who asks for every response keeps what was answered
 * (detect/observe.c).
 */
#include "dns/psl.h"

#include <libpsl.h>
#include <string.h>

#define STRIP_NONE 0xff /* the name is a suffix itself */

/* As text for libpsl. No rule has such octets in a label, so they only must not look like dots. */
static void plain_text(const struct dns_name *name, char *buf)
{
	size_t next = name->wire[0] + 1U, i;

	for (i = 1; i + 1 < name->len; i++) {
		uint8_t c = name->wire[i];

		if (i == next) {
			next += c + 1U;
			buf[i - 1] = '.';
		} else {
			buf[i - 1] = c > ' ' && c <= '~' && c != '.' ? (char)c : '_';
		}
	}
	buf[i - 1] = '\0';
}

static uint8_t labels_before(const char *text, const char *registered)
{
	uint8_t n = 0;

	for (; text < registered; text++)
		n = (uint8_t)(n + (*text == '.'));
	return n;
}

static uint8_t look_up(const struct dns_name *name)
{
	char text[DNS_NAME_MAX + 1];
	const char *registered;

	if (name->len <= 1)
		return STRIP_NONE;
	plain_text(name, text);
	registered = psl_registrable_domain(psl_builtin(), text);
	return registered ? labels_before(text, registered) : STRIP_NONE;
}

bool dns_registered_domain(const struct dns_name *name, struct dns_name *ret)
{
	uint8_t strip = look_up(name);

	*ret = dns_name_parent(name, strip == STRIP_NONE ? 0 : strip);
	return strip != STRIP_NONE;
}
