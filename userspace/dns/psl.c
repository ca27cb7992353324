// SPDX-License-Identifier: BSD-2-Clause
/*
 * libpsl answers in one or two microseconds. Who asks for every response keeps what was answered
 * (detect/observe.c); new domains are looked up in psl_rules.h where that is possible.
 */
#include "dns/psl.h"

#include <libpsl.h>
#include <string.h>
#include "dns/psl_rules.h"

static struct psl_rules *rules;
static bool rules_tried;

void dns_psl_open(void)
{
	const char *path = psl_builtin_filename();

	if (rules_tried)
		return;
	rules_tried = true;
	if (path && path[0] == '/' && psl_rules_open(path, psl_builtin_sha1sum(), &rules))
		rules = NULL;
}

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
		return PSL_STRIP_NONE;
	plain_text(name, text);
	registered = psl_registrable_domain(psl_builtin(), text);
	return registered ? labels_before(text, registered) : PSL_STRIP_NONE;
}

bool dns_registered_domain(const struct dns_name *name, struct dns_name *ret)
{
	int strip = rules ? psl_rules_strip(rules, name) : -1;

	if (strip < 0)
		strip = look_up(name);

	*ret = dns_name_parent(name, strip == PSL_STRIP_NONE ? 0 : (unsigned int)strip);
	return strip != PSL_STRIP_NONE;
}
